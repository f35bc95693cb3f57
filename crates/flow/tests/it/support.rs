//! Small things that many tests need.

use std::collections::BTreeMap;

use gatehouse_flow::machine::{Effect, Event, Run, State, Status, next};
use gatehouse_flow::template::{Reference, Root, Values, walk};
use gatehouse_flow::{Flow, Problem};
use serde_json::{Value, json};

/// The second at which every test begins.
pub(crate) const NOW: i64 = 1_700_000_000_000_000;

pub(crate) fn second(number: i64) -> i64 {
    NOW + number * 1_000_000
}

/// Values as they stand in an object: `{"input": …, "steps": {"a": {"output": …}}}`.
pub(crate) struct Fixed(pub(crate) Value);

impl Values for Fixed {
    fn get(&self, reference: &Reference) -> Option<Value> {
        let root = match reference.root {
            Root::Input => "input",
            Root::Steps => "steps",
            Root::Loop => "loop",
            Root::Execution => "execution",
        };
        walk(self.0.get(root)?, &reference.path).cloned()
    }
}

/// A definition of `start`, these nodes one after the other, and `end`.
pub(crate) fn chain(nodes: &[Value], output: Value) -> Value {
    let mut all = vec![json!({"id": "start", "kind": "start"})];
    all.extend(nodes.iter().cloned());
    all.push(json!({"id": "end", "kind": "end", "output": output}));
    let ids: Vec<Value> = all.iter().map(|node| node["id"].clone()).collect();
    let edges: Vec<Value> = ids.windows(2).map(|pair| json!({"from": pair[0], "to": pair[1]})).collect();
    json!({"nodes": all, "edges": edges})
}

pub(crate) fn api(id: &str) -> Value {
    json!({"id": id, "kind": "api", "request": {"method": "GET", "url": "https://a.example/"}})
}

pub(crate) fn connector(id: &str) -> Value {
    json!({"id": id, "kind": "connector", "connectorId": "con_1", "action": "get"})
}

pub(crate) fn flow(definition: &Value) -> Flow {
    Flow::read(definition).unwrap_or_else(|problems| panic!("{problems:?} in {definition:#}"))
}

pub(crate) fn problems(definition: &Value) -> Vec<Problem> {
    Flow::read(definition).err().unwrap_or_default()
}

/// An execution that is driven by hand.
pub(crate) struct Driven {
    pub(crate) flow: Flow,
    pub(crate) state: State,
    pub(crate) effects: Vec<Effect>,
    pub(crate) now: i64,
    /// Every run that was asked for, by step.
    pub(crate) runs: BTreeMap<String, Vec<Run>>,
}

impl Driven {
    pub(crate) fn queued(definition: &Value, interactive: bool) -> Self {
        let state = State::queued("exec_1", interactive);
        Self { flow: flow(definition), state, effects: Vec::new(), now: NOW, runs: BTreeMap::new() }
    }

    pub(crate) fn started(definition: &Value, interactive: bool, input: Value) -> Self {
        let mut driven = Self::queued(definition, interactive);
        driven.event(&Event::Started { input });
        driven
    }

    /// Takes an event, and sees that the state survives being stored and that the same event again does nothing.
    pub(crate) fn event(&mut self, event: &Event) -> &mut Self {
        let (state, effects) = next(&self.flow, &self.state, event, self.now).unwrap();
        let stored = serde_json::to_string(&state).unwrap();
        assert_eq!(State::from_json(&stored).unwrap(), state);
        if !matches!(event, Event::Resumed) {
            let (again, nothing) = next(&self.flow, &state, event, self.now).unwrap();
            assert_eq!(again, state, "{event:?} again");
            let waits = nothing.iter().all(|effect| matches!(effect, Effect::WaitUntil { .. }));
            assert!(waits, "{event:?} again wants {nothing:?}");
        }
        for effect in &effects {
            if let Effect::Run(run) = effect {
                self.runs.entry(run.step.clone()).or_default().push((**run).clone());
            }
        }
        self.state = state;
        self.effects = effects;
        self
    }

    pub(crate) fn succeed(&mut self, step: &str, output: Value) -> &mut Self {
        let attempt = self.attempt(step);
        self.event(&Event::Succeeded { step: step.to_owned(), attempt, output })
    }

    pub(crate) fn fail(&mut self, step: &str, retryable: bool) -> &mut Self {
        let (attempt, error) = (self.attempt(step), "it broke".to_owned());
        let step = step.to_owned();
        self.event(&Event::Failed {
            step,
            attempt,
            error,
            answer: None,
            retryable,
            retry_after: None,
            jitter: 1000,
        })
    }

    fn attempt(&self, step: &str) -> u32 {
        self.runs.get(step).and_then(|runs| runs.last()).map_or(1, |run| run.attempt)
    }

    pub(crate) fn status(&self) -> Status {
        self.state.status()
    }

    /// The steps that the last event handed out.
    pub(crate) fn ran(&self) -> Vec<&str> {
        let steps = self.effects.iter().filter_map(|effect| match effect {
            Effect::Run(run) => Some(run.step.as_str()),
            _ => None,
        });
        steps.collect()
    }

    pub(crate) fn warnings(&self) -> usize {
        self.effects.iter().filter(|effect| matches!(effect, Effect::Warn { .. })).count()
    }
}
