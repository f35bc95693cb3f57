//! Tokens stay fresh, whatever happens around them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Provider, connected, credentials, echoed, events, later, made, oauth2, seen, with};
use crate::support::{TestApp, on_both};

async fn r143_an_expired_token_is_refreshed_once_by_fifty_calls_at_once(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    provider.asked();
    provider.is_slow(Duration::from_millis(200));
    let owner = later(&t, 3_600).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (owner, provider, profile) = (owner.clone(), provider.clone(), profile.clone());
        calls.spawn(async move { seen(&echoed(&owner, &provider, &profile).await) });
    }
    let all = calls.join_all().await;
    assert!(all.iter().all(|echo| echo["headers"]["authorization"] == "Bearer access-2"), "{all:?}");
    assert_eq!(provider.asked().len(), 1);
}

async fn r138_the_refresh_token_url_is_asked_where_there_is_one(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile =
        made(&owner, &with(oauth2(&provider), &json!({"refreshTokenUrl": provider.at("/refresh")}))).await;
    connected(&owner, &provider, &profile, json!({})).await;
    let owner = later(&t, 3_600).await;
    seen(&echoed(&owner, &provider, &profile).await);
    let paths: Vec<_> = provider.asked().into_iter().map(|a| a.path).collect();
    assert_eq!(paths, ["/token", "/refresh"]);
}

async fn r139_an_ended_refresh_token_fails_everywhere_and_its_owner_is_told_once(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    seen(&echoed(&owner, &provider, &profile).await);
    provider.forgets_all();
    for _ in 0..3 {
        let error = echoed(&owner, &provider, &profile).await.refused(409, "conflict");
        assert!(error["message"].as_str().unwrap().contains("invalid_grant"), "{error}");
    }
    let shown = owner.get(&profile).await.ok();
    assert_eq!(shown["status"], "not_configured");
    assert_eq!(shown["grant"]["state"], "needs_reauthorization");
    assert_eq!(shown["grant"]["usedBy"], json!(["request"]));
    assert_eq!(provider.asked().iter().filter(|a| a.form["grant_type"] == "refresh_token").count(), 1);
    let mails = t.mails_to("owner@main.test").await;
    let told: Vec<_> =
        mails.iter().filter(|(subject, _)| subject == "Outside must be authorized again").collect();
    assert_eq!(told.len(), 1, "{mails:?}");
    assert!(
        told[0].1.contains("/integrations/auth-profiles/") && told[0].1.contains("- request"),
        "{told:?}"
    );
    assert_eq!(events(&t, "grant.needs-reauthorization").await.len(), 1);
    // authorized again it works again, and that is told too
    connected(&owner, &provider, &profile, json!({})).await;
    assert_eq!(seen(&echoed(&owner, &provider, &profile).await)["account"], "ada");
    let mails = t.mails_to("owner@main.test").await;
    assert_eq!(mails.iter().filter(|(subject, _)| subject == "Outside works again").count(), 1, "{mails:?}");
}

async fn a_person_is_told_of_their_own_authorization_and_nobody_else_is(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &with(oauth2(&provider), &json!({"allowedHosts": ["127.0.0.1"]}))).await;
    let member = t.member_of(gatehouse_types::Role::Member).await;
    connected(&member, &provider, &profile, json!({})).await;
    provider.forgets_all();
    echoed(&member, &provider, &profile).await.refused(409, "conflict");
    assert!(
        t.mails_to("member@main.test").await.iter().any(|(s, _)| s == "Outside must be authorized again")
    );
    assert!(!t.mails_to("owner@main.test").await.iter().any(|(s, _)| s.contains("Outside")));
}

async fn a_network_that_fails_leads_to_a_pause_and_not_to_a_person(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    provider.asked();
    // ahead of its end the token that is there goes on while the provider is away
    let owner = later(&t, 3_560).await;
    provider.answers(503, json!({"error": "temporarily_unavailable"}));
    assert_eq!(seen(&echoed(&owner, &provider, &profile).await)["account"], "ada");
    assert_eq!(owner.get(&profile).await.ok()["grant"]["state"], "failing");
    // in the pause nobody asks
    seen(&echoed(&owner, &provider, &profile).await);
    assert_eq!(provider.asked().len(), 1);
    // past its end it fails, and is tried again by itself after the pause
    t.clock.advance(60);
    provider.answers(500, json!({}));
    echoed(&owner, &provider, &profile).await.refused(503, "service_unavailable");
    echoed(&owner, &provider, &profile).await.refused(503, "service_unavailable");
    assert_eq!(provider.asked().len(), 1);
    assert!(t.mails_to("owner@main.test").await.is_empty(), "a network mends itself");
    t.clock.advance(11);
    assert_eq!(seen(&echoed(&owner, &provider, &profile).await)["account"], "ada");
    let shown = owner.get(&profile).await.ok();
    assert_eq!((&shown["grant"]["state"], &shown["grant"]["reason"]), (&json!("ok"), &Value::Null));
    assert_eq!(events(&t, "grant.recovered").await.len(), 1);
}

