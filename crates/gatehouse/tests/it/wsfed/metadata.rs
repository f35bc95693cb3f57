use gatehouse_saml::idp::{IdpDescription, ResponseBuilder, RstrBuilder, TokenKind, idp_metadata};
use gatehouse_types::{Clock, Id};
use serde_json::{Value, json};

use super::begun;
use crate::saml_depth::provider::{DAY, Key, Served, key, work};
use crate::support::{Answer, Client, Form, LabConnection, TestApp, on_both, token_form};

const CONNECTIONS: &str = "/api/v1/sso/connections";
const ISSUER: &str = "http://sts.corp.test/adfs/services/trust";
const SIGN_ON: &str = "https://sts.corp.test/adfs/ls/";

fn document(keys: &[&Key]) -> String {
    idp_metadata(&IdpDescription {
        entity_id: ISSUER.to_owned(),
        sso_url: SIGN_ON.to_owned(),
        slo_url: None,
        certificates: keys.iter().map(|k| k.certificate.clone()).collect(),
        passive_endpoint: Some(SIGN_ON.to_owned()),
        want_authn_requests_signed: false,
    })
}

fn body(config: &Value) -> Value {
    json!({"name": "Corp", "protocol": "wsfed", "jitProvisioning": true, "wsfedConfig": config})
}

async fn made(t: &TestApp, by: &Client, config: &Value) -> LabConnection {
    t.active_wsfed(by, body(config), "corp.test").await
}

/// A token of this provider, by its key.
async fn enter(t: &TestApp, lab: &LabConnection, browser: &Client, by: &Key) -> Answer {
    let context = begun(browser, lab).await;
    token(t, lab, &context, by).send(browser).await
}

fn token(t: &TestApp, lab: &LabConnection, context: &str, by: &Key) -> Form {
    let (sso, id) = (t.app.sso(), lab.id.parse().unwrap());
    let (reply, realm) = (sso.reply_url(&id), sso.own_realm(&id));
    let token = format!("_{}", t.app.store().ids().make::<gatehouse_types::RequestId>().as_str());
    let now = t.clock.now().micros();
    let response = ResponseBuilder::new(&token, ISSUER, &reply, &realm, "ada@corp.test", now);
    let token = RstrBuilder { response, kind: TokenKind::Saml11, collection: false };
    token_form(&reply, &token.issue(&by.key, &by.certificate).unwrap(), Some(context))
}

fn prints(connection: &Value) -> Vec<String> {
    let details = connection["wsfedConfig"]["certificateDetails"].as_array().unwrap();
    details.iter().map(|c| c["fingerprint"].as_str().unwrap().to_owned()).collect()
}

fn of(keys: &[&Key]) -> Vec<String> {
    keys.iter().map(|k| k.certificate.fingerprint().to_owned()).collect()
}

