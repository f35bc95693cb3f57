use axum::Extension;
use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_types::{ConnectionId, SsoAttemptId, Timestamp, TraceShareId};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, NeverStored, Path};
use serde::{Deserialize, Serialize};

use super::views::LifeOut;
use crate::Sso;
use crate::model::Share;

/// How long a link to an attempt lives.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShareIn {
    /// 1 to 14, default 7; never longer than the attempt itself is kept.
    expires_in_days: Option<i64>,
}

/// A link that shows an attempt to somebody without an account.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsoTraceShare)]
pub(crate) struct ShareOut {
    #[schema(value_type = String)]
    id: TraceShareId,
    #[serde(flatten)]
    life: LifeOut,
}

impl ShareOut {
    fn of(share: Share, now: Timestamp) -> Self {
        Self { id: share.id, life: LifeOut::of(share.life, now) }
    }
}

/// A new link; its address is told this once.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct SharedOut {
    share: ShareOut,
    /// The address to send. Whoever has it sees the attempt, without people.
    url: String,
}

/// The links of an attempt.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct SharesOut {
    /// The latest first.
    data: Vec<ShareOut>,
}

/// Make a link that shows an attempt to the provider's administrator, who needs no account.
#[utoipa::path(post, operation_id = "shareSsoAttempt", path = "/api/v1/sso/connections/{id}/attempts/{attempt_id}/share", tag = "Single sign-on",
    params(("id" = String, Path), ("attempt_id" = String, Path)), request_body = ShareIn, responses(
    (status = 200, body = SharedOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn create(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path((id, attempt)): Path<(ConnectionId, SsoAttemptId)>,
    Json(input): Json<ShareIn>,
) -> ApiResult<(Extension<NeverStored>, Json<SharedOut>)> {
    let made = sso.share_trace(&actor, Some(&id), &attempt, input.expires_in_days).await?;
    let share = ShareOut::of(made.share, sso.0.store.now());
    Ok((Extension(NeverStored), Json(SharedOut { share, url: made.url.expose().to_owned() })))
}

/// List the links of an attempt, without their addresses.
#[utoipa::path(get, operation_id = "listSsoAttemptShares", path = "/api/v1/sso/connections/{id}/attempts/{attempt_id}/shares", tag = "Single sign-on",
    params(("id" = String, Path), ("attempt_id" = String, Path)), responses(
    (status = 200, body = SharesOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path((id, attempt)): Path<(ConnectionId, SsoAttemptId)>,
) -> ApiResult<Json<SharesOut>> {
    let shares = sso.trace_shares(&actor, Some(&id), &attempt).await?;
    let now = sso.0.store.now();
    Ok(Json(SharesOut { data: shares.into_iter().map(|s| ShareOut::of(s, now)).collect() }))
}

/// Take a link back.
#[utoipa::path(delete, operation_id = "revokeSsoAttemptShare", path = "/api/v1/sso/connections/{id}/attempts/{attempt_id}/shares/{share_id}", tag = "Single sign-on",
    params(("id" = String, Path), ("attempt_id" = String, Path), ("share_id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn revoke(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path((id, attempt, share)): Path<(ConnectionId, SsoAttemptId, TraceShareId)>,
) -> ApiResult<Deleted> {
    sso.revoke_share(&actor, Some(&id), &attempt, &share).await?;
    Ok(Deleted::done())
}
