use serde_json::{Value, json};

use crate::support::{Answer, Client, TestApp, on_both};

const CONNECTIONS: &str = "/api/v1/sso/connections";

fn body(name: &str) -> Value {
    let config = json!({"entityId": "https://idp.example/saml", "ssoUrl": "https://idp.example/sso"});
    json!({"name": name, "protocol": "saml", "samlConfig": config})
}

async fn count(by: &Client) -> u64 {
    by.get(CONNECTIONS).await.ok()["pagination"]["totalItems"].as_u64().unwrap()
}

async fn with_key(by: &Client, key: &str, path: &str, body: &Value) -> Answer {
    by.send(by.request("post", path).header("idempotency-key", key).json(body)).await
}

async fn a_trial_says_what_it_would_do_and_does_nothing(t: TestApp) {
    let owner = t.owner().await;
    let events = async || owner.get("/api/v1/audit-events").await.ok()["pagination"]["totalItems"].clone();
    let before = events().await;
    let trial = owner.post(&format!("{CONNECTIONS}?dryRun=true"), body("Trial")).await.ok();
    assert_eq!(trial["dryRun"], true);
    assert_eq!((&trial["result"]["name"], &trial["result"]["status"]), (&json!("Trial"), &json!("inactive")));
    let effects = trial["effects"].as_array().unwrap();
    assert_eq!(effects.len(), 1);
    assert_eq!(effects[0]["event"], "sso.connection-created");
    assert_eq!(effects[0]["details"]["name"], "Trial");
    assert_eq!((count(&owner).await, events().await), (0, before));
    let path = format!("{CONNECTIONS}/{}", trial["result"]["id"].as_str().unwrap());
    owner.get(&path).await.refused(404, "not_found");
    // what is wrong is wrong in a trial too
    owner.post(&format!("{CONNECTIONS}?dryRun=true"), json!({})).await.refused(400, "validation_error");
    owner.post(&format!("{CONNECTIONS}?dryRun=false"), body("Real")).await.ok();
    let clash = owner.post(&format!("{CONNECTIONS}?dryRun=true"), body("Real")).await;
    clash.refused(409, "conflict");
    let path =
        format!("{CONNECTIONS}/{}", owner.get(CONNECTIONS).await.ok()["data"][0]["id"].as_str().unwrap());
    owner.delete(&format!("{path}?dryRun=true")).await.ok();
    owner.put(&format!("{path}?dryRun=true"), json!({"name": "Changed"})).await.ok();
    assert_eq!(owner.get(&path).await.ok()["name"], "Real");
}

async fn a_request_sent_twice_with_one_key_is_carried_out_once(t: TestApp) {
    let owner = t.owner().await;
    let first = with_key(&owner, "key-1", CONNECTIONS, &body("Once")).await;
    let again = with_key(&owner, "key-1", CONNECTIONS, &body("Once")).await;
    assert_eq!((first.status, again.status, &first.body), (200, 200, &again.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(count(&owner).await, 1);
    with_key(&owner, "key-1", CONNECTIONS, &body("Other")).await.refused(409, "conflict");
    let elsewhere = with_key(&owner, "key-1", &format!("{CONNECTIONS}?dryRun=true"), &body("Once")).await;
    assert_ne!(elsewhere.status, 200, "a trial is another request: {}", elsewhere.body);
    assert_eq!(count(&owner).await, 1);
    // a key belongs to its caller
    let stranger = t.stranger().await;
    with_key(&stranger, "key-1", CONNECTIONS, &body("Theirs")).await.ok();
    assert_eq!((count(&owner).await, count(&stranger).await), (1, 1));
}

async fn twenty_at_once_with_one_key_make_one(t: TestApp) {
    let owner = t.owner().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let owner = owner.clone();
        tasks.spawn(async move { with_key(&owner, "key-2", CONNECTIONS, &body("Once")).await });
    }
    for answer in tasks.join_all().await {
        assert!(matches!(answer.status, 200 | 409), "{} {}", answer.status, answer.body);
    }
    assert_eq!(count(&owner).await, 1);
}

async fn a_sign_in_is_never_answered_from_a_store(t: TestApp) {
    let login = json!({"email": "owner@main.test", "password": crate::support::PASSWORD});
    let first = with_key(&t.client(), "key-3", "/api/v1/auth/login", &login).await.ok();
    let again = with_key(&t.client(), "key-3", "/api/v1/auth/login", &login).await;
    assert!(again.status != 200 || again.json()["accessToken"] != first["accessToken"], "{}", again.body);
}

on_both![
    a_trial_says_what_it_would_do_and_does_nothing,
    a_request_sent_twice_with_one_key_is_carried_out_once,
    twenty_at_once_with_one_key_make_one,
    a_sign_in_is_never_answered_from_a_store,
];
