//! What an execution may hold, how long it may take, and what it says when it may not.

use gatehouse_flow::Flow;
use gatehouse_flow::machine::{Effect, Event, State, Status, next};
use gatehouse_flow::redact::Redaction;
use serde_json::{Value, json};

use crate::support::{Driven, api, chain, flow, second};

#[test]
fn large_outputs_and_states_end_with_words() {
    let mut driven = Driven::started(&chain(&[api("a")], json!(1)), false, json!({}));
    driven.succeed("a", json!("x".repeat(300_000)));
    assert!(driven.state.message().unwrap().contains("larger than 262144 bytes"));
    let mut deep = json!(1);
    (0..70).for_each(|_| deep = json!([deep]));
    let mut driven = Driven::started(&chain(&[api("a")], json!(1)), false, json!({}));
    driven.succeed("a", deep);
    assert!(driven.state.message().unwrap().contains("nested more than 64"));
    let ids: Vec<String> = (0..40).map(|number| format!("n{number}")).collect();
    let nodes: Vec<Value> = ids.iter().map(|id| api(id)).collect();
    let spoken: Vec<String> = ids.iter().map(|id| format!("{{{{ steps.{id}.output }}}}")).collect();
    let mut driven = Driven::started(&chain(&nodes, json!(spoken)), false, json!({}));
    for id in &ids {
        let event = Event::Succeeded { step: id.clone(), attempt: 1, output: json!("x".repeat(250_000)) };
        driven.state = next(&driven.flow, &driven.state, &event, driven.now).unwrap().0;
    }
    assert!(driven.state.message().unwrap().contains("values of all steps"));
}

#[test]
fn outputs_nobody_speaks_of_are_not_kept() {
    let mut driven =
        Driven::started(&chain(&[api("a"), api("b")], json!("{{ steps.b.output }}")), false, json!({}));
    driven.succeed("a", json!("forgotten"));
    assert!(!serde_json::to_string(&driven.state).unwrap().contains("forgotten"));
    driven.succeed("b", json!("kept"));
    assert_eq!(driven.state.output(), "kept");
}

#[test]
fn a_flow_may_take_so_long_only() {
    let mut definition = chain(&[api("a")], json!(1));
    definition["timeoutSeconds"] = json!(60);
    let mut driven = Driven::started(&definition, false, json!({}));
    let deadline = Effect::WaitUntil { step: String::new(), number: 0, at: second(60) };
    assert!(driven.effects.contains(&deadline));
    driven.event(&Event::TimerFired { step: String::new(), number: 0 });
    assert_eq!(driven.effects, [deadline]);
    assert_eq!(driven.runs["a"][0].timeout_seconds, 60);
    driven.now = second(45);
    driven.event(&Event::Resumed);
    assert_eq!(driven.runs["a"][1].timeout_seconds, 15);
    driven.now = second(60);
    driven.event(&Event::TimerFired { step: String::new(), number: 0 });
    assert_eq!(driven.status(), Status::Error);
    assert!(driven.state.message().unwrap().contains("60 seconds"));
}

#[test]
fn values_that_cannot_be_filled_in_fail_the_step_and_may_be_caught() {
    let mut node = api("call");
    node["request"]["url"] = json!("https://a.example/{{ input.id }}/x");
    let mut definition = chain(&[node], json!(1));
    let driven = Driven::started(&definition, false, json!({"id": ".."}));
    assert_eq!(driven.status(), Status::Error);
    definition["nodes"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": "caught", "kind": "end", "output": "{{ steps.call.error }}"}));
    definition["edges"].as_array_mut().unwrap().push(json!({"from": "call", "to": "caught", "on": "error"}));
    let driven = Driven::started(&definition, false, json!({"id": ".."}));
    assert_eq!(driven.status(), Status::Success);
    assert!(driven.state.output().as_str().unwrap().starts_with("URL: "));
}

#[test]
fn a_delay_is_computed_within_bounds() {
    for (seconds, status) in [
        (json!(45), Status::Waiting),
        (json!("60"), Status::Waiting),
        (json!(5), Status::Error),
        (json!(90_000), Status::Error),
        (json!(null), Status::Error),
        (json!(30.5), Status::Error),
    ] {
        let node = json!({"id": "wait", "kind": "delay", "seconds": "{{ input.s }}"});
        let driven = Driven::started(&chain(&[node], json!(1)), false, json!({ "s": seconds }));
        assert_eq!(driven.status(), status, "{seconds}");
    }
}

#[test]
fn a_stored_state_of_another_kind_is_not_used() {
    let state = State::queued("exec_1", false);
    let text = serde_json::to_string(&state).unwrap();
    assert!(State::from_json(&text.replace("\"version\":1", "\"version\":2")).is_err());
    assert!(State::from_json(&text.replace("\"steps\"", "\"stops\"")).is_err());
    assert!(State::from_json("{}").is_err());
    let odd: Flow = flow(&chain(&[api("a")], json!(1)));
    assert_eq!(state.percentage(&odd), 0);
}

#[test]
fn what_is_computed_without_a_pause_is_bounded() {
    for (left, output) in
        [("{{ steps.big.output }}", json!("x".repeat(200_000))), ("{{ 'a' ~ 'b' }}", json!(1))]
    {
        let tests = vec![json!({"left": left, "operator": "==", "right": 1}); 10];
        let case = |name: &str| json!({"name": name, "when": {"any": tests}});
        let cases: Vec<Value> = (0..10).map(|number| case(&format!("c{number}"))).collect();
        let condition = json!({"id": "if", "kind": "condition", "cases": cases});
        let node = json!({"id": "each", "kind": "loop", "items": "{{ input.list }}", "maxItems": 1000,
            "body": {"nodes": [condition], "edges": []}});
        let definition = chain(&[api("big"), node], json!(1));
        for (items, status) in [(1000, Status::Error), (2, Status::Success)] {
            let list: Vec<u32> = (0..items).collect();
            let mut driven = Driven::started(&definition, false, json!({ "list": list }));
            driven.succeed("big", output.clone());
            assert_eq!(driven.status(), status, "{left} {items}");
            assert_eq!(
                driven.state.message().is_some_and(|said| said.contains("without a pause")),
                items == 1000
            );
        }
    }
}

#[test]
fn where_there_are_too_many_secrets_everything_is_hidden() {
    let many: Vec<String> = (0..300).map(|n| format!("secret-{n:04}")).collect();
    let shown = Redaction::new().show(&json!({"token": many, "other": "plain"}));
    assert_eq!(shown, json!("[hidden]"));
    assert_eq!(Redaction::new().texts(many.clone()).show_text("plain"), "[hidden]");
    // the same one again and again is one
    let same: Vec<_> = (0..300).map(|_| many[0].clone()).collect();
    let shown = Redaction::new().show(&json!({"token": same, "other": format!("with {}", many[0])}));
    assert_eq!(shown["other"], "with [hidden]");
}