async fn r021_metadata_brings_issuer_and_keys_and_a_rolled_key_follows(t: TestApp) {
    let owner = t.owner().await;
    let keys: Vec<Key> = (1..=4).map(|n| key(&t, -n, 300)).collect();
    let served = Served::start(&document(&[&keys[1], &keys[2], &keys[3]])).await;
    let lab = made(&t, &owner, &json!({"signOnUrl": SIGN_ON, "metadataUrl": served.url})).await;
    let shown = owner.get(&lab.path).await.ok();
    let wsfed = &shown["wsfedConfig"];
    assert_eq!((&wsfed["issuer"], &wsfed["hasCertificate"]), (&json!(ISSUER), &json!(true)));
    assert_eq!(wsfed["metadata"]["url"], json!(served.url));
    assert!(wsfed["metadata"]["fetchedAt"].is_string() && wsfed["metadata"]["error"].is_null(), "{wsfed}");
    assert!(!shown.to_string().contains("BEGIN CERTIFICATE"));
    // a token service signs with any of its keys, and none of them is a fallback
    for key in &keys[1..] {
        let browser = t.client();
        assert_eq!(enter(&t, &lab, &browser, key).await.status, 303);
    }
    let attempt = owner.get(&format!("{}/attempts", lab.path)).await.ok()["data"][0].clone();
    assert_eq!(attempt["usedFallbackCertificate"], false);
    assert_eq!(enter(&t, &lab, &t.client(), &keys[0]).await.status, 401);

    served.now_says(Some(&document(&[&keys[0], &keys[1]])));
    t.clock.advance(DAY + 1);
    work(&t).await;
    let owner = t.owner().await;
    let now = owner.get(&lab.path).await.ok();
    assert_eq!((prints(&now), &now["status"]), (of(&[&keys[0], &keys[1]]), &json!("active")));
    assert_eq!(enter(&t, &lab, &t.client(), &keys[0]).await.status, 303);
    assert_eq!(enter(&t, &lab, &t.client(), &keys[3]).await.status, 401);
    let event = owner.get("/api/v1/audit-events?event=sso.metadata-changed").await.ok()["data"][0].clone();
    assert_eq!(event["details"]["newCertificates"], json!(of(&[&keys[0], &keys[1]])));
}

async fn r021_a_fetch_that_fails_keeps_the_last_good_values(t: TestApp) {
    let owner = t.owner().await;
    let one = key(&t, -30, 300);
    let served = Served::start(&document(&[&one])).await;
    let lab = made(&t, &owner, &json!({"signOnUrl": SIGN_ON, "metadataUrl": served.url})).await;
    let before = owner.get(&lab.path).await.ok();
    let refresh = format!("{}/metadata/refresh", lab.path);
    let renamed = document(&[&one]).replace(ISSUER, "http://evil.test/trust");
    let saml_only = document(&[&one]).replace("SecurityTokenServiceType", "ApplicationServiceType");
    for (name, text, says) in [
        ("another issuer", Some(renamed), "entity id"),
        ("no token service", Some(saml_only), "no ws-federation"),
        ("no XML", Some("<html>".to_owned()), "not usable"),
        ("doctype", Some(format!("<!DOCTYPE x>{}", document(&[&one]))), "not usable"),
        ("too large", Some(" ".repeat(1024 * 1024 + 1)), "fetched"),
        ("an error", None, "503"),
    ] {
        served.now_says(text.as_deref());
        let error = owner.post_to(&refresh).await.refused(400, "validation_error");
        assert_eq!(error["field"], "wsfedConfig.metadataUrl", "{name}");
        assert!(error["message"].as_str().unwrap().to_lowercase().contains(says), "{name}: {error}");
        let now = owner.get(&lab.path).await.ok();
        assert_eq!(now["wsfedConfig"]["metadata"]["error"], error["message"], "{name}");
        assert_eq!((prints(&now), &now["version"]), (prints(&before), &before["version"]), "{name}");
        assert_eq!(enter(&t, &lab, &t.client(), &one).await.status, 303, "{name}");
    }
    // the test tells it, and takes an active connection away from nobody
    let tested = owner.post_to(&format!("{}/test", lab.path)).await.ok();
    assert_eq!((&tested["success"], &tested["details"]["metadataValid"]), (&json!(false), &json!(false)));
    assert_eq!(tested["details"]["certificateValid"], true);
    assert_eq!(owner.get(&lab.path).await.ok()["status"], "active");
    // an address that cannot be read is no address for an active connection
    let elsewhere = json!({"wsfedConfig": {"metadataUrl": format!("{}/other", served.url)}});
    owner.put(&lab.path, elsewhere).await.refused(400, "validation_error");
    served.now_says(Some(&document(&[&one])));
    let tested = owner.post_to(&format!("{}/test", lab.path)).await.ok();
    assert_eq!(tested["success"], true, "{tested}");
    assert!(tested["details"]["latencyMs"].is_number());
    assert_eq!(owner.get(&lab.path).await.ok()["wsfedConfig"]["metadata"]["error"], Value::Null);
}

