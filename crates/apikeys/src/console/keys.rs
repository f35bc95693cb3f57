//! The keys of an app: the second step of the wizard, and the tab API Keys.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, ApiAppId, ApiKeyId, Kind, OwnerKind, PageInfo, Result};
use gatehouse_web::{
    Choice, Confirm, FieldErrors, Flash, HtmlResult, Page, PageContext, Paging, Path, SeeOther, Tab, Tone,
    VerifiedForm, View, When,
};
use serde::Deserialize;

use super::{Nothing, PATH, below, networks, tabs};
use crate::ApiKeys;
use crate::model::{Key, KeyStatus};
use crate::service::apps::LimitsChange;
use crate::service::keys::{MadeKey, NewKey};

/// The warning before a key goes, in the words of the field.
const WARNING: &str =
    "The key you are deleting will no longer function if it is in use. You must generate a new key.";
/// Hours that the console offers for two keys to go on beside each other.
const OVERLAPS: [(&str, &str); 4] =
    [("0", "None: the old one stops at once"), ("24", "A day"), ("168", "A week"), ("720", "30 days")];

struct Row {
    id: String,
    name: String,
    masked: String,
    status: &'static str,
    tone: Tone,
    owner: &'static str,
    on: When,
    ends: Option<When>,
    used: Option<When>,
    used_how: String,
    is_disabled: bool,
    can_rotate: bool,
    rotate: String,
    switch: String,
    delete: String,
}

impl Row {
    fn of(key: Key, now: gatehouse_types::Timestamp) -> Self {
        let (status, tone) = match key.status(now) {
            KeyStatus::Active if key.replaced_by.is_some() => ("Giving way", Tone::Warn),
            KeyStatus::Active => ("Active", Tone::Good),
            KeyStatus::Disabled => ("Switched off", Tone::Warn),
            KeyStatus::Suspended => ("Suspended: its person's role gives no keys", Tone::Warn),
            KeyStatus::Expired => ("Ended", Tone::Neutral),
            KeyStatus::Replaced => ("Replaced", Tone::Neutral),
            KeyStatus::Deleted => ("Deleted", Tone::Neutral),
        };
        let path = format!("{PATH}/{}/keys/{}", key.app_id, key.id);
        let how = [key.last_scope, key.last_ip.map(|ip| format!("from {ip}"))];
        Self {
            status,
            tone,
            owner: if key.owner_kind == OwnerKind::Person { "Personal" } else { "Company" },
            on: key.created_at.into(),
            ends: key.expires_at.map(When::from),
            used: key.last_used_at.map(When::from),
            used_how: how.into_iter().flatten().collect::<Vec<_>>().join(" "),
            is_disabled: key.disabled_at.is_some(),
            can_rotate: matches!(status, "Active" | "Switched off"),
            rotate: format!("{path}/rotate"),
            switch: format!("{path}/switch"),
            delete: format!("{path}/delete"),
            id: key.id.to_string(),
            name: key.name,
            masked: key.masked,
        }
    }
}

#[derive(askama::Template)]
#[template(path = "apikeys/keys.html")]
struct KeysPage {
    page: Page,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    pagination: PageInfo,
    base: String,
    new: String,
    done: &'static str,
    warning: &'static str,
}

/// The tab.
pub(super) async fn list(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    Path(id): Path<ApiAppId>,
    context: PageContext,
    Paging(page): Paging<25>,
) -> HtmlResult<Response> {
    let app = keys.app(&actor, &id).await?;
    keys.write_usage().await?;
    let found = keys.keys(&actor, &id, page).await?;
    let now = keys.0.store.now();
    let base = format!("{PATH}/{id}/keys");
    Ok(View(KeysPage {
        page: below(&context, &app.name),
        tabs: tabs(&app, true),
        rows: found.data.into_iter().map(|k| Row::of(k, now)).collect(),
        pagination: found.pagination,
        new: format!("{base}/new"),
        base: format!("{base}?"),
        done: PATH,
        warning: WARNING,
    })
    .into_response())
}

/// What was asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct KeyForm {
    name: String,
    expires_in_days: String,
    networks: String,
    personal: Option<String>,
}

#[derive(askama::Template)]
#[template(path = "apikeys/new_key.html")]
struct NewKeyPage {
    page: Page,
    action: String,
    back: String,
    form: KeyForm,
    errors: FieldErrors,
}

#[derive(askama::Template)]
#[template(path = "apikeys/made_key.html")]
struct MadeKeyPage {
    page: Page,
    heading: String,
    value: String,
    back: String,
}

async fn form(
    keys: &ApiKeys,
    actor: &Actor,
    context: &PageContext,
    id: &ApiAppId,
    form: KeyForm,
    errors: FieldErrors,
) -> Result<Response> {
    let app = keys.app(actor, id).await?;
    let back = format!("{PATH}/{id}/keys");
    let page = below(context, "Create new API key").under(&app.name, &back);
    Ok(View(NewKeyPage { page, action: format!("{back}/new"), back, form, errors }).into_response())
}

