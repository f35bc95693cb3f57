//! How far an execution has come.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::flow::{Flow, Plan};

/// The version of states that this program writes and reads.
pub const VERSION: u32 = 1;

/// The status of an execution or of a step, with the words of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    /// Not begun.
    Queued,
    /// Something runs.
    Running,
    /// A person must fill in a form.
    #[serde(rename = "User input")]
    UserInput,
    /// A person must authenticate at a connector.
    #[serde(rename = "Authentication needed")]
    AuthenticationNeeded,
    /// It waits for a time.
    Waiting,
    /// It ended well.
    Success,
    /// It ended with an error.
    Error,
    /// It was ended from outside.
    Canceled,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::UserInput,
        Self::AuthenticationNeeded,
        Self::Waiting,
        Self::Success,
        Self::Error,
        Self::Canceled,
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "Queued",
            Self::Running => "Running",
            Self::UserInput => "User input",
            Self::AuthenticationNeeded => "Authentication needed",
            Self::Waiting => "Waiting",
            Self::Success => "Success",
            Self::Error => "Error",
            Self::Canceled => "Canceled",
        }
    }

    /// Is it over?
    pub fn ended(self) -> bool {
        matches!(self, Self::Success | Self::Error | Self::Canceled)
    }
}

/// How far an execution has come. Holds values of steps: whoever stores it treats it as secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    version: u32,
    pub(super) execution: String,
    pub(super) interactive: bool,
    pub(super) status: Status,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(super) input: Value,
    pub(super) steps: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deadline: Option<i64>,
    /// Tries that steps had before somebody had them tried once more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) before: BTreeMap<String, u32>,
    /// The steps of the flow (under the empty name) and of each body that runs.
    pub(super) scopes: BTreeMap<String, BTreeMap<String, Step>>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(super) output: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
}

/// How far a step has come; a step that has none was not reached yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(super) enum Step {
    /// It was handed out.
    Running { attempt: u32, as_connector: bool },
    /// It failed and waits to be tried again.
    Retrying { attempt: u32, until: i64, as_connector: bool },
    /// It waits until the person has authenticated.
    Authenticating { attempt: u32 },
    /// It waits for a form.
    Asking { until: Option<i64> },
    /// It waits.
    Delayed { until: i64 },
    /// Its body runs for one item after the other.
    Looping { items: Vec<Value>, index: usize, results: Vec<Value>, failed: Vec<Value> },
    /// It succeeded.
    Done {
        #[serde(default, skip_serializing_if = "Value::is_null")]
        output: Value,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        failed: Vec<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        case: Option<String>,
    },
    /// It failed.
    Failed {
        error: String,
        /// What the other side answered all the same.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        output: Value,
    },
    /// No way led to it.
    Skipped,
}

impl Step {
    pub(super) fn ended(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Failed { .. } | Self::Skipped)
    }
}

/// Why a stored state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It is not what this program writes.
    #[error("the state cannot be read")]
    Unreadable(#[from] serde_json::Error),
    /// It is of another version.
    #[error("the state is of version {0}, this program reads {VERSION}")]
    Version(u32),
}

/// What an execution waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// The step.
    pub step: String,
    /// Its node.
    pub node: String,
    /// `User input`, `Authentication needed` or `Waiting`.
    pub status: Status,
    /// Until when, in microseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

impl State {
    /// An execution that has not begun. Its id is in every idempotency key.
    pub fn queued(execution: &str, interactive: bool) -> Self {
        Self {
            version: VERSION,
            execution: execution.to_owned(),
            interactive,
            status: Status::Queued,
            input: Value::Null,
            steps: 0,
            deadline: None,
            before: BTreeMap::new(),
            scopes: BTreeMap::new(),
            output: Value::Null,
            message: None,
        }
    }

    /// Reads a stored state.
    pub fn from_json(text: &str) -> Result<Self, StateError> {
        let state: Self = serde_json::from_str(text)?;
        if state.version == VERSION { Ok(state) } else { Err(StateError::Version(state.version)) }
    }

    /// The steps that are handed out.
    pub fn running(&self) -> impl Iterator<Item = String> {
        let steps = self.scopes.iter().flat_map(|(scope, steps)| steps.iter().map(move |step| (scope, step)));
        steps
            .filter(|(_, (_, step))| matches!(step, Step::Running { .. }))
            .map(|(scope, (node, _))| path(scope, node))
    }

