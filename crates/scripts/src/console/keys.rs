//! The keys of a script: made, shown once, looked for, deleted.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, Error, PageInfo, PageRequest, Permission, Result, ScriptId};
use gatehouse_web::{
    Confirm, FieldErrors, Flash, HtmlResult, Page, PageContext, Paging, Path, Query, SeeOther, Tab,
    VerifiedForm, View, When,
};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::parts::{errors_of, of_page, tabs};
use super::{Nothing, below, path_of};
use crate::Scripts;
use crate::model::{Status, names};
use crate::store::keys::Key;

/// The warning before a key goes.
const WARNING: &str =
    "The key opens nothing from that moment on: programs that use it are refused. It cannot be brought back.";

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    search: String,
}

struct Row {
    id: String,
    name: String,
    masked: String,
    on: When,
    by: String,
    used: Option<When>,
    delete: String,
}

#[derive(askama::Template)]
#[template(path = "scripts/keys.html")]
struct KeysPage {
    page: Page,
    tabs: Vec<Tab>,
    path: String,
    search: Search,
    rows: Vec<Row>,
    pagination: PageInfo,
    base: String,
    new: String,
    new_words: &'static str,
    in_service: bool,
    warning: &'static str,
}

fn keys_path(id: &ScriptId) -> String {
    format!("{}/keys", path_of(id))
}

/// The tab.
pub(super) async fn list(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    Paging(page): Paging<25>,
    Query(search): Query<Search>,
    context: PageContext,
) -> HtmlResult<Response> {
    let (workspace, id) = of_page(&scripts, &actor, Permission::ManageScripts, &id).await?;
    let script = scripts.script(&actor, &id).await?.script;
    // what was used just now is told
    scripts.0.recorder.write(&scripts.0.store).await.map_err(Error::from)?;
    let found = scripts.keys(&actor, &id, Some(&search.search), page).await?;
    let path = keys_path(&id);
    let mut rows = Vec::with_capacity(found.data.len());
    for key in found.data {
        rows.push(Row {
            delete: format!("{path}/{}/delete", key.id),
            id: key.id.to_string(),
            by: scripts.name_of(workspace, &key.created_by).await?,
            name: key.name,
            masked: key.masked,
            on: key.created_at.into(),
            used: key.last_used_at.map(When::from),
        });
    }
    let query = Serializer::new(String::new()).append_pair("search", &search.search).finish();
    let view = KeysPage {
        page: below(&context, script.settings.name()),
        tabs: tabs(&actor, &id, "API Keys"),
        search,
        rows,
        pagination: found.pagination,
        base: format!("{path}?{query}&"),
        new: format!("{path}/new"),
        new_words: script.status.offers().new_key,
        in_service: script.status == Status::Deployed || script.deployed.is_some(),
        warning: WARNING,
        path,
    };
    Ok(View(view).into_response())
}

/// What was asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct KeyForm {
    name: String,
}

#[derive(askama::Template)]
#[template(path = "scripts/new_key.html")]
struct NewKeyPage {
    page: Page,
    action: String,
    back: String,
    form: KeyForm,
    errors: FieldErrors,
}

#[derive(askama::Template)]
#[template(path = "scripts/made_key.html")]
struct MadeKeyPage {
    page: Page,
    heading: String,
    value: String,
    back: String,
}

async fn form(
    scripts: &Scripts,
    actor: &Actor,
    context: &PageContext,
    id: &ScriptId,
    (form, errors): (KeyForm, FieldErrors),
) -> Result<Response> {
    let script = scripts.script(actor, id).await?.script;
    let back = keys_path(id);
    let page = below(context, "Create API key").under(script.settings.name(), &back);
    Ok(View(NewKeyPage { page, action: format!("{back}/new"), back, form, errors }).into_response())
}

/// Every key of a script; there are never more than one page of them.
async fn all(scripts: &Scripts, actor: &Actor, id: &ScriptId) -> Result<Vec<Key>> {
    Ok(scripts.keys(actor, id, None, PageRequest::new(1, PageRequest::MAX_PAGE_SIZE)?).await?.data)
}

/// The form for a new key.
pub(super) async fn begin(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Response> {
    let (_, id) = of_page(&scripts, &actor, Permission::ManageScripts, &id).await?;
    let taken = all(&scripts, &actor, &id).await?;
    let name = names::proposed_key_name(taken.iter().map(|key| key.name.as_str()));
    Ok(form(&scripts, &actor, &context, &id, (KeyForm { name }, FieldErrors::none())).await?)
}

/// Makes a key, and shows its value this once.
pub(super) async fn make(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
    VerifiedForm(input): VerifiedForm<KeyForm>,
) -> HtmlResult<Response> {
    let (_, id) = of_page(&scripts, &actor, Permission::ManageScripts, &id).await?;
    match scripts.make_key(&actor, &id, Some(&input.name)).await {
        Ok((key, value)) => {
            let page = below(&context, "The key is generated");
            let heading = format!("The key {} is generated", key.name);
            let value = value.expose().to_owned();
            Ok(View(MadeKeyPage { page, heading, value, back: keys_path(&id) }).into_response())
        }
        Err(e) => {
            let Some(errors) = errors_of(&e) else { return Err(e.into()) };
            let page = form(&scripts, &actor, &context, &id, (input, errors)).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}

/// The question before a key is deleted, without JavaScript.
pub(super) async fn ask_delete(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path((id, key)): Path<(String, String)>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let (_, id) = of_page(&scripts, &actor, Permission::ManageScripts, &id).await?;
    let all = all(&scripts, &actor, &id).await?;
    let found = all.into_iter().find(|k| k.id.to_string() == key).ok_or_else(|| Error::not_found("Key"))?;
    let back = keys_path(&id);
    Ok(Confirm {
        page: below(&context, format!("Delete {}?", found.name)),
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
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path((id, key)): Path<(String, String)>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let (_, id) = of_page(&scripts, &actor, Permission::ManageScripts, &id).await?;
    let key = key.parse().map_err(|_| Error::not_found("Key"))?;
    scripts.delete_key(&actor, &id, &key).await?;
    Ok(SeeOther::to(keys_path(&id)).saying(Flash::success("The key was deleted and opens nothing any more.")))
}
