use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Email, Error, Kind, Secret, WorkspaceId};
use gatehouse_web::{
    CookieKind, FieldErrors, Flash, HtmlResult, LocalPath, Page, PageContext, Query, RedirectAway, SeeOther,
    VerifiedForm, View, Web,
};
use serde::Deserialize;

use crate::api::auth::session_cookie;
use crate::api::caller::{Anybody, Visitor};
use crate::api::second_step::challenge_cookie;
use crate::console::providers::{ProviderWay, ways};
use crate::console::second_step;
use crate::rules::Discovery;
use crate::{Credentials, DEVICE_SECONDS, Device, Identity, Leaving, SESSION_SECONDS, SignIn};

#[derive(askama::Template)]
#[template(path = "identity/email.html")]
pub(crate) struct EmailPage {
    page: Page,
    email: String,
    return_to: String,
    /// Whether strangers may sign up here.
    sign_up: bool,
    ways: Vec<ProviderWay>,
    errors: FieldErrors,
}

#[derive(askama::Template)]
#[template(path = "identity/password.html")]
struct PasswordPage {
    page: Page,
    email: String,
    return_to: String,
    /// The provider that the workspace of the address's domain prefers to the password.
    first: Option<ProviderWay>,
    ways: Vec<ProviderWay>,
    errors: FieldErrors,
}

