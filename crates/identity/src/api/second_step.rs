use axum::Extension;
use axum::extract::State;
use axum::http::header::{SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Error, Result, Secret};
use gatehouse_web::{ApiResult, CookieKind, ErrorBody, Json, NeverStored, Web};
use serde::{Deserialize, Serialize};

use crate::api::auth::{LoginOut, signed_in};
use crate::api::caller::Anybody;
use crate::api::factors::TotpOfferOut;
use crate::model::FactorKind;
use crate::{Asked, Assertion, CHALLENGE_SECONDS, Device, Identity, Pending, SecondStep};

/// What the caller is told after the right password of a person with a second step.
const NEXT: &str = "A second step is needed. Answer the challenge.";
const ENROL: &str = "This workspace demands a second step. Set up an authenticator app with the challenge.";

/// Why a sign-in did not begin a session.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct LoginRefused {
    error: LoginError,
}

/// What failed, or what comes next.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoginError {
    /// Always `authentication_error`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What happened and what to do next.
    message: &'static str,
    /// The id of the recorded reason, when the password was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<String>,
    /// After the right password: names the question, for `POST /api/v1/auth/second-step`, for 5 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
    /// What may answer it. Empty: set up an authenticator app first (`POST /api/v1/auth/second-step/enrolment`).
    #[serde(skip_serializing_if = "Option::is_none")]
    factors: Option<Vec<FactorKind>>,
}

/// The answer that asks for the second step; the cookie binds the question to this browser.
pub(crate) fn asked(web: &Web, pending: &Pending) -> ApiResult<Response> {
    let message = if pending.factors.is_empty() { ENROL } else { NEXT };
    let error = LoginError {
        kind: "authentication_error",
        message,
        decision: None,
        challenge: Some(pending.challenge.expose().to_owned()),
        factors: Some(pending.factors.clone()),
    };
    let body = Json(LoginRefused { error });
    let mut response = (StatusCode::UNAUTHORIZED, Extension(NeverStored), body).into_response();
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response.headers_mut().append(SET_COOKIE, challenge_cookie(web, pending)?);
    Ok(response)
}

/// The cookie of an open question: both its secrets, because the pages have no other place for them.
pub(crate) fn challenge_cookie(web: &Web, pending: &Pending) -> Result<HeaderValue> {
    let value = format!("{}.{}", pending.challenge.expose(), pending.browser.expose());
    let seconds = u32::try_from(CHALLENGE_SECONDS).ok();
    web.cookies()
        .set(CookieKind::SecondStep, &value, seconds)
        .map_err(|_| Error::internal("a cookie has odd text"))
}

/// The question that this browser was asked.
pub(crate) fn asked_here(web: &Web, headers: &HeaderMap) -> Option<Asked> {
    let (challenge, browser) = web.cookies().get(headers, CookieKind::SecondStep)?.split_once('.')?;
    Some(Asked { challenge: Secret::new(challenge), browser: Secret::new(browser) })
}

/// A question as a program names it, in the browser that was asked.
pub(crate) fn named(web: &Web, headers: &HeaderMap, challenge: Secret) -> Asked {
    let browser = asked_here(web, headers).map_or_else(|| Secret::new(""), |a| a.browser);
    Asked { challenge, browser }
}

/// The second step. Exactly one of `code`, `recoveryCode` and `passkey`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecondStepIn {
    /// `error.challenge` of the login.
    challenge: Secret,
    /// Six digits of the authenticator app.
    code: Option<Secret>,
    /// One of the codes on paper; each works once.
    recovery_code: Option<Secret>,
    /// What the browser gave for the options of `POST /api/v1/auth/second-step/passkey-options`.
    passkey: Option<Assertion>,
}

fn answer(input: SecondStepIn) -> Result<(Secret, SecondStep)> {
    let step = match (input.code, input.recovery_code, input.passkey) {
        (Some(code), None, None) => SecondStep::Code(code),
        (None, Some(code), None) => SecondStep::RecoveryCode(code),
        (None, None, Some(passkey)) => SecondStep::Passkey(Box::new(passkey)),
        _ => return Err(Error::validation("code", "Send exactly one of code, recoveryCode and passkey.")),
    };
    Ok((input.challenge, step))
}

/// Finish a sign-in with its second step.
///
/// The cookie that came with the challenge must come along: a challenge is good in the browser that was asked, once,
/// for 5 minutes and 5 answers.
#[utoipa::path(post, operation_id = "secondStep", path = "/api/v1/auth/second-step", tag = "Sign-in", security(()), request_body = SecondStepIn, responses(
    (status = 200, description = "Signed in; the session cookie is set too", body = LoginOut),
    (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn second_step(
    State(identity): State<Identity>,
    web: Web,
    Anybody(actor): Anybody,
    headers: HeaderMap,
    Json(input): Json<SecondStepIn>,
) -> ApiResult<Response> {
    let (challenge, step) = answer(input)?;
    let asked = named(&web, &headers, challenge);
    let done = identity.finish_second_step(&actor, &asked, step, None, Device::Program).await?;
    let mut response =
        signed_in(&web, done.logged_in.signed, done.logged_in.workspaces, &done.recovery_codes)?;
    response.headers_mut().append(SET_COOKIE, web.cookies().clear(CookieKind::SecondStep));
    Ok(response)
}

/// The question.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct ChallengeIn {
    /// `error.challenge` of the login.
    pub(crate) challenge: Secret,
}

/// Set up an authenticator app on the way in, where the workspace demands a second step.
///
/// Answer the challenge with the first code that the app shows.
#[utoipa::path(post, operation_id = "secondStepEnrolment", path = "/api/v1/auth/second-step/enrolment", tag = "Sign-in", security(()), request_body = ChallengeIn, responses(
    (status = 200, body = TotpOfferOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 409, description = "The person has a second step already", body = ErrorBody),
))]
pub(crate) async fn enrolment(
    State(identity): State<Identity>,
    web: Web,
    headers: HeaderMap,
    Json(input): Json<ChallengeIn>,
) -> ApiResult<Response> {
    let offer = identity.second_step_enrolment(&named(&web, &headers, input.challenge)).await?;
    Ok((Extension(NeverStored), Json(TotpOfferOut::from(&offer))).into_response())
}
