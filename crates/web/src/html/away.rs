use askama::Template;
use axum::response::{IntoResponse, Response};
use gatehouse_types::Error;

use super::page::Page;
use super::view::{HtmlError, View};
use crate::edge::headers::AllowFormAction;

/// A page that leads on to another host: what a form's handler answers instead of a redirect, which `form-action`
/// would stop. Works without JavaScript.
#[derive(Clone, Debug)]
pub struct RedirectAway {
    /// Where to; an `http(s)` URL.
    pub url: String,
    /// Who is there, for the reader: "your identity provider".
    pub towards: String,
}

#[derive(Template)]
#[template(path = "redirect_away.html")]
struct RedirectPage {
    page: Page,
    url: String,
    towards: String,
}

impl IntoResponse for RedirectAway {
    fn into_response(self) -> Response {
        // only to make sure that it is no javascript: or data: URL
        if let Err(e) = AllowFormAction::to(&self.url) {
            return HtmlError(Error::internal(e)).into_response();
        }
        let page = Page::bare("One moment");
        View(RedirectPage { page, url: self.url, towards: self.towards }).into_response()
    }
}

/// A page whose form posts itself to another host: the HTTP-POST binding of SAML. Without JavaScript it has a button.
#[derive(Clone, Debug)]
pub struct PostAway {
    /// Where to; an `http(s)` URL. The answer's `form-action` is widened to its origin.
    pub action: String,
    /// The hidden fields, as name and value.
    pub fields: Vec<(String, String)>,
    /// Who is there, for the reader: "your identity provider".
    pub towards: String,
}

#[derive(Template)]
#[template(path = "post_away.html")]
struct PostPage {
    page: Page,
    action: String,
    fields: Vec<(String, String)>,
    towards: String,
}

impl IntoResponse for PostAway {
    fn into_response(self) -> Response {
        let allowed = match AllowFormAction::to(&self.action) {
            Ok(allowed) => allowed,
            Err(e) => return HtmlError(Error::internal(e)).into_response(),
        };
        let Self { action, fields, towards } = self;
        let page = Page::bare("One moment");
        let mut response = View(PostPage { page, action, fields, towards }).into_response();
        response.extensions_mut().insert(allowed);
        response
    }
}
