//! The mailed link that says "it was not me". Opening it does nothing: mail programs open links by themselves.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_types::Kind;
use gatehouse_web::{Flash, HtmlResult, Page, PageContext, Path, SeeOther, VerifiedForm, View};

use super::reset::secret_address;
use crate::Identity;
use crate::api::caller::Anybody;

#[derive(askama::Template)]
#[template(path = "identity/not_me.html")]
struct NotMePage {
    page: Page,
    /// Empty when the link counts no more.
    email: String,
}

fn over(context: &PageContext) -> Response {
    let page = context.page("This link does not count any more", "");
    secret_address((StatusCode::BAD_REQUEST, View(NotMePage { page, email: String::new() })))
}

/// Asks whether it is meant.
pub(crate) async fn open(
    State(identity): State<Identity>,
    context: PageContext,
    Path(token): Path<String>,
) -> HtmlResult<Response> {
    match identity.not_me_for(&token).await {
        Ok(email) => {
            let page = context.page("Was it not you?", "");
            Ok(secret_address(View(NotMePage { page, email: email.to_string() })))
        }
        Err(e) if e.kind() == Kind::Validation => Ok(over(&context)),
        Err(e) => Err(e.into()),
    }
}

/// Ends the sessions and blocks the password.
pub(crate) async fn report(
    State(identity): State<Identity>,
    Anybody(actor): Anybody,
    context: PageContext,
    Path(token): Path<String>,
    VerifiedForm(_): VerifiedForm<serde_json::Value>,
) -> HtmlResult<Response> {
    match identity.report_sign_in(&actor, &token).await {
        Ok(()) => {
            let words = "All sessions were ended, and the password counts no more. A mail says how you come in again.";
            Ok(SeeOther::to("/login").saying(Flash::success(words)).into_response())
        }
        Err(e) if e.kind() == Kind::Validation => Ok(over(&context)),
        Err(e) => Err(e.into()),
    }
}
