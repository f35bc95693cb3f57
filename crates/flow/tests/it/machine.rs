//! What an execution does next, case by case.

use gatehouse_flow::authentication::{Mode, UserAuthentication};
use gatehouse_flow::machine::{Effect, Event, Refused, Run, Status, next};
use gatehouse_flow::{RunAs, Work};
use serde_json::{Value, json};

use crate::support::{Driven, NOW, api, chain, connector, second};

fn setting(mode: Mode) -> UserAuthentication {
    UserAuthentication { enabled: true, non_interactive_mode: mode }
}

fn missing(step: &str, attempt: u32, mode: Mode) -> Event {
    Event::AuthenticationMissing {
        step: step.to_owned(),
        attempt,
        setting: setting(mode),
        connector: "CRM".to_owned(),
        has_person: true,
    }
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
        answer: None,
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
