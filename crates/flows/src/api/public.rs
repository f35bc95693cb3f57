//! The public API of the platform, as far as it is about workflows: what keys open, and the people who could give such keys.

use axum::extract::State;
use axum::http::StatusCode;
use gatehouse_apikeys::Program;
use gatehouse_types::{Actor, Error, FlowFileId, Permission, Result, Timestamp};
use gatehouse_web::{ApiResult, Created, ErrorBody, Json, Path};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::deploy::{DeployIn, status_of};
use super::maybe::Maybe;
use crate::Flows;
use crate::model::package::Package;
use crate::service::deploy::Action;
use crate::store::deployments::Deployment;

/// How a job goes.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DockStatus)]
pub(crate) struct DockOut {
    /// Its id, with which one asks how it goes.
    #[serde(rename = "_id")]
    id: String,
    /// The same.
    dock_status_id: String,
    workflow_id: String,
    /// `WORKFLOWS`.
    job_type: &'static str,
    /// `DEPLOY` or `UNDEPLOY`.
    action: String,
    /// `IN_PROGRESS`, `SUCCESS` or `FAILED`.
    status: String,
    percentage_complete: u8,
    /// Why it failed.
    message: Option<String>,
    created_at: Timestamp,
}

impl From<Deployment> for DockOut {
    fn from(d: Deployment) -> Self {
        Self {
            id: d.id.to_string(),
            dock_status_id: d.id.to_string(),
            workflow_id: d.flow_id.to_string(),
            job_type: "WORKFLOWS",
            action: d.action,
            percentage_complete: if d.status == "IN_PROGRESS" { 0 } else { 100 },
            status: d.status,
            message: d.message,
            created_at: d.created_at,
        }
    }
}

/// The caller, who has the scope; a person has the scopes that they could give a key.
async fn allowed(program: Program, scope: &'static str) -> Result<Actor> {
    program.allowed(&[scope], Permission::ManageApps).await
}

fn workflow(id: &str) -> Result<gatehouse_types::FlowId> {
    id.parse().map_err(|_| Error::not_found("Workflow"))
}

/// A flow, as the public API calls it.
fn called(error: Error) -> Error {
    match error.kind() {
        gatehouse_types::Kind::NotFound if error.message() == "Flow not found" => {
            Error::not_found("Workflow")
        }
        _ => error,
    }
}

async fn dock(
    flows: &Flows,
    actor: &Actor,
    id: &str,
    action: Action,
    input: &DeployIn,
) -> ApiResult<(StatusCode, Json<DockOut>)> {
    let done = flows.deploy_in(actor, actor.workspace()?, &workflow(id)?, action, input.is_async).await;
    let done = done.map_err(called)?;
    Ok((status_of(&done), Json(done.into())))
}

/// Put a workflow into service. Needs the scope `workflow:deploy`.
#[utoipa::path(post, operation_id = "deployWorkflow", path = "/api/public/workflows/{id}/deploy", tag = "Public API", params(("id" = String, Path)), request_body = Option<DeployIn>, responses(
    (status = 200, body = DockOut), (status = 202, description = "It goes on; ask how", body = DockOut),
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "Something is missing", body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn deploy(
    State(flows): State<Flows>,
    program: Program,
    Path(id): Path<String>,
    Maybe(input): Maybe<DeployIn>,
) -> ApiResult<(StatusCode, Json<DockOut>)> {
    let actor = allowed(program, "workflow:deploy").await?;
    dock(&flows, &actor, &id, Action::Deploy, &input).await
}

/// Take a workflow out of service. Needs the scope `workflow:undeploy`.
#[utoipa::path(post, operation_id = "undeployWorkflow", path = "/api/public/workflows/{id}/undeploy", tag = "Public API", params(("id" = String, Path)), request_body = Option<DeployIn>, responses(
    (status = 200, body = DockOut), (status = 202, description = "It goes on; ask how", body = DockOut),
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn undeploy(
    State(flows): State<Flows>,
    program: Program,
    Path(id): Path<String>,
    Maybe(input): Maybe<DeployIn>,
) -> ApiResult<(StatusCode, Json<DockOut>)> {
    let actor = allowed(program, "workflow:undeploy").await?;
    dock(&flows, &actor, &id, Action::Undeploy, &input).await
}

