//! What a node does when its turn comes.

use serde_json::{Map, Value, json};

use super::Turn;
use super::event::{Effect, Run};
use super::key::idempotency_key;
use super::state::{Status, Step, path};
use super::view::View;
use crate::definition::{Condition, Delay, End, Input, Kind, Loop, Seconds};
use crate::flow::Planned;
use crate::limits;
use crate::template::{Fault, number_in};
use crate::work::{RunAs, Work, work};

impl<'f> Turn<'f> {
    /// Begins a step; most nodes that do nothing outside are done at once.
    pub(super) fn begin(&mut self, scope: &str, planned: &'f Planned) {
        self.state.steps += 1;
        self.spend(planned);
        if self.state.steps > limits::STEPS {
            let message = format!("The execution has more than {} steps.", limits::STEPS);
            self.finish(Status::Error, Value::Null, Some(&message));
            return;
        }
        match &planned.node.kind {
            Kind::Start(_) => self.done(scope, planned, self.state.input.clone(), None),
            Kind::Api(_) | Kind::Function(_) | Kind::Connector(_) => self.run(scope, planned, 1, false),
            Kind::Condition(condition) => self.choose(scope, planned, condition),
            Kind::Input(input) => self.ask(scope, planned, input),
            Kind::Delay(delay) => self.delay(scope, planned, delay),
            Kind::Loop(a_loop) => self.begin_loop(scope, planned, a_loop),
            Kind::End(end) => self.end(scope, planned, end),
        }
    }

    pub(super) fn view<'s>(&'s self, scope: &'s str) -> View<'s> {
        View { flow: self.flow, state: &self.state, scope, spent: &self.spent }
    }

    /// Counts what a node costs.
    pub(super) fn spend(&self, planned: &Planned) {
        self.spent.set(self.spent.get().saturating_add(planned.node.effort));
    }

    /// The step succeeded. Its output is kept when somebody speaks of it.
    pub(super) fn done(&mut self, scope: &str, planned: &'f Planned, output: Value, case: Option<String>) {
        let stored = if self.keeps(scope, planned) { output.clone() } else { Value::Null };
        self.set(scope, planned, Step::Done { output: stored, failed: Vec::new(), case });
        self.tell(scope, planned, Status::Success, Some(output), None);
    }

    /// Is its output read later? What the flow was started with is in the state anyway.
    pub(super) fn keeps(&self, scope: &str, planned: &Planned) -> bool {
        match planned.node.kind {
            Kind::Start(_) => false,
            Kind::End(_) => true,
            _ => self.flow.keeps(&planned.node.id) || (planned.last && !scope.is_empty()),
        }
    }

    /// The step failed for good.
    pub(super) fn fail(&mut self, scope: &str, planned: &Planned, error: &str) {
        self.fail_with(scope, planned, error, None);
    }

    /// The step failed for good, and what the other side answered is its output.
    pub(super) fn fail_with(&mut self, scope: &str, planned: &Planned, error: &str, answer: Option<Value>) {
        let error = crate::size::message(error);
        let output = answer.clone().filter(|_| self.keeps(scope, planned)).unwrap_or_default();
        self.set(scope, planned, Step::Failed { error: error.clone(), output });
        self.tell(scope, planned, Status::Error, answer, Some(error));
    }

    /// Hands a step out; one whose values cannot be filled in fails.
    pub(super) fn run(&mut self, scope: &str, planned: &'f Planned, attempt: u32, as_connector: bool) {
        match self.ready(scope, planned, attempt, as_connector) {
            Ok(Some(run)) => {
                self.set(scope, planned, Step::Running { attempt, as_connector });
                self.tell(scope, planned, Status::Running, None, None);
                self.effects.push(Effect::Run(Box::new(run)));
            }
            Ok(None) => {}
            Err(fault) => self.fail(scope, planned, &fault.0),
        }
    }

    fn ready(
        &self,
        scope: &str,
        planned: &Planned,
        attempt: u32,
        as_connector: bool,
    ) -> Result<Option<Run>, Fault> {
        let node = &planned.node;
        let Some(mut work) = work(&node.kind, &self.view(scope))? else { return Ok(None) };
        if let Work::Connector { run_as, .. } = &mut work
            && as_connector
        {
            *run_as = RunAs::Connector;
        }
        let step = path(scope, &node.id);
        let key = idempotency_key(&self.state.execution, &step);
        let own = node.kind.timeout_seconds().unwrap_or(limits::STEP_SECONDS.2);
        let timeout_seconds = self.left().map_or(own, |left| left.min(own));
        Ok(Some(Run { step, node: node.id.clone(), attempt, key, work, timeout_seconds }))
    }

    /// The seconds that are left of the flow's own, which go before those of a step; at least one.
    fn left(&self) -> Option<u32> {
        let left = self.state.deadline?.saturating_sub(self.now) / 1_000_000;
        Some(u32::try_from(left.max(1)).unwrap_or(u32::MAX))
    }

