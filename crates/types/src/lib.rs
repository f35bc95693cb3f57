//! The words every other crate speaks: ids, time, errors, roles, the acting principal, pages, secrets.
//!
//! Nothing here knows a database, an HTTP server or a product rule beyond the names of things.

mod actor;
mod clock;
mod control;
mod email;
mod error;
mod ids;
mod page;
mod random;
mod role;
mod scim;
mod secret;

pub use actor::{Actor, AuthMethod, DryRun, Effect, Origin, OwnerKind, Principal};
pub use clock::{Clock, SharedClock, SystemClock, TestClock, Timestamp};
pub use control::{ControlScope, ControlScopes};
pub use email::{Domain, Email};
pub use error::{Call, Error, Kind, Result};
pub use ids::{
    ApiAppId, ApiKeyId, AuditEventId, AuthProfileId, ChallengeId, ConnectionId, ConnectorId, ConnectorLinkId,
    DecisionId, DeliveryId, DomainId, DraftId, ExecutionEventId, ExecutionId, FactorId, FlowDeploymentId,
    FlowFileId, FlowId, FlowTriggerId, FlowVersionId, GrantId, Id, IdentityId, Ids, InvitationId, JobId,
    LabPersonId, LinkId, MailId, OffboardingId, OutboundCallId, RequestId, ScimActivityId, ScimGroupId,
    ScimTokenId, ScimUserId, ScriptDeploymentId, ScriptFileId, ScriptId, ScriptKeyId, ScriptLogId,
    ScriptRunId, SessionId, SetupLinkId, SigningKeyId, SsoAttemptId, TraceShareId, UserId, WebhookId,
    WorkspaceId,
};
pub use page::{Page, PageInfo, PageRequest};
pub use random::{OsRandom, Random, SharedRandom};
pub use role::{Permission, Role};
pub use scim::{ScimScope, ScimScopes};
pub use secret::{Secret, digest, hex, random_token};

/// The target of spans that are for traces alone (cargo feature `otel` of the program); the log never shows them.
pub const TRACES: &str = "gatehouse::traces";
