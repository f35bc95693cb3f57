//! The versions of a script: when each was deployed, by whom, how it was configured; and their names.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Error, PageInfo, Permission, Result, WorkspaceId};
use gatehouse_web::{
    FieldErrors, Flash, HtmlResult, Page, PageContext, Paging, Path, SeeOther, Tab, Tone, VerifiedForm, View,
    When,
};
use serde::Deserialize;

use super::parts::{Sections, errors_of, of_page, tabs, took};
use super::{below, path_of};
use crate::Scripts;
use crate::model::names;
use crate::store::deployments::{Deployment, State as Progress};
use crate::store::scripts::Script;

struct Entry {
    name: String,
    number: i64,
    active: bool,
    rename: String,
    status: &'static str,
    tone: Tone,
    reason: String,
    interpreter: String,
    functions: Vec<String>,
    by: String,
    started: When,
    ended: Option<When>,
    /// "–" unless the script is deployed and the version came into service.
    duration: String,
    took: String,
    undeployed: Option<(When, String)>,
    sections: Sections,
}

#[derive(askama::Template)]
#[template(path = "scripts/history.html")]
struct HistoryPage {
    page: Page,
    tabs: Vec<Tab>,
    /// Nothing but the prompt to deploy.
    prompt: bool,
    deploy: String,
    entries: Vec<Entry>,
    pagination: PageInfo,
    base: String,
}

const fn tone(state: Progress) -> Tone {
    match state {
        Progress::Deploying => Tone::Info,
        Progress::Success => Tone::Good,
        Progress::Failed => Tone::Bad,
        Progress::Canceled => Tone::Neutral,
    }
}

async fn entry(
    scripts: &Scripts,
    workspace: &WorkspaceId,
    s: &Script,
    d: Deployment,
    may: bool,
) -> Result<Entry> {
    let told = s.status.offers().history;
    let time = d.ended_at.map(|end| took(d.started_at, end));
    let undeployed = match (d.undeployed_at, &d.undeployed_by) {
        (Some(at), Some(by)) if told.undeployments => {
            Some((When::from(at), scripts.name_of(workspace, by).await?))
        }
        _ => None,
    };
    let shown = told.duration && d.state == Progress::Success;
    Ok(Entry {
        name: names::full_version_name(s.settings.name(), &d.name),
        number: d.number,
        active: told.check && s.deployed.as_ref() == Some(&d.id),
        rename: match told.rename && may {
            true => format!("{}/history/{}/rename", path_of(&s.id), d.number),
            false => String::new(),
        },
        status: d.state.as_str(),
        tone: tone(d.state),
        reason: d.reason.unwrap_or_default(),
        interpreter: d.interpreter.unwrap_or_default(),
        functions: d.functions.iter().map(|f| format!("{}({})", f.name, f.parameters.join(", "))).collect(),
        by: scripts.name_of(workspace, &d.deployed_by).await?,
        started: d.started_at.into(),
        ended: d.ended_at.map(When::from),
        duration: time.clone().filter(|_| shown).unwrap_or_else(|| "–".to_owned()),
        took: time.unwrap_or_else(|| "–".to_owned()),
        undeployed,
        sections: Sections::of(&d.settings, &d.project),
    })
}

/// The page.
pub(super) async fn show(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    Paging(page): Paging<10>,
    context: PageContext,
) -> HtmlResult<Response> {
    let (workspace, id) = of_page(&scripts, &actor, Permission::ReadScripts, &id).await?;
    let (script, found) = scripts.deployments(&actor, &id, page).await?;
    let may_edit = actor.may(Permission::EditScripts);
    let mut entries = Vec::with_capacity(found.data.len());
    for deployment in found.data {
        entries.push(entry(&scripts, workspace, &script, deployment, may_edit).await?);
    }
    let path = path_of(&id);
    let view = HistoryPage {
        page: below(&context, script.settings.name()),
        tabs: tabs(&actor, &id, "Deployment History"),
        prompt: script.status.offers().history.prompt,
        deploy: if may_edit { format!("{path}/deploy") } else { String::new() },
        entries,
        pagination: found.pagination,
        base: format!("{path}/history?"),
    };
    Ok(View(view).into_response())
}

/// The new name of a version.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RenameForm {
    name: String,
}

#[derive(askama::Template)]
#[template(path = "scripts/rename.html")]
struct RenamePage {
    page: Page,
    action: String,
    back: String,
    form: RenameForm,
    errors: FieldErrors,
}

fn no_version() -> Error {
    Error::not_found("Version")
}

async fn rename_page(
    scripts: &Scripts,
    context: &PageContext,
    (script, number): (&Script, i64),
    again: Option<(RenameForm, FieldErrors)>,
) -> Result<View<RenamePage>> {
    let store = &scripts.0.store;
    let found = crate::store::deployments::numbered(store, &mut store.reader(), &script.id, number).await?;
    let found = found.ok_or_else(no_version)?;
    let back = format!("{}/history", path_of(&script.id));
    let (form, errors) =
        again.unwrap_or_else(|| (RenameForm { name: found.name.clone() }, FieldErrors::none()));
    let page =
        below(context, format!("Rename {}", names::full_version_name(script.settings.name(), &found.name)));
    Ok(View(RenamePage {
        page: page.under(script.settings.name(), back.clone()),
        action: format!("{back}/{number}/rename"),
        back,
        form,
        errors,
    }))
}

/// The form.
pub(super) async fn ask_rename(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path((id, number)): Path<(String, String)>,
    context: PageContext,
) -> HtmlResult<Response> {
    let (_, id) = of_page(&scripts, &actor, Permission::EditScripts, &id).await?;
    let number = number.parse().map_err(|_| no_version())?;
    let found = scripts.script(&actor, &id).await?;
    Ok(rename_page(&scripts, &context, (&found.script, number), None).await?.into_response())
}

/// Renames a version.
pub(super) async fn rename(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path((id, number)): Path<(String, String)>,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<RenameForm>,
) -> HtmlResult<Response> {
    let (_, id) = of_page(&scripts, &actor, Permission::EditScripts, &id).await?;
    let number = number.parse().map_err(|_| no_version())?;
    match scripts.rename_version(&actor, &id, number, &form.name).await {
        Ok((script, renamed)) => {
            let words = format!(
                "It is called {} now.",
                names::full_version_name(script.settings.name(), &renamed.name)
            );
            Ok(SeeOther::to(format!("{}/history", path_of(&id)))
                .saying(Flash::success(words))
                .into_response())
        }
        Err(e) => {
            let Some(errors) = errors_of(&e) else { return Err(e.into()) };
            let found = scripts.script(&actor, &id).await?;
            let page = rename_page(&scripts, &context, (&found.script, number), Some((form, errors))).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}
