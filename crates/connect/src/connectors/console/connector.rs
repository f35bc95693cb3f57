//! One connector: how it stands, its test, its values, guide and sheets, links, the end.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_catalogue::AuthKind;
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{
    Actor, ConnectorId, ConnectorLinkId, Error, Kind, OwnerKind, PageRequest, Permission, Result,
};
use gatehouse_web::{
    Confirm, FieldErrors, Flash, HtmlResult, Page, PageContext, Path, RedirectAway, SeeOther, Tab, Tone,
    VerifiedForm, View, When,
};

use super::form::{Entered, Input, given, inputs};
use super::parts::{Block, Span, StepView, guide, tone};
use super::{Nothing, PATH, TITLE, errors_of, frame, path_of};
use crate::connectors::model::sheets::{Filled, filled};
use crate::connectors::service::change::Change;
use crate::connectors::service::test::Report;
use crate::connectors::service::types::word;
use crate::connectors::service::view;
use crate::{Connect, Holder, uses};

/// Links that are shown.
const LINKS: u32 = 10;

struct LinkRow {
    id: String,
    state: &'static str,
    is_live: bool,
    made: When,
    until: When,
}

#[derive(askama::Template)]
#[template(path = "connectors/connector.html")]
struct ConnectorPage {
    page: Page,
    path: String,
    tabs: Vec<Tab>,
    icon: String,
    product: String,
    auth_label: String,
    status: &'static str,
    tone: Tone,
    detail: String,
    warnings: Vec<String>,
    owner: &'static str,
    used: Option<When>,
    made: When,
    tested: Option<(When, bool, String)>,
    /// What was authorized: since when, scope, what is good to know.
    granted: Option<(Option<When>, String, String)>,
    report: Option<Report>,
    consents: bool,
    redirect_uri: String,
    /// What it is called, or was entered as such.
    called: String,
    inputs: Vec<Input>,
    errors: FieldErrors,
    guide: Vec<StepView>,
    sheets: Vec<Filled>,
    links: Vec<LinkRow>,
    link_url: String,
    remove: String,
    impact: String,
    /// What it can do: as people and as the API call it.
    actions: Vec<(String, String)>,
    may_manage: bool,
    /// Whether it is not another person's own, which is only deleted here.
    may_change: bool,
}

/// What else a page shows.
#[derive(Default)]
struct Shown {
    again: Option<(Entered, FieldErrors)>,
    report: Option<Report>,
    link_url: String,
}

/// The pages of one connector.
pub(super) fn tabs(path: &str, has_people: bool, current: usize) -> Vec<Tab> {
    let mut all = vec![("Connection", path.to_owned())];
    if has_people {
        all.push(("User authentications", format!("{path}/user-authentications")));
    }
    let one = |(at, (label, href)): (usize, (&str, String))| Tab {
        label: label.to_owned(),
        href,
        current: at == current,
    };
    all.into_iter().enumerate().map(one).collect()
}

