//! Connectors made, changed, removed; whose they are; what no answer holds.

use gatehouse_store::{Queries, sql};
use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{CONNECTORS, SECRET, authorized, claims, consent, icertis, oauth, text};
use crate::support::{TestApp, on_both};

async fn r168_a_connection_has_owner_status_test_new_consent_and_an_end(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    let made = owner.get(&path).await.ok();
    assert_eq!((&made["ownerKind"], &made["status"]), (&json!("service"), &json!("not_connected")));
    assert!(made["responsibleId"].is_string() && made["lastUsedAt"].is_null());
    authorized(&owner, &path).await;
    assert_eq!(owner.post_to(&format!("{path}/test")).await.ok()["success"], true);
    let now = owner.get(&path).await.ok();
    assert_eq!((&now["status"], &now["lastTest"]["success"]), (&json!("connected"), &json!(true)));
    assert!(now["lastUsedAt"].is_string() && now["grant"]["state"] == "ok", "{now}");
    // authenticated again
    let before = now["grant"]["authorizedAt"].clone();
    t.clock.advance(60);
    authorized(&owner, &path).await;
    assert_ne!(owner.get(&path).await.ok()["grant"]["authorizedAt"], before);
    // what its end would hit, then its end
    let trial = owner.delete(&format!("{path}?dryRun=true")).await.ok();
    let events: Vec<_> = trial["effects"].as_array().unwrap().iter().map(|e| text(&e["event"])).collect();
    assert!(
        events.contains(&"grant.ended".to_owned()) && events.contains(&"connector.deleted".to_owned()),
        "{trial}"
    );
    assert_eq!(owner.get(&path).await.ok()["status"], "connected");
    assert_eq!(owner.delete(&path).await.ok(), json!({"deleted": true}));
    owner.get(&path).await.refused(404, "not_found");
    owner.delete(&path).await.refused(404, "not_found");
    let audit = owner.get("/api/v1/audit-events?event=connector.deleted").await.ok();
    assert_eq!(audit["data"][0]["details"]["type"], "icertis-preview");
}

async fn only_what_is_given_changes_and_another_client_ends_what_was_authorized(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    authorized(&owner, &path).await;
    let renamed = owner.put(&path, json!({"name": "Agreements"})).await.ok();
    assert_eq!((&renamed["name"], &renamed["fields"]["tenantId"]), (&json!("Agreements"), &json!("t-1")));
    let rotated = owner.put(&path, json!({"fields": {"clientSecret": "the next secret"}})).await.ok();
    assert_eq!(
        (&rotated["grant"]["state"], &rotated["secretsSet"]),
        (&json!("ok"), &json!(["clientSecret"]))
    );
    let other = owner.put(&path, json!({"fields": {"tenantId": "t-2"}})).await.ok();
    assert_eq!((&other["status"], &other["grant"]), (&json!("not_connected"), &Value::Null));
    let error = owner.put(&path, json!({"fields": {"colour": "red"}})).await.refused(400, "validation_error");
    assert_eq!(error["field"], "fields.colour");
    assert_eq!(owner.put(&path, json!({"name": ""})).await.refused(400, "validation_error")["field"], "name");
    let key = owner.put(&path, json!({"authType": "api-key"})).await.refused(400, "validation_error");
    assert_eq!(key["field"], "fields.apiKey", "the other way asks something else");
    let key = owner.put(&path, json!({"authType": "api-key", "fields": {"apiKey": "ici-key"}})).await.ok();
    assert_eq!((&key["secretsSet"], &key["callbackUrl"]), (&json!(["apiKey"]), &Value::Null));
    assert_eq!(key["fields"], json!({"instance": "acme"}));
}

async fn odd_connectors_are_refused_by_field(t: TestApp) {
    let owner = t.owner().await;
    icertis(&owner).await;
    let refused = async |body: Value| owner.post(CONNECTORS, body).await.refused(400, "validation_error");
    assert_eq!(refused(json!({"type": "nothing", "fields": {}})).await["field"], "type");
    assert_eq!(refused(json!({"fields": {}})).await["field"], "type");
    let odd = json!({"type": "icertis-preview", "authType": "magic", "fields": oauth()});
    assert_eq!(refused(odd).await["field"], "authType");
    let odd = json!({"type": "icertis-preview", "ownerKind": "nobody", "fields": oauth()});
    assert_eq!(refused(odd).await["field"], "ownerKind");
    let mut fields = oauth();
    fields["instance"] = json!("evil.example/");
    assert_eq!(
        refused(json!({"type": "icertis-preview", "fields": fields})).await["field"],
        "fields.instance"
    );
    let taken = json!({"type": "icertis-preview", "name": "contracts", "fields": oauth()});
    let error = owner.post(CONNECTORS, taken).await.refused(409, "conflict");
    assert_eq!(error["field"], "name");
    // by its key as it stands in the file, too
    let snake = json!({"type": "icertis-preview", "authType": "api-key", "name": "Snake",
        "fields": {"instance": "acme", "api_key": "ici-key"}});
    assert_eq!(owner.post(CONNECTORS, snake).await.ok()["secretsSet"], json!(["apiKey"]));
    let found = owner.get(&format!("{CONNECTORS}?search=CONTR")).await.ok();
    assert_eq!(found["pagination"]["totalItems"], 1);
    assert_eq!(owner.get(&format!("{CONNECTORS}?type=salesforce")).await.ok()["pagination"]["totalItems"], 0);
}

