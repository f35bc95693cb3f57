use axum::extract::State;
use axum::http::StatusCode;
use gatehouse_types::{Email, Secret};
use gatehouse_web::{ApiResult, ErrorBody, Json};
use serde::{Deserialize, Serialize};

use crate::Identity;
use crate::api::caller::Anybody;

/// Whose password is forgotten.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct AskIn {
    #[schema(value_type = String)]
    email: Email,
}

/// What happens next, in the same words for everybody.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AskedOut {
    message: &'static str,
}

/// Ask for a link to set a new password. The answer is the same for known and unknown addresses.
#[utoipa::path(post, operation_id = "askPasswordReset", path = "/api/v1/auth/password-reset", tag = "Sign-in", security(()), request_body = AskIn, responses(
    (status = 202, body = AskedOut), (status = 400, body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn ask(
    State(identity): State<Identity>,
    Anybody(actor): Anybody,
    Json(input): Json<AskIn>,
) -> ApiResult<(StatusCode, Json<AskedOut>)> {
    identity.ask_reset(&actor, &input.email).await?;
    let message = "If there is an account with this address, a mail with a link is on its way.";
    Ok((StatusCode::ACCEPTED, Json(AskedOut { message })))
}

/// The mailed token and the new password.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct ConfirmIn {
    token: Secret,
    /// At least 8 characters; none of those that are tried first.
    password: Secret,
}

/// How it went.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfirmedOut {
    password_set: bool,
}

/// Set a new password with a mailed token. All sessions of the person end; signing in comes afterwards.
#[utoipa::path(post, operation_id = "confirmPasswordReset", path = "/api/v1/auth/password-reset/confirm", tag = "Sign-in", security(()), request_body = ConfirmIn, responses(
    (status = 200, body = ConfirmedOut), (status = 400, description = "`token` counts no more, or `password` does not fit", body = ErrorBody),
    (status = 409, description = "Single sign-on binds the person", body = ErrorBody),
))]
pub(crate) async fn confirm(
    State(identity): State<Identity>,
    Anybody(actor): Anybody,
    Json(input): Json<ConfirmIn>,
) -> ApiResult<Json<ConfirmedOut>> {
    identity.confirm_reset(&actor, input.token.expose(), input.password).await?;
    Ok(Json(ConfirmedOut { password_set: true }))
}
