use serde_json::json;

use super::{newest_failure, refused_for};
use crate::support::{Asked, Client, LabConnection, Op, Signer, TestApp, on_both};

/// One sign-in with a token of this key.
async fn enter(
    t: &TestApp,
    op: &Op,
    lab: &LabConnection,
    key: &Signer,
    browser: &Client,
) -> crate::support::Answer {
    let asked = Asked::start(browser, &lab.id).await;
    let now = gatehouse_types::Clock::now(&*t.clock).seconds();
    op.give(&key.token(&op.claims(&asked, now)));
    asked.back(browser, "code=c").await
}

async fn r025_every_sound_algorithm_counts(t: TestApp) {
    let owner = t.owner().await;
    let op = Op::start().await;
    let keys = ["RS256", "RS384", "PS256", "ES256", "ES384", "EdDSA"].map(|alg| Signer::new(alg, alg));
    op.publish(&keys.iter().map(|k| &k.jwk).collect::<Vec<_>>());
    let lab = t.active_openid(&owner, op.body("Op"), "lab.test").await;
    for key in &keys {
        let entered = enter(&t, &op, &lab, key, &t.client()).await;
        assert_eq!(entered.status, 303, "{}: {}", key.alg, newest_failure(&owner, &lab).await);
    }
}

async fn r025_a_new_key_of_the_provider_is_fetched_but_not_for_ever(t: TestApp) {
    let owner = t.owner().await;
    let op = Op::start().await;
    let (old, new) = (Signer::new("ES256", "old"), Signer::new("ES256", "new"));
    op.publish(&[&old.jwk]);
    let lab = t.active_openid(&owner, op.body("Op"), "lab.test").await;
    assert_eq!(enter(&t, &op, &lab, &old, &t.client()).await.status, 303);
    let fetched = op.hits("keys");
    assert_eq!(enter(&t, &op, &lab, &old, &t.client()).await.status, 303);
    assert_eq!(op.hits("keys"), fetched, "they are kept");
    op.publish(&[&old.jwk, &new.jwk]);
    assert_eq!(enter(&t, &op, &lab, &new, &t.client()).await.status, 303);
    assert_eq!(op.hits("keys"), fetched + 1);
    // made-up keys have us fetch a few times and no more
    let foreign = Signer::new("ES256", "foreign");
    for _ in 0..8 {
        let browser = t.client();
        let refused = enter(&t, &op, &lab, &foreign, &browser).await;
        refused_for(&owner, &lab, &browser, &refused, "key_unknown").await;
    }
    assert!(op.hits("keys") <= fetched + 6, "{}", op.hits("keys"));
    // a withdrawn key counts no longer than an hour
    op.publish(&[&new.jwk]);
    t.clock.advance(3_601);
    let (owner, browser) = (t.owner().await, t.client());
    let refused = enter(&t, &op, &lab, &old, &browser).await;
    refused_for(&owner, &lab, &browser, &refused, "key_unknown").await;
}

async fn r025_a_signature_by_another_key_of_the_same_name_is_refused(t: TestApp) {
    let owner = t.owner().await;
    let op = Op::start().await;
    let (real, forged) = (Signer::new("ES256", "same"), Signer::new("ES256", "same"));
    op.publish(&[&real.jwk]);
    let lab = t.active_openid(&owner, op.body("Op"), "lab.test").await;
    let browser = t.client();
    let refused = enter(&t, &op, &lab, &forged, &browser).await;
    refused_for(&owner, &lab, &browser, &refused, "signature_invalid").await;
}

async fn r025_a_symmetric_or_weak_key_of_the_provider_is_refused(t: TestApp) {
    let owner = t.owner().await;
    let op = Op::start().await;
    let (good, odd) = (Signer::new("ES256", "good"), Signer::new("RS256", "odd"));
    let weak = json!({"kty": "RSA", "kid": "odd", "e": "AQAB", "n": "w".repeat(171)});
    op.publish(&[&good.jwk, &weak]);
    let lab = t.active_openid(&owner, op.body("Op"), "lab.test").await;
    let browser = t.client();
    let refused = enter(&t, &op, &lab, &odd, &browser).await;
    refused_for(&owner, &lab, &browser, &refused, "key_refused").await;
    assert!(newest_failure(&owner, &lab).await.to_string().contains("2048"));
}

async fn many_who_begin_at_once_have_one_fetch_the_document(t: TestApp) {
    let owner = t.owner().await;
    let op = Op::start().await;
    op.publish(&[&Signer::new("ES256", "one").jwk]);
    let lab = t.active_openid(&owner, op.body("Op"), "lab.test").await;
    t.clock.advance(3_601);
    let before = op.hits("discovery");
    let start = format!("/sso/{}/start", lab.id);
    let mut running = Vec::new();
    for _ in 0..10 {
        let (browser, start) = (t.client(), start.clone());
        running.push(tokio::spawn(async move { browser.get(&start).await.status }));
    }
    for one in running {
        assert_eq!(one.await.unwrap(), 303);
    }
    assert_eq!(op.hits("discovery"), before + 1);
}

on_both![
    r025_every_sound_algorithm_counts,
    r025_a_new_key_of_the_provider_is_fetched_but_not_for_ever,
    r025_a_signature_by_another_key_of_the_same_name_is_refused,
    r025_a_symmetric_or_weak_key_of_the_provider_is_refused,
    many_who_begin_at_once_have_one_fetch_the_document,
];
