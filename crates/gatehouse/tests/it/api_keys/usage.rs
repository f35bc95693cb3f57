use serde_json::json;

use super::{app, asked, key, text};
use crate::support::{TestApp, on_both};

async fn uses_are_counted_and_what_nobody_uses_is_named(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &["workflow:deploy", "model:deploy"]).await;
    let key = key(&owner, &path, "CI").await;
    for _ in 0..3 {
        assert_eq!(asked(&t, &key.value, Some("workflow:deploy")).await.status, 200);
    }
    asked(&t, &key.value, Some("workflow:undeploy")).await.refused(403, "authorization_error");
    let usage = owner.get(&format!("{path}/usage")).await.ok();
    assert_eq!(usage["unusedScopes"], json!(["model:deploy"]));
    let by_scope = usage["byScope"].as_array().unwrap();
    assert_eq!((&by_scope[0]["refused"], by_scope[0].get("scope")), (&json!(1), None));
    assert_eq!((&by_scope[1]["scope"], &by_scope[1]["allowed"]), (&json!("workflow:deploy"), &json!(3)));
    assert_eq!((&usage["byKey"][0]["keyId"], &usage["byKey"][0]["allowed"]), (&json!(key.id), &json!(3)));
    let shown = owner.get(&key.path).await.ok();
    assert!(shown["lastUsedAt"].is_string(), "{shown}");
    assert_eq!(shown["lastUsedIp"], "127.0.0.1");
    assert!(owner.get(&path).await.ok()["lastUsedAt"].is_string());
}

/// A call that may be sent again with the same `Idempotency-Key` is one use each time it is sent, as any other call is.
async fn a_call_with_an_idempotency_key_is_one_use(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Verifier", &["keys:verify"]).await;
    let key = key(&owner, &path, "CI").await;
    let exchanged = t.client().post("/api/v1/auth/token", json!({"apiKey": key.value})).await.ok();
    let client = t.client();
    let call = async |name: &str, value: &str, idempotency: &str| {
        let request =
            client.request("POST", "/api/v1/keys/verify").header("content-type", "application/json");
        let request = request.header(name, value).header("idempotency-key", idempotency);
        client.send(request.body(json!({"key": "gh_none"}).to_string())).await
    };
    let counted = async || {
        let usage = owner.get(&format!("{path}/usage")).await.ok();
        (usage["byKey"][0]["allowed"].as_i64().unwrap(), usage["byKey"][0]["refused"].as_i64().unwrap())
    };
    // the exchange was one
    assert_eq!(counted().await, (1, 0));
    assert_eq!(call("x-api-key", &key.value, "one").await.status, 200);
    assert_eq!(counted().await, (2, 0));
    let again = call("x-api-key", &key.value, "one").await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    assert_eq!(counted().await, (3, 0));
    let bearers = [key.value.clone(), text(&exchanged["accessToken"])];
    for (n, bearer) in bearers.iter().enumerate() {
        assert_eq!(call("authorization", &format!("Bearer {bearer}"), "two").await.status, 200);
        assert_eq!(counted().await, (4 + i64::try_from(n).unwrap(), 0));
    }
    // so is a refusal, which is told as without the header
    owner.post_to(&format!("{}/disable", key.path)).await.ok();
    let error = call("x-api-key", &key.value, "three").await.refused(401, "authentication_error");
    assert!(error["decision"].is_string(), "{error}");
    assert_eq!(counted().await, (5, 1));
    let bearer = format!("Bearer {}", bearers[1]);
    call("authorization", &bearer, "three").await.refused(401, "authentication_error");
    assert_eq!(counted().await, (5, 2));
}

