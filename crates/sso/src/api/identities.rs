use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_types::{ConnectionId, IdentityId, Page, Timestamp, UserId, WorkspaceId};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, PageParams, Paging, Path};
use serde::Serialize;

use crate::Sso;
use crate::service::identities::{IdentityView, OwnIdentity};

/// A link between a person and a subject at the provider.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsoIdentity)]
pub(crate) struct IdentityOut {
    #[schema(value_type = String)]
    id: IdentityId,
    #[schema(value_type = String)]
    user_id: UserId,
    email: String,
    /// The NameID.
    name_id: String,
    /// The kind of name, a URI, as the last sign-in said; unknown for identities that have not signed in since it is kept.
    name_id_format: Option<String>,
    created_at: Timestamp,
    last_used_at: Timestamp,
}

impl From<IdentityView> for IdentityOut {
    fn from(i: IdentityView) -> Self {
        Self {
            id: i.id,
            user_id: i.user_id,
            email: i.email.to_string(),
            name_id: i.name_id,
            name_id_format: i.name_id_format,
            created_at: i.created_at,
            last_used_at: i.last_used_at,
        }
    }
}

/// List the people linked through a connection.
#[utoipa::path(get, operation_id = "listSsoIdentities", path = "/api/v1/sso/connections/{id}/identities", tag = "Single sign-on",
    params(("id" = String, Path), PageParams), responses(
    (status = 200, body = Page<IdentityOut>), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path(id): Path<ConnectionId>,
    Paging(page): Paging<50>,
) -> ApiResult<Json<Page<IdentityOut>>> {
    Ok(Json(sso.identities(&actor, &id, page).await?.map(Into::into)))
}

/// Unlink a person from a subject at the provider.
#[utoipa::path(delete, operation_id = "unlinkSsoIdentity", path = "/api/v1/sso/connections/{id}/identities/{identity_id}", tag = "Single sign-on",
    params(("id" = String, Path), ("identity_id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn unlink(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path((id, identity)): Path<(ConnectionId, IdentityId)>,
) -> ApiResult<Deleted> {
    sso.unlink_identity(&actor, &id, &identity).await?;
    Ok(Deleted::done())
}

/// How a provider knows oneself.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OwnSsoIdentity)]
pub(crate) struct OwnIdentityOut {
    #[schema(value_type = String)]
    id: IdentityId,
    /// The workspace of the connection.
    #[schema(value_type = String)]
    workspace_id: WorkspaceId,
    connection_name: String,
    /// The kind of name, a URI, as the last sign-in said; unknown for identities that have not signed in since it is kept.
    name_id_format: Option<String>,
    created_at: Timestamp,
    /// The last sign-in.
    last_used_at: Timestamp,
}

impl From<OwnIdentity> for OwnIdentityOut {
    fn from(i: OwnIdentity) -> Self {
        Self {
            id: i.id,
            workspace_id: i.workspace_id,
            connection_name: i.connection_name,
            name_id_format: i.name_id_format,
            created_at: i.created_at,
            last_used_at: i.last_used_at,
        }
    }
}

/// List one's own identities at providers, in all workspaces. An administrator of the workspace unlinks them.
#[utoipa::path(get, operation_id = "listMyIdentities", path = "/api/v1/me/identities", tag = "Own account", params(PageParams), responses(
    (status = 200, body = Page<OwnIdentityOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
))]
pub(crate) async fn list_own(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Paging(page): Paging<50>,
) -> ApiResult<Json<Page<OwnIdentityOut>>> {
    Ok(Json(sso.my_identities(&actor, page).await?.map(Into::into)))
}
