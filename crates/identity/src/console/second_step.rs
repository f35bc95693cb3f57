//! The page between the right password and the session.

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Error, Kind, Secret};
use gatehouse_web::{
    CookieKind, FieldErrors, Flash, HtmlResult, Page, PageContext, Query, SeeOther, VerifiedForm, View, Web,
};
use serde::Deserialize;

use crate::api::auth::session_cookie;
use crate::api::caller::Anybody;
use crate::api::factors::plain;
use crate::api::second_step::asked_here;
use crate::console::factors::RecoveryCodesPage;
use crate::console::passkeys::given;
use crate::console::sign_in::{Back, browser_device, keep_device, local};
use crate::model::FactorKind;
use crate::{Asked, Identity, SESSION_SECONDS, SecondStep};

/// Where the page is.
pub(crate) const PATH: &str = "/sign-in/second-step";

#[derive(askama::Template)]
#[template(path = "identity/second_step.html")]
struct SecondStepPage {
    page: Page,
    return_to: String,
    totp: bool,
    has_passkey: bool,
    /// What the browser is asked for.
    passkey: Option<String>,
    recovery: bool,
    errors: FieldErrors,
}

#[derive(askama::Template)]
#[template(path = "identity/second_step_set_up.html")]
struct SetUpPage {
    page: Page,
    return_to: String,
    secret: String,
    qr: String,
    errors: FieldErrors,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AnswerForm {
    #[serde(default)]
    return_to: String,
    code: Option<Secret>,
    recovery_code: Option<Secret>,
    passkey: Option<Secret>,
}

/// Asks for the second step; leads back to the sign-in page when nothing is asked in this browser.
pub(crate) async fn show(
    State(identity): State<Identity>,
    web: Web,
    context: PageContext,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> HtmlResult<Response> {
    let return_to = local(back.return_to.as_deref().unwrap_or("/"));
    let Some(asked) = asked_here(&web, &headers) else { return Ok(over(&web, "/login")) };
    page(&identity, &web, &context, &asked, return_to, FieldErrors::default()).await
}

async fn page(
    identity: &Identity,
    web: &Web,
    context: &PageContext,
    asked: &Asked,
    return_to: String,
    errors: FieldErrors,
) -> HtmlResult<Response> {
    let Some(kinds) = identity.second_step_factors(asked).await? else { return Ok(over(web, "/login")) };
    if kinds.is_empty() {
        let offer = identity.second_step_enrolment(asked).await?;
        let page = context.page("Set up a second step", "");
        let (secret, qr) = (offer.secret.expose().to_owned(), offer.qr_data().expose().to_owned());
        return Ok(View(SetUpPage { page, return_to, secret, qr, errors }).into_response());
    }
    let page = context.page("Second step", "");
    let has = |kind| kinds.contains(&kind);
    let (totp, recovery) = (has(FactorKind::Totp), has(FactorKind::RecoveryCode));
    let has_passkey = has(FactorKind::Passkey);
    let passkey = match has_passkey && identity.offers_passkeys() {
        true => Some(identity.second_step_passkey(asked).await?.to_string()),
        false => None,
    };
    Ok(View(SecondStepPage { page, return_to, totp, has_passkey, passkey, recovery, errors }).into_response())
}

/// Nothing is asked in this browser any more.
fn over(web: &Web, to: &str) -> Response {
    let words = "The time for the second step is over. Sign in again.";
    let mut response = SeeOther::to(to).saying(Flash::notice(words)).into_response();
    response.headers_mut().append(SET_COOKIE, web.cookies().clear(CookieKind::SecondStep));
    response
}

/// Judges the answer.
pub(crate) async fn answer(
    State(identity): State<Identity>,
    web: Web,
    Anybody(actor): Anybody,
    context: PageContext,
    headers: HeaderMap,
    VerifiedForm(form): VerifiedForm<AnswerForm>,
) -> HtmlResult<Response> {
    let return_to = local(&form.return_to);
    let Some(asked) = asked_here(&web, &headers) else { return Ok(over(&web, "/login")) };
    let (field, step) = match (form.code, form.recovery_code, form.passkey) {
        (_, Some(code), _) => ("recoveryCode", Ok(SecondStep::RecoveryCode(code))),
        (None, None, Some(passkey)) => ("passkey", given(&passkey).map(|p| SecondStep::Passkey(Box::new(p)))),
        (code, ..) => ("code", Ok(SecondStep::Code(code.unwrap_or_else(|| Secret::new(""))))),
    };
    let step = match step {
        Ok(step) => step,
        Err(e) => return refused(&identity, &web, &context, &asked, return_to, e, field).await,
    };
    let replaces = web.cookies().get(&headers, CookieKind::Session).map(str::to_owned);
    match identity.finish_second_step(&actor, &asked, step, replaces, browser_device(&web, &headers)).await {
        Ok(done) => {
            let cookie = session_cookie(&web, done.logged_in.signed.cookie.expose(), Some(SESSION_SECONDS))?;
            let mut response = if done.recovery_codes.is_empty() {
                SeeOther::to(return_to).into_response()
            } else {
                let page = context.page("Your recovery codes", "");
                let codes = plain(&done.recovery_codes);
                View(RecoveryCodesPage { page, codes, next: return_to }).into_response()
            };
            response.headers_mut().append(SET_COOKIE, cookie);
            response.headers_mut().append(SET_COOKIE, web.cookies().clear(CookieKind::SecondStep));
            keep_device(&web, &mut response, done.logged_in.device.as_ref())?;
            Ok(response)
        }
        Err(e) => refused(&identity, &web, &context, &asked, return_to, e, field).await,
    }
}

async fn refused(
    identity: &Identity,
    web: &Web,
    context: &PageContext,
    asked: &Asked,
    return_to: String,
    e: Error,
    field: &'static str,
) -> HtmlResult<Response> {
    let status = match e.kind() {
        Kind::Authentication => StatusCode::UNAUTHORIZED,
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::Validation => StatusCode::BAD_REQUEST,
        _ => return Err(e.into()),
    };
    let errors = FieldErrors::from(&e.on_field(field));
    let mut shown = page(identity, web, context, asked, return_to, errors).await?;
    if shown.status() == StatusCode::OK {
        *shown.status_mut() = status;
    }
    Ok(shown)
}
