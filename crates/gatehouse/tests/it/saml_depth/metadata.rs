use gatehouse_saml::idp::{SignOptions, sign_enveloped};
use serde_json::{Value, json};

use super::provider::{DAY, ENTITY, Key, Served, document, key, unasked, work};
use crate::support::{Client, TestApp, on_both};

const CONNECTIONS: &str = "/api/v1/sso/connections";

fn body(config: &Value) -> Value {
    json!({"name": "Corp", "protocol": "saml", "jitProvisioning": true, "samlConfig": config})
}

fn prints(connection: &Value) -> Vec<String> {
    let details = connection["samlConfig"]["certificateDetails"].as_array().unwrap();
    details.iter().map(|c| c["fingerprint"].as_str().unwrap().to_owned()).collect()
}

fn of(keys: &[&Key]) -> Vec<String> {
    keys.iter().map(|k| k.certificate.fingerprint().to_owned()).collect()
}

/// A connection that is fed by an address, in use.
async fn active(t: &TestApp, by: &Client, served: &Served) -> (String, String) {
    let made = by.post(CONNECTIONS, body(&json!({"metadataUrl": served.url}))).await.ok();
    let id = made["id"].as_str().unwrap().to_owned();
    let path = format!("{CONNECTIONS}/{id}");
    t.prove(by, &path, "corp.test").await;
    by.post_to(&format!("{path}/test")).await.ok();
    by.post_to(&format!("{path}/activate")).await.ok();
    (id, path)
}

async fn an_address_fills_the_connection_and_a_rolled_key_follows(t: TestApp) {
    let owner = t.owner().await;
    let (old, new) = (key(&t, -30, 300), key(&t, -1, 600));
    let served = Served::start(&document(&[&old])).await;
    let (id, path) = active(&t, &owner, &served).await;
    let made = owner.get(&path).await.ok();
    let saml = &made["samlConfig"];
    assert_eq!((&saml["entityId"], &saml["ssoUrl"]), (&json!(ENTITY), &json!("https://idp.corp.test/sso")));
    assert_eq!((&saml["requestBinding"], prints(&made)), (&json!("redirect"), of(&[&old])));
    assert_eq!(saml["metadata"]["url"], json!(served.url));
    assert!(saml["metadata"]["fetchedAt"].is_string() && saml["metadata"]["error"].is_null(), "{saml}");
    assert_eq!(unasked(&t, &id, &old).send(&t.client()).await.status, 303);
    assert_eq!(unasked(&t, &id, &new).send(&t.client()).await.status, 401);

    // both, then the new one alone: certificates come and go as the metadata says
    served.now_says(Some(&document(&[&old, &new])));
    let refresh = format!("{path}/metadata/refresh");
    assert_eq!(prints(&owner.post_to(&refresh).await.ok()), of(&[&new, &old]));
    assert_eq!(unasked(&t, &id, &old).send(&t.client()).await.status, 303);
    let attempt = owner.get(&format!("{path}/attempts")).await.ok()["data"][0].clone();
    assert_eq!(attempt["usedFallbackCertificate"], true);
    assert_eq!(unasked(&t, &id, &new).send(&t.client()).await.status, 303);
    served.now_says(Some(&document(&[&new])));
    t.clock.advance(DAY + 1);
    work(&t).await;
    let owner = t.owner().await;
    let now = owner.get(&path).await.ok();
    assert_eq!((prints(&now), &now["status"]), (of(&[&new]), &json!("active")));
    assert_eq!(unasked(&t, &id, &old).send(&t.client()).await.status, 401);
    let event = owner.get("/api/v1/audit-events?event=sso.metadata-changed").await.ok()["data"][0].clone();
    assert_eq!(event["details"]["oldCertificates"], json!(of(&[&new, &old])));
    assert_eq!(event["details"]["newCertificates"], json!(of(&[&new])));
    // nothing new: no version, no entry
    let version = now["version"].clone();
    assert_eq!(owner.post_to(&refresh).await.ok()["version"], version);
}

