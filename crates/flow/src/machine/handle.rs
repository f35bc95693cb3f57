//! What each event does.

use serde_json::{Map, Value};

use super::event::{Effect, Event};
use super::key::pause;
use super::state::{Status, Step, path, plan};
use super::{Refused, Turn};
use crate::authentication::{Missing, UserAuthentication, missing};
use crate::definition::{Kind, OnTimeout, check_fields};
use crate::flow::Planned;
use crate::limits;
use crate::problem::Problem;

impl<'f> Turn<'f> {
    pub(super) fn handle(&mut self, event: &Event) -> Result<(), Refused> {
        match event {
            Event::Cancel => self.finish(Status::Canceled, Value::Null, None),
            Event::IdentityEnded => {
                let message = "The person in whose name it ran has no access any more.";
                self.finish(Status::Canceled, Value::Null, Some(message));
            }
            Event::Started { input } if self.state.status == Status::Queued => self.start(input)?,
            _ if self.state.status == Status::Queued => {}
            Event::Started { .. } => {}
            Event::Succeeded { step, attempt, output } => self.succeeded(step, *attempt, output),
            Event::Failed { step, attempt, error, answer, retryable, retry_after, jitter } => {
                let answer = answer.as_ref().and_then(crate::size::answer);
                self.failed(step, *attempt, (error, answer), *retryable, (*retry_after, *jitter));
            }
            Event::AuthenticationMissing { step, attempt, setting, connector, has_person } => {
                self.authentication_missing(
                    step,
                    *attempt,
                    *setting,
                    &unauthenticated(connector, *has_person),
                );
            }
            Event::Authenticated { connector_id } => self.authenticated(connector_id),
            Event::InputGiven { step, values } => self.input_given(step, values)?,
            Event::TimerFired { step, number } => self.timer_fired(step, *number),
            Event::Resumed => self.resumed(),
        }
        Ok(())
    }

    fn start(&mut self, input: &Value) -> Result<(), Refused> {
        self.state.input = start_input(self.flow, input).map_err(Refused::Values)?;
        self.state.status = Status::Running;
        if let Some(seconds) = self.flow.timeout_seconds() {
            self.state.deadline = Some(self.now.saturating_add(i64::from(seconds) * 1_000_000));
            self.say_deadline();
        }
        self.state.scopes.insert(String::new(), std::collections::BTreeMap::new());
        self.bubble("");
        Ok(())
    }

    fn say_deadline(&mut self) {
        if let Some(at) = self.state.deadline {
            self.effects.push(Effect::WaitUntil { step: String::new(), number: 0, at });
        }
    }

    /// The step, if this try of it runs.
    fn running(&self, step: &str, attempt: u32) -> Option<(String, &'f Planned, bool)> {
        match self.find(step)? {
            (scope, planned, Step::Running { attempt: runs, as_connector }) if runs == attempt => {
                Some((scope, planned, as_connector))
            }
            _ => None,
        }
    }

    fn succeeded(&mut self, step: &str, attempt: u32, output: &Value) {
        let Some((scope, planned, _)) = self.running(step, attempt) else { return };
        if crate::size::json(output) > limits::OUTPUT_BYTES {
            let error = format!("The output is larger than {} bytes.", limits::OUTPUT_BYTES);
            self.fail(&scope, planned, &error);
        } else if crate::size::depth(output) > limits::OUTPUT_DEPTH {
            let error = format!("The output is nested more than {} deep.", limits::OUTPUT_DEPTH);
            self.fail(&scope, planned, &error);
        } else {
            self.done(&scope, planned, output.clone(), None);
        }
        self.bubble(&scope);
    }

    fn failed(
        &mut self,
        step: &str,
        attempt: u32,
        (error, answer): (&str, Option<Value>),
        again: bool,
        wait: (Option<u32>, u16),
    ) {
        let Some((scope, planned, as_connector)) = self.running(step, attempt) else { return };
        let retry = planned.node.kind.retry();
        let tries = attempt.saturating_sub(self.state.before.get(step).copied().unwrap_or(0));
        if !again || tries > retry.times {
            self.fail_with(&scope, planned, error, answer);
            self.bubble(&scope);
            return;
        }
        let until = self.now.saturating_add(pause(retry, tries, wait.0, wait.1));
        let attempt = attempt + 1;
        self.set(&scope, planned, Step::Retrying { attempt, until, as_connector });
        self.tell(&scope, planned, Status::Waiting, answer, Some(crate::size::message(error)));
        self.effects.push(Effect::WaitUntil { step: step.to_owned(), number: attempt, at: until });
    }

    fn authentication_missing(&mut self, step: &str, attempt: u32, setting: UserAuthentication, why: &str) {
        let Some((scope, planned, false)) = self.running(step, attempt) else { return };
        let Kind::Connector(connector) = &planned.node.kind else { return };
        match missing(setting.with(connector.wish), self.state.interactive) {
            Missing::UseConnector { warn } => {
                if warn {
                    let message = format!("{why} The step ran as the connector user.");
                    self.effects.push(Effect::Warn { step: step.to_owned(), message });
                }
                self.run(&scope, planned, attempt, true);
                self.bubble(&scope);
            }
            Missing::Wait => {
                self.set(&scope, planned, Step::Authenticating { attempt });
                self.tell(&scope, planned, Status::AuthenticationNeeded, None, None);
                self.say_open(&scope, planned, &Step::Authenticating { attempt });
            }
            Missing::Fail => {
                self.fail(&scope, planned, why);
                self.finish(Status::Error, Value::Null, Some(why));
            }
        }
    }

