//! The machine: what an execution does next.
//!
//! [`next`] takes how far an execution has come and what happened, and gives how far it is now and what is to
//! be done. It knows no clock and no chance: both come with the event. Whoever drives it stores the state and
//! then does the effects; after a crash, [`Event::Resumed`] says everything open again, each step under the
//! key it had. An execution keeps the definition it began with.
//!
//! A node begins when every edge to it is settled and at least one was followed; a node that no way leads to
//! is skipped, and so are the edges that leave it. So branches run side by side and join where they meet.

mod begin;
mod event;
mod handle;
mod key;
mod settle;
mod state;
mod view;

pub use event::{Change, Effect, Event, Run};
pub use handle::start_input;
pub use state::{State, StateError, Status, VERSION, Waiting};

use std::cell::Cell;

use serde_json::Value;

use crate::flow::{Flow, Planned};
use crate::limits;
use crate::problem::Problem;
use state::{Step, path, plan, split};

/// Why an event is refused: the state stays as it is, and whoever sent it may send another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// What was given does not fit the start or the form.
    #[error("the values do not fit: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Values(Vec<Problem>),
}

/// What an execution does next. `now` is in microseconds since 1970. The work of one call is bounded, and may
/// still take a second or two when loops go round without doing anything outside.
pub fn next(flow: &Flow, state: &State, event: &Event, now: i64) -> Result<(State, Vec<Effect>), Refused> {
    let mut turn = Turn { flow, state: state.clone(), effects: Vec::new(), now, spent: Cell::new(0) };
    if state.status.ended() {
        if *event == Event::Resumed {
            turn.effects.push(turn.finished());
        }
        return Ok((turn.state, turn.effects));
    }
    turn.handle(event)?;
    turn.weigh();
    if !turn.over() && turn.state.status != Status::Queued {
        turn.state.status = turn.state.amount();
    }
    Ok((turn.state, turn.effects))
}

/// One event being handled.
struct Turn<'f> {
    flow: &'f Flow,
    state: State,
    effects: Vec<Effect>,
    now: i64,
    spent: Cell<usize>,
}

impl<'f> Turn<'f> {
    fn over(&self) -> bool {
        self.state.status.ended()
    }

    fn finished(&self) -> Effect {
        Effect::Finish {
            status: self.state.status,
            output: self.state.output.clone(),
            message: self.state.message.clone(),
        }
    }

    /// Ends the execution; what was to be done is not any more.
    fn finish(&mut self, status: Status, output: Value, message: Option<&str>) {
        if self.over() {
            return;
        }
        self.effects.retain(|effect| matches!(effect, Effect::Step(_) | Effect::Warn { .. }));
        let open: Vec<(String, String)> =
            self.open().map(|(scope, node, _)| (scope.clone(), node.clone())).collect();
        for (scope, node) in open {
            if let Some(planned) = plan(self.flow, &scope).and_then(|plan| plan.planned(&node)) {
                self.tell(&scope, planned, Status::Canceled, None, None);
            }
        }
        self.state.scopes.clear();
        self.state.before.clear();
        self.state.input = Value::Null;
        self.state.deadline = None;
        self.state.status = status;
        self.state.output = output;
        self.state.message = message.map(crate::size::message);
        self.effects.push(self.finished());
    }

    /// The steps that are not over.
    fn open(&self) -> impl Iterator<Item = (&String, &String, &Step)> {
        let scopes = self.state.scopes.iter();
        scopes
            .flat_map(|(scope, steps)| steps.iter().map(move |(node, step)| (scope, node, step)))
            .filter(|(_, _, step)| !step.ended())
    }

    /// A step that an event speaks of, if it is known.
    fn find(&self, step: &str) -> Option<(String, &'f Planned, Step)> {
        let (scope, node) = split(step);
        let found = self.state.step(scope, node)?.clone();
        Some((scope.to_owned(), plan(self.flow, scope)?.planned(node)?, found))
    }

    fn set(&mut self, scope: &str, planned: &Planned, step: Step) {
        self.state.scopes.entry(scope.to_owned()).or_default().insert(planned.node.id.clone(), step);
    }

    fn tell(
        &mut self,
        scope: &str,
        planned: &Planned,
        status: Status,
        output: Option<Value>,
        error: Option<String>,
    ) {
        let node = &planned.node;
        self.effects.push(Effect::Step(Box::new(Change {
            step: path(scope, &node.id),
            node: node.id.clone(),
            kind: node.kind.word().to_owned(),
            status,
            output,
            error,
        })));
    }

    /// Has so much been computed without a pause that it must end?
    fn exhausted(&mut self) -> bool {
        if self.spent.get() > limits::EFFORT {
            self.finish(Status::Error, Value::Null, Some("The execution computes too much without a pause."));
        }
        self.over()
    }

    /// A state that has grown too large ends the execution.
    fn weigh(&mut self) {
        if !self.over() && self.state.weight() > limits::STATE_BYTES {
            let message = format!("The values of all steps are larger than {} bytes.", limits::STATE_BYTES);
            self.finish(Status::Error, Value::Null, Some(&message));
        }
    }
}
