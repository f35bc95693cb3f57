//! Directory provisioning (SCIM): its administration and its protocol.

mod activities;
mod bulk;
mod console;
mod dialects;
mod discovery;
mod filters;
mod groups;
mod leaver;
mod limits;
mod oauth;
mod paging;
mod roles;
mod silence;
mod statistics;
mod tokens;
mod users;

use serde_json::{Value, json};

use crate::support::{Answer, Client, TestApp};

const TOKENS: &str = "/api/v1/scim/tokens";
const ALL_SCOPES: [&str; 4] = ["users:read", "users:write", "groups:read", "groups:write"];

/// An identity provider with a new token of the first workspace.
async fn provider(t: &TestApp, scopes: &[&str]) -> Client {
    let owner = t.owner().await;
    let name = format!("Token {}", owner.get(TOKENS).await.ok()["pagination"]["totalItems"]);
    let made = owner.post(TOKENS, json!({"name": name, "scopes": scopes})).await.ok();
    t.client().with_token(made["plainValue"].as_str().unwrap())
}

/// The refusal in SCIM's own form, and nothing beside it.
#[track_caller]
fn refused(answer: &Answer, status: u16, scim_type: Option<&str>) -> String {
    assert_eq!(answer.status, status, "{}", answer.body);
    let body = answer.json();
    assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{body}");
    assert_eq!(body["status"], json!(status.to_string()), "{body}");
    assert_eq!(body.get("scimType").and_then(Value::as_str), scim_type, "{body}");
    assert!(body.get("error").is_none(), "{body}");
    body["detail"].as_str().unwrap().to_owned()
}

const USERS: &str = "/scim/v2/Users";
const GROUPS: &str = "/scim/v2/Groups";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A call with a method of HTTP that the client has no word for.
async fn patch(provider: &Client, path: &str, operations: Value) -> Answer {
    let body =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    provider.call("PATCH", path, Some(body)).await
}

/// A new person, by user name and address.
async fn person(provider: &Client, name: &str) -> Value {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name,
        "emails": [{"value": name, "type": "work", "primary": true}],
    });
    let made = provider.post(USERS, body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.json()
}

fn id(resource: &Value) -> String {
    resource["id"].as_str().unwrap().to_owned()
}

fn at(base: &str, resource: &Value) -> String {
    format!("{base}/{}", id(resource))
}

/// What a filter finds, by one attribute.
async fn found(provider: &Client, base: &str, filter: &str, attribute: &str) -> Vec<String> {
    let answer = provider.get(&format!("{base}?{}", query(&[("filter", filter)]))).await.ok();
    let all = answer["Resources"].as_array().unwrap();
    assert_eq!(answer["totalResults"], all.len(), "{filter}: {answer}");
    all.iter().map(|r| r[attribute].as_str().unwrap_or_default().to_owned()).collect()
}

/// A query string.
fn query(pairs: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("http://x").unwrap();
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap().to_owned()
}
