//! The page of a script: how it stands, what can be done, and how it is configured.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, Permission, Result};
use gatehouse_web::{HtmlResult, Page, PageContext, Path, Query, Tab, Tone, View, When};
use serde::Deserialize;

use super::parts::{Sections, of_page, tabs, tone};
use super::{below, path_of};
use crate::Scripts;
use crate::model::{Action, Status, names};
use crate::service::definitions::Detailed;

/// Whether the page followed a deployment until now.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Shown {
    watched: bool,
}

/// Where the actions lead; empty: it is not offered, or not to this person.
struct Ways {
    deploy: String,
    /// Of a draft.
    edit: String,
    redeploy: String,
    export: String,
    undeploy: String,
    cancel: String,
    delete: String,
}

/// The version in service.
struct Served {
    name: String,
    interpreter: String,
    functions: Vec<String>,
    since: Option<When>,
    by: String,
    replicas: String,
}

#[derive(askama::Template)]
#[template(path = "scripts/overview.html")]
struct OverviewPage {
    page: Page,
    tabs: Vec<Tab>,
    poll: String,
    live: bool,
    /// Whether a deployment that was followed has just ended.
    ended: bool,
    deployed: bool,
    failed: bool,
    endpoint: String,
    status: &'static str,
    tone: Tone,
    reason: String,
    by: String,
    created: When,
    updated: When,
    served: Option<Served>,
    /// The version whose configuration is shown; empty: what is kept for the next one.
    of_version: String,
    sections: Sections,
    ways: Ways,
}

fn ways(actor: &Actor, found: &Detailed) -> Ways {
    let (s, path) = (&found.script, path_of(&found.script.id));
    let way =
        |action: Action, right: Permission, to: String| match s.status.allows(action) && actor.may(right) {
            true => to,
            false => String::new(),
        };
    Ways {
        deploy: way(Action::Deploy, Permission::EditScripts, format!("{path}/deploy")),
        edit: match s.status == Status::Draft && actor.may(Permission::EditScripts) {
            true => format!("{path}/configure"),
            false => String::new(),
        },
        redeploy: way(Action::Redeploy, Permission::EditScripts, format!("{path}/configure")),
        export: way(Action::Export, Permission::ManageScripts, format!("/api/v1/scripts/{}/export", s.id)),
        undeploy: way(Action::Undeploy, Permission::ManageScripts, format!("{path}/undeploy")),
        cancel: way(Action::Cancel, Permission::EditScripts, format!("{path}/cancel")),
        delete: way(Action::Delete, Permission::DeleteScripts, format!("{path}/delete")),
    }
}

async fn served(scripts: &Scripts, found: &Detailed) -> Result<Option<Served>> {
    let s = &found.script;
    let Some(d) = found.latest.as_ref().filter(|d| s.deployed.as_ref() == Some(&d.id)) else {
        return Ok(None);
    };
    let set = scripts.0.fleet.get(&s.id).filter(|set| set.id == d.id);
    let replicas = set.map(|set| set.replicas());
    Ok(Some(Served {
        name: names::full_version_name(s.settings.name(), &d.name),
        interpreter: d.interpreter.clone().unwrap_or_default(),
        functions: d.functions.iter().map(|f| format!("{}({})", f.name, f.parameters.join(", "))).collect(),
        since: d.ended_at.map(When::from),
        by: scripts.name_of(&s.workspace, &d.deployed_by).await?,
        replicas: replicas.map_or_else(
            || "none yet on this server".to_owned(),
            |(ready, wanted)| format!("{ready} of {wanted} ready on this server"),
        ),
    }))
}

/// The page.
pub(super) async fn show(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
    context: PageContext,
) -> HtmlResult<Response> {
    let (workspace, id) = of_page(&scripts, &actor, Permission::ReadScripts, &id).await?;
    let found = scripts.script(&actor, &id).await?;
    let s = &found.script;
    // what is in service is shown; where nothing is, what is kept for the next time
    let last = found.latest.as_ref().filter(|d| s.deployed.as_ref() == Some(&d.id));
    let (settings, project) = last.map_or((&s.settings, &s.project), |d| (&d.settings, &d.project));
    let path = path_of(&id);
    let page = below(&context, s.settings.name());
    let view = OverviewPage {
        tabs: tabs(&actor, &id, "Overview"),
        poll: format!("{path}?watched=true"),
        live: s.status == Status::Deploying,
        ended: shown.watched && s.status != Status::Deploying,
        deployed: s.status == Status::Deployed,
        failed: s.status == Status::DeploymentFailed,
        endpoint: format!("{path}/endpoint"),
        status: s.status.as_str(),
        tone: tone(s.status),
        reason: s.reason.clone().unwrap_or_default(),
        by: scripts.name_of(workspace, &s.created_by).await?,
        created: s.created_at.into(),
        updated: s.updated_at.into(),
        served: served(&scripts, &found).await?,
        of_version: last.map(|d| names::full_version_name(s.settings.name(), &d.name)).unwrap_or_default(),
        sections: Sections::of(settings, project),
        ways: ways(&actor, &found),
        page,
    };
    Ok(View(view).into_response())
}
