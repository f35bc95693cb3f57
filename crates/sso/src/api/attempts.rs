use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_store::decisions::Reason;
use gatehouse_types::{ConnectionId, DecisionId, Error, Page, SsoAttemptId, Timestamp};
use gatehouse_web::{ApiResult, ErrorBody, Json, Paging, Path, Query};
use serde::{Deserialize, Serialize};

use crate::Sso;
use crate::model::{Attempt, Flow};

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
    /// The checks passed, and the one that failed.
    checks: Vec<Reason>,
    #[schema(value_type = Option<String>)]
    decision: Option<DecisionId>,
    ip: Option<String>,
    /// Whether the message itself is kept, sealed, for 14 days.
    has_response: bool,
}

impl From<Attempt> for AttemptOut {
    fn from(a: Attempt) -> Self {
        Self {
            id: a.id,
            at: a.at,
            flow: a.flow,
            outcome: if a.success { "success" } else { "failure" },
            reason: a.reason,
            subject: a.subject,
            checks: a.checks,
            decision: a.decision_id,
            ip: a.ip,
            has_response: a.has_message,
        }
    }
}

/// Which attempts to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListIn {
    /// `success` or `failure`.
    outcome: Option<String>,
}

/// List the sign-in attempts of a connection, newest first.
#[utoipa::path(get, operation_id = "listSsoAttempts", path = "/api/v1/sso/connections/{id}/attempts", tag = "Single sign-on",
    params(("id" = String, Path), ListIn), responses(
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
    let outcome = input.outcome.as_deref();
    if !matches!(outcome, None | Some("success" | "failure")) {
        return Err(Error::validation("outcome", "outcome must be success or failure.").into());
    }
    Ok(Json(sso.attempts(&actor, &id, outcome, page).await?.map(Into::into)))
}

/// Get one sign-in attempt with its checks.
#[utoipa::path(get, operation_id = "getSsoAttempt", path = "/api/v1/sso/connections/{id}/attempts/{attempt_id}", tag = "Single sign-on",
    params(("id" = String, Path), ("attempt_id" = String, Path)), responses(
    (status = 200, body = AttemptOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path((id, attempt)): Path<(ConnectionId, SsoAttemptId)>,
) -> ApiResult<Json<AttemptOut>> {
    Ok(Json(sso.attempt(&actor, &id, &attempt).await?.into()))
}
