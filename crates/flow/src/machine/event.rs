//! What happens to an execution, and what it wants done.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::state::Status;
use crate::authentication::UserAuthentication;
use crate::definition::Field;
use crate::work::Work;

/// What happened. Each may come twice: an event that does not fit any more changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// The execution begins.
    Started {
        /// What it was started with.
        input: Value,
    },
    /// A step was done.
    Succeeded {
        /// The step.
        step: String,
        /// Which try.
        attempt: u32,
        /// What it gave.
        output: Value,
    },
    /// A step failed.
    Failed {
        /// The step.
        step: String,
        /// Which try.
        attempt: u32,
        /// What went wrong, for people; no secrets.
        error: String,
        /// What the other side answered all the same: status, headers, body.
        #[serde(default)]
        answer: Option<Value>,
        /// May another try help?
        retryable: bool,
        /// How long the other side asked to wait, in seconds.
        #[serde(default)]
        retry_after: Option<u32>,
        /// Chance from outside, 0 to 1000: spreads the pauses of many executions.
        #[serde(default)]
        jitter: u16,
    },
    /// A step should run with the credentials of the person, and there are none that still work.
    AuthenticationMissing {
        /// The step.
        step: String,
        /// Which try.
        attempt: u32,
        /// What the connector is set to.
        setting: UserAuthentication,
        /// What people call the connector.
        #[serde(default)]
        connector: String,
        /// Whether the execution runs for a person at all.
        #[serde(default)]
        has_person: bool,
    },
    /// The person authenticated at a connector.
    Authenticated {
        /// The connector.
        connector_id: String,
    },
    /// A person filled in a form.
    InputGiven {
        /// The step that asked.
        step: String,
        /// The values by name.
        values: Value,
    },
    /// A time has come.
    TimerFired {
        /// The step that waited; empty for the flow itself.
        step: String,
        /// Which of its waits.
        number: u32,
    },
    /// Somebody canceled the execution.
    Cancel,
    /// The person in whose name it runs has lost access.
    IdentityEnded,
    /// The program was started again, or somebody asks to go on: everything open is said anew.
    Resumed,
}

/// What the execution wants done. Each may be said twice.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "effect", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// Do a step, and say how it went.
    Run(Box<Run>),
    /// Ask a person.
    Ask {
        /// The step.
        step: String,
        /// Its node.
        node: String,
        /// What is asked for.
        title: Option<String>,
        /// The fields of the form.
        fields: Vec<Field>,
    },
    /// Wait, then say [`Event::TimerFired`] with the same step and number.
    WaitUntil {
        /// The step; empty for the flow itself.
        step: String,
        /// Which of its waits.
        number: u32,
        /// Until when, in microseconds since 1970.
        at: i64,
    },
    /// Wait until the person has authenticated, then say [`Event::Authenticated`].
    Authenticate {
        /// The step.
        step: String,
        /// Its node.
        node: String,
        /// The connector.
        connector_id: String,
    },
    /// Put a warning on the execution.
    Warn {
        /// The step.
        step: String,
        /// The warning.
        message: String,
    },
    /// A step has another status: for the list of steps of the execution.
    Step(Box<Change>),
    /// The execution is over.
    Finish {
        /// How it ended.
        status: Status,
        /// What it gave back.
        output: Value,
        /// Why it ended so, if not well.
        message: Option<String>,
    },
}

/// A step to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The step: the id of its node, behind those of the loops it is in (`each[2]/call`).
    pub step: String,
    /// Its node.
    pub node: String,
    /// Which try, from 1.
    pub attempt: u32,
    /// The idempotency key: the same on every try of this step, another for every other step and execution.
    pub key: String,
    /// What to do.
    pub work: Work,
    /// How long it may take: the node's own time, or what is left of the flow's.
    pub timeout_seconds: u32,
}

/// Another status of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The step.
    pub step: String,
    /// Its node.
    pub node: String,
    /// The kind of the node.
    pub kind: String,
    /// The status it has now.
    pub status: Status,
    /// What it gave.
    pub output: Option<Value>,
    /// What went wrong.
    pub error: Option<String>,
}