    fn choose(&mut self, scope: &str, planned: &'f Planned, condition: &Condition) {
        let view = self.view(scope);
        let chosen = condition.cases.iter().find_map(|(name, when)| match when.holds(&view) {
            Ok(true) => Some(Ok(name.clone())),
            Ok(false) => None,
            Err(fault) => Some(Err(fault)),
        });
        match chosen.unwrap_or_else(|| Ok("else".to_owned())) {
            Ok(case) => self.done(scope, planned, json!(case), Some(case)),
            Err(fault) => self.fail(scope, planned, &fault.0),
        }
    }

    fn ask(&mut self, scope: &str, planned: &'f Planned, input: &Input) {
        if !self.state.interactive {
            let warning = "Nobody is there to fill in the form; fields that are needed stayed empty.";
            self.skip_form(scope, planned, warning);
            return;
        }
        let until = input.timeout_seconds.map(|seconds| self.later(seconds));
        let step = Step::Asking { until };
        self.set(scope, planned, step.clone());
        self.tell(scope, planned, Status::UserInput, None, None);
        self.say_open(scope, planned, &step);
    }

    fn later(&self, seconds: u32) -> i64 {
        self.now.saturating_add(i64::from(seconds) * 1_000_000)
    }

    fn delay(&mut self, scope: &str, planned: &'f Planned, delay: &Delay) {
        let seconds = match &delay.seconds {
            Seconds::Fixed(seconds) => Ok(*seconds),
            Seconds::Computed(text) => {
                text.value(&self.view(scope)).and_then(|value| computed_seconds(&value))
            }
        };
        match seconds {
            Ok(seconds) => {
                let step = Step::Delayed { until: self.later(seconds) };
                self.set(scope, planned, step.clone());
                self.tell(scope, planned, Status::Waiting, None, None);
                self.say_open(scope, planned, &step);
            }
            Err(fault) => self.fail(scope, planned, &fault.0),
        }
    }

    fn begin_loop(&mut self, scope: &str, planned: &'f Planned, a_loop: &Loop) {
        let items = a_loop.items.fill(&self.view(scope)).and_then(|value| match value {
            Value::Null => Ok(Vec::new()),
            Value::Array(items) if items.len() > a_loop.max_items as usize => {
                let (number, most) = (items.len(), a_loop.max_items);
                Err(Fault(format!("The list has {number} items, and the loop takes at most {most}.")))
            }
            Value::Array(items) => Ok(items),
            _ => Err(Fault("What the loop goes through is no list.".to_owned())),
        });
        match items {
            Ok(items) => {
                let (results, failed) = (Vec::new(), Vec::new());
                self.set(scope, planned, Step::Looping { items, index: 0, results, failed });
                self.tell(scope, planned, Status::Running, None, None);
                self.go_round(scope, planned);
            }
            Err(fault) => self.fail(scope, planned, &fault.0),
        }
    }

    fn end(&mut self, scope: &str, planned: &'f Planned, end: &End) {
        let view = self.view(scope);
        if end.error {
            let message = match &end.message {
                Some(text) => text.value(&view).map(|value| crate::template::text_of(&value)),
                None => Ok("The flow ended with an error.".to_owned()),
            };
            self.fail(scope, planned, &message.unwrap_or_else(|fault| fault.0));
            return;
        }
        let nothing = || Ok(Value::Object(Map::new()));
        match end.output.as_ref().map_or_else(nothing, |tree| tree.fill(&view)) {
            Ok(output) => self.done(scope, planned, output, None),
            Err(fault) => self.fail(scope, planned, &fault.0),
        }
    }

    /// Says again what an open step waits for.
    pub(super) fn say_open(&mut self, scope: &str, planned: &'f Planned, found: &Step) {
        let step = path(scope, &planned.node.id);
        let node = planned.node.id.clone();
        let mut wait = |number, at| self.effects.push(Effect::WaitUntil { step: step.clone(), number, at });
        match (found, &planned.node.kind) {
            (Step::Running { attempt, as_connector }, _) => {
                if let Ok(Some(run)) = self.ready(scope, planned, *attempt, *as_connector) {
                    self.effects.push(Effect::Run(Box::new(run)));
                }
            }
            (Step::Retrying { attempt, until, .. }, _) => wait(*attempt, *until),
            (Step::Delayed { until }, _) => wait(0, *until),
            (Step::Asking { until }, Kind::Input(input)) => {
                if let Some(until) = until {
                    wait(0, *until);
                }
                let (title, fields) = (input.title.clone(), input.fields.clone());
                self.effects.push(Effect::Ask { step, node, title, fields });
            }
            (Step::Authenticating { .. }, Kind::Connector(connector)) => {
                let connector_id = connector.connector_id.clone();
                self.effects.push(Effect::Authenticate { step, node, connector_id });
            }
            _ => {}
        }
    }
}

fn computed_seconds(value: &Value) -> Result<u32, Fault> {
    let (least, most) = limits::DELAY_SECONDS;
    let whole =
        number_in(value).and_then(|number| number.as_u64()).and_then(|whole| u32::try_from(whole).ok());
    whole
        .filter(|seconds| (least..=most).contains(seconds))
        .ok_or_else(|| Fault(format!("The delay is no whole number of seconds from {least} to {most}.")))
}
