use gatehouse_saml::idp::{Encryption, KeyTransport};
use gatehouse_saml::{AuthnRequest, Certificate};
use serde_json::{Value, json};

use crate::support::{Answer, Client, LabConnection, TestApp, on_both};

pub(super) const KEYS: &str = "/api/v1/sso/sp-keys";

pub(super) async fn states(by: &Client) -> Vec<(String, bool)> {
    let listed = by.get(KEYS).await.ok();
    let of = |k: &Value| (k["state"].as_str().unwrap().to_owned(), k["shared"].as_bool().unwrap());
    listed["data"].as_array().unwrap().iter().map(of).collect()
}

pub(super) fn expect(states: &[(String, bool)], expected: &[(&str, bool)]) {
    let states: Vec<_> = states.iter().map(|(s, shared)| (s.as_str(), *shared)).collect();
    assert_eq!(states, expected);
}

pub(super) fn certificate(key: &Value) -> Certificate {
    Certificate::from_pem_or_base64(key["certificate"].as_str().unwrap()).unwrap()
}

/// The certificates of a metadata document for one use, in their order.
pub(super) fn published(document: &str, usage: &str) -> Vec<String> {
    let parts =
        document.split("<md:KeyDescriptor ").skip(1).filter(|p| p.contains(&format!("use=\"{usage}\"")));
    let base64 = |p: &str| {
        let rest = p.split("X509Certificate>").nth(1).unwrap();
        rest.trim_end_matches("</ds:").to_owned()
    };
    let print = |p: &str| Certificate::from_pem_or_base64(&base64(p)).unwrap().fingerprint().to_owned();
    parts.map(print).collect()
}

pub(super) async fn encrypted(t: &TestApp, lab: &LabConnection, to: &Certificate) -> Answer {
    let form = t
        .hand_made_with(&lab.id, "ada@lab.test", |r| {
            r.encrypt = Some((to.clone(), Encryption::default(), KeyTransport::default()));
        })
        .await;
    form.send(&t.client()).await
}

