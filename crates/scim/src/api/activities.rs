use axum::extract::State;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{Error, Page, Permission, Result, ScimActivityId, ScimTokenId, Timestamp};
use gatehouse_web::{ApiResult, ErrorBody, Json, PageParams, Paging, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Scim;
use crate::model::activity::WantedActivities;
use crate::model::rhythm::DAY;
use crate::model::{Activity, Operation, Resource};

/// Whether it was done.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ScimActivityStatus)]
pub(crate) enum StatusOut {
    /// It was.
    Success,
    /// It was refused.
    Error,
}

/// One thing that an identity provider did, or tried to.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScimActivity)]
pub(crate) struct ActivityOut {
    #[schema(value_type = String)]
    id: ScimActivityId,
    operation: Operation,
    resource_type: Resource,
    /// `null` when nothing was made.
    resource_id: Option<String>,
    status: StatusOut,
    /// Why it was refused.
    error_message: Option<String>,
    /// What changed.
    #[schema(value_type = Object)]
    details: Value,
    timestamp: Timestamp,
    /// The token that it was done with.
    #[schema(value_type = String)]
    token_id: ScimTokenId,
}

impl From<Activity> for ActivityOut {
    fn from(a: Activity) -> Self {
        Self {
            id: a.id,
            operation: a.operation,
            resource_type: a.resource,
            resource_id: a.resource_id,
            status: if a.error.is_none() { StatusOut::Success } else { StatusOut::Error },
            error_message: a.error,
            details: a.details,
            timestamp: a.at,
            token_id: a.token_id,
        }
    }
}

/// Which activities to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListIn {
    /// `create`, `update` or `delete`.
    operation: Option<String>,
    /// `user` or `group`.
    resource_type: Option<String>,
    /// `success` or `error`.
    status: Option<String>,
    /// From this moment on, or from the beginning of this day (UTC).
    start_date: Option<String>,
    /// Up to this moment, or to the end of this day (UTC).
    end_date: Option<String>,
}

/// One microsecond: an end that is a moment is included.
const MOMENT: i64 = 1;

/// The moment, or the first one of the day, and how long it lasts.
fn moment(field: &'static str, text: &str) -> Result<(Timestamp, i64)> {
    let odd = || {
        Error::validation(
            field,
            format!("{field} must be a date, or a date and time, as ISO 8601 writes them."),
        )
    };
    match Timestamp::parse(text) {
        Some(at) => Ok((at, MOMENT)),
        None => Timestamp::parse(&format!("{text}T00:00:00Z")).map(|at| (at, DAY)).ok_or_else(odd),
    }
}

impl ListIn {
    /// Of a form whose empty fields choose nothing: operation, kind of resource, status, from, until.
    pub(crate) fn of([operation, resource_type, status, start_date, end_date]: [&str; 5]) -> Self {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            operation: given(operation),
            resource_type: given(resource_type),
            status: given(status),
            start_date: given(start_date),
            end_date: given(end_date),
        }
    }

    /// # Errors
    /// `Validation` for what is no choice, and no date.
    pub(crate) fn wanted(&self) -> Result<WantedActivities> {
        let is_success = match self.status.as_deref() {
            None => None,
            Some("success") => Some(true),
            Some("error") => Some(false),
            Some(_) => return Err(Error::validation("status", "The status must be success or error.")),
        };
        let until = self.end_date.as_deref().map(|t| moment("endDate", t)).transpose()?;
        Ok(WantedActivities {
            operation: self.operation.as_deref().map(str::parse).transpose()?,
            resource: self.resource_type.as_deref().map(str::parse).transpose()?,
            is_success,
            from: self.start_date.as_deref().map(|t| moment("startDate", t)).transpose()?.map(|(at, _)| at),
            until: until.map(|(at, long)| Timestamp::from_micros(at.micros().saturating_add(long))),
        })
    }
}

/// List what identity providers did to the directory in the last 90 days, the latest first.
#[utoipa::path(get, operation_id = "listScimActivities", path = "/api/v1/scim/activities", tag = "SCIM", params(ListIn, PageParams), responses(
    (status = 200, body = Page<ActivityOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(scim): State<Scim>,
    Caller(actor): Caller,
    Paging(page): Paging<25>,
    Query(input): Query<ListIn>,
) -> ApiResult<Json<Page<ActivityOut>>> {
    // who may not is told so before what is wrong with the values
    require(&scim.0.store, &actor, Permission::ManageScim, None).await?;
    let found = scim.activities(&actor, input.wanted()?, page).await?;
    Ok(Json(found.map(Into::into)))
}

/// How healthy the provisioning is.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScimStatistics)]
pub(crate) struct StatisticsOut {
    /// People of the directory, with access or without.
    total_users: i64,
    total_groups: i64,
    #[serde(rename = "usersAdded24h")]
    users_added: i64,
    /// Deleted ones; who is deactivated stays in the directory.
    #[serde(rename = "usersRemoved24h")]
    users_removed: i64,
    #[serde(rename = "groupsAdded24h")]
    groups_added: i64,
    #[serde(rename = "groupsRemoved24h")]
    groups_removed: i64,
    /// When a provider last called, to the minute; `null`: never.
    last_sync_at: Option<Timestamp>,
    /// Changes that were refused.
    #[serde(rename = "errorCount24h")]
    errors: i64,
    active_tokens: i64,
    /// The last 30 days (UTC), today last.
    daily: Vec<DayOut>,
}

/// What providers did on a day.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ScimDay)]
pub(crate) struct DayOut {
    #[schema(example = "2026-11-30")]
    date: String,
    creates: i64,
    updates: i64,
    deletes: i64,
    /// Changes that were refused.
    errors: i64,
}

/// The date of a day since 1970.
pub(crate) fn date(day: i64) -> String {
    Timestamp::from_micros(day.saturating_mul(DAY)).to_string().chars().take(10).collect()
}

/// Get numbers over the directory, the last 24 hours and the last 30 days.
#[utoipa::path(get, operation_id = "getScimStatistics", path = "/api/v1/scim/statistics", tag = "SCIM", responses(
    (status = 200, body = StatisticsOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn statistics(
    State(scim): State<Scim>,
    Caller(actor): Caller,
) -> ApiResult<Json<StatisticsOut>> {
    let s = scim.statistics(&actor).await?;
    Ok(Json(StatisticsOut {
        total_users: s.users,
        total_groups: s.groups,
        users_added: s.users_added,
        users_removed: s.users_removed,
        groups_added: s.groups_added,
        groups_removed: s.groups_removed,
        last_sync_at: s.last_sync_at,
        errors: s.errors,
        active_tokens: s.active_tokens,
        daily: s
            .days
            .into_iter()
            .map(|d| DayOut {
                date: date(d.day),
                creates: d.counts.created,
                updates: d.counts.updated,
                deletes: d.counts.deleted,
                errors: d.counts.refused,
            })
            .collect(),
    }))
}
