use axum::extract::{RawQuery, State};
use gatehouse_identity::{Caller, require};
use gatehouse_types::{
    Actor, Error, OutboundCallId, Page, PageRequest, Permission, Result, Timestamp, UserId,
};
use gatehouse_web::{ApiResult, ErrorBody, Json, PageParams, Paging, Query, only_filters};
use serde::{Deserialize, Serialize};

use super::ledger::{self, Listed, NOBODY, Wanted};
use crate::Connect;

/// One call that left: with somebody's credentials, or a flow's without any.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OutboundCall)]
pub(crate) struct CallOut {
    #[schema(value_type = String)]
    id: OutboundCallId,
    at: Timestamp,
    /// Who caused it; `null`: the product itself.
    #[schema(value_type = Option<String>)]
    acting_user_id: Option<UserId>,
    /// As whom the outside saw it: `service` (the workspace), `person`, or `none` without a credential of ours.
    effective_identity: &'static str,
    /// The person, if it was one.
    #[schema(value_type = Option<String>)]
    effective_user_id: Option<UserId>,
    /// `auth-profile`, `connector` or `none`.
    holder_kind: String,
    /// `null`: none.
    holder_id: Option<String>,
    /// `null`: none.
    holder_name: Option<String>,
    /// The grant, or the kind of credential; `none`: it took none.
    credential: String,
    /// Which of its tokens; 0 without one.
    credential_version: i64,
    /// What made the call: `request`, `flow:<id>`.
    cause: String,
    /// The connector's action.
    action: Option<String>,
    method: String,
    /// Host and port.
    host: String,
    /// The answer's status; `null`: none came.
    status: Option<i64>,
    /// Why none came, in a word.
    error: Option<String>,
    /// Whether it is the second try, with a new token.
    retried: bool,
    /// Bytes of the answer's body.
    bytes: i64,
    duration_ms: i64,
    request_id: Option<String>,
}

impl From<Listed> for CallOut {
    fn from(l: Listed) -> Self {
        let (e, held) = (l.entry, l.holder_kind != NOBODY);
        Self {
            id: e.id,
            at: e.at,
            acting_user_id: l.acting,
            effective_identity: l.effective.as_str(),
            effective_user_id: l.effective.person().cloned(),
            holder_kind: l.holder_kind,
            holder_id: held.then_some(l.holder_id),
            holder_name: held.then_some(l.holder_name),
            credential: e.credential,
            credential_version: e.credential_version,
            cause: l.cause,
            action: l.action,
            method: e.method,
            host: e.host,
            status: e.status,
            error: e.error,
            retried: e.retried,
            bytes: e.bytes,
            duration_ms: e.duration_ms,
            request_id: l.request_id,
        }
    }
}

/// Which calls to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListIn {
    /// Of this profile or connector.
    holder_id: Option<String>,
    /// Caused by this person.
    acting_user_id: Option<String>,
    /// To this host.
    host: Option<String>,
    /// From this moment on (RFC 3339).
    start_date: Option<String>,
    /// Before this moment (RFC 3339).
    end_date: Option<String>,
}

fn moment(field: &'static str, text: Option<&str>) -> Result<Option<Timestamp>> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || Error::validation(field, "This is no moment like 2026-11-24T03:49:12Z.");
    Timestamp::parse(text).map(Some).ok_or_else(wrong)
}

impl Connect {
    /// One page of the calls that left, the latest first. Who manages profiles sees all of them, others their own.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn outbound_calls(
        &self,
        actor: &Actor,
        mut wanted: Wanted,
        page: PageRequest,
    ) -> Result<Page<Listed>> {
        let workspace = require(&self.0.store, actor, Permission::UseAuthProfiles, None).await?;
        if !actor.may(Permission::ManageAuthProfiles) {
            let own = actor.user()?.clone();
            if wanted.acting.as_ref().is_some_and(|other| *other != own) {
                return Ok(Page::new(Vec::new(), page, 0));
            }
            wanted.acting = Some(own);
        }
        let (found, total) = ledger::page(&mut self.0.store.reader(), workspace, &wanted, page).await?;
        Ok(Page::new(found, page, total))
    }
}

/// List the calls that left during the last 90 days, the latest first: with somebody's credentials, and those of flows
/// without any. Members see those that they caused.
#[utoipa::path(get, operation_id = "listOutboundCalls", path = "/api/v1/outbound-calls", tag = "Authorization profiles", params(ListIn, PageParams), responses(
    (status = 200, body = Page<CallOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Paging(page): Paging<25>,
    Query(input): Query<ListIn>,
    RawQuery(query): RawQuery,
) -> ApiResult<Json<Page<CallOut>>> {
    // who may not is told so before what is wrong with the values
    require(&connect.0.store, &actor, Permission::UseAuthProfiles, None).await?;
    const NAMES: [&str; 5] = ["holderId", "actingUserId", "host", "startDate", "endDate"];
    only_filters(query.as_deref(), &[&NAMES, &["page", "pageSize", "dryRun"]])?;
    let acting = input.acting_user_id.as_deref().map(str::parse).transpose();
    let wanted = Wanted {
        acting: acting.map_err(|_| Error::validation("actingUserId", "This is no id of a person."))?,
        holder_id: input.holder_id,
        host: input.host,
        since: moment("startDate", input.start_date.as_deref())?,
        until: moment("endDate", input.end_date.as_deref())?,
    };
    Ok(Json(connect.outbound_calls(&actor, wanted, page).await?.map(Into::into)))
}
