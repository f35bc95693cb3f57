//! The browser's ways: to the provider, and back with its answer.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gatehouse_identity::{Anybody, SESSION_SECONDS};
use gatehouse_types::{ConnectionId, Error};
use gatehouse_web::{
    CookieKind, Form, HtmlError, HtmlResult, LocalPath, Path, PostAway, Query, SeeOther, Web,
};
use serde::Deserialize;

use super::intake::{Intake, admit};
use crate::Sso;
use crate::service::entry::SignedIn;
use crate::service::login::{Endpoint, Posted};
use crate::service::start::{REQUEST_SECONDS, Started, Way};

/// The largest post: 1 MiB of XML in base64, whose few odd characters the form encodes once more, bytes.
const MAX_POST: usize = 2 * 1024 * 1024;

/// The routes that browsers and providers use; none of them is part of the API's document.
pub(crate) fn routes() -> Router<Sso> {
    let intake = Intake::default();
    Router::new()
        .route("/sso/{connection}/start", get(start))
        .route("/saml/metadata", get(metadata))
        .route("/saml/metadata/{connection}", get(connection_metadata))
        .route("/saml/acs", post(shared))
        .route("/saml/acs/{connection}", post(own))
        .route("/saml/acs/{connection}/idp", post(idp_initiated))
        .layer(DefaultBodyLimit::max(MAX_POST))
        .layer(from_fn(move |request, next| admit(intake.clone(), request, next)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartIn {
    return_to: Option<String>,
}

/// The form of the HTTP-POST binding (SAML 2.0 bindings §3.5.4).
#[derive(Deserialize)]
struct AcsForm {
    #[serde(rename = "SAMLResponse")]
    response: String,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

/// A cookie that lasts so long.
pub(super) fn cookie(
    web: &Web,
    kind: CookieKind,
    value: &str,
    seconds: i64,
) -> Result<axum::http::HeaderValue, Error> {
    let seconds = u64::try_from(seconds).ok().and_then(|s| s.try_into().ok());
    web.cookies().set(kind, value, seconds).map_err(|_| Error::internal("a cookie has odd text"))
}

/// To the provider.
async fn start(
    State(sso): State<Sso>,
    web: Web,
    Anybody(actor): Anybody,
    Path(id): Path<ConnectionId>,
    headers: HeaderMap,
    Query(input): Query<StartIn>,
) -> HtmlResult<Response> {
    let return_to = LocalPath::parse(input.return_to.as_deref().unwrap_or("/"));
    let known = web.cookies().get(&headers, CookieKind::CrossSitePost);
    let session = web.cookies().get(&headers, CookieKind::Session);
    sso.break_loop(&actor, &id, known, session).await?;
    let Started { way, browser } = sso.start(&actor, &id, &return_to, known).await?;
    // the cookie may also name a session to its provider's sign-off (WS-Federation)
    let seconds = if session.is_some() { SESSION_SECONDS } else { REQUEST_SECONDS };
    let cookie = cookie(&web, CookieKind::CrossSitePost, browser.expose(), seconds)?;
    let mut response = match way {
        Way::Redirect(url) => SeeOther::to(url).into_response(),
        Way::Post { action, request } => {
            let fields = vec![("SAMLRequest".to_owned(), request)];
            PostAway { action, fields, towards: "your identity provider".to_owned() }.into_response()
        }
    };
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

/// Our metadata, for providers.
async fn metadata(State(sso): State<Sso>) -> HtmlResult<Response> {
    let xml = sso.sp_metadata().await?;
    Ok(([(CONTENT_TYPE, "application/samlmetadata+xml")], xml).into_response())
}

/// Our metadata with the keys of a connection's workspace.
async fn connection_metadata(State(sso): State<Sso>, Path(id): Path<ConnectionId>) -> HtmlResult<Response> {
    let xml = sso.connection_sp_metadata(&id).await?;
    Ok(([(CONTENT_TYPE, "application/samlmetadata+xml")], xml).into_response())
}

async fn shared(
    state: State<Sso>,
    web: Web,
    who: Anybody,
    headers: HeaderMap,
    form: Result<Form<AcsForm>, HtmlError>,
) -> HtmlResult<Response> {
    answer(state, web, who, headers, form, Endpoint::Shared).await
}

async fn own(
    state: State<Sso>,
    web: Web,
    who: Anybody,
    Path(id): Path<ConnectionId>,
    headers: HeaderMap,
    form: Result<Form<AcsForm>, HtmlError>,
) -> HtmlResult<Response> {
    answer(state, web, who, headers, form, Endpoint::Own(id)).await
}

async fn idp_initiated(
    state: State<Sso>,
    web: Web,
    who: Anybody,
    Path(id): Path<ConnectionId>,
    headers: HeaderMap,
    form: Result<Form<AcsForm>, HtmlError>,
) -> HtmlResult<Response> {
    answer(state, web, who, headers, form, Endpoint::IdpInitiated(id)).await
}

/// Back from the provider: 303 with the session's cookie, or the error page with the decision's number.
async fn answer(
    State(sso): State<Sso>,
    web: Web,
    Anybody(actor): Anybody,
    headers: HeaderMap,
    form: Result<Form<AcsForm>, HtmlError>,
    endpoint: Endpoint,
) -> HtmlResult<Response> {
    let form = match form {
        Ok(Form(form)) => form,
        Err(HtmlError(unread)) => return Ok(sso.refuse_post(&actor, &endpoint, unread).await?),
    };
    let posted = Posted {
        endpoint,
        response: &form.response,
        relay_state: form.relay_state.as_deref(),
        browser: web.cookies().get(&headers, CookieKind::CrossSitePost),
        replaces: web.cookies().get(&headers, CookieKind::Session),
    };
    let SignedIn { signed, return_to } = sso.finish(&actor, posted).await?;
    let mut response = SeeOther::to(return_to.as_str()).into_response();
    response
        .headers_mut()
        .append(SET_COOKIE, cookie(&web, CookieKind::Session, signed.cookie.expose(), SESSION_SECONDS)?);
    Ok(response)
}
