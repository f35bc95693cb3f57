use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_types::{ConnectionId, IdentityId, Page, Timestamp, UserId};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, PageParams, Paging, Path};
use serde::Serialize;

use crate::Sso;
use crate::service::identities::IdentityView;

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
