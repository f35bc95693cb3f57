//! Branches, ways not taken, and loops.

use gatehouse_flow::Work;
use gatehouse_flow::machine::{Effect, Status};
use serde_json::{Value, json};

use crate::support::{Driven, api, chain};

#[test]
fn branches_run_side_by_side_and_join() {
    let mut definition = chain(&[], json!("{{ steps.join.output }}"));
    definition["nodes"].as_array_mut().unwrap().extend([api("a"), api("b"), api("c"), api("join")]);
    definition["edges"] = json!([
        {"from": "start", "to": "a"}, {"from": "start", "to": "b"}, {"from": "b", "to": "c"},
        {"from": "a", "to": "join"}, {"from": "c", "to": "join"}, {"from": "join", "to": "end"}]);
    let mut driven = Driven::started(&definition, false, json!({}));
    assert_eq!(driven.ran(), ["a", "b"]);
    driven.succeed("a", json!(1));
    assert!(driven.ran().is_empty());
    driven.succeed("b", json!(1)).succeed("c", json!(1));
    assert_eq!(driven.ran(), ["join"]);
    assert_eq!(driven.state.percentage(&driven.flow), 66);
    driven.succeed("join", json!({"a": 1}));
    assert_eq!((driven.state.output(), driven.state.percentage(&driven.flow)), (&json!({"a": 1}), 100));
    let mut broken = Driven::started(&definition, false, json!({}));
    broken.fail("a", false);
    assert_eq!(broken.status(), Status::Error);
    let canceled = broken.effects.iter().any(|effect| {
        matches!(effect, Effect::Step(change) if change.step == "b" && change.status == Status::Canceled)
    });
    assert!(canceled);
}

#[test]
fn a_way_not_taken_is_skipped_to_where_ways_meet() {
    let mut definition = chain(&[], json!({"a": "{{ steps.a.output }}", "b": "{{ steps.b.output }}"}));
    let case = json!({"name": "yes", "when": {"left": "{{ input.go }}", "operator": "==", "right": true}});
    let condition = json!({"id": "if", "kind": "condition", "cases": [case]});
    definition["nodes"].as_array_mut().unwrap().extend([condition, api("a"), api("a2"), api("b")]);
    definition["edges"] = json!([
        {"from": "start", "to": "if"}, {"from": "if", "to": "a", "case": "yes"}, {"from": "a", "to": "a2"},
        {"from": "if", "to": "b", "case": "else"}, {"from": "a2", "to": "end"}, {"from": "b", "to": "end"}]);
    let mut driven = Driven::started(&definition, false, json!({"go": "no"}));
    assert_eq!(driven.ran(), ["b"]);
    driven.succeed("b", json!(2));
    assert_eq!(driven.state.output(), &json!({"a": null, "b": 2}));
}

fn looped(on_item_error: &str) -> Value {
    let body = json!({"nodes": [api("one"), api("two")], "edges": [{"from": "one", "to": "two"}]});
    let node = json!({"id": "each", "kind": "loop", "items": "{{ input.list }}", "maxItems": 3,
        "onItemError": on_item_error, "body": body, "result": "{{ loop.item ~ steps.two.output }}"});
    chain(&[node], json!({"all": "{{ steps.each.output }}", "failed": "{{ steps.each.failed }}"}))
}

#[test]
fn a_loop_does_its_body_for_one_item_after_the_other() {
    for (mode, all, failed) in [
        ("continue", json!(["a1", null, "c3"]), 1),
        ("remove_failed", json!(["a1", "c3"]), 1),
        ("terminate", json!(null), 0),
    ] {
        let mut driven = Driven::started(&looped(mode), false, json!({"list": ["a", "b", "c"]}));
        assert_eq!(driven.ran(), ["each[0]/one"]);
        driven.succeed("each[0]/one", json!(0)).succeed("each[0]/two", json!(1));
        assert_eq!(driven.ran(), ["each[1]/one"]);
        driven.fail("each[1]/one", false);
        if mode == "terminate" {
            assert_eq!((driven.status(), driven.state.message()), (Status::Error, Some("it broke")));
            continue;
        }
        driven.succeed("each[2]/one", json!(0)).succeed("each[2]/two", json!(3));
        assert_eq!(driven.state.output()["all"], all);
        assert_eq!(driven.state.output()["failed"].as_array().unwrap().len(), failed);
        let keys: std::collections::BTreeSet<&str> =
            driven.runs.values().flatten().map(|run| run.key.as_str()).collect();
        assert_eq!(keys.len(), 5);
    }
}

#[test]
fn a_loop_takes_a_list_of_bounded_length() {
    for (list, said) in
        [(json!([1, 2, 3, 4]), "has 4 items"), (json!("abc"), "is no list"), (json!({}), "is no list")]
    {
        let driven = Driven::started(&looped("continue"), false, json!({ "list": list }));
        assert_eq!(driven.status(), Status::Error);
        assert!(driven.state.message().unwrap().contains(said));
    }
    for list in [json!([]), json!(null)] {
        let driven = Driven::started(&looped("continue"), false, json!({ "list": list }));
        assert_eq!(driven.state.output(), &json!({"all": [], "failed": []}));
    }
}

#[test]
fn loops_in_loops_know_their_own_item() {
    let inner = json!({"id": "inner", "kind": "loop", "items": "{{ loop.item }}", "body": {"nodes": [
        {"id": "call", "kind": "function", "scriptId": "s", "function": "f",
            "arguments": {"a": "{{ steps.outer.index }}{{ steps.inner.index }}{{ loop.item }}"}}], "edges": []}});
    let outer = json!({"id": "outer", "kind": "loop", "items": [["a", "b"], [], ["c"]],
        "body": {"nodes": [inner], "edges": []}});
    let mut driven = Driven::started(&chain(&[outer], json!("{{ steps.outer.output }}")), false, json!({}));
    for (step, argument) in [
        ("outer[0]/inner[0]/call", "00a"),
        ("outer[0]/inner[1]/call", "01b"),
        ("outer[2]/inner[0]/call", "20c"),
    ] {
        let Work::Function { arguments, .. } = &driven.runs[step][0].work else { panic!() };
        assert_eq!(arguments["a"], argument);
        driven.succeed(step, json!(argument));
    }
    assert_eq!(driven.state.output(), &json!([["00a", "01b"], [], ["20c"]]));
}

#[test]
fn an_execution_has_a_bounded_number_of_steps() {
    let condition = |id: &str| {
        json!({"id": id, "kind": "condition", "cases": [
        {"name": "a", "when": {"left": 1, "operator": "==", "right": 1}}]})
    };
    let inner = json!({"id": "inner", "kind": "loop", "items": "{{ input.list }}", "maxItems": 1000,
        "body": {"nodes": [condition("if")], "edges": []}});
    let outer = json!({"id": "outer", "kind": "loop", "items": "{{ input.list }}", "maxItems": 1000,
        "onItemError": "continue", "body": {"nodes": [inner], "edges": []}});
    let list: Vec<u32> = (0..1000).collect();
    let driven = Driven::started(&chain(&[outer], json!(1)), false, json!({ "list": list }));
    assert_eq!(driven.status(), Status::Error);
    assert!(driven.state.message().unwrap().contains("10000 steps"));
}
