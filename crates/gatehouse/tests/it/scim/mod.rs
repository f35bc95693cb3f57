//! Directory provisioning (SCIM): its administration and its protocol.

mod discovery;
mod tokens;

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
