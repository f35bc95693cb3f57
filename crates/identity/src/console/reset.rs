//! A forgotten password: the address, the mailed link, the new password.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Email, Error, Kind, Secret};
use gatehouse_web::{FieldErrors, Flash, HtmlResult, Page, PageContext, Path, SeeOther, VerifiedForm, View};
use serde::Deserialize;

use crate::Identity;
use crate::api::caller::Anybody;

#[derive(askama::Template)]
#[template(path = "identity/reset_ask.html")]
pub(crate) struct AskPage {
    page: Page,
    email: String,
    asked: bool,
    errors: FieldErrors,
}

#[derive(askama::Template)]
#[template(path = "identity/reset_set.html")]
struct SetPage {
    page: Page,
    email: String,
    errors: FieldErrors,
}

/// A page whose address is a secret names only the host as where one came from. (`no-referrer` would take the origin
/// from its own form, which then counts as nobody's.)
pub(crate) fn secret_address(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
    response
}

/// The status of a form that is shown again; what is not about the form goes on as a failure.
pub(crate) fn status_again(e: &Error) -> Option<StatusCode> {
    match e.kind() {
        Kind::Validation => Some(StatusCode::BAD_REQUEST),
        Kind::Conflict => Some(StatusCode::CONFLICT),
        Kind::Authorization => Some(StatusCode::FORBIDDEN),
        Kind::RateLimited => Some(StatusCode::TOO_MANY_REQUESTS),
        _ => None,
    }
}

fn ask_page(context: &PageContext, email: String, asked: bool, errors: FieldErrors) -> View<AskPage> {
    let title = if asked { "Look into your mail" } else { "Forgot your password?" };
    View(AskPage { page: context.page(title, ""), email, asked, errors })
}

/// Asks for the address.
pub(crate) async fn show(context: PageContext) -> View<AskPage> {
    ask_page(&context, String::new(), false, FieldErrors::none())
}

#[derive(Deserialize)]
pub(crate) struct AskForm {
    email: String,
}

/// Sends the link, and says the same to everybody.
pub(crate) async fn ask(
    State(identity): State<Identity>,
    Anybody(actor): Anybody,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<AskForm>,
) -> HtmlResult<Response> {
    let asked = match form.email.parse::<Email>() {
        Ok(email) => identity.ask_reset(&actor, &email).await,
        Err(e) => Err(e),
    };
    match asked {
        Ok(()) => Ok(ask_page(&context, form.email, true, FieldErrors::none()).into_response()),
        Err(e) => {
            let Some(status) = status_again(&e) else { return Err(e.into()) };
            let errors = FieldErrors::from(&e.on_field("email"));
            Ok((status, ask_page(&context, form.email, false, errors)).into_response())
        }
    }
}

fn set_page(context: &PageContext, email: String, why: Option<&Error>) -> Response {
    let title = if email.is_empty() { "This link does not count any more" } else { "Set a new password" };
    let errors = why.map(FieldErrors::from).unwrap_or_default();
    let status = why.and_then(status_again).unwrap_or(StatusCode::OK);
    secret_address((status, View(SetPage { page: context.page(title, ""), email, errors })))
}

/// The mailed link: asks for the new password.
pub(crate) async fn open(
    State(identity): State<Identity>,
    context: PageContext,
    Path(token): Path<String>,
) -> HtmlResult<Response> {
    match identity.reset_for(&token).await {
        Ok(email) => Ok(set_page(&context, email.to_string(), None)),
        Err(e) if e.kind() == Kind::Validation => Ok(set_page(&context, String::new(), Some(&e))),
        Err(e) => Err(e.into()),
    }
}

#[derive(Deserialize)]
pub(crate) struct SetForm {
    password: Secret,
}

/// Sets the password and leads to signing in.
pub(crate) async fn set(
    State(identity): State<Identity>,
    Anybody(actor): Anybody,
    context: PageContext,
    Path(token): Path<String>,
    VerifiedForm(form): VerifiedForm<SetForm>,
) -> HtmlResult<Response> {
    match identity.confirm_reset(&actor, &token, form.password).await {
        Ok(()) => {
            let flash = Flash::success("Your password was set. Sign in with it.");
            Ok(SeeOther::to("/login").saying(flash).into_response())
        }
        Err(e) if status_again(&e).is_none() => Err(e.into()),
        Err(e) => {
            let email = match identity.reset_for(&token).await {
                Ok(email) => email.to_string(),
                Err(_) => String::new(),
            };
            let e = if e.field().is_none() { e.on_field("password") } else { e };
            Ok(set_page(&context, email, Some(&e)))
        }
    }
}
