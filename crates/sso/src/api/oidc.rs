//! OpenID Connect: what providers send with the browser or by themselves, and what we publish for them.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gatehouse_identity::model::SocialProvider;
use gatehouse_identity::{Anybody, SESSION_SECONDS};
use gatehouse_types::ConnectionId;
use gatehouse_web::{ApiResult, CookieKind, Flash, Form, HtmlResult, Json, Path, Query, SeeOther, Web};
use serde::Deserialize;
use serde_json::Value;

use super::acs::cookie;
use super::intake::{Intake, admit};
use super::social;
use crate::Sso;
use crate::service::entry::SignedIn;
use crate::service::oidc::callback::{Callback, Cookies};

/// The largest post: a logout token in a form, in bytes.
const MAX_POST: usize = 128 * 1024;
/// How long providers may keep our keys.
const KEYS_LIFE: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// The routes that browsers and providers use; none of them is part of the API's document.
pub(crate) fn routes() -> Router<Sso> {
    let intake = Intake::default();
    Router::new()
        .route("/oidc/callback", get(operator_callback))
        .route("/oidc/callback/{connection}", get(callback))
        .route("/oidc/logged-out/{connection}", get(logged_out))
        .route("/oidc/backchannel-logout/{connection}", post(backchannel_logout))
        .route("/oidc/jwks/{connection}", get(keys))
        .layer(DefaultBodyLimit::max(MAX_POST))
        .layer(from_fn(move |request, next| admit(intake.clone(), request, next)))
}

/// Back from the provider: 303 with the session's cookie, or the error page with the decision's number.
async fn callback(
    State(sso): State<Sso>,
    web: Web,
    Anybody(actor): Anybody,
    Path(id): Path<ConnectionId>,
    headers: HeaderMap,
    Query(answer): Query<Callback>,
) -> HtmlResult<Response> {
    let signed_in = sso.finish_oidc(&actor, &id, &answer, cookies_of(&web, &headers)).await?;
    landed(&web, &signed_in)
}

/// Back from the provider of the operator's client: through a connection, or with an account there by itself.
async fn operator_callback(
    State(sso): State<Sso>,
    web: Web,
    Anybody(actor): Anybody,
    headers: HeaderMap,
    Query(answer): Query<Callback>,
) -> HtmlResult<Response> {
    if sso.is_social(answer.state.as_deref()).await? {
        return social::back(&sso, &web, &actor, (SocialProvider::Google, &answer), &headers).await;
    }
    let signed_in = sso.finish_operator_oidc(&actor, &answer, cookies_of(&web, &headers)).await?;
    landed(&web, &signed_in)
}

/// The cookies that matter to an answer.
pub(super) fn cookies_of<'h>(web: &Web, headers: &'h HeaderMap) -> Cookies<'h> {
    Cookies {
        browser: web.cookies().get(headers, CookieKind::CrossSitePost),
        session: web.cookies().get(headers, CookieKind::Session),
    }
}

/// Signed in: on to where the person wanted to go.
fn landed(web: &Web, SignedIn { signed, return_to }: &SignedIn) -> HtmlResult<Response> {
    let mut response = SeeOther::to(return_to.as_str()).into_response();
    let session = cookie(web, CookieKind::Session, signed.cookie.expose(), SESSION_SECONDS)?;
    response.headers_mut().append(SET_COOKIE, session);
    Ok(response)
}

#[derive(Deserialize)]
struct LoggedOut {
    state: Option<String>,
}

/// Back from signing out at the provider.
async fn logged_out(
    State(sso): State<Sso>,
    Anybody(actor): Anybody,
    Path(id): Path<ConnectionId>,
    Query(back): Query<LoggedOut>,
) -> HtmlResult<Response> {
    let words = match sso.back_from_logout(&actor, &id, back.state.as_deref()).await? {
        true => "You are signed out here and at your identity provider.",
        false => "You are signed out.",
    };
    Ok(SeeOther::to("/login").saying(Flash::success(words)).into_response())
}

/// The form of Back-Channel Logout 1.0 §2.5.
#[derive(Deserialize)]
struct LogoutForm {
    logout_token: String,
}

/// A provider tells that somebody left: 200, or 400 (§2.8).
async fn backchannel_logout(
    State(sso): State<Sso>,
    Anybody(actor): Anybody,
    Path(id): Path<ConnectionId>,
    form: Result<Form<LogoutForm>, gatehouse_web::HtmlError>,
) -> ApiResult<Response> {
    let Form(form) = form.map_err(|e| e.0)?;
    sso.backchannel_logout(&actor, &id, &form.logout_token).await?;
    Ok(([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], ()).into_response())
}

/// The keys with which we authenticate at a connection's provider.
async fn keys(State(sso): State<Sso>, Path(id): Path<ConnectionId>) -> ApiResult<Response> {
    let set: Value = sso.client_key_set(&id).await?;
    Ok(([(CACHE_CONTROL, KEYS_LIFE)], Json(set)).into_response())
}
