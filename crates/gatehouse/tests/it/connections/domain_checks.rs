//! What happens to a domain after its proof: the daily look, grace and lapse, the way to another owner, and domains
//! that are kept apart.

use serde_json::{Value, json};

use super::{CONNECTIONS, path_of, saml};
use crate::support::{Client, TestApp, on_both};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const RECORD: &str = "_gatehouse-verify.lab.test";

async fn domain(by: &Client, path: &str, id: &str) -> Value {
    let all = by.get(path).await.ok()["domains"].clone();
    all.as_array().unwrap().iter().find(|d| d["id"] == id).unwrap().clone()
}

async fn events(by: &Client, event: &str) -> Vec<Value> {
    let listed = by.get("/api/v1/audit-events?pageSize=100").await.ok();
    listed["data"].as_array().unwrap().iter().filter(|e| e["event"] == event).cloned().collect()
}

async fn mails(by: &Client, subject: &str) -> usize {
    let listed = by.get("/api/v1/outbox?pageSize=100").await.ok();
    listed["data"].as_array().unwrap().iter().filter(|m| m["subject"] == subject).count()
}

async fn verify(by: &Client, path: &str, id: &str) -> crate::support::Answer {
    by.call("PUT", &format!("{path}/domains/{id}/verify"), None).await
}

/// A claim with its token, not proved yet.
async fn claim(by: &Client, path: &str, domain: &str) -> (String, String) {
    let made = by.post(&format!("{path}/domains"), json!({"domain": domain})).await.ok();
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    (text(&made["domain"]["id"]), text(&made["dnsRecord"]["value"]))
}

async fn a_missing_proof_has_seven_days_of_grace_and_then_lapses(t: TestApp) {
    let lab = t.active_lab(&t.owner().await).await;
    t.work().await;
    let seen = domain(&t.owner().await, &lab.path, &lab.domain).await;
    assert_eq!((&seen["status"], &seen["checkFailingSince"]), (&json!("verified"), &Value::Null));
    t.dns.remove(RECORD);
    t.work().await;
    let owner = t.owner().await;
    assert_eq!(domain(&owner, &lab.path, &lab.domain).await["checkFailingSince"], Value::Null, "not due yet");
    for day in 1..=7 {
        t.clock.advance(DAY + HOUR / 2);
        t.work().await;
        let owner = t.owner().await;
        let seen = domain(&owner, &lab.path, &lab.domain).await;
        assert_eq!(seen["status"], "verified", "day {day}: {seen}");
        assert!(seen["checkFailingSince"].is_string() && seen["lastCheckedAt"].is_string(), "{seen}");
        assert!(seen["lastError"].as_str().unwrap().contains(RECORD), "{seen}");
        assert_eq!(mails(&owner, "The proof of lab.test is missing").await, 1, "told once");
        assert_eq!(events(&owner, "sso.domain-proof-missing").await.len(), 1);
    }
    // the grace counts: people sign in as ever
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303);
    t.clock.advance(DAY + HOUR / 2);
    t.work().await;
    let owner = t.owner().await;
    let seen = domain(&owner, &lab.path, &lab.domain).await;
    assert_eq!((&seen["status"], &seen["isPrimary"]), (&json!("expired"), &json!(false)));
    assert_eq!(mails(&owner, "lab.test is no longer verified").await, 1);
    assert_eq!(events(&owner, "sso.domain-expired").await.len(), 1);
    let refused = t.enter_from_lab(&t.client(), &lab.id, "ada").await;
    assert_eq!(refused.status, 401);
    let attempt = owner.get(&format!("{}/attempts?outcome=failure", lab.path)).await.ok()["data"][0].clone();
    assert_eq!(attempt["reason"], "domain_expired");
    let nowhere = json!({"ssoRequired": false, "ssoOptional": false});
    let asked = t.client().post("/api/v1/auth/discover", json!({"email": "ada@lab.test"})).await.ok();
    assert_eq!(asked, nowhere);
    // the way back
    t.dns.set_txt(RECORD, [seen["verificationToken"].as_str().unwrap()]);
    let back = verify(&owner, &lab.path, &lab.domain).await.ok();
    assert_eq!((&back["success"], &back["domain"]["status"]), (&json!(true), &json!("verified")));
    assert_eq!((&back["domain"]["isPrimary"], &back["domain"]["lastError"]), (&json!(true), &Value::Null));
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303);
}

