//! What expressions see from where a step stands.

use std::cell::Cell;

use serde_json::{Map, Value, json};

use super::state::{State, Status, Step, parent};
use crate::definition::Kind;
use crate::flow::Flow;
use crate::template::{Reference, Root, Values, walk};

/// The values of an execution, seen from one scope.
pub(super) struct View<'s> {
    pub(super) flow: &'s Flow,
    pub(super) state: &'s State,
    pub(super) scope: &'s str,
    /// Bytes of values that were read.
    pub(super) spent: &'s Cell<usize>,
}

impl View<'_> {
    /// A step of this scope or of one around it.
    fn step(&self, node: &str) -> Option<&Step> {
        let mut scope = self.scope;
        loop {
            if let Some(step) = self.state.step(scope, node) {
                return Some(step);
            }
            scope = parent(scope)?.0;
        }
    }

    fn member(&self, node: &str, member: &str, rest: &[String]) -> Option<Value> {
        let step = self.step(node)?;
        match (member, step) {
            ("status", Step::Done { .. }) => Some(Status::Success.word().into()),
            ("status", Step::Failed { .. }) => Some(Status::Error.word().into()),
            ("output", Step::Done { .. }) if self.is_start(node) => walk(&self.state.input, rest).cloned(),
            ("output", Step::Done { output, .. }) => walk(output, rest).cloned(),
            ("failed", Step::Done { failed, .. }) => walk(&Value::Array(failed.clone()), rest).cloned(),
            ("output", Step::Failed { output, .. }) => walk(output, rest).cloned(),
            ("error", Step::Failed { error, .. }) => Some(error.clone().into()),
            ("item", Step::Looping { items, index, .. }) => walk(items.get(*index)?, rest).cloned(),
            ("index", Step::Looping { index, .. }) => Some(json!(index)),
            _ => None,
        }
    }

    fn is_start(&self, node: &str) -> bool {
        self.flow.node(node).is_some_and(|node| matches!(node.kind, Kind::Start(_)))
    }
}

impl Values for View<'_> {
    fn get(&self, reference: &Reference) -> Option<Value> {
        let value = self.find(reference);
        let size = value.as_ref().map_or(0, crate::size::json);
        self.spent.set(self.spent.get().saturating_add(size));
        value
    }
}

impl View<'_> {
    fn find(&self, reference: &Reference) -> Option<Value> {
        match (reference.root, reference.path.as_slice()) {
            (Root::Input, path) => walk(&self.state.input, path).cloned(),
            (Root::Execution, [name]) if name == "id" => Some(self.state.execution.clone().into()),
            (Root::Execution, _) => None,
            (Root::Loop, []) => None,
            (Root::Loop, [member, rest @ ..]) => {
                let (_, node) = parent(self.scope)?;
                self.member(node, member, rest)
            }
            (Root::Steps, [node]) => {
                self.step(node)?;
                let members = ["output", "error", "status", "failed", "item", "index"];
                let found = members
                    .iter()
                    .filter_map(|member| Some(((*member).to_owned(), self.member(node, member, &[])?)));
                Some(Value::Object(found.collect::<Map<_, _>>()))
            }
            (Root::Steps, [node, member, rest @ ..]) => self.member(node, member, rest),
            (Root::Steps, []) => None,
        }
    }
}
