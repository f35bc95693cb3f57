use axum::extract::State;
use gatehouse_types::{AuthMethod, Role, SessionId, Timestamp, UserId, WorkspaceId};
use gatehouse_web::{ApiResult, ErrorBody, Json};
use serde::Serialize;

use crate::Identity;
use crate::api::caller::Caller;
use crate::model::Session;
use gatehouse_types::Error;

/// Who is calling.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MeOut {
    user: UserOut,
    workspace: WorkspaceRef,
    /// What the person is in the workspace.
    role: Role,
    /// The person's live sessions here, newest first.
    sessions: Vec<SessionOut>,
    /// The person's own connections to outside systems.
    #[schema(value_type = Vec<Object>)]
    connections: Vec<serde_json::Value>,
}

/// A person.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserOut {
    #[schema(value_type = String)]
    id: UserId,
    email: String,
    name: String,
    created_at: Timestamp,
}

/// A workspace.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct WorkspaceRef {
    #[schema(value_type = String)]
    id: WorkspaceId,
    name: String,
}

/// A session.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionOut {
    #[schema(value_type = String)]
    id: SessionId,
    /// Whether it carries this very request.
    current: bool,
    /// How it began.
    #[schema(value_type = String)]
    method: AuthMethod,
    created_at: Timestamp,
    last_used_at: Timestamp,
    expires_at: Timestamp,
    ip: Option<String>,
    user_agent: Option<String>,
    /// The client in plain words, like `Firefox on Linux`.
    device: String,
    /// The workspace it is in.
    #[schema(value_type = String)]
    workspace_id: WorkspaceId,
}

impl SessionOut {
    pub(crate) fn new(session: Session, current: &SessionId) -> Self {
        Self {
            device: crate::device::spoken(session.user_agent.as_deref()),
            workspace_id: session.workspace_id.clone(),
            current: session.id == *current,
            id: session.id,
            method: session.method,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            ip: session.ip,
            user_agent: session.user_agent,
        }
    }
}

/// Who is calling, where, and as what.
#[utoipa::path(get, operation_id = "getMe", path = "/api/v1/me", tag = "Sign-in", responses(
    (status = 200, body = MeOut), (status = 401, body = ErrorBody),
))]
pub(crate) async fn me(State(identity): State<Identity>, Caller(actor): Caller) -> ApiResult<Json<MeOut>> {
    let user = identity.me(&actor).await?;
    let here = identity.workspace(&mut identity.store().reader(), actor.workspace()?).await?;
    let here = here.ok_or_else(|| Error::not_found("Workspace"))?;
    let current = actor.session()?.clone();
    let sessions = identity.own_sessions(&actor).await?;
    Ok(Json(MeOut {
        user: UserOut {
            id: user.id,
            email: user.email.to_string(),
            name: user.display_name,
            created_at: user.created_at,
        },
        workspace: WorkspaceRef { id: here.id, name: here.name },
        role: actor.role().unwrap_or(Role::Viewer),
        sessions: sessions.into_iter().map(|s| SessionOut::new(s, &current)).collect(),
        connections: Vec::new(),
    }))
}

/// The public keys that verify our tokens (JWK Set, RFC 7517).
#[utoipa::path(get, operation_id = "getJwks", path = "/.well-known/jwks.json", tag = "Sign-in", security(()), responses((status = 200, body = Object)))]
pub(crate) async fn jwks(State(identity): State<Identity>) -> Json<serde_json::Value> {
    Json(identity.jwks())
}