async fn a_proof_that_returns_in_time_is_as_before(t: TestApp) {
    let lab = t.active_lab(&t.owner().await).await;
    let token = domain(&t.owner().await, &lab.path, &lab.domain).await["verificationToken"].clone();
    t.dns.remove(RECORD);
    t.clock.advance(DAY + HOUR);
    t.work().await;
    t.dns.set_txt(RECORD, [token.as_str().unwrap()]);
    t.clock.advance(DAY + HOUR);
    t.work().await;
    let owner = t.owner().await;
    let seen = domain(&owner, &lab.path, &lab.domain).await;
    assert_eq!((&seen["status"], &seen["checkFailingSince"]), (&json!("verified"), &Value::Null));
    assert_eq!(events(&owner, "sso.domain-proof-returned").await.len(), 1);
    // a person who looks herself begins the grace too, and loses nothing
    t.dns.remove(RECORD);
    let looked = verify(&owner, &lab.path, &lab.domain).await.ok();
    assert_eq!((&looked["success"], &looked["domain"]["status"]), (&json!(false), &json!("verified")));
    assert!(looked["domain"]["checkFailingSince"].is_string(), "{looked}");
}

async fn a_dns_server_that_fails_never_counts_as_a_missing_proof(t: TestApp) {
    let lab = t.active_lab(&t.owner().await).await;
    t.dns.fail(RECORD);
    for _ in 0..12 {
        t.clock.advance(DAY + HOUR);
        t.work().await;
    }
    let owner = t.owner().await;
    let seen = domain(&owner, &lab.path, &lab.domain).await;
    assert_eq!((&seen["status"], &seen["checkFailingSince"]), (&json!("verified"), &Value::Null));
    assert!(seen["lastError"].as_str().unwrap().contains("could not be looked up"), "{seen}");
    assert_eq!(mails(&owner, "The proof of lab.test is missing").await, 0);
}

async fn a_claim_nobody_proves_expires_and_can_be_verified_anew(t: TestApp) {
    let owner = t.owner().await;
    let path = path_of(&owner.post(CONNECTIONS, saml("Claims")).await.ok());
    let (id, token) = claim(&owner, &path, "late.test").await;
    t.clock.advance(14 * DAY - HOUR);
    t.work().await;
    assert_eq!(domain(&t.owner().await, &path, &id).await["status"], "pending");
    t.clock.advance(2 * HOUR);
    t.work().await;
    let owner = t.owner().await;
    assert_eq!(domain(&owner, &path, &id).await["status"], "expired");
    assert_eq!(verify(&owner, &path, &id).await.ok()["domain"]["status"], "failed");
    t.dns.set_txt("_gatehouse-verify.late.test", [token.as_str()]);
    assert_eq!(verify(&owner, &path, &id).await.ok()["domain"]["status"], "verified");
}

async fn a_domain_moves_to_who_proves_it_only_after_a_day_without_the_old_proof(t: TestApp) {
    let (owner, stranger) = (t.owner().await, t.stranger().await);
    let lab = t.active_lab(&owner).await;
    let foreign = path_of(&stranger.post(CONNECTIONS, saml("Foreign")).await.ok());
    let add = json!({"domain": "lab.test"});
    let stands = stranger.post(&format!("{foreign}/domains"), add.clone()).await.refused(409, "conflict");
    let words = stands["message"].as_str().unwrap();
    assert!(words.contains(RECORD) && !words.contains("Main") && !words.contains(&lab.id), "{words}");
    // the domain changes hands: the old record is gone, and the daily look sees it
    t.dns.remove(RECORD);
    t.clock.advance(DAY + HOUR);
    t.work().await;
    let stranger = t.sign_in("owner@other.test").await;
    let (id, token) = claim(&stranger, &foreign, "lab.test").await;
    t.dns.set_txt(RECORD, [token.as_str()]);
    verify(&stranger, &foreign, &id).await.refused(409, "conflict");
    t.clock.advance(DAY + HOUR);
    let stranger = t.sign_in("owner@other.test").await;
    // a trial run says that it would work, and nothing of the other side
    let trial = stranger.call("PUT", &format!("{foreign}/domains/{id}/verify?dryRun=true"), None).await;
    assert_eq!(trial.ok()["result"]["success"], true);
    assert!(!trial.body.contains(&lab.id) && !trial.body.contains(&lab.domain), "{}", trial.body);
    let moved = verify(&stranger, &foreign, &id).await.ok();
    assert_eq!(moved["domain"]["status"], "verified");
    let owner = t.owner().await;
    assert_eq!(domain(&owner, &lab.path, &lab.domain).await["status"], "expired");
    assert_eq!(mails(&owner, "lab.test is no longer verified").await, 1);
    assert_eq!(mails(&stranger, "lab.test was taken over").await, 1);
    let lost = events(&owner, "sso.domain-expired").await;
    assert_eq!((lost.len(), &lost[0]["actorKind"]), (1, &json!("system")), "{lost:?}");
    assert_eq!(events(&stranger, "sso.domain-taken-over").await.len(), 1);
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 401);
}

