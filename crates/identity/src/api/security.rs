use axum::extract::State;
use gatehouse_web::{ApiResult, ErrorBody, Json};
use serde::{Deserialize, Serialize};

use crate::api::caller::Caller;
use crate::{DefaultSignIn, Identity, SecuritySettings};

/// What the workspace demands of those who sign in.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecuritySettingsOut {
    /// Whether everybody who signs in by password needs a second step.
    require_second_step: bool,
    /// What the sign-in page offers first to people of the workspace's domains, beside single sign-on.
    default_sign_in: DefaultSignIn,
}

impl From<SecuritySettings> for SecuritySettingsOut {
    fn from(s: SecuritySettings) -> Self {
        Self { require_second_step: s.require_second_step, default_sign_in: s.default_sign_in }
    }
}

/// What changes; fields left out stay.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SecuritySettingsIn {
    require_second_step: Option<bool>,
    /// `password`, `google` or `microsoft`; one that the operator offers.
    default_sign_in: Option<DefaultSignIn>,
}

/// What the workspace demands of those who sign in.
#[utoipa::path(get, operation_id = "getSecuritySettings", path = "/api/v1/security-settings", tag = "Second step", responses(
    (status = 200, body = SecuritySettingsOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn show(
    State(identity): State<Identity>,
    Caller(actor): Caller,
) -> ApiResult<Json<SecuritySettingsOut>> {
    Ok(Json(identity.security_settings(&actor).await?.into()))
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
    let now = identity.security_settings(&actor).await?;
    let wanted = SecuritySettings {
        require_second_step: input.require_second_step.unwrap_or(now.require_second_step),
        default_sign_in: input.default_sign_in.unwrap_or(now.default_sign_in),
    };
    if wanted != now || input.require_second_step.is_some() {
        identity.set_security_settings(&actor, wanted).await?;
    }
    Ok(Json(wanted.into()))
}