async fn show_with(
    connect: &Connect,
    actor: &Actor,
    context: &PageContext,
    id: &ConnectorId,
    shown: Shown,
) -> Result<Response> {
    let view = connect.connector(actor, id).await?;
    let auth = view.auth()?.clone();
    let may_manage = actor.may(Permission::ManageConnectors);
    let c = &view.connector;
    let redirect = view::callback(connect, c);
    let value = |name: &str| match name {
        "redirect_uri" => Some(redirect.clone()),
        name => c.plain.get(name).cloned(),
    };
    let (entered, errors) = match shown.again {
        Some((entered, errors)) => (Some(entered), errors),
        None => (None, FieldErrors::none()),
    };
    let may_change = may_manage && !c.is_of_another(actor.user().ok());
    let links = if may_change { links(connect, actor, id).await? } else { Vec::new() };
    let path = path_of(id);
    let mut page = frame(context).under(TITLE, PATH);
    page.title.clone_from(&c.name);
    let granted = view.grant.as_ref().map(|g| {
        let scope = g.scope.clone().unwrap_or_default();
        (g.authorized_at.map(When::from), scope, g.warning.clone().unwrap_or_default())
    });
    let consents = auth.kind == AuthKind::Oauth2Code;
    let shown = ConnectorPage {
        page,
        tabs: tabs(&path, may_change, 0),
        icon: word(&view.known.icon),
        product: view.known.name.clone(),
        auth_label: auth.label.clone(),
        status: view.status.words(),
        tone: tone(view.status),
        detail: view.detail.clone().unwrap_or_default(),
        warnings: view.warnings.clone(),
        owner: match c.owner_kind {
            OwnerKind::Service => "The company's",
            OwnerKind::Person => "A person's own",
        },
        used: c.last_used_at.map(When::from),
        made: c.created_at.into(),
        tested: c.tested.as_ref().map(|t| (When::from(t.at), t.ok, t.message.clone())),
        granted,
        report: shown.report,
        consents,
        called: entered.as_ref().and_then(|e| e.get("name").cloned()).unwrap_or_else(|| c.name.clone()),
        inputs: inputs((&*view.known, &auth), Some(c), entered.as_ref(), &redirect, &errors),
        guide: guide(&view.known, &auth, value),
        sheets: filled(&view.known, &auth, value),
        redirect_uri: if consents { redirect.clone() } else { String::new() },
        errors,
        links,
        link_url: shown.link_url,
        remove: format!("{path}/delete"),
        impact: if may_manage { impact(connect, &view).await? } else { String::new() },
        actions: view.known.actions.iter().map(|a| (a.label.clone(), a.id.to_string())).collect(),
        path,
        may_manage,
        may_change,
    };
    Ok(View(shown).into_response())
}

/// Whom the end of a connector hits.
async fn impact(connect: &Connect, view: &view::View) -> Result<String> {
    let people = connect.people_of(&view.connector).await?;
    let first = "Everything that calls the product through it fails afterwards, and what was authorized is taken back.";
    let holder = Holder::Connector(view.connector.id.clone());
    let uses = uses::sentence(&connect.uses_of(&view.connector.workspace_id, &holder).await?);
    Ok(match people {
        0 => format!("{first} {uses}"),
        1 => format!("{first} {uses} 1 person's own authorization ends with it."),
        n => format!("{first} {uses} {n} people's own authorizations end with it."),
    })
}

async fn links(connect: &Connect, actor: &Actor, id: &ConnectorId) -> Result<Vec<LinkRow>> {
    let now = connect.0.store.now();
    let found = connect.reconnect_links(actor, id, PageRequest::new(1, LINKS)?).await?;
    let rows = found.data.into_iter().map(|link| {
        let state = match (link.used_at, link.revoked_at) {
            (Some(_), _) => "Used",
            (None, Some(_)) => "Revoked",
            (None, None) if link.expires_at <= now => "Expired",
            (None, None) => "Open",
        };
        LinkRow {
            id: link.id.to_string(),
            is_live: state == "Open",
            state,
            made: link.created_at.into(),
            until: link.expires_at.into(),
        }
    });
    Ok(rows.collect())
}

