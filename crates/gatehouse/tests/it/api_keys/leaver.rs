use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{app, asked, key, key_of, text, with_key};
use crate::support::{Client, TestApp, on_both};

async fn provider(t: &TestApp, owner: &Client) -> Client {
    let scopes = ["users:read", "users:write", "groups:read", "groups:write"];
    let made = owner.post("/api/v1/scim/tokens", json!({"name": "Entra", "scopes": scopes})).await.ok();
    t.client().with_token(made["plainValue"].as_str().unwrap())
}

fn of_kind<'a>(things: &'a Value, kind: &str) -> &'a Value {
    things.as_array().unwrap().iter().find(|k| k["kind"] == kind).unwrap_or(&Value::Null)
}

/// Two sessions, a token, three keys of one's own: all end with one request as Entra sends it; a key of the company's
/// lives on.
async fn one_signal_ends_everything_a_leaver_had(t: TestApp) {
    let owner = t.owner().await;
    let provider = provider(&t, &owner).await;
    t.person("ada@main.test", Role::Admin).await;
    let ada = t.sign_in("ada@main.test").await;
    let browser = t.browser("ada@main.test").await;
    let path = app(&ada, "Deployer", &["audit:read"]).await;
    let mut own = Vec::new();
    for name in ["One", "Two", "Three"] {
        own.push(key_of(&ada, &path, json!({"name": name, "ownerKind": "person"})).await);
    }
    let company = key(&ada, &path, "CI").await;
    let exchanged = t.client().post("/api/v1/auth/token", json!({"apiKey": own[0].value})).await.ok();
    let exchanged = t.client().with_token(exchanged["accessToken"].as_str().unwrap());
    exchanged.get("/api/v1/audit-events").await.ok();
    let second = Client::new(&t.second_server().await);
    for key in own.iter().chain([&company]) {
        assert_eq!(asked(&t, &key.value, None).await.status, 200);
        let request = second.request("GET", "/authz").header("x-api-key", &key.value);
        assert_eq!(second.send(request).await.status, 200);
    }
    let found = provider.get("/scim/v2/Users?filter=userName%20eq%20%22ada@main.test%22").await.ok();
    let entry = format!("/scim/v2/Users/{}", text(&found["Resources"][0]["id"]));
    let off = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "Replace", "path": "active", "value": "False"}]});
    let user = owner.get("/api/v1/users?email=ada@main.test").await.ok()["data"][0]["id"].clone();
    provider.call("PATCH", &entry, Some(off)).await.ok();
    ada.get("/api/v1/me").await.refused(401, "authentication_error");
    exchanged.get("/api/v1/audit-events").await.refused(401, "authentication_error");
    assert_eq!(browser.get("/account").await.status, 303);
    for key in &own {
        asked(&t, &key.value, None).await.refused(401, "authentication_error");
        with_key(&t, &key.value, "GET", "/api/v1/audit-events").await.refused(401, "authentication_error");
    }
    assert_eq!(asked(&t, &company.value, None).await.status, 200);
    let receipt = owner.get(&format!("/api/v1/users/{}/offboarding", text(&user))).await.ok();
    assert_eq!(of_kind(&receipt["ended"], "session")["count"], 2);
    let keys = of_kind(&receipt["ended"], "api-key");
    assert_eq!(keys["count"], 3);
    assert_eq!(keys["items"][0], json!({"id": own[0].id, "name": "One (Deployer)"}));
    assert_eq!(of_kind(&receipt["stays"], "api-key")["items"][0]["id"], company.id);
    assert_eq!(of_kind(&receipt["stays"], "api-app")["count"], 1);
    // the other server too, within a second
    for _ in 0..50 {
        let request = second.request("GET", "/authz").header("x-api-key", &own[2].value);
        if second.send(request).await.status == 401 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for key in &own {
        let request = second.request("GET", "/authz").header("x-api-key", &key.value);
        second.send(request).await.refused(401, "authentication_error");
    }
    // given access back, the keys stay ended
    let on = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "Replace", "path": "active", "value": "True"}]});
    provider.call("PATCH", &entry, Some(on)).await.ok();
    t.sign_in("ada@main.test").await.get("/api/v1/me").await.ok();
    asked(&t, &own[1].value, None).await.refused(401, "authentication_error");
}

async fn a_restored_backup_revives_no_key(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &[]).await;
    let key = key(&owner, &path, "CI").await;
    let store = t.app.store();
    let mut tx = store.begin_always().await.unwrap();
    assert_eq!(gatehouse_apikeys::after_restore(&mut tx).await.unwrap(), 1);
    tx.commit().await.unwrap();
    // a server that starts over it
    let second = Client::new(&t.second_server().await);
    let request = second.request("GET", "/authz").header("x-api-key", &key.value);
    second.send(request).await.refused(401, "authentication_error");
}

on_both![one_signal_ends_everything_a_leaver_had, a_restored_backup_revives_no_key];
