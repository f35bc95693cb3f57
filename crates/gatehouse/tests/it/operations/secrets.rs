//! The whole story of signing in with marked secrets, none of which may be anywhere but where it was sent.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use gatehouse_store::backup;
use gatehouse_types::Role;
use serde_json::json;

use crate::support::{PASSWORD, TestApp, on_both};

const WHO: &str = "ada.byron@main.test";
const NEW_PASSWORD: &str = "canary-of-the-new-password";
const CLIENT_SECRET: &str = "canary-of-the-client-secret";
const WRONG: &str = "canary-of-a-wrong-password";
const QUERY: &str = "canary-in-a-query";

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// All that is kept, as a backup unpacked: every table of either database.
async fn kept(t: &TestApp) -> String {
    let file = t.database.data_dir().join("a.backup");
    backup::write(t.app.store(), &file).await.unwrap();
    let bytes = std::fs::read(file).unwrap();
    let packed = &bytes[b"gatehouse-backup 1\n".len()..bytes.len() - 65];
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    text
}

async fn no_secret_is_in_log_errors_export_or_database(t: TestApp) {
    let lines = Lines::default();
    let sink = lines.clone();
    let log = tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG);
    tracing::subscriber::set_global_default(log.with_writer(move || sink.clone()).finish()).unwrap();
    let mut canaries: Vec<(&str, String)> = [PASSWORD, NEW_PASSWORD, CLIENT_SECRET, WRONG, QUERY]
        .map(|c| ("a text that was sent", c.to_owned()))
        .into();
    let mut answers = Vec::new();

    // signing in with a password, well and badly
    t.person(WHO, Role::Member).await;
    let owner = t.owner().await;
    canaries.push(("bearer token", owner.token.clone().unwrap()));
    let browser = t.browser(WHO).await;
    canaries.push(("session cookie", browser.cookie("gatehouse_session").unwrap()));
    answers.push(t.client().post("/api/v1/auth/login", json!({"email": WHO, "password": WRONG})).await);
    answers.push(t.client().get(&format!("/api/v1/me?token={QUERY}")).await);
    answers.push(t.client().with_token(WRONG).get("/api/v1/me").await);
    answers.push(t.client().post("/api/v1/auth/login", json!({"email": [WRONG]})).await);

    // a connection with a secret, and SAML from begin to end and once more
    let body = json!({"name": "G", "protocol": "oidc", "defaultRole": "member", "oidcConfig": {
        "issuerUrl": "https://idp.example.com", "clientId": "c", "clientSecret": CLIENT_SECRET}});
    answers.push(owner.post("/api/v1/sso/connections", body.clone()).await);
    answers.push(owner.post("/api/v1/sso/connections", body).await);
    let lab = t.active_lab(&owner).await;
    let person = t.client();
    let form = t.ask_lab(&person, &format!("/sso/{}/start?returnTo=/account", lab.id), "ada", "none").await;
    assert_eq!(form.send(&person).await.status, 303);
    canaries.push(("session cookie", person.cookie("gatehouse_session").unwrap()));
    let response = form.fields.iter().find(|(n, _)| n == "SAMLResponse").unwrap().1.clone();
    canaries.push(("SAML response", response[200..400].to_owned()));
    answers.push(form.send(&person).await);

    // a link by mail
    t.client().post("/api/v1/auth/password-reset", json!({"email": WHO})).await.ok();
    let token = t.mailed_token(WHO, "reset").await;
    canaries.push(("link token", token.clone()));
    assert_eq!(t.client().get(&format!("/reset/{token}")).await.status, 200);
    let confirm = json!({"token": token, "newPassword": NEW_PASSWORD});
    let confirm = async || t.client().post("/api/v1/auth/password-reset/confirm", confirm.clone()).await;
    answers.push(confirm().await);
    answers.push(confirm().await);
    answers.push(t.client().get(&format!("/reset/{token}")).await);

    let export = owner.get("/api/v1/audit-events/export").await;
    assert!(export.status == 200 && export.body.contains("session.started"));
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("\"route\":\"/reset/{token}\""), "{log}");
    for line in log.lines().filter(|l| l.contains("gatehouse::http")) {
        assert!(line.contains("\"request_id\":\"req_"), "{line}");
    }
    let answers: String = answers.into_iter().map(|a| a.body).collect();
    let kept = kept(&t).await;
    assert!(kept.contains(WHO));
    for (what, canary) in canaries {
        for (place, text) in
            [("log", &log), ("answers", &answers), ("audit export", &export.body), ("database", &kept)]
        {
            assert!(!text.contains(&canary), "the {what} {canary} is in the {place}");
        }
    }
}

on_both!(no_secret_is_in_log_errors_export_or_database);
