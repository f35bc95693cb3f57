use serde_json::{Value, json};

use super::refused_for;
use crate::support::{Asked, Kind, Op, Signer, TestApp, on_both};

const CONNECTIONS: &str = "/api/v1/sso/connections";

fn body() -> Value {
    json!({"name": "Google", "protocol": "oidc", "provider": "google", "jitProvisioning": true})
}

async fn r024_google_needs_no_values_of_the_administrator(kind: Kind) {
    let op = Op::start().await;
    let key = Signer::new("RS256", "one");
    op.publish(&[&key.jwk]);
    let t = TestApp::start_with_google(kind, &op.issuer).await;
    let owner = t.owner().await;
    let lab = t.active_openid(&owner, body(), "lab.test").await;
    let shown = owner.get(&lab.path).await.ok();
    assert!(!shown.to_string().contains("operators-secret"), "{shown}");
    let now = gatehouse_types::Clock::now(&*t.clock).seconds();
    for (hd, reason) in
        [(json!("evil.test"), "hosted_domain_mismatch"), (json!(null), "hosted_domain_mismatch")]
    {
        let browser = t.client();
        let asked = Asked::start(&browser, &lab.id).await;
        let mut claims = op.claims(&asked, now);
        claims["hd"] = hd;
        op.give(&key.token(&claims));
        refused_for(&owner, &lab, &browser, &asked.back(&browser, "code=c").await, reason).await;
    }
    let browser = t.client();
    let asked = Asked::start(&browser, &lab.id).await;
    assert_eq!(
        (asked.query["client_id"].as_str(), asked.query["hd"].as_str()),
        ("operators-client", "lab.test")
    );
    let mut claims = op.claims(&asked, now);
    claims["hd"] = json!("lab.test");
    op.give(&key.token(&claims));
    assert_eq!(asked.back(&browser, "code=c").await.status, 303);
    assert_eq!(browser.get("/api/v1/me").await.ok()["user"]["email"], "ada@lab.test");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r024_google_needs_no_values_of_the_administrator_sqlite() {
    r024_google_needs_no_values_of_the_administrator(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r024_google_needs_no_values_of_the_administrator_postgres() {
    r024_google_needs_no_values_of_the_administrator(Kind::Postgres).await;
}

async fn r024_without_a_client_of_the_operator_it_is_said_what_is_missing(t: TestApp) {
    let owner = t.owner().await;
    let made = owner.post(CONNECTIONS, body()).await.ok();
    let path = format!("{CONNECTIONS}/{}", made["id"].as_str().unwrap());
    let report = owner.post_to(&format!("{path}/test")).await.ok();
    assert_eq!(report["success"], false);
    assert!(report["error"].as_str().unwrap().contains("GATEHOUSE_GOOGLE_CLIENT_ID"), "{report}");
    // other providers need their values
    let mut other = body();
    other["provider"] = json!("other");
    let error = owner.post(CONNECTIONS, other.clone()).await.refused(400, "validation_error");
    assert_eq!(error["field"], "oidcConfig");
    other["oidcConfig"] = json!({});
    let error = owner.post(CONNECTIONS, other).await.refused(400, "validation_error");
    assert_eq!(error["field"], "oidcConfig.issuerUrl");
    let error = owner.put(&path, json!({"provider": "other"})).await.refused(400, "validation_error");
    assert_eq!(error["field"], "oidcConfig.issuerUrl");
}

on_both![r024_without_a_client_of_the_operator_it_is_said_what_is_missing];
