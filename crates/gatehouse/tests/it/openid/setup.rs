use serde_json::json;

use crate::support::{Op, Signer, TestApp, on_both};

const CONNECTIONS: &str = "/api/v1/sso/connections";

fn path_of(made: &serde_json::Value) -> String {
    format!("{CONNECTIONS}/{}", made["id"].as_str().unwrap())
}

async fn r057_a_test_says_whether_document_and_keys_are_valid(t: TestApp) {
    let owner = t.owner().await;
    let op = Op::start().await;
    let key = Signer::new("ES256", "one");
    let path = path_of(&owner.post(CONNECTIONS, op.body("Op")).await.ok());
    let tried = async |success: bool, discovery: bool, jwks: bool| {
        let report = owner.post_to(&format!("{path}/test")).await.ok();
        assert_eq!(report["success"], success, "{report}");
        let details = report["details"].as_object().unwrap();
        assert_eq!(
            details.keys().collect::<Vec<_>>(),
            ["discoveryValid", "jwksValid", "latencyMs"],
            "{report}"
        );
        assert_eq!((&details["discoveryValid"], &details["jwksValid"]), (&json!(discovery), &json!(jwks)));
        assert_eq!(report["error"].is_string(), !success, "{report}");
        let status = owner.get(&path).await.ok()["status"].clone();
        assert_eq!(status, if success { "testing" } else { "error" });
        report
    };
    // R058: no key at all
    tried(false, true, false).await;
    op.publish(&[&key.jwk]);
    tried(true, true, true).await;
    op.describe(json!({"issuer": "https://evil.example"}));
    let report = tried(false, false, false).await;
    assert!(report["error"].as_str().unwrap().contains("https://evil.example"), "{report}");
    op.describe(json!({"jwks_uri": "http://192.0.2.1/keys"}));
    tried(false, false, false).await;
    op.describe(json!({}));
    tried(true, true, true).await;
    // R060: what was not tested since it changed is not activated
    t.prove(&owner, &path, "lab.test").await;
    owner.put(&path, json!({"oidcConfig": {"scopes": ["openid", "email"]}})).await.ok();
    owner.post_to(&format!("{path}/activate")).await.refused(400, "validation_error");
    tried(true, true, true).await;
    assert_eq!(owner.post_to(&format!("{path}/activate")).await.ok()["status"], "active");
    // R059: people of the domain are sent to this provider
    let found = t.client().post("/api/v1/auth/discover", json!({"email": "ada@lab.test"})).await.ok();
    assert!(found["redirectUrl"].as_str().unwrap().contains("/sso/con_"), "{found}");
}

async fn r056_a_provider_that_cannot_be_reached_fails_the_test_and_the_start(t: TestApp) {
    let owner = t.owner().await;
    let op = Op::start().await;
    op.publish(&[&Signer::new("ES256", "one").jwk]);
    let lab = t.active_openid(&owner, op.body("Op"), "lab.test").await;
    op.describe(json!({"issuer": "https://gone.example"}));
    t.clock.advance(3_601);
    let owner = t.owner().await;
    let start = t.client().get(&format!("/sso/{}/start", lab.id)).await;
    assert_eq!(start.status, 503, "{}", start.body);
    let attempt = super::newest_failure(&owner, &lab).await;
    assert_eq!(attempt["reason"], "discovery_issuer_mismatch", "{attempt}");
    assert_eq!(attempt["decision"], json!(start.decision()));
    // the outside world is not called where the operator forbids it
    let mut body = op.body("Private");
    body["oidcConfig"]["issuerUrl"] = json!("https://10.0.0.1");
    let path = path_of(&owner.post(CONNECTIONS, body).await.ok());
    let report = owner.post_to(&format!("{path}/test")).await.ok();
    assert!(report["error"].as_str().unwrap().contains("Gatehouse does not call"), "{report}");
}

async fn r054_only_what_is_sent_changes(t: TestApp) {
    let owner = t.owner().await;
    let mut body = t.openid_body("Partial");
    body["oidcConfig"]["discoveryUrl"] = json!("https://op.example/d");
    let path = path_of(&owner.post(CONNECTIONS, body.clone()).await.ok());
    let changed = owner.put(&path, json!({"oidcConfig": {"clientSecret": "another"}})).await.ok();
    for field in ["issuerUrl", "clientId", "discoveryUrl"] {
        assert_eq!(changed["oidcConfig"][field], body["oidcConfig"][field], "{field}");
    }
    assert_eq!(changed["oidcConfig"]["scopes"], json!(["openid", "profile", "email"]));
    let cleared = owner.put(&path, json!({"oidcConfig": {"discoveryUrl": ""}})).await.ok();
    assert!(cleared["oidcConfig"].get("discoveryUrl").is_none(), "{cleared}");
}

async fn the_lab_speaks_for_its_own_workspace_alone(t: TestApp) {
    let stranger = t.stranger().await;
    let error = stranger.post(CONNECTIONS, t.openid_body("Foreign")).await.refused(400, "validation_error");
    assert_eq!(error["field"], "oidcConfig.issuerUrl");
    let other = t.workspace("Third").await;
    let issuer = gatehouse_lab::Addresses::new(t.app.public_url(), &other).openid_path();
    for below in ["/.well-known/openid-configuration", "/jwks", "/authorize", "/logout"] {
        assert_eq!(t.client().get(&format!("{issuer}{below}")).await.status, 404, "{below}");
    }
}

on_both![
    r057_a_test_says_whether_document_and_keys_are_valid,
    r056_a_provider_that_cannot_be_reached_fails_the_test_and_the_start,
    r054_only_what_is_sent_changes,
    the_lab_speaks_for_its_own_workspace_alone,
];
