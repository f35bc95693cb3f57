//! Connectors: products of the catalogue, connected and called, with a fake Entra ID and a fake ICI outside.

mod actions;
mod builder;
mod console;
mod crud;
mod icertis;
mod kinds;
mod links;
mod owners;
mod people;
mod rights;
mod secrets;
mod sheets;
mod streams;
mod types;

use serde_json::{Value, json};
use url::Url;

pub(crate) use people::connected;

use crate::support::{Answer, Client};

const CONNECTORS: &str = "/api/v1/connectors";
const TYPES: &str = "/api/v1/connector-types";
/// An application's id in Entra ID.
const CLIENT: &str = "01234567-89ab-cdef-0123-456789abcdef";
/// A secret that no answer may hold.
const SECRET: &str = "hush-hush-client-secret";
/// Entra ID.
const ENTRA: &str = "login.microsoftonline.com";
/// The core interface of ICI.
pub(crate) const ICI: &str = "acme-api.icertis.com";

/// What Icertis asks for with OAuth.
fn oauth() -> Value {
    json!({"instance": "acme", "clientId": CLIENT, "clientSecret": SECRET, "tenantId": "t-1",
        "scope": format!("api://{CLIENT}/.default offline_access")})
}

/// Claims that fit the settings of ICI.
pub(crate) fn claims() -> Value {
    json!({"aud": format!("api://{CLIENT}"), "iss": "https://sts.windows.net/t-1/", "oid": "o-1"})
}

fn text(of: &Value) -> String {
    of.as_str().unwrap_or_else(|| panic!("no text: {of}")).to_owned()
}

/// A connector of Icertis with OAuth: its path.
pub(crate) async fn icertis(by: &Client) -> String {
    let body = json!({"type": "icertis-preview", "name": "Contracts", "fields": oauth()});
    let made = by.post(CONNECTORS, body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    format!("{CONNECTORS}/{}", text(&made.json()["id"]))
}

/// The parameters of an address.
fn query(url: &str) -> std::collections::BTreeMap<String, String> {
    Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

/// The provider sends the browser back with a code.
pub(crate) async fn consent(by: &Client, redirect_url: &str) -> Answer {
    let asked = query(redirect_url);
    let back = Url::parse(&asked["redirect_uri"]).unwrap();
    by.get(&format!("{}?code=c-1&state={}", back.path(), asked["state"])).await
}

/// Authorizes a connector for the workspace.
pub(crate) async fn authorized(by: &Client, path: &str) {
    let begun = by.post_to(&format!("{path}/authorize")).await.ok();
    let landed = consent(by, &text(&begun["redirectUrl"])).await;
    assert_eq!(landed.status, 303, "{}", landed.body);
}
