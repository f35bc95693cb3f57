use axum::extract::{Request, State};
use axum::http::StatusCode;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{Page, Permission, ScriptDeploymentId, Timestamp};
use gatehouse_web::{ApiResult, ErrorBody, Json, PageParams, Paging, Path};
use serde::{Deserialize, Serialize};

use super::script_id;
use super::scripts::{ProjectOut, ScriptOut, SettingsIn, SettingsOut, UploadIn, out};
use super::upload::read;
use crate::Scripts;
use crate::archive::MAX_ARCHIVE_BYTES;
use crate::model::{Exposed, names};
use crate::store::deployments::{Deployment, State as Progress};
use crate::store::scripts::Script;

/// How to deploy.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScriptDeploymentIn)]
pub(crate) struct DeployIn {
    /// Whether the terms and conditions are accepted; it takes that.
    #[serde(default)]
    accept_terms: bool,
}

/// A version of a script.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScriptDeployment)]
pub(crate) struct DeploymentOut {
    #[schema(value_type = String)]
    id: ScriptDeploymentId,
    /// From 1, counted up.
    version: i64,
    /// What it is called, like `v1`.
    name: String,
    /// Its name after that of the script.
    full_name: String,
    /// `Deploying`, `Success`, `Failed` or `Canceled`.
    status: &'static str,
    /// Why it failed.
    reason: Option<String>,
    /// Whether it is the version in service.
    active: bool,
    settings: SettingsOut,
    project: ProjectOut,
    /// What runs it, as it was found.
    interpreter: Option<String>,
    functions: Vec<Exposed>,
    /// Who deployed it, as `kind:id`.
    deployed_by: String,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    /// Milliseconds from start to end; `null` unless it succeeded.
    duration_ms: Option<i64>,
    /// Who took it out of service; told while the script is ready to deploy.
    undeployed_by: Option<String>,
    undeployed_at: Option<Timestamp>,
}

impl DeploymentOut {
    fn of(script: &Script, d: Deployment) -> Self {
        let told = script.status.offers().history;
        let took = d.ended_at.map(|end| (end.micros() - d.started_at.micros()) / 1_000);
        Self {
            version: d.number,
            full_name: names::full_version_name(script.settings.name(), &d.name),
            name: d.name,
            status: d.state.as_str(),
            reason: d.reason,
            active: script.deployed.as_ref() == Some(&d.id),
            settings: (&d.settings).into(),
            project: d.project.into(),
            interpreter: d.interpreter,
            functions: d.functions,
            deployed_by: d.deployed_by,
            started_at: d.started_at,
            ended_at: d.ended_at,
            duration_ms: took.filter(|_| d.state == Progress::Success),
            undeployed_by: d.undeployed_by.filter(|_| told.undeployments),
            undeployed_at: d.undeployed_at.filter(|_| told.undeployments),
            id: d.id,
        }
    }
}

/// Deploy a script. The answer comes at once; its status goes from `Deploying` to `Deployed` or `Deployment Failed`.
#[utoipa::path(post, operation_id = "deployScript", path = "/api/v1/scripts/{id}/deploy", tag = "Scripts", params(("id" = String, Path)), request_body = DeployIn, responses(
    (status = 202, description = "It goes on; get the script to see how", body = ScriptOut), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody),
))]
pub(crate) async fn deploy(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Json(input): Json<DeployIn>,
) -> ApiResult<(StatusCode, Json<ScriptOut>)> {
    let begun = scripts.deploy(&actor, &script_id(&id)?, input.accept_terms).await?;
    Ok((StatusCode::ACCEPTED, Json(out(&scripts, begun))))
}

/// Deploy a script anew, with changes or without; what is in service stays there until the new version is ready.
#[utoipa::path(post, operation_id = "redeployScript", path = "/api/v1/scripts/{id}/redeploy", tag = "Scripts", params(("id" = String, Path)),
    request_body(content((SettingsIn = "application/json"), (UploadIn = "multipart/form-data"))), responses(
    (status = 202, description = "It goes on; get the script to see how", body = ScriptOut), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody), (status = 413, body = ErrorBody),
))]
pub(crate) async fn redeploy(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    request: Request,
) -> ApiResult<(StatusCode, Json<ScriptOut>)> {
    let id = script_id(&id)?;
    require(&scripts.0.store, &actor, Permission::EditScripts, crate::service::object(&id)).await?;
    let is_empty = request.headers().get(axum::http::header::CONTENT_TYPE).is_none();
    let (settings, file) = match is_empty {
        true => (SettingsIn::default(), None),
        false => {
            let parts = read::<SettingsIn>(&scripts, actor.workspace()?, request, MAX_ARCHIVE_BYTES).await?;
            (parts.settings.unwrap_or_default(), parts.file)
        }
    };
    let begun = scripts.redeploy(&actor, &id, |now| settings.over(now), file).await?;
    Ok((StatusCode::ACCEPTED, Json(out(&scripts, begun))))
}

/// Take a script out of service, at once. Its keys, versions and files stay.
#[utoipa::path(post, operation_id = "undeployScript", path = "/api/v1/scripts/{id}/undeploy", tag = "Scripts", params(("id" = String, Path)), responses(
    (status = 200, body = ScriptOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn undeploy(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<ScriptOut>> {
    let done = scripts.undeploy(&actor, &script_id(&id)?).await?;
    Ok(Json(out(&scripts, done)))
}

/// Call a deployment off that is on its way.
#[utoipa::path(post, operation_id = "cancelScriptDeployment", path = "/api/v1/scripts/{id}/cancel", tag = "Scripts", params(("id" = String, Path)), responses(
    (status = 200, body = ScriptOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn cancel(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<ScriptOut>> {
    let done = scripts.cancel(&actor, &script_id(&id)?).await?;
    Ok(Json(out(&scripts, done)))
}

/// List a script's versions, newest first.
#[utoipa::path(get, operation_id = "listScriptDeployments", path = "/api/v1/scripts/{id}/deployments", tag = "Scripts", params(("id" = String, Path), PageParams), responses(
    (status = 200, body = Page<DeploymentOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn deployments(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Paging(page): Paging<25>,
) -> ApiResult<Json<Page<DeploymentOut>>> {
    let (script, found) = scripts.deployments(&actor, &script_id(&id)?, page).await?;
    Ok(Json(found.map(|d| DeploymentOut::of(&script, d))))
}

/// What to call a version.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = ScriptVersionName)]
pub(crate) struct RenameIn {
    /// 1 to 50 letters, digits, dots, dashes and underscores, beginning with a letter or digit.
    name: String,
}

/// Rename a version of a script.
#[utoipa::path(patch, operation_id = "renameScriptVersion", path = "/api/v1/scripts/{id}/deployments/{version}", tag = "Scripts",
    params(("id" = String, Path), ("version" = i64, Path)), request_body = RenameIn, responses(
    (status = 200, body = DeploymentOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn rename(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path((id, version)): Path<(String, String)>,
    Json(input): Json<RenameIn>,
) -> ApiResult<Json<DeploymentOut>> {
    // `v1` and `1` both name the first
    let number = version.trim_start_matches('v').parse().unwrap_or(0);
    let (script, renamed) = scripts.rename_version(&actor, &script_id(&id)?, number, &input.name).await?;
    Ok(Json(DeploymentOut::of(&script, renamed)))
}
