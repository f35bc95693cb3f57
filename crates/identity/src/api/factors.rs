use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Error, FactorId, Secret, Timestamp};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, NeverStored, Path};
use serde::{Deserialize, Serialize};

use crate::api::caller::Caller;
use crate::model::{Factor, FactorKind};
use crate::{Assertion, Enrolled, Identity, Proof, TotpOffer};

/// The person's second steps.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FactorsOut {
    /// Oldest first.
    data: Vec<FactorOut>,
    recovery_codes_left: i64,
    /// Whether changes may be made now; else `POST /api/v1/me/reauthenticate` comes first.
    proven: bool,
}

/// A second step.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FactorOut {
    #[schema(value_type = String)]
    id: FactorId,
    #[serde(rename = "type")]
    kind: FactorKind,
    name: String,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

impl From<Factor> for FactorOut {
    fn from(f: Factor) -> Self {
        Self { id: f.id, kind: f.kind, name: f.name, created_at: f.created_at, last_used_at: f.last_used_at }
    }
}

/// What an authenticator app needs to know; shown this once.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TotpOfferOut {
    /// Base32, for typing in.
    secret: String,
    /// The same as an `otpauth://` address.
    otpauth_uri: String,
    /// The address as a QR code, an SVG.
    qr_svg: String,
}

impl From<&TotpOffer> for TotpOfferOut {
    fn from(offer: &TotpOffer) -> Self {
        let text = |s: &Secret| s.expose().to_owned();
        Self { secret: text(&offer.secret), otpauth_uri: text(&offer.uri), qr_svg: text(&offer.qr_svg) }
    }
}

/// A code of the authenticator app.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct CodeIn {
    code: Secret,
}

/// A second step just set up.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnrolledOut {
    factor: FactorOut,
    /// With the first second step: the codes on paper, shown this once. Each works once.
    recovery_codes: Vec<String>,
}

/// Codes on paper.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecoveryCodesOut {
    /// Shown this once. Each works once.
    recovery_codes: Vec<String>,
}

impl From<Enrolled> for EnrolledOut {
    fn from(done: Enrolled) -> Self {
        Self { factor: done.factor.into(), recovery_codes: plain(&done.recovery_codes) }
    }
}

pub(crate) fn plain(codes: &[Secret]) -> Vec<String> {
    codes.iter().map(|c| c.expose().to_owned()).collect()
}

/// One's own second steps.
#[utoipa::path(get, operation_id = "listFactors", path = "/api/v1/me/factors", tag = "Second step", responses(
    (status = 200, body = FactorsOut), (status = 401, body = ErrorBody),
))]
pub(crate) async fn list(
    State(identity): State<Identity>,
    Caller(actor): Caller,
) -> ApiResult<Json<FactorsOut>> {
    let own = identity.own_factors(&actor).await?;
    Ok(Json(FactorsOut {
        data: own.factors.into_iter().map(Into::into).collect(),
        recovery_codes_left: own.recovery_codes_left,
        proven: own.is_proven,
    }))
}

/// Begin to set up an authenticator app (TOTP, RFC 6238).
///
/// It counts once a code of it was confirmed. Beginning again makes a new secret.
#[utoipa::path(post, operation_id = "beginTotp", path = "/api/v1/me/factors/totp", tag = "Second step", responses(
    (status = 200, body = TotpOfferOut), (status = 401, body = ErrorBody),
    (status = 403, description = "Prove who you are first", body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn begin_totp(
    State(identity): State<Identity>,
    Caller(actor): Caller,
) -> ApiResult<Response> {
    let offer = identity.begin_totp(&actor).await?;
    Ok((Extension(NeverStored), Json(TotpOfferOut::from(&offer))).into_response())
}

/// Finish setting up the authenticator app with a code that it shows.
#[utoipa::path(post, operation_id = "confirmTotp", path = "/api/v1/me/factors/totp/confirm", tag = "Second step", request_body = CodeIn, responses(
    (status = 200, body = EnrolledOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn confirm_totp(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Json(input): Json<CodeIn>,
) -> ApiResult<Response> {
    let done = identity.confirm_totp(&actor, &input.code).await?;
    Ok((Extension(NeverStored), Json(EnrolledOut::from(done))).into_response())
}

/// New recovery codes; the old ones stop working.
#[utoipa::path(post, operation_id = "renewRecoveryCodes", path = "/api/v1/me/factors/recovery-codes", tag = "Second step", responses(
    (status = 200, body = RecoveryCodesOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 409, description = "There is no second step", body = ErrorBody),
))]
pub(crate) async fn renew_recovery_codes(
    State(identity): State<Identity>,
    Caller(actor): Caller,
) -> ApiResult<Response> {
    let codes = identity.renew_recovery_codes(&actor).await?;
    Ok((Extension(NeverStored), Json(RecoveryCodesOut { recovery_codes: plain(&codes) })).into_response())
}

/// Take a second step away. With the last one the recovery codes go too.
#[utoipa::path(delete, operation_id = "removeFactor", path = "/api/v1/me/factors/{id}", tag = "Second step",
    params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "A workspace demands one", body = ErrorBody),
))]
pub(crate) async fn remove(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Deleted> {
    let id: FactorId = id.parse().map_err(|_| Error::not_found("Second step"))?;
    identity.remove_factor(&actor, &id).await?;
    Ok(Deleted::done())
}

/// The password, a code of the authenticator app, or a passkey.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct ProofIn {
    password: Option<Secret>,
    code: Option<Secret>,
    /// With `passkey`: `challenge` of `POST /api/v1/me/reauthenticate/passkey-options`.
    challenge: Option<Secret>,
    passkey: Option<Assertion>,
}

/// Prove anew who one is; for 10 minutes the own second steps may be changed.
#[utoipa::path(post, operation_id = "reauthenticate", path = "/api/v1/me/reauthenticate", tag = "Second step", request_body = ProofIn, responses(
    (status = 200, description = "Proven"), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn reauthenticate(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Json(input): Json<ProofIn>,
) -> ApiResult<Response> {
    let proof = match (input.password, input.code, input.passkey) {
        (Some(password), None, None) => Proof::Password(password),
        (None, Some(code), None) => Proof::Code(code),
        (None, None, Some(passkey)) => {
            let challenge = input.challenge;
            let missing = || Error::validation("challenge", "A passkey comes with the challenge it answers.");
            Proof::Passkey { challenge: challenge.ok_or_else(missing)?, passkey: Box::new(passkey) }
        }
        _ => {
            let message = "Send exactly one of password, code and passkey.";
            return Err(Error::validation("password", message).into());
        }
    };
    identity.reauthenticate(&actor, proof).await?;
    Ok((Extension(NeverStored), Json(serde_json::json!({"proven": true}))).into_response())
}
