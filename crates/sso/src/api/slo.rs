//! Single logout: what providers send with the browser, and where the browser of a finished sign-out goes.

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gatehouse_identity::Anybody;
use gatehouse_saml::{LogoutKind, LogoutMessage, LogoutStatus, Rejection};
use gatehouse_types::{ConnectionId, Error, Result};
use gatehouse_web::{Flash, Form, HtmlResult, Path, PostAway, RedirectAway, SeeOther};
use serde::Deserialize;

use super::intake::{Intake, admit};
use crate::Sso;
use crate::service::logout::{LogoutEndpoint, LogoutOutcome};
use crate::service::logout_start::Leave;

/// The largest post: 64 KiB of XML in base64, whose few odd characters the form encodes once more, bytes.
const MAX_POST: usize = 128 * 1024;
/// Who is at the other end, for the reader.
const PROVIDER: &str = "your identity provider";

/// The routes that browsers and providers use; none of them is part of the API's document.
pub(crate) fn routes() -> Router<Sso> {
    let intake = Intake::default();
    Router::new()
        .route("/saml/slo", get(shared_redirect).post(shared_post))
        .route("/saml/slo/{connection}", get(own_redirect).post(own_post))
        .route("/sso/logout/{ticket}", get(leave))
        .layer(DefaultBodyLimit::max(MAX_POST))
        .layer(from_fn(move |request, next| admit(intake.clone(), request, next)))
}

/// The form of the HTTP-POST binding (SAML 2.0 bindings §3.5.4).
#[derive(Deserialize)]
struct SloForm {
    #[serde(rename = "SAMLRequest")]
    request: Option<String>,
    #[serde(rename = "SAMLResponse")]
    response: Option<String>,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

impl SloForm {
    fn message(&self) -> Result<LogoutMessage> {
        let (kind, field) = match (&self.request, &self.response) {
            (Some(request), None) => (LogoutKind::Request, request),
            (None, Some(response)) => (LogoutKind::Response, response),
            _ => return Err(Error::invalid_request("Send either SAMLRequest or SAMLResponse.")),
        };
        LogoutMessage::from_post(kind, field, self.relay_state.as_deref()).map_err(no_message)
    }
}

fn no_message(why: Rejection) -> Error {
    Error::invalid_request(format!("This is not a SAML logout message: {}", why.detail))
}

fn by_query(query: Option<&str>) -> Result<LogoutMessage> {
    LogoutMessage::from_redirect(query.unwrap_or_default()).map_err(no_message)
}

async fn shared_redirect(
    State(sso): State<Sso>,
    Anybody(actor): Anybody,
    RawQuery(query): RawQuery,
) -> HtmlResult<Response> {
    let message = by_query(query.as_deref())?;
    Ok(go_on(sso.logout(&actor, &LogoutEndpoint::Shared, &message).await?))
}

async fn own_redirect(
    State(sso): State<Sso>,
    Anybody(actor): Anybody,
    Path(id): Path<ConnectionId>,
    RawQuery(query): RawQuery,
) -> HtmlResult<Response> {
    let message = by_query(query.as_deref())?;
    Ok(go_on(sso.logout(&actor, &LogoutEndpoint::Own(id), &message).await?))
}

async fn shared_post(
    State(sso): State<Sso>,
    Anybody(actor): Anybody,
    Form(form): Form<SloForm>,
) -> HtmlResult<Response> {
    Ok(go_on(sso.logout(&actor, &LogoutEndpoint::Shared, &form.message()?).await?))
}

async fn own_post(
    State(sso): State<Sso>,
    Anybody(actor): Anybody,
    Path(id): Path<ConnectionId>,
    Form(form): Form<SloForm>,
) -> HtmlResult<Response> {
    Ok(go_on(sso.logout(&actor, &LogoutEndpoint::Own(id), &form.message()?).await?))
}

fn go_on(outcome: LogoutOutcome) -> Response {
    match outcome {
        // the provider's own page sent this request: its redirects are not bound by a form of ours
        LogoutOutcome::Answer(Leave::Redirect(url)) => SeeOther::to(url).into_response(),
        LogoutOutcome::Answer(leave) => carry(leave),
        LogoutOutcome::Ended => signed_out(Flash::success("You are signed out.")),
        LogoutOutcome::Finished(status) => signed_out(farewell(&status)),
    }
}

fn farewell(status: &LogoutStatus) -> Flash {
    match status {
        LogoutStatus::Success => Flash::success("You are signed out here and at your identity provider."),
        LogoutStatus::Partial => Flash::notice(
            "You are signed out here. Your identity provider reports that it could not sign you out of every other \
             application: close your browser to be safe.",
        ),
        LogoutStatus::Failed(_) => Flash::notice(
            "You are signed out here. Your identity provider reports that it did not sign you out: sign out there, or \
             close your browser.",
        ),
    }
}

fn signed_out(words: Flash) -> Response {
    SeeOther::to("/login").saying(words).into_response()
}

/// A page that leads on: this may answer a form, whose redirects `form-action` would stop.
fn carry(leave: Leave) -> Response {
    match leave {
        Leave::Redirect(url) => RedirectAway { url, towards: PROVIDER.to_owned() }.into_response(),
        Leave::Post { action, fields } => {
            PostAway { action, fields, towards: PROVIDER.to_owned() }.into_response()
        }
    }
}

/// To the provider, after our own session has ended.
async fn leave(State(sso): State<Sso>, Path(ticket): Path<String>) -> HtmlResult<Response> {
    Ok(match sso.leave(&ticket).await? {
        Some(leave) => carry(leave),
        None => signed_out(Flash::success("You are signed out.")),
    })
}
