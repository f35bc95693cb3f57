use gatehouse_saml::SigningKey;
use gatehouse_types::Clock;
use serde_json::{Value, json};

use super::{CONNECTIONS, path_of, saml};
use crate::support::{TestApp, on_both};

const DAY: i64 = 86_400 * 1_000_000;

/// A certificate that is valid from `from` to `until` days from now.
fn certificate(t: &TestApp, from: i64, until: i64) -> String {
    let now = t.clock.now().micros();
    let key = SigningKey::generate().unwrap();
    key.self_signed("idp.example", now + from * DAY, now + until * DAY).unwrap().to_pem()
}

fn with(name: &str, field: &str, value: &Value) -> Value {
    let mut body = saml(name);
    body["samlConfig"][field] = value.clone();
    body
}

async fn r015_a_certificate_is_pem_or_its_base64_and_nothing_else(t: TestApp) {
    let owner = t.owner().await;
    let pem = certificate(&t, -1, 365);
    let base64: String = pem.lines().filter(|l| !l.starts_with("---")).collect();
    let first = owner.post(CONNECTIONS, with("Pem", "certificate", &json!(pem))).await.ok();
    let second = owner.post(CONNECTIONS, with("Base64", "certificate", &json!(base64))).await.ok();
    assert_eq!(first["samlConfig"]["certificateDetails"], second["samlConfig"]["certificateDetails"]);
    let key = SigningKey::generate().unwrap().to_pkcs8_pem().unwrap().to_string();
    let cut = pem[..pem.len() / 2].to_owned();
    for bad in ["nonsense", &cut, &key, "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"] {
        let error = owner.post(CONNECTIONS, with("Bad", "certificate", &json!(bad))).await;
        assert_eq!(error.refused(400, "validation_error")["field"], "samlConfig.certificate", "{bad}");
        assert!(!error.body.contains(&key[40..80]), "{}", error.body);
    }
}

async fn r013_a_connection_has_at_most_two_certificates_the_latest_first(t: TestApp) {
    let owner = t.owner().await;
    let (old, new, third) = (certificate(&t, -9, 30), certificate(&t, -1, 365), certificate(&t, -1, 99));
    let made = owner.post(CONNECTIONS, with("Two", "certificates", &json!([new, old]))).await.ok();
    let path = path_of(&made);
    let details = &made["samlConfig"]["certificateDetails"];
    assert_eq!(details.as_array().unwrap().len(), 2);
    assert!(details[0]["notAfter"].as_str() > details[1]["notAfter"].as_str());
    for too_many in [json!([new, old, third]), json!([new, new])] {
        let error = owner.put(&path, json!({"samlConfig": {"certificates": too_many}})).await;
        assert_eq!(error.refused(400, "validation_error")["field"], "samlConfig.certificates");
        let error = owner.post(CONNECTIONS, with("More", "certificates", &too_many)).await;
        error.refused(400, "validation_error");
    }
    let both = json!({"samlConfig": {"certificate": third, "certificates": [new, old]}});
    owner.put(&path, both).await.refused(400, "validation_error");
    assert_eq!(owner.get(&path).await.ok()["samlConfig"]["certificateDetails"], *details);
    // rolled over: the list is replaced as a whole
    let rolled = owner.put(&path, json!({"samlConfig": {"certificates": [third, new]}})).await.ok();
    assert_eq!(rolled["samlConfig"]["certificateDetails"][1], details[0]);
    let single = owner.put(&path, json!({"samlConfig": {"certificate": third}})).await.ok();
    assert_eq!(single["samlConfig"]["certificateDetails"].as_array().unwrap().len(), 1);
}

async fn a_test_needs_a_certificate_that_is_valid_now(t: TestApp) {
    let owner = t.owner().await;
    for (name, certificates, passes) in [
        ("None", json!([]), false),
        ("Expired", json!([certificate(&t, -30, -1)]), false),
        ("Not yet", json!([certificate(&t, 1, 30)]), false),
        ("Valid", json!([certificate(&t, -1, 30)]), true),
        ("One of two", json!([certificate(&t, 1, 30), certificate(&t, -30, 1)]), true),
    ] {
        let path = path_of(&owner.post(CONNECTIONS, with(name, "certificates", &certificates)).await.ok());
        let test = owner.post_to(&format!("{path}/test")).await.ok();
        assert_eq!(test["success"], passes, "{name}: {test}");
        assert_eq!(test["details"]["certificateValid"], passes, "{name}: {test}");
        assert_eq!(test["details"]["metadataValid"], true, "{name}: {test}");
        assert!(test["details"]["latencyMs"].is_u64(), "{name}: {test}");
        assert_eq!(test["error"].is_string(), !passes, "{name}: {test}");
        let status = if passes { "testing" } else { "error" };
        assert_eq!(owner.get(&path).await.ok()["status"], status, "{name}");
    }
}

on_both![
    r015_a_certificate_is_pem_or_its_base64_and_nothing_else,
    r013_a_connection_has_at_most_two_certificates_the_latest_first,
    a_test_needs_a_certificate_that_is_valid_now,
];
