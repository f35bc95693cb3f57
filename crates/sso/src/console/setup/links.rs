//! Where an administrator makes setup links, sees who used them, and takes them back.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, Error, Kind, PageRequest, Result, Role, SetupLinkId};
use gatehouse_web::{
    Choice, Confirm, FieldErrors, Flash, HtmlResult, Page, PageContext, Path, SeeOther, VerifiedForm, View,
    When,
};
use serde::Deserialize;

use super::LINKS_PATH;
use crate::Sso;
use crate::console::presets::protocols;
use crate::console::{Nothing, PATH, frame};
use crate::model::Protocol;
use crate::service::setup_links::SetupOf;
use crate::store::connections::Wanted;

/// Links that are shown at most; the API lists them all.
const SHOWN: u32 = 50;
/// The choice of a connection that is not there yet.
const NEW: &str = "new";

/// What was asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LinkForm {
    of: String,
    name: String,
    protocol: String,
    jit_provisioning: Option<String>,
    provisioning: Option<String>,
    expires_in_days: String,
}

struct Row {
    id: String,
    connection: String,
    status: &'static str,
    tone: &'static str,
    live: bool,
    expires: When,
    opened: i64,
    used: Option<When>,
    revoke: String,
}

#[derive(askama::Template)]
#[template(path = "setup/links.html")]
struct LinksPage {
    page: Page,
    path: &'static str,
    /// The address of the link that was just made.
    url: String,
    choices: Vec<Choice>,
    protocols: Vec<Choice>,
    form: LinkForm,
    errors: FieldErrors,
    rows: Vec<Row>,
}

async fn view(
    sso: &Sso,
    actor: &Actor,
    context: &PageContext,
    form: LinkForm,
    errors: FieldErrors,
    url: String,
) -> Result<Response> {
    let connections = sso.list_connections(actor, Wanted::default(), PageRequest::new(1, 100)?).await?.data;
    let links = sso.setup_links(actor, None, PageRequest::new(1, SHOWN)?).await?.data;
    let now = sso.0.store.now();
    let name_of = |id: &gatehouse_types::ConnectionId| {
        connections.iter().find(|v| v.connection.id == *id).map(|v| v.connection.name.clone())
    };
    let rows = links.into_iter().map(|link| {
        let (status, tone) = match link.life.status(now) {
            "active" => ("Works", "good"),
            "expired" => ("Over", "neutral"),
            _ => ("Revoked", "neutral"),
        };
        Row {
            connection: name_of(&link.connection_id).unwrap_or_else(|| "Deleted".to_owned()),
            status,
            tone,
            live: status == "Works",
            expires: link.life.expires_at.into(),
            opened: link.life.opened,
            used: link.life.last_used_at.map(When::from),
            revoke: format!("{LINKS_PATH}/{}/revoke", link.id),
            id: link.id.to_string(),
        }
    });
    let mut choices = vec![Choice::new(NEW, "A new connection")];
    let known = connections.iter().map(|v| (v.connection.id.to_string(), v.connection.name.clone()));
    choices.extend(known.map(|(id, name)| Choice::new(id, name)));
    let mut page = frame(context).under("Single Sign On", PATH);
    page.title = "Setup links".to_owned();
    let rows = rows.collect();
    let protocols = protocols();
    Ok(View(LinksPage { page, path: LINKS_PATH, url, choices, protocols, form, errors, rows })
        .into_response())
}

fn empty(sso: &LinkForm) -> LinkForm {
    LinkForm { expires_in_days: "7".to_owned(), ..sso.clone() }
}

/// The page.
pub(super) async fn show(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<Response> {
    let form = empty(&LinkForm::default());
    Ok(view(&sso, &actor, &context, form, FieldErrors::none(), String::new()).await?)
}

fn wanted(form: &LinkForm) -> Result<SetupOf> {
    if form.of.is_empty() || form.of == NEW {
        return Ok(SetupOf::New {
            name: form.name.clone(),
            protocol: form.protocol.parse().unwrap_or(Protocol::Saml),
            jit_provisioning: form.jit_provisioning.is_some(),
            default_role: Role::Viewer,
        });
    }
    form.of.parse().map(SetupOf::Connection).map_err(|_| Error::not_found("Connection"))
}

/// Makes a link, and shows its address this once.
pub(super) async fn make(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<LinkForm>,
) -> HtmlResult<Response> {
    let days = form.expires_in_days.trim().parse().unwrap_or(0);
    match sso.make_setup_link(&actor, wanted(&form)?, form.provisioning.is_some(), Some(days)).await {
        Ok(made) => {
            let url = made.url.expose().to_owned();
            let form = empty(&LinkForm::default());
            Ok(view(&sso, &actor, &context, form, FieldErrors::none(), url).await?)
        }
        Err(e) if matches!(e.kind(), Kind::Validation | Kind::Conflict) => {
            let page = view(&sso, &actor, &context, form, FieldErrors::from(&e), String::new()).await?;
            Ok((axum::http::StatusCode::BAD_REQUEST, page).into_response())
        }
        Err(e) => Err(e.into()),
    }
}

/// The question before a link is taken back, without JavaScript.
pub(super) async fn ask_revoke(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path(id): Path<SetupLinkId>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    sso.setup_links(&actor, None, PageRequest::new(1, 1)?).await?;
    let mut page = frame(&context).under("Single Sign On", PATH);
    "Revoke this link?".clone_into(&mut page.title);
    Ok(Confirm {
        page,
        text: "Whoever has it can do nothing with it any more. What was entered with it stays.".to_owned(),
        action: format!("{LINKS_PATH}/{id}/revoke"),
        fields: Vec::new(),
        confirm: "Revoke".to_owned(),
        cancel: LINKS_PATH.to_owned(),
        danger: true,
    })
}

/// Takes a link back.
pub(super) async fn revoke(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path(id): Path<SetupLinkId>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    sso.revoke_setup_link(&actor, &id).await?;
    Ok(SeeOther::to(LINKS_PATH).saying(Flash::success("The link was revoked.")))
}
