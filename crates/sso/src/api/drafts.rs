use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_types::{ConnectionId, DraftId, Page, Role, SsoAttemptId, Timestamp, UserId};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, PageParams, Paging, Path};
use serde::{Deserialize, Serialize};

use super::connections::ConnectionIn;
use super::views::ConnectionOut;
use crate::Sso;
use crate::service::connections::ConnectionView;
use crate::service::drafts::{DraftView, Replay, ReplayedPerson};

/// A change to a connection that waits for its proof.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsoDraft)]
pub(crate) struct DraftOut {
    #[schema(value_type = String)]
    id: DraftId,
    #[schema(value_type = String)]
    connection_id: ConnectionId,
    /// The version of the connection that it began from.
    base_version: i64,
    /// Whether the connection was changed since; the draft cannot be activated then.
    stale: bool,
    /// The names of what it changes.
    changes: Vec<String>,
    /// The connection as it would be, without its domains.
    proposed: ConnectionOut,
    created_by: Option<String>,
    created_at: Timestamp,
    /// When the recorded sign-ins were last run against it.
    replayed_at: Option<Timestamp>,
}

impl DraftOut {
    fn of(sso: &Sso, view: DraftView) -> Self {
        let DraftView { draft, connection, proposed } = view;
        Self {
            stale: draft.is_stale(&connection),
            changes: draft.changes(&connection),
            proposed: ConnectionOut::of(sso, ConnectionView { connection: proposed, domains: Vec::new() }),
            id: draft.id,
            connection_id: draft.connection_id,
            base_version: draft.base_version,
            created_by: draft.created_by.map(|u| u.to_string()),
            created_at: draft.created_at,
            replayed_at: draft.replayed_at,
        }
    }
}

/// What the recorded sign-ins would come to.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsoReplay)]
pub(crate) struct ReplayOut {
    replayed_at: Timestamp,
    /// Sign-ins of this moment and later were run.
    since: Timestamp,
    summary: SummaryOut,
    /// People by their last recorded sign-in: who would be locked out first, owners before others; 1000 at most.
    people: Vec<PersonOut>,
}

/// The figures of a replay.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsoReplaySummary)]
pub(crate) struct SummaryOut {
    /// Sign-ins that were run.
    replayed: usize,
    /// Sign-ins that were good and would be refused.
    would_fail: usize,
    /// Sign-ins that could not be run: no message is kept, or no configuration decided them.
    skipped: usize,
    people: usize,
    /// People who signed in and would not any more.
    locked_out: usize,
    /// Owners among them.
    owners_locked_out: usize,
    /// People who were refused and would get in.
    let_in: usize,
}

/// One person's last recorded sign-in, then and under the draft.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsoReplayedPerson)]
pub(crate) struct PersonOut {
    email: Option<String>,
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    #[schema(value_type = String)]
    attempt_id: SsoAttemptId,
    at: Timestamp,
    /// `success` or `failure`, as it was recorded.
    before: &'static str,
    /// `success` or `failure`, under the draft.
    after: &'static str,
    locked_out: bool,
    /// The role that the person would have.
    role: Option<Role>,
    /// The role that the person has.
    current_role: Option<Role>,
    /// The check that would fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    owner: bool,
    /// Whether the person may sign in without the provider as well.
    other_way_in: bool,
}

const fn outcome(good: bool) -> &'static str {
    if good { "success" } else { "failure" }
}

impl From<ReplayedPerson> for PersonOut {
    fn from(p: ReplayedPerson) -> Self {
        Self {
            locked_out: p.is_locked_out(),
            email: p.email,
            user_id: p.user_id,
            attempt_id: p.attempt_id,
            at: p.at,
            before: outcome(p.before),
            after: outcome(p.after),
            role: p.role,
            current_role: p.current_role,
            reason: p.reason,
            detail: p.detail,
            owner: p.owner,
            other_way_in: p.other_way_in,
        }
    }
}

impl From<Replay> for ReplayOut {
    fn from(r: Replay) -> Self {
        Self {
            replayed_at: r.at,
            since: r.since,
            summary: SummaryOut {
                replayed: r.replayed,
                would_fail: r.would_fail,
                skipped: r.skipped,
                people: r.total,
                locked_out: r.locked_out,
                owners_locked_out: r.owners_locked_out,
                let_in: r.let_in,
            },
            people: r.people.into_iter().map(Into::into).collect(),
        }
    }
}

