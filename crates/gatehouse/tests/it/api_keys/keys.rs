use serde_json::json;

use super::{app, asked, key, key_of, text, with_key};
use crate::support::{TestApp, on_both};

const DAY: i64 = 86_400;

async fn r110_the_value_is_told_once(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &["workflow:deploy"]).await;
    let made = owner.post(&format!("{path}/keys"), json!({"name": "CI"})).await;
    assert_eq!(made.status, 201);
    let made = made.json();
    let value = text(&made["plainValue"]);
    assert!(value.starts_with("gh_") && value.len() == 49, "{value}");
    let shown = &made["key"];
    assert_eq!(shown["maskedValue"], format!("gh_…{}", &value[45..]));
    assert_eq!((&shown["name"], &shown["status"]), (&json!("CI"), &json!("active")));
    assert_eq!((&shown["ownerKind"], &shown["version"]), (&json!("service"), &json!(1)));
    assert!(shown["createdAt"].is_string() && shown["createdBy"].is_string());
    let one = format!("{path}/keys/{}", text(&shown["id"]));
    for page in [owner.get(&one).await, owner.get(&format!("{path}/keys")).await] {
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(!page.body.contains(&value) && !page.body.contains("plainValue"), "{}", page.body);
    }
}

async fn r108_an_app_has_several_keys_and_a_key_has_one_app(t: TestApp) {
    let owner = t.owner().await;
    let (first, second) = (app(&owner, "First", &[]).await, app(&owner, "Second", &[]).await);
    let (one, _) = (key(&owner, &first, "One").await, key(&owner, &first, "Two").await);
    owner.post(&format!("{first}/keys"), json!({"name": "one"})).await.refused(409, "conflict");
    key(&owner, &second, "One").await;
    assert_eq!(owner.get(&format!("{first}/keys")).await.ok()["pagination"]["totalItems"], 2);
    assert_eq!(owner.get(&first).await.ok()["keyCount"], 2);
    owner.get(&format!("{second}/keys/{}", one.id)).await.refused(404, "not_found");
}

async fn r109_a_key_cannot_be_changed(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &[]).await;
    let key = key(&owner, &path, "CI").await;
    for method in ["PUT", "PATCH", "POST"] {
        let answer = owner.call(method, &key.path, Some(json!({"name": "Other"}))).await;
        answer.refused(405, "method_not_allowed");
    }
    assert_eq!(owner.get(&key.path).await.ok()["name"], "CI");
}

async fn r113_a_deleted_key_stops_at_once_and_says_so_to_its_owners(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &[]).await;
    let key = key(&owner, &path, "CI").await;
    assert_eq!(asked(&t, &key.value, None).await.status, 200);
    assert_eq!(owner.delete(&key.path).await.ok(), json!({"deleted": true}));
    let error = asked(&t, &key.value, None).await.refused(401, "authentication_error");
    assert!(!text(&error["message"]).contains("CI"));
    let why = owner.get(&format!("/api/v1/decisions/{}", text(&error["decision"]))).await.ok();
    assert!(text(&why["reasons"][0]["detail"]).contains("The key CI"), "{why}");
    assert!(text(&why["reasons"][0]["detail"]).contains("was deleted"), "{why}");
    owner.delete(&key.path).await.refused(404, "not_found");
    // its name is free again
    super::key(&owner, &path, "CI").await;
}

async fn a_key_ends_when_it_was_made_to(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &[]).await;
    let short = key_of(&owner, &path, json!({"name": "Short", "expiresInDays": 1})).await;
    for (body, field) in [
        (json!({"name": "x", "expiresInDays": 0}), "expiresInDays"),
        (json!({"name": "x", "expiresInDays": 4000}), "expiresInDays"),
        (json!({"name": "x", "expiresAt": "2001-01-01T00:00:00Z"}), "expiresAt"),
        (json!({"name": "x", "ownerKind": "robot"}), "ownerKind"),
    ] {
        let error = owner.post(&format!("{path}/keys"), body).await.refused(400, "validation_error");
        assert_eq!(error["field"], field);
    }
    assert_eq!(asked(&t, &short.value, None).await.status, 200);
    t.clock.advance(DAY);
    let error = asked(&t, &short.value, None).await.refused(401, "authentication_error");
    let owner = t.owner().await;
    assert_eq!(owner.get(&short.path).await.ok()["status"], "expired");
    let why = owner.get(&format!("/api/v1/decisions/{}", text(&error["decision"]))).await.ok();
    assert!(text(&why["reasons"][0]["detail"]).contains("ended at"), "{why}");
}

