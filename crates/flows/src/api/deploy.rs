use axum::extract::State;
use axum::http::StatusCode;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{Error, FlowDeploymentId, FlowId, Permission, Timestamp};
use gatehouse_web::{ApiResult, ErrorBody, Json, Path};
use serde::{Deserialize, Serialize};

use super::flows::flow_id;
use super::maybe::Maybe;
use crate::Flows;
use crate::service::deploy::Action;
use crate::store::deployments::Deployment;

/// How to deploy.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = FlowDeploymentIn)]
pub(crate) struct DeployIn {
    /// Whether the answer comes at once and the work goes on behind it; it is done before the answer when left out.
    pub(super) is_async: bool,
}

/// How a deployment goes.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FlowDeployment)]
pub(crate) struct DeploymentOut {
    #[schema(value_type = String)]
    id: FlowDeploymentId,
    /// The same as `id`, as the public API calls it.
    #[schema(value_type = String)]
    dock_status_id: FlowDeploymentId,
    #[schema(value_type = String)]
    flow_id: FlowId,
    /// `DEPLOY` or `UNDEPLOY`.
    action: String,
    /// `IN_PROGRESS`, `SUCCESS` or `FAILED`.
    status: String,
    percentage_complete: u8,
    /// Why it failed.
    message: Option<String>,
    /// The version that is in service afterwards.
    number: Option<i64>,
    /// Who asked, as `kind:id`.
    created_by: String,
    created_at: Timestamp,
    ended_at: Option<Timestamp>,
}

impl From<Deployment> for DeploymentOut {
    fn from(d: Deployment) -> Self {
        Self {
            dock_status_id: d.id.clone(),
            id: d.id,
            flow_id: d.flow_id,
            action: d.action,
            percentage_complete: if d.status == "IN_PROGRESS" { 0 } else { 100 },
            status: d.status,
            message: d.message,
            number: d.number,
            created_by: d.created_by,
            created_at: d.created_at,
            ended_at: d.ended_at,
        }
    }
}

/// 200 for what is done, 202 for what goes on.
pub(crate) fn status_of(deployment: &Deployment) -> StatusCode {
    if deployment.status == "IN_PROGRESS" { StatusCode::ACCEPTED } else { StatusCode::OK }
}

async fn run(
    flows: &Flows,
    actor: &gatehouse_types::Actor,
    id: &str,
    action: Action,
    input: &DeployIn,
) -> ApiResult<(StatusCode, Json<DeploymentOut>)> {
    let deployment = flows.deploy(actor, &flow_id(id)?, action, input.is_async).await?;
    Ok((status_of(&deployment), Json(deployment.into())))
}

/// Put the draft of a flow into service as a new version. What is missing is told, and blocks it.
#[utoipa::path(post, operation_id = "deployFlow", path = "/api/v1/flows/{id}/deploy", tag = "Flows", params(("id" = String, Path)), request_body = Option<DeployIn>, responses(
    (status = 200, body = DeploymentOut), (status = 202, description = "It goes on; ask how", body = DeploymentOut),
    (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "Something is missing", body = ErrorBody),
))]
pub(crate) async fn deploy(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Maybe(input): Maybe<DeployIn>,
) -> ApiResult<(StatusCode, Json<DeploymentOut>)> {
    require(&flows.0.store, &actor, Permission::EditFlows, Some(format!("flow:{id}"))).await?;
    run(&flows, &actor, &id, Action::Deploy, &input).await
}

/// Take a flow out of service. Executions that are under way go on.
#[utoipa::path(post, operation_id = "undeployFlow", path = "/api/v1/flows/{id}/undeploy", tag = "Flows", params(("id" = String, Path)), request_body = Option<DeployIn>, responses(
    (status = 200, body = DeploymentOut), (status = 202, description = "It goes on; ask how", body = DeploymentOut),
    (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn undeploy(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Maybe(input): Maybe<DeployIn>,
) -> ApiResult<(StatusCode, Json<DeploymentOut>)> {
    require(&flows.0.store, &actor, Permission::ManageFlows, Some(format!("flow:{id}"))).await?;
    run(&flows, &actor, &id, Action::Undeploy, &input).await
}

/// See how a deployment goes that a call began.
#[utoipa::path(get, operation_id = "getFlowDeployment", path = "/api/v1/flows/deployments/{id}", tag = "Flows", params(("id" = String, Path)), responses(
    (status = 200, body = DeploymentOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn status(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<DeploymentOut>> {
    require(&flows.0.store, &actor, Permission::UseFlows, None).await?;
    let id = id.parse().map_err(|_| Error::not_found("Job"))?;
    Ok(Json(flows.deployment(&actor, &id).await?.into()))
}