async fn r020_another_metadata_address_leaves_nothing_of_the_former_provider(t: TestApp) {
    let owner = t.owner().await;
    let (old, new) = (key(&t, -30, 300), key(&t, -20, 300));
    let served = Served::start(&document(&[&old])).await;
    let other = Served::start(&document(&[&new]).replace(ISSUER, "http://sts.new.test/trust")).await;
    let config = json!({"signOnUrl": SIGN_ON, "metadataUrl": served.url});
    let lab = made(&t, &owner, &config).await;
    let changed = owner.put(&lab.path, json!({"wsfedConfig": {"metadataUrl": other.url}})).await.ok();
    assert_eq!(changed["wsfedConfig"]["issuer"], "http://sts.new.test/trust");
    assert_eq!((prints(&changed), &changed["status"]), (of(&[&new]), &json!("active")));
    assert_eq!(enter(&t, &lab, &t.client(), &old).await.status, 401);
    // where nobody signs in yet, an address may wait: and then nothing is believed
    owner.post_to(&format!("{}/deactivate", lab.path)).await.ok();
    served.now_says(None);
    let changed = owner.put(&lab.path, json!({"wsfedConfig": {"metadataUrl": served.url}})).await.ok();
    let wsfed = &changed["wsfedConfig"];
    assert_eq!((&wsfed["issuer"], &wsfed["hasCertificate"]), (&Value::Null, &json!(false)));
    assert!(wsfed["metadata"]["error"].as_str().unwrap().contains("503"), "{wsfed}");
    let kept = owner.get(&lab.path).await.ok();
    assert_eq!(kept["wsfedConfig"]["metadata"]["error"], wsfed["metadata"]["error"]);
    assert_eq!((&kept["wsfedConfig"]["issuer"], prints(&kept)), (&Value::Null, of(&[])));
    // the job reads it as soon as it is there
    served.now_says(Some(&document(&[&old])));
    t.clock.advance(2 * 3600);
    work(&t).await;
    let now = t.owner().await.get(&lab.path).await.ok();
    assert_eq!((&now["wsfedConfig"]["issuer"], prints(&now)), (&json!(ISSUER), of(&[&old])));
    // an empty address ends the fetching, with the values kept
    let ended = t.owner().await.put(&lab.path, json!({"wsfedConfig": {"metadataUrl": ""}})).await.ok();
    assert_eq!((&ended["wsfedConfig"]["issuer"], prints(&ended)), (&json!(ISSUER), of(&[&old])));
    assert_eq!(ended["wsfedConfig"]["metadata"], Value::Null);
}

