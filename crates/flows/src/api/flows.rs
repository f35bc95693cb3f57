use axum::extract::State;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{Error, FlowId, Page, Permission, Result, Timestamp};
use gatehouse_web::{ApiResult, Created, Deleted, ErrorBody, Json, PageParams, Paging, Path, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Flows;
use crate::model::flow::{Deployed, Listed, Missing};
use crate::model::secrets::{Advice, written};
use crate::service::definitions::{Change, Detailed, New};
use crate::service::not_found;
use crate::store::flows::Wanted;

/// The id of a path; what is none is of no flow.
pub(crate) fn flow_id(text: &str) -> Result<FlowId> {
    text.parse().map_err(|_| not_found())
}

/// A flow to make.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = FlowIn)]
pub(crate) struct FlowIn {
    /// One line of 1 to 100 characters, unlike every other flow's.
    name: String,
    /// What it is for, at most 2000 characters.
    #[serde(default)]
    description: String,
    /// What it does; see `GET /api/v1/flows/schema`. One that begins and ends when it is left out.
    #[schema(value_type = Option<Object>)]
    definition: Option<Value>,
}

/// What to change of a flow; only what is given changes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = FlowChange)]
pub(crate) struct ChangeIn {
    name: Option<String>,
    description: Option<String>,
    /// The whole draft.
    #[schema(value_type = Option<Object>)]
    definition: Option<Value>,
    /// The `version` that the change is made of: when somebody else changed the flow meanwhile, the answer is 409.
    version: Option<i64>,
}

/// Which flows to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// In the name, in any case.
    search: Option<String>,
    /// `deployed` or `draft`.
    status: Option<String>,
}

/// The version of a flow that is in service.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeployedFlowVersion)]
pub(crate) struct DeployedOut {
    /// From 1.
    number: i64,
    deployed_at: Timestamp,
    /// Who deployed it, as `kind:id`.
    deployed_by: Option<String>,
}

impl From<Deployed> for DeployedOut {
    fn from(d: Deployed) -> Self {
        Self { number: d.number, deployed_at: d.at, deployed_by: d.by }
    }
}

/// Whether a flow is in service, in a word.
pub(crate) const fn word(deployed: bool) -> &'static str {
    if deployed { "deployed" } else { "draft" }
}

/// A flow in a list.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedFlow)]
pub(crate) struct ListedOut {
    #[schema(value_type = String)]
    id: FlowId,
    name: String,
    description: String,
    /// `deployed`, or `draft` while nothing is in service.
    status: &'static str,
    deployed_version: Option<DeployedOut>,
    /// Whether the draft is another than what is in service.
    changed_since_deployment: bool,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Listed> for ListedOut {
    fn from(l: Listed) -> Self {
        Self {
            id: l.id,
            name: l.name,
            description: l.description,
            status: word(l.deployed.is_some()),
            deployed_version: l.deployed.map(Into::into),
            changed_since_deployment: l.changed,
            version: l.version,
            created_at: l.created_at,
            updated_at: l.updated_at,
        }
    }
}

/// A flow.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Flow)]
pub(crate) struct FlowOut {
    #[schema(value_type = String)]
    id: FlowId,
    name: String,
    description: String,
    /// `deployed`, or `draft` while nothing is in service.
    status: &'static str,
    /// The draft.
    #[schema(value_type = Object)]
    definition: Value,
    /// What it needs and is not there: it cannot be deployed before.
    missing: Vec<Missing>,
    /// What works, and should be otherwise: secrets that are written in the definition.
    warnings: Vec<Advice>,
    deployed_version: Option<DeployedOut>,
    /// Whether the draft is another than what is in service.
    changed_since_deployment: bool,
    version: i64,
    created_by: Option<String>,
    created_at: Timestamp,
    updated_by: Option<String>,
    updated_at: Timestamp,
}

impl From<Detailed> for FlowOut {
    fn from(Detailed { flow: f, missing }: Detailed) -> Self {
        Self {
            id: f.id,
            name: f.name,
            description: f.description,
            status: word(f.deployed.is_some()),
            changed_since_deployment: f.deployed.as_ref().is_none_or(|d| d.digest != f.digest),
            warnings: written(&f.definition),
            definition: f.definition,
            missing,
            deployed_version: f.deployed.map(Into::into),
            version: f.version,
            created_by: f.created_by,
            created_at: f.created_at,
            updated_by: f.updated_by,
            updated_at: f.updated_at,
        }
    }
}

/// Make a flow.
#[utoipa::path(post, operation_id = "createFlow", path = "/api/v1/flows", tag = "Flows", request_body = FlowIn, responses(
    (status = 201, body = FlowOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn create(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Json(input): Json<FlowIn>,
) -> ApiResult<Created<FlowOut>> {
    let FlowIn { name, description, definition } = input;
    let new = New { name, description, definition, stubs: Vec::new() };
    Ok(Created(flows.make_flow(&actor, new).await?.into()))
}

/// List the workspace's flows, by name.
#[utoipa::path(get, operation_id = "listFlows", path = "/api/v1/flows", tag = "Flows", params(PageParams, Asked), responses(
    (status = 200, body = Page<ListedOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Paging(page): Paging<25>,
    Query(asked): Query<Asked>,
) -> ApiResult<Json<Page<ListedOut>>> {
    let deployed = match asked.status.as_deref() {
        None | Some("") => None,
        Some("deployed") => Some(true),
        Some("draft") => Some(false),
        Some(_) => return Err(Error::validation("status", "status must be deployed or draft.").into()),
    };
    let wanted = Wanted { search: asked.search, deployed };
    Ok(Json(flows.flows(&actor, wanted, page).await?.map(Into::into)))
}

/// Get a flow with its draft.
#[utoipa::path(get, operation_id = "getFlow", path = "/api/v1/flows/{id}", tag = "Flows", params(("id" = String, Path)), responses(
    (status = 200, body = FlowOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<FlowOut>> {
    require(&flows.0.store, &actor, Permission::UseFlows, Some(format!("flow:{id}"))).await?;
    Ok(Json(flows.flow(&actor, &flow_id(&id)?).await?.into()))
}

/// Change a flow's draft. What is in service stays as it is until the next deployment.
#[utoipa::path(put, operation_id = "updateFlow", path = "/api/v1/flows/{id}", tag = "Flows", params(("id" = String, Path)), request_body = ChangeIn, responses(
    (status = 200, body = FlowOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn update(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Json(input): Json<ChangeIn>,
) -> ApiResult<Json<FlowOut>> {
    require(&flows.0.store, &actor, Permission::EditFlows, Some(format!("flow:{id}"))).await?;
    let ChangeIn { name, description, definition, version } = input;
    let change = Change { name, description, definition, version };
    Ok(Json(flows.change_flow(&actor, &flow_id(&id)?, change).await?.into()))
}

/// Delete a flow with its versions. One that is in service is undeployed first.
#[utoipa::path(delete, operation_id = "deleteFlow", path = "/api/v1/flows/{id}", tag = "Flows", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "It is in service", body = ErrorBody),
))]
pub(crate) async fn delete(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Deleted> {
    require(&flows.0.store, &actor, Permission::ManageFlows, Some(format!("flow:{id}"))).await?;
    let id = flow_id(&id)?;
    flows.remove_flow(&actor, &id).await?;
    Ok(Deleted::done())
}
