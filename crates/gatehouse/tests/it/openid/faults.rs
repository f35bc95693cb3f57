use std::collections::BTreeSet;

use gatehouse_lab::openid::faults::OpenIdFault;
use serde_json::json;

use super::{newest_failure, refused_for};
use crate::support::{Asked, Op, Signer, TestApp, on_both};

async fn r025_every_fault_of_the_lab_is_refused_for_its_own_reason(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    let mut reasons = BTreeSet::new();
    for fault in OpenIdFault::ALL {
        let browser = t.client();
        let choices = [("person", "ada"), ("fault", fault.code())];
        let back = t.ask_openid(&browser, &format!("/sso/{}/start", lab.id), &choices).await;
        let answer = browser.get(&back).await;
        refused_for(&owner, &lab, &browser, &answer, fault.expected_reason()).await;
        reasons.insert(fault.expected_reason());
        // keys that nobody published are looked for again; the clock lets that happen as often as the test wants
        t.clock.advance(1);
    }
    // two of them are the same refusal: none and a shared secret, and two ways to mix issuers up
    assert_eq!(reasons.len(), OpenIdFault::ALL.len() - 2, "{reasons:?}");
    let linked = owner.get(&format!("{}/identities", lab.path)).await.ok();
    assert!(linked["data"].as_array().unwrap().is_empty(), "{linked}");
}

async fn an_unverified_address_leads_to_no_account_but_a_linked_person_is_known(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    t.person("ada@lab.test", gatehouse_types::Role::Member).await;
    let start = format!("/sso/{}/start", lab.id);
    let unverified = [("person", "ada"), ("fault", "unverified_email")];
    let browser = t.client();
    let back = t.ask_openid(&browser, &start, &unverified).await;
    refused_for(&owner, &lab, &browser, &browser.get(&back).await, "email_unverified").await;
    assert_eq!(t.enter_openid(&browser, &lab, "ada").await.status, 303);
    let again = t.client();
    let back = t.ask_openid(&again, &start, &unverified).await;
    assert_eq!(again.get(&back).await.status, 303, "the subject is linked already");
}

async fn an_answer_with_neither_code_nor_error_is_refused(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    let issuer = t.lab().openid_issuer();
    for (query, reason) in [
        (format!("iss={issuer}"), "code_missing"),
        (format!("iss={issuer}&error=login_required&error_description=Not%20now"), "provider_refused"),
        (format!("iss={issuer}&error=access_denied"), "access_denied"),
        ("code=x".to_owned(), "issuer_mixed_up"),
        ("code=x&iss=https://evil.example".to_owned(), "issuer_mixed_up"),
    ] {
        let browser = t.client();
        let asked = Asked::start(&browser, &lab.id).await;
        refused_for(&owner, &lab, &browser, &asked.back(&browser, &query).await, reason).await;
    }
    // a provider's words are kept short and on one line
    let browser = t.client();
    let asked = Asked::start(&browser, &lab.id).await;
    let long = format!("iss={issuer}&error=x&error_description={}%0A<b>", "y".repeat(3000));
    assert_eq!(asked.back(&browser, &long).await.status, 401);
    let attempt = newest_failure(&owner, &lab).await.to_string();
    assert!(attempt.len() < 3000 && !attempt.contains("\\n"), "{attempt}");
}

async fn r025_claims_of_any_provider_are_judged(t: TestApp) {
    let owner = t.owner().await;
    let op = Op::start().await;
    let key = Signer::new("ES256", "one");
    op.publish(&[&key.jwk]);
    let lab = t.active_openid(&owner, op.body("Op"), "lab.test").await;
    let now = gatehouse_types::Clock::now(&*t.clock).seconds();
    let changes = [
        (json!({"iss": "https://evil.example"}), "issuer_mismatch"),
        // the same address in other words is another issuer
        (json!({"iss": format!("{}/", op.issuer)}), "issuer_mismatch"),
        (json!({"aud": []}), "audience_mismatch"),
        (json!({"aud": ["other"]}), "audience_mismatch"),
        (json!({"aud": ["gatehouse", "other"]}), "authorized_party_mismatch"),
        (json!({"azp": "other"}), "authorized_party_mismatch"),
        (json!({"exp": now - 61}), "expired"),
        (json!({"iat": now + 61}), "issued_in_future"),
        (json!({"nonce": null}), "nonce_mismatch"),
        (json!({"nonce": "other"}), "nonce_mismatch"),
        (json!({"exp": null}), "token_malformed"),
        (json!({"sub": null}), "token_malformed"),
        (json!({"sub": ""}), "subject_invalid"),
        (json!({"sub": "s".repeat(256)}), "subject_invalid"),
        (json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), "access_token_mismatch"),
        (json!({"email": null}), "email_missing"),
        (json!({"email_verified": null}), "email_unverified"),
        (json!({"email_verified": "false"}), "email_unverified"),
    ];
    for (change, reason) in changes {
        let browser = t.client();
        let asked = Asked::start(&browser, &lab.id).await;
        let mut claims = op.claims(&asked, now);
        for (name, value) in change.as_object().unwrap() {
            match value.is_null() {
                true => drop(claims.as_object_mut().unwrap().remove(name)),
                false => claims[name] = value.clone(),
            }
        }
        op.give(&key.token(&claims));
        refused_for(&owner, &lab, &browser, &asked.back(&browser, "code=c").await, reason).await;
    }
    // what is odd but sound
    for change in [
        json!({"aud": ["gatehouse"]}),
        json!({"aud": ["gatehouse", "other"], "azp": "gatehouse"}),
        json!({"exp": now - 59}),
        json!({"iat": now + 59}),
        json!({"email_verified": "true"}),
    ] {
        let browser = t.client();
        let asked = Asked::start(&browser, &lab.id).await;
        let mut claims = op.claims(&asked, now);
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        op.give(&key.token(&claims));
        let entered = asked.back(&browser, "code=c").await;
        assert_eq!(entered.status, 303, "{change}: {} {}", entered.body, newest_failure(&owner, &lab).await);
    }
}

async fn what_the_token_endpoint_says_is_judged(t: TestApp) {
    let owner = t.owner().await;
    let op = Op::start().await;
    let key = Signer::new("ES256", "one");
    op.publish(&[&key.jwk]);
    let lab = t.active_openid(&owner, op.body("Op"), "lab.test").await;
    for (token, reason) in
        [("no.jwt", "token_malformed"), ("", "token_malformed"), ("e30.e30.AAAA", "algorithm_refused")]
    {
        let browser = t.client();
        let asked = Asked::start(&browser, &lab.id).await;
        op.give(token);
        refused_for(&owner, &lab, &browser, &asked.back(&browser, "code=c").await, reason).await;
    }
    // one ID token counts once, even if the provider gives it for two codes
    let browser = t.client();
    let asked = Asked::start(&browser, &lab.id).await;
    let now = gatehouse_types::Clock::now(&*t.clock).seconds();
    op.give(&key.token(&op.claims(&asked, now)));
    assert_eq!(asked.back(&browser, "code=c").await.status, 303);
    let thief = t.client();
    let other = Asked::start(&thief, &lab.id).await;
    refused_for(&owner, &lab, &thief, &other.back(&thief, "code=c").await, "nonce_mismatch").await;
}

on_both![
    r025_every_fault_of_the_lab_is_refused_for_its_own_reason,
    an_unverified_address_leads_to_no_account_but_a_linked_person_is_known,
    an_answer_with_neither_code_nor_error_is_refused,
    r025_claims_of_any_provider_are_judged,
    what_the_token_endpoint_says_is_judged,
];
