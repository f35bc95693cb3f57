//! A provider that stopped says nothing: owners and admins are told, once.

use gatehouse_types::Role;
use serde_json::json;

use super::{ALL_SCOPES, TOKENS, USERS, provider};
use crate::support::{Client, TestApp, on_both};

const DAY: i64 = 86_400;
/// The job looks once an hour.
const LOOKS: i64 = 3_601;

/// How many mails tell of a silence.
async fn told(t: &TestApp, to: &str) -> usize {
    let mails = t.mails_to(to).await;
    mails.iter().filter(|(subject, _)| subject.ends_with("has fallen silent")).count()
}

/// Calls on so many days, one a day.
async fn call_for(t: &TestApp, provider: &Client, days: i64) {
    for _ in 0..days {
        provider.get(USERS).await.ok();
        t.clock.advance(DAY);
    }
}

async fn a_token_that_falls_silent_is_told_of_once_and_again_after_it_spoke(t: TestApp) {
    for (email, role) in [("admin@main.test", Role::Admin), ("member@main.test", Role::Member)] {
        t.person(email, role).await;
    }
    let provider = provider(&t, &ALL_SCOPES).await;
    call_for(&t, &provider, 15).await;
    // a day after the last call nothing is said
    t.clock.advance(LOOKS);
    assert_eq!(told(&t, "owner@main.test").await, 0);
    t.clock.advance(DAY);
    for _ in 0..3 {
        for to in ["owner@main.test", "admin@main.test"] {
            assert_eq!(told(&t, to).await, 1, "{to}");
        }
        t.clock.advance(DAY);
    }
    assert_eq!(told(&t, "member@main.test").await, 0);
    let (subject, body) = t.mails_to("owner@main.test").await.swap_remove(0);
    assert_eq!(subject, "The provisioning token Token 0 has fallen silent");
    assert!(body.contains("/settings/security/scim") && !body.contains("plainValue"), "{body}");
    let owner = t.owner().await;
    let events = owner.get("/api/v1/audit-events?event=scim.token-silent").await.ok();
    assert_eq!(events["pagination"]["totalItems"], 1, "{events}");
    assert_eq!(
        (&events["data"][0]["actorKind"], &events["data"][0]["details"]["name"]),
        (&json!("system"), &json!("Token 0"))
    );
    assert_eq!(owner.get(TOKENS).await.ok()["data"][0]["silent"], true);
    // it speaks again, day by day, and stops again
    call_for(&t, &provider, 14).await;
    assert_eq!(told(&t, "owner@main.test").await, 1);
    t.clock.advance(2 * DAY);
    assert_eq!(told(&t, "owner@main.test").await, 2);
    // who is back for a day alone after two days, as after a weekend of maintenance, is missed again
    provider.get(USERS).await.ok();
    assert_eq!(told(&t, "owner@main.test").await, 2);
    t.clock.advance(2 * DAY + LOOKS);
    assert_eq!(told(&t, "owner@main.test").await, 3);
}

async fn nobody_is_told_of_tokens_that_nobody_misses(t: TestApp) {
    // tried on two days; taken back; over
    let tried = provider(&t, &ALL_SCOPES).await;
    call_for(&t, &tried, 2).await;
    let revoked = provider(&t, &ALL_SCOPES).await;
    let body = json!({"name": "Over", "scopes": ALL_SCOPES, "expiresInDays": 6});
    let made = t.owner().await.post(TOKENS, body).await.ok();
    let over = t.client().with_token(made["plainValue"].as_str().unwrap());
    for _ in 0..5 {
        over.get(USERS).await.ok();
        call_for(&t, &revoked, 1).await;
    }
    let owner = t.owner().await;
    let id = owner.get(&format!("{TOKENS}?name=Token 1")).await.ok()["data"][0]["id"].clone();
    owner.post_to(&format!("{TOKENS}/{}/revoke", id.as_str().unwrap())).await.ok();
    for _ in 0..4 {
        t.clock.advance(DAY);
        assert_eq!(told(&t, "owner@main.test").await, 0);
    }
}

async fn two_servers_tell_of_a_silence_once(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    call_for(&t, &provider, 5).await;
    t.clock.advance(2 * DAY);
    let workers = (0..2).map(|_| {
        let worker = t.app.worker();
        tokio::spawn(async move {
            worker.schedule_all().await.unwrap();
            while worker.step().await.unwrap() {}
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    assert_eq!(told(&t, "owner@main.test").await, 1);
}

on_both![
    a_token_that_falls_silent_is_told_of_once_and_again_after_it_spoke,
    nobody_is_told_of_tokens_that_nobody_misses,
    two_servers_tell_of_a_silence_once,
];
