//! The tab "User authentications" of a connector.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, ConnectorId, PageRequest, Permission, Result};
use gatehouse_web::{
    Choice, FieldErrors, Flash, HtmlResult, Page, PageContext, Path, SeeOther, Tab, VerifiedForm, View,
};
use serde::Deserialize;

use super::connector::{allowed, tabs};
use super::{PATH, TITLE, errors_of, exemption, frame, path_of};
use crate::Connect;
use crate::connectors::model::connector::NonInteractive;

/// What was ticked and chosen.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PeopleForm {
    enabled: Option<String>,
    non_interactive_mode: String,
}

#[derive(askama::Template)]
#[template(path = "connectors/people.html")]
struct PeoplePage {
    page: Page,
    action: String,
    tabs: Vec<Tab>,
    enabled: bool,
    refused: String,
    mode: String,
    modes: Vec<Choice>,
    people: usize,
    /// Who is exempt: name and page.
    exempt: Vec<(String, String)>,
    errors: FieldErrors,
}

/// People who are exempt and named at most.
const EXEMPT_SHOWN: u32 = 100;

async fn view(
    connect: &Connect,
    actor: &Actor,
    context: &PageContext,
    id: &ConnectorId,
    again: Option<(PeopleForm, FieldErrors)>,
) -> Result<Response> {
    let set = connect.user_authentications(actor, id).await?;
    let name = connect.connector(actor, id).await?.connector.name;
    let exempt = connect.exemptions(actor, PageRequest::new(1, EXEMPT_SHOWN)?).await?;
    let exempt = exempt.data.into_iter().map(|(e, name)| (name, exemption::path_of(&e.user))).collect();
    let path = path_of(id);
    let mut page = frame(context).under(TITLE, PATH).under(name.clone(), path.clone());
    page.title = format!("User authentications of {name}");
    let (form, errors) = match again {
        Some((form, errors)) => (Some(form), errors),
        None => (None, FieldErrors::none()),
    };
    let view = PeoplePage {
        page,
        action: format!("{path}/user-authentications"),
        tabs: tabs(&path, true, 1),
        enabled: form.as_ref().map_or(set.enabled, |f| f.enabled.is_some()),
        refused: set.refused.unwrap_or_default().to_owned(),
        mode: form.map_or_else(|| set.mode.as_str().to_owned(), |f| f.non_interactive_mode),
        modes: NonInteractive::ALL.map(|m| Choice::new(m.as_str(), m.label())).to_vec(),
        people: set.people,
        exempt,
        errors,
    };
    Ok(View(view).into_response())
}

/// The page.
pub(super) async fn show(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Response> {
    let id = allowed(&connect, &actor, &id, Permission::ManageConnectors).await?;
    Ok(view(&connect, &actor, &context, &id, None).await?)
}

/// Saves the changes.
pub(super) async fn change(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<PeopleForm>,
) -> HtmlResult<Response> {
    let id = allowed(&connect, &actor, &id, Permission::ManageConnectors).await?;
    let set = async {
        let mode = match form.non_interactive_mode.as_str() {
            "" => None,
            mode => Some(mode.parse::<NonInteractive>()?),
        };
        connect.set_user_authentications(&actor, &id, Some(form.enabled.is_some()), mode).await
    };
    match set.await {
        Ok(_) => {
            let to = format!("{}/user-authentications", path_of(&id));
            Ok(SeeOther::to(to).saying(Flash::success("The changes were saved.")).into_response())
        }
        Err(e) => {
            let Some(errors) = errors_of(&e) else { return Err(e.into()) };
            let page = view(&connect, &actor, &context, &id, Some((form, errors))).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}
