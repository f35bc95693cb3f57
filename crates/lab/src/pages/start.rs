use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::model::Workspace;
use gatehouse_types::{ConnectionId, Error, Kind, Result};
use gatehouse_web::{Choice, FieldErrors, HtmlResult, Page, PageContext, Query, VerifiedForm, View};
use serde::Deserialize;

use super::{Here, chosen};
use crate::addresses::AcsUrl;
use crate::issue::{Answer, Manner};
use crate::people::{PEOPLE, Person};
use crate::request::relay_state;
use crate::{Lab, faults};

#[derive(Template)]
#[template(path = "lab/start.html")]
pub(crate) struct Start {
    page: Page,
    workspace: String,
    action: String,
    connection: String,
    relay_state: String,
    faults: Vec<Choice>,
    fault: String,
    keys: Vec<Choice>,
    key: String,
    skew: String,
    people: &'static [Person],
    errors: FieldErrors,
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    connection: String,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartForm {
    person: String,
    #[serde(default)]
    fault: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    skew: String,
    #[serde(default)]
    connection: String,
    #[serde(default)]
    relay_state: Option<String>,
}

/// The lab as a portal: sign-in begins here, nobody asked for it (SAML 2.0 profiles §4.1.5).
pub(crate) async fn ask(
    State(lab): State<Lab>,
    Here(workspace): Here,
    context: PageContext,
    Query(wanted): Query<Wanted>,
) -> HtmlResult<View<Start>> {
    Ok(View(page(&lab, workspace, &context, wanted.connection)))
}

/// Sends an unsolicited response to the connection. It is looked up by nobody here: a connection that does not believe
/// this lab refuses the response, whichever workspace it is of.
pub(crate) async fn answer(
    State(lab): State<Lab>,
    Here(workspace): Here,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<StartForm>,
) -> HtmlResult<Response> {
    match read(&lab, form.clone()) {
        Ok(answer) => Ok(lab.issue(&workspace.id, answer).await?.into_response()),
        Err(e) if e.kind() == Kind::Validation => {
            let again = Start {
                relay_state: form.relay_state.unwrap_or_default(),
                fault: form.fault,
                key: form.key,
                skew: form.skew,
                errors: FieldErrors::from(&e),
                ..page(&lab, workspace, &context, form.connection)
            };
            Ok((StatusCode::BAD_REQUEST, View(again)).into_response())
        }
        Err(e) => Err(e.into()),
    }
}

fn page(lab: &Lab, workspace: Workspace, context: &PageContext, connection: String) -> Start {
    Start {
        page: context.page("Start at the lab", ""),
        action: lab.addresses(&workspace.id).start_path(),
        workspace: workspace.name,
        connection,
        relay_state: String::new(),
        faults: faults::choices(),
        fault: faults::NO_FAULT.to_owned(),
        keys: Manner::keys(),
        key: String::new(),
        skew: String::new(),
        people: &PEOPLE,
        errors: FieldErrors::none(),
    }
}

fn read(lab: &Lab, form: StartForm) -> Result<Answer> {
    let connection: ConnectionId = form.connection.trim().parse().map_err(|_| {
        Error::validation("connection", "Copy the connection's id from its page; it begins with con_.")
    })?;
    Ok(Answer {
        person: chosen(&form.person)?,
        fault: faults::parse(&form.fault)?,
        manner: Manner::parse(&form.skew, &form.key)?,
        acs: AcsUrl::unsolicited(lab.public_url(), &connection),
        in_response_to: None,
        relay_state: relay_state(form.relay_state)?,
    })
}