/// Take a copy of a workflow, without its secrets. Needs the scope `workflow:export`.
#[utoipa::path(post, operation_id = "exportWorkflow", path = "/api/public/workflows/{id}/export", tag = "Public API", params(("id" = String, Path)), responses(
    (status = 200, body = Package), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn export(
    State(flows): State<Flows>,
    program: Program,
    Path(id): Path<String>,
) -> ApiResult<Json<Package>> {
    let actor = allowed(program, "workflow:export").await?;
    Ok(Json(flows.export_in(&actor, actor.workspace()?, &workflow(&id)?).await.map_err(called)?))
}

/// What to make a workflow of.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = WorkflowImport)]
pub(crate) struct ImportIn {
    /// The id of a file that was brought in with `POST /api/public/files`.
    flow_data_file_id: Option<String>,
    /// The same, where only this one is given.
    workflow_data_file_id: Option<String>,
    /// An exported workflow itself, instead of a file.
    package: Option<Package>,
    /// Instead of its own name.
    workflow_name: Option<String>,
}

/// A workflow that was made.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ImportedWorkflow)]
pub(crate) struct ImportOut {
    workflow_id: String,
    name: String,
    /// What it needs and is not there: it cannot be deployed before.
    missing: Vec<crate::model::flow::Missing>,
}

/// Make a workflow of an exported one. Needs the scope `workflow:import`.
#[utoipa::path(post, operation_id = "importWorkflow", path = "/api/public/workflows/import", tag = "Public API", request_body = ImportIn, responses(
    (status = 201, body = ImportOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn import(
    State(flows): State<Flows>,
    program: Program,
    Maybe(input): Maybe<ImportIn>,
) -> ApiResult<Created<ImportOut>> {
    let actor = allowed(program, "workflow:import").await?;
    let workspace = actor.workspace()?;
    let file = input.flow_data_file_id.or(input.workflow_data_file_id);
    let mut package = match (input.package, file) {
        (Some(package), _) => package,
        (None, Some(file)) => {
            let id: FlowFileId = file.parse().map_err(|_| Error::not_found("File"))?;
            flows.filed(workspace, &id).await?
        }
        (None, None) => return Err(Error::not_found("File").into()),
    };
    package.name = input.workflow_name.or(package.name);
    let made = flows.import_in(&actor, workspace, package).await?;
    let out =
        ImportOut { workflow_id: made.flow.id.to_string(), name: made.flow.name, missing: made.missing };
    Ok(Created(out))
}

/// A file that was brought in.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PublicFile)]
pub(crate) struct FileOut {
    file_id: String,
    /// Until when it waits for its import.
    expires_at: Timestamp,
}

/// A file as it comes.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = PublicFileIn)]
pub(crate) struct FileIn {
    /// What it is called.
    file_name: Option<String>,
    /// An exported workflow.
    #[schema(value_type = Option<Object>)]
    content: Option<Value>,
}

/// Bring a small file in, for an import. Needs the scope `workflow:import`.
#[utoipa::path(post, operation_id = "uploadPublicFile", path = "/api/public/files", tag = "Public API", request_body = FileIn, responses(
    (status = 201, body = FileOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn upload(
    State(flows): State<Flows>,
    program: Program,
    Maybe(input): Maybe<FileIn>,
) -> ApiResult<Created<FileOut>> {
    let actor = allowed(program, "workflow:import").await?;
    let content = input.content.filter(Value::is_object);
    let content =
        content.ok_or_else(|| Error::validation("content", "content must be an exported workflow."))?;
    let name = input.file_name.unwrap_or_else(|| "workflow.json".to_owned());
    let file = flows.bring_file(&actor, actor.workspace()?, &name, &content).await?;
    Ok(Created(FileOut { file_id: file.id.to_string(), expires_at: file.expires_at }))
}

/// See how a job goes that a call began. Needs a good key: whoever began it may ask.
#[utoipa::path(get, operation_id = "getDockStatus", path = "/api/public/dock-status/{id}", tag = "Public API", params(("id" = String, Path)), responses(
    (status = 200, body = DockOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn dock_status(
    State(flows): State<Flows>,
    program: Program,
    Path(id): Path<String>,
) -> ApiResult<Json<DockOut>> {
    let actor = program.good().await?;
    let id = id.parse().map_err(|_| Error::not_found("Job"))?;
    Ok(Json(flows.deployment_in(actor.workspace()?, &id).await?.into()))
}

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<Flows> {
    OpenApiRouter::new()
        .routes(routes!(deploy))
        .routes(routes!(undeploy))
        .routes(routes!(export))
        .routes(routes!(import))
        .routes(routes!(upload))
        .routes(routes!(dock_status))
}
