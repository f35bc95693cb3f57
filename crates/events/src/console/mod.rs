//! The console's pages of webhooks. Every part of them works as a plain form.

mod deliveries;
mod form;
mod list;
mod webhook;

use axum::Router;
use axum::routing::{get, post};
use gatehouse_types::WebhookId;
use gatehouse_web::{Page, PageContext, Tone};

use crate::Events;
use crate::model::{Delivery, State};

/// Where the pages are.
const PATH: &str = "/settings/security/webhooks";
/// Their entry in the console's menu.
const MENU_ENTRY: &str = "webhooks";
/// What the pages are called.
const TITLE: &str = "Webhooks";

pub(crate) fn routes() -> Router<Events> {
    let at = |rest: &str| format!("{PATH}{rest}");
    Router::new()
        .route(PATH, get(list::show).post(list::make))
        .route(&at("/{id}"), get(webhook::show).post(webhook::change))
        .route(&at("/{id}/enable"), post(webhook::enable))
        .route(&at("/{id}/disable"), get(webhook::ask_disable).post(webhook::disable))
        .route(&at("/{id}/roll-secret"), get(webhook::ask_roll).post(webhook::roll))
        .route(&at("/{id}/test"), post(webhook::test))
        .route(&at("/{id}/delete"), get(webhook::ask_delete).post(webhook::delete))
        .route(&at("/{id}/deliveries/{delivery_id}"), get(deliveries::show))
        .route(&at("/{id}/deliveries/{delivery_id}/redeliver"), post(deliveries::redeliver))
}

/// A form that says everything by its address; what else it holds is left alone.
#[derive(serde::Deserialize)]
struct Nothing {}

/// The frame of the pages.
fn frame(context: &PageContext) -> Page {
    context.page(TITLE, MENU_ENTRY).under("Settings", "/settings")
}

fn path_of(id: &WebhookId) -> String {
    format!("{PATH}/{id}")
}

/// A delivery's state in a word.
const fn told(state: State) -> (&'static str, Tone) {
    match state {
        State::Pending => ("Waiting", Tone::Info),
        State::Delivered => ("Delivered", Tone::Good),
        State::Failed => ("Failed", Tone::Bad),
    }
}

/// What the last try got, in a line.
fn answer(delivery: &Delivery) -> String {
    match (&delivery.last_status, &delivery.last_error) {
        (Some(status), _) => status.to_string(),
        (None, Some(why)) => why.clone(),
        (None, None) => "none yet".to_owned(),
    }
}

/// How a try by hand went, for the next page.
fn went(delivery: &Delivery) -> gatehouse_web::Flash {
    use gatehouse_web::Flash;
    let answer = answer(delivery);
    match delivery.state {
        State::Delivered => Flash::success(format!("Delivered: your program answered {answer}.")),
        State::Pending => Flash::notice(format!("Not taken ({answer}). It is tried again by itself.")),
        State::Failed => Flash::failure(format!("Not delivered: {answer}.")),
    }
}

/// An address as it is shown: what stands behind `?` may be a secret of the program's.
fn shown(url: &str) -> String {
    match url.split_once('?') {
        Some((place, _)) => format!("{place}?…"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_of_an_address_is_not_shown() {
        assert_eq!(shown("https://a.example/x?key=s"), "https://a.example/x?…");
        assert_eq!(shown("https://a.example/x"), "https://a.example/x");
    }
}
