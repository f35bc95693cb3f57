use axum::extract::State;
use gatehouse_apikeys::Program;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{Actor, Error, ExecutionId, FlowId, Page, Permission, Result, Timestamp, UserId};
use gatehouse_web::{ApiResult, Created, ErrorBody, Json, PageParams, Paging, Path, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::flows::flow_id;
use super::maybe::Maybe;
use crate::Flows;
use crate::model::execution::{Execution, StepRow, Wait, Warning};
use crate::service::executions::{Watched, no_execution};
use crate::store::executions::Wanted;

/// The scopes of keys that run flows; whoever may put flows into service may run them.
const SCOPES: [&str; 2] = ["flows:use", "workflow:deploy"];

/// The caller, who may run flows.
pub(super) async fn allowed(program: &Program) -> Result<Actor> {
    program.allowed(&SCOPES, Permission::UseFlows).await
}

fn execution_id(text: &str) -> Result<ExecutionId> {
    text.parse().map_err(|_| no_execution())
}

/// How an execution goes.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExecutionProgress)]
pub(crate) struct ProgressOut {
    #[schema(value_type = String)]
    id: ExecutionId,
    /// `Queued`, `Running`, `User input`, `Authentication needed`, `Waiting`, `Success`, `Error` or `Canceled`.
    status: String,
    /// About how far it is, 0 to 100.
    percentage: i64,
    /// Why it ended so, or stands still.
    message: Option<String>,
}

impl From<Execution> for ProgressOut {
    fn from(e: Execution) -> Self {
        Self { id: e.id, status: e.status, percentage: e.percentage, message: e.message }
    }
}

/// An execution in a list.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedExecution)]
pub(crate) struct ListedOut {
    #[schema(value_type = String)]
    id: ExecutionId,
    #[schema(value_type = String)]
    flow_id: FlowId,
    flow_name: String,
    /// The version; `null`: a draft that was tried out.
    version: Option<i64>,
    /// `run` (interactive), `start`, `webhook` or `schedule`.
    started_via: String,
    /// Who started it, as `kind:id`.
    started_by: String,
    /// The person in whose name it runs; `null`: the company itself.
    #[schema(value_type = Option<String>)]
    person_id: Option<UserId>,
    interactive: bool,
    /// `Queued`, `Running`, `User input`, `Authentication needed`, `Waiting`, `Success`, `Error` or `Canceled`.
    status: String,
    percentage: i64,
    message: Option<String>,
    warnings: Vec<Warning>,
    /// What it waits for; lists tell no fields of forms.
    waiting_for: Vec<Wait>,
    /// Whether the step that failed can be tried once more.
    can_retry: bool,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
}

impl From<Execution> for ListedOut {
    fn from(e: Execution) -> Self {
        Self {
            can_retry: e.can_retry && e.status == "Error",
            id: e.id,
            flow_id: e.flow_id,
            flow_name: e.flow_name,
            version: e.number,
            started_via: e.via,
            started_by: e.started_by,
            person_id: e.person,
            interactive: e.interactive,
            status: e.status,
            percentage: e.percentage,
            message: e.message,
            warnings: e.warnings,
            waiting_for: e.waiting,
            created_at: e.created_at,
            started_at: e.started_at,
            ended_at: e.ended_at,
        }
    }
}

/// One step of an execution.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExecutionStep)]
pub(crate) struct StepOut {
    /// The step: the id of its node, behind those of the loops it is in (`each[2]/call`).
    step: String,
    node: String,
    kind: String,
    status: String,
    /// Which try, from 1.
    attempt: i64,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    /// The id of the person the step runs for.
    acting_user: Option<String>,
    /// As whom the outside sees it: `user`, `connector`, `workspace` (an authorization profile of it) or `none`.
    effective_identity: Option<String>,
    /// The id of the person, when it is `user`.
    effective_user_id: Option<String>,
    /// What it gave, secrets hidden.
    output: Option<Value>,
    /// Whether it gave something that is not told: an answer holds 4 MiB of outputs (ask for fewer steps at once), and the
    /// timeline of an execution 32 MiB.
    output_left_out: bool,
    /// What went wrong.
    error: Option<String>,
}

impl From<StepRow> for StepOut {
    fn from(s: StepRow) -> Self {
        let who = s.who;
        let text = |id: &UserId| id.to_string();
        Self {
            step: s.step,
            node: s.node,
            kind: s.kind,
            status: s.status,
            attempt: s.attempt,
            started_at: s.started_at,
            ended_at: s.ended_at,
            acting_user: who.as_ref().and_then(|w| w.acting.as_ref().map(text)),
            effective_user_id: who.as_ref().and_then(|w| w.user.as_ref().map(text)),
            effective_identity: who.map(|w| w.identity),
            output: s.output,
            output_left_out: s.left_out,
            error: s.error,
        }
    }
}

/// An execution with its steps.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FlowExecution)]
pub(crate) struct ExecutionOut {
    #[serde(flatten)]
    execution: ListedOut,
    /// The first 500 steps, in the order in which they began.
    steps: Vec<StepOut>,
    /// What it gave, secrets hidden.
    output: Option<Value>,
}

impl From<Watched> for ExecutionOut {
    fn from(w: Watched) -> Self {
        Self {
            execution: w.execution.into(),
            steps: w.steps.into_iter().map(Into::into).collect(),
            output: w.output,
        }
    }
}

/// What to start.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct StartIn {
    /// The flow.
    flow_id: String,
    /// The id or address of the person in whose name it runs; it takes the right `flows:run-for-others`. The caller's own
    /// when left out, or nobody's for a key of the company's.
    on_behalf_of: Option<String>,
}

