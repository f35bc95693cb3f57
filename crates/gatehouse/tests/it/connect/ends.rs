//! Grants that will end, or ended because the database came back from a backup.

use serde_json::json;

use super::{Provider, connected, credentials, echoed, events, later, made, oauth2, seen, with};
use crate::support::{TestApp, on_both};

/// The mails about an end that is near.
async fn told(t: &TestApp) -> usize {
    let mails = t.mails_to("owner@main.test").await;
    mails.iter().filter(|(subject, _)| subject == "The authorization for Outside ends soon").count()
}

async fn the_end_of_a_refresh_token_is_mailed_seven_days_and_one_day_ahead(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    provider.adds(json!({"refresh_token_expires_in": 10 * 86_400}));
    connected(&owner, &provider, &profile, json!({})).await;
    let grant = owner.get(&profile).await.ok()["grant"].clone();
    assert!(grant["refreshExpiresAt"].is_string(), "{grant}");
    t.work().await;
    assert_eq!(told(&t).await, 0);
    for (hours, mails) in [(3 * 24 + 1, 1), (24, 1), (5 * 24, 2), (1, 2)] {
        t.clock.advance(hours * 3_600);
        t.work().await;
        t.work().await;
        assert_eq!(told(&t).await, mails, "after {hours} hours more");
    }
    let mails = t.mails_to("owner@main.test").await;
    let (_, body) = mails.iter().find(|(subject, _)| subject.ends_with("ends soon")).unwrap();
    assert!(
        body.contains("/integrations/auth-profiles/") && body.contains("ends at its provider at 20"),
        "{body}"
    );
    let noted = events(&t, "grant.ends-soon").await;
    let days: Vec<_> = noted.iter().map(|event| event["details"]["daysAhead"].clone()).collect();
    assert_eq!(days, [1, 7]);
    // authorized again it begins anew; what lives for hours is nothing to tell of
    let owner = t.owner().await;
    connected(&owner, &provider, &profile, json!({})).await;
    t.clock.advance(4 * 86_400);
    t.work().await;
    assert_eq!(told(&t).await, 3);
    provider.adds(json!({"refresh_expires_in": 7_200}));
    connected(&t.owner().await, &provider, &profile, json!({})).await;
    t.clock.advance(3_700);
    t.work().await;
    assert_eq!(told(&t).await, 3);
}

/// A backup holds the tokens of its day: one that was replaced since must not be offered again.
async fn after_a_restore_nothing_of_the_backups_tokens_is_used(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    let machine = made(&owner, &credentials(&provider)).await;
    seen(&echoed(&owner, &provider, &machine).await);
    let other = made(&owner, &with(oauth2(&provider), &json!({"identityProviderName": "Other"}))).await;
    connected(&owner, &provider, &other, json!({})).await;
    let mut tx = t.app.store().begin_always().await.unwrap();
    assert_eq!(gatehouse_connect::after_restore(&mut tx).await.unwrap(), 2);
    tx.commit().await.unwrap();
    provider.asked();
    let owner = later(&t, 3_600).await;
    let error = echoed(&owner, &provider, &profile).await.refused(409, "conflict");
    assert!(error["message"].as_str().unwrap().contains("backup"), "{error}");
    assert!(provider.asked().is_empty());
    let grant = owner.get(&profile).await.ok()["grant"].clone();
    assert_eq!((&grant["state"], &grant["refreshable"]), (&json!("needs_reauthorization"), &json!(false)));
    // whoever answers for them is told once, in one mail
    let told = async || {
        let mails = t.mails_to("owner@main.test").await;
        mails
            .into_iter()
            .filter(|(subject, _)| subject.contains("must be authorized again"))
            .collect::<Vec<_>>()
    };
    let mails = told().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    let (subject, body) = &mails[0];
    assert_eq!(subject, "2 connections must be authorized again");
    for part in ["- Outside: ", "- Other: ", "/integrations/auth-profiles/", "came back from a backup"] {
        assert!(body.contains(part), "{part}: {body}");
    }
    assert_eq!(told().await.len(), 1);
    let noted = events(&t, "grant.needs-reauthorization").await;
    assert_eq!(noted.len(), 2);
    assert!(noted[0]["details"]["reason"].as_str().unwrap().contains("backup"), "{noted:?}");
    let owner = t.owner().await;
    // what needs nobody goes on by itself
    assert_eq!(seen(&echoed(&owner, &provider, &machine).await)["account"], "machine");
    connected(&owner, &provider, &profile, json!({})).await;
    assert_eq!(seen(&echoed(&owner, &provider, &profile).await)["account"], "ada");
}

on_both![
    the_end_of_a_refresh_token_is_mailed_seven_days_and_one_day_ahead,
    after_a_restore_nothing_of_the_backups_tokens_is_used,
];
