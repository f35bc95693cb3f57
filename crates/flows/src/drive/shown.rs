//! What of an execution may be shown: secrets are hidden by name, by the definition, and wherever else they stand.

use std::collections::BTreeSet;

use gatehouse_flow::Flow;
use gatehouse_flow::definition::{Kind, Node};
use gatehouse_flow::machine::State;
use gatehouse_flow::redact::Redaction;
use serde_json::Value;

/// The secrets of one execution, as far as they are known.
#[derive(Default)]
pub(super) struct Shown {
    secrets: BTreeSet<String>,
}

impl Shown {
    /// Those of what it was started with and of what its steps gave so far.
    pub(super) fn of(flow: &Flow, state: &State) -> Self {
        let mut shown = Self::default();
        let Ok(state) = serde_json::to_value(state) else { return shown };
        let start = flow.nodes().into_iter().find(|node| matches!(node.kind, Kind::Start(_)));
        if let (Some(start), Some(input)) = (start, state.get("input")) {
            shown.secrets.extend(Redaction::of(start).secrets_in(input));
        }
        let scopes = state.get("scopes").and_then(Value::as_object);
        for steps in scopes.into_iter().flat_map(|scopes| scopes.values()).filter_map(Value::as_object) {
            for (node, step) in steps {
                if let Some(output) = step.get("output") {
                    shown.learn(flow, node, output);
                }
            }
        }
        shown
    }

    /// Those of what a node gave.
    pub(super) fn learn(&mut self, flow: &Flow, node: &str, output: &Value) {
        if let Some(node) = flow.node(node) {
            self.secrets.extend(Redaction::of(node).secrets_in(output));
        }
    }

    fn with(&self, redaction: Redaction) -> Redaction {
        redaction.texts(self.secrets.iter().cloned())
    }

    /// The output of a node.
    pub(super) fn output(&self, flow: &Flow, node: &str, output: &Value) -> Value {
        let of_node = |node: &Node| Redaction::of(node);
        self.with(flow.node(node).map(of_node).unwrap_or_default()).show(output)
    }

    /// Any other value.
    pub(super) fn value(&self, value: &Value) -> Value {
        self.with(Redaction::new()).show(value)
    }

    /// A message.
    pub(super) fn text(&self, text: &str) -> String {
        self.with(Redaction::new()).show_text(text)
    }
}
