use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Error, Kind};

use super::page::Page;
use super::view::View;
use crate::edge::context::Web;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    page: Page,
    status: u16,
    error: &'a Error,
    next: &'static str,
    request_id: &'a str,
}

#[derive(Template)]
#[template(path = "error_fragment.html")]
struct ErrorFragment<'a> {
    error: &'a Error,
    request_id: &'a str,
}

/// The failure as people see it: what happened, what to do next, and the ids that help others to help.
pub(crate) fn render(error: &Error, status: StatusCode, partial: bool, web: &Web) -> Response {
    let request_id = &web.request_id().to_string();
    if partial {
        return View(ErrorFragment { error, request_id }).into_response();
    }
    let (title, next) = words(error);
    View(ErrorPage { page: Page::bare(title), status: status.as_u16(), error, next, request_id })
        .into_response()
}

/// Heading and advice. A refusal to sign somebody in has a recorded reason; without one, nobody tried yet.
fn words(error: &Error) -> (&'static str, &'static str) {
    match error.kind() {
        Kind::Authentication if error.decision().is_some() => {
            ("Your sign-in was not accepted", "Begin again at the sign-in page.")
        }
        kind => (title(kind), next(kind)),
    }
}

const fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Validation | Kind::InvalidRequest => "That did not fit",
        Kind::Authentication => "Sign in first",
        Kind::Authorization => "You may not do this",
        Kind::SsoRequired => "Sign in through your company",
        Kind::NotFound => "Nothing here",
        Kind::MethodNotAllowed => "Not in this way",
        Kind::Conflict => "It clashes with what is there",
        Kind::PayloadTooLarge => "Too large",
        Kind::RateLimited => "Too many attempts",
        Kind::Internal => "Something went wrong",
        Kind::Unavailable => "Not available right now",
        Kind::StorageFull => "No room left",
        Kind::Timeout => "It took too long",
        Kind::Script => "A script failed",
    }
}

const fn next(kind: Kind) -> &'static str {
    match kind {
        Kind::Validation | Kind::InvalidRequest => "Go back, correct it, and send it again.",
        Kind::Authentication => "Sign in, then open this page again.",
        Kind::Authorization => "Ask an owner or admin of your workspace, and give them the ids below.",
        Kind::SsoRequired => "Continue to your company's sign-in page.",
        Kind::NotFound => "Check the address. It may have been removed, or it belongs to another workspace.",
        Kind::MethodNotAllowed => "Open the page from the menu instead.",
        Kind::Conflict => "Go back, reload the page to see the present state, and try again.",
        Kind::PayloadTooLarge => "Send less at once.",
        Kind::RateLimited => "Wait a little before you try again.",
        Kind::Internal => "Try again. If it stays so, give your administrator the request id below.",
        Kind::StorageFull => "Nothing was changed. Tell whoever runs the server that its disk is full.",
        Kind::Script => "Look at the runs and logs of the script.",
        Kind::Unavailable | Kind::Timeout => "Wait a moment and reload the page.",
    }
}
