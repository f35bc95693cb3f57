//! User authentications: each person calls with their own consent.

use gatehouse_types::Role;
use serde_json::json;

use super::{CONNECTORS, ICI, authorized, claims, consent, icertis, oauth, text};
use crate::support::{Client, TestApp, on_both};

const MINE: &str = "/api/v1/me/connections";

/// The bearer token of the last call of ICI.
fn bearer(t: &TestApp) -> String {
    let seen = t.outside().take_at(ICI);
    seen.last().unwrap_or_else(|| panic!("ICI was not called")).header("authorization").to_owned()
}

pub(crate) async fn connected(by: &Client, id: &str) {
    let begun = by.post_to(&format!("{MINE}/{id}/authorize")).await.ok();
    let landed = consent(by, &text(&begun["redirectUrl"])).await;
    assert_eq!((landed.status, landed.location()), (303, Some("/account/connections")), "{}", landed.body);
}

async fn each_person_calls_as_themselves_once_it_is_on(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    let id = path.rsplit('/').next().unwrap().to_owned();
    authorized(&owner, &path).await;
    let action = format!("{path}/actions/list-users");
    let settings = format!("{path}/user-authentications");
    let first = owner.get(&settings).await.ok();
    assert_eq!(
        (&first["enabled"], &first["allowed"], &first["nonInteractiveMode"]),
        (&json!(false), &json!(true), &json!("fallback")),
        "off unless switched on"
    );
    let member = t.member_of(Role::Member).await;
    member.post(&action, json!({})).await.ok();
    let service = bearer(&t);
    // before it is on, nobody can authorize for themselves, and nothing is listed
    member.post_to(&format!("{MINE}/{id}/authorize")).await.refused(409, "conflict");
    assert_eq!(member.get(MINE).await.ok()["pagination"]["totalItems"], 0);

    let set = json!({"enabled": true, "nonInteractiveMode": "pause"});
    let set = owner.put(&settings, set).await.ok();
    assert_eq!((&set["enabled"], &set["nonInteractiveMode"]), (&json!(true), &json!("pause")));
    let kept = owner.put(&settings, json!({"nonInteractiveMode": "end_with_error"})).await.ok();
    assert_eq!(kept["enabled"], true, "only what is given changes");
    let listed = member.get(MINE).await.ok();
    assert_eq!(
        (&listed["data"][0]["connectorId"], &listed["data"][0]["status"]),
        (&json!(id), &json!("not_connected"))
    );
    // without a consent of one's own it is the connector's, and that is told
    let done = member.post(&action, json!({})).await.ok();
    assert_eq!((&done["effectiveIdentity"], bearer(&t)), (&json!("connector"), service.clone()));
    assert!(text(&done["warnings"][0]).contains("My connections"), "{done}");

    connected(&member, &id).await;
    connected(&owner, &id).await;
    let me = text(&member.get("/api/v1/me").await.ok()["user"]["id"]);
    let done = member.post(&action, json!({})).await.ok();
    assert_eq!((&done["effectiveIdentity"], &done["effectiveUserId"]), (&json!("user"), &json!(me)));
    assert_eq!(done["warnings"], json!([]));
    let members = bearer(&t);
    owner.post(&action, json!({})).await.ok();
    let owners = bearer(&t);
    assert!(members != service && owners != service && members != owners, "three identities");
    assert_eq!(owner.get(&settings).await.ok()["people"], 2);
    let ledger = member.get("/api/v1/outbound-calls").await.ok();
    let mut calls = ledger["data"].as_array().unwrap().iter();
    assert!(
        calls.any(|c| c["effectiveIdentity"] == "person" && c["effectiveUserId"] == me.as_str()),
        "{ledger}"
    );

    // taken back by the person alone
    assert_eq!(member.delete(&format!("{MINE}/{id}")).await.ok(), json!({"deleted": true}));
    member.delete(&format!("{MINE}/{id}")).await.refused(404, "not_found");
    let done = member.post(&action, json!({})).await.ok();
    assert_eq!((&done["effectiveIdentity"], bearer(&t)), (&json!("connector"), service));
    assert_eq!(owner.get(&settings).await.ok()["people"], 1);
    // off again, everything is the connector's
    owner.put(&settings, json!({"enabled": false})).await.ok();
    assert_eq!(owner.post(&action, json!({})).await.ok()["effectiveIdentity"], "connector");
}

async fn nobody_ends_an_authorization_that_another_began(t: TestApp) {
    let owner = t.owner().await;
    let path = icertis(&owner).await;
    let id = path.rsplit('/').next().unwrap().to_owned();
    owner.put(&format!("{path}/user-authentications"), json!({"enabled": true})).await.ok();
    let member = t.member_of(Role::Member).await;
    let begun = text(&member.post_to(&format!("{MINE}/{id}/authorize")).await.ok()["redirectUrl"]);
    let stolen = consent(&owner, &begun).await;
    assert_eq!(stolen.status, 403, "{}", stolen.body);
    assert_eq!(member.get(MINE).await.ok()["data"][0]["status"], "not_connected");
    assert_eq!(owner.get(&path).await.ok()["status"], "not_connected");
}