async fn secrets_are_in_no_answer_no_audit_entry_and_no_page(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    authorized(&owner, &path).await;
    owner.post_to(&format!("{path}/test")).await.ok();
    owner.put(&path, json!({"fields": {"clientSecret": SECRET}})).await.ok();
    owner.post(&format!("{path}/actions/list-users"), json!({})).await.ok();
    let browser = t.browser("owner@main.test").await;
    let page = path.replace(CONNECTORS, "/integrations/connectors");
    let mut looked = 0;
    for at in [
        path.as_str(),
        CONNECTORS,
        "/api/v1/audit-events?pageSize=100",
        "/api/v1/outbound-calls",
        "/api/v1/me/connections",
    ] {
        let body = owner.get(at).await.ok().to_string();
        assert!(!body.contains(SECRET) && !body.contains("rt-1"), "{at}: {body}");
        looked += 1;
    }
    let shown = browser.get(&page).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    assert!(!shown.body.contains(SECRET) && shown.body.contains("It is set."), "{}", shown.body);
    assert_eq!(looked, 5);
    // sealed where they lie
    let row = sql("SELECT fields, secrets FROM connectors WHERE name = 'Contracts'");
    let row = t.app.store().reader().fetch_one(row).await.unwrap();
    let kept = format!("{} {}", row.text("fields").unwrap(), row.text("secrets").unwrap());
    assert!(!kept.contains(SECRET) && kept.contains("t-1"), "{kept}");
}

async fn another_company_sees_none_of_it(t: TestApp) {
    let owner = t.owner().await;
    let path = icertis(&owner).await;
    let stranger = t.stranger().await;
    stranger.get(&path).await.refused(404, "not_found");
    stranger.put(&path, json!({"name": "Mine"})).await.refused(404, "not_found");
    stranger.delete(&path).await.refused(404, "not_found");
    for operation in ["test", "authorize"] {
        stranger.post_to(&format!("{path}/{operation}")).await.refused(404, "not_found");
    }
    stranger.post(&format!("{path}/actions/list-users"), json!({})).await.refused(404, "not_found");
    stranger.get(&format!("{path}/user-authentications")).await.refused(404, "not_found");
    assert_eq!(stranger.get(CONNECTORS).await.ok()["pagination"]["totalItems"], 0);
    // an answer that another company's browser brings ends nothing
    let begun = owner.post_to(&format!("{path}/authorize")).await.ok();
    let brought = consent(&stranger, &text(&begun["redirectUrl"])).await;
    assert_eq!(brought.status, 403, "{}", brought.body);
    assert_eq!(owner.get(&path).await.ok()["status"], "not_connected");
}

async fn a_persons_own_connector_is_nobody_elses_and_ends_with_the_person(t: TestApp) {
    let owner = t.owner().await;
    t.person("maker@main.test", Role::Admin).await;
    let maker = t.sign_in("maker@main.test").await;
    let own = json!({"type": "icertis-preview", "authType": "api-key", "name": "Mine", "ownerKind": "person",
        "fields": {"instance": "acme", "apiKey": "ici-key"}});
    let own = maker.post(CONNECTORS, own).await.ok();
    let path = format!("{CONNECTORS}/{}", text(&own["id"]));
    assert_eq!(own["ownerKind"], "person");
    let company = icertis(&maker).await;
    let member = t.member_of(Role::Member).await;
    member.get(&path).await.refused(404, "not_found");
    member.post(&format!("{path}/actions/list-users"), json!({})).await.refused(404, "not_found");
    assert_eq!(member.get(CONNECTORS).await.ok()["pagination"]["totalItems"], 1);
    let id = text(&maker.get("/api/v1/me").await.ok()["user"]["id"]);
    let receipt = owner.post(&format!("/api/v1/users/{id}/suspend"), json!({})).await.ok();
    let kinds = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|t| text(&t["kind"])).filter(|k| k == "connector").collect()
    };
    assert_eq!((kinds(&receipt["ended"]).len(), kinds(&receipt["stays"]).len()), (1, 1), "{receipt}");
    owner.get(&path).await.refused(404, "not_found");
    assert_eq!(owner.get(&company).await.ok()["ownerKind"], "service");
    let me = text(&owner.get("/api/v1/me").await.ok()["user"]["id"]);
    let hand = owner.post(&format!("/api/v1/users/{id}/offboarding/hand-over"), json!({"to": me})).await.ok();
    assert!(hand.to_string().contains("connector"), "{hand}");
    assert_eq!(owner.get(&company).await.ok()["responsibleId"], me.as_str());
}

async fn a_consent_clears_what_a_test_said_before_it(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    let early = owner.post_to(&format!("{path}/test")).await.ok();
    assert_eq!(early["success"], false, "{early}");
    let error = owner.post(&format!("{path}/test"), json!({"clientSecret": "x"})).await;
    assert_eq!(error.refused(400, "validation_error")["field"], "clientSecret");
    t.clock.advance(5);
    authorized(&owner, &path).await;
    let now = owner.get(&path).await.ok();
    assert_eq!((&now["status"], &now["statusDetail"]), (&json!("connected"), &Value::Null), "{now}");
}

on_both![start_with_outside:
    a_consent_clears_what_a_test_said_before_it,
    r168_a_connection_has_owner_status_test_new_consent_and_an_end,
    only_what_is_given_changes_and_another_client_ends_what_was_authorized,
    secrets_are_in_no_answer_no_audit_entry_and_no_page,
    another_company_sees_none_of_it,
];
on_both![
    odd_connectors_are_refused_by_field,
    a_persons_own_connector_is_nobody_elses_and_ends_with_the_person,
];
