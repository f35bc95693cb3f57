use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use gatehouse_identity::{Anybody, Caller, require};
use gatehouse_types::{
    Error, ExecutionId, FlowId, FlowTriggerId, Page, Permission, Result, Secret, Timestamp, UserId,
};
use gatehouse_web::{ApiResult, Created, Deleted, ErrorBody, Json, NeverStored, PageParams, Paging, Path};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::executions::ProgressOut;
use super::flows::flow_id;
use super::maybe::Maybe;
use crate::Flows;
use crate::model::trigger::{Kind, Schedule, Trigger};
use crate::service::triggers::{Name, NewTrigger, TriggerChange};

/// The header that carries a webhook's token.
const TOKEN: &str = "x-trigger-token";

fn trigger_id(text: &str) -> Result<FlowTriggerId> {
    text.parse().map_err(|_| Error::not_found("Trigger"))
}

fn name_of(run_as: &str, person: Option<&str>) -> Result<Name> {
    match (run_as, person) {
        ("service", None) => Ok(Name::Service),
        ("service", Some(_)) => Err(Error::validation("personId", "personId belongs to runAs: person.")),
        ("person", Some(id)) => {
            let id = id.parse().map_err(|_| Error::validation("personId", "This is no id of a person."))?;
            Ok(Name::Person(id))
        }
        ("person", None) => Err(Error::validation("personId", "personId is required with runAs: person.")),
        _ => Err(Error::validation("runAs", "runAs must be service or person.")),
    }
}

/// A trigger to make.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = FlowTriggerIn)]
pub(crate) struct TriggerIn {
    /// `webhook` or `schedule`.
    kind: String,
    /// One line of 1 to 100 characters.
    name: String,
    /// In whose name the flow runs: `service` for the company's, or `person`. It must be said.
    run_as: String,
    /// The person, with `runAs: person`; another than oneself takes the right `flows:run-for-others`.
    person_id: Option<String>,
    /// When, of a schedule.
    #[serde(default, deserialize_with = "gatehouse_web::optional_object")]
    schedule: Option<Schedule>,
    /// What the flow is started with; what a webhook brings goes over it.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    input: Value,
}

/// What to change of a trigger; only what is given changes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = FlowTriggerChange)]
pub(crate) struct ChangeIn {
    name: Option<String>,
    enabled: Option<bool>,
    /// `service` or `person`.
    run_as: Option<String>,
    /// With `runAs: person`.
    person_id: Option<String>,
    #[serde(default, deserialize_with = "gatehouse_web::optional_object")]
    schedule: Option<Schedule>,
    #[schema(value_type = Option<Object>)]
    input: Option<Value>,
}

/// What starts a flow by itself.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FlowTrigger)]
pub(crate) struct TriggerOut {
    #[schema(value_type = String)]
    id: FlowTriggerId,
    #[schema(value_type = String)]
    flow_id: FlowId,
    kind: Kind,
    name: String,
    enabled: bool,
    /// Why it was switched off by itself.
    stopped_reason: Option<String>,
    /// `service` or `person`.
    run_as: &'static str,
    #[schema(value_type = Option<String>)]
    person_id: Option<UserId>,
    /// Who answers for it when it runs in the company's name.
    #[schema(value_type = Option<String>)]
    responsible_id: Option<UserId>,
    /// Where a webhook is called, with its token in the header `X-Trigger-Token`.
    path: Option<String>,
    schedule: Option<Schedule>,
    /// When a schedule starts its flow the next time.
    next_at: Option<Timestamp>,
    version: i64,
    created_by: Option<String>,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    last_execution_id: Option<ExecutionId>,
    /// How it stands with that execution: a status of executions.
    last_status: Option<String>,
    /// Why that execution ended so.
    last_message: Option<String>,
    /// Why the last start did not come about.
    last_error: Option<String>,
}

impl From<Trigger> for TriggerOut {
    fn from(t: Trigger) -> Self {
        let (last_status, last_message) = t.last_outcome.map(|last| (last.status, last.message)).unzip();
        Self {
            last_status,
            last_message: last_message.flatten(),
            path: (t.kind == Kind::Webhook).then(|| format!("/api/v1/flow-triggers/{}/fire", t.id)),
            run_as: if t.person.is_some() { "person" } else { "service" },
            next_at: t.next_at.filter(|_| t.enabled),
            id: t.id,
            flow_id: t.flow_id,
            kind: t.kind,
            name: t.name,
            enabled: t.enabled,
            stopped_reason: t.stopped,
            person_id: t.person,
            responsible_id: t.responsible,
            schedule: t.schedule,
            version: t.version,
            created_by: t.created_by,
            created_at: t.created_at,
            last_used_at: t.last_used_at,
            last_execution_id: t.last_execution,
            last_error: t.last_error,
        }
    }
}

/// A trigger that was made.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = NewFlowTrigger)]
pub(crate) struct NewOut {
    trigger: TriggerOut,
    /// The token of a webhook, told this once.
    token: Option<String>,
}

