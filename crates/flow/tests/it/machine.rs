//! What an execution does next, case by case.

use gatehouse_flow::authentication::{Mode, UserAuthentication};
use gatehouse_flow::machine::{Effect, Event, Refused, Run, State, Status, next};
use gatehouse_flow::{Flow, RunAs, Work};
use serde_json::{Value, json};

use crate::support::{Driven, NOW, api, chain, connector, flow, second};

fn setting(mode: Mode) -> UserAuthentication {
    UserAuthentication { enabled: true, non_interactive_mode: mode }
}

fn missing(step: &str, attempt: u32, mode: Mode) -> Event {
    Event::AuthenticationMissing { step: step.to_owned(), attempt, setting: setting(mode) }
}

fn authenticated() -> Event {
    Event::Authenticated { connector_id: "con_1".to_owned() }
}

fn fired(step: &str, number: u32) -> Event {
    Event::TimerFired { step: step.to_owned(), number }
}

fn form() -> Value {
    json!({"id": "form", "kind": "input", "title": "Really?", "fields": [
        {"name": "yes", "type": "boolean", "required": true}, {"name": "n", "type": "integer", "default": 3}]})
}

fn run_as(run: &Run) -> RunAs {
    match run.work {
        Work::Connector { run_as, .. } => run_as,
        _ => panic!("{run:?}"),
    }
}

/// An execution in each status, of one flow with a form, a connector and a delay.
fn in_each_status() -> Vec<Driven> {
    let delay = json!({"id": "wait", "kind": "delay", "seconds": 30});
    let definition = chain(&[form(), connector("call"), delay], json!("{{ steps.call.output }}"));
    let start = || Driven::started(&definition, true, json!({}));
    let given = Event::InputGiven { step: "form".to_owned(), values: json!({"yes": "true"}) };
    let running = || {
        let mut driven = start();
        driven.event(&given);
        driven
    };
    let mut authentication = running();
    authentication.event(&missing("call", 1, Mode::Fallback));
    let mut waiting = running();
    waiting.succeed("call", json!(7));
    let mut success = running();
    success.succeed("call", json!(7));
    success.now = second(30);
    success.event(&fired("wait", 0));
    let mut error = running();
    error.fail("call", false);
    let mut canceled = start();
    canceled.event(&Event::Cancel);
    vec![
        Driven::queued(&definition, true),
        running(),
        start(),
        authentication,
        waiting,
        success,
        error,
        canceled,
    ]
}

#[test]
fn every_status_and_event_pair_goes_where_it_should() {
    use Status::*;
    let given = Event::InputGiven { step: "form".to_owned(), values: json!({"yes": true}) };
    let succeeded = Event::Succeeded { step: "call".to_owned(), attempt: 1, output: json!(1) };
    let failed = Event::Failed {
        step: "call".to_owned(),
        attempt: 1,
        error: "no".to_owned(),
        retryable: false,
        retry_after: None,
        jitter: 0,
    };
    // One row an event; one column a status, in the order of `Status::ALL`.
    let table = [
        (
            Event::Started { input: json!({}) },
            [UserInput, Running, UserInput, AuthenticationNeeded, Waiting, Success, Error, Canceled],
        ),
        (succeeded, [Queued, Waiting, UserInput, AuthenticationNeeded, Waiting, Success, Error, Canceled]),
        (failed, [Queued, Error, UserInput, AuthenticationNeeded, Waiting, Success, Error, Canceled]),
        (
            missing("call", 1, Mode::Pause),
            [
                Queued,
                AuthenticationNeeded,
                UserInput,
                AuthenticationNeeded,
                Waiting,
                Success,
                Error,
                Canceled,
            ],
        ),
        (authenticated(), [Queued, Running, UserInput, Running, Waiting, Success, Error, Canceled]),
        (given, [Queued, Running, Running, AuthenticationNeeded, Waiting, Success, Error, Canceled]),
        (
            fired("wait", 0),
            [Queued, Running, UserInput, AuthenticationNeeded, Success, Success, Error, Canceled],
        ),
        (fired("", 0), [Queued, Running, UserInput, AuthenticationNeeded, Waiting, Success, Error, Canceled]),
        (
            Event::Resumed,
            [Queued, Running, UserInput, AuthenticationNeeded, Waiting, Success, Error, Canceled],
        ),
        (Event::Cancel, [Canceled, Canceled, Canceled, Canceled, Canceled, Success, Error, Canceled]),
        (Event::IdentityEnded, [Canceled, Canceled, Canceled, Canceled, Canceled, Success, Error, Canceled]),
    ];
    for (event, expected) in table {
        for (mut driven, (before, after)) in
            in_each_status().into_iter().zip(Status::ALL.into_iter().zip(expected))
        {
            assert_eq!(driven.status(), before);
            driven.now = second(30);
            driven.event(&event);
            assert_eq!(driven.status(), after, "{before:?} and {event:?}");
            let finished = driven.effects.iter().any(|effect| matches!(effect, Effect::Finish { .. }));
            let anew = event == Event::Resumed && before.ended();
            assert_eq!(finished, anew || (after.ended() && !before.ended()), "{before:?} and {event:?}");
        }
    }
}

