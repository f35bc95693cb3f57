use axum::extract::State;
use axum::http::StatusCode;
use gatehouse_types::{Email, Secret, UserId, WorkspaceId};
use gatehouse_web::{ApiResult, ErrorBody, Json};
use serde::{Deserialize, Serialize};

use crate::api::caller::Anybody;
use crate::{AskedSignUp, DefaultSignIn, Identity};

/// Who wants to sign up, and for what.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignUpIn {
    #[schema(value_type = String)]
    email: Email,
    /// The name of the workspace to be made, 1 to 128 characters.
    workspace_name: String,
    /// How to sign in by default; `password` without it.
    #[serde(default)]
    default_sign_in: DefaultSignIn,
}

/// What happens next, in the same words for everybody.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct SignUpAskedOut {
    message: &'static str,
}

/// Sign up. The answer is the same for known and unknown addresses: a mail says what comes next.
#[utoipa::path(post, operation_id = "askSignUp", path = "/api/v1/auth/sign-up", tag = "Sign-in", security(()), request_body = SignUpIn, responses(
    (status = 202, body = SignUpAskedOut), (status = 400, body = ErrorBody),
    (status = 404, description = "Signing up is closed on this server", body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn ask(
    State(identity): State<Identity>,
    Anybody(actor): Anybody,
    Json(input): Json<SignUpIn>,
) -> ApiResult<(StatusCode, Json<SignUpAskedOut>)> {
    let asked =
        AskedSignUp { email: input.email, workspace: input.workspace_name, sign_in: input.default_sign_in };
    identity.ask_sign_up(&actor, asked).await?;
    let message = "A mail to this address is on its way. It says what comes next.";
    Ok((StatusCode::ACCEPTED, Json(SignUpAskedOut { message })))
}

/// The mailed token, and who is behind the address.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignUpConfirmIn {
    token: Secret,
    /// The person's name, 1 to 200 characters.
    name: String,
    /// At least 8 characters; none of those that are tried first.
    password: Secret,
    /// Another name for the workspace than the one asked for, when that is taken.
    workspace_name: Option<String>,
}

/// What was made.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedUpOut {
    #[schema(value_type = String)]
    user_id: UserId,
    #[schema(value_type = String)]
    workspace_id: WorkspaceId,
}

/// Finish signing up with a mailed token: an account, a workspace, its ownership. Signing in comes afterwards.
#[utoipa::path(post, operation_id = "confirmSignUp", path = "/api/v1/auth/sign-up/confirm", tag = "Sign-in", security(()), request_body = SignUpConfirmIn, responses(
    (status = 201, body = SignedUpOut),
    (status = 400, description = "`token` counts no more, or a value does not fit", body = ErrorBody),
    (status = 404, description = "Signing up is closed on this server", body = ErrorBody),
    (status = 409, description = "The address has an account, single sign-on binds it, or `workspaceName` is taken", body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn confirm(
    State(identity): State<Identity>,
    Anybody(actor): Anybody,
    Json(input): Json<SignUpConfirmIn>,
) -> ApiResult<(StatusCode, Json<SignedUpOut>)> {
    let made = identity
        .finish_sign_up(
            &actor,
            input.token.expose(),
            &input.name,
            input.password,
            input.workspace_name.as_deref(),
        )
        .await?;
    Ok((StatusCode::CREATED, Json(SignedUpOut { user_id: made.user, workspace_id: made.workspace })))
}