/// Make a trigger: a webhook or a schedule that starts a flow in an explicit name.
#[utoipa::path(post, operation_id = "createFlowTrigger", path = "/api/v1/flows/{id}/triggers", tag = "Flow triggers", params(("id" = String, Path)), request_body = TriggerIn, responses(
    (status = 201, body = NewOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn create(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Json(input): Json<TriggerIn>,
) -> ApiResult<(Extension<NeverStored>, Created<NewOut>)> {
    require(&flows.0.store, &actor, Permission::ManageFlows, Some(format!("flow:{id}"))).await?;
    let new = NewTrigger {
        kind: input.kind.parse()?,
        name: input.name,
        run_as: name_of(&input.run_as, input.person_id.as_deref())?,
        schedule: input.schedule,
        input: input.input,
    };
    let (trigger, token) = flows.make_trigger(&actor, &flow_id(&id)?, new).await?;
    let token = token.as_ref().map(Secret::expose).map(str::to_owned);
    Ok((Extension(NeverStored), Created(NewOut { trigger: trigger.into(), token })))
}

/// List the triggers of a flow.
#[utoipa::path(get, operation_id = "listFlowTriggers", path = "/api/v1/flows/{id}/triggers", tag = "Flow triggers", params(("id" = String, Path), PageParams), responses(
    (status = 200, body = Page<TriggerOut>), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Paging(page): Paging<25>,
) -> ApiResult<Json<Page<TriggerOut>>> {
    require(&flows.0.store, &actor, Permission::ManageFlows, Some(format!("flow:{id}"))).await?;
    Ok(Json(flows.triggers(&actor, &flow_id(&id)?, page).await?.map(Into::into)))
}

/// Get a trigger.
#[utoipa::path(get, operation_id = "getFlowTrigger", path = "/api/v1/flows/{id}/triggers/{trigger_id}", tag = "Flow triggers", params(("id" = String, Path), ("trigger_id" = String, Path)), responses(
    (status = 200, body = TriggerOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Path((id, trigger)): Path<(String, String)>,
) -> ApiResult<Json<TriggerOut>> {
    require(&flows.0.store, &actor, Permission::ManageFlows, Some(format!("flow:{id}"))).await?;
    let trigger = trigger_id(&trigger)?;
    let id = flow_id(&id).map_err(|_| Error::not_found("Trigger"))?;
    Ok(Json(flows.trigger(&actor, &id, &trigger).await?.into()))
}

/// Change a trigger, or switch it on and off.
#[utoipa::path(put, operation_id = "updateFlowTrigger", path = "/api/v1/flows/{id}/triggers/{trigger_id}", tag = "Flow triggers", params(("id" = String, Path), ("trigger_id" = String, Path)), request_body = ChangeIn, responses(
    (status = 200, body = TriggerOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn update(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Path((id, trigger)): Path<(String, String)>,
    Json(input): Json<ChangeIn>,
) -> ApiResult<Json<TriggerOut>> {
    require(&flows.0.store, &actor, Permission::ManageFlows, Some(format!("flow:{id}"))).await?;
    let trigger = trigger_id(&trigger)?;
    let id = flow_id(&id).map_err(|_| Error::not_found("Trigger"))?;
    let run_as =
        input.run_as.as_deref().map(|run_as| name_of(run_as, input.person_id.as_deref())).transpose()?;
    let ChangeIn { name, enabled, schedule, input, .. } = input;
    let change = TriggerChange { name, enabled, run_as, schedule, input };
    Ok(Json(flows.change_trigger(&actor, &id, &trigger, change).await?.into()))
}

/// Delete a trigger.
#[utoipa::path(delete, operation_id = "deleteFlowTrigger", path = "/api/v1/flows/{id}/triggers/{trigger_id}", tag = "Flow triggers", params(("id" = String, Path), ("trigger_id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn delete(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Path((id, trigger)): Path<(String, String)>,
) -> ApiResult<Deleted> {
    require(&flows.0.store, &actor, Permission::ManageFlows, Some(format!("flow:{id}"))).await?;
    let trigger = trigger_id(&trigger)?;
    let id = flow_id(&id).map_err(|_| Error::not_found("Trigger"))?;
    flows.remove_trigger(&actor, &id, &trigger).await?;
    Ok(Deleted::done())
}

/// Start the flow of a webhook, with its token in the header `X-Trigger-Token`. The body is the flow's input.
#[utoipa::path(post, operation_id = "fireFlowTrigger", path = "/api/v1/flow-triggers/{trigger_id}/fire", tag = "Flow triggers", security(()), params(("trigger_id" = String, Path)), request_body = Option<Object>, responses(
    (status = 201, body = ProgressOut), (status = 400, body = ErrorBody),
    (status = 401, description = "The token is none of this webhook, or there is none", body = ErrorBody),
    (status = 409, description = "It is switched off, or the flow is not in service", body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn fire(
    State(flows): State<Flows>,
    Anybody(actor): Anybody,
    headers: HeaderMap,
    Path(id): Path<String>,
    Maybe(input): Maybe<Value>,
) -> ApiResult<Created<ProgressOut>> {
    let token = headers.get(TOKEN).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let id = id.parse::<FlowTriggerId>().ok();
    Ok(Created(flows.hooked(&actor.origin, id.as_ref(), token, input).await?.into()))
}
