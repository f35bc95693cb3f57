//! A person's own connector works for that person alone, and ends with the person, here and at the provider.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{CONNECTORS, authorized, text};
use crate::support::{TestApp, on_both};

async fn a_persons_own_connector_is_used_and_changed_by_that_person_alone(t: TestApp) {
    let owner = t.owner().await;
    t.person("maker@main.test", Role::Admin).await;
    let maker = t.sign_in("maker@main.test").await;
    let body = json!({"type": "icertis-preview", "authType": "api-key", "name": "Mine", "ownerKind": "person",
        "fields": {"instance": "acme", "apiKey": "ici-key"}});
    let path = format!("{CONNECTORS}/{}", text(&maker.post(CONNECTORS, body).await.ok()["id"]));
    // whoever else manages connectors sees that it is there
    assert_eq!(owner.get(&path).await.ok()["name"], "Mine");
    let refused = async |what: &str, answer: crate::support::Answer| {
        let error = answer.refused(409, "conflict");
        assert!(text(&error["message"]).contains("a person's own"), "{what}: {error}");
    };
    refused("use", owner.post(&format!("{path}/actions/list-users"), json!({})).await).await;
    refused("test", owner.post_to(&format!("{path}/test")).await).await;
    refused("trial", owner.post_to(&format!("{path}/test?dryRun=true")).await).await;
    refused("authorize", owner.post_to(&format!("{path}/authorize")).await).await;
    refused("change", owner.put(&path, json!({"name": "Ours"})).await).await;
    refused("take", owner.put(&path, json!({"ownerKind": "service"})).await).await;
    let settings = format!("{path}/user-authentications");
    refused("settings", owner.put(&settings, json!({"nonInteractiveMode": "pause"})).await).await;
    refused("link", owner.post(&format!("{path}/reconnect-links"), json!({})).await).await;
    assert!(t.outside().take().is_empty(), "nothing was sent with the person's key");
    // its page offers the others its end, and nothing else
    let page = path.replace(CONNECTORS, "/integrations/connectors");
    let shown = t.browser("owner@main.test").await.get(&page).await;
    assert!(shown.body.contains(&format!("{page}/delete")), "{}", shown.body);
    for more in ["test", "links", "user-authentications"] {
        assert!(!shown.body.contains(&format!("{page}/{more}")), "{more}: {}", shown.body);
    }
    // the person does all of that
    assert_eq!(maker.post_to(&format!("{path}/test")).await.ok()["success"], true);
    assert_eq!(maker.post(&format!("{path}/actions/list-users"), json!({})).await.ok()["success"], true);
    maker.put(&path, json!({"name": "Still mine"})).await.ok();
    owner.delete(&path).await.ok();
    maker.get(&path).await.refused(404, "not_found");
}

async fn a_leavers_own_consent_is_taken_back_at_the_provider(t: TestApp) {
    let owner = t.owner().await;
    let tokens = json!({"access_token": "g-access", "refresh_token": "g-refresh", "token_type": "Bearer",
        "expires_in": 3600});
    t.outside().answer("oauth2.googleapis.com/token", 200, &tokens);
    t.outside().answer("oauth2.googleapis.com/revoke", 200, &json!({}));
    t.person("maker@main.test", Role::Admin).await;
    let maker = t.sign_in("maker@main.test").await;
    let body = json!({"type": "google-sheets", "name": "My sheets", "ownerKind": "person",
        "fields": {"clientId": "c", "clientSecret": "hush-g"}});
    let path = format!("{CONNECTORS}/{}", text(&maker.post(CONNECTORS, body).await.ok()["id"]));
    authorized(&maker, &path).await;
    t.outside().take();
    let id = text(&maker.get("/api/v1/me").await.ok()["user"]["id"]);
    let receipt = owner.post(&format!("/api/v1/users/{id}/suspend"), json!({})).await.ok();
    let names = |list: &Value, kind: &str| -> Vec<Value> {
        let of = list.as_array().unwrap().iter().filter(|t| t["kind"] == kind);
        of.flat_map(|t| t["items"].as_array().unwrap().iter().map(|i| i["name"].clone())).collect()
    };
    assert_eq!(names(&receipt["ended"], "connector"), ["My sheets"], "{receipt}");
    assert_eq!(names(&receipt["ended"], "outbound-grant"), ["My sheets"], "{receipt}");
    assert_eq!(names(&receipt["pending"], "provider-revocation"), ["My sheets"], "{receipt}");
    owner.get(&path).await.refused(404, "not_found");
    t.work().await;
    let seen = t.outside().take_at("oauth2.googleapis.com");
    let revoked: Vec<_> =
        seen.iter().filter(|s| s.path == "/revoke").map(|s| s.form()["token"].clone()).collect();
    assert!(revoked.contains(&"g-refresh".to_owned()), "{seen:?}");
}

on_both![start_with_outside:
    a_persons_own_connector_is_used_and_changed_by_that_person_alone,
    a_leavers_own_consent_is_taken_back_at_the_provider,
];