#[test]
fn the_words_of_statuses_are_those_of_the_interface() {
    let words = [
        "Queued",
        "Running",
        "User input",
        "Authentication needed",
        "Waiting",
        "Success",
        "Error",
        "Canceled",
    ];
    for (status, word) in Status::ALL.into_iter().zip(words) {
        assert_eq!(status.word(), word);
        assert_eq!(serde_json::to_value(status).unwrap(), word);
    }
}

#[test]
fn the_four_modes_without_the_persons_credentials() {
    let definition = chain(&[connector("call")], json!("{{ steps.call.output }}"));
    for (mode, status, warnings) in [
        (Mode::Fallback, Status::Running, 0),
        (Mode::FallbackWithWarning, Status::Running, 1),
        (Mode::Pause, Status::AuthenticationNeeded, 0),
        (Mode::EndWithError, Status::Error, 0),
    ] {
        let mut driven = Driven::started(&definition, false, json!({}));
        assert_eq!(run_as(&driven.runs["call"][0]), RunAs::Setting { wish: None });
        driven.event(&missing("call", 1, mode));
        assert_eq!((driven.status(), driven.warnings()), (status, warnings), "{mode:?}");
        match mode {
            Mode::Fallback | Mode::FallbackWithWarning => {
                assert_eq!(run_as(&driven.runs["call"][1]), RunAs::Connector);
                driven.succeed("call", json!(1));
                assert_eq!(driven.status(), Status::Success);
            }
            Mode::Pause => {
                driven.event(&Event::Authenticated { connector_id: "con_2".to_owned() });
                assert_eq!(driven.status(), Status::AuthenticationNeeded);
                driven.event(&authenticated());
                assert_eq!(run_as(&driven.runs["call"][1]), RunAs::Setting { wish: None });
                assert_eq!(driven.runs["call"][0].key, driven.runs["call"][1].key);
                driven.succeed("call", json!(1));
                assert_eq!(driven.status(), Status::Success);
            }
            Mode::EndWithError => assert!(driven.state.message().unwrap().contains("has not authenticated")),
        }
        let mut interactive = Driven::started(&definition, true, json!({}));
        interactive.event(&missing("call", 1, mode));
        assert_eq!(interactive.status(), Status::AuthenticationNeeded, "{mode:?}");
    }
}

#[test]
fn a_node_is_stricter_than_its_connector_and_an_error_path_does_not_soften_the_end() {
    let mut strict = connector("call");
    strict["userAuthentication"] = json!({"nonInteractiveMode": "end_with_error"});
    let mut definition = chain(&[strict], json!(1));
    definition["nodes"].as_array_mut().unwrap().push(json!({"id": "caught", "kind": "end"}));
    definition["edges"].as_array_mut().unwrap().push(json!({"from": "call", "to": "caught", "on": "error"}));
    let mut driven = Driven::started(&definition, false, json!({}));
    driven.event(&missing("call", 1, Mode::Fallback));
    assert_eq!(driven.status(), Status::Error);
    let mut other = Driven::started(&definition, false, json!({}));
    other.fail("call", false);
    assert_eq!(other.status(), Status::Success);
}

#[test]
fn a_failed_step_is_tried_again_under_the_same_key_after_growing_pauses() {
    let mut node = api("call");
    node["retry"] = json!({"times": 2, "delaySeconds": 10});
    let mut driven = Driven::started(&chain(&[node], json!(1)), false, json!({}));
    for (attempt, pause) in [(2, 10), (3, 20)] {
        let began = driven.now;
        driven.fail("call", true);
        assert_eq!(driven.status(), Status::Waiting);
        let at = began + pause * 1_000_000;
        assert!(driven.effects.contains(&Effect::WaitUntil { step: "call".to_owned(), number: attempt, at }));
        driven.now = at - 1;
        driven.event(&fired("call", attempt));
        assert_eq!(driven.effects, [Effect::WaitUntil { step: "call".to_owned(), number: attempt, at }]);
        driven.now = at;
        driven.event(&fired("call", attempt - 1));
        assert!(driven.effects.is_empty());
        driven.event(&fired("call", attempt));
        assert_eq!(driven.status(), Status::Running);
    }
    let keys: std::collections::BTreeSet<&str> =
        driven.runs["call"].iter().map(|run| run.key.as_str()).collect();
    assert_eq!((driven.runs["call"].len(), keys.len()), (3, 1));
    driven.fail("call", true);
    assert_eq!((driven.status(), driven.state.message()), (Status::Error, Some("it broke")));
}

