//! Which nodes begin once something has ended, and what a finished body gives to its loop.

use serde_json::{Map, Value, json};

use super::Turn;
use super::state::{Status, Step, inside, parent, path, plan};
use crate::definition::{Kind, On, OnItemError};
use crate::flow::{Plan, Planned};
use crate::limits::LOOP_RESULT_BYTES;

/// How it stands with a scope.
enum Outcome {
    /// Something in it runs or waits.
    Pending,
    /// All in it ended.
    Completed(Value),
    /// A step failed, and no edge takes that on.
    Failed(String),
    /// The execution is over.
    Over,
}

/// May a node begin?
enum Due {
    NotYet,
    Skip,
    Now,
}

impl<'f> Turn<'f> {
    /// Goes on in a scope in which something ended, and in those around it that this ends.
    pub(super) fn bubble(&mut self, scope: &str) {
        let mut scope = scope.to_owned();
        while !self.over() {
            let outcome = self.settle(&scope);
            let Some((outer, node)) = parent(&scope) else {
                match outcome {
                    Outcome::Completed(output) => self.finish(Status::Success, output, None),
                    Outcome::Failed(error) => self.finish(Status::Error, Value::Null, Some(&error)),
                    Outcome::Pending | Outcome::Over => {}
                }
                return;
            };
            let result = match outcome {
                Outcome::Completed(output) => Ok(output),
                Outcome::Failed(error) => Err(error),
                Outcome::Pending | Outcome::Over => return,
            };
            let Some(planned) = plan(self.flow, outer).and_then(|plan| plan.planned(node)) else { return };
            self.lap(outer, planned, result);
            self.go_round(outer, planned);
            if matches!(self.state.step(outer, node), Some(Step::Looping { .. })) {
                return;
            }
            scope = outer.to_owned();
        }
    }

    /// Begins every node of a scope whose turn has come.
    fn settle(&mut self, scope: &str) -> Outcome {
        let Some(plan) = plan(self.flow, scope) else { return Outcome::Over };
        let mut pending = false;
        for planned in &plan.nodes {
            if self.state.step(scope, &planned.node.id).is_none() {
                match self.due(scope, plan, planned) {
                    Due::NotYet => {}
                    Due::Skip => self.set(scope, planned, Step::Skipped),
                    Due::Now => self.begin(scope, planned),
                }
                if self.exhausted() {
                    return Outcome::Over;
                }
            }
            match self.state.step(scope, &planned.node.id) {
                Some(Step::Failed { error, .. }) if !planned.catches => {
                    return Outcome::Failed(error.clone());
                }
                Some(step) if step.ended() => {}
                _ => pending = true,
            }
        }
        if pending {
            return Outcome::Pending;
        }
        match self.result(scope, plan) {
            Ok(output) => Outcome::Completed(output),
            Err(error) => Outcome::Failed(error),
        }
    }

    fn due(&self, scope: &str, plan: &Plan, planned: &Planned) -> Due {
        let mut followed = planned.incoming.is_empty();
        for (from, on) in &planned.incoming {
            let step = plan.nodes.get(*from).and_then(|from| self.state.step(scope, &from.node.id));
            followed |= match (step, on) {
                (Some(step), _) if !step.ended() => return Due::NotYet,
                (None, _) => return Due::NotYet,
                (Some(Step::Done { case, .. }), On::Case(asked)) => case.as_ref() == Some(asked),
                (Some(Step::Done { .. }), On::Success) | (Some(Step::Failed { .. }), On::Error) => true,
                _ => false,
            };
        }
        if followed { Due::Now } else { Due::Skip }
    }

    /// What a scope gives whose steps all ended: the output of the end that was reached, or of the last nodes.
    fn result(&self, scope: &str, plan: &Plan) -> Result<Value, String> {
        if let Some((outer, node)) = parent(scope) {
            let planned = super::state::plan(self.flow, outer).and_then(|plan| plan.planned(node));
            if let Some((planned, Kind::Loop(a_loop))) = planned.map(|planned| (planned, &planned.node.kind))
                && let Some(tree) = &a_loop.result
            {
                self.spend(planned);
                return tree.fill(&self.view(scope)).map_err(|fault| fault.0);
            }
        }
        let last = |planned: &&Planned| matches!(planned.node.kind, Kind::End(_)) || planned.last;
        let mut reached: Map<String, Value> = Map::new();
        for planned in plan.nodes.iter().filter(last) {
            if let Some(Step::Done { output, .. }) = self.state.step(scope, &planned.node.id) {
                reached.insert(planned.node.id.clone(), output.clone());
            }
        }
        if reached.len() > 1 {
            return Ok(Value::Object(reached));
        }
        Ok(reached.into_iter().next().map(|(_, output)| output).unwrap_or_default())
    }

    /// Runs the body of a loop for item after item, until something in it must be waited for.
    pub(super) fn go_round(&mut self, scope: &str, planned: &'f Planned) {
        loop {
            let id = &planned.node.id;
            let Some(Step::Looping { items, index, results, failed }) = self.state.step(scope, id) else {
                return;
            };
            if *index >= items.len() {
                let (output, failed) = (Value::Array(results.clone()), failed.clone());
                let stored = if self.keeps(scope, planned) { output.clone() } else { Value::Null };
                self.set(scope, planned, Step::Done { output: stored, failed, case: None });
                self.tell(scope, planned, Status::Success, Some(output), None);
                return;
            }
            let body = inside(&path(scope, id), *index);
            self.state.scopes.entry(body.clone()).or_default();
            let result = match self.settle(&body) {
                Outcome::Completed(output) => Ok(output),
                Outcome::Failed(error) => Err(error),
                Outcome::Pending | Outcome::Over => return,
            };
            self.lap(scope, planned, result);
        }
    }

    /// Takes what the body gave for one item, and forgets its steps.
    fn lap(&mut self, scope: &str, planned: &'f Planned, result: Result<Value, String>) {
        let (id, Kind::Loop(a_loop)) = (&planned.node.id, &planned.node.kind) else { return };
        let step = path(scope, id);
        let steps = self.state.scopes.get_mut(scope).and_then(|steps| steps.get_mut(id));
        let Some(Step::Looping { index, results, failed, .. }) = steps else { return };
        let body = inside(&step, *index);
        let mut stop = None;
        match (result, a_loop.on_item_error) {
            (Ok(output), _) => results.push(output),
            (Err(error), OnItemError::Terminate) => stop = Some(error),
            (Err(error), mode) => {
                failed.push(json!({ "index": *index, "error": error }));
                if mode == OnItemError::Continue {
                    results.push(Value::Null);
                }
            }
        }
        *index += 1;
        let size: usize = results.iter().chain(failed.iter()).map(crate::size::json).sum();
        if size > LOOP_RESULT_BYTES {
            stop = Some(format!("The results of the loop are larger than {LOOP_RESULT_BYTES} bytes."));
        }
        let below = format!("{body}/");
        self.state.scopes.retain(|name, _| *name != body && !name.starts_with(&below));
        if let Some(error) = stop {
            self.fail(scope, planned, &error);
        }
    }
}
