use askama::Template;
use axum::response::{IntoResponse, Response};

use super::page::Page;
use super::view::View;

/// The page behind a confirm button where there is no JavaScript; with it, the same question stands in a dialog.
#[derive(Clone, Debug, Template)]
#[template(path = "confirm.html")]
pub struct Confirm {
    /// The frame; its title is the question.
    pub page: Page,
    /// What will happen, in a sentence or two.
    pub text: String,
    /// Where the form posts to.
    pub action: String,
    /// The form's hidden fields beside `csrf`, as name and value.
    pub fields: Vec<(String, String)>,
    /// The words on the button that does it.
    pub confirm: String,
    /// Where "Cancel" leads.
    pub cancel: String,
    /// Whether it cannot be taken back.
    pub danger: bool,
}

impl IntoResponse for Confirm {
    fn into_response(self) -> Response {
        View(self).into_response()
    }
}
