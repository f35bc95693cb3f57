use gatehouse_types::Clock;
use serde_json::{Value, json};

use super::{ALL_SCOPES, GROUPS, TOKENS, USERS, at, patch, person, provider};
use crate::support::{Client, TestApp, on_both};

const ACTIVITIES: &str = "/api/v1/scim/activities";
const STATISTICS: &str = "/api/v1/scim/statistics";

async fn listed(owner: &Client, query: &str) -> Vec<Value> {
    owner.get(&format!("{ACTIVITIES}?{query}")).await.ok()["data"].as_array().unwrap().clone()
}

async fn what_was_done_and_what_was_refused_is_listed(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    let made = person(&provider, "a@x.test").await;
    let path = at(USERS, &made);
    patch(&provider, &path, json!([{"op": "add", "path": "title", "value": "T"}])).await.ok();
    assert_eq!(provider.post(USERS, json!({"userName": "a@x.test"})).await.status, 409);
    provider.post(GROUPS, json!({"displayName": "G", "members": [{"value": made["id"]}]})).await.ok();
    assert_eq!(provider.delete(&path).await.status, 204);
    provider.get(USERS).await.ok();
    let all = listed(&owner, "").await;
    let told: Vec<_> = all
        .iter()
        .map(|a| format!("{} {} {}", a["operation"], a["resourceType"], a["status"]).replace('"', ""))
        .collect();
    assert_eq!(
        told,
        [
            "delete user success",
            "create group success",
            "create user error",
            "update user success",
            "create user success"
        ]
    );
    assert_eq!(all[3]["details"]["changed"], json!(["title"]));
    assert_eq!((&all[3]["resourceId"], &all[3]["errorMessage"]), (&made["id"], &json!(null)));
    assert_eq!((&all[2]["resourceId"], &all[2]["details"]["status"]), (&json!(null), &json!(409)));
    assert!(all[2]["errorMessage"].as_str().unwrap().contains("userName") && all[2]["timestamp"].is_string());
    assert_eq!(all[1]["details"]["membersAdded"], 1);
    for (query, count) in [
        ("operation=create&resourceType=user&status=success", 1),
        ("operation=create&resourceType=user", 2),
        ("resourceType=group", 1),
        ("status=error", 1),
        ("operation=delete", 1),
        ("startDate=2001-01-01&endDate=2001-01-02", 0),
        ("startDate=2001-01-01T00:00:00Z", 5),
        ("endDate=2099-01-01", 5),
        ("pageSize=2&page=3", 1),
    ] {
        assert_eq!(listed(&owner, query).await.len(), count, "{query}");
    }
    let day = t.clock.now().to_string()[..10].to_owned();
    assert_eq!(listed(&owner, &format!("startDate={day}&endDate={day}")).await.len(), 5);
    for odd in [
        "operation=read",
        "resourceType=role",
        "status=ok",
        "startDate=yesterday",
        "endDate=2026-13-01",
        "pageSize=101",
    ] {
        owner.get(&format!("{ACTIVITIES}?{odd}")).await.refused(400, "validation_error");
    }
    // each change is in the audit log as well
    for event in ["scim.user-created", "scim.user-changed", "scim.user-deleted", "scim.group-created"] {
        let found = owner.get(&format!("/api/v1/audit-events?event={event}")).await.ok();
        assert_eq!(
            (found["pagination"]["totalItems"].as_i64(), &found["data"][0]["actorKind"]),
            (Some(1), &json!("scim")),
            "{event}"
        );
    }
}

async fn numbers_change_by_what_was_done(t: TestApp) {
    let owner = t.owner().await;
    let mut fresh = owner.get(STATISTICS).await.ok();
    assert_eq!(fresh.as_object_mut().unwrap().remove("daily").unwrap().as_array().unwrap().len(), 30);
    assert_eq!(
        fresh,
        json!({"totalUsers": 1, "totalGroups": 0, "usersAdded24h": 0, "usersRemoved24h": 0, "groupsAdded24h": 0,
        "groupsRemoved24h": 0, "lastSyncAt": null, "errorCount24h": 0, "activeTokens": 0})
    );
    let provider = provider(&t, &ALL_SCOPES).await;
    let (a, _) = (person(&provider, "a@x.test").await, person(&provider, "b@x.test").await);
    let group = at(GROUPS, &provider.post(GROUPS, json!({"displayName": "G"})).await.ok());
    provider.delete(&at(USERS, &a)).await;
    provider.delete(&group).await;
    provider.delete(&group).await;
    let now = owner.get(STATISTICS).await.ok();
    assert!(now["lastSyncAt"].is_string());
    for (name, number) in [
        ("totalUsers", 2),
        ("totalGroups", 0),
        ("usersAdded24h", 2),
        ("usersRemoved24h", 1),
        ("groupsAdded24h", 1),
        ("groupsRemoved24h", 1),
        ("errorCount24h", 1),
        ("activeTokens", 1),
    ] {
        assert_eq!(now[name], number, "{name}: {now}");
    }
    t.clock.advance(90_000);
    let later = t.owner().await.get(STATISTICS).await.ok();
    assert_eq!((&later["usersAdded24h"], &later["totalUsers"]), (&json!(0), &json!(2)));
}

async fn activities_go_with_their_token_and_with_time(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    person(&provider, "a@x.test").await;
    person(&provider, "b@x.test").await;
    let token = owner.get(TOKENS).await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    owner.delete(&format!("{TOKENS}/{token}")).await.ok();
    assert!(listed(&owner, "").await.is_empty());
    let told =
        owner.get("/api/v1/audit-events?event=scim.token-deleted").await.ok()["data"][0]["details"].clone();
    assert_eq!((&told["activities"], told["activitiesDigest"].as_str().unwrap().len()), (&json!(2), 64));
    let provider = super::provider(&t, &ALL_SCOPES).await;
    person(&provider, "c@x.test").await;
    t.clock.advance(91 * 86_400);
    t.work().await;
    assert!(listed(&t.owner().await, "").await.is_empty());
}

on_both![
    what_was_done_and_what_was_refused_is_listed,
    numbers_change_by_what_was_done,
    activities_go_with_their_token_and_with_time,
];
