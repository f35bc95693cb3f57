use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{app, key, key_of, text};
use crate::support::{Client, TestApp, on_both};

const VERIFY: &str = "/api/v1/keys/verify";

async fn code(caller: &Client, body: Value) -> String {
    let answer = caller.post(VERIFY, body).await.ok();
    assert_eq!(answer["valid"], json!(answer["code"] == "valid"));
    text(&answer["code"])
}

async fn another_service_asks_what_a_key_is_good_for(t: TestApp) {
    let owner = t.owner().await;
    owner.post("/api/v1/api-scopes", json!({"id": "orders:read", "name": "Read"})).await.ok();
    let asking = app(&owner, "Order service", &["keys:verify"]).await;
    let asking = t.client().with_token(&key(&owner, &asking, "Service").await.value);
    let path = app(&owner, "Customer", &["orders:read"]).await;
    let shown = key(&owner, &path, "CI").await;
    let answer = asking.post(VERIFY, json!({"key": shown.value, "scope": "orders:read"})).await.ok();
    assert_eq!((&answer["valid"], &answer["code"]), (&json!(true), &json!("valid")));
    assert_eq!(answer["keyId"], shown.id);
    assert_eq!(answer["appId"], path.rsplit('/').next().unwrap());
    assert_eq!(answer["workspaceId"], t.workspace.to_string());
    assert_eq!((&answer["scopes"], &answer["ownerKind"]), (&json!(["orders:read"]), &json!("service")));
    assert_eq!(
        code(&asking, json!({"key": shown.value, "scope": "orders:write"})).await,
        "insufficient_scope"
    );
    assert_eq!(code(&asking, json!({"key": "gh_none"})).await, "malformed");
    owner.post_to(&format!("{}/disable", shown.path)).await.ok();
    assert_eq!(code(&asking, json!({"key": shown.value})).await, "disabled");
    owner.delete(&shown.path).await.ok();
    assert_eq!(code(&asking, json!({"key": shown.value})).await, "deleted");
    let bound = key_of(&owner, &path, json!({"name": "Office", "networks": ["203.0.113.0/24"]})).await;
    assert_eq!(code(&asking, json!({"key": bound.value})).await, "network_not_allowed");
    assert_eq!(code(&asking, json!({"key": bound.value, "ip": "203.0.113.9"})).await, "valid");
    owner.put(&path, json!({"status": "disabled"})).await.ok();
    assert_eq!(code(&asking, json!({"key": bound.value})).await, "app_disabled");
}

async fn asking_needs_the_right_and_reaches_one_workspace(t: TestApp) {
    let (owner, stranger) = (t.owner().await, t.stranger().await);
    let path = app(&owner, "Customer", &[]).await;
    let shown = key(&owner, &path, "CI").await;
    assert_eq!(code(&owner, json!({"key": shown.value})).await, "valid");
    let plain = t.client().with_token(&shown.value);
    plain.post(VERIFY, json!({"key": shown.value})).await.refused(403, "authorization_error");
    let member = t.member_of(Role::Member).await;
    member.post(VERIFY, json!({"key": shown.value})).await.refused(403, "authorization_error");
    let answer = stranger.post(VERIFY, json!({"key": shown.value})).await.ok();
    assert_eq!(answer["code"], "not_found");
    for known in ["appId", "keyId", "workspaceId", "ownerKind", "ownerId"] {
        assert_eq!(answer[known], json!(null), "{known}");
    }
    t.client().post(VERIFY, json!({"key": shown.value})).await.refused(401, "authentication_error");
    let error = owner.post(VERIFY, json!({})).await.refused(400, "validation_error");
    assert_eq!(error["field"], "key");
}

on_both![another_service_asks_what_a_key_is_good_for, asking_needs_the_right_and_reaches_one_workspace,];