/// Keep a change to a connection as a draft, as a PUT to the connection would say it; nothing that people sign in with changes.
#[utoipa::path(post, operation_id = "createSsoDraft", path = "/api/v1/sso/connections/{id}/drafts", tag = "Single sign-on", params(("id" = String, Path)),
    request_body = ConnectionIn, responses(
    (status = 200, body = DraftOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn create(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path(id): Path<ConnectionId>,
    Json(input): Json<ConnectionIn>,
) -> ApiResult<Json<DraftOut>> {
    input.same_protocol(&sso.connection(&actor, &id).await?.connection)?;
    Ok(Json(DraftOut::of(&sso, sso.create_draft(&actor, &id, input.into_patch()?).await?)))
}

/// List a connection's drafts, the latest first.
#[utoipa::path(get, operation_id = "listSsoDrafts", path = "/api/v1/sso/connections/{id}/drafts", tag = "Single sign-on", params(("id" = String, Path), PageParams), responses(
    (status = 200, body = Page<DraftOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path(id): Path<ConnectionId>,
    Paging(page): Paging<50>,
) -> ApiResult<Json<Page<DraftOut>>> {
    Ok(Json(sso.drafts(&actor, &id, page).await?.map(|view| DraftOut::of(&sso, view))))
}

/// Get a draft.
#[utoipa::path(get, operation_id = "getSsoDraft", path = "/api/v1/sso/connections/{id}/drafts/{draft_id}", tag = "Single sign-on",
    params(("id" = String, Path), ("draft_id" = String, Path)), responses(
    (status = 200, body = DraftOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path((id, draft)): Path<(ConnectionId, DraftId)>,
) -> ApiResult<Json<DraftOut>> {
    Ok(Json(DraftOut::of(&sso, sso.draft(&actor, &id, &draft).await?)))
}

/// Throw a draft away.
#[utoipa::path(delete, operation_id = "discardSsoDraft", path = "/api/v1/sso/connections/{id}/drafts/{draft_id}", tag = "Single sign-on",
    params(("id" = String, Path), ("draft_id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn discard(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path((id, draft)): Path<(ConnectionId, DraftId)>,
) -> ApiResult<Deleted> {
    sso.discard_draft(&actor, &id, &draft).await?;
    Ok(Deleted::done())
}

/// Run the recorded sign-ins of the last 14 days against a draft, with the clock as it was. Nobody is signed in.
#[utoipa::path(post, operation_id = "replaySsoDraft", path = "/api/v1/sso/connections/{id}/drafts/{draft_id}/replay", tag = "Single sign-on",
    params(("id" = String, Path), ("draft_id" = String, Path)), responses(
    (status = 200, body = ReplayOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn replay(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path((id, draft)): Path<(ConnectionId, DraftId)>,
) -> ApiResult<Json<ReplayOut>> {
    Ok(Json(sso.replay_draft(&actor, &id, &draft).await?.into()))
}

/// What is accepted with a draft.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = SsoDraftActivation)]
pub(crate) struct ActivateIn {
    /// Must be true when somebody who signed in lately would not get in any more.
    accept_lockout: bool,
}

/// A connection after a draft was put in use.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SsoDraftActivated)]
pub(crate) struct ActivatedOut {
    connection: ConnectionOut,
    replay: ReplayOut,
}

/// Put a draft in use. Refused while it would lock out an owner or anyone who signed in lately, unless that is accepted.
#[utoipa::path(post, operation_id = "activateSsoDraft", path = "/api/v1/sso/connections/{id}/drafts/{draft_id}/activate", tag = "Single sign-on",
    params(("id" = String, Path), ("draft_id" = String, Path)), request_body = ActivateIn, responses(
    (status = 200, body = ActivatedOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "Somebody would be locked out, or the connection was changed meanwhile", body = ErrorBody),
))]
pub(crate) async fn activate(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path((id, draft)): Path<(ConnectionId, DraftId)>,
    Json(input): Json<ActivateIn>,
) -> ApiResult<Json<ActivatedOut>> {
    let (view, replay) = sso.activate_draft(&actor, &id, &draft, input.accept_lockout).await?;
    Ok(Json(ActivatedOut { connection: ConnectionOut::of(&sso, view), replay: replay.into() }))
}
