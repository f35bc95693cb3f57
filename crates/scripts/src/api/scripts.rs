use std::collections::BTreeMap;

use axum::extract::{Request, State};
use gatehouse_identity::{Caller, require};
use gatehouse_types::{Error, Page, Permission, Result, ScriptId, Secret, Timestamp};
use gatehouse_web::{ApiResult, Created, Deleted, ErrorBody, Json, PageParams, Paging, Path, Query};
use serde::{Deserialize, Serialize};

use super::script_id;
use super::upload::{needed, read};
use crate::Scripts;
use crate::archive::MAX_ARCHIVE_BYTES;
use crate::model::{Action, Exposed, Given, Settings, Status};
use crate::service::definitions::Detailed;
use crate::store::deployments::Deployment;
use crate::store::scripts::{Listed, Project};

/// Settings of a script. When a script is changed, only what is given changes.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ScriptSettingsIn)]
pub(crate) struct SettingsIn {
    /// One line of 1 to 100 characters, unlike every other script's.
    name: Option<String>,
    /// What it is for, at most 2000 characters.
    description: Option<String>,
    /// `python` or `javascript`.
    language: Option<String>,
    /// `3.10.15` or `20.19.0`; it comes with the language.
    language_version: Option<String>,
    /// Environment variables by name, all of them; `null` keeps the value that is there.
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    environment: Option<BTreeMap<String, Option<Secret>>>,
    /// Seconds that a function may take, 30 to 600; 60 when nothing is said.
    timeout_seconds: Option<i64>,
    /// The fewest replicas, 1 (default) to 10.
    min_replicas: Option<i64>,
    /// The most replicas, up to 10; as many as the fewest when nothing is said.
    max_replicas: Option<i64>,
    /// Percent of the processors above which replicas are added, 1 to 100; 75 when nothing is said. Without meaning while
    /// the numbers of replicas are equal.
    average_compute_utilization: Option<i64>,
    /// `1vcpu-2gb` (default), `2vcpu-4gb`, `2vcpu-8gb`, `4vcpu-8gb` or `4vcpu-16gb`.
    hardware_profile: Option<String>,
    /// What of the network it reaches: `public` (default), `allow-list` or `none`. Nothing private in any case.
    egress: Option<String>,
    /// The hosts of an `allow-list`: up to 100 names, or `*.` and a domain for all names below it.
    egress_hosts: Option<Vec<String>>,
}

impl SettingsIn {
    /// New settings.
    pub(crate) fn given(self) -> Result<Given> {
        let variables = self.environment.unwrap_or_default().into_iter();
        let environment = variables.map(|(key, value)| match value {
            Some(value) => Ok((key, value)),
            None => Err(Error::validation(
                format!("environment.{key}"),
                format!("The variable {key} needs a value."),
            )),
        });
        Ok(Given {
            name: self.name.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            language: self.language.unwrap_or_default(),
            language_version: self.language_version,
            environment: environment.collect::<Result<_>>()?,
            timeout_seconds: self.timeout_seconds,
            min_replicas: self.min_replicas,
            max_replicas: self.max_replicas,
            average_compute_utilization: self.average_compute_utilization,
            hardware_profile: self.hardware_profile,
            egress: self.egress,
            egress_hosts: self.egress_hosts.unwrap_or_default(),
        })
    }

    /// Present settings with what is given put in.
    pub(crate) fn over(self, now: &Settings) -> Given {
        let kept =
            |key: &str| now.environment().iter().find(|(k, _)| *k == key).map(|(_, value)| value.clone());
        let environment = match self.environment {
            // a name without a value, and none before, is an empty one: the judge of settings has the last word
            Some(all) => all
                .into_iter()
                .map(|(k, v)| (k.clone(), v.or_else(|| kept(&k)).unwrap_or_else(|| Secret::new(""))))
                .collect(),
            None => now.environment().iter().map(|(k, v)| (k.to_owned(), v.clone())).collect(),
        };
        Given {
            name: self.name.unwrap_or_else(|| now.name().to_owned()),
            description: self.description.unwrap_or_else(|| now.description().to_owned()),
            language: self.language.unwrap_or_else(|| now.language().as_str().to_owned()),
            language_version: self.language_version,
            environment,
            timeout_seconds: self.timeout_seconds.or(Some(now.timeout_seconds().into())),
            min_replicas: self.min_replicas.or(Some(now.min_replicas().into())),
            max_replicas: self.max_replicas.or(Some(now.max_replicas().into())),
            average_compute_utilization: self
                .average_compute_utilization
                .or(Some(now.average_compute_utilization().into())),
            hardware_profile: self.hardware_profile.or(Some(now.hardware_profile().id().to_owned())),
            egress: self.egress.or(Some(now.egress().as_str().to_owned())),
            egress_hosts: self.egress_hosts.unwrap_or_else(|| now.egress().hosts().to_vec()),
        }
    }

    pub(crate) fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }
}

