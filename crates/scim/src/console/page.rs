//! Tokens, numbers, and which groups give roles.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, Error, Kind, PageRequest, Result, ScimScope, ScimTokenId, Timestamp};
use gatehouse_web::{
    Confirm, FieldErrors, Flash, HtmlResult, Page, PageContext, Path, SeeOther, Tone, VerifiedForm, View,
    When,
};
use serde::Deserialize;

use super::plots::{self, DayRow, Plot};
use super::roles::Shown;
use super::{ACTIVITIES_PATH, Nothing, PATH, frame};
use crate::Scim;
use crate::model::{Dialect, ScimToken, TokenStatus, Wanted};
use crate::service::activities::Statistics;
use crate::service::tokens::NewToken;

/// What was asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TokenForm {
    name: String,
    users: Option<String>,
    groups: Option<String>,
    expires_in_days: String,
}

struct Row {
    id: String,
    name: String,
    masked: String,
    status: &'static str,
    tone: Tone,
    is_active: bool,
    scopes: String,
    expires: Option<When>,
    /// Which provider speaks with it.
    dialect: &'static str,
    synced: Option<When>,
    changed: Option<When>,
    revoke: String,
    delete: String,
}

impl Row {
    fn of(token: ScimToken, changed: Option<Timestamp>, now: Timestamp) -> Self {
        let (status, tone) = match token.status(now) {
            TokenStatus::Active if token.is_silent(now) => ("Silent", Tone::Warn),
            TokenStatus::Active => ("Active", Tone::Good),
            TokenStatus::Revoked => ("Revoked", Tone::Neutral),
            TokenStatus::Expired => ("Expired", Tone::Warn),
        };
        Self {
            status,
            tone,
            is_active: token.status(now) == TokenStatus::Active,
            scopes: token.scopes.iter().map(ScimScope::as_str).collect::<Vec<_>>().join(", "),
            expires: token.expires_at.map(When::from),
            dialect: token.dialect.map_or("", Dialect::name),
            synced: token.last_used_at.max(changed).map(When::from),
            changed: changed.map(When::from),
            revoke: format!("{PATH}/tokens/{}/revoke", token.id),
            delete: format!("{PATH}/tokens/{}/delete", token.id),
            id: token.id.to_string(),
            name: token.name,
            masked: token.masked,
        }
    }
}

#[derive(askama::Template)]
#[template(path = "scim/page.html")]
struct ScimPage {
    page: Page,
    path: &'static str,
    activities: &'static str,
    base: String,
    /// The value of the token that was just made.
    value: String,
    form: TokenForm,
    errors: FieldErrors,
    rows: Vec<Row>,
    numbers: Statistics,
    last_sync: Option<When>,
    plots: Vec<Plot>,
    days: Vec<DayRow>,
    roles: Shown,
    roles_error: String,
}

/// What the page shows again.
pub(super) struct Again {
    form: TokenForm,
    errors: FieldErrors,
    /// The value of the token that was just made.
    value: String,
    /// What is wrong with groups and roles.
    roles: String,
}

impl Again {
    /// With what is wrong with groups and roles.
    pub(super) fn of_roles(e: &Error) -> Self {
        Self { roles: e.message().to_owned(), ..Self::default() }
    }
}

impl Default for Again {
    fn default() -> Self {
        Self { form: blank(), errors: FieldErrors::none(), value: String::new(), roles: String::new() }
    }
}

pub(super) async fn view(
    scim: &Scim,
    actor: &Actor,
    context: &PageContext,
    again: Again,
) -> Result<Response> {
    let Again { form, errors, value, roles: roles_error } = again;
    let roles = Shown::of(scim, actor).await?;
    let tokens = scim.tokens(actor, Wanted::default(), PageRequest::new(1, 100)?).await?.data;
    let numbers = scim.statistics(actor).await?;
    let last_sync = numbers.last_sync_at.map(When::from);
    let (changes, now) = (scim.last_changes(actor).await?, scim.0.store.now());
    let rows = tokens.into_iter().map(|t| {
        let changed = changes.get(&t.id).copied();
        Row::of(t, changed, now)
    });
    let rows = rows.collect();
    let (plots, days) = (plots::plots(&numbers.days), plots::rows(&numbers.days));
    let (base, page) = (crate::api::discovery::base(scim), frame(context));
    let (path, activities) = (PATH, ACTIVITIES_PATH);
    Ok(View(ScimPage {
        page,
        path,
        activities,
        base,
        value,
        form,
        errors,
        rows,
        numbers,
        last_sync,
        plots,
        days,
        roles,
        roles_error,
    })
    .into_response())
}

