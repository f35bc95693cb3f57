use axum::extract::State;
use gatehouse_identity::{Caller, require};
use gatehouse_types::Permission;
use gatehouse_web::{ApiResult, ErrorBody, Json, Path};
use serde::{Deserialize, Serialize};

use super::connector_id;
use crate::Connect;
use crate::connectors::model::connector::NonInteractive;
use crate::connectors::service::people::UserAuthentications;

/// Whether people authenticate for themselves, and what flows are to do without it.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserAuthentications)]
pub(crate) struct PeopleOut {
    /// Actions of a person take the person's own authorization.
    enabled: bool,
    non_interactive_mode: NonInteractive,
    /// Whether it can be switched on.
    allowed: bool,
    /// Why not.
    reason: Option<&'static str>,
    /// People who have authorized it for themselves.
    people: usize,
}

impl From<UserAuthentications> for PeopleOut {
    fn from(u: UserAuthentications) -> Self {
        Self {
            enabled: u.enabled,
            non_interactive_mode: u.mode,
            allowed: u.refused.is_none(),
            reason: u.refused,
            people: u.people,
        }
    }
}

/// What to change; only what is given changes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserAuthenticationsChange)]
pub(crate) struct ChangeIn {
    enabled: Option<bool>,
    /// What a flow without anybody at it is to do when its person has not authorized the connector: `fallback`,
    /// `fallback_with_warning`, `pause` or `end_with_error`. Flows apply it; calls over the API do
    /// not look at it.
    non_interactive_mode: Option<String>,
}

/// Get whether people authenticate for themselves on a connector.
#[utoipa::path(get, operation_id = "getUserAuthentications", path = "/api/v1/connectors/{id}/user-authentications", tag = "Connectors", params(("id" = String, Path)), responses(
    (status = 200, body = PeopleOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn show(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<PeopleOut>> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, Some(format!("connector:{id}"))).await?;
    Ok(Json(connect.user_authentications(&actor, &connector_id(&id)?).await?.into()))
}

/// Set whether people authenticate for themselves on a connector. Off unless it is switched on; a type or a way to
/// authenticate that does not allow it is refused with the reason.
#[utoipa::path(put, operation_id = "setUserAuthentications", path = "/api/v1/connectors/{id}/user-authentications", tag = "Connectors", params(("id" = String, Path)), request_body = ChangeIn, responses(
    (status = 200, body = PeopleOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "It is another person's own", body = ErrorBody),
))]
pub(crate) async fn change(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Json(input): Json<ChangeIn>,
) -> ApiResult<Json<PeopleOut>> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, Some(format!("connector:{id}"))).await?;
    let mode = input.non_interactive_mode.as_deref().map(str::parse::<NonInteractive>).transpose()?;
    let set = connect.set_user_authentications(&actor, &connector_id(&id)?, input.enabled, mode).await?;
    Ok(Json(set.into()))
}
