//! An execution as it is kept.

use gatehouse_flow::machine::Status;
use gatehouse_types::{ExecutionId, FlowId, FlowVersionId, Timestamp, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is said of an execution whose person has lost access.
pub(crate) const IDENTITY_ENDED: &str = "Paused: identity ended";

/// What started an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// Somebody by hand, who is there to be asked.
    Run,
    /// A program, or a person with a program.
    Start,
    /// A webhook of the flow.
    Webhook,
    /// A schedule of the flow.
    Schedule,
}

impl Via {
    /// The word, as stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Start => "start",
            Self::Webhook => "webhook",
            Self::Schedule => "schedule",
        }
    }
}

/// A warning on an execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ExecutionWarning)]
pub(crate) struct Warning {
    /// The step.
    pub(crate) step: String,
    /// The warning.
    pub(crate) message: String,
}

/// Something an execution waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExecutionWait)]
pub(crate) struct Wait {
    /// The step; empty for the flow itself.
    pub(crate) step: String,
    /// Its node.
    pub(crate) node: String,
    /// `User input`, `Authentication needed` or `Waiting`.
    pub(crate) status: String,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<String>,
    /// What is asked for, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    /// The fields of the form that is to be filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub(crate) fields: Option<Value>,
    /// The connector where the person must authenticate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) connector_id: Option<String>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) connector_name: Option<String>,
    /// The person who must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<String>,
    /// Where the person's own connections are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<String>,
}

/// A connector on which an execution goes on as the connector's user, by somebody's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fallback {
    pub(crate) connector_id: String,
    /// Who decided it, as `kind:id`.
    pub(crate) by: String,
    pub(crate) reason: String,
}

/// An execution without its sealed parts.
#[derive(Clone, Debug)]
pub(crate) struct Execution {
    pub(crate) id: ExecutionId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) flow_id: FlowId,
    pub(crate) flow_name: String,
    pub(crate) version_id: FlowVersionId,
    /// The number of the version; `None`: a draft that was tried out.
    pub(crate) number: Option<i64>,
    pub(crate) via: String,
    /// Who started it, as `kind:id`.
    pub(crate) started_by: String,
    /// The person in whose name it runs; `None`: the company itself.
    pub(crate) person: Option<UserId>,
    pub(crate) interactive: bool,
    /// The word of the interface.
    pub(crate) status: String,
    pub(crate) percentage: i64,
    pub(crate) message: Option<String>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) waiting: Vec<Wait>,
    /// Why it stands still although nothing of the flow makes it wait.
    pub(crate) paused: Option<String>,
    pub(crate) fallback: Vec<Fallback>,
    /// Whether a step that failed can be tried once more.
    pub(crate) can_retry: bool,
    pub(crate) poked: i64,
    pub(crate) claims: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
}

impl Execution {
    /// Whether it is over.
    pub(crate) fn ended(&self) -> bool {
        Status::ALL.into_iter().any(|s| s.ended() && s.word() == self.status)
    }

    /// It waits for nobody at a connector any more; what else it waits for stays.
    pub(crate) fn no_longer_at(&mut self, connector: &str) {
        self.waiting.retain(|wait| wait.connector_id.as_deref() != Some(connector));
        let waits = |status: &Status| self.waiting.iter().any(|wait| wait.status == status.word());
        let people = [Status::AuthenticationNeeded, Status::UserInput];
        let status = people.into_iter().find(waits).unwrap_or(Status::Running);
        self.status = status.word().to_owned();
    }
}

/// One line of the timeline.
#[derive(Clone, Debug)]
pub(crate) struct StepRow {
    pub(crate) step: String,
    pub(crate) node: String,
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) attempt: i64,
    pub(crate) who: Option<Who>,
    pub(crate) output: Option<Value>,
    /// Whether there is an output that is not told: it was too large to be kept, or is for this answer.
    pub(crate) left_out: bool,
    pub(crate) error: Option<String>,
    pub(crate) started_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
}

/// Who acts in a step, and as whom the outside sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    /// The person it runs for.
    pub(crate) acting: Option<UserId>,
    /// `user`, `connector`, `workspace` (a profile of it) or `none`.
    pub(crate) identity: String,
    /// The person, when it is `user`.
    pub(crate) user: Option<UserId>,
}
