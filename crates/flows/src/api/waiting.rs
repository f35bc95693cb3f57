use axum::extract::State;
use gatehouse_connect::OWN_CONNECTIONS;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{Error, FlowId, Permission, Timestamp, UserId};
use gatehouse_web::{ApiResult, ErrorBody, Json, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::flows::flow_id;
use crate::Flows;
use crate::service::statistics::Statistics;
use crate::service::try_request::Tried;
use crate::service::waiting::Line;

/// Whom executions wait for, at one connector.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WaitingPerson)]
pub(crate) struct LineOut {
    /// The person who must authenticate; `null`: the flow runs for nobody, an administrator must decide.
    #[schema(value_type = Option<String>)]
    person_id: Option<UserId>,
    person_name: Option<String>,
    connector_id: String,
    connector_name: String,
    /// How many executions wait for it.
    executions: i64,
    /// Since when the first one waits.
    since: Timestamp,
    /// Where the person authenticates: a page on this host, on which a button acts.
    page: &'static str,
}

impl From<Line> for LineOut {
    fn from(l: Line) -> Self {
        let (person_id, person_name) = l.person.unzip();
        Self {
            person_id,
            person_name,
            connector_id: l.connector_id,
            connector_name: l.connector_name,
            executions: l.executions,
            since: l.since,
            page: OWN_CONNECTIONS,
        }
    }
}

/// Everything that waits for people.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = WaitingPeople)]
pub(crate) struct QueueOut {
    /// The longest waiting first, at most 500.
    data: Vec<LineOut>,
}

fn queue_of(lines: Vec<Line>) -> Json<QueueOut> {
    Json(QueueOut { data: lines.into_iter().map(Into::into).collect() })
}

/// See for whom executions of the workspace wait, since when.
#[utoipa::path(get, operation_id = "listWaitingPeople", path = "/api/v1/flows/waiting", tag = "Flow executions", responses(
    (status = 200, body = QueueOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn queue(State(flows): State<Flows>, Caller(actor): Caller) -> ApiResult<Json<QueueOut>> {
    Ok(queue_of(flows.queue(&actor).await?))
}

/// See what waits for oneself.
#[utoipa::path(get, operation_id = "listMyWaiting", path = "/api/v1/me/waiting", tag = "Flow executions", responses(
    (status = 200, body = QueueOut), (status = 401, body = ErrorBody),
))]
pub(crate) async fn mine(State(flows): State<Flows>, Caller(actor): Caller) -> ApiResult<Json<QueueOut>> {
    Ok(queue_of(flows.own_queue(&actor).await?))
}

/// A decision that executions go on without the person.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = FallbackDecision)]
pub(crate) struct FallbackIn {
    /// The person they wait for; those that run for nobody when left out.
    person_id: Option<String>,
    /// The connector.
    connector_id: String,
    /// Why, in one line; it is recorded and stands on each execution.
    reason: String,
}

/// What was decided.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = FallbackDecided)]
pub(crate) struct FallbackOut {
    /// How many executions go on.
    executions: usize,
}

/// Let executions that wait for a person go on as the connector's user. The reason is recorded.
#[utoipa::path(post, operation_id = "decideFallback", path = "/api/v1/flows/waiting/fallback", tag = "Flow executions", request_body = FallbackIn, responses(
    (status = 200, body = FallbackOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, description = "Nothing waits", body = ErrorBody),
))]
pub(crate) async fn fallback(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Json(input): Json<FallbackIn>,
) -> ApiResult<Json<FallbackOut>> {
    let object = Some(format!("connector:{}", input.connector_id));
    require(&flows.0.store, &actor, Permission::ManageFlows, object).await?;
    let person = input.person_id.map(|id| id.parse::<UserId>()).transpose();
    let person = person.map_err(|_| Error::validation("personId", "This is no id of a person."))?;
    let executions = flows.let_go_on(&actor, person.as_ref(), &input.connector_id, &input.reason).await?;
    Ok(Json(FallbackOut { executions }))
}

/// Which statistics.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct StatisticsIn {
    /// Of this flow alone.
    flow_id: Option<String>,
    /// How many days of the calendar (UTC), today the last, 1 to 90; 30 when left out.
    days: Option<u32>,
}

/// How executions went.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FlowStatistics)]
pub(crate) struct StatisticsOut {
    #[schema(value_type = Option<String>)]
    flow_id: Option<FlowId>,
    days: u32,
    /// Executions that ended.
    runs: usize,
    succeeded: usize,
    failed: usize,
    canceled: usize,
    /// Of those that succeeded or failed, 0 to 1.
    failure_rate: f64,
    /// Milliseconds from the start to the end, waits included.
    p50_ms: Option<i64>,
    p90_ms: Option<i64>,
    p99_ms: Option<i64>,
}

/// See how executions went: runs, failures, how long they took.
#[utoipa::path(get, operation_id = "getFlowStatistics", path = "/api/v1/flows/statistics", tag = "Flow executions", params(StatisticsIn), responses(
    (status = 200, body = StatisticsOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn statistics(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Query(asked): Query<StatisticsIn>,
) -> ApiResult<Json<StatisticsOut>> {
    require(&flows.0.store, &actor, Permission::UseFlows, None).await?;
    let flow = asked.flow_id.filter(|id| !id.is_empty()).map(|id| flow_id(&id)).transpose()?;
    let days = asked.days.unwrap_or(30);
    let Statistics { runs, succeeded, failed, canceled, failure_rate, p50_ms, p90_ms, p99_ms } =
        flows.statistics(&actor, flow.as_ref(), days).await?;
    Ok(Json(StatisticsOut {
        flow_id: flow,
        days,
        runs,
        succeeded,
        failed,
        canceled,
        failure_rate,
        p50_ms,
        p90_ms,
        p99_ms,
    }))
}

/// A request to try out.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RequestTrial)]
pub(crate) struct TryIn {
    /// The `request` of an API node.
    #[schema(value_type = Object)]
    request: Value,
    /// What stands for the flow's input.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    input: Value,
    /// What stands for earlier nodes: `{"<id>": {"output": …}}`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    steps: Value,
}

/// What came back.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RequestTried)]
pub(crate) struct TryOut {
    /// `null`: nothing came back.
    status: Option<u16>,
    #[schema(value_type = Object)]
    headers: Value,
    /// JSON, or text.
    #[schema(value_type = Option<Object>)]
    body: Value,
    /// Why nothing came back.
    error: Option<String>,
    duration_ms: i64,
}

/// Send the request of an API node once, while it is built, as oneself.
#[utoipa::path(post, operation_id = "tryFlowRequest", path = "/api/v1/flows/requests/test", tag = "Flows", request_body = TryIn, responses(
    (status = 200, body = TryOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn try_request(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Json(input): Json<TryIn>,
) -> ApiResult<Json<TryOut>> {
    let Tried { status, headers, body, error, duration_ms } =
        flows.try_request(&actor, &input.request, input.input, input.steps).await?;
    Ok(Json(TryOut { status, headers, body, error, duration_ms }))
}