async fn a_client_that_is_refused_is_told_once_and_mended_by_a_change(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &credentials(&provider)).await;
    provider.answers(401, json!({"error": "invalid_client", "error_description": "the secret has expired"}));
    let error = echoed(&owner, &provider, &profile).await.refused(503, "service_unavailable");
    assert!(error["message"].as_str().unwrap().contains("the secret has expired"), "{error}");
    let owner = later(&t, 3_600).await;
    provider.answers(401, json!({"error": "invalid_client"}));
    echoed(&owner, &provider, &profile).await.refused(503, "service_unavailable");
    let mails = t.mails_to("owner@main.test").await;
    assert_eq!(mails.iter().filter(|(s, _)| s == "Machine fails at its provider").count(), 1, "{mails:?}");
    // a change is tried at once, whatever the pause
    owner.put(&profile, json!({"clientSecret": "s3cret of ours"})).await.ok();
    seen(&echoed(&owner, &provider, &profile).await);
    assert!(t.mails_to("owner@main.test").await.iter().any(|(s, _)| s == "Machine works again"));
}

async fn a_refresh_token_that_is_not_replaced_goes_on(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    provider.asked();
    for _ in 0..2 {
        let owner = later(&t, 3_600).await;
        provider
            .answers(200, json!({"access_token": "access-1", "token_type": "bearer", "expires_in": 3600}));
        seen(&echoed(&owner, &provider, &profile).await);
    }
    let tokens: Vec<_> = provider.asked().into_iter().map(|a| a.form["refresh_token"].clone()).collect();
    assert_eq!(tokens, ["refresh-1", "refresh-1"]);
}

/// The caller gives up while the provider thinks: its answer, which comes once, is kept all the same.
async fn a_caller_who_goes_away_loses_no_rotating_token(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    provider.is_slow(Duration::from_millis(400));
    let owner = later(&t, 3_600).await;
    provider.asked();
    let is_asked = async {
        while provider.asked().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        answer = echoed(&owner, &provider, &profile) => panic!("{answer:?} before the provider was asked"),
        () = is_asked => {}
    }
    assert_eq!(
        seen(&echoed(&owner, &provider, &profile).await)["headers"]["authorization"],
        "Bearer access-2"
    );
    assert!(provider.asked().is_empty());
}

/// A server asked, and died before it wrote: the next one says so if the provider answers no, and only then.
async fn a_server_that_died_while_it_asked_is_named_when_the_token_is_lost(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    let died = async || {
        let mut tx = t.app.store().begin_always().await.unwrap();
        let now = gatehouse_types::Clock::now(&*t.clock).micros();
        let lease = gatehouse_store::sql("UPDATE oauth_grants SET lease_by = 'dead', lease_until = $1");
        tx.execute(lease.bind(now - 1)).await.unwrap();
        tx.commit().await.unwrap();
    };
    connected(&owner, &provider, &profile, json!({})).await;
    let owner = later(&t, 3_600).await;
    died().await;
    // it had not been heard: nothing is lost
    seen(&echoed(&owner, &provider, &profile).await);
    // it had been heard
    let owner = later(&t, 3_600).await;
    died().await;
    provider.forgets_all();
    let error = echoed(&owner, &provider, &profile).await.refused(409, "conflict");
    assert!(error["message"].as_str().unwrap().contains("died before it could write"), "{error}");
}

async fn disconnecting_revokes_at_the_provider_with_patience(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    let grant = owner.get(&profile).await.ok()["grant"]["id"].as_str().unwrap().to_owned();
    provider.answers(503, json!({}));
    owner.delete(&format!("{profile}/grants/{grant}")).await.ok();
    echoed(&owner, &provider, &profile).await.refused(409, "conflict");
    t.work().await;
    assert!(provider.revoked().is_empty());
    t.clock.advance(60);
    t.work().await;
    assert_eq!(provider.revoked(), ["refresh-1", "access-1"]);
    assert_eq!(events(&t, "grant.ended").await[0]["details"]["revokedAtProvider"], "enqueued");
}

async fn a_revocation_that_no_provider_takes_is_given_up_after_a_day_and_said(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    let grant = owner.get(&profile).await.ok()["grant"]["id"].as_str().unwrap().to_owned();
    owner.delete(&format!("{profile}/grants/{grant}")).await.ok();
    (0..50).for_each(|_| provider.answers(503, json!({})));
    t.work().await;
    assert!(events(&t, "grant.revoked-at-provider").await.is_empty());
    t.clock.advance(86_500);
    t.work().await;
    let said = events(&t, "grant.revoked-at-provider").await;
    assert_eq!((said.len(), &said[0]["outcome"]), (1, &json!("failure")), "{said:?}");
    assert!(provider.revoked().is_empty());
}

on_both![
    r143_an_expired_token_is_refreshed_once_by_fifty_calls_at_once,
    r138_the_refresh_token_url_is_asked_where_there_is_one,
    r139_an_ended_refresh_token_fails_everywhere_and_its_owner_is_told_once,
    a_person_is_told_of_their_own_authorization_and_nobody_else_is,
    a_network_that_fails_leads_to_a_pause_and_not_to_a_person,
    a_client_that_is_refused_is_told_once_and_mended_by_a_change,
    a_refresh_token_that_is_not_replaced_goes_on,
    a_caller_who_goes_away_loses_no_rotating_token,
    a_server_that_died_while_it_asked_is_named_when_the_token_is_lost,
    disconnecting_revokes_at_the_provider_with_patience,
    a_revocation_that_no_provider_takes_is_given_up_after_a_day_and_said,
];
