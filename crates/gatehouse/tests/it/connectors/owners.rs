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

/// Who changes a connector holds it, then ends what was authorized through it. Who leaves does so in the same order: else
/// each could hold what the other waits for.
async fn a_leaver_and_who_changes_the_connector_do_not_wait_for_each_other(t: TestApp) {
    let owner = t.owner().await;
    let tokens = json!({"access_token": "g-access", "refresh_token": "g-refresh", "token_type": "Bearer",
        "expires_in": 3600});
    t.outside().answer("oauth2.googleapis.com/token", 200, &tokens);
    t.person("maker@main.test", Role::Admin).await;
    let maker = t.sign_in("maker@main.test").await;
    let body = json!({"type": "google-sheets", "name": "My sheets", "ownerKind": "person",
        "fields": {"clientId": "c", "clientSecret": "hush-g"}});
    let path = format!("{CONNECTORS}/{}", text(&maker.post(CONNECTORS, body).await.ok()["id"]));
    authorized(&maker, &path).await;
    let user = text(&maker.get("/api/v1/me").await.ok()["user"]["id"]);
    let id = path.rsplit('/').next().unwrap().to_owned();
    // somebody changes it: the first lock
    const CONNECTOR: &str = "SELECT id FROM connectors WHERE id = $1";
    let mut tx = t.app.store().begin_always().await.unwrap();
    let held = gatehouse_store::sql(CONNECTOR).bind(id.as_str());
    assert!(tx.lock_optional(CONNECTOR, held).await.unwrap().is_some());
    let leaves = tokio::spawn({
        let (owner, path) = (owner.clone(), format!("/api/v1/users/{user}/suspend"));
        async move { owner.post(&path, json!({})).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert!(!leaves.is_finished(), "the switch waits for the change");
    // and the second one, which the switch must not hold by then
    let grants = gatehouse_store::sql("UPDATE oauth_grants SET failures = 0 WHERE holder_id = $1");
    assert_eq!(tx.execute(grants.bind(id.as_str())).await.unwrap(), 1);
    tx.commit().await.unwrap();
    leaves.await.unwrap().ok();
    owner.get(&path).await.refused(404, "not_found");
}

on_both![start_with_outside:
    a_persons_own_connector_is_used_and_changed_by_that_person_alone,
    a_leavers_own_consent_is_taken_back_at_the_provider,
    a_leaver_and_who_changes_the_connector_do_not_wait_for_each_other,
];