async fn issuer_and_certificate_can_be_given_by_hand(t: TestApp) {
    let owner = t.owner().await;
    let (one, two, three) = (key(&t, -30, 300), key(&t, -20, 300), key(&t, -10, 300));
    let pem = |k: &Key| k.certificate.to_pem();
    let config = json!({"signOnUrl": SIGN_ON, "issuer": ISSUER, "certificate": pem(&one)});
    let lab = made(&t, &owner, &config).await;
    assert_eq!(enter(&t, &lab, &t.client(), &one).await.status, 303);
    let both = json!({"wsfedConfig": {"certificates": [pem(&two), pem(&one)]}});
    assert_eq!(prints(&owner.put(&lab.path, both).await.ok()), of(&[&two, &one]));
    assert_eq!(enter(&t, &lab, &t.client(), &one).await.status, 303);
    let attempt = owner.get(&format!("{}/attempts", lab.path)).await.ok()["data"][0].clone();
    assert_eq!(attempt["usedFallbackCertificate"], true);
    let served = Served::start(&document(&[&one])).await;
    for (config, field) in [
        (json!({"certificates": [pem(&one), pem(&two), pem(&three)]}), None),
        (json!({"certificates": ["x"]}), None),
        (json!({"metadataUrl": served.url, "certificate": pem(&one)}), Some("wsfedConfig.certificates")),
        (json!({"metadataUrl": "http://sts.corp.test/metadata"}), Some("wsfedConfig.metadataUrl")),
        (json!({"signOnUrl": "http://sts.corp.test/"}), Some("wsfedConfig.signOnUrl")),
        (json!({"signOnUrl": ""}), Some("wsfedConfig.signOnUrl")),
        (json!({"attributeMapping": {"email": " "}}), Some("wsfedConfig.attributeMapping")),
    ] {
        let error =
            owner.put(&lab.path, json!({"wsfedConfig": config})).await.refused(400, "validation_error");
        if let Some(field) = field {
            assert_eq!(error["field"], field, "{error}");
        }
    }
    // without either it is not known whom to believe
    let bare = owner.post(
        CONNECTIONS,
        json!({"name": "Bare", "protocol": "wsfed", "wsfedConfig": {"signOnUrl": SIGN_ON}}),
    );
    let path = format!("{CONNECTIONS}/{}", bare.await.ok()["id"].as_str().unwrap());
    let tested = owner.post_to(&format!("{path}/test")).await.ok();
    assert_eq!(
        (&tested["details"]["certificateValid"], &tested["details"]["metadataValid"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(owner.get(&path).await.ok()["status"], "error");
}

async fn a_lab_of_another_workspace_is_nobodys_token_service(t: TestApp) {
    let stranger = t.stranger().await;
    for config in [
        json!({"signOnUrl": t.lab().wsfed_url(), "issuer": "urn:x"}),
        json!({"signOnUrl": SIGN_ON, "issuer": t.lab().entity_id()}),
        json!({"signOnUrl": SIGN_ON, "metadataUrl": t.lab().wsfed_metadata_url()}),
    ] {
        stranger.post(CONNECTIONS, body(&config)).await.refused(400, "validation_error");
    }
}

async fn r060_the_steps_before_activation_are_the_same(t: TestApp) {
    let owner = t.owner().await;
    let made = owner.post(CONNECTIONS, t.wsfed_body("Lab")).await.ok();
    let path = format!("{CONNECTIONS}/{}", made["id"].as_str().unwrap());
    let activate = format!("{path}/activate");
    let missing = async |word: &str| {
        let error = owner.post_to(&activate).await.refused(400, "validation_error");
        assert!(error["message"].as_str().unwrap().contains(word), "{error}");
    };
    missing("Test").await;
    let tested = owner.post_to(&format!("{path}/test")).await.ok();
    assert_eq!(tested["success"], true, "{tested}");
    let details = tested["details"].as_object().unwrap();
    assert_eq!(details.keys().collect::<Vec<_>>(), ["certificateValid", "latencyMs", "metadataValid"]);
    assert_eq!(owner.get(&path).await.ok()["status"], "testing");
    missing("domain").await;
    t.prove(&owner, &path, "lab.test").await;
    owner.put(&path, json!({"wsfedConfig": {"realm": "urn:x"}})).await.ok();
    assert_eq!(owner.get(&path).await.ok()["status"], "inactive");
    missing("Test").await;
    owner.post_to(&format!("{path}/test")).await.ok();
    assert_eq!(owner.post_to(&activate).await.ok()["status"], "active");
    let found = t.client().post("/api/v1/auth/discover", json!({"email": "new@lab.test"})).await.ok();
    assert!(found["redirectUrl"].as_str().unwrap().contains(made["id"].as_str().unwrap()), "{found}");
}

on_both![
    r021_metadata_brings_issuer_and_keys_and_a_rolled_key_follows,
    r021_a_fetch_that_fails_keeps_the_last_good_values,
    r020_another_metadata_address_leaves_nothing_of_the_former_provider,
    issuer_and_certificate_can_be_given_by_hand,
    a_lab_of_another_workspace_is_nobodys_token_service,
    r060_the_steps_before_activation_are_the_same,
];
