use axum::extract::State;
use gatehouse_types::UserId;
use gatehouse_web::{ApiResult, ErrorBody, Json, Path};
use serde::{Deserialize, Serialize};

use super::users::MemberOut;
use crate::api::caller::Caller;
use crate::{Identity, SignedReceipt, Things};

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

/// To whom the things go.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct HandOverIn {
    /// The id of a member who answers for them from now on; `null`: nobody in particular, they are the company's alone.
    #[schema(value_type = Option<String>)]
    #[serde(deserialize_with = "Option::deserialize")]
    to: Option<UserId>,
}

/// What changed hands.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HandOver)]
pub(crate) struct HandOverOut {
    /// Who answers for it; `null`: nobody in particular.
    #[schema(value_type = Option<String>)]
    to: Option<UserId>,
    /// By kind; empty when everything had gone before.
    handed_over: Vec<Things>,
}

/// Hand over what stays of somebody whose access ended here: another member answers for it, or nobody in particular. All in
/// one transaction; said again, it changes nothing.
#[utoipa::path(post, operation_id = "handOver", path = "/api/v1/users/{id}/offboarding/hand-over", tag = "People", params(("id" = String, Path)), request_body = HandOverIn, responses(
    (status = 200, body = HandOverOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, description = "The person's access never ended here", body = ErrorBody),
))]
pub(crate) async fn hand_over(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Path(id): Path<UserId>,
    Json(input): Json<HandOverIn>,
) -> ApiResult<Json<HandOverOut>> {
    let handed_over = identity.hand_over(&actor, &id, input.to.as_ref()).await?;
    Ok(Json(HandOverOut { to: input.to, handed_over }))
}