/// Start a flow that never asks anybody. The body is its input. A key needs the scope `flows:use`, or `workflow:deploy`.
#[utoipa::path(post, operation_id = "startFlow", path = "/api/v1/flows/executions/start", tag = "Flow executions", params(StartIn), request_body = Option<Object>, responses(
    (status = 201, body = ProgressOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, description = "It is not in service", body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn start(
    State(flows): State<Flows>,
    program: Program,
    Query(asked): Query<StartIn>,
    Maybe(input): Maybe<Value>,
) -> ApiResult<Created<ProgressOut>> {
    let actor = allowed(&program).await?;
    let id = flow_id(&asked.flow_id)?;
    let on_behalf_of = asked.on_behalf_of.as_deref().map(str::trim).filter(|whom| !whom.is_empty());
    Ok(Created(flows.start(&actor, &id, input, on_behalf_of).await?.into()))
}

/// How to run.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct RunIn {
    /// Whether the draft runs instead of what is in service; for whoever may edit flows.
    #[serde(default)]
    draft: Option<bool>,
}

/// Run a flow as oneself, and be asked for input and authentication where it needs that. The body is its input.
#[utoipa::path(post, operation_id = "runFlow", path = "/api/v1/flows/{id}/run", tag = "Flow executions", params(("id" = String, Path), RunIn), request_body = Option<Object>, responses(
    (status = 201, body = ProgressOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, description = "It is not in service", body = ErrorBody),
))]
pub(crate) async fn run(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Query(asked): Query<RunIn>,
    Maybe(input): Maybe<Value>,
) -> ApiResult<Created<ProgressOut>> {
    let draft = asked.draft.unwrap_or(false);
    let right = if draft { Permission::EditFlows } else { Permission::UseFlows };
    require(&flows.0.store, &actor, right, Some(format!("flow:{id}"))).await?;
    Ok(Created(flows.run(&actor, &flow_id(&id)?, input, draft).await?.into()))
}

/// Which executions to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Of this flow.
    flow_id: Option<String>,
    /// With this status.
    status: Option<String>,
    /// In whose name they run.
    person_id: Option<String>,
    /// Started at this moment or later.
    #[param(value_type = Option<String>)]
    start_date: Option<String>,
    /// Started before this moment.
    #[param(value_type = Option<String>)]
    end_date: Option<String>,
}

fn moment(field: &'static str, text: Option<&str>) -> Result<Option<Timestamp>> {
    let wrong = || Error::validation(field, format!("{field} must be a time like 2026-11-30T12:00:00Z."));
    text.filter(|t| !t.is_empty()).map(|text| Timestamp::parse(text).ok_or_else(wrong)).transpose()
}

/// List executions, the latest first: one's own; for administrators everybody's.
#[utoipa::path(get, operation_id = "listFlowExecutions", path = "/api/v1/flows/executions", tag = "Flow executions", params(PageParams, Asked), responses(
    (status = 200, body = Page<ListedOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(flows): State<Flows>,
    program: Program,
    Paging(page): Paging<25>,
    Query(asked): Query<Asked>,
) -> ApiResult<Json<Page<ListedOut>>> {
    let actor = allowed(&program).await?;
    let known = |s: &String| gatehouse_flow::machine::Status::ALL.iter().any(|known| known.word() == s);
    if asked.status.as_ref().is_some_and(|s| !s.is_empty() && !known(s)) {
        return Err(Error::validation("status", "There is no such status of an execution.").into());
    }
    let nothing = || Error::validation("flowId", "This is no id of a flow.");
    let wanted = Wanted {
        flow: asked.flow_id.map(|id| id.parse().map_err(|_| nothing())).transpose()?,
        status: asked.status.filter(|s| !s.is_empty()),
        person: asked
            .person_id
            .map(|id| id.parse())
            .transpose()
            .map_err(|_| Error::validation("personId", "This is no id of a person."))?,
        since: moment("startDate", asked.start_date.as_deref())?,
        until: moment("endDate", asked.end_date.as_deref())?,
        ..Wanted::default()
    };
    let short = |mut e: Execution| {
        e.waiting.iter_mut().for_each(|wait| wait.fields = None);
        e.into()
    };
    Ok(Json(flows.executions(&actor, wanted, page).await?.map(short)))
}

