use gatehouse_types::Role;
use serde_json::json;

use super::{APPS, TEN, app, asked, key, text};
use crate::support::{TestApp, on_both};

async fn r106_exactly_ten_scopes_are_the_platforms(t: TestApp) {
    let owner = t.owner().await;
    let listed = owner.get("/api/v1/api-scopes").await.ok();
    let ids: Vec<_> = listed["data"].as_array().unwrap().iter().map(|s| text(&s["id"])).collect();
    assert_eq!(ids, TEN);
    assert_eq!(listed["data"][8]["name"], "Deploy Guardrails");
    assert_eq!(listed["pagination"]["totalItems"], 10);
    let control: Vec<_> =
        listed["controlScopes"].as_array().unwrap().iter().map(|s| text(&s["id"])).collect();
    let rights =
        ["keys:verify", "audit:read", "decisions:read", "members:read", "flows:use", "flows:run-for-others"];
    assert_eq!(control, rights);
}

async fn a_workspace_has_scopes_of_its_own_product(t: TestApp) {
    let (owner, stranger) = (t.owner().await, t.stranger().await);
    let scope = json!({"id": "orders:read", "name": "Read orders"});
    assert_eq!(owner.post("/api/v1/api-scopes", scope.clone()).await.status, 201);
    owner.post("/api/v1/api-scopes", scope).await.refused(409, "conflict");
    for wrong in ["orders", "workflow:rename", "Orders:x"] {
        let error = owner.post("/api/v1/api-scopes", json!({"id": wrong, "name": "x"})).await;
        assert_eq!(error.refused(400, "validation_error")["field"], "id");
    }
    assert_eq!(stranger.get("/api/v1/api-scopes").await.ok()["pagination"]["totalItems"], 10);
    let refused = stranger.post(APPS, json!({"name": "x", "scopes": ["orders:read"]})).await;
    assert_eq!(refused.refused(400, "validation_error")["field"], "scopes");
    let app = app(&owner, "Shop", &["orders:read"]).await;
    owner.delete("/api/v1/api-scopes/orders:read").await.refused(409, "conflict");
    owner.put(&app, json!({"scopes": []})).await.ok();
    assert_eq!(owner.delete("/api/v1/api-scopes/orders:read").await.ok(), json!({"deleted": true}));
    owner.delete("/api/v1/api-scopes/orders:read").await.refused(404, "not_found");
}

async fn r112_an_app_says_its_name_scopes_maker_and_day(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &["workflow:deploy", "workflow:undeploy", "workflow:deploy"]).await;
    let me = owner.get("/api/v1/me").await.ok()["user"].clone();
    let found = owner.get(&path).await.ok();
    assert_eq!(found["name"], "Deployer");
    assert_eq!(found["scopes"], json!(["workflow:deploy", "workflow:undeploy"]));
    assert_eq!((&found["createdBy"], &found["createdByName"]), (&me["id"], &me["name"]));
    assert!(found["createdAt"].is_string() && found["lastUsedAt"].is_null());
    assert_eq!((&found["status"], &found["ownerKind"]), (&json!("active"), &json!("service")));
    let listed = owner.get(&format!("{APPS}?name=deplo")).await.ok();
    assert_eq!((&listed["data"][0]["id"], &listed["pagination"]["pageSize"]), (&found["id"], &json!(25)));
    assert_eq!(owner.get(&format!("{APPS}?name=other")).await.ok()["pagination"]["totalItems"], 0);
}

