//! Nobody does anything without end.

use serde_json::json;

use super::{Provider, begun, connected, later, made, oauth2};
use crate::support::{TestApp, on_both};

async fn requests_of_one_person_are_counted(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    owner.delete(&profile).await.ok();
    let nothing = format!("{profile}/request");
    let request = json!({"method": "GET", "url": "https://api.example.com/"});
    let mut passed = 0;
    let refused = loop {
        let answer = owner.post(&nothing, request.clone()).await;
        if answer.status == 429 {
            break answer;
        }
        passed += 1;
        assert!(passed <= 60, "{answer:?}");
    };
    assert_eq!(passed, 60);
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    // others go on
    let member = t.member_of(gatehouse_types::Role::Member).await;
    assert_ne!(member.post(&nothing, request).await.status, 429);
}

async fn twenty_authorizations_are_under_way_at_most(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    let mut last = String::new();
    for _ in 0..20 {
        last = begun(&owner, &profile, json!({})).await;
    }
    let error = owner.post(&format!("{profile}/authorize"), json!({})).await;
    error.refused(429, "rate_limit_error");
    // one that ends makes room
    assert_eq!(owner.get(&provider.consent(&last)).await.status, 303);
    begun(&owner, &profile, json!({})).await;
    // and so does time
    let owner = later(&t, 901).await;
    begun(&owner, &profile, json!({})).await;
}

async fn answers_to_nothing_are_counted(t: TestApp) {
    let owner = t.owner().await;
    let mut all = Vec::new();
    for n in 0..65 {
        all.push(owner.get(&format!("/oauth/callback/nowhere?code=x&state=made-up-{n}")).await.status);
    }
    assert!(all[..60].iter().all(|status| *status == 403), "{all:?}");
    assert!(all[60..].contains(&429), "{all:?}");
}

async fn what_a_server_says_of_itself_is_forgotten_after_a_month(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    provider.publishes("https://op.example");
    provider.says_it_is(Some("https://op.example"));
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    let known = async || {
        let count = gatehouse_store::sql("SELECT COUNT(*) AS n FROM oauth_servers");
        let row = gatehouse_store::Queries::fetch_one(&mut t.app.store().reader(), count).await.unwrap();
        row.int("n").unwrap()
    };
    t.clock.advance(29 * 86_400);
    t.work().await;
    assert_eq!(known().await, 1);
    let owner = later(&t, 2 * 86_400).await;
    t.work().await;
    assert_eq!(known().await, 1, "what is granted may have to be taken back there");
    owner.delete(&profile).await.ok();
    later(&t, 3_601).await;
    t.work().await;
    assert_eq!(known().await, 0);
}

on_both![start_with_few_requests: requests_of_one_person_are_counted];
on_both![
    twenty_authorizations_are_under_way_at_most,
    answers_to_nothing_are_counted,
    what_a_server_says_of_itself_is_forgotten_after_a_month,
];
