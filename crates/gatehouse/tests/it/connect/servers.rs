//! Two servers on one database ask once.

use std::time::Duration;

use serde_json::json;

use super::{Provider, connected, echoed, later, made, oauth2, seen};
use crate::support::{Client, Kind, TestApp};

/// Two hundred calls with an expired token, half of them at each of two servers: one refresh.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_expired_token_is_refreshed_once_by_two_hundred_calls_at_two_servers() {
    let t = TestApp::start(Kind::Postgres).await;
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    let second = Client::new(&t.second_server().await);
    let at_second = |owner: &Client| second.with_token(owner.token.as_deref().unwrap());
    seen(&echoed(&at_second(&owner), &provider, &profile).await);
    provider.asked();
    provider.is_slow(Duration::from_millis(300));
    let owner = later(&t, 3_600).await;
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..200 {
        let caller = if n % 2 == 0 { owner.clone() } else { at_second(&owner) };
        let (provider, profile) = (provider.clone(), profile.clone());
        calls.spawn(async move { seen(&echoed(&caller, &provider, &profile).await) });
    }
    let all = calls.join_all().await;
    assert_eq!(all.len(), 200);
    assert!(all.iter().all(|echo| echo["headers"]["authorization"] == "Bearer access-2"));
    assert_eq!(provider.asked().len(), 1);
    assert_eq!(provider.issued(), 2);
    // and the next time the other one may ask: its refresh token is the new one
    let owner = later(&t, 3_600).await;
    seen(&echoed(&at_second(&owner), &provider, &profile).await);
    assert_eq!(provider.asked()[0].form["refresh_token"], "refresh-2");
}
