//! `/dev/components`: every part on one page, for people who build pages and for browser tests.

mod samples;

use askama::Template;
use axum::Router;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use gatehouse_types::{DecisionId, Error, Id, PageInfo};
use serde::Deserialize;

use super::away::{PostAway, RedirectAway};
use super::confirm::Confirm;
use super::errors::FieldErrors;
use super::flash::{Flash, SeeOther};
use super::page::{Page, PageContext};
use super::parts::{Choice, Step, Tab, When};
use super::view::{HtmlError, View};
use crate::browser::form::VerifiedForm;
use samples::{Row, viewer};

/// The pages under `/dev/components`. The application merges them in debug builds, or when told to.
pub fn component_routes() -> Router {
    Router::new()
        .route("/dev/components", get(all))
        .route("/dev/components/plain", get(plain))
        .route("/dev/components/confirm", get(confirm))
        .route("/dev/components/failure", get(failure))
        .route("/dev/components/fragment", get(async || "Loaded without a page in between.").post(posted))
        .route("/dev/components/flash", post(flash))
        .route("/dev/components/post-away", get(post_away))
        .route("/dev/components/redirect-away", get(redirect_away))
}

#[derive(Template)]
#[template(path = "components.html")]
struct All {
    page: Page,
    tabs: Vec<Tab>,
    errors: FieldErrors,
    choices: Vec<Choice>,
    protocols: Vec<Choice>,
    certificates: Vec<String>,
    excluded: Vec<String>,
    chips: Vec<String>,
    steps: Vec<Step>,
    rows: Vec<Row>,
    pagination: PageInfo,
    now: When,
}

#[derive(Template)]
#[template(path = "components_plain.html")]
struct Plain {
    page: Page,
}

async fn all(context: PageContext) -> View<All> {
    let mut page =
        context.page("Components", "components").under("Settings", "/dev/components").seen_by(viewer());
    page.nav = samples::nav();
    View(samples::all(page))
}

async fn plain(context: PageContext) -> View<Plain> {
    View(Plain { page: context.page("Sign in", "") })
}

async fn confirm(context: PageContext) -> Confirm {
    Confirm {
        page: context.page("Delete this connection?", ""),
        text: "Everybody who signs in through it will have to use another way. This cannot be undone.".into(),
        action: "/dev/components/flash".into(),
        fields: vec![("id".into(), "con_1".into())],
        confirm: "Delete connection".into(),
        cancel: "/dev/components".into(),
        danger: true,
    }
}

async fn failure() -> HtmlError {
    let decision = DecisionId::from_stored("dec_0198c5f0e8a07c3fa1b2c3d4e5f60718".into());
    HtmlError(
        Error::authorization("Your identity provider answered, but not for this workspace.")
            .decided(decision),
    )
}

#[derive(Deserialize)]
struct Anything {}

async fn posted(_: VerifiedForm<Anything>) -> &'static str {
    "Posted, with the proof in a header."
}

async fn flash(_: VerifiedForm<Anything>) -> SeeOther {
    SeeOther::to("/dev/components").saying(Flash::success("Saved. The next sign-in uses the new settings."))
}

async fn post_away() -> impl IntoResponse {
    let fields = vec![("SAMLRequest".to_owned(), "PHNhbWxwOkF1dGhuUmVxdWVzdC8+".to_owned())];
    PostAway { action: "https://idp.invalid/sso".into(), fields, towards: "your identity provider".into() }
}

async fn redirect_away() -> impl IntoResponse {
    RedirectAway { url: "https://idp.invalid/sso?x=1&y=2".into(), towards: "your identity provider".into() }
}
