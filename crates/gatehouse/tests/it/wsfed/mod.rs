//! Single sign-on over WS-Federation, with the lab as the token service, over HTTP as a browser does it.

mod drafts;
mod faults;
mod flows;
mod metadata;
mod pages;
mod round_trips;
mod sign_off;
mod tenants;

use std::collections::BTreeMap;

use crate::support::{Answer, Client, LabConnection};

fn start(lab: &LabConnection, return_to: &str) -> String {
    format!("/sso/{}/start?returnTo={return_to}", lab.id)
}

/// The parameters of an address, and the address without them.
fn parameters(url: &str) -> (String, BTreeMap<String, String>) {
    let (place, query) = url.split_once('?').unwrap_or_else(|| panic!("no query: {url}"));
    let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
    (place.to_owned(), pairs.collect())
}

/// Begins a sign-on; the context of the request.
async fn begun(browser: &Client, lab: &LabConnection) -> String {
    let started = browser.get(&start(lab, "/account")).await;
    assert_eq!(started.status, 303, "{}", started.body);
    parameters(started.location().unwrap()).1["wctx"].clone()
}

async fn is_in(browser: &Client) -> bool {
    browser.get("/api/v1/me").await.status == 200
}

/// The link of a page that leads on.
fn link(page: &Answer) -> String {
    let (_, rest) =
        page.body.split_once("class=\"button primary\" href=\"").unwrap_or_else(|| panic!("{}", page.body));
    rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}
