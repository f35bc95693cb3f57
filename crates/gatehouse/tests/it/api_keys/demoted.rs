//! The keys of somebody who is given a lower role.

use gatehouse_types::Role;
use serde_json::json;

use super::{app, asked, key, key_of, text};
use crate::support::{Client, TestApp, on_both};

/// A key of one's own opens no more than the role of its person gives, from the moment of the change on.
async fn a_personal_key_opens_no_more_than_its_persons_role(t: TestApp) {
    let owner = t.owner().await;
    t.person("ada@main.test", Role::Admin).await;
    let ada = t.sign_in("ada@main.test").await;
    let path = app(&ada, "Deployer", &["workflow:deploy", "audit:read"]).await;
    let own = key_of(&ada, &path, json!({"name": "Mine", "ownerKind": "person"})).await;
    let company = key(&ada, &path, "CI").await;
    let exchanged = t.client().post("/api/v1/auth/token", json!({"apiKey": own.value})).await.ok();
    let exchanged = t.client().with_token(exchanged["accessToken"].as_str().unwrap());
    let second = Client::new(&t.second_server().await);
    let at_second = async |value: &str| {
        let request = second.request("GET", "/authz").header("x-api-key", value);
        second.send(request.header("x-required-scope", "workflow:deploy")).await.status
    };
    assert_eq!(at_second(&own.value).await, 200);
    let user = text(&owner.get("/api/v1/users?email=ada@main.test").await.ok()["data"][0]["id"]);
    let give = async |role: &str, trial: &str| {
        owner.put(&format!("/api/v1/users/{user}{trial}"), json!({"role": role})).await.ok()
    };
    // a trial takes nothing
    give("member", "?dryRun=true").await;
    assert_eq!(asked(&t, &own.value, Some("workflow:deploy")).await.status, 200);
    for role in ["member", "viewer"] {
        give(role, "").await;
        for scope in [None, Some("workflow:deploy"), Some("audit:read")] {
            asked(&t, &own.value, scope).await.refused(401, "authentication_error");
        }
        exchanged.get("/api/v1/audit-events").await.refused(401, "authentication_error");
        t.client()
            .post("/api/v1/auth/token", json!({"apiKey": own.value}))
            .await
            .refused(401, "authentication_error");
        let shown = owner.get(&own.path).await.ok();
        let listed = owner.get(&format!("{path}/keys")).await.ok();
        let listed =
            listed["data"].as_array().unwrap().iter().map(|k| (text(&k["name"]), text(&k["status"])));
        assert_eq!(text(&shown["status"]), "suspended");
        assert!(
            listed.eq([("CI".to_owned(), "active".to_owned()), ("Mine".to_owned(), "suspended".to_owned())])
        );
        // the company's goes on
        assert_eq!(asked(&t, &company.value, Some("workflow:deploy")).await.status, 200);
    }
    let error = asked(&t, &own.value, None).await.refused(401, "authentication_error");
    let why = owner.get(&format!("/api/v1/decisions/{}", text(&error["decision"]))).await.ok();
    assert!(text(&why["reasons"][0]["detail"]).contains("is a person's own, and the role"), "{why}");
    let verified = owner.post("/api/v1/keys/verify", json!({"key": own.value})).await.ok();
    assert_eq!((&verified["valid"], &verified["code"]), (&json!(false), &json!("owner_demoted")));
    let question = |role: serde_json::Value| json!({"principal": {"kind": "api-key", "id": own.id}, "action": "workflow:deploy", "assume": {"role": role}});
    let no = owner.post("/api/v1/explain", question(json!(null))).await.ok();
    assert_eq!(no["allowed"], false);
    assert!(text(&no["reasons"][2]["detail"]).contains("is viewer here: that role gives no keys"), "{no}");
    let then = owner.post("/api/v1/explain", question(json!("admin"))).await.ok();
    assert_eq!(then["allowed"], true, "{then}");
    // a key that takes its place is no way around it
    let rotated = owner.post(&format!("{}/rotate", own.path), json!({"overlapHours": 1})).await.ok();
    let next = text(&rotated["plainValue"]);
    for value in [&own.value, &next] {
        asked(&t, value, None).await.refused(401, "authentication_error");
    }
    // another server hears of it within a second, one that starts later knows it from the start
    let began = std::time::Instant::now();
    while at_second(&own.value).await != 401 {
        assert!(began.elapsed() < std::time::Duration::from_secs(1), "the other server did not hear of it");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let third = Client::new(&t.second_server().await);
    for value in [&own.value, &next] {
        let request = third.request("GET", "/authz").header("x-api-key", value);
        third.send(request).await.refused(401, "authentication_error");
    }
    // with a role that may, they open again
    give("admin", "").await;
    for value in [&own.value, &next] {
        assert_eq!(asked(&t, value, Some("workflow:deploy")).await.status, 200);
    }
    assert_eq!(text(&owner.get(&own.path).await.ok()["status"]), "active");
}

/// Somebody else answers for an app from now on, who must be able to.
async fn an_app_is_answered_for_by_whom_one_says(t: TestApp) {
    let owner = t.owner().await;
    t.person("ada@main.test", Role::Admin).await;
    t.person("ben@main.test", Role::Member).await;
    let id_of = async |email: &str| {
        text(&owner.get(&format!("/api/v1/users?email={email}")).await.ok()["data"][0]["id"])
    };
    let (ada, ben) = (id_of("ada@main.test").await, id_of("ben@main.test").await);
    let path = app(&owner, "Deployer", &[]).await;
    for (who, said) in [(&ben, "is member here"), (&"usr_nobody".to_owned(), "Nobody here has this id")] {
        let error = owner.put(&path, json!({"responsible": who})).await.refused(400, "validation_error");
        assert_eq!(error["field"], "responsible");
        assert!(text(&error["message"]).contains(said), "{error}");
    }
    let changed = owner.put(&path, json!({"responsible": ada})).await.ok();
    assert_eq!(text(&changed["responsible"]), ada);
    let events = owner.get("/api/v1/audit-events?event=api-app.updated").await.ok();
    assert_eq!(text(&events["data"][0]["details"]["responsible"]["to"]), ada, "{events}");
}

/// The same when a group of the directory gives the role.
async fn a_group_that_lowers_a_role_stops_the_persons_keys(t: TestApp) {
    let owner = t.owner().await;
    t.person("ada@main.test", Role::Admin).await;
    let ada = t.sign_in("ada@main.test").await;
    let path = app(&ada, "Deployer", &["workflow:deploy"]).await;
    let own = key_of(&ada, &path, json!({"name": "Mine", "ownerKind": "person"})).await;
    assert_eq!(asked(&t, &own.value, None).await.status, 200);
    let scopes = ["users:read", "users:write", "groups:read", "groups:write"];
    let made = owner.post("/api/v1/scim/tokens", json!({"name": "Entra", "scopes": scopes})).await.ok();
    let provider = t.client().with_token(made["plainValue"].as_str().unwrap());
    let found = provider.get("/scim/v2/Users?filter=userName%20eq%20%22ada@main.test%22").await.ok();
    let entry = text(&found["Resources"][0]["id"]);
    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Readers",
        "members": [{"value": entry}]});
    let group = text(&provider.post("/scim/v2/Groups", group).await.ok()["id"]);
    let mapping = |role| json!({"mappings": [{"groupId": group, "role": role}]});
    owner.put("/api/v1/scim/role-mappings", mapping("viewer")).await.ok();
    asked(&t, &own.value, None).await.refused(401, "authentication_error");
    owner.put("/api/v1/scim/role-mappings", mapping("admin")).await.ok();
    assert_eq!(asked(&t, &own.value, None).await.status, 200);
}

on_both![
    a_personal_key_opens_no_more_than_its_persons_role,
    a_group_that_lowers_a_role_stops_the_persons_keys,
    an_app_is_answered_for_by_whom_one_says
];
