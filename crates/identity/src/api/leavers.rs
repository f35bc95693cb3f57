use axum::extract::State;
use gatehouse_types::UserId;
use gatehouse_web::{ApiResult, ErrorBody, Json, Path};
use serde::Deserialize;

use super::users::MemberOut;
use crate::api::caller::Caller;
use crate::{Identity, SignedReceipt};

/// Why a member is suspended.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub(crate) struct SuspendIn {
    /// For the receipt and the audit log; one line of at most 500 characters.
    reason: Option<String>,
}

/// Suspend a member. Everything that the person has in this workspace ends in one transaction: sessions, tokens, pending
/// invitations and links. Nothing lets the person in until access is given back. The answer is the signed receipt.
#[utoipa::path(post, operation_id = "suspendUser", path = "/api/v1/users/{id}/suspend", tag = "People", params(("id" = String, Path)), request_body = SuspendIn, responses(
    (status = 200, body = SignedReceipt), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "The last owner, or suspended already", body = ErrorBody),
))]
pub(crate) async fn suspend(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Path(id): Path<UserId>,
    Json(input): Json<SuspendIn>,
) -> ApiResult<Json<SignedReceipt>> {
    Ok(Json(identity.suspend_member(&actor, &id, input.reason.as_deref()).await?))
}

/// Give a suspended person access back, with the role as it was. Sessions, keys and links that ended stay ended.
#[utoipa::path(post, operation_id = "reactivateUser", path = "/api/v1/users/{id}/reactivate", tag = "People", params(("id" = String, Path)), responses(
    (status = 200, body = MemberOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "Not suspended", body = ErrorBody),
))]
pub(crate) async fn reactivate(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Path(id): Path<UserId>,
) -> ApiResult<Json<MemberOut>> {
    Ok(Json(identity.reactivate_member(&actor, &id).await?.into()))
}

/// Get the receipt of the last time that a person's access to this workspace ended: what ended, when and how fast, what
/// stays, and what is pending outside.
#[utoipa::path(get, operation_id = "getOffboarding", path = "/api/v1/users/{id}/offboarding", tag = "People", params(("id" = String, Path)), responses(
    (status = 200, body = SignedReceipt), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn offboarding(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Path(id): Path<UserId>,
) -> ApiResult<Json<SignedReceipt>> {
    Ok(Json(identity.offboarding(&actor, &id).await?))
}