/// Get an execution with its steps.
#[utoipa::path(get, operation_id = "getFlowExecution", path = "/api/v1/flows/executions/{id}", tag = "Flow executions", params(("id" = String, Path)), responses(
    (status = 200, body = ExecutionOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(flows): State<Flows>,
    program: Program,
    Path(id): Path<String>,
) -> ApiResult<Json<ExecutionOut>> {
    let actor = allowed(&program).await?;
    Ok(Json(flows.watch(&actor, &execution_id(&id)?).await?.into()))
}

/// See how far an execution is.
#[utoipa::path(get, operation_id = "getFlowExecutionProgress", path = "/api/v1/flows/executions/{id}/progress", tag = "Flow executions", params(("id" = String, Path)), responses(
    (status = 200, body = ProgressOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn progress(
    State(flows): State<Flows>,
    program: Program,
    Path(id): Path<String>,
) -> ApiResult<Json<ProgressOut>> {
    let actor = allowed(&program).await?;
    Ok(Json(flows.seen(&actor, &execution_id(&id)?).await?.into()))
}

/// List the steps of an execution, in the order in which they began.
#[utoipa::path(get, operation_id = "listFlowExecutionSteps", path = "/api/v1/flows/executions/{id}/steps", tag = "Flow executions", params(("id" = String, Path), PageParams), responses(
    (status = 200, body = Page<StepOut>), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn steps(
    State(flows): State<Flows>,
    program: Program,
    Path(id): Path<String>,
    Paging(page): Paging<50>,
) -> ApiResult<Json<Page<StepOut>>> {
    let actor = allowed(&program).await?;
    Ok(Json(flows.timeline(&actor, &execution_id(&id)?, page).await?.map(Into::into)))
}

/// Fill in the form that an execution waits for. The body is `{"step"?, "values": {…}}`, or the values themselves.
#[utoipa::path(post, operation_id = "giveFlowExecutionInput", path = "/api/v1/flows/executions/{id}/input", tag = "Flow executions", params(("id" = String, Path)), request_body = Object, responses(
    (status = 200, body = ProgressOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, description = "It waits for no form", body = ErrorBody),
))]
pub(crate) async fn input(
    State(flows): State<Flows>,
    program: Program,
    Path(id): Path<String>,
    Maybe(body): Maybe<Value>,
) -> ApiResult<Json<ProgressOut>> {
    let actor = allowed(&program).await?;
    let wrapped = body.as_object().filter(|members| {
        members.get("values").is_some_and(Value::is_object)
            && members.keys().all(|k| k == "values" || k == "step")
    });
    let (step, values) = match wrapped {
        Some(members) => {
            (members.get("step").and_then(Value::as_str).map(str::to_owned), members["values"].clone())
        }
        None => (None, body),
    };
    Ok(Json(flows.give_input(&actor, &execution_id(&id)?, step.as_deref(), values).await?.into()))
}

/// Have an execution go on that waits for a person or stands still, or try the step once more that failed.
#[utoipa::path(post, operation_id = "resumeFlowExecution", path = "/api/v1/flows/executions/{id}/resume", tag = "Flow executions", params(("id" = String, Path)), responses(
    (status = 200, body = ProgressOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn resume(
    State(flows): State<Flows>,
    program: Program,
    Path(id): Path<String>,
) -> ApiResult<Json<ProgressOut>> {
    let actor = allowed(&program).await?;
    Ok(Json(flows.resume(&actor, &execution_id(&id)?).await?.into()))
}

/// Try the step once more that failed, under the same idempotency key; what was done before is not done again.
#[utoipa::path(post, operation_id = "retryFlowExecution", path = "/api/v1/flows/executions/{id}/retry", tag = "Flow executions", params(("id" = String, Path)), responses(
    (status = 200, body = ProgressOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn retry(
    State(flows): State<Flows>,
    program: Program,
    Path(id): Path<String>,
) -> ApiResult<Json<ProgressOut>> {
    let actor = allowed(&program).await?;
    Ok(Json(flows.retry(&actor, &execution_id(&id)?).await?.into()))
}

/// Cancel an execution. A step that runs is not waited for.
#[utoipa::path(post, operation_id = "cancelFlowExecution", path = "/api/v1/flows/executions/{id}/cancel", tag = "Flow executions", params(("id" = String, Path)), responses(
    (status = 200, body = ProgressOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn cancel(
    State(flows): State<Flows>,
    program: Program,
    Path(id): Path<String>,
) -> ApiResult<Json<ProgressOut>> {
    let actor = allowed(&program).await?;
    Ok(Json(flows.cancel(&actor, &execution_id(&id)?).await?.into()))
}
