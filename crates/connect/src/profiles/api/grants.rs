//! What was granted for profiles.

use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_types::{AuthProfileId, GrantId, Page};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, PageParams, Paging, Path};

use crate::{Connect, GrantView};

/// List what was granted for a profile: all of it for who manages it, one's own for others.
#[utoipa::path(get, operation_id = "listAuthProfileGrants", path = "/api/v1/auth-profiles/{id}/grants", tag = "Authorization profiles", params(("id" = String, Path), PageParams), responses(
    (status = 200, body = Page<GrantView>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn grants(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<AuthProfileId>,
    Paging(page): Paging<25>,
) -> ApiResult<Json<Page<GrantView>>> {
    Ok(Json(connect.profile_grants(&actor, &id, page).await?))
}

/// End a grant: its tokens are forgotten here at once, and revoked at the provider where that is offered. Members end their
/// own.
#[utoipa::path(delete, operation_id = "deleteAuthProfileGrant", path = "/api/v1/auth-profiles/{id}/grants/{grant_id}", tag = "Authorization profiles",
    params(("id" = String, Path), ("grant_id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn disconnect(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path((id, grant)): Path<(AuthProfileId, GrantId)>,
) -> ApiResult<Deleted> {
    connect.disconnect(&actor, &id, &grant).await?;
    Ok(Deleted::done())
}
