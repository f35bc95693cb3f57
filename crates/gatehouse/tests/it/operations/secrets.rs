//! The whole story of signing in with marked secrets, none of which may be anywhere but where it was sent.

use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatehouse_store::backup;
use gatehouse_testkit::Database;
use gatehouse_types::Role;
use serde_json::json;

use super::on_both_databases;
use crate::support::{PASSWORD, Program, SmtpSink, TestApp, on_both, unpacked};

const WHO: &str = "ada.byron@main.test";
const GUEST: &str = "guest@main.test";
const NEW_PASSWORD: &str = "canary-of-the-new-password";
const CLIENT_SECRET: &str = "canary-of-the-client-secret";
const WRONG: &str = "canary-of-a-wrong-password";
const SMTP_PASSWORD: &str = "canary-of-the-mail-server";
const QUERY: &str = "canary-in-a-query";

/// What is logged, in the program's own form.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Everything that this process logs from now on.
    pub(crate) fn collected() -> Self {
        let lines = Self::default();
        let sink = lines.clone();
        let log = tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG);
        tracing::subscriber::set_global_default(log.with_writer(move || sink.clone()).finish()).unwrap();
        lines
    }

    /// The same with every span and its values, as traces have them.
    pub(crate) fn with_spans() -> Self {
        let lines = Self::default();
        let sink = lines.clone();
        let log = tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG);
        let log = log.with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL);
        tracing::subscriber::set_global_default(log.with_writer(move || sink.clone()).finish()).unwrap();
        lines
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

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
    unpacked(&file)
}

