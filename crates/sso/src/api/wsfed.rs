//! WS-Federation: the provider's replies, its requests to clean up, and the way back from its sign-off.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gatehouse_identity::{Anybody, SESSION_SECONDS};
use gatehouse_types::{ConnectionId, Error};
use gatehouse_web::{
    CookieKind, EmbeddableBy, Flash, Form, HtmlError, HtmlResult, Path, Query, SeeOther, Web,
};
use serde::Deserialize;

use super::acs::cookie;
use super::intake::{Intake, admit};
use crate::Sso;
use crate::service::entry::SignedIn;
use crate::service::wsfed::{CleanUp, WsfedPosted, WsfedSignedIn};

/// The largest post: 1 MiB of XML as a form encodes it, bytes.
const MAX_POST: usize = 3 * 1024 * 1024;
/// What a provider's page shows where it asked us to clean up: a picture of one clear dot.
const DOT: &[u8] =
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\
\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// The routes that browsers and providers use; none of them is part of the API's document.
pub(crate) fn routes() -> Router<Sso> {
    let intake = Intake::default();
    Router::new()
        .route("/wsfed/{connection}/reply", get(called).post(reply))
        .layer(DefaultBodyLimit::max(MAX_POST))
        .layer(from_fn(move |request, next| admit(intake.clone(), request, next)))
}

/// The form of a reply (WS-Federation 1.2 §13.2.3).
#[derive(Deserialize)]
struct ReplyForm {
    wa: String,
    wresult: String,
    wctx: Option<String>,
}

/// Back from the provider: 303 with the session's cookie, or the error page with the decision's number.
async fn reply(
    State(sso): State<Sso>,
    web: Web,
    Anybody(actor): Anybody,
    Path(id): Path<ConnectionId>,
    headers: HeaderMap,
    form: Result<Form<ReplyForm>, HtmlError>,
) -> HtmlResult<Response> {
    let form = match form {
        Ok(Form(form)) if form.wa == "wsignin1.0" => form,
        Ok(_) => {
            let unread = Error::invalid_request("A reply is a form with wa=wsignin1.0, wresult and wctx.");
            return Ok(sso.refuse_reply(&actor, &id, unread).await?);
        }
        Err(HtmlError(unread)) => return Ok(sso.refuse_reply(&actor, &id, unread).await?),
    };
    let posted = WsfedPosted {
        connection: &id,
        result: &form.wresult,
        context: form.wctx.as_deref(),
        browser: web.cookies().get(&headers, CookieKind::CrossSitePost),
        replaces: web.cookies().get(&headers, CookieKind::Session),
    };
    let WsfedSignedIn { signed_in, browser } = sso.finish_wsfed(&actor, posted).await?;
    let SignedIn { signed, return_to } = signed_in;
    let mut response = SeeOther::to(return_to.as_str()).into_response();
    let mut set = |kind, value| {
        let cookie = cookie(&web, kind, value, SESSION_SECONDS)?;
        response.headers_mut().append(SET_COOKIE, cookie);
        Ok::<_, Error>(())
    };
    set(CookieKind::Session, signed.cookie.expose())?;
    // by this one the provider's sign-off finds the session: the session's own stays at home when a picture is fetched
    set(CookieKind::CrossSitePost, browser.expose())?;
    Ok(response)
}

#[derive(Deserialize)]
struct Called {
    wa: Option<String>,
    wreply: Option<String>,
}

/// The provider asks to clean up, or the browser comes back from its sign-off.
async fn called(
    State(sso): State<Sso>,
    web: Web,
    Anybody(actor): Anybody,
    Path(id): Path<ConnectionId>,
    headers: HeaderMap,
    Query(called): Query<Called>,
) -> HtmlResult<Response> {
    match called.wa.as_deref() {
        Some("wsignoutcleanup1.0" | "wsignout1.0") => {
            let browser = web.cookies().get(&headers, CookieKind::CrossSitePost);
            let session = web.cookies().get(&headers, CookieKind::Session);
            let reply = called.wreply.as_deref();
            let done = sso.clean_up(&actor, &id, browser, session, reply).await?;
            Ok(cleaned_up(&web, done))
        }
        // providers that know no other address of ours send people back to the reply address
        None => {
            let session = web.cookies().get(&headers, CookieKind::Session);
            if sso.is_signed_in(&actor, session).await? {
                return Ok(SeeOther::to("/").into_response());
            }
            Ok(SeeOther::to("/login").saying(Flash::success("You are signed out.")).into_response())
        }
        Some(_) => {
            let message = "This address takes wa=wsignin1.0 as a posted form, and wa=wsignoutcleanup1.0.";
            Err(Error::invalid_request(message).into())
        }
    }
}

fn cleaned_up(web: &Web, CleanUp { back, provider, own }: CleanUp) -> Response {
    let mut response = match back {
        Some(url) => SeeOther::to(url).into_response(),
        None => ([(CONTENT_TYPE, HeaderValue::from_static("image/gif"))], DOT).into_response(),
    };
    if own {
        response.headers_mut().append(SET_COOKIE, web.cookies().clear(CookieKind::Session));
    }
    response.extensions_mut().insert(EmbeddableBy(provider));
    response
}
