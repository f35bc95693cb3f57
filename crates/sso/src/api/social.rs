//! The browser's ways to Google and Microsoft, and back.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gatehouse_identity::model::SocialProvider;
use gatehouse_identity::{Anybody, Visitor, browser_device, finish_in_browser, query};
use gatehouse_types::{Actor, Kind};
use gatehouse_web::{
    CookieKind, Flash, HtmlResult, LocalPath, Path, Query, RedirectAway, SeeOther, VerifiedForm, Web,
};
use serde::Deserialize;

use super::acs::cookie;
use super::intake::{Intake, admit};
use super::oidc::cookies_of;
use crate::Sso;
use crate::console::Nothing;
use crate::service::oidc::callback::Callback;
use crate::service::social::callback::SocialOutcome;
use crate::service::social::start::SocialPurpose;
use crate::service::start::{REQUEST_SECONDS, Started, Way};

/// The largest post: a name in a form, in bytes.
const MAX_POST: usize = 16 * 1024;
/// The part of the own account's page.
const PART: &str = "/account#sign-in-providers";

/// The routes that browsers use; none of them is part of the API's document.
pub(crate) fn routes() -> Router<Sso> {
    let intake = Intake::default();
    Router::new()
        .route("/login/with/{provider}", get(start))
        .route("/login/with/{provider}/sign-up", post(sign_up))
        .route("/account/sign-in-providers/{provider}/link", post(link))
        .route("/oidc/callback/microsoft", get(microsoft))
        .layer(DefaultBodyLimit::max(MAX_POST))
        .layer(from_fn(move |request, next| admit(intake.clone(), request, next)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartIn {
    return_to: Option<String>,
}

/// To the provider, to sign in.
async fn start(
    State(sso): State<Sso>,
    web: Web,
    Anybody(actor): Anybody,
    Path(provider): Path<String>,
    headers: HeaderMap,
    Query(input): Query<StartIn>,
) -> HtmlResult<Response> {
    let return_to = LocalPath::parse(input.return_to.as_deref().unwrap_or("/")).as_str().to_owned();
    let (url, cookie) =
        begun(&sso, &web, &actor, (provider.parse()?, SocialPurpose::SignIn { return_to }), &headers).await?;
    let mut response = SeeOther::to(url).into_response();
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

/// Where the browser goes, and the cookie that ties the answer to it.
async fn begun(
    sso: &Sso,
    web: &Web,
    actor: &Actor,
    (provider, purpose): (SocialProvider, SocialPurpose),
    headers: &HeaderMap,
) -> gatehouse_types::Result<(String, axum::http::HeaderValue)> {
    let known = web.cookies().get(headers, CookieKind::CrossSitePost);
    let Started { way, browser } = sso.start_social(actor, provider, purpose, known).await?;
    let Way::Redirect(url) = way else {
        return Err(gatehouse_types::Error::internal("these providers are asked by an address"));
    };
    Ok((url, cookie(web, CookieKind::CrossSitePost, browser.expose(), REQUEST_SECONDS)?))
}

/// A form leads to another host by a page of its own: browsers follow no redirect of a form there.
fn away(provider: SocialProvider, (url, cookie): (String, axum::http::HeaderValue)) -> Response {
    let mut response = RedirectAway { url, towards: provider.name().into() }.into_response();
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignUpForm {
    workspace_name: String,
}

/// To the provider, to sign up.
async fn sign_up(
    State(sso): State<Sso>,
    web: Web,
    Anybody(actor): Anybody,
    Path(provider): Path<String>,
    headers: HeaderMap,
    VerifiedForm(form): VerifiedForm<SignUpForm>,
) -> HtmlResult<Response> {
    let provider: SocialProvider = provider.parse()?;
    let purpose = SocialPurpose::SignUp { workspace: form.workspace_name };
    Ok(away(provider, begun(&sso, &web, &actor, (provider, purpose), &headers).await?))
}

/// To the provider, to link an account there to the one here.
async fn link(
    State(sso): State<Sso>,
    web: Web,
    Visitor(actor): Visitor,
    Path(provider): Path<String>,
    headers: HeaderMap,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<Response> {
    let provider: SocialProvider = provider.parse()?;
    if !sso.identity().own_factors(&actor).await?.is_proven {
        let way = format!("/account/confirm?{}", query(&[("returnTo", "/account")]));
        return Ok(SeeOther::to(way).into_response());
    }
    let purpose = SocialPurpose::Link { session: actor.session()?.clone() };
    match begun(&sso, &web, &actor, (provider, purpose), &headers).await {
        Ok(begun) => Ok(away(provider, begun)),
        Err(e) if e.kind() == Kind::Conflict => {
            Ok(SeeOther::to(PART).saying(Flash::failure(e.message().to_owned())).into_response())
        }
        Err(e) => Err(e.into()),
    }
}

/// Back from Microsoft.
async fn microsoft(
    State(sso): State<Sso>,
    web: Web,
    Anybody(actor): Anybody,
    headers: HeaderMap,
    Query(answer): Query<Callback>,
) -> HtmlResult<Response> {
    back(&sso, &web, &actor, (SocialProvider::Microsoft, &answer), &headers).await
}

/// Back from a provider: on to where the person wanted to go, or to the page where the asking began.
pub(super) async fn back(
    sso: &Sso,
    web: &Web,
    actor: &Actor,
    (provider, answer): (SocialProvider, &Callback),
    headers: &HeaderMap,
) -> HtmlResult<Response> {
    let with = (cookies_of(web, headers), browser_device(web, headers));
    Ok(match sso.finish_social(actor, provider, answer, with).await? {
        SocialOutcome::SignIn { outcome, return_to } => finish_in_browser(web, &outcome, return_to.as_str())?,
        SocialOutcome::Linked(provider) => {
            let text = format!("Your {} account is linked: it signs you in from now on.", provider.name());
            SeeOther::to(PART).saying(Flash::success(text)).into_response()
        }
        SocialOutcome::Told { page, why } => SeeOther::to(page).saying(Flash::failure(why)).into_response(),
    })
}