async fn a_key_rolls_over_with_an_overlap(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    owner.put(&lab.path, json!({"samlConfig": {"signRequests": true}})).await.ok();
    let common = t.client().get("/saml/metadata").await.body;
    let document = format!("/saml/metadata/{}", lab.id);
    let shared = owner.get(KEYS).await.ok()["data"][0].clone();
    expect(&states(&owner).await, &[("current", true)]);
    owner.delete(&format!("{KEYS}/{}", shared["id"].as_str().unwrap())).await.refused(409, "conflict");

    // next: published after the current one, decrypts already
    let next = owner.post_to(KEYS).await.ok();
    assert_eq!(
        (&next["state"], &next["shared"], &next["version"]),
        (&json!("next"), &json!(false), &json!(1))
    );
    owner.post_to(KEYS).await.refused(409, "conflict");
    expect(&states(&owner).await, &[("next", false), ("current", true)]);
    let told = t.client().get(&document).await.body;
    let order = [&shared, &next].map(|k| k["fingerprint"].as_str().unwrap().to_owned());
    assert_eq!(published(&told, "signing"), order);
    assert_eq!(published(&told, "encryption"), order);
    assert_eq!(
        owner.get("/api/v1/sso/sp-metadata").await.ok()["metadataXml"]
            .as_str()
            .map(|x| published(x, "signing")),
        Some(order.to_vec())
    );
    assert_eq!(encrypted(&t, &lab, &certificate(&next)).await.status, 303);
    assert_eq!(signed_by(&t, &lab, &certificate(&shared)).await, Ok(true));

    // promoted: it signs, and the previous one still decrypts
    let path = format!("{KEYS}/{}", next["id"].as_str().unwrap());
    let promoted = owner.post_to(&format!("{path}/promote")).await.ok();
    assert_eq!(promoted["state"], "current");
    owner.post_to(&format!("{path}/promote")).await.refused(409, "conflict");
    owner.delete(&path).await.refused(409, "conflict");
    expect(&states(&owner).await, &[("current", false), ("previous", true)]);
    assert_eq!(signed_by(&t, &lab, &certificate(&next)).await, Ok(true));
    assert!(signed_by(&t, &lab, &certificate(&shared)).await.is_err());
    assert_eq!(encrypted(&t, &lab, &certificate(&shared)).await.status, 303);
    let attempt = owner.get(&format!("{}/attempts", lab.path)).await.ok()["data"][0].clone();
    assert!(attempt["checks"].to_string().contains("previous key"), "{attempt}");
    assert_eq!(encrypted(&t, &lab, &certificate(&next)).await.status, 303);
    let own = owner.get(KEYS).await.ok()["data"][0].clone();
    assert!(own["lastUsedAt"].is_string(), "{own}");
    let told = t.client().get(&document).await.body;
    assert_eq!(published(&told, "encryption"), [order[1].clone()]);
    // the common document and other workspaces stay with the shared key
    assert_eq!(t.client().get("/saml/metadata").await.body, common);
    let stranger = t.stranger().await;
    expect(&states(&stranger).await, &[("current", true)]);
    stranger.delete(&path).await.refused(404, "not_found");

    // one overlap at a time, then the previous one is retired
    let third = owner.post_to(KEYS).await.ok();
    let third = format!("{KEYS}/{}", third["id"].as_str().unwrap());
    owner.post_to(&format!("{third}/promote")).await.refused(409, "conflict");
    owner.delete(&format!("{KEYS}/{}", shared["id"].as_str().unwrap())).await.ok();
    let refused = encrypted(&t, &lab, &certificate(&shared)).await;
    assert_eq!(refused.status, 401, "{}", refused.body);
    let attempt = owner.get(&format!("{}/attempts?outcome=failure", lab.path)).await.ok()["data"][0].clone();
    assert_eq!(attempt["reason"], "decryption_failed");
    owner.post_to(&format!("{third}/promote")).await.ok();
    expect(&states(&owner).await, &[("current", false), ("previous", false)]);
    assert_eq!(encrypted(&t, &lab, &certificate(&next)).await.status, 303);
    owner.delete(&path).await.ok();
    assert_eq!(encrypted(&t, &lab, &certificate(&next)).await.status, 401);
    owner.delete(&path).await.refused(404, "not_found");
    expect(&states(&owner).await, &[("current", false)]);

    let audit = owner.get("/api/v1/audit-events?pageSize=100").await.body;
    for event in ["sso.sp-key-created", "sso.sp-key-promoted", "sso.sp-key-retired"] {
        assert!(audit.contains(event), "{event}");
    }
    assert!(!audit.contains("PRIVATE") && !owner.get(KEYS).await.body.contains("PRIVATE"));
}

/// Whether a sign-in's request is signed with this certificate's key.
pub(super) async fn signed_by(
    t: &TestApp,
    lab: &LabConnection,
    certificate: &Certificate,
) -> Result<bool, gatehouse_saml::RedirectError> {
    let started = t.client().get(&format!("/sso/{}/start", lab.id)).await;
    let query = started.location().unwrap().split_once('?').unwrap().1.to_owned();
    AuthnRequest::from_redirect_query(&query, Some(certificate)).map(|r| r.signature_verified)
}

async fn a_trial_makes_no_key_and_a_withdrawn_one_is_gone(t: TestApp) {
    let owner = t.owner().await;
    let trial = owner.post_to(&format!("{KEYS}?dryRun=true")).await.ok();
    assert_eq!(trial["result"]["state"], "next");
    expect(&states(&owner).await, &[("current", true)]);
    let next = owner.post_to(KEYS).await.ok();
    owner.delete(&format!("{KEYS}/{}", next["id"].as_str().unwrap())).await.ok();
    expect(&states(&owner).await, &[("current", true)]);
    assert_eq!(t.client().get("/saml/metadata/con_none").await.status, 404);
}

async fn nobody_makes_keys_without_end(t: TestApp) {
    let owner = t.owner().await;
    for _ in 0..10 {
        let next = owner.post_to(KEYS).await.ok();
        owner.delete(&format!("{KEYS}/{}", next["id"].as_str().unwrap())).await.ok();
    }
    let limited = owner.post_to(KEYS).await;
    assert!(limited.status == 429 && limited.header("retry-after").is_some(), "{}", limited.body);
    t.clock.advance(60);
    owner.post_to(KEYS).await.ok();
}

on_both![
    a_key_rolls_over_with_an_overlap,
    a_trial_makes_no_key_and_a_withdrawn_one_is_gone,
    nobody_makes_keys_without_end,
];
