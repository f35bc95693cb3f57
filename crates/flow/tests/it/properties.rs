//! What holds for every flow and whatever happens to it.

use std::collections::{BTreeMap, BTreeSet};

use gatehouse_flow::authentication::{Mode, UserAuthentication};
use gatehouse_flow::machine::{Effect, Event, State, Status, next};
use gatehouse_flow::redact::Redaction;
use gatehouse_flow::{Flow, RunAs, Work};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::made::{definition, shapes};
use crate::support::{NOW, flow};

/// What may happen next: `choice` picks a step or event, `detail` how it goes.
type Chance = (u8, usize, u8);

struct World {
    flow: Flow,
    state: State,
    now: i64,
    open: Vec<Effect>,
    keys: BTreeMap<String, String>,
    past: Vec<Event>,
}

impl World {
    fn take(&mut self, event: Event) {
        let before = self.state.clone();
        let (state, effects) = match next(&self.flow, &self.state, &event, self.now) {
            Ok(made) => made,
            Err(_) => return assert!(matches!(event, Event::InputGiven { .. } | Event::Started { .. })),
        };
        let stored = serde_json::to_string(&state).unwrap();
        assert_eq!(State::from_json(&stored).unwrap(), state);
        for effect in &effects {
            match effect {
                Effect::Run(run) => {
                    let known = self.keys.entry(run.step.clone()).or_insert_with(|| run.key.clone());
                    assert_eq!(*known, run.key, "{} ran under two keys", run.step);
                    if let Work::Connector { run_as: RunAs::Connector, .. } = run.work {
                        assert!(!self.state.interactive());
                    }
                }
                Effect::Finish { status, .. } => assert_eq!(*status, state.status()),
                Effect::Ask { .. } => assert!(state.interactive(), "nobody is there to ask"),
                _ => {}
            }
        }
        if before.status().ended() {
            assert_eq!(state, before);
        }
        let (replayed, _) = next(&self.flow, &state, &event, self.now).unwrap();
        assert_eq!(replayed, state, "{event:?} again");
        self.open.extend(
            effects.into_iter().filter(|effect| !matches!(effect, Effect::Step(_) | Effect::Warn { .. })),
        );
        self.state = state;
        self.past.push(event);
        self.alive();
    }

    /// It is over, or it runs or waits for something that will be said again.
    fn alive(&self) {
        if self.state.status().ended() || self.state.status() == Status::Queued {
            return;
        }
        let (same, said) = next(&self.flow, &self.state, &Event::Resumed, self.now).unwrap();
        assert_eq!(same, self.state);
        assert!(!said.is_empty(), "stuck: {:?}", self.state);
        for effect in &said {
            if let Effect::Run(run) = effect {
                assert_eq!(self.keys.get(&run.step), Some(&run.key), "said again under another key");
            }
        }
    }

    fn happen(&mut self, (choice, which, detail): Chance) {
        let event = match choice {
            0 => Event::Resumed,
            1 => Event::Authenticated { connector_id: format!("con_{}", detail % 2) },
            2 if !self.past.is_empty() => self.past[which % self.past.len()].clone(),
            3 if detail > 220 => Event::Cancel,
            4 if detail > 220 => Event::IdentityEnded,
            5 => Event::TimerFired { step: format!("n{}", detail % 9), number: u32::from(detail % 3) },
            6 => Event::Succeeded {
                step: format!("n{}[0]/n{}", detail % 9, which % 9),
                attempt: 1,
                output: json!(1),
            },
            _ if self.open.is_empty() => return,
            _ => {
                let at = which % self.open.len();
                let effect = self.open.swap_remove(at);
                match answer(&effect, detail, &mut self.now) {
                    Some(event) => event,
                    None => return,
                }
            }
        };
        self.take(event);
    }

    /// Answers everything well until it is over.
    fn calm(&mut self) {
        for _ in 0..20_000 {
            if self.state.status().ended() {
                return;
            }
            if self.open.is_empty() {
                let (_, said) = next(&self.flow, &self.state, &Event::Resumed, self.now).unwrap();
                self.open = said;
            }
            let effect = self.open.pop().expect("something open");
            if let Some(event) = answer(&effect, 0, &mut self.now) {
                self.take(event);
            }
        }
        panic!("it does not end: {:?}", self.state);
    }
}

