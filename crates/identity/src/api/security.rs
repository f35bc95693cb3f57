use axum::extract::State;
use gatehouse_web::{ApiResult, ErrorBody, Json};
use serde::{Deserialize, Serialize};

use crate::api::caller::Caller;
use crate::{Identity, SecuritySettings};

/// What the workspace demands of those who sign in.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecuritySettingsOut {
    /// Whether everybody who signs in by password needs a second step.
    require_second_step: bool,
}

/// What changes; fields left out stay.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SecuritySettingsIn {
    require_second_step: Option<bool>,
}

/// What the workspace demands of those who sign in.
#[utoipa::path(get, operation_id = "getSecuritySettings", path = "/api/v1/security-settings", tag = "Second step", responses(
    (status = 200, body = SecuritySettingsOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn show(
    State(identity): State<Identity>,
    Caller(actor): Caller,
) -> ApiResult<Json<SecuritySettingsOut>> {
    let SecuritySettings { require_second_step } = identity.security_settings(&actor).await?;
    Ok(Json(SecuritySettingsOut { require_second_step }))
}

/// Change what the workspace demands. Only owners may, and only with a second step of their own.
#[utoipa::path(put, operation_id = "putSecuritySettings", path = "/api/v1/security-settings", tag = "Second step", request_body = SecuritySettingsIn, responses(
    (status = 200, body = SecuritySettingsOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, description = "You have no second step", body = ErrorBody),
))]
pub(crate) async fn change(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Json(input): Json<SecuritySettingsIn>,
) -> ApiResult<Json<SecuritySettingsOut>> {
    let mut wanted = identity.security_settings(&actor).await?;
    if let Some(on) = input.require_second_step {
        wanted.require_second_step = on;
        identity.set_security_settings(&actor, wanted).await?;
    }
    Ok(Json(SecuritySettingsOut { require_second_step: wanted.require_second_step }))
}
