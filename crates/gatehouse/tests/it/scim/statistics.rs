//! Thirty days in numbers, and who speaks with which token.

use gatehouse_types::Clock;
use serde_json::{Value, json};

use super::{ALL_SCOPES, GROUPS, TOKENS, USERS, at, patch, person, provider, query};
use crate::support::{Client, TestApp, on_both};

const STATISTICS: &str = "/api/v1/scim/statistics";
const PAGE: &str = "/settings/security/scim";
const DAY: i64 = 86_400;

fn today(t: &TestApp) -> String {
    t.clock.now().to_string()[..10].to_owned()
}

/// The numbers of a day: creates, updates, deletes, errors.
async fn of_day(owner: &Client, date: &str) -> [i64; 4] {
    let statistics = owner.get(STATISTICS).await.ok();
    let days = statistics["daily"].as_array().unwrap();
    assert_eq!(days.len(), 30);
    assert!(days.is_sorted_by_key(|d| d["date"].as_str().unwrap()));
    let found = days.iter().find(|d| d["date"] == date).unwrap_or_else(|| panic!("{date}: {statistics}"));
    ["creates", "updates", "deletes", "errors"].map(|name| found[name].as_i64().unwrap())
}

async fn each_day_has_its_numbers_before_and_after_it_was_counted(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let (first, ada) = (today(&t), person(&provider, "ada@x.test").await);
    person(&provider, "bob@x.test").await;
    patch(&provider, &at(USERS, &ada), json!([{"op": "add", "path": "title", "value": "T"}])).await.ok();
    assert_eq!(provider.post(USERS, json!({"userName": "ada@x.test"})).await.status, 409);
    assert_eq!(of_day(&t.owner().await, &first).await, [2, 1, 0, 1]);
    t.clock.advance(DAY);
    let second = today(&t);
    provider.post(GROUPS, json!({"displayName": "G"})).await.ok();
    provider.delete(&at(USERS, &ada)).await;
    // another token, whose numbers go with it
    let other = super::provider(&t, &ALL_SCOPES).await;
    person(&other, "eve@x.test").await;
    for worked in [false, true] {
        if worked {
            t.clock.advance(3_600);
            t.work().await;
        }
        let owner = t.owner().await;
        assert_eq!(of_day(&owner, &first).await, [2, 1, 0, 1], "{worked}");
        assert_eq!(of_day(&owner, &second).await, [2, 0, 1, 0], "{worked}");
    }
    // the second day is over, and counted; twice changes nothing
    t.clock.advance(2 * DAY);
    t.work().await;
    t.clock.advance(3_601);
    t.work().await;
    person(&provider, "now@x.test").await;
    let owner = t.owner().await;
    assert_eq!(of_day(&owner, &second).await, [2, 0, 1, 0]);
    assert_eq!(of_day(&owner, &today(&t)).await, [1, 0, 0, 0]);
    let page = t.browser("owner@main.test").await.get(PAGE).await.body;
    assert!(page.contains("role=\"img\"") && page.contains("Created <strong>5</strong>"), "{page}");
    assert!(
        page.contains("at most 2 on ") && page.contains("<td>2</td><td>1</td><td>0</td><td>1</td>"),
        "{page}"
    );
    let gone = owner.get(&format!("{TOKENS}?name=Token 1")).await.ok()["data"][0]["id"].clone();
    owner.delete(&format!("{TOKENS}/{}", gone.as_str().unwrap())).await.ok();
    assert_eq!(of_day(&owner, &second).await, [1, 0, 1, 0]);
    // another company sees nothing of it, and after thirty days it is out of sight
    assert_eq!(of_day(&t.stranger().await, &second).await, [0; 4]);
    t.clock.advance(30 * DAY);
    let later = t.owner().await.get(STATISTICS).await.ok();
    let sum =
        |name: &str| later["daily"].as_array().unwrap().iter().filter_map(|d| d[name].as_i64()).sum::<i64>();
    assert_eq!(sum("creates") + sum("updates") + sum("deletes"), 0, "{later}");
}

async fn token(owner: &Client) -> Value {
    owner.get(TOKENS).await.ok()["data"][0].clone()
}

async fn who_speaks_and_when_is_shown_for_each_token(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let owner = t.owner().await;
    let fresh = token(&owner).await;
    for name in ["dialect", "lastSyncAt", "lastChangeAt"] {
        assert_eq!(fresh[name], Value::Null, "{name}");
    }
    assert_eq!(fresh["silent"], false);
    let call = async |user_agent: &str, path: &str| {
        let request = provider.request("GET", path).header("user-agent", user_agent);
        assert_eq!(provider.send(request).await.status, 200);
    };
    // what any provider could send, then one that shows itself a moment later
    call("curl/8", USERS).await;
    assert_eq!(token(&owner).await["dialect"], "other");
    t.clock.advance(1);
    let filter = query(&[("filter", "userName eq \"a\""), ("startIndex", "1"), ("count", "100")]);
    call("curl/8", &format!("{USERS}?{filter}")).await;
    let seen = token(&owner).await;
    assert_eq!((&seen["dialect"], &seen["lastChangeAt"]), (&json!("okta"), &Value::Null));
    assert_eq!(seen["lastSyncAt"], seen["lastUsedAt"]);
    // another provider in its place is noted with the next minute, and not at once
    call("Microsoft Azure AD SCIM provisioning 1.0", USERS).await;
    assert_eq!(token(&owner).await["dialect"], "okta");
    t.clock.advance(61);
    call("Microsoft Azure AD SCIM provisioning 1.0", USERS).await;
    assert_eq!(token(&owner).await["dialect"], "entra");
    // and is not forgotten by a request that says nothing
    t.clock.advance(61);
    call("curl/8", USERS).await;
    assert_eq!(token(&owner).await["dialect"], "entra");
    // a change within the same minute is the last sync
    t.clock.advance(5);
    person(&provider, "ada@x.test").await;
    let seen = token(&owner).await;
    assert!(seen["lastChangeAt"].as_str() > seen["lastUsedAt"].as_str(), "{seen}");
    assert_eq!(seen["lastChangeAt"], seen["lastSyncAt"]);
    let one = owner.get(&format!("{TOKENS}/{}", seen["id"].as_str().unwrap())).await.ok();
    assert_eq!(one, seen);
    let page = t.browser("owner@main.test").await.get(PAGE).await.body;
    assert!(page.contains("<td>Entra ID</td>") && page.contains("last change"), "{page}");
}

on_both![
    each_day_has_its_numbers_before_and_after_it_was_counted,
    who_speaks_and_when_is_shown_for_each_token,
];
