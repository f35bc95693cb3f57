//! Whom a connection over OpenID Connect believes, and from when on no more.

use std::time::Duration;

use serde_json::{Value, json};

use super::{newest_failure, refused_for};
use crate::support::{Answer, Asked, Client, Kind, LabConnection, Op, Signer, TestApp, on_both};

async fn enter(
    t: &TestApp,
    (op, key, lab): (&Op, &Signer, &LabConnection),
    browser: &Client,
    claims: Value,
) -> Answer {
    let asked = Asked::start(browser, &lab.id).await;
    let mut all = op.claims(&asked, gatehouse_types::Clock::now(&*t.clock).seconds());
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    op.give(&key.token(&all));
    asked.back(browser, "code=c").await
}

async fn google_by_any_name_must_say_the_organisation(kind: Kind) {
    let op = Op::start().await;
    let key = Signer::new("RS256", "one");
    op.publish(&[&key.jwk]);
    let t = TestApp::start_with_google(kind, &op.issuer).await;
    let owner = t.owner().await;
    let lab = t.active_openid(&owner, op.body("Own client"), "lab.test").await;
    for provider in ["other", "okta"] {
        owner.put(&lab.path, json!({"provider": provider})).await.ok();
        let browser = t.client();
        let refused = enter(&t, (&op, &key, &lab), &browser, json!({})).await;
        refused_for(&owner, &lab, &browser, &refused, "hosted_domain_mismatch").await;
    }
    let entered = enter(&t, (&op, &key, &lab), &t.client(), json!({"hd": "lab.test"})).await;
    assert_eq!(entered.status, 303, "{}", newest_failure(&owner, &lab).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn google_by_any_name_must_say_the_organisation_sqlite() {
    google_by_any_name_must_say_the_organisation(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn google_by_any_name_must_say_the_organisation_postgres() {
    google_by_any_name_must_say_the_organisation(Kind::Postgres).await;
}

async fn another_client_at_the_provider_finds_people_by_their_address(t: TestApp) {
    let owner = t.owner().await;
    let op = Op::start().await;
    let key = Signer::new("ES256", "one");
    op.publish(&[&key.jwk]);
    let lab = t.active_openid(&owner, op.body("Op"), "lab.test").await;
    let before = t.client();
    assert_eq!(enter(&t, (&op, &key, &lab), &before, json!({"sub": "a"})).await.status, 303);
    let me = before.get("/api/v1/me").await.ok()["user"]["id"].clone();
    // some providers name a person to each client in another way
    owner.put(&lab.path, json!({"oidcConfig": {"clientId": "another"}})).await.ok();
    let after = t.client();
    let entered = enter(&t, (&op, &key, &lab), &after, json!({"sub": "b"})).await;
    assert_eq!(entered.status, 303, "{}", newest_failure(&owner, &lab).await);
    assert_eq!(after.get("/api/v1/me").await.ok()["user"]["id"], me);

    // a subject that was planted by a document from elsewhere does not stay when that is gone
    let elsewhere = Op::start().await;
    elsewhere.describe(json!({"issuer": op.issuer, "token_endpoint": format!("{}/token", op.issuer),
        "jwks_uri": format!("{}/jwks", op.issuer)}));
    let document = format!("{}/.well-known/openid-configuration", elsewhere.issuer);
    let moved = json!({"oidcConfig": {"discoveryUrl": document, "clientSecret": "s"}});
    owner.put(&lab.path, moved).await.ok();
    assert_eq!(enter(&t, (&op, &key, &lab), &t.client(), json!({"sub": "planted"})).await.status, 303);
    owner.put(&lab.path, json!({"oidcConfig": {"discoveryUrl": "", "clientSecret": "s"}})).await.ok();
    let links = owner.get(&format!("{}/identities", lab.path)).await.ok();
    assert_eq!(links["data"], json!([]), "{links}");
}

async fn a_sign_in_under_way_does_not_outlive_the_connection(t: TestApp) {
    let owner = t.owner().await;
    let op = Op::start().await;
    let key = Signer::new("ES256", "one");
    op.publish(&[&key.jwk]);
    let lab = t.active_openid(&owner, op.body("Op"), "lab.test").await;
    let changes = [("put", json!({"oidcConfig": {"scopes": ["openid", "email"]}})), ("post", json!(null))];
    for (method, change) in changes {
        let browser = t.client();
        let asked = Asked::start(&browser, &lab.id).await;
        let now = gatehouse_types::Clock::now(&*t.clock).seconds();
        op.give(&key.token(&op.claims(&asked, now)));
        let hits = op.hits("token");
        op.hold();
        let (waiting, answered) = (browser.clone(), asked);
        let back = tokio::spawn(async move { answered.back(&waiting, "code=c").await });
        while op.hits("token") == hits {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        match method {
            "put" => owner.put(&lab.path, change).await.ok(),
            _ => owner.post_to(&format!("{}/deactivate", lab.path)).await.ok(),
        };
        op.go_on();
        let answer = back.await.unwrap();
        refused_for(&owner, &lab, &browser, &answer, "connection_changed").await;
    }
    let links = owner.get(&format!("{}/identities", lab.path)).await.ok();
    assert_eq!(links["data"], json!([]), "{links}");
}

async fn one_company_does_not_use_up_anothers_reads_of_keys(t: TestApp) {
    let owner = t.owner().await;
    let (op, theirs) = (Op::start().await, Op::start().await);
    let key = Signer::new("ES256", "one");
    op.publish(&[&key.jwk]);
    theirs.describe(json!({"jwks_uri": format!("{}/jwks", op.issuer)}));
    let lab = t.active_openid(&owner, op.body("Op"), "lab.test").await;
    let other = t.active_openid(&owner, theirs.body("Theirs"), "their.test").await;
    assert_eq!(enter(&t, (&op, &key, &lab), &t.client(), json!({})).await.status, 303);
    let foreign = Signer::new("ES256", "foreign");
    for _ in 0..8 {
        let refused = enter(&t, (&theirs, &foreign, &other), &t.client(), json!({})).await;
        assert_eq!(refused.status, 401);
    }
    let rolled = Signer::new("ES256", "rolled");
    op.publish(&[&rolled.jwk]);
    let entered = enter(&t, (&op, &rolled, &lab), &t.client(), json!({})).await;
    assert_eq!(entered.status, 303, "{}", newest_failure(&owner, &lab).await);
}

async fn a_key_that_the_library_does_not_take_is_told_at_the_test(t: TestApp) {
    let owner = t.owner().await;
    let op = Op::start().await;
    let n = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, [0xc5_u8; 768]);
    op.publish(&[&json!({"kty": "RSA", "kid": "long", "use": "sig", "n": n, "e": "AQAB"})]);
    let made = owner.post("/api/v1/sso/connections", op.body("Op")).await.ok();
    let test = format!("/api/v1/sso/connections/{}/test", made["id"].as_str().unwrap());
    let report = owner.post_to(&test).await.ok();
    assert_eq!(report["success"], false, "{report}");
    assert!(report.to_string().contains("4096 bits"), "{report}");
}

on_both![
    another_client_at_the_provider_finds_people_by_their_address,
    a_sign_in_under_way_does_not_outlive_the_connection,
    one_company_does_not_use_up_anothers_reads_of_keys,
    a_key_that_the_library_does_not_take_is_told_at_the_test,
];
