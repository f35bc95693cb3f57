//! The name and the scopes of an app: the first step of the wizard, and the tab API Scopes.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, ApiAppId, ControlScope, Kind, Result};
use gatehouse_web::{
    FieldErrors, Flash, HtmlResult, Page, PageContext, Path, SeeOther, Tab, VerifiedForm, View, When,
};
use serde::Deserialize;

use super::{PATH, below, networks, tabs};
use crate::ApiKeys;
use crate::model::scope::{BUILT_IN, OwnScope};
use crate::model::{App, AppStatus};
use crate::service::apps::{AppChange, LimitsChange};
use crate::store::usage::Sum;

/// What a new app is called until it has a name.
const UNTITLED: &str = "Untitled app";

/// What was filled in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AppForm {
    name: String,
    scopes: Vec<String>,
    networks: String,
    /// Ticked: its keys open nothing.
    disabled: Option<String>,
    /// The scopes that go were looked at.
    confirmed: Option<String>,
}

struct Box {
    id: String,
    field: String,
    label: String,
    hint: String,
    checked: bool,
}

struct Group {
    legend: &'static str,
    boxes: Vec<Box>,
}

fn groups(own: &[OwnScope], form: &AppForm, used: &[Sum]) -> Vec<Group> {
    let tick = |id: &str, label: &str, description: &str| {
        let uses = used.iter().find(|s| s.of == id).map_or(0, |s| s.allowed);
        let hint = match uses {
            0 => description.to_owned(),
            n => format!("{description} Used {n} times in 90 days.").trim_start().to_owned(),
        };
        Box {
            field: format!("scope-{}", id.replace([':', '.'], "-")),
            checked: form.scopes.iter().any(|s| s == id),
            id: id.to_owned(),
            label: label.to_owned(),
            hint,
        }
    };
    let platform = BUILT_IN.iter().map(|s| tick(s.id, s.name, s.description)).collect();
    let of_own = own.iter().map(|s| tick(&s.id, &s.name, &format!("{} {}", s.id, s.description))).collect();
    let control = ControlScope::ALL.iter().map(|s| tick(s.as_str(), s.label(), s.as_str())).collect();
    let all = [
        Group { legend: "Platform", boxes: platform },
        Group { legend: "Your own product", boxes: of_own },
        Group { legend: "Gatehouse itself", boxes: control },
    ];
    all.into_iter().filter(|g| !g.boxes.is_empty()).collect()
}

#[derive(askama::Template)]
#[template(path = "apikeys/edit.html")]
struct EditPage {
    page: Page,
    action: String,
    /// Empty for a new app.
    tabs: Vec<Tab>,
    groups: Vec<Group>,
    form: AppForm,
    errors: FieldErrors,
    cancel: &'static str,
    created: Option<(String, When)>,
    /// Scopes that go although somebody used them, in words.
    losing: Vec<String>,
}

async fn view(
    keys: &ApiKeys,
    actor: &Actor,
    context: &PageContext,
    app: Option<&App>,
    form: AppForm,
    errors: FieldErrors,
    losing: Vec<String>,
) -> Result<Response> {
    let own = keys.own_scopes(actor).await?;
    let used = match app {
        Some(app) => keys.app_usage(actor, &app.id).await?.by_scope,
        None => Vec::new(),
    };
    let (title, action) = match app {
        Some(app) => (app.name.clone(), format!("{PATH}/{}", app.id)),
        None => ("Create an API App".to_owned(), format!("{PATH}/new")),
    };
    Ok(View(EditPage {
        page: below(context, &title),
        action,
        tabs: app.map(|a| tabs(a, false)).unwrap_or_default(),
        groups: groups(&own, &form, &used),
        form,
        errors,
        cancel: PATH,
        created: app.map(|a| (a.created_by_name.clone().unwrap_or_default(), a.created_at.into())),
        losing,
    })
    .into_response())
}

/// The first step of the wizard.
pub(super) async fn begin(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<Response> {
    let form = AppForm { name: UNTITLED.to_owned(), ..AppForm::default() };
    Ok(view(&keys, &actor, &context, None, form, FieldErrors::none(), Vec::new()).await?)
}

fn change(form: &AppForm) -> AppChange {
    let status = if form.disabled.is_some() { AppStatus::Disabled } else { AppStatus::Active };
    AppChange {
        name: Some(form.name.clone()),
        scopes: Some(form.scopes.clone()),
        status: Some(status),
        limits: LimitsChange { networks: Some(networks(&form.networks)), ..LimitsChange::default() },
        ..AppChange::default()
    }
}

fn told(error: gatehouse_types::Error) -> Result<FieldErrors> {
    match error.kind() {
        Kind::Validation => Ok(FieldErrors::from(&error)),
        Kind::Conflict => Ok(FieldErrors::from(&error.on_field("name"))),
        _ => Err(error),
    }
}

/// Makes the app, and goes on to its first key.
pub(super) async fn make(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<AppForm>,
) -> HtmlResult<Response> {
    match keys.make_app(&actor, change(&form)).await {
        Ok(app) => {
            let said = Flash::success(format!("The app {} was created. Create an API key for it.", app.name));
            Ok(SeeOther::to(format!("{PATH}/{}/keys", app.id)).saying(said).into_response())
        }
        Err(e) => {
            let errors = told(e)?;
            let page = view(&keys, &actor, &context, None, form, errors, Vec::new()).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}

/// The tab API Scopes.
pub(super) async fn show(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    Path(id): Path<ApiAppId>,
    context: PageContext,
) -> HtmlResult<Response> {
    let app = keys.app(&actor, &id).await?;
    let form = AppForm {
        name: app.name.clone(),
        scopes: app.scopes.clone(),
        networks: app.limits.networks.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        disabled: (app.status == AppStatus::Disabled).then(|| "true".to_owned()),
        confirmed: None,
    };
    Ok(view(&keys, &actor, &context, Some(&app), form, FieldErrors::none(), Vec::new()).await?)
}

/// Stores the changes. Scopes that somebody used go after a question.
pub(super) async fn save(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    Path(id): Path<ApiAppId>,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<AppForm>,
) -> HtmlResult<Response> {
    let app = keys.app(&actor, &id).await?;
    if form.confirmed.is_none() {
        let usage = keys.app_usage(&actor, &id).await?.by_scope;
        let goes = |s: &&Sum| app.scopes.contains(&s.of) && !form.scopes.contains(&s.of) && s.allowed > 0;
        let own = keys.own_scopes(&actor).await?;
        let losing = usage.iter().filter(goes).map(|s| {
            let last = When::from(s.last_at).text;
            format!(
                "{}: used {} times in 90 days, last on {last}",
                super::list::shown(&s.of, &own),
                s.allowed
            )
        });
        let losing: Vec<String> = losing.collect();
        if !losing.is_empty() {
            let page = view(&keys, &actor, &context, Some(&app), form, FieldErrors::none(), losing).await?;
            return Ok((StatusCode::CONFLICT, page).into_response());
        }
    }
    match keys.change_app(&actor, &id, change(&form)).await {
        Ok(_) => {
            let said = Flash::success("The app was saved. The changes count for all its keys at once.");
            Ok(SeeOther::to(PATH).saying(said).into_response())
        }
        Err(e) => {
            let errors = told(e)?;
            let page = view(&keys, &actor, &context, Some(&app), form, errors, Vec::new()).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}
