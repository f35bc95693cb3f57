use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_store::decisions::Reason;
use gatehouse_types::{ConnectionId, DecisionId, Error, Page, Result, SsoAttemptId, Timestamp};
use gatehouse_web::{ApiResult, ErrorBody, Json, PageParams, Paging, Path, Query};
use serde::{Deserialize, Serialize};

use crate::Sso;
use crate::model::{Attempt, Comparison, Flow, Moment, Trace, TraceCheck};
use crate::store::attempts::Wanted;

/// A try to sign in through a connection.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsoAttempt)]
pub(crate) struct AttemptOut {
    #[schema(value_type = String)]
    id: SsoAttemptId,
    at: Timestamp,
    flow: Flow,
    /// `success` or `failure`.
    outcome: &'static str,
    /// The code of the check that failed.
    reason: Option<String>,
    /// Whom the provider named, when its word was verified.
    subject: Option<String>,
    /// The person's e-mail address, when the provider's word was verified.
    email: Option<String>,
    /// Whether the older certificate had to stand in for the latest one.
    used_fallback_certificate: bool,
    /// The checks passed, and the one that failed.
    checks: Vec<Reason>,
    #[schema(value_type = Option<String>)]
    decision: Option<DecisionId>,
    request_id: String,
    ip: Option<String>,
    /// The browser, as it names itself.
    browser: Option<String>,
    /// Whether the message itself is kept, sealed, for 14 days.
    has_response: bool,
    /// When the attempt is forgotten.
    expires_at: Timestamp,
}

const fn outcome(success: bool) -> &'static str {
    if success { "success" } else { "failure" }
}

impl From<Attempt> for AttemptOut {
    fn from(a: Attempt) -> Self {
        Self {
            used_fallback_certificate: a.used_fallback_certificate(),
            id: a.id,
            at: a.at,
            flow: a.flow,
            outcome: outcome(a.success),
            reason: a.reason,
            subject: a.subject,
            email: a.email,
            checks: a.checks,
            decision: a.decision_id,
            request_id: a.request_id,
            ip: a.ip,
            browser: a.browser,
            has_response: a.has_message,
            expires_at: a.expires_at,
        }
    }
}

/// A try to sign in with everything that is known of it.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsoTrace)]
pub(crate) struct TraceOut {
    #[schema(value_type = String)]
    id: SsoAttemptId,
    at: Timestamp,
    flow: Flow,
    /// `success` or `failure`.
    outcome: &'static str,
    /// The code of the check that failed.
    reason: Option<String>,
    subject: Option<String>,
    email: Option<String>,
    /// The checks in their order and plain words, up to the one that failed.
    checks: Vec<TraceCheck>,
    /// What was expected beside what was found.
    compared: Vec<Comparison>,
    /// The times of the message, and the one of its arrival.
    times: Vec<Moment>,
    /// The provider's clock minus ours at the arrival, in seconds; the way the response took counts too.
    clock_difference_seconds: Option<i64>,
    certificates: Certificates,
    #[schema(value_type = Option<String>)]
    decision: Option<DecisionId>,
    request_id: String,
    ip: Option<String>,
    browser: Option<String>,
    has_response: bool,
    expires_at: Timestamp,
    /// The message's XML, indented. Signature values, ciphertexts and certificates are shortened, what could tell who
    /// the person is is masked unless it was revealed. Absent when no message is kept or it is no XML.
    message: Option<String>,
}

/// Certificates by their SHA-256 fingerprints.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Certificates {
    /// Those of the connection at that moment, the latest first.
    pinned: Vec<String>,
    /// The pinned one that verified the signature.
    used: Option<String>,
    /// Those that came with the message; never trusted.
    sent: Vec<String>,
}

impl From<Trace> for TraceOut {
    fn from(trace: Trace) -> Self {
        let a = trace.attempt;
        let facts = a.facts.unwrap_or_default();
        Self {
            id: a.id,
            at: a.at,
            flow: a.flow,
            outcome: outcome(a.success),
            reason: a.reason,
            subject: a.subject,
            email: a.email,
            checks: trace.checks,
            compared: trace.compared,
            times: trace.times,
            clock_difference_seconds: trace.clock_difference,
            certificates: Certificates {
                pinned: facts.expected.certificates,
                used: trace.used_certificate,
                sent: facts.found.certificates,
            },
            decision: a.decision_id,
            request_id: a.request_id,
            ip: a.ip,
            browser: a.browser,
            has_response: a.has_message,
            expires_at: a.expires_at,
            message: trace.message,
        }
    }
}