async fn r101_each_code_has_its_cause(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &[]).await;
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"scopes": []}), "name"),
        (json!({"name": "x", "scopes": ["workflow:fly"]}), "scopes"),
        (json!({"name": "x", "scopes": "workflow:deploy"}), "scopes"),
        (json!({"name": "x", "networks": ["office"]}), "networks"),
        (json!({"name": "x", "rateLimit": {"requests": 0, "seconds": 1}}), "rateLimit.requests"),
        (json!({"name": "x", "quota": {"requests": 1, "period": "year"}}), "quota.period"),
    ] {
        let error = owner.post(APPS, body.clone()).await.refused(400, "validation_error");
        assert_eq!(error["field"], field, "{body}");
    }
    t.client().get(&path).await.refused(401, "authentication_error");
    t.member_of(Role::Member).await.get(&path).await.refused(403, "authorization_error");
    owner.get(&format!("{APPS}/app_1")).await.refused(404, "not_found");
    owner.post(APPS, json!({"name": "deployer"})).await.refused(409, "conflict");
    let error = owner.post(&format!("{path}/keys"), json!({"name": ""})).await;
    assert_eq!(error.refused(400, "validation_error")["field"], "name");
    owner.call("PATCH", &path, None).await.refused(405, "method_not_allowed");
}

async fn r111_a_change_of_an_app_counts_for_its_keys_at_once(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &["workflow:deploy", "model:deploy"]).await;
    let key = key(&owner, &path, "CI").await;
    assert_eq!(asked(&t, &key.value, Some("model:deploy")).await.status, 200);
    let changed = owner.put(&path, json!({"name": "Renamed", "scopes": ["workflow:deploy"]})).await.ok();
    assert_eq!((&changed["name"], &changed["version"]), (&json!("Renamed"), &json!(2)));
    asked(&t, &key.value, Some("model:deploy")).await.refused(403, "authorization_error");
    assert_eq!(asked(&t, &key.value, Some("workflow:deploy")).await.status, 200);
    owner.put(&path, json!({"status": "disabled"})).await.ok();
    asked(&t, &key.value, None).await.refused(401, "authentication_error");
    owner.put(&path, json!({"status": "active"})).await.ok();
    assert_eq!(asked(&t, &key.value, None).await.status, 200);
    // a trial changes nothing
    let trial = owner.put(&format!("{path}?dryRun=true"), json!({"scopes": []})).await.ok();
    assert_eq!(trial["effects"][0]["event"], "api-app.updated");
    assert_eq!(asked(&t, &key.value, Some("workflow:deploy")).await.status, 200);
}

async fn r114_r121_owners_alone_delete_an_app_and_its_keys_stop(t: TestApp) {
    let (owner, admin) = (t.owner().await, t.member_of(Role::Admin).await);
    let path = app(&admin, "Deployer", &[]).await;
    let (one, two) = (key(&admin, &path, "One").await, key(&owner, &path, "Two").await);
    admin.delete(&path).await.refused(403, "authorization_error");
    assert_eq!(asked(&t, &one.value, None).await.status, 200);
    assert_eq!(owner.delete(&path).await.ok(), json!({"deleted": true}));
    for key in [one, two] {
        let error = asked(&t, &key.value, None).await.refused(401, "authentication_error");
        let why = owner.get(&format!("/api/v1/decisions/{}", text(&error["decision"]))).await.ok();
        assert_eq!(why["object"], format!("api-key:{}", key.id));
        owner.get(&key.path).await.refused(404, "not_found");
    }
    owner.get(&path).await.refused(404, "not_found");
    app(&owner, "Deployer", &[]).await;
}

async fn every_change_of_an_app_is_in_the_audit_log(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &["model:deploy"]).await;
    key(&owner, &path, "CI").await;
    owner.put(&path, json!({"scopes": []})).await.ok();
    owner.delete(&path).await.ok();
    let listed = owner.get("/api/v1/audit-events").await.ok();
    let events: Vec<_> =
        listed["data"].as_array().unwrap().iter().map(|e| text(&e["event"])).take(4).collect();
    assert_eq!(events, ["api-app.deleted", "api-app.updated", "api-key.created", "api-app.created"]);
    assert_eq!(listed["data"][1]["details"]["removedScopes"], json!(["model:deploy"]));
}

on_both![
    r106_exactly_ten_scopes_are_the_platforms,
    a_workspace_has_scopes_of_its_own_product,
    r112_an_app_says_its_name_scopes_maker_and_day,
    r101_each_code_has_its_cause,
    r111_a_change_of_an_app_counts_for_its_keys_at_once,
    r114_r121_owners_alone_delete_an_app_and_its_keys_stop,
    every_change_of_an_app_is_in_the_audit_log,
];