#[derive(askama::Template)]
#[template(path = "identity/sso.html")]
struct SsoPage {
    page: Page,
    email: String,
    return_to: String,
    start: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Back {
    #[serde(default)]
    pub(super) return_to: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EmailForm {
    email: String,
    #[serde(default)]
    return_to: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PasswordForm {
    email: String,
    password: Secret,
    #[serde(default)]
    return_to: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SwitchForm {
    workspace_id: String,
}

/// A path on this host, `/` for anything else.
pub(super) fn local(path: &str) -> String {
    LocalPath::parse(path).as_str().to_owned()
}

/// First step: the e-mail address.
pub(crate) async fn ask_email(
    State(identity): State<Identity>,
    context: PageContext,
    Query(back): Query<Back>,
) -> View<EmailPage> {
    let return_to = local(back.return_to.as_deref().unwrap_or("/"));
    View(EmailPage {
        page: context.page("Sign in", ""),
        email: String::new(),
        return_to,
        sign_up: identity.sign_up_is_open(),
        ways: ways(&identity, &back.return_to.as_deref().map(local).unwrap_or_else(|| "/".to_owned())),
        errors: FieldErrors::default(),
    })
}

/// Second step: to the provider of the address's domain, or to the password. Known and unknown people look the same.
pub(crate) async fn route_email(
    State(identity): State<Identity>,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<EmailForm>,
) -> HtmlResult<Response> {
    let return_to = local(&form.return_to);
    let email = match form.email.parse::<Email>() {
        Ok(email) => email,
        Err(e) => {
            let page = context.page("Sign in", "");
            let (sign_up, errors) = (identity.sign_up_is_open(), FieldErrors::from(&e));
            let ways = ways(&identity, &return_to);
            let view = View(EmailPage { page, email: form.email, return_to, sign_up, ways, errors });
            return Ok((StatusCode::BAD_REQUEST, view).into_response());
        }
    };
    let Discovery { start_path, .. } = identity.rules().discover(&email).await?;
    Ok(match start_path {
        Some(path) => {
            let start = format!("{path}?{}", super::query(&[("returnTo", &return_to)]));
            View(SsoPage { page: context.page("Sign in", ""), email: email.to_string(), return_to, start })
                .into_response()
        }
        None => password_page(&identity, &context, email.to_string(), return_to, FieldErrors::default())
            .await?
            .into_response(),
    })
}

/// "Having trouble logging in with SSO?": the default sign-in.
pub(crate) async fn ask_password(
    State(identity): State<Identity>,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<EmailForm>,
) -> HtmlResult<Response> {
    let return_to = local(&form.return_to);
    let page = password_page(&identity, &context, form.email, return_to, FieldErrors::default()).await?;
    Ok(page.into_response())
}

async fn password_page(
    identity: &Identity,
    context: &PageContext,
    email: String,
    return_to: String,
    errors: FieldErrors,
) -> Result<View<PasswordPage>, Error> {
    let mut ways = ways(identity, &return_to);
    let first = match email.parse::<Email>() {
        Ok(email) => identity.default_sign_in_of(&email).await?.provider(),
        Err(_) => None,
    };
    let at = first.and_then(|first| ways.iter().position(|w| w.provider == first));
    let first = at.map(|at| ways.remove(at));
    Ok(View(PasswordPage { page: context.page("Sign in", ""), email, return_to, first, ways, errors }))
}

/// Last step: the password.
pub(crate) async fn check_password(
    State(identity): State<Identity>,
    web: Web,
    Anybody(actor): Anybody,
    context: PageContext,
    headers: HeaderMap,
    VerifiedForm(form): VerifiedForm<PasswordForm>,
) -> HtmlResult<Response> {
    let return_to = local(&form.return_to);
    let replaces = web.cookies().get(&headers, CookieKind::Session).map(str::to_owned);
    let outcome = match form.email.parse::<Email>() {
        Ok(email) => {
            let (password, device) = (form.password, browser_device(&web, &headers));
            identity.login(&actor, Credentials { email, password, workspace: None, replaces, device }).await
        }
        Err(e) => Err(e),
    };
    match outcome {
        Ok(outcome) => Ok(finish_in_browser(&web, &outcome, &return_to)?),
        Err(e) => refused(&identity, &context, form.email, return_to, e).await,
    }
}

/// A browser after its first step: signed in and on its way, or asked for the second step.
///
/// # Errors
/// When a cookie cannot be set.
pub fn finish_in_browser(web: &Web, outcome: &SignIn, return_to: &str) -> Result<Response, Error> {
    match outcome {
        SignIn::Done(done) => {
            let cookie = session_cookie(web, done.signed.cookie.expose(), Some(SESSION_SECONDS))?;
            let mut response = SeeOther::to(return_to).into_response();
            response.headers_mut().append(SET_COOKIE, cookie);
            keep_device(web, &mut response, done.device.as_ref())?;
            Ok(response)
        }
        SignIn::SecondStep(pending) => {
            let next = format!("{}?{}", second_step::PATH, super::query(&[("returnTo", return_to)]));
            let mut response = SeeOther::to(next).into_response();
            let cookie = challenge_cookie(web, pending)?;
            response.headers_mut().append(SET_COOKIE, cookie);
            Ok(response)
        }
    }
}

/// The browser with the cookie that it is known by.
pub fn browser_device(web: &Web, headers: &HeaderMap) -> Device {
    Device::Browser(web.cookies().get(headers, CookieKind::Device).map(str::to_owned))
}

/// Lets the browser keep the cookie that it is known by next time.
pub(super) fn keep_device(web: &Web, response: &mut Response, value: Option<&Secret>) -> Result<(), Error> {
    let Some(value) = value else { return Ok(()) };
    let cookie = web
        .cookies()
        .set(CookieKind::Device, value.expose(), u32::try_from(DEVICE_SECONDS).ok())
        .map_err(|_| Error::internal("a cookie has odd text"))?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(())
}

async fn refused(
    identity: &Identity,
    context: &PageContext,
    email: String,
    return_to: String,
    e: Error,
) -> HtmlResult<Response> {
    let status = match e.kind() {
        Kind::Authentication => StatusCode::UNAUTHORIZED,
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::Validation => StatusCode::BAD_REQUEST,
        _ => return Err(e.into()),
    };
    let shown = if e.kind() == Kind::Validation { e } else { e.on_field("password") };
    let errors = FieldErrors::from(&shown);
    let page = password_page(identity, context, email, return_to, errors).await?;
    Ok((status, page).into_response())
}

/// Ends the session of this browser.
pub(crate) async fn sign_out(
    State(identity): State<Identity>,
    web: Web,
    Visitor(actor): Visitor,
    VerifiedForm(_): VerifiedForm<serde_json::Value>,
) -> HtmlResult<Response> {
    // to the identity provider too, when the session began at one with single logout
    let mut response = match identity.sign_out(&actor).await? {
        Some(onwards) => SeeOther::to(onwards).into_response(),
        None => SeeOther::to("/login").saying(Flash::success("You are signed out.")).into_response(),
    };
    response.headers_mut().append(SET_COOKIE, web.cookies().clear(CookieKind::Session));
    Ok(response)
}

/// Goes on in another workspace, through its provider if it wants that.
pub(crate) async fn switch(
    State(identity): State<Identity>,
    web: Web,
    Visitor(actor): Visitor,
    VerifiedForm(form): VerifiedForm<SwitchForm>,
) -> HtmlResult<Response> {
    let to: WorkspaceId = form.workspace_id.parse().map_err(|_| Error::not_found("Workspace"))?;
    match identity.switch_workspace(&actor, &to, Leaving::End).await {
        Ok(signed) => {
            let cookie = session_cookie(&web, signed.cookie.expose(), Some(SESSION_SECONDS))?;
            let mut response = SeeOther::to("/").into_response();
            response.headers_mut().append(SET_COOKIE, cookie);
            Ok(response)
        }
        Err(e) if e.kind() == Kind::SsoRequired => {
            let url = web.public_url().join(e.redirect_url().unwrap_or("/"));
            Ok(RedirectAway { url, towards: "the workspace's identity provider".into() }.into_response())
        }
        Err(e) => Err(e.into()),
    }
}