async fn a_proof_that_stands_or_cannot_be_seen_keeps_its_domain(t: TestApp) {
    let (owner, stranger) = (t.owner().await, t.stranger().await);
    let foreign = path_of(&stranger.post(CONNECTIONS, saml("Foreign")).await.ok());
    let (id, token) = claim(&stranger, &foreign, "lab.test").await;
    let lab = t.active_lab(&owner).await;
    let held = domain(&owner, &lab.path, &lab.domain).await["verificationToken"].clone();
    t.dns.remove(RECORD);
    t.clock.advance(DAY + HOUR);
    t.work().await;
    t.clock.advance(DAY + HOUR);
    // both records: the holder's stands again
    t.dns.set_txt(RECORD, [held.as_str().unwrap(), token.as_str()]);
    let stranger = t.sign_in("owner@other.test").await;
    verify(&stranger, &foreign, &id).await.refused(409, "conflict");
    assert_eq!(domain(&t.owner().await, &lab.path, &lab.domain).await["status"], "verified");
    // a lost newcomer is no failing holder
    t.dns.fail(RECORD);
    assert_eq!(verify(&stranger, &foreign, &id).await.ok()["success"], false);
    assert_eq!(domain(&t.owner().await, &lab.path, &lab.domain).await["status"], "verified");
}

async fn a_removed_primary_domain_hands_on_to_the_next_verified_one(t: TestApp) {
    let owner = t.owner().await;
    let path = path_of(&owner.post(CONNECTIONS, saml("Primary")).await.ok());
    let first = t.prove(&owner, &path, "first.test").await;
    let second = t.prove(&owner, &path, "second.test").await;
    claim(&owner, &path, "pending.test").await;
    owner.delete(&format!("{path}/domains/{first}")).await.ok();
    assert_eq!(domain(&owner, &path, &second).await["isPrimary"], true);
}

async fn people_at_a_domain_kept_apart_sign_in_by_default(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    t.person("ada@lab.test", gatehouse_types::Role::Member).await;
    owner.put("/api/v1/sso/settings", json!({"connectionId": lab.id})).await.ok();
    owner.post_to("/api/v1/sso/settings/enable").await.ok();
    let login = json!({"email": "ada@lab.test", "password": crate::support::PASSWORD});
    assert_ne!(t.client().post("/api/v1/auth/login", login.clone()).await.status, 200, "it is mandatory");
    let at = format!("{}/domains/{}", lab.path, lab.domain);
    owner.put(&at, json!({"federated": "no"})).await.refused(400, "validation_error");
    let apart = owner.put(&at, json!({"federated": false})).await.ok();
    assert_eq!(
        (&apart["domain"]["federated"], &apart["domain"]["status"]),
        (&json!(false), &json!("verified"))
    );
    let asked = t.client().post("/api/v1/auth/discover", json!({"email": "ada@lab.test"})).await.ok();
    assert_eq!(asked, json!({"ssoRequired": false, "ssoOptional": false}));
    assert_eq!(t.client().post("/api/v1/auth/login", login).await.status, 200, "not for them");
    // the provider cannot assert them
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 401);
    let attempt = owner.get(&format!("{}/attempts?outcome=failure", lab.path)).await.ok()["data"][0].clone();
    assert_eq!(attempt["reason"], "domain_not_federated");
    assert_eq!(events(&owner, "sso.domain-set-apart").await.len(), 1);
    // nobody else gets the domain meanwhile, and the way back is open
    owner.put(&at, json!({"federated": true})).await.ok();
    assert_eq!(events(&owner, "sso.domain-federated").await.len(), 1);
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303);
}

on_both![
    a_missing_proof_has_seven_days_of_grace_and_then_lapses,
    a_proof_that_returns_in_time_is_as_before,
    a_dns_server_that_fails_never_counts_as_a_missing_proof,
    a_claim_nobody_proves_expires_and_can_be_verified_anew,
    a_domain_moves_to_who_proves_it_only_after_a_day_without_the_old_proof,
    a_proof_that_stands_or_cannot_be_seen_keeps_its_domain,
    a_removed_primary_domain_hands_on_to_the_next_verified_one,
    people_at_a_domain_kept_apart_sign_in_by_default,
];
