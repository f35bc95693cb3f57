use serde_json::json;

use super::{CONNECTIONS, oidc, path_of};
use crate::support::{TestApp, on_both};

const SECRETS: [&str; 2] = ["s3cret-of-the-client", "an0ther-of-the-client"];

async fn a_client_secret_is_in_no_answer_and_not_in_the_database(t: TestApp) {
    let owner = t.owner().await;
    let made = owner.post(CONNECTIONS, oidc("Secret")).await;
    assert_eq!(made.ok()["oidcConfig"]["hasClientSecret"], true);
    let path = path_of(&made.json());
    let changed = owner.put(&path, json!({"oidcConfig": {"clientSecret": SECRETS[1]}})).await;
    let trial = owner.post(&format!("{CONNECTIONS}?dryRun=true"), oidc("Trial")).await;
    let mut seen = vec![made, changed, trial];
    for path in [&path, CONNECTIONS, "/api/v1/audit-events?pageSize=100", "/api/v1/audit-events/export"] {
        seen.push(owner.get(path).await);
    }
    // a request that is refused does not repeat it either
    let mut broken = oidc("Secret");
    broken["oidcConfig"]["scopes"] = json!("openid");
    seen.push(owner.post(CONNECTIONS, broken).await);
    seen.push(owner.post(CONNECTIONS, oidc("Secret")).await);
    for answer in seen {
        assert!(!SECRETS.iter().any(|s| answer.body.contains(s)), "{}", answer.body);
    }
    for file in std::fs::read_dir(t.database.data_dir()).unwrap() {
        let file = file.unwrap().path();
        if file.is_file() {
            let bytes = std::fs::read(&file).unwrap();
            for secret in SECRETS {
                let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
                assert!(!found, "{} holds it", file.display());
            }
        }
    }
}

async fn a_connection_without_a_secret_says_so(t: TestApp) {
    let owner = t.owner().await;
    let mut body = oidc("Public client");
    body["oidcConfig"].as_object_mut().unwrap().remove("clientSecret");
    body["oidcConfig"].as_object_mut().unwrap().remove("scopes");
    let made = owner.post(CONNECTIONS, body).await.ok();
    assert_eq!(made["oidcConfig"]["hasClientSecret"], false);
    assert_eq!(made["oidcConfig"]["scopes"], json!(["openid", "profile", "email"]));
    let changed = owner.put(&path_of(&made), json!({"oidcConfig": {"clientSecret": "x"}})).await.ok();
    assert_eq!(changed["oidcConfig"]["hasClientSecret"], true);
}

async fn addresses_are_https_or_on_this_machine(t: TestApp) {
    let owner = t.owner().await;
    for url in
        ["http://op.example", "ftp://op.example", "op.example", "https://u:p@op.example", "javascript:1"]
    {
        for field in ["issuerUrl", "discoveryUrl"] {
            let mut body = oidc("Url");
            body["oidcConfig"][field] = json!(url);
            let error = owner.post(CONNECTIONS, body).await.refused(400, "validation_error");
            assert_eq!(error["field"], format!("oidcConfig.{field}"), "{url}");
        }
    }
}

async fn what_was_not_tested_cannot_be_activated_and_lets_nobody_in(t: TestApp) {
    let owner = t.owner().await;
    let wsfed = json!({"name": "W", "protocol": "wsfed", "provider": "azure",
        "wsfedConfig": {"signOnUrl": "https://sts.example/wsfed", "realm": "urn:gatehouse"}});
    for body in [oidc("O"), wsfed] {
        let made = owner.post(CONNECTIONS, body).await.ok();
        let path = path_of(&made);
        owner.post_to(&format!("{path}/activate")).await.refused(400, "validation_error");
        assert_eq!(owner.get(&path).await.ok()["status"], "inactive");
        let start = t.client().get(&format!("/sso/{}/start", made["id"].as_str().unwrap())).await;
        assert_eq!(start.status, 403, "{}", start.body);
    }
}

on_both![
    a_client_secret_is_in_no_answer_and_not_in_the_database,
    a_connection_without_a_secret_says_so,
    addresses_are_https_or_on_this_machine,
    what_was_not_tested_cannot_be_activated_and_lets_nobody_in,
];
