use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Error, FactorId, Secret};
use gatehouse_web::{ApiResult, Created, ErrorBody, Json, NeverStored, Path, Web};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::caller::Caller;
use crate::api::factors::{EnrolledOut, FactorOut};
use crate::api::second_step::{ChallengeIn, named};
use crate::{Ceremony, Identity, NewCredential};

/// What a browser needs to make a passkey.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PasskeyOfferOut {
    /// Names what was begun, once, for 5 minutes.
    ceremony: String,
    /// `publicKey` of `navigator.credentials.create()`: a `PublicKeyCredentialCreationOptionsJSON` (WebAuthn Level 3).
    #[schema(value_type = Object)]
    public_key: Value,
}

/// Begin to set up a passkey.
///
/// Bound to the session; beginning again voids what was begun before.
#[utoipa::path(post, operation_id = "beginPasskey", path = "/api/v1/me/factors/passkeys", tag = "Second step", responses(
    (status = 200, body = PasskeyOfferOut), (status = 401, body = ErrorBody),
    (status = 403, description = "Prove who you are first", body = ErrorBody),
    (status = 409, description = "There are 10 already, or the public URL is neither https with a host name nor localhost", body = ErrorBody),
))]
pub(crate) async fn begin(State(identity): State<Identity>, Caller(actor): Caller) -> ApiResult<Response> {
    let Ceremony { id, options } = identity.begin_passkey(&actor).await?;
    let out = PasskeyOfferOut { ceremony: id.expose().to_owned(), public_key: options };
    Ok((Extension(NeverStored), Json(out)).into_response())
}

/// What the browser made.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct PasskeyIn {
    /// `ceremony` of the beginning.
    ceremony: Secret,
    /// What the person calls it; 1 to 100 characters.
    name: String,
    credential: NewCredential,
}

/// Finish setting up a passkey, with what the browser made.
///
/// Whatever comes of it, the ceremony is over.
#[utoipa::path(post, operation_id = "confirmPasskey", path = "/api/v1/me/factors/passkeys/confirm", tag = "Second step", request_body = PasskeyIn, responses(
    (status = 201, body = EnrolledOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, description = "None was begun in this session", body = ErrorBody),
    (status = 409, description = "It is set up already", body = ErrorBody),
))]
pub(crate) async fn confirm(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Json(input): Json<PasskeyIn>,
) -> ApiResult<Response> {
    let done = identity.confirm_passkey(&actor, &input.ceremony, &input.name, &input.credential).await?;
    Ok((Extension(NeverStored), Created(EnrolledOut::from(done))).into_response())
}

/// Another name.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct FactorNameIn {
    /// 1 to 100 characters.
    name: String,
}

/// Give a second step another name.
#[utoipa::path(put, operation_id = "renameFactor", path = "/api/v1/me/factors/{id}", tag = "Second step", params(("id" = String, Path)),
    request_body = FactorNameIn, responses(
    (status = 200, body = FactorOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn rename(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Json(input): Json<FactorNameIn>,
) -> ApiResult<Json<FactorOut>> {
    let id: FactorId = id.parse().map_err(|_| Error::not_found("Second step"))?;
    Ok(Json(identity.rename_factor(&actor, &id, &input.name).await?.into()))
}

/// What a browser needs to use a passkey.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PasskeyQuestionOut {
    /// `publicKey` of `navigator.credentials.get()`: a `PublicKeyCredentialRequestOptionsJSON` (WebAuthn Level 3).
    #[schema(value_type = Object)]
    public_key: Value,
}

/// Ask for a passkey as the second step of a sign-in.
///
/// The cookie that came with the challenge must come along. What was asked counts for one answer; ask again for the next.
#[utoipa::path(post, operation_id = "secondStepPasskeyOptions", path = "/api/v1/auth/second-step/passkey-options", tag = "Sign-in", security(()), request_body = ChallengeIn, responses(
    (status = 200, body = PasskeyQuestionOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 409, description = "The person has no passkey, or the public URL is neither https with a host name nor localhost", body = ErrorBody),
))]
pub(crate) async fn second_step_options(
    State(identity): State<Identity>,
    web: Web,
    headers: HeaderMap,
    Json(input): Json<ChallengeIn>,
) -> ApiResult<Response> {
    let public_key = identity.second_step_passkey(&named(&web, &headers, input.challenge)).await?;
    Ok((Extension(NeverStored), Json(PasskeyQuestionOut { public_key })).into_response())
}

/// What a browser needs to prove with a passkey who sits there.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PasskeyProofOut {
    /// For `POST /api/v1/me/reauthenticate`, once, for 5 minutes.
    challenge: String,
    /// `publicKey` of `navigator.credentials.get()`: a `PublicKeyCredentialRequestOptionsJSON` (WebAuthn Level 3).
    #[schema(value_type = Object)]
    public_key: Value,
}

/// Ask for a passkey to prove anew who one is.
#[utoipa::path(post, operation_id = "reauthenticatePasskeyOptions", path = "/api/v1/me/reauthenticate/passkey-options", tag = "Second step", responses(
    (status = 200, body = PasskeyProofOut), (status = 401, body = ErrorBody),
    (status = 409, description = "There is no passkey, or the public URL is neither https with a host name nor localhost", body = ErrorBody),
))]
pub(crate) async fn proof_options(
    State(identity): State<Identity>,
    Caller(actor): Caller,
) -> ApiResult<Response> {
    let Ceremony { id, options } = identity.proof_passkey(&actor).await?;
    let out = PasskeyProofOut { challenge: id.expose().to_owned(), public_key: options };
    Ok((Extension(NeverStored), Json(out)).into_response())
}