async fn a_key_gives_way_to_a_new_one_with_an_overlap(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &[]).await;
    let old = key_of(&owner, &path, json!({"name": "CI", "expiresInDays": 30})).await;
    let rotate = format!("{}/rotate", old.path);
    let error = owner.post(&rotate, json!({"overlapHours": 721})).await.refused(400, "validation_error");
    assert_eq!(error["field"], "overlapHours");
    let made = owner.post(&rotate, json!({"overlapHours": 2})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let new = text(&made.json()["plainValue"]);
    assert_eq!(made.json()["key"]["name"], "CI");
    assert_eq!(owner.get(&old.path).await.ok()["replacedBy"], made.json()["key"]["id"]);
    owner.post(&rotate, json!({"overlapHours": 2})).await.refused(409, "conflict");
    for value in [&old.value, &new] {
        assert_eq!(asked(&t, value, None).await.status, 200);
    }
    t.clock.advance(2 * 3_600);
    assert_eq!(asked(&t, &new, None).await.status, 200);
    let error = asked(&t, &old.value, None).await.refused(401, "authentication_error");
    let owner = t.owner().await;
    let why = owner.get(&format!("/api/v1/decisions/{}", text(&error["decision"]))).await.ok();
    assert!(text(&why["reasons"][0]["detail"]).contains("gave way"), "{why}");
    assert_eq!(owner.get(&old.path).await.ok()["status"], "replaced");
    // the new one lives as long as the old one was made for
    t.clock.advance(29 * DAY);
    assert_eq!(asked(&t, &new, None).await.status, 200);
}

async fn a_key_is_switched_off_and_on_again(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &[]).await;
    let key = key(&owner, &path, "CI").await;
    assert_eq!(owner.post_to(&format!("{}/disable", key.path)).await.ok()["status"], "disabled");
    asked(&t, &key.value, None).await.refused(401, "authentication_error");
    assert_eq!(owner.post_to(&format!("{}/enable", key.path)).await.ok()["status"], "active");
    assert_eq!(asked(&t, &key.value, None).await.status, 200);
    let listed = owner.get("/api/v1/audit-events").await.ok();
    assert_eq!(listed["data"][0]["event"], "api-key.enabled");
    assert_eq!(listed["data"][1]["event"], "api-key.disabled");
}

async fn r103_a_key_is_exchanged_for_a_token_that_dies_with_it(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Auditor", &["audit:read", "workflow:deploy"]).await;
    let key = key(&owner, &path, "CI").await;
    let answer = t.client().post("/api/v1/auth/token", json!({"apiKey": key.value})).await.ok();
    assert_eq!((&answer["tokenType"], &answer["expiresIn"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(answer["workspaces"][0]["id"], t.workspace.to_string());
    assert_eq!(answer["scopes"], json!(["audit:read", "workflow:deploy"]));
    let program = t.client().with_token(answer["accessToken"].as_str().unwrap());
    program.get("/api/v1/audit-events").await.ok();
    program.get("/api/v1/sso/connections").await.refused(403, "authorization_error");
    program.post_to("/api/public/workflows/w1/deploy").await.refused(404, "not_found");
    program.post_to("/api/public/workflows/w1/undeploy").await.refused(403, "authorization_error");
    // the key itself does as well, either way
    with_key(&t, &key.value, "GET", "/api/v1/audit-events").await.ok();
    t.client().with_token(&key.value).get("/api/v1/audit-events").await.ok();
    with_key(&t, &key.value, "GET", "/api/v1/scim/tokens").await.refused(403, "authorization_error");
    owner.delete(&key.path).await.ok();
    program.get("/api/v1/audit-events").await.refused(401, "authentication_error");
    with_key(&t, &key.value, "GET", "/api/v1/audit-events").await.refused(401, "authentication_error");
    t.client()
        .post("/api/v1/auth/token", json!({"apiKey": key.value}))
        .await
        .refused(401, "authentication_error");
}

async fn a_key_is_never_a_person(t: TestApp) {
    let owner = t.owner().await;
    let every = ["audit:read", "decisions:read", "members:read", "keys:verify"];
    let path = app(&owner, "Everything", &every).await;
    let own = key_of(&owner, &path, json!({"name": "Mine", "ownerKind": "person"})).await;
    for (method, path) in [
        ("GET", "/api/v1/me"),
        ("GET", "/api/v1/me/sessions"),
        ("PUT", "/api/v1/me/password"),
        ("POST", "/api/v1/auth/logout"),
        ("POST", "/api/v1/auth/switch-workspace"),
        ("POST", "/api/v1/me/factors/totp"),
    ] {
        let client = t.client();
        let request = client.request(method, path).header("x-api-key", &own.value);
        let body = json!({"workspaceId": t.workspace, "currentPassword": "x", "newPassword": "y"});
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = client.send(request).await;
        assert!(matches!(answer.status, 401 | 403), "{method} {path}: {} {}", answer.status, answer.body);
    }
    let caller = t.client().with_token(&own.value);
    caller.post("/api/v1/api-apps", json!({"name": "x"})).await.refused(403, "authorization_error");
    with_key(&t, &own.value, "GET", "/api/v1/users").await.ok();
}

on_both![
    r110_the_value_is_told_once,
    r108_an_app_has_several_keys_and_a_key_has_one_app,
    r109_a_key_cannot_be_changed,
    r113_a_deleted_key_stops_at_once_and_says_so_to_its_owners,
    a_key_ends_when_it_was_made_to,
    a_key_gives_way_to_a_new_one_with_an_overlap,
    a_key_is_switched_off_and_on_again,
    r103_a_key_is_exchanged_for_a_token_that_dies_with_it,
    a_key_is_never_a_person,
];