async fn no_secret_is_in_log_errors_export_or_database(t: TestApp) {
    let lines = Lines::collected();
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

    // a token of an identity provider
    let made = owner.post("/api/v1/scim/tokens", json!({"name": "Provider"})).await.ok();
    let value = made["plainValue"].as_str().unwrap().to_owned();
    answers.push(t.client().with_token(&value).get("/scim/v2/Schemas").await);
    canaries.push(("SCIM token", value));

    // keys of programs: used well and badly, exchanged, told of as leaked
    let app = json!({"name": "Program", "scopes": ["audit:read", "workflow:deploy"]});
    let app = format!(
        "/api/v1/api-apps/{}",
        owner.post("/api/v1/api-apps", app).await.ok()["id"].as_str().unwrap()
    );
    for name in ["Kept", "Leaked"] {
        let made = owner.post(&format!("{app}/keys"), json!({"name": name})).await.ok();
        let value = made["plainValue"].as_str().unwrap().to_owned();
        let with = async |method: &str, path: &str| {
            let client = t.client();
            client.send(client.request(method, path).header("x-api-key", &value)).await
        };
        assert_eq!(with("GET", "/authz").await.status, 200);
        assert_eq!(with("GET", "/api/v1/audit-events").await.status, 200);
        answers.push(with("POST", "/api/public/workflows/w/undeploy").await);
        answers.push(with("GET", "/api/v1/sso/connections").await);
        answers.push(owner.post("/api/v1/keys/verify", json!({"key": value})).await);
        let exchanged = t.client().post("/api/v1/auth/token", json!({"apiKey": value})).await.ok();
        canaries.push(("token of a key", exchanged["accessToken"].as_str().unwrap().to_owned()));
        if name == "Leaked" {
            let found = json!({"key": value, "place": format!("in a paste: {value}")});
            answers.push(t.client().post("/api/v1/leaked", found).await);
            answers.push(with("GET", "/authz").await);
        }
        answers.push(owner.get(&format!("{app}/keys")).await);
        answers.push(owner.get(&format!("{app}/usage")).await);
        // what is shown of it is its end: no other part of it is anywhere
        canaries.push(("part of an API key", value[3..15].to_owned()));
        canaries.push(("part of an API key", value[20..32].to_owned()));
        canaries.push(("API key", value));
    }

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

    // links: an invitation, used and used again; a trace, opened and taken back
    let invite = json!({"email": GUEST, "role": "member"});
    answers.push(owner.post("/api/v1/invitations", invite).await);
    let token = t.mailed_token(GUEST, "invitation").await;
    canaries.push(("invitation link", token.clone()));
    let browser = t.client();
    let path = format!("/invitation/{token}");
    let page = browser.get(&path).await.body;
    let proof = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let fields = [("csrf", proof), ("name", "Guest"), ("password", NEW_PASSWORD)];
    let fields = fields.map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(browser.form(&path, &fields).await.status, 303);
    answers.push(browser.form(&path, &fields).await);
    answers.push(t.client().get(&path).await);
    let attempts = format!("{}/attempts", lab.path);
    let attempt = owner.get(&attempts).await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    let share = format!("{attempts}/{attempt}/share");
    let made = owner.post(&share, json!({})).await.ok();
    let shares = format!("{share}s");
    let url = made["url"].as_str().unwrap();
    canaries.push(("trace link", url.rsplit('/').next().unwrap().to_owned()));
    assert_eq!(t.client().get(url).await.status, 200);
    answers.push(owner.get(&shares).await);
    let id = answers.last().unwrap().ok()["data"][0]["id"].as_str().unwrap().to_owned();
    answers.push(owner.delete(&format!("{shares}/{id}")).await);
    assert_eq!(t.client().get(url).await.status, 404);

    let export = owner.get("/api/v1/audit-events/export").await;
    assert!(export.status == 200 && export.body.contains("session.started"));
    let log = lines.text();
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

/// The password for the mail server is used there, whether mails are taken or not, and is nowhere else.
async fn the_mail_servers_password_stays_between_us_and_it(database: Database) {
    let sink = SmtpSink::start().await;
    let plain = STANDARD.encode(format!("\0post\0{SMTP_PASSWORD}"));
    let url = |port: &str| format!("smtp://post:{SMTP_PASSWORD}@127.0.0.1:{port}?tls=none");
    let program = Program::on(&database)
        .set("GATEHOUSE_SMTP_URL", url(&sink.address.port().to_string()))
        .set("GATEHOUSE_LOG", "debug");
    let serving = program.serve();
    program.create_owner("Acme", "owner@acme.test");
    let reset = async || {
        let body = json!({"email": "owner@acme.test"});
        serving.client().post("/api/v1/auth/password-reset", body).await.ok();
    };
    reset().await;
    sink.until("a mail is taken", |s| s.taken().len() == 1).await;
    assert!(sink.lines().contains(&plain), "the password was used");
    sink.refuse_sign_in();
    reset().await;
    sink.until("the sign-in is tried again", |s| s.lines().matches(&plain).count() > 1).await;
    let began = std::time::Instant::now();
    while !serving.log().contains("mail.send") && !serving.log().contains("a mail was refused") {
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "{}", serving.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let owner = serving.sign_in("owner@acme.test").await;
    let told = |o: std::process::Output| {
        String::from_utf8_lossy(&o.stdout).into_owned() + &String::from_utf8_lossy(&o.stderr)
    };
    let file = database.data_dir().join("a.backup");
    program.ok(&["backup", file.to_str().unwrap()]);
    for (place, text) in [
        ("log", serving.log()),
        ("outbox", owner.get("/api/v1/outbox").await.body),
        ("audit export", owner.get("/api/v1/audit-events/export").await.body),
        ("metrics", serving.client().get("/metrics").await.body),
        ("database", unpacked(&file)),
        ("doctor", told(program.run(&["doctor"]))),
        ("error", told(program.clone().set("GATEHOUSE_SMTP_URL", url("no-port")).run(&["serve"]))),
    ] {
        assert!(!text.is_empty(), "{place}");
        assert!(!text.contains(SMTP_PASSWORD) && !text.contains(&plain), "{place}: {text}");
    }
}

on_both_databases!(the_mail_servers_password_stays_between_us_and_it);