#[test]
fn what_is_repeatable_is_tried_again_by_itself_and_the_rest_is_not() {
    for (method, retried) in
        [("GET", true), ("PUT", true), ("DELETE", true), ("POST", false), ("PATCH", false)]
    {
        let mut node = api("call");
        node["request"]["method"] = json!(method);
        let mut driven = Driven::started(&chain(&[node.clone()], json!(1)), false, json!({}));
        driven.fail("call", true);
        assert_eq!(driven.status() == Status::Waiting, retried, "{method}");
        let mut driven = Driven::started(&chain(&[node], json!(1)), false, json!({}));
        driven.fail("call", false);
        assert_eq!(driven.status(), Status::Error, "{method}");
    }
}

#[test]
fn after_a_crash_the_running_step_is_said_again_under_its_key() {
    let mut driven = Driven::started(&chain(&[api("a"), api("b")], json!(1)), false, json!({}));
    driven.succeed("a", json!(1));
    let before = driven.state.clone();
    driven.event(&Event::Resumed);
    assert_eq!(driven.state, before);
    assert_eq!(driven.ran(), ["b"]);
    assert_eq!(driven.runs["b"][0], driven.runs["b"][1]);
    driven.event(&Event::Succeeded { step: "a".to_owned(), attempt: 1, output: json!(2) });
    assert_eq!((driven.effects.len(), &driven.state), (0, &before));
}

#[test]
fn what_is_open_is_said_again_whatever_it_is() {
    for (driven, wanted) in in_each_status().iter_mut().zip([0, 1, 1, 1, 1, 1, 1, 1]) {
        driven.event(&Event::Resumed);
        assert_eq!(driven.effects.len(), wanted, "{:?} {:?}", driven.status(), driven.effects);
    }
}

#[test]
fn a_form_is_checked_and_asks_again() {
    let mut driven = Driven::started(&chain(&[form()], json!("{{ steps.form.output }}")), true, json!({}));
    let given = |values: Value| Event::InputGiven { step: "form".to_owned(), values };
    for values in [json!({}), json!({"yes": "perhaps"}), json!({"yes": true, "x": 1}), json!(5)] {
        let refused = next(&driven.flow, &driven.state, &given(values), NOW).unwrap_err();
        assert!(matches!(refused, Refused::Values(problems) if problems.len() == 1));
    }
    driven.event(&given(json!({"yes": "on", "n": "7"})));
    assert_eq!(driven.state.output(), &json!({"yes": true, "n": 7}));
}

#[test]
fn a_form_may_wait_for_so_long_only() {
    for (on_timeout, status) in [("terminate", Status::Error), ("skip", Status::Success)] {
        let mut node = form();
        node["timeoutSeconds"] = json!(120);
        node["onTimeout"] = json!(on_timeout);
        let mut driven = Driven::started(&chain(&[node], json!("{{ steps.form.output }}")), true, json!({}));
        assert_eq!(driven.state.waiting_for()[0].until, Some(second(120)));
        driven.now = second(120);
        driven.event(&fired("form", 0));
        assert_eq!(driven.status(), status);
    }
}

#[test]
fn without_a_person_nothing_waits_for_input() {
    let driven = Driven::started(&chain(&[form()], json!("{{ steps.form.output }}")), false, json!({}));
    assert_eq!((driven.status(), driven.warnings()), (Status::Success, 1));
    assert_eq!(driven.state.output(), &json!({"yes": null, "n": 3}));
}

#[test]
fn the_start_checks_its_input() {
    let mut definition = chain(&[], json!("{{ input }}"));
    definition["nodes"][0]["inputs"] = json!([{"name": "a", "type": "number", "required": true}]);
    let queued = Driven::queued(&definition, false);
    for input in [json!({}), json!({"a": "x"}), json!({"a": 1, "b": 1}), json!([]), json!(null)] {
        let event = Event::Started { input };
        assert!(next(&queued.flow, &queued.state, &event, NOW).is_err(), "{event:?}");
    }
    assert_eq!(Driven::started(&definition, false, json!({"a": "1.5"})).state.output(), &json!({"a": 1.5}));
    let free = Driven::queued(&chain(&[], json!(1)), false);
    for input in [json!([]), json!("x"), json!({"a": "x".repeat(300_000)})] {
        assert!(next(&free.flow, &free.state, &Event::Started { input }, NOW).is_err());
    }
}

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
        driven.succeed(id, json!("x".repeat(250_000)));
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
    driven.event(&fired("", 0));
    assert_eq!(driven.effects, [deadline]);
    driven.now = second(60);
    driven.event(&fired("", 0));
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