fn answer(effect: &Effect, detail: u8, now: &mut i64) -> Option<Event> {
    Some(match effect {
        Effect::Run(run) => {
            let (step, attempt) = (run.step.clone(), run.attempt);
            let connector = matches!(run.work, Work::Connector { run_as: RunAs::Setting { .. }, .. });
            match detail % 6 {
                1 | 2 => Event::Failed {
                    step,
                    attempt,
                    error: "broke".to_owned(),
                    answer: None,
                    retryable: detail % 6 == 1,
                    retry_after: None,
                    jitter: u16::from(detail),
                },
                3 if connector => {
                    let (_, non_interactive_mode) = Mode::ALL[usize::from(detail / 8) % 4];
                    Event::AuthenticationMissing {
                        step,
                        attempt,
                        setting: UserAuthentication { enabled: true, non_interactive_mode },
                        connector: "CRM".to_owned(),
                        has_person: true,
                    }
                }
                _ => Event::Succeeded { step, attempt, output: json!(["a", {"b": detail}]) },
            }
        }
        Effect::Ask { step, fields, .. } => {
            let values = if detail % 6 == 5 || fields.is_empty() { json!({}) } else { json!({"x": "a"}) };
            Event::InputGiven { step: step.clone(), values }
        }
        Effect::WaitUntil { step, number, at } => {
            if detail % 6 != 4 {
                *now = (*now).max(*at);
            }
            Event::TimerFired { step: step.clone(), number: *number }
        }
        Effect::Authenticate { connector_id, .. } => {
            Event::Authenticated { connector_id: connector_id.clone() }
        }
        Effect::Step(_) | Effect::Warn { .. } | Effect::Finish { .. } => return None,
    })
}

fn world(definition: &Value, interactive: bool) -> World {
    let (flow, state) = (flow(definition), State::queued("exec_1", interactive));
    World { flow, state, now: NOW, open: Vec::new(), keys: BTreeMap::new(), past: Vec::new() }
}

#[test]
fn the_made_up_flows_hold_everything_and_end_in_every_way() {
    let mut runner = TestRunner::deterministic();
    let (mut kinds, mut ends) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..150 {
        let shapes = shapes().new_tree(&mut runner).unwrap().current();
        let chances = chances().new_tree(&mut runner).unwrap().current();
        let mut world = world(&definition(&shapes), true);
        kinds.extend(world.flow.nodes().iter().map(|node| node.kind.word()));
        world.take(Event::Started { input: json!({"list": ["a", "b"]}) });
        for chance in chances {
            world.happen(chance);
            ends.insert(world.state.status().word());
        }
        world.calm();
        ends.insert(world.state.status().word());
    }
    assert_eq!(kinds.len(), 9, "{kinds:?}");
    assert_eq!(ends.len(), 7, "{ends:?}");
}

fn chances() -> impl Strategy<Value = Vec<Chance>> {
    prop::collection::vec((0..20_u8, any::<usize>(), any::<u8>()), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_an_execution_ends_or_waits_and_no_step_runs_under_two_keys(
        shapes in shapes(),
        interactive in any::<bool>(),
        chances in chances(),
    ) {
        let mut world = world(&definition(&shapes), interactive);
        world.take(Event::Started { input: json!({"list": ["a", "b"]}) });
        prop_assert!(world.state.status() != Status::Queued);
        for chance in chances {
            world.happen(chance);
        }
        world.calm();
        let keys: BTreeSet<&String> = world.keys.values().collect();
        prop_assert_eq!(keys.len(), world.keys.len(), "two steps under one key");
    }

    #[test]
    fn no_json_makes_the_reader_panic(text in "[\\[{]?(\"(nodes|edges|kind|id|from|to|start|end)\"|[:,\\[\\]{}]|[0-9]|\\PC){0,40}") {
        if let Ok(value) = serde_json::from_str(&text) {
            prop_assert!(Flow::read(&value).is_err());
        }
    }

    #[test]
    fn a_secret_is_shown_nowhere(
        secret in "[a-zA-Z0-9+/=]{8,20}",
        before in "\\PC{0,12}",
        after in "[ &\"',;/?#]?\\PC{0,12}",
        name in prop::sample::select(vec!["password", "Authorization", "client_secret", "x-api-key", "accessToken"]),
    ) {
        let copy = format!("{before}{secret}{after}");
        let shown = Redaction::new().show(&json!({
            name: secret, "list": [copy, {"deep": copy}], "more": {"headers": [[name, copy], {"name": name, "value": copy}]},
        }));
        prop_assert!(!shown.to_string().contains(&secret), "{}", shown);
        for text in [format!("{before} Bearer {secret}"), format!("https://u:{}@h/{after}", secret.replace('/', "_")),
            format!("https://h/?a=1&{name}={secret}")]
        {
            let shown = Redaction::new().show_text(&text);
            prop_assert!(!shown.contains(&secret) && !shown.contains(&secret.replace('/', "_")), "{}", shown);
        }
    }
}