async fn a_type_without_consent_has_no_user_authentications(t: TestApp) {
    let owner = t.owner().await;
    let fields = owner.get("/api/v1/connector-types/sharepoint-server-password").await.ok();
    assert_eq!(fields["authTypes"][0]["userAuthentications"], false);
    let asked = fields["fields"]
        .as_array()
        .unwrap()
        .iter()
        .chain(fields["authentication"][0]["fields"].as_array().unwrap());
    let mut values = serde_json::Map::new();
    for field in asked {
        let value = match field["type"].as_str().unwrap() {
            "url" => "https://sharepoint.acme.example/sites/a",
            "host" => "sharepoint.acme.example",
            _ => "value",
        };
        values.insert(text(&field["key"]), json!(value));
    }
    let body = json!({"type": "sharepoint-server-password", "fields": values});
    let made = owner.post(CONNECTORS, body).await.ok();
    assert_eq!(made["userAuthentications"]["allowed"], false);
    let settings = format!("{CONNECTORS}/{}/user-authentications", text(&made["id"]));
    let shown = owner.get(&settings).await.ok();
    assert!(shown["allowed"] == false && text(&shown["reason"]).contains("own credential"), "{shown}");
    let error = owner.put(&settings, json!({"enabled": true})).await.refused(400, "validation_error");
    assert_eq!(error["field"], "enabled");
    assert_eq!(error["message"], shown["reason"]);
    // the mode alone can be set, and an odd one is refused
    owner.put(&settings, json!({"nonInteractiveMode": "pause"})).await.ok();
    let error = owner.put(&settings, json!({"nonInteractiveMode": "sleep"})).await;
    assert_eq!(error.refused(400, "validation_error")["field"], "nonInteractiveMode");
    // the four of the seed have it
    for id in ["salesforce", "sharepoint-online-oauth", "sharepoint-server-oauth", "docusign"] {
        let of = owner.get(&format!("/api/v1/connector-types/{id}")).await.ok();
        assert_eq!(of["authTypes"][0]["userAuthentications"], true, "{id}");
    }
    // another way to authenticate switches it off
    let path = icertis(&owner).await;
    owner.put(&format!("{path}/user-authentications"), json!({"enabled": true})).await.ok();
    owner.put(&path, json!({"authType": "api-key", "fields": {"apiKey": "k"}})).await.ok();
    assert_eq!(owner.get(&path).await.ok()["userAuthentications"]["enabled"], false);
    drop(oauth());
}

async fn a_leaver_loses_the_own_authorization(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    let id = path.rsplit('/').next().unwrap().to_owned();
    owner.put(&format!("{path}/user-authentications"), json!({"enabled": true})).await.ok();
    let member = t.member_of(Role::Member).await;
    connected(&member, &id).await;
    assert_eq!(owner.get(&format!("{path}/user-authentications")).await.ok()["people"], 1);
    let me = text(&member.get("/api/v1/me").await.ok()["user"]["id"]);
    owner.post(&format!("/api/v1/users/{me}/suspend"), json!({})).await.ok();
    assert_eq!(owner.get(&format!("{path}/user-authentications")).await.ok()["people"], 0);
}

async fn switched_off_it_is_over_and_can_still_be_ended_by_the_person(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    let id = path.rsplit('/').next().unwrap().to_owned();
    let settings = format!("{path}/user-authentications");
    owner.put(&settings, json!({"enabled": true})).await.ok();
    let member = t.member_of(Role::Member).await;
    connected(&member, &id).await;
    assert_eq!(member.get(MINE).await.ok()["data"][0]["enabled"], true);
    // who is at the provider while it is switched off comes too late, even when it is on again
    let begun = text(&member.post_to(&format!("{MINE}/{id}/authorize")).await.ok()["redirectUrl"]);
    owner.put(&settings, json!({"enabled": false})).await.ok();
    owner.put(&settings, json!({"enabled": true})).await.ok();
    owner.put(&settings, json!({"enabled": false})).await.ok();
    let late = consent(&member, &begun).await;
    assert_eq!(late.status, 403, "{}", late.body);
    // what was authorized before is shown, not used, and ended by the person
    let listed = member.get(MINE).await.ok();
    assert_eq!(
        (&listed["data"][0]["connectorId"], &listed["data"][0]["enabled"]),
        (&json!(id), &json!(false)),
        "{listed}"
    );
    let page = t.browser("member@main.test").await.get("/account/connections").await;
    assert!(
        page.body.contains("not used") && !page.body.contains(&format!("{id}/authorize")),
        "{}",
        page.body
    );
    member.post_to(&format!("{MINE}/{id}/authorize")).await.refused(409, "conflict");
    assert_eq!(owner.get(MINE).await.ok()["pagination"]["totalItems"], 0, "nothing of the owner's own");
    member.delete(&format!("{MINE}/{id}")).await.ok();
    assert_eq!(member.get(MINE).await.ok()["pagination"]["totalItems"], 0);
}

on_both![start_with_outside:
    switched_off_it_is_over_and_can_still_be_ended_by_the_person,
    each_person_calls_as_themselves_once_it_is_on,
    nobody_ends_an_authorization_that_another_began,
    a_type_without_consent_has_no_user_authentications,
    a_leaver_loses_the_own_authorization,
];
