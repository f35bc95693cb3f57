//! The pages of the lab's token services.

use askama::Template;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::model::Workspace;
use gatehouse_types::{ConnectionId, Error, Result};
use gatehouse_web::{Choice, HtmlResult, Page, PageContext, PostAway, Query, SeeOther, VerifiedForm, View};
use serde::Deserialize;

use super::{Here, chosen};
use crate::issue::Manner;
use crate::people::{PEOPLE, Person};
use crate::wsfed::{ReplyUrl, Service, TokenAnswer, TokenAsked, TokenFault, document, kinds};
use crate::{Lab, faults};

#[derive(Template)]
#[template(path = "lab/wsfed.html")]
struct SignOn {
    page: Page,
    workspace: String,
    action: String,
    asked: TokenAsked,
    faults: Vec<Choice>,
    fault: String,
    keys: Vec<Choice>,
    key: String,
    kinds: Vec<Choice>,
    skew: String,
    people: &'static [Person],
}

/// The lab signs somebody out and lets Gatehouse clean up.
#[derive(Template)]
#[template(path = "lab/wsfed_signed_out.html")]
struct SignedOut {
    page: Page,
    clean_up: String,
}

/// What arrives at the passive endpoint.
#[derive(Deserialize)]
pub(crate) struct Arriving {
    #[serde(default)]
    wa: String,
    #[serde(default)]
    wtrealm: String,
    #[serde(default)]
    wreply: String,
    #[serde(default)]
    wctx: String,
    /// Of the lab's own: which connection cleans up after a sign-off that began here.
    #[serde(default)]
    connection: String,
}

#[derive(Deserialize)]
pub(crate) struct SignOnForm {
    person: String,
    #[serde(default)]
    fault: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    skew: String,
    realm: String,
    reply: String,
    #[serde(default)]
    context: String,
}

pub(crate) async fn ask_own(
    lab: State<Lab>,
    here: Here,
    context: PageContext,
    query: Query<Arriving>,
) -> HtmlResult<Response> {
    arrived(lab, here, context, query, Service::Own)
}

pub(crate) async fn ask_shared(
    lab: State<Lab>,
    here: Here,
    context: PageContext,
    query: Query<Arriving>,
) -> HtmlResult<Response> {
    arrived(lab, here, context, query, Service::Shared)
}

/// A request arrived: sign on, or sign off.
fn arrived(
    State(lab): State<Lab>,
    Here(workspace): Here,
    context: PageContext,
    Query(asked): Query<Arriving>,
    service: Service,
) -> HtmlResult<Response> {
    match asked.wa.as_str() {
        "wsignin1.0" => {
            let read = TokenAsked::read(lab.public_url(), &asked.wtrealm, &asked.wreply, &asked.wctx)?;
            Ok(sign_on(&lab, workspace, &context, read, service).into_response())
        }
        "wsignout1.0" if asked.wreply.is_empty() => Ok(signed_out(&lab, &context, &asked.connection)?),
        "wsignout1.0" => {
            let reply = ReplyUrl::parse(lab.public_url(), &asked.wreply)?;
            Ok(SeeOther::to(reply.as_str()).into_response())
        }
        _ => {
            let message = "This address answers wa=wsignin1.0 and wa=wsignout1.0. Begin at Gatehouse.";
            Err(Error::invalid_request(message).into())
        }
    }
}

fn sign_on(
    lab: &Lab,
    workspace: Workspace,
    context: &PageContext,
    asked: TokenAsked,
    service: Service,
) -> View<SignOn> {
    View(SignOn {
        page: context.page("Choose who you are", ""),
        action: service.path(&lab.addresses(&workspace.id)),
        workspace: workspace.name,
        asked,
        faults: service.faults(),
        fault: faults::NO_FAULT.to_owned(),
        keys: Manner::keys(),
        key: String::new(),
        kinds: kinds(),
        skew: String::new(),
        people: &PEOPLE,
    })
}

fn signed_out(lab: &Lab, context: &PageContext, connection: &str) -> Result<Response> {
    let id: ConnectionId = connection.parse().map_err(|_| {
        Error::invalid_request("Say which connection shall clean up: ?wa=wsignout1.0&connection=con_….")
    })?;
    let reply = lab.sso().reply_url(&id);
    let clean_up = format!("{reply}?wa=wsignoutcleanup1.0");
    Ok(View(SignedOut { page: context.page("Signed out of the lab", ""), clean_up }).into_response())
}

pub(crate) async fn answer_own(
    lab: State<Lab>,
    here: Here,
    form: VerifiedForm<SignOnForm>,
) -> HtmlResult<PostAway> {
    answer(lab, here, form, Service::Own).await
}

pub(crate) async fn answer_shared(
    lab: State<Lab>,
    here: Here,
    form: VerifiedForm<SignOnForm>,
) -> HtmlResult<PostAway> {
    answer(lab, here, form, Service::Shared).await
}

/// The choice was made: answer as that person. What the form brings back is checked again.
async fn answer(
    State(lab): State<Lab>,
    Here(workspace): Here,
    VerifiedForm(form): VerifiedForm<SignOnForm>,
    service: Service,
) -> HtmlResult<PostAway> {
    let answer = TokenAnswer {
        service,
        person: chosen(&form.person)?,
        fault: TokenFault::parse(service, &form.fault)?,
        manner: Manner::parse(&form.skew, &form.key)?,
        kind: form.kind,
        asked: TokenAsked::read(lab.public_url(), &form.realm, &form.reply, &form.context)?,
    };
    Ok(lab.issue_token(&workspace.id, answer).await?)
}

pub(crate) async fn own_metadata(lab: State<Lab>, here: Here) -> HtmlResult<impl IntoResponse> {
    metadata(lab, here, Service::Own).await
}

pub(crate) async fn shared_metadata(lab: State<Lab>, here: Here) -> HtmlResult<impl IntoResponse> {
    metadata(lab, here, Service::Shared).await
}

/// Federation metadata (WS-Federation 1.2 §3.1).
async fn metadata(
    State(lab): State<Lab>,
    Here(workspace): Here,
    service: Service,
) -> HtmlResult<impl IntoResponse> {
    let certificates =
        vec![lab.key(&workspace).await?.certificate, lab.second_key(&workspace).await?.certificate];
    let document = document(service, &lab.addresses(&workspace.id), certificates);
    Ok(([(CONTENT_TYPE, "application/samlmetadata+xml")], document))
}