/// The page.
pub(super) async fn show(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Response> {
    let id = allowed(&connect, &actor, &id, Permission::UseConnectors).await?;
    Ok(show_with(&connect, &actor, &context, &id, Shown::default()).await?)
}

/// The id of a page, for somebody with the right.
pub(super) async fn allowed(
    connect: &Connect,
    actor: &Actor,
    id: &str,
    permission: Permission,
) -> Result<ConnectorId> {
    require(&connect.0.store, actor, permission, Some(format!("connector:{id}"))).await?;
    id.parse().map_err(|_| Error::not_found("Connector"))
}

/// Changes it.
pub(super) async fn change(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
    VerifiedForm(entered): VerifiedForm<Entered>,
) -> HtmlResult<Response> {
    let id = allowed(&connect, &actor, &id, Permission::ManageConnectors).await?;
    let view = connect.connector(&actor, &id).await?;
    let given = given(&view.known, view.auth()?, &entered);
    let change = Change { name: entered.get("name").cloned(), given, ..Change::default() };
    match connect.change_connector(&actor, &id, change).await {
        Ok(_) => Ok(back(&id, Flash::success("The connector was changed.")).into_response()),
        Err(e) => {
            if view.connector.is_of_another(actor.user().ok()) {
                return refused(&id, e);
            }
            let Some(errors) = errors_of(&e) else { return Err(e.into()) };
            let shown = Shown { again: Some((entered, errors)), ..Shown::default() };
            let page = show_with(&connect, &actor, &context, &id, shown).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}

fn back(id: &ConnectorId, flash: Flash) -> SeeOther {
    SeeOther::to(path_of(id)).saying(flash)
}

/// What can be said to a person at the connector's page; the rest is a failure.
fn refused(id: &ConnectorId, error: Error) -> HtmlResult<Response> {
    match error.kind() {
        Kind::Conflict | Kind::RateLimited | Kind::Validation | Kind::Unavailable => {
            Ok(back(id, Flash::failure(error.message())).into_response())
        }
        _ => Err(error.into()),
    }
}

/// Tests it, and shows what was sent and what came back.
pub(super) async fn test(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<Response> {
    let id = allowed(&connect, &actor, &id, Permission::ManageConnectors).await?;
    match connect.test_connector(&actor, &id).await {
        Ok(report) => {
            let shown = Shown { report: Some(report), ..Shown::default() };
            Ok(show_with(&connect, &actor, &context, &id, shown).await?)
        }
        Err(e) => refused(&id, e),
    }
}

/// The browser goes to the provider, to consent.
pub(super) async fn authorize(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<Response> {
    let id = allowed(&connect, &actor, &id, Permission::ManageConnectors).await?;
    let towards = connect.connector(&actor, &id).await?.known.name.clone();
    match connect.authorize_connector(&actor, &id, String::new()).await {
        Ok(url) => Ok(RedirectAway { url: url.into(), towards }.into_response()),
        Err(e) => refused(&id, e),
    }
}

/// The question before it is removed, without JavaScript.
pub(super) async fn ask_delete(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let id = allowed(&connect, &actor, &id, Permission::ManageConnectors).await?;
    let view = connect.connector(&actor, &id).await?;
    let mut page = frame(&context).under(TITLE, PATH).under(view.connector.name.clone(), path_of(&id));
    page.title = format!("Delete {}?", view.connector.name);
    Ok(Confirm {
        page,
        text: impact(&connect, &view).await?,
        action: format!("{}/delete", path_of(&id)),
        fields: Vec::new(),
        confirm: "Delete".to_owned(),
        cancel: path_of(&id),
        danger: true,
    })
}

/// Removes it.
pub(super) async fn delete(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let id = allowed(&connect, &actor, &id, Permission::ManageConnectors).await?;
    connect.remove_connector(&actor, &id).await?;
    Ok(SeeOther::to(PATH).saying(Flash::success("The connector was deleted.")))
}

/// Makes a reconnect link, and shows its address this once.
pub(super) async fn make_link(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<Response> {
    let id = allowed(&connect, &actor, &id, Permission::ManageConnectors).await?;
    match connect.make_reconnect_link(&actor, &id, None).await {
        Ok(made) => {
            let shown = Shown { link_url: made.url.expose().to_owned(), ..Shown::default() };
            Ok(show_with(&connect, &actor, &context, &id, shown).await?)
        }
        Err(e) => refused(&id, e),
    }
}

/// Takes a reconnect link back.
pub(super) async fn revoke_link(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path((id, link)): Path<(String, String)>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let id = allowed(&connect, &actor, &id, Permission::ManageConnectors).await?;
    let link: ConnectorLinkId = link.parse().map_err(|_| Error::not_found("Reconnect link"))?;
    connect.revoke_reconnect_link(&actor, &id, &link).await?;
    Ok(back(&id, Flash::success("The link opens nothing any more.")))
}
