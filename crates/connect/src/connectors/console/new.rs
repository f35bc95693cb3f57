//! "Connect to …": the way to authenticate, its fields, the guide.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_catalogue::AuthKind;
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{Actor, Error, OwnerKind, Permission, Result};
use gatehouse_web::{
    Choice, FieldErrors, Flash, HtmlResult, Page, PageContext, Path, Query, RedirectAway, SeeOther, Tab,
    VerifiedForm, View,
};
use serde::Deserialize;

use super::form::{Entered, Input, given, inputs};
use super::parts::{Block, Span, StepView, guide};
use super::{PATH, TITLE, errors_of, frame, path_of};
use crate::Connect;
use crate::connectors::model::known::Known;
use crate::connectors::service::connectors::New;
use crate::connectors::service::types::word;
use crate::grants::callback::is_context;

/// Which way to authenticate is looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Way {
    auth: String,
}

#[derive(askama::Template)]
#[template(path = "connectors/new.html")]
struct NewPage {
    page: Page,
    action: String,
    icon: String,
    description: String,
    docs: String,
    /// Said of products whose API is not documented in public.
    note: &'static str,
    /// Whether it has no action.
    bare: bool,
    ways: Vec<Tab>,
    auth_id: String,
    auth_label: String,
    /// Where the browser comes back to; empty where nobody consents.
    redirect_uri: String,
    context: String,
    /// What it will be called.
    called: String,
    owner: String,
    owners: Vec<Choice>,
    inputs: Vec<Input>,
    errors: FieldErrors,
    guide: Vec<StepView>,
    consents: bool,
}

/// What is entered again.
struct Again<'a> {
    entered: &'a Entered,
    errors: FieldErrors,
}

fn view(
    connect: &Connect,
    actor: &Actor,
    context: &PageContext,
    known: &Known,
    auth: Option<&str>,
    again: Option<Again<'_>>,
) -> Result<Response> {
    let auth = known.way(auth.filter(|a| !a.is_empty())).or_else(|| known.way(None));
    let auth = auth.ok_or_else(|| Error::not_found("Connector type"))?;
    let entered = again.as_ref().map(|a| a.entered);
    let said = |name: &str| entered.and_then(|e| e.get(name)).cloned();
    // one callback for each connector, told before there is one: it is registered at the provider first
    let mark = said("context").filter(|c| is_context(c));
    let mark = mark.unwrap_or_else(|| connect.offered_context(actor, known.id.as_str()));
    let redirect = connect.callback_url(&mark);
    let errors = again.as_ref().map(|a| a.errors.clone()).unwrap_or_default();
    let consents = auth.kind == AuthKind::Oauth2Code;
    let action = format!("{PATH}/new/{}", known.id);
    let mut page = frame(context).under(TITLE, PATH);
    page.title = format!("Connect to {}", known.name);
    let ways = known.auth.iter().map(|way| Tab {
        label: way.label.clone(),
        href: format!("{action}?auth={}", way.id),
        current: way.id == auth.id,
    });
    let filled = |name: &str| (name == "redirect_uri").then(|| redirect.clone());
    let new = NewPage {
        page,
        icon: word(&known.icon),
        description: known.description.clone(),
        docs: known.docs.to_string(),
        note: note(known),
        bare: known.actions.is_empty(),
        ways: ways.collect(),
        auth_id: auth.id.to_string(),
        auth_label: auth.label.clone(),
        called: said("name").unwrap_or_else(|| known.name.clone()),
        owner: said("ownerKind").unwrap_or_else(|| "service".to_owned()),
        owners: vec![
            Choice::new("service", "The company's").hint("It stays when people leave."),
            Choice::new("person", "My own").hint("Only you use it, and it ends when you leave."),
        ],
        inputs: inputs((&**known, auth), None, entered, &redirect, &errors),
        guide: guide(known, auth, filled),
        redirect_uri: if consents { redirect.clone() } else { String::new() },
        context: mark,
        errors,
        consents,
        action,
    };
    Ok(View(new).into_response())
}

fn note(known: &Known) -> &'static str {
    use gatehouse_catalogue::ApiState;
    match known.api {
        ApiState::Public => "",
        ApiState::Restricted => {
            "The vendor shows its API reference to customers only: addresses and actions here are the closest that public \
             sources allow."
        }
        ApiState::Gateway => "This product speaks no HTTP by itself: calls go through a gateway of yours.",
    }
}

/// The page.
pub(super) async fn show(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
    Query(way): Query<Way>,
) -> HtmlResult<Response> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, None).await?;
    let known = connect.connector_type(&actor, &id).await?;
    Ok(view(&connect, &actor, &context, &known, Some(&way.auth), None)?)
}

/// Makes the connector; the browser goes on to consent, or the first test is made.
pub(super) async fn make(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
    VerifiedForm(entered): VerifiedForm<Entered>,
) -> HtmlResult<Response> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, None).await?;
    let known = connect.connector_type(&actor, &id).await?;
    let way = entered.get("authType").cloned().unwrap_or_default();
    match make_in(&connect, &actor, &known, &way, &entered).await {
        Ok(response) => Ok(response),
        Err(e) => {
            let Some(errors) = errors_of(&e) else { return Err(e.into()) };
            let again = Again { entered: &entered, errors };
            let page = view(&connect, &actor, &context, &known, Some(&way), Some(again))?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}

async fn make_in(
    connect: &Connect,
    actor: &Actor,
    known: &Known,
    way: &str,
    entered: &Entered,
) -> Result<Response> {
    let auth = known.way(Some(way)).ok_or_else(|| Error::not_found("Connector type"))?;
    let person = entered.get("ownerKind").is_some_and(|kind| kind == "person");
    let new = New {
        type_id: known.id.to_string(),
        auth_id: Some(auth.id.to_string()),
        name: entered.get("name").cloned(),
        owner_kind: if person { OwnerKind::Person } else { OwnerKind::Service },
        given: given(known, auth, entered),
        context: entered.get("context").cloned(),
    };
    let made = connect.make_connector(actor, new).await?;
    let (id, name) = (made.connector.id.clone(), made.connector.name.clone());
    if auth.kind == AuthKind::Oauth2Code {
        let url = connect.authorize_connector(actor, &id, String::new()).await?;
        return Ok(RedirectAway { url: url.into(), towards: known.name.clone() }.into_response());
    }
    let report = connect.test_connector(actor, &id).await?;
    let flash = match report.success {
        true => Flash::success(format!("{name} is connected. {}", report.message)),
        false => Flash::notice(format!("{name} is kept, but its test failed. {}", report.message)),
    };
    Ok(SeeOther::to(path_of(&id)).saying(flash).into_response())
}