/// A script as it comes in.
#[derive(utoipa::ToSchema)]
#[schema(as = ScriptUpload)]
#[expect(dead_code, reason = "it is read part by part")]
pub(crate) struct UploadIn {
    /// The project: `.zip`, `.gz` or `.tar`, at most 1 GB.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: Option<String>,
    settings: Option<SettingsIn>,
}

/// Which scripts to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// In the name, in any case.
    search: Option<String>,
    /// `Draft`, `Deploying`, `Ready to Deploy`, `Deployed` or `Deployment Failed`.
    status: Option<String>,
}

/// The file of a project.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScriptProject)]
pub(crate) struct ProjectOut {
    name: String,
    bytes: i64,
    /// SHA-256 of its bytes, in hex.
    sha256: String,
}

impl From<Project> for ProjectOut {
    fn from(p: Project) -> Self {
        Self { name: p.name, bytes: p.bytes, sha256: p.sha256 }
    }
}

/// Settings as they are. Values of environment variables are not shown again.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScriptSettings)]
pub(crate) struct SettingsOut {
    description: String,
    /// `python` or `javascript`.
    language: &'static str,
    language_version: &'static str,
    /// The names of the variables; the values are always `null`.
    environment: BTreeMap<String, Option<String>>,
    timeout_seconds: u16,
    min_replicas: u8,
    max_replicas: u8,
    average_compute_utilization: u8,
    hardware_profile: &'static str,
    /// What of the network it reaches: `public`, `allow-list` or `none`.
    egress: &'static str,
    /// The hosts of an `allow-list`.
    egress_hosts: Vec<String>,
}

impl From<&Settings> for SettingsOut {
    fn from(s: &Settings) -> Self {
        Self {
            description: s.description().to_owned(),
            language: s.language().as_str(),
            language_version: s.language_version(),
            environment: s.environment().iter().map(|(key, _)| (key.to_owned(), None)).collect(),
            timeout_seconds: s.timeout_seconds(),
            min_replicas: s.min_replicas(),
            max_replicas: s.max_replicas(),
            average_compute_utilization: s.average_compute_utilization(),
            hardware_profile: s.hardware_profile().id(),
            egress: s.egress().as_str(),
            egress_hosts: s.egress().hosts().to_vec(),
        }
    }
}

/// A script in a list.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedScript)]
pub(crate) struct ListedOut {
    #[schema(value_type = String)]
    id: ScriptId,
    name: String,
    /// `python` or `javascript`.
    language: &'static str,
    /// `Draft`, `Deploying`, `Ready to Deploy`, `Deployed` or `Deployment Failed`.
    status: &'static str,
    /// Why the last deployment failed.
    reason: Option<String>,
    /// Whether functions can be called: also while a further version is on its way.
    in_service: bool,
    /// Who added it, as `kind:id`.
    created_by: String,
    created_at: Timestamp,
    updated_by: String,
    /// When it was last acted on.
    updated_at: Timestamp,
}

impl From<Listed> for ListedOut {
    fn from(l: Listed) -> Self {
        Self {
            id: l.id,
            name: l.name,
            language: l.language.as_str(),
            status: l.status.as_str(),
            reason: l.reason,
            in_service: l.is_in_service,
            created_by: l.created_by,
            created_at: l.created_at,
            updated_by: l.updated_by,
            updated_at: l.updated_at,
        }
    }
}

/// The version of a script that is in service.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeployedScriptVersion)]
pub(crate) struct DeployedOut {
    /// From 1.
    version: i64,
    /// What it is called, like `v1`.
    name: String,
    /// What runs it, as it was found: `Python 3.10.15 (runs 3.11.2)`.
    interpreter: Option<String>,
    functions: Vec<Exposed>,
    deployed_at: Option<Timestamp>,
    deployed_by: String,
}

impl From<&Deployment> for DeployedOut {
    fn from(d: &Deployment) -> Self {
        Self {
            version: d.number,
            name: d.name.clone(),
            interpreter: d.interpreter.clone(),
            functions: d.functions.clone(),
            deployed_at: d.ended_at,
            deployed_by: d.deployed_by.clone(),
        }
    }
}

/// Replicas on the server that answers.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ScriptReplicas)]
pub(crate) struct ReplicasOut {
    ready: usize,
    wanted: usize,
}

/// A script.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Script)]
pub(crate) struct ScriptOut {
    #[schema(value_type = String)]
    id: ScriptId,
    name: String,
    /// `Draft`, `Deploying`, `Ready to Deploy`, `Deployed` or `Deployment Failed`.
    status: &'static str,
    /// Why the last deployment failed.
    reason: Option<String>,
    #[serde(flatten)]
    settings: SettingsOut,
    project: ProjectOut,
    deployed: Option<DeployedOut>,
    replicas: Option<ReplicasOut>,
    /// What can be done now: `export`, `delete`, `deploy`, `redeploy`, `undeploy`, `cancel`.
    actions: Vec<&'static str>,
    version: i64,
    created_by: String,
    created_at: Timestamp,
    updated_by: String,
    updated_at: Timestamp,
}

