//! The console's pages of connectors. Every part of them works as a plain form.

mod builder;
mod connector;
mod exemption;
mod form;
mod list;
mod mine;
mod new;
mod parts;
mod people;
mod reconnect;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use gatehouse_catalogue::limits::DOCUMENT_BYTES;
use gatehouse_types::{ConnectorId, Error, Kind};
use gatehouse_web::{FieldErrors, Page, PageContext};

use crate::Connect;

/// Where the pages are.
pub(crate) const PATH: &str = "/integrations/connectors";
/// Where people find what they authorized.
pub const MINE: &str = "/account/connections";
/// Their entry in the console's menu.
const MENU_ENTRY: &str = "connectors";
/// What the pages are called.
const TITLE: &str = "Connectors";
/// The largest form with a document: everything in it may be percent-encoded.
const MAX_DOCUMENT_FORM: usize = DOCUMENT_BYTES * 3;

pub(crate) fn routes() -> Router<Connect> {
    let at = |rest: &str| format!("{PATH}{rest}");
    let mine = |rest: &str| format!("{MINE}{rest}");
    Router::new()
        .route(&at("/types/new"), get(builder::show_new).post(builder::make))
        .layer(DefaultBodyLimit::max(MAX_DOCUMENT_FORM))
        .route(&at("/types/{id}"), get(builder::show))
        .route(&at("/types/{id}/delete"), get(builder::ask_delete).post(builder::delete))
        .route(PATH, get(list::show))
        .route(&at("/new/{type_id}"), get(new::show).post(new::make))
        .route(&at("/{id}"), get(connector::show).post(connector::change))
        .route(&at("/{id}/test"), post(connector::test))
        .route(&at("/{id}/authorize"), post(connector::authorize))
        .route(&at("/{id}/delete"), get(connector::ask_delete).post(connector::delete))
        .route(&at("/{id}/links"), post(connector::make_link))
        .route(&at("/{id}/links/{link_id}/revoke"), post(connector::revoke_link))
        .route(&at("/{id}/user-authentications"), get(people::show).post(people::change))
        .route("/settings/people/{id}/user-authentications", get(exemption::show).post(exemption::change))
        .route(MINE, get(mine::show))
        .route(&mine("/{id}/authorize"), post(mine::authorize))
        .route(&mine("/{id}/disconnect"), get(mine::ask_disconnect).post(mine::disconnect))
        .route("/reconnect/{token}", get(reconnect::show).post(reconnect::finish))
}

/// A form that says everything by its address; what else it holds is left alone.
#[derive(serde::Deserialize)]
struct Nothing {}

/// The frame of the pages.
fn frame(context: &PageContext) -> Page {
    context.page(TITLE, MENU_ENTRY).under("Integrations", PATH)
}

/// The page of a connector.
pub(crate) fn path_of(id: &ConnectorId) -> String {
    format!("{PATH}/{id}")
}

/// What is wrong with a form, when the failure is about it; fields are called as on the page.
fn errors_of(error: &Error) -> Option<FieldErrors> {
    if !matches!(error.kind(), Kind::Validation | Kind::Conflict) {
        return None;
    }
    let mut errors = FieldErrors::none();
    for (field, message) in FieldErrors::from(error).iter() {
        let field = match field.split_once('.') {
            Some(("fields", key)) => format!("field-{key}"),
            Some(("expiry", key)) => format!("ends-{key}"),
            _ => field.to_owned(),
        };
        errors.add(field, message);
    }
    Some(errors)
}
