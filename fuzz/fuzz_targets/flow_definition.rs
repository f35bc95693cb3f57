//! A definition of a flow that somebody writes, and what an execution of it does.
#![no_main]

use std::collections::BTreeMap;

use gatehouse_flow::machine::{Effect, Event, State, next};
use gatehouse_flow::{Flow, ReadyRequest, Work, limits};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const EVENTS: usize = 300;

fn stays(request: &ReadyRequest) {
    assert!(request.url.starts_with("http://") || request.url.starts_with("https://"));
    assert!(request.headers.iter().all(|(_, value)| !value.contains(['\r', '\n', '\0'])));
    let json = request.headers.iter().any(|(name, value)| name == "content-type" && value == "application/json");
    if let (true, Some(body)) = (json, &request.body) {
        serde_json::from_str::<Value>(body).expect("the body is JSON");
    }
}

/// What happens next, chosen by a number.
fn answer(effect: &Effect, number: u8, text: &str) -> Option<Event> {
    Some(match effect {
        Effect::Run(run) if number % 5 == 1 => Event::Failed {
            step: run.step.clone(),
            attempt: run.attempt,
            error: text.to_owned(),
            retryable: number % 2 == 0,
            retry_after: None,
            jitter: 500,
        },
        Effect::Run(run) => Event::Succeeded {
            step: run.step.clone(),
            attempt: run.attempt,
            output: json!({ text: [text, number], "body": text, "list": [1, text, null] }),
        },
        Effect::Ask { step, .. } => Event::InputGiven { step: step.clone(), values: json!({ "x": text }) },
        Effect::WaitUntil { step, number, .. } => Event::TimerFired { step: step.clone(), number: *number },
        Effect::Authenticate { connector_id, .. } => Event::Authenticated { connector_id: connector_id.clone() },
        Effect::Step(_) | Effect::Warn { .. } | Effect::Finish { .. } => return None,
    })
}

fn run(flow: &Flow, data: &[u8], text: &str) {
    let mut state = State::queued("exec_1", data.len() % 2 == 0);
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    let mut open = vec![Event::Started { input: json!({ "x": text, "list": [text, 1] }) }];
    let mut now = 0;
    for number in data.iter().cycle().take(EVENTS) {
        let Some(event) = open.pop() else { break };
        now += 100_000_000_000;
        let Ok((after, effects)) = next(flow, &state, &event, now) else { continue };
        let (again, _) = next(flow, &after, &event, now).expect("the same event again");
        assert_eq!(again, after);
        for effect in &effects {
            if let Effect::Run(run) = effect {
                assert_eq!(keys.entry(run.step.clone()).or_insert_with(|| run.key.clone()), &run.key);
                if let Work::Api(request) = &run.work {
                    stays(request);
                }
            }
            open.extend(answer(effect, *number, text));
        }
        state = after;
    }
    let stored = serde_json::to_string(&state).expect("a state");
    assert_eq!(State::from_json(&stored).expect("what was stored"), state);
}

fuzz_target!(|data: &str| {
    let Ok(definition) = serde_json::from_str::<Value>(data) else { return };
    match Flow::read(&definition) {
        Err(problems) => {
            assert!(!problems.is_empty() && problems.len() <= limits::PROBLEMS);
            assert!(problems.iter().all(|problem| !problem.message.is_empty()));
        }
        Ok(flow) => {
            let few: String = data.chars().rev().take(20).collect();
            run(&flow, data.as_bytes(), &few);
        }
    }
});