/// An action as the API names it.
const fn word(action: Action) -> &'static str {
    match action {
        Action::Export => "export",
        Action::Delete => "delete",
        Action::Deploy => "deploy",
        Action::Redeploy => "redeploy",
        Action::Undeploy => "undeploy",
        Action::Cancel => "cancel",
    }
}

const ACTIONS: [Action; 6] =
    [Action::Export, Action::Delete, Action::Deploy, Action::Redeploy, Action::Undeploy, Action::Cancel];

/// A script as it is told.
pub(crate) fn out(scripts: &Scripts, Detailed { script: s, latest }: Detailed) -> ScriptOut {
    let set = scripts.0.fleet.get(&s.id).filter(|set| s.deployed.as_ref() == Some(&set.id));
    ScriptOut {
        name: s.settings.name().to_owned(),
        status: s.status.as_str(),
        reason: s.reason,
        settings: (&s.settings).into(),
        project: s.project.into(),
        deployed: latest.as_ref().filter(|d| s.deployed.as_ref() == Some(&d.id)).map(Into::into),
        replicas: set.map(|set| set.replicas()).map(|(ready, wanted)| ReplicasOut { ready, wanted }),
        actions: ACTIONS.into_iter().filter(|a| s.status.allows(*a)).map(word).collect(),
        id: s.id,
        version: s.version,
        created_by: s.created_by,
        created_at: s.created_at,
        updated_by: s.updated_by,
        updated_at: s.updated_at,
    }
}

/// Import a script: its project is judged, and it is kept as a draft.
#[utoipa::path(post, operation_id = "importScript", path = "/api/v1/scripts", tag = "Scripts",
    request_body(content = UploadIn, content_type = "multipart/form-data"), responses(
    (status = 201, body = ScriptOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody), (status = 413, body = ErrorBody),
))]
pub(crate) async fn import(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    request: Request,
) -> ApiResult<Created<ScriptOut>> {
    require(&scripts.0.store, &actor, Permission::EditScripts, None).await?;
    let parts = read::<SettingsIn>(&scripts, actor.workspace()?, request, MAX_ARCHIVE_BYTES).await?;
    let given = parts.settings.unwrap_or_default().given()?;
    let made = scripts.import(&actor, given, needed(parts.file)?).await?;
    Ok(Created(out(&scripts, made)))
}

/// List the workspace's scripts, by name.
#[utoipa::path(get, operation_id = "listScripts", path = "/api/v1/scripts", tag = "Scripts", params(PageParams, Asked), responses(
    (status = 200, body = Page<ListedOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Paging(page): Paging<25>,
    Query(asked): Query<Asked>,
) -> ApiResult<Json<Page<ListedOut>>> {
    let status = asked.status.filter(|s| !s.is_empty()).map(|words| {
        Status::parse(&words)
            .ok_or_else(|| Error::validation("status", "There is no such status of scripts."))
    });
    let found = scripts.scripts(&actor, asked.search.as_deref(), status.transpose()?, page).await?;
    Ok(Json(found.map(Into::into)))
}

/// Get a script.
#[utoipa::path(get, operation_id = "getScript", path = "/api/v1/scripts/{id}", tag = "Scripts", params(("id" = String, Path)), responses(
    (status = 200, body = ScriptOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<ScriptOut>> {
    let found = scripts.script(&actor, &script_id(&id)?).await?;
    Ok(Json(out(&scripts, found)))
}

/// Change a script that is not in service: settings as JSON, or settings and a new project file as a form.
#[utoipa::path(put, operation_id = "changeScript", path = "/api/v1/scripts/{id}", tag = "Scripts", params(("id" = String, Path)),
    request_body(content((SettingsIn = "application/json"), (UploadIn = "multipart/form-data"))), responses(
    (status = 200, body = ScriptOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
    (status = 413, body = ErrorBody),
))]
pub(crate) async fn change(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    request: Request,
) -> ApiResult<Json<ScriptOut>> {
    let id = script_id(&id)?;
    require(&scripts.0.store, &actor, Permission::EditScripts, crate::service::object(&id)).await?;
    let parts = read::<SettingsIn>(&scripts, actor.workspace()?, request, MAX_ARCHIVE_BYTES).await?;
    let settings = parts.settings.unwrap_or_default();
    let changed = scripts.change(&actor, &id, |now| settings.over(now), parts.file).await?;
    Ok(Json(out(&scripts, changed)))
}

/// Delete a script that is not deployed, with its keys, versions, runs and files.
#[utoipa::path(delete, operation_id = "deleteScript", path = "/api/v1/scripts/{id}", tag = "Scripts", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "It is deployed: undeploy it first", body = ErrorBody),
))]
pub(crate) async fn delete(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Deleted> {
    scripts.delete(&actor, &script_id(&id)?).await?;
    Ok(Deleted::done())
}