    fn authenticated(&mut self, connector_id: &str) {
        let waiting: Vec<(String, &'f Planned, u32)> = self
            .open()
            .filter_map(|(scope, node, step)| {
                let Step::Authenticating { attempt } = step else { return None };
                let planned = plan(self.flow, scope)?.planned(node)?;
                let at = matches!(&planned.node.kind, Kind::Connector(c) if c.connector_id == connector_id);
                at.then(|| (scope.clone(), planned, *attempt))
            })
            .collect();
        for (scope, planned, attempt) in waiting {
            // One of them may have ended the loop or flow that another is in.
            if matches!(self.state.step(&scope, &planned.node.id), Some(Step::Authenticating { .. })) {
                self.run(&scope, planned, attempt, false);
                self.bubble(&scope);
            }
        }
    }

    fn input_given(&mut self, step: &str, values: &Value) -> Result<(), Refused> {
        let Some((scope, planned, Step::Asking { .. })) = self.find(step) else { return Ok(()) };
        let Kind::Input(input) = &planned.node.kind else { return Ok(()) };
        let output = check_fields(&input.fields, values).map_err(Refused::Values)?;
        self.done(&scope, planned, output, None);
        self.bubble(&scope);
        Ok(())
    }

    fn timer_fired(&mut self, step: &str, number: u32) {
        if step.is_empty() {
            match self.state.deadline {
                Some(deadline) if self.now < deadline => self.say_deadline(),
                Some(_) => {
                    let seconds = self.flow.timeout_seconds().unwrap_or_default();
                    let message = format!("The flow took longer than its {seconds} seconds.");
                    self.finish(Status::Error, Value::Null, Some(&message));
                }
                None => {}
            }
            return;
        }
        let Some((scope, planned, found)) = self.find(step) else { return };
        let until = match &found {
            Step::Retrying { attempt, until, .. } if *attempt == number => *until,
            Step::Delayed { until } | Step::Asking { until: Some(until) } if number == 0 => *until,
            _ => return,
        };
        if self.now < until {
            self.effects.push(Effect::WaitUntil { step: step.to_owned(), number, at: until });
            return;
        }
        match (&found, &planned.node.kind) {
            (Step::Retrying { attempt, as_connector, .. }, _) => {
                self.run(&scope, planned, *attempt, *as_connector);
            }
            (Step::Asking { .. }, Kind::Input(input)) if input.on_timeout == OnTimeout::Skip => {
                self.skip_form(
                    &scope,
                    planned,
                    "Nobody filled in the form in time; the defaults were taken.",
                );
            }
            (Step::Asking { .. }, _) => self.fail(&scope, planned, "Nobody filled in the form in time."),
            _ => self.done(&scope, planned, Value::Null, None),
        }
        self.bubble(&scope);
    }

    /// Goes on from a form with the defaults of its fields.
    pub(super) fn skip_form(&mut self, scope: &str, planned: &'f Planned, warning: &str) {
        let Kind::Input(input) = &planned.node.kind else { return };
        if input.fields.iter().any(|field| field.required && field.default.is_none()) {
            let step = path(scope, &planned.node.id);
            self.effects.push(Effect::Warn { step, message: warning.to_owned() });
        }
        let values: Map<String, Value> =
            input.fields.iter().map(|field| (field.name.clone(), field.fallback())).collect();
        self.done(scope, planned, Value::Object(values), None);
    }

    fn resumed(&mut self) {
        self.say_deadline();
        let open: Vec<(String, &'f Planned, Step)> = self
            .open()
            .filter_map(|(scope, node, step)| {
                Some((scope.clone(), plan(self.flow, scope)?.planned(node)?, step.clone()))
            })
            .collect();
        for (scope, planned, step) in open {
            self.say_open(&scope, planned, &step);
        }
    }
}

/// Why a step has nobody's credentials, and what helps.
fn unauthenticated(connector: &str, has_person: bool) -> String {
    match has_person {
        true => format!(
            "The person who runs the flow has not authenticated at {connector}. That is done in the console, under My \
             connections."
        ),
        false => format!(
            "The flow runs in nobody's name, so that nobody can authenticate at {connector}. Start it in a person's name, or \
             have the connector fall back to its own user."
        ),
    }
}

/// What a flow is started with, checked against its start node.
pub fn start_input(flow: &crate::flow::Flow, input: &Value) -> Result<Value, Vec<Problem>> {
    if let Some(fields) = flow.inputs() {
        return check_fields(fields, input);
    }
    let wrong = |code, message: String| Err(vec![Problem { path: String::new(), code, message }]);
    match input {
        Value::Null => Ok(Value::Object(Map::new())),
        _ if crate::size::json(input) > limits::INPUT_BYTES => {
            wrong("too_long", format!("is larger than {} bytes", limits::INPUT_BYTES))
        }
        _ if crate::size::depth(input) > limits::OUTPUT_DEPTH => {
            wrong("too_deep", format!("is nested more than {} deep", limits::OUTPUT_DEPTH))
        }
        Value::Object(_) => Ok(input.clone()),
        _ => wrong("wrong_type", "an object is needed".to_owned()),
    }
}