async fn metadata_that_cannot_be_used_changes_nothing_and_is_told(t: TestApp) {
    let owner = t.owner().await;
    let one = key(&t, -30, 300);
    let served = Served::start(&document(&[&one])).await;
    let (id, path) = active(&t, &owner, &served).await;
    let before = owner.get(&path).await.ok();
    let refresh = format!("{path}/metadata/refresh");
    let past = document(&[&one]).replacen(" entityID=", " validUntil=\"2020-01-01T00:00:00Z\" entityID=", 1);
    let renamed = document(&[&one]).replace(ENTITY, "https://evil.test/metadata");
    for (name, text, says) in [
        ("another entity", Some(renamed), "entity id"),
        ("past", Some(past), "valid until"),
        ("no XML", Some("<html>".to_owned()), "not usable"),
        ("doctype", Some(format!("<!DOCTYPE x>{}", document(&[&one]))), "not usable"),
        ("too large", Some(" ".repeat(1024 * 1024 + 1)), "fetched"),
        ("an error", None, "503"),
    ] {
        served.now_says(text.as_deref());
        let error = owner.post_to(&refresh).await.refused(400, "validation_error");
        assert!(error["message"].as_str().unwrap().to_lowercase().contains(says), "{name}: {error}");
        let now = owner.get(&path).await.ok();
        assert_eq!(now["samlConfig"]["metadata"]["error"], error["message"], "{name}");
        assert_eq!((prints(&now), &now["version"]), (prints(&before), &before["version"]), "{name}");
    }
    assert_eq!(unasked(&t, &id, &one).send(&t.client()).await.status, 303);
    let refused = owner.get("/api/v1/audit-events?event=sso.metadata-refused").await.ok();
    assert_eq!(refused["data"][0]["outcome"], "failure");

    // after three days the owners are told, once
    let mails = async || {
        let all = t.owner().await.get("/api/v1/outbox").await.ok();
        all["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|m| m["subject"].to_string().contains("metadata"))
            .count()
    };
    for (days, told) in [(1, 0), (1, 0), (2, 1), (1, 1)] {
        t.clock.advance(days * DAY + 1);
        work(&t).await;
        assert_eq!(mails().await, told);
    }
    served.now_says(Some(&document(&[&one])));
    let healed = t.owner().await.post_to(&refresh).await.ok();
    assert_eq!(healed["samlConfig"]["metadata"]["error"], Value::Null);
}

async fn a_document_is_read_once_and_the_provider_in_it_is_chosen(t: TestApp) {
    let owner = t.owner().await;
    let keys = [key(&t, -30, 300), key(&t, -20, 300), key(&t, -10, 300)];
    let one = document(&[&keys[0], &keys[1], &keys[2]]);
    let plain = |text: &str| text.replacen("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "", 1);
    let two = plain(&one).replace("corp.test", "other.test");
    let list = format!(
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">{}{two}</md:EntitiesDescriptor>",
        plain(&one)
    );
    let error =
        owner.post(CONNECTIONS, body(&json!({"metadataXml": list}))).await.refused(400, "validation_error");
    assert_eq!(error["field"], "samlConfig.metadataXml");
    assert!(error["message"].as_str().unwrap().contains("entityId"), "{error}");
    let chosen =
        json!({"metadataXml": list, "entityId": "https://idp.other.test/metadata", "requestBinding": "post"});
    let made = owner.post(CONNECTIONS, body(&chosen)).await.ok();
    assert_eq!(made["samlConfig"]["ssoUrl"], "https://idp.other.test/sso");
    assert_eq!(made["samlConfig"]["requestBinding"], "post");
    assert_eq!(prints(&made), of(&[&keys[2], &keys[1]]), "the two latest");
    let path = format!("{CONNECTIONS}/{}", made["id"].as_str().unwrap());
    owner.post_to(&format!("{path}/metadata/refresh")).await.refused(400, "validation_error");
    // on a change the known provider is meant, and other sources are refused
    let changed = owner.put(&path, json!({"samlConfig": {"metadataXml": list}})).await.ok();
    assert_eq!(changed["samlConfig"]["entityId"], "https://idp.other.test/metadata");
    for config in [
        json!({"metadataXml": one, "certificate": keys[0].certificate.to_pem()}),
        json!({"metadataXml": one, "metadataUrl": "https://idp.corp.test/metadata"}),
        json!({"metadataUrl": "http://idp.corp.test/metadata"}),
        json!({"metadataUrl": "http://169.254.169.254/latest"}),
        json!({"metadataXml": "<a/>"}),
    ] {
        owner.put(&path, json!({"samlConfig": config})).await.refused(400, "validation_error");
    }
}

async fn pinned_metadata_must_be_signed(t: TestApp) {
    let owner = t.owner().await;
    let (one, signer) = (key(&t, -30, 300), key(&t, -30, 300));
    let text = document(&[&one]).replacen(" entityID=", " ID=\"_m\" entityID=", 1);
    // the schema wants the signature first
    let signed = sign_enveloped(&text, "_m", &signer.key, &SignOptions::default()).unwrap();
    let pin = signer.certificate.to_pem();
    let config = |xml: &str| body(&json!({"metadataXml": xml, "metadataCertificate": pin}));
    let error = owner.post(CONNECTIONS, config(&text)).await.refused(400, "validation_error");
    assert!(error["message"].as_str().unwrap().contains("not signed"), "{error}");
    let forged = signed.replace("https://idp.corp.test/sso", "https://evil.test/sso");
    owner.post(CONNECTIONS, config(&forged)).await.refused(400, "validation_error");
    assert_eq!(prints(&owner.post(CONNECTIONS, config(&signed)).await.ok()), of(&[&one]));
}

async fn nobody_has_us_fetch_without_end(t: TestApp) {
    let owner = t.owner().await;
    // the address is refused by the egress policy; the text costs no fetch
    let away = body(&json!({"metadataUrl": "https://10.0.0.1/metadata"}));
    for _ in 0..60 {
        owner.post(CONNECTIONS, away.clone()).await.refused(400, "validation_error");
    }
    let limited = owner.post(CONNECTIONS, away).await;
    assert!(limited.status == 429 && limited.header("retry-after").is_some(), "{}", limited.body);
    let one = document(&[&key(&t, -30, 300)]);
    owner.post(CONNECTIONS, body(&json!({"metadataXml": one}))).await.ok();
}

on_both![
    an_address_fills_the_connection_and_a_rolled_key_follows,
    metadata_that_cannot_be_used_changes_nothing_and_is_told,
    a_document_is_read_once_and_the_provider_in_it_is_chosen,
    pinned_metadata_must_be_signed,
    nobody_has_us_fetch_without_end,
];