/// Before something is taken away, a trial says who used it.
async fn a_trial_names_the_keys_that_would_lose_something(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &["workflow:deploy", "model:deploy"]).await;
    let (used, _) = (key(&owner, &path, "Used").await, key(&owner, &path, "Idle").await);
    for _ in 0..2 {
        assert_eq!(asked(&t, &used.value, Some("model:deploy")).await.status, 200);
    }
    owner.get(&format!("{path}/usage")).await.ok();
    let impact = async |method: &str, path: &str, body| {
        let trial = owner.call(method, &format!("{path}?dryRun=true"), body).await.ok();
        trial["effects"][0]["details"]["impact"].clone()
    };
    let less = Some(json!({"scopes": ["workflow:deploy"]}));
    let lost = impact("PUT", &path, less).await;
    assert_eq!((&lost["uses"], &lost["keys"][0]["keyId"]), (&json!(2), &json!(used.id)));
    assert_eq!(lost["keys"].as_array().unwrap().len(), 1);
    let other = impact("PUT", &path, Some(json!({"scopes": ["model:deploy"]}))).await;
    assert_eq!(other["uses"], 0);
    assert_eq!(impact("DELETE", &used.path, None).await["uses"], 2);
    assert_eq!(impact("DELETE", &path, None).await["keys"][0]["name"], "Used");
    assert_eq!(asked(&t, &used.value, Some("model:deploy")).await.status, 200);
}

async fn a_scope_is_watched_before_it_goes(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &["workflow:deploy", "model:deploy"]).await;
    let error = owner.put(&path, json!({"watchedScopes": ["model:export"]})).await;
    assert_eq!(error.refused(400, "validation_error")["field"], "watchedScopes");
    let key = key(&owner, &path, "CI").await;
    let watched = owner.put(&path, json!({"watchedScopes": ["model:deploy"]})).await.ok();
    assert_eq!(watched["watchedScopes"], json!(["model:deploy"]));
    assert_eq!(asked(&t, &key.value, Some("model:deploy")).await.status, 200);
    assert_eq!(owner.get(&format!("{path}/usage")).await.ok()["watchedScopes"], json!(["model:deploy"]));
    let gone = owner.put(&path, json!({"scopes": ["workflow:deploy"]})).await.ok();
    assert_eq!(gone["watchedScopes"], json!([]));
}

async fn keys_that_fell_silent_are_listed(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &[]).await;
    let (silent, used) = (key(&owner, &path, "Silent").await, key(&owner, &path, "Used").await);
    assert_eq!(owner.get("/api/v1/silent-api-keys").await.ok()["data"], json!([]));
    t.clock.advance(31 * 86_400);
    let owner = t.owner().await;
    assert_eq!(asked(&t, &used.value, None).await.status, 200);
    let listed = owner.get("/api/v1/silent-api-keys").await.ok();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(text(&listed["data"][0]["keyId"]), silent.id);
}

/// What was deleted is told apart from what never was for 30 days, then forgotten; the app with its last key.
async fn a_deleted_app_is_forgotten_with_its_keys(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &[]).await;
    let key = key(&owner, &path, "CI").await;
    owner.delete(&path).await.ok();
    let why = async || {
        let error = asked(&t, &key.value, None).await.refused(401, "authentication_error");
        let owner = t.owner().await;
        owner.get(&format!("/api/v1/decisions/{}", text(&error["decision"]))).await.status
    };
    let left = async || {
        let select = gatehouse_store::sql("SELECT COUNT(*) AS n FROM api_apps");
        let row = gatehouse_store::Queries::fetch_one(&mut t.app.store().reader(), select).await.unwrap();
        row.int("n").unwrap()
    };
    t.work().await;
    assert_eq!((why().await, left().await), (200, 1));
    t.clock.advance(31 * 86_400);
    t.work().await;
    // nobody's key any more: why it opens nothing is no workspace's
    assert_eq!((why().await, left().await), (404, 0));
}

on_both![
    a_deleted_app_is_forgotten_with_its_keys,
    uses_are_counted_and_what_nobody_uses_is_named,
    a_call_with_an_idempotency_key_is_one_use,
    a_trial_names_the_keys_that_would_lose_something,
    a_scope_is_watched_before_it_goes,
    keys_that_fell_silent_are_listed,
];