    /// The same to go on from at a moment: the seconds that the flow may take begin anew, and so do the tries that the given
    /// steps have, which are counted on all the same.
    #[must_use]
    pub fn tried_again(mut self, flow: &Flow, again: &[&str], now: i64) -> Self {
        for step in again {
            let (scope, node) = split(step);
            let found = self.scopes.get_mut(scope).and_then(|steps| steps.get_mut(node));
            if let Some(Step::Running { attempt, .. }) = found {
                self.before.insert((*step).to_owned(), *attempt);
                *attempt = attempt.saturating_add(1);
            }
        }
        if self.deadline.is_some() {
            let whole = flow.timeout_seconds().map(|seconds| i64::from(seconds) * 1_000_000);
            self.deadline = whole.map(|micros| now.saturating_add(micros));
        }
        self
    }

    /// The status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The id of the execution.
    pub fn execution(&self) -> &str {
        &self.execution
    }

    /// May it ask the person who started it?
    pub fn interactive(&self) -> bool {
        self.interactive
    }

    /// What it gave back; null until it ended well.
    pub fn output(&self) -> &Value {
        &self.output
    }

    /// Why it ended with an error or was canceled.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// About how far it is: the part of the flow's nodes that are behind it.
    pub fn percentage(&self, flow: &Flow) -> u8 {
        if self.status.ended() {
            return 100;
        }
        let all = flow.plan().nodes.len().max(1);
        let ended = self.scopes.get("").map_or(0, |scope| scope.values().filter(|step| step.ended()).count());
        u8::try_from((ended * 100 / all).min(99)).unwrap_or(99)
    }

    /// Everything it waits for.
    pub fn waiting_for(&self) -> Vec<Waiting> {
        let mut found = Vec::new();
        for (scope, steps) in &self.scopes {
            for (node, step) in steps {
                let (status, until) = match step {
                    Step::Authenticating { .. } => (Status::AuthenticationNeeded, None),
                    Step::Asking { until } => (Status::UserInput, *until),
                    Step::Delayed { until } | Step::Retrying { until, .. } => (Status::Waiting, Some(*until)),
                    _ => continue,
                };
                found.push(Waiting { step: path(scope, node), node: node.clone(), status, until });
            }
        }
        found
    }

    /// The status that the steps amount to: first what a person must do, then what runs, then what waits.
    pub(super) fn amount(&self) -> Status {
        let mut amount = Status::Waiting;
        for step in self.scopes.values().flat_map(BTreeMap::values) {
            amount = match (step, amount) {
                (Step::Authenticating { .. }, _) => return Status::AuthenticationNeeded,
                (Step::Asking { .. }, _) => Status::UserInput,
                (Step::Running { .. }, Status::Waiting) => Status::Running,
                _ => amount,
            };
        }
        amount
    }

    /// How large all values in it are, in bytes.
    pub(super) fn weight(&self) -> usize {
        let sum = |values: &[Value]| values.iter().map(crate::size::json).sum::<usize>();
        let steps = self.scopes.values().flat_map(BTreeMap::values).map(|step| match step {
            Step::Looping { items, results, failed, .. } => sum(items) + sum(results) + sum(failed),
            Step::Done { output, failed, .. } => crate::size::json(output) + sum(failed),
            Step::Failed { error, output } => error.len() + crate::size::json(output),
            _ => 0,
        });
        crate::size::json(&self.input) + steps.sum::<usize>()
    }

    pub(super) fn step(&self, scope: &str, node: &str) -> Option<&Step> {
        self.scopes.get(scope)?.get(node)
    }
}

/// The path of a step: that of its scope and the id of its node.
pub(super) fn path(scope: &str, node: &str) -> String {
    if scope.is_empty() { node.to_owned() } else { format!("{scope}/{node}") }
}

/// Scope and node of a step.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The scope of the body of a loop for one item.
pub(super) fn inside(step: &str, index: usize) -> String {
    format!("{step}[{index}]")
}

/// The scope and node of the loop whose body a scope is.
pub(super) fn parent(scope: &str) -> Option<(&str, &str)> {
    let (step, _) = scope.strip_suffix(']')?.rsplit_once('[')?;
    Some(split(step))
}

/// The plan of a scope.
pub(super) fn plan<'f>(flow: &'f Flow, scope: &str) -> Option<&'f Plan> {
    if scope.is_empty() {
        return Some(flow.plan());
    }
    scope.split('/').try_fold(flow.plan(), |plan, part| {
        let (node, _) = part.split_once('[')?;
        plan.planned(node)?.body.as_ref()
    })
}