/// The form for a new key.
pub(super) async fn begin(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    Path(id): Path<ApiAppId>,
    context: PageContext,
) -> HtmlResult<Response> {
    Ok(form(&keys, &actor, &context, &id, KeyForm::default(), FieldErrors::none()).await?)
}

fn shown(context: &PageContext, app: &ApiAppId, made: MadeKey) -> Response {
    let back = format!("{PATH}/{app}/keys");
    let page = below(context, "The key is generated");
    let value = made.value.expose().to_owned();
    let heading = format!("The key {} is generated", made.key.name);
    View(MadeKeyPage { page, heading, value, back }).into_response()
}

/// Makes a key, and shows its value this once.
pub(super) async fn make(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    Path(id): Path<ApiAppId>,
    context: PageContext,
    VerifiedForm(input): VerifiedForm<KeyForm>,
) -> HtmlResult<Response> {
    let days = input.expires_in_days.trim();
    let new = NewKey {
        name: input.name.clone(),
        owner_kind: if input.personal.is_some() { OwnerKind::Person } else { OwnerKind::Service },
        expires_at: None,
        expires_in_days: (!days.is_empty()).then(|| days.parse().unwrap_or(0)),
        limits: LimitsChange { networks: Some(networks(&input.networks)), ..LimitsChange::default() },
    };
    match keys.make_key(&actor, &id, new).await {
        Ok(made) => Ok(shown(&context, &id, made)),
        Err(e) if matches!(e.kind(), Kind::Validation | Kind::Conflict) => {
            let e = if e.kind() == Kind::Conflict { e.on_field("name") } else { e };
            let page = form(&keys, &actor, &context, &id, input, FieldErrors::from(&e)).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
        Err(e) => Err(e.into()),
    }
}

#[derive(askama::Template)]
#[template(path = "apikeys/rotate.html")]
struct RotatePage {
    page: Page,
    name: String,
    overlaps: Vec<Choice>,
    action: String,
    back: String,
}

/// How a key gives way.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RotateForm {
    overlap_hours: i64,
}

/// The question for how long both go on.
pub(super) async fn ask_rotate(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    Path((id, key)): Path<(ApiAppId, ApiKeyId)>,
    context: PageContext,
) -> HtmlResult<Response> {
    let found = keys.key(&actor, &id, &key).await?;
    let back = format!("{PATH}/{id}/keys");
    Ok(View(RotatePage {
        page: below(&context, &format!("Rotate {}", found.name)),
        name: found.name,
        overlaps: OVERLAPS.map(|(hours, label)| Choice::new(hours, label)).to_vec(),
        action: format!("{back}/{key}/rotate"),
        back,
    })
    .into_response())
}

/// Makes a key in the place of another one.
pub(super) async fn rotate(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    Path((id, key)): Path<(ApiAppId, ApiKeyId)>,
    context: PageContext,
    VerifiedForm(input): VerifiedForm<RotateForm>,
) -> HtmlResult<Response> {
    match keys.rotate_key(&actor, &id, &key, input.overlap_hours, None).await {
        Ok(made) => Ok(shown(&context, &id, made)),
        Err(e) if matches!(e.kind(), Kind::Validation | Kind::Conflict) => {
            let back = format!("{PATH}/{id}/keys");
            Ok(SeeOther::to(back).saying(Flash::failure(e.message().to_owned())).into_response())
        }
        Err(e) => Err(e.into()),
    }
}

/// On or off.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct SwitchForm {
    on: String,
}

/// Switches a key off, or on again.
pub(super) async fn switch(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    Path((id, key)): Path<(ApiAppId, ApiKeyId)>,
    VerifiedForm(input): VerifiedForm<SwitchForm>,
) -> HtmlResult<SeeOther> {
    let on = input.on == "true";
    keys.switch_key(&actor, &id, &key, on).await?;
    let said =
        if on { "The key opens again." } else { "The key opens nothing until you switch it on again." };
    Ok(SeeOther::to(format!("{PATH}/{id}/keys")).saying(Flash::success(said)))
}

/// The question before a key is deleted, without JavaScript.
pub(super) async fn ask_delete(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    Path((id, key)): Path<(ApiAppId, ApiKeyId)>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let found = keys.key(&actor, &id, &key).await?;
    let back = format!("{PATH}/{id}/keys");
    Ok(Confirm {
        page: below(&context, &format!("Delete {}?", found.name)),
        text: WARNING.to_owned(),
        action: format!("{back}/{key}/delete"),
        fields: Vec::new(),
        confirm: "Delete".to_owned(),
        cancel: back,
        danger: true,
    })
}

/// Deletes a key.
pub(super) async fn delete(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    Path((id, key)): Path<(ApiAppId, ApiKeyId)>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    keys.delete_key(&actor, &id, &key).await?;
    Ok(SeeOther::to(format!("{PATH}/{id}/keys"))
        .saying(Flash::success("The key was deleted and has stopped.")))
}
