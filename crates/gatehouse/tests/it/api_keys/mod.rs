//! What programs may call: apps, scopes, keys, and the gate.

mod apps;
mod demoted;
mod explain;
mod gate;
mod keys;
mod leaks;
mod leaver;
mod nginx;
mod public;
mod roles;
mod traceless;
mod usage;
mod verify;
mod why;
mod wizard;

use serde_json::{Value, json};

use crate::support::{Answer, Client, TestApp};

const APPS: &str = "/api/v1/api-apps";
const AUTHZ: &str = "/authz";
const TEN: [&str; 10] = [
    "workflow:deploy",
    "workflow:undeploy",
    "model:deploy",
    "model:undeploy",
    "model:import",
    "workflow:import",
    "model:export",
    "workflow:export",
    "guardrail:deploy",
    "guardrail:undeploy",
];

fn text(of: &Value) -> String {
    of.as_str().unwrap_or_else(|| panic!("no text: {of}")).to_owned()
}

/// A new app; its path.
async fn app(owner: &Client, name: &str, scopes: &[&str]) -> String {
    let made = owner.post(APPS, json!({"name": name, "scopes": scopes})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    format!("{APPS}/{}", text(&made.json()["id"]))
}

/// A new key of an app.
struct MadeKey {
    value: String,
    id: String,
    path: String,
}

async fn key_of(owner: &Client, app: &str, body: Value) -> MadeKey {
    let made = owner.post(&format!("{app}/keys"), body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    let id = text(&made["key"]["id"]);
    MadeKey { value: text(&made["plainValue"]), path: format!("{app}/keys/{id}"), id }
}

async fn key(owner: &Client, app: &str, name: &str) -> MadeKey {
    key_of(owner, app, json!({"name": name})).await
}

/// A call with a key.
async fn with_key(t: &TestApp, value: &str, method: &str, path: &str) -> Answer {
    let client = t.client();
    client.send(client.request(method, path).header("x-api-key", value)).await
}

/// What a proxy is told about a key.
async fn asked(t: &TestApp, value: &str, scope: Option<&str>) -> Answer {
    let client = t.client();
    let request = client.request("GET", AUTHZ).header("x-api-key", value);
    client
        .send(match scope {
            Some(scope) => request.header("x-required-scope", scope),
            None => request,
        })
        .await
}