/// Which attempts to list.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListIn {
    /// `success` or `failure`.
    pub(crate) outcome: Option<String>,
    /// This code of a failed check, exactly.
    pub(crate) reason: Option<String>,
    /// A part of the subject or of the e-mail address.
    pub(crate) search: Option<String>,
    /// At or after: a date or an RFC 3339 time.
    pub(crate) start_date: Option<String>,
    /// Before: an RFC 3339 time; a date counts to its end.
    pub(crate) end_date: Option<String>,
    /// `sp-initiated`, `idp-initiated` or `logout`.
    pub(crate) flow: Option<String>,
}

impl TryFrom<ListIn> for Wanted {
    type Error = Error;

    fn try_from(input: ListIn) -> Result<Self> {
        let given = |text: Option<String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        let outcome = match given(input.outcome).as_deref() {
            None => None,
            Some("success") => Some("success"),
            Some("failure") => Some("failure"),
            Some(_) => return Err(Error::validation("outcome", "outcome must be success or failure.")),
        };
        let flow = match given(input.flow).as_deref() {
            None => None,
            Some("sp-initiated") => Some(Flow::SpInitiated),
            Some("idp-initiated") => Some(Flow::IdpInitiated),
            Some("logout") => Some(Flow::Logout),
            Some(_) => {
                return Err(Error::validation("flow", "flow must be sp-initiated, idp-initiated or logout."));
            }
        };
        Ok(Self {
            outcome,
            flow,
            reason: given(input.reason),
            search: given(input.search),
            start: time("startDate", given(input.start_date), 0)?,
            end: time("endDate", given(input.end_date), 86_400)?,
        })
    }
}

/// A time, or a date `after` seconds later.
fn time(field: &'static str, text: Option<String>, after: i64) -> Result<Option<Timestamp>> {
    let date = |t: &str| Timestamp::parse(&format!("{t}T00:00:00Z")).map(|day| day.plus_seconds(after));
    let read = |t: String| {
        Timestamp::parse(&t).or_else(|| date(&t)).ok_or_else(|| {
            Error::validation(
                field,
                format!("{field} must be a date like 2026-01-15 or a time like 2026-01-15T10:00:00Z."),
            )
        })
    };
    text.map(read).transpose()
}

/// List the sign-in attempts of a connection, newest first.
#[utoipa::path(get, operation_id = "listSsoAttempts", path = "/api/v1/sso/connections/{id}/attempts", tag = "Single sign-on",
    params(("id" = String, Path), ListIn, PageParams), responses(
    (status = 200, body = Page<AttemptOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path(id): Path<ConnectionId>,
    Paging(page): Paging<50>,
    Query(input): Query<ListIn>,
) -> ApiResult<Json<Page<AttemptOut>>> {
    let wanted = Wanted::try_from(input)?;
    Ok(Json(sso.attempts(&actor, Some(&id), &wanted, page).await?.map(Into::into)))
}

/// Get one sign-in attempt with its checks in plain words and its message without the person.
#[utoipa::path(get, operation_id = "getSsoAttempt", path = "/api/v1/sso/connections/{id}/attempts/{attempt_id}", tag = "Single sign-on",
    params(("id" = String, Path), ("attempt_id" = String, Path)), responses(
    (status = 200, body = TraceOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path((id, attempt)): Path<(ConnectionId, SsoAttemptId)>,
) -> ApiResult<Json<TraceOut>> {
    Ok(Json(sso.trace(&actor, Some(&id), &attempt).await?.into()))
}

/// Get one sign-in attempt with what its message says of the person. The look is recorded as `sso.trace-revealed`.
#[utoipa::path(post, operation_id = "revealSsoAttempt", path = "/api/v1/sso/connections/{id}/attempts/{attempt_id}/reveal", tag = "Single sign-on",
    params(("id" = String, Path), ("attempt_id" = String, Path)), responses(
    (status = 200, body = TraceOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn reveal(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path((id, attempt)): Path<(ConnectionId, SsoAttemptId)>,
) -> ApiResult<(axum::Extension<gatehouse_web::NeverStored>, Json<TraceOut>)> {
    let trace = sso.reveal_trace(&actor, Some(&id), &attempt).await?;
    Ok((axum::Extension(gatehouse_web::NeverStored), Json(trace.into())))
}
