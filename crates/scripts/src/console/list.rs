//! The workspace's scripts, what runs them here, and what that costs.

use axum::extract::State;
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, PageInfo, Permission, Result, WorkspaceId};
use gatehouse_web::{HtmlResult, Page, PageContext, Paging, Query, Tone, View, When};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::parts::tone;
use super::{PATH, WIZARD, frame, path_of};
use crate::Scripts;
use crate::model::{Action, Language, Status};
use crate::service::credits::Share;
use crate::store::scripts::Listed;

/// Milliseconds of an hour.
const HOUR_MILLIS: u64 = 3_600_000;

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    search: String,
}

struct Row {
    path: String,
    name: String,
    status: &'static str,
    tone: Tone,
    /// Why the last deployment failed, where it did.
    reason: String,
    by: String,
    updated: When,
    export: String,
    undeploy: String,
    delete: String,
}

/// What runs a language here.
struct Runtime {
    label: String,
    problem: String,
}

/// What a script used.
struct Usage {
    name: String,
    profile: &'static str,
    hours: String,
    credits: String,
}

struct Credits {
    total: String,
    used: String,
    remaining: String,
    usage: Vec<Usage>,
}

#[derive(askama::Template)]
#[template(path = "scripts/list.html")]
pub(super) struct ListPage {
    page: Page,
    path: &'static str,
    wizard: &'static str,
    search: Search,
    rows: Vec<Row>,
    /// Whether something is on its way.
    live: bool,
    poll: String,
    pagination: PageInfo,
    base: String,
    may_edit: bool,
    credits: Credits,
    runtimes: Vec<Runtime>,
    isolation: &'static str,
    missing: Vec<String>,
}

async fn row(scripts: &Scripts, actor: &Actor, workspace: &WorkspaceId, l: Listed) -> Result<Row> {
    let path = path_of(&l.id);
    let way =
        |action: Action, right: Permission, to: String| match l.status.allows(action) && actor.may(right) {
            true => to,
            false => String::new(),
        };
    Ok(Row {
        export: way(Action::Export, Permission::ManageScripts, format!("/api/v1/scripts/{}/export", l.id)),
        undeploy: way(Action::Undeploy, Permission::ManageScripts, format!("{path}/undeploy")),
        delete: way(Action::Delete, Permission::DeleteScripts, format!("{path}/delete")),
        path,
        name: l.name,
        status: l.status.as_str(),
        tone: tone(l.status),
        reason: l.reason.unwrap_or_default(),
        by: scripts.name_of(workspace, &l.created_by).await?,
        updated: l.updated_at.into(),
    })
}

fn used(share: Share) -> Usage {
    let hours = share.millis as u128 * 1_000 / u128::from(HOUR_MILLIS);
    Usage {
        name: share.name.unwrap_or_else(|| "a deleted script".to_owned()),
        profile: share.profile.label(),
        hours: format!("{}.{:03}", hours / 1_000, hours % 1_000),
        credits: share.credits.to_string(),
    }
}

async fn runtimes(scripts: &Scripts) -> Vec<Runtime> {
    let mut all = Vec::new();
    for language in Language::ALL {
        let runtime = scripts.0.runtimes.of(language).await;
        let problem = runtime.found.as_ref().err().cloned().unwrap_or_default();
        all.push(Runtime { label: runtime.label(), problem });
    }
    all
}

/// The page.
pub(super) async fn show(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    context: PageContext,
    Paging(page): Paging<25>,
    Query(search): Query<Search>,
) -> HtmlResult<View<ListPage>> {
    let found = scripts.scripts(&actor, Some(&search.search), None, page).await?;
    let workspace = actor.workspace()?;
    let live = found.data.iter().any(|l| l.status == Status::Deploying);
    let mut rows = Vec::with_capacity(found.data.len());
    for listed in found.data {
        rows.push(row(&scripts, &actor, workspace, listed).await?);
    }
    let balance = scripts.credits(&actor).await?;
    let probe = scripts.0.runtimes.probe().await;
    let query = Serializer::new(String::new()).append_pair("search", &search.search).finish();
    let base = format!("{PATH}?{query}&");
    Ok(View(ListPage {
        page: frame(&context),
        path: PATH,
        wizard: WIZARD,
        rows,
        live,
        poll: format!("{base}page={}", found.pagination.page),
        pagination: found.pagination,
        base,
        search,
        may_edit: actor.may(Permission::EditScripts),
        credits: Credits {
            total: balance.total.to_string(),
            used: balance.used.to_string(),
            remaining: balance.remaining().to_string(),
            usage: balance.shares.into_iter().map(used).collect(),
        },
        runtimes: runtimes(&scripts).await,
        isolation: match probe.mode {
            gatehouse_sandbox::Mode::Privileged => {
                "Privileged: each script runs as a user of its own, in namespaces and a control group"
            }
            gatehouse_sandbox::Mode::Rootless => {
                "Rootless: scripts run in a user namespace of the server's own user; weaker than privileged"
            }
        },
        missing: probe.missing.iter().map(|m| format!("{}: {}", m.what, m.remedy)).collect(),
    }))
}
