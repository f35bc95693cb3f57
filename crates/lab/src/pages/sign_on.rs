use askama::Template;
use axum::extract::{RawQuery, State};
use gatehouse_identity::model::Workspace;
use gatehouse_web::{Choice, Form, HtmlResult, Page, PageContext, PostAway, VerifiedForm, View};
use serde::Deserialize;

use super::{Here, chosen};
use crate::issue::{Answer, Manner};
use crate::people::{PEOPLE, Person};
use crate::request::{Asked, Expected, consumer_service, relay_state, request_id};
use crate::{Lab, faults};

#[derive(Template)]
#[template(path = "lab/sign_on.html")]
pub(crate) struct SignOn {
    page: Page,
    workspace: String,
    action: String,
    asked: Asked,
    faults: Vec<Choice>,
    fault: String,
    keys: Vec<Choice>,
    key: String,
    skew: String,
    people: &'static [Person],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignOnForm {
    person: String,
    #[serde(default)]
    fault: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    skew: String,
    request_id: String,
    acs: String,
    #[serde(default)]
    relay_state: Option<String>,
}

/// A request arrived: who shall answer it, and how?
pub(crate) async fn ask(
    State(lab): State<Lab>,
    Here(workspace): Here,
    context: PageContext,
    RawQuery(query): RawQuery,
) -> HtmlResult<View<SignOn>> {
    let asked = lab.expected(&workspace.id).await?.read(query.as_deref().unwrap_or_default())?;
    Ok(page(&lab, workspace, &context, asked))
}

/// The form of the HTTP-POST binding; it comes from a service provider, so it has no proof of ours.
#[derive(Deserialize)]
pub(crate) struct RequestForm {
    #[serde(rename = "SAMLRequest")]
    request: String,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

/// The same for a request that was posted. It changes nothing: the page asks who shall answer.
pub(crate) async fn ask_posted(
    State(lab): State<Lab>,
    Here(workspace): Here,
    context: PageContext,
    Form(form): Form<RequestForm>,
) -> HtmlResult<View<SignOn>> {
    let expected = lab.expected(&workspace.id).await?;
    let expected = Expected { destination: lab.addresses(&workspace.id).posted_sign_on_url(), ..expected };
    let now = lab.sso().identity().store().now().micros();
    let asked = expected.read_post(&form.request, form.relay_state, now)?;
    Ok(page(&lab, workspace, &context, asked))
}

fn page(lab: &Lab, workspace: Workspace, context: &PageContext, asked: Asked) -> View<SignOn> {
    View(SignOn {
        page: context.page("Choose who you are", ""),
        action: lab.addresses(&workspace.id).sign_on_path(),
        workspace: workspace.name,
        asked,
        faults: faults::choices(),
        fault: faults::NO_FAULT.to_owned(),
        keys: Manner::keys(),
        key: String::new(),
        skew: String::new(),
        people: &PEOPLE,
    })
}

/// The choice was made: answer as that person. What the form brings back is checked again.
pub(crate) async fn answer(
    State(lab): State<Lab>,
    Here(workspace): Here,
    VerifiedForm(form): VerifiedForm<SignOnForm>,
) -> HtmlResult<PostAway> {
    let answer = Answer {
        person: chosen(&form.person)?,
        fault: faults::parse(&form.fault)?,
        manner: Manner::parse(&form.skew, &form.key)?,
        acs: consumer_service(lab.public_url(), &form.acs)?,
        in_response_to: Some(request_id(form.request_id)?),
        relay_state: relay_state(form.relay_state)?,
    };
    Ok(lab.issue(&workspace.id, answer).await?)
}