fn blank() -> TokenForm {
    let ticked = Some("true".to_owned());
    TokenForm {
        users: ticked.clone(),
        groups: ticked,
        expires_in_days: "365".to_owned(),
        ..TokenForm::default()
    }
}

/// The page.
pub(super) async fn show(
    State(scim): State<Scim>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<Response> {
    Ok(view(&scim, &actor, &context, Again::default()).await?)
}

fn wanted(form: &TokenForm) -> NewToken {
    let kinds = [(form.users.is_some(), "users"), (form.groups.is_some(), "groups")];
    let scopes = kinds.into_iter().filter(|(wanted, _)| *wanted);
    let scopes = scopes.flat_map(|(_, kind)| [format!("{kind}:read"), format!("{kind}:write")]).collect();
    let days = form.expires_in_days.trim();
    let expires_in_days = (!days.is_empty()).then(|| days.parse().unwrap_or(0));
    NewToken { name: form.name.clone(), scopes: Some(scopes), expires_in_days }
}

/// Makes a token, and shows its value this once.
pub(super) async fn make(
    State(scim): State<Scim>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<TokenForm>,
) -> HtmlResult<Response> {
    match scim.make_token(&actor, wanted(&form)).await {
        Ok(made) => {
            let value = made.value.expose().to_owned();
            Ok(view(&scim, &actor, &context, Again { value, ..Again::default() }).await?)
        }
        Err(e) if matches!(e.kind(), Kind::Validation | Kind::Conflict) => {
            let e = if e.kind() == Kind::Conflict { e.on_field("name") } else { e };
            let again = Again { form, errors: FieldErrors::from(&e), ..Again::default() };
            let page = view(&scim, &actor, &context, again).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
        Err(e) => Err(e.into()),
    }
}

async fn ask(
    scim: &Scim,
    actor: &Actor,
    context: &PageContext,
    id: &ScimTokenId,
    (step, title, text): (&'static str, &'static str, &'static str),
) -> HtmlResult<Confirm> {
    let token = scim.token(actor, id).await?;
    let mut page = frame(context).under("Provisioning", PATH);
    page.title = format!("{title} {}?", token.name);
    Ok(Confirm {
        page,
        text: text.to_owned(),
        action: format!("{PATH}/tokens/{id}/{step}"),
        fields: Vec::new(),
        confirm: title.to_owned(),
        cancel: PATH.to_owned(),
        danger: true,
    })
}

/// The question before a token is taken back, without JavaScript.
pub(super) async fn ask_revoke(
    State(scim): State<Scim>,
    Visitor(actor): Visitor,
    Path(id): Path<ScimTokenId>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let text = "The provider's calls with it are refused from this moment on. What it did stays listed.";
    ask(&scim, &actor, &context, &id, ("revoke", "Revoke", text)).await
}

/// Takes a token back.
pub(super) async fn revoke(
    State(scim): State<Scim>,
    Visitor(actor): Visitor,
    Path(id): Path<ScimTokenId>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    scim.revoke_token(&actor, &id).await?;
    Ok(SeeOther::to(PATH).saying(Flash::success("The token was revoked.")))
}

/// The question before a token is removed, without JavaScript.
pub(super) async fn ask_delete(
    State(scim): State<Scim>,
    Visitor(actor): Visitor,
    Path(id): Path<ScimTokenId>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let text = "It is gone for good, with the list of what it did. The audit log keeps every change.";
    ask(&scim, &actor, &context, &id, ("delete", "Delete", text)).await
}

/// Removes a token.
pub(super) async fn delete(
    State(scim): State<Scim>,
    Visitor(actor): Visitor,
    Path(id): Path<ScimTokenId>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    scim.delete_token(&actor, &id).await?;
    Ok(SeeOther::to(PATH).saying(Flash::success("The token was deleted.")))
}
