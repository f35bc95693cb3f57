use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use gatehouse_identity::model::Workspace;
use gatehouse_saml::{LogoutKind, LogoutMessage, LogoutStatus};
use gatehouse_types::{Error, Result};
use gatehouse_web::{Choice, Form, HtmlResult, Page, PageContext, SeeOther, VerifiedForm, View};
use serde::Deserialize;

use super::{Here, chosen};
use crate::logout::{Arrived, LabSession, LogoutFault, status};
use crate::people::{PEOPLE, Person};
use crate::request::{relay_state, request_id};
use crate::{Lab, faults};

/// Who is signed in, and the way out.
#[derive(Template)]
#[template(path = "lab/sessions.html")]
struct Sessions {
    page: Page,
    workspace: String,
    action: String,
    sessions: Vec<LabSession>,
    people: &'static [Person],
    faults: Vec<Choice>,
    fault: String,
}

/// Gatehouse asks to sign somebody out.
#[derive(Template)]
#[template(path = "lab/logout.html")]
struct Asked {
    page: Page,
    workspace: String,
    action: String,
    request_id: String,
    name: String,
    indexes: Vec<String>,
    relay_state: String,
}

/// Gatehouse has answered.
#[derive(Template)]
#[template(path = "lab/logged_out.html")]
struct LoggedOut {
    page: Page,
    sessions: String,
    words: &'static str,
    tone: &'static str,
}

#[derive(Deserialize)]
pub(crate) struct MessageForm {
    #[serde(rename = "SAMLRequest")]
    request: Option<String>,
    #[serde(rename = "SAMLResponse")]
    response: Option<String>,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AnswerForm {
    status: String,
    request_id: String,
    name: String,
    #[serde(default)]
    index: Vec<String>,
    #[serde(default)]
    relay_state: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct StartForm {
    person: String,
    #[serde(default)]
    fault: String,
}

fn refused(why: gatehouse_saml::Rejection) -> Error {
    Error::invalid_request(format!("The logout message cannot be used: {}", why.detail))
}

/// By redirect; without a message, who is signed in.
pub(crate) async fn by_redirect(
    State(lab): State<Lab>,
    Here(workspace): Here,
    context: PageContext,
    RawQuery(query): RawQuery,
) -> HtmlResult<Response> {
    let Some(query) = query.filter(|q| q.contains("SAML")) else {
        return Ok(sessions(&lab, workspace, &context));
    };
    let message = LogoutMessage::from_redirect(&query).map_err(refused)?;
    Ok(arrived(&lab, workspace, &context, &message).await?)
}

/// By post, from Gatehouse's page.
pub(crate) async fn by_post(
    State(lab): State<Lab>,
    Here(workspace): Here,
    context: PageContext,
    Form(form): Form<MessageForm>,
) -> HtmlResult<Response> {
    let (kind, field) = match (&form.request, &form.response) {
        (Some(request), None) => (LogoutKind::Request, request),
        (None, Some(response)) => (LogoutKind::Response, response),
        _ => return Err(Error::invalid_request("Send either SAMLRequest or SAMLResponse.").into()),
    };
    let message = LogoutMessage::from_post(kind, field, form.relay_state.as_deref()).map_err(refused)?;
    Ok(arrived(&lab, workspace, &context, &message).await?)
}

fn sessions(lab: &Lab, workspace: Workspace, context: &PageContext) -> Response {
    View(Sessions {
        page: context.page("Signed in through the lab", ""),
        action: format!("{}/start", lab.addresses(&workspace.id).logout_path()),
        sessions: lab.sessions().all(&workspace.id),
        workspace: workspace.name,
        people: &PEOPLE,
        faults: LogoutFault::choices(),
        fault: faults::NO_FAULT.to_owned(),
    })
    .into_response()
}

async fn arrived(
    lab: &Lab,
    workspace: Workspace,
    context: &PageContext,
    message: &LogoutMessage,
) -> Result<Response> {
    let path = lab.addresses(&workspace.id).logout_path();
    Ok(match lab.read_logout(&workspace.id, message).await? {
        Arrived::Asked { request_id, name, indexes, relay_state } => View(Asked {
            page: context.page("Sign out?", ""),
            workspace: workspace.name,
            action: format!("{path}/answer"),
            request_id,
            name,
            indexes,
            relay_state: relay_state.unwrap_or_default(),
        })
        .into_response(),
        Arrived::Answered(status) => {
            let (words, tone) = match status {
                LogoutStatus::Success => ("success", "good"),
                LogoutStatus::Partial => ("a partial logout", "warn"),
                LogoutStatus::Failed(_) => ("a failure", "bad"),
            };
            View(LoggedOut { page: context.page("Signed out", ""), sessions: path, words, tone })
                .into_response()
        }
    })
}

/// The choice was made: answer Gatehouse. What the form brings back is checked again.
pub(crate) async fn answer(
    State(lab): State<Lab>,
    Here(workspace): Here,
    VerifiedForm(form): VerifiedForm<AnswerForm>,
) -> HtmlResult<SeeOther> {
    let relay_state = relay_state(form.relay_state)?;
    let (id, status) = (request_id(form.request_id)?, status(&form.status)?);
    let who = (form.name.as_str(), form.index.as_slice());
    Ok(SeeOther::to(lab.answer_logout(&workspace.id, id, who, status, relay_state.as_deref()).await?))
}

/// Signs somebody out here, and asks Gatehouse to do the same.
pub(crate) async fn start(
    State(lab): State<Lab>,
    Here(workspace): Here,
    VerifiedForm(form): VerifiedForm<StartForm>,
) -> HtmlResult<SeeOther> {
    let (person, fault) = (chosen(&form.person)?, LogoutFault::parse(&form.fault)?);
    Ok(SeeOther::to(lab.ask_logout(&workspace.id, person, fault).await?))
}
