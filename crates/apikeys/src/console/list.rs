//! The summary of all apps, and the workspace's own scopes.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, ApiAppId, Kind, PageInfo, Permission, Result};
use gatehouse_web::{
    Confirm, FieldErrors, Flash, HtmlResult, Page, PageContext, Paging, Path, SeeOther, Tone, VerifiedForm,
    View, When,
};
use serde::Deserialize;

use super::{Nothing, PATH, below, frame};
use crate::ApiKeys;
use crate::model::scope::{OwnScope, name_of};
use crate::model::{App, AppStatus};

/// Scopes of an app that the list names; the rest is counted.
const SHOWN_SCOPES: usize = 6;

struct Row {
    id: String,
    name: String,
    scopes: Vec<String>,
    more: usize,
    by: String,
    on: When,
    keys: i64,
    used: Option<When>,
    status: &'static str,
    tone: Tone,
    edit: String,
    delete: String,
}

/// What people call a scope.
pub(super) fn shown(id: &str, own: &[OwnScope]) -> String {
    let of_own = || own.iter().find(|s| s.id == id).map(|s| s.name.clone());
    name_of(id).map(str::to_owned).or_else(of_own).unwrap_or_else(|| id.to_owned())
}

impl Row {
    fn of(app: App, own: &[OwnScope]) -> Self {
        let (status, tone) = match app.status {
            AppStatus::Active => ("Active", Tone::Good),
            AppStatus::Disabled => ("Switched off", Tone::Warn),
        };
        Self {
            scopes: app.scopes.iter().take(SHOWN_SCOPES).map(|s| shown(s, own)).collect(),
            more: app.scopes.len().saturating_sub(SHOWN_SCOPES),
            by: app.created_by_name.unwrap_or_else(|| "somebody who is gone".to_owned()),
            on: app.created_at.into(),
            keys: app.keys,
            used: app.last_used_at.map(When::from),
            status,
            tone,
            edit: format!("{PATH}/{}", app.id),
            delete: format!("{PATH}/{}/delete", app.id),
            id: app.id.to_string(),
            name: app.name,
        }
    }
}

struct ScopeRow {
    id: String,
    name: String,
    description: String,
    delete: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ScopeForm {
    id: String,
    name: String,
    description: String,
}

#[derive(askama::Template)]
#[template(path = "apikeys/list.html")]
struct ListPage {
    page: Page,
    path: &'static str,
    new: String,
    base: String,
    rows: Vec<Row>,
    pagination: PageInfo,
    may_delete: bool,
    scopes: Vec<ScopeRow>,
    form: ScopeForm,
    errors: FieldErrors,
}

async fn view(
    keys: &ApiKeys,
    actor: &Actor,
    context: &PageContext,
    page: gatehouse_types::PageRequest,
    form: ScopeForm,
    errors: FieldErrors,
) -> Result<Response> {
    let found = keys.apps(actor, None, page).await?;
    let own = keys.own_scopes(actor).await?;
    let rows = found.data.into_iter().map(|a| Row::of(a, &own)).collect();
    let scope = |s: OwnScope| ScopeRow {
        delete: format!("{PATH}/scopes/{}/delete", s.id),
        id: s.id,
        name: s.name,
        description: s.description,
    };
    Ok(View(ListPage {
        page: frame(context),
        path: PATH,
        new: format!("{PATH}/new"),
        base: format!("{PATH}?"),
        rows,
        pagination: found.pagination,
        may_delete: actor.may(Permission::DeleteApps),
        scopes: own.into_iter().map(scope).collect(),
        form,
        errors,
    })
    .into_response())
}

/// The page.
pub(super) async fn show(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    context: PageContext,
    Paging(page): Paging<25>,
) -> HtmlResult<Response> {
    Ok(view(&keys, &actor, &context, page, ScopeForm::default(), FieldErrors::none()).await?)
}

/// Makes a scope of the workspace's own.
pub(super) async fn make_scope(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<ScopeForm>,
) -> HtmlResult<Response> {
    match keys.make_scope(&actor, &form.id, &form.name, &form.description).await {
        Ok(scope) => {
            let said = Flash::success(format!("The scope {} was created.", scope.id));
            Ok(SeeOther::to(PATH).saying(said).into_response())
        }
        Err(e) if matches!(e.kind(), Kind::Validation | Kind::Conflict) => {
            let e = if e.kind() == Kind::Conflict { e.on_field("id") } else { e };
            let first = gatehouse_types::PageRequest::new(1, 25)?;
            let page = view(&keys, &actor, &context, first, form, FieldErrors::from(&e)).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
        Err(e) => Err(e.into()),
    }
}

/// The question before a scope is removed, without JavaScript.
pub(super) async fn ask_delete_scope(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let own = keys.own_scopes(&actor).await?;
    let found = own.into_iter().find(|s| s.id == id);
    let scope = found.ok_or_else(|| gatehouse_types::Error::not_found("API scope"))?;
    Ok(Confirm {
        page: below(&context, &format!("Remove {}?", scope.id)),
        text: "Only a scope that no app has can be removed.".to_owned(),
        action: format!("{PATH}/scopes/{id}/delete"),
        fields: Vec::new(),
        confirm: "Remove".to_owned(),
        cancel: PATH.to_owned(),
        danger: true,
    })
}

/// Removes a scope.
pub(super) async fn delete_scope(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    match keys.delete_scope(&actor, &id).await {
        Ok(()) => Ok(SeeOther::to(PATH).saying(Flash::success("The scope was removed."))),
        Err(e) if e.kind() == Kind::Conflict => {
            Ok(SeeOther::to(PATH).saying(Flash::failure(e.message().to_owned())))
        }
        Err(e) => Err(e.into()),
    }
}

/// The question before an app is deleted, without JavaScript.
pub(super) async fn ask_delete(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    Path(id): Path<ApiAppId>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let app = keys.app(&actor, &id).await?;
    let usage = keys.app_usage(&actor, &id).await?;
    let uses: i64 = usage.by_key.iter().map(|k| k.allowed).sum();
    Ok(Confirm {
        page: below(&context, &format!("Delete {}?", app.name)),
        text: format!(
            "Its {} keys stop at once, and cannot be brought back. During the last 90 days they were used {uses} times.",
            app.keys
        ),
        action: format!("{PATH}/{id}/delete"),
        fields: Vec::new(),
        confirm: "Delete".to_owned(),
        cancel: PATH.to_owned(),
        danger: true,
    })
}

/// Deletes an app.
pub(super) async fn delete(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    Path(id): Path<ApiAppId>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    keys.delete_app(&actor, &id).await?;
    Ok(SeeOther::to(PATH).saying(Flash::success("The app was deleted. Its keys have stopped.")))
}
