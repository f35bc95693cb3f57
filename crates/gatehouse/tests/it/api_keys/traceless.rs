//! A run with API keys in the real program, used well and badly: no part of a key beyond the mask may be in anything that
//! is logged, told, sent or stored. Traces are looked at where the feature is built in (`tests/otel.rs`).

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gatehouse_testkit::{Database, Kind};
use serde_json::{Value, json};

use super::{APPS, text};
use crate::support::{Answer, Client, Form, PASSWORD, Program, Receiver, Serving, unpacked};

const OWNER: &str = "owner@acme.test";
/// What is shown of a key: its end.
const SHOWN: usize = 4;
/// A part of a key of so many characters is no accident: there are 62^8 of them.
const PART: usize = 8;

/// Whether any part of a key that is not shown is in the bytes, as it is or in the usual other writings of the whole.
fn part_in(bytes: &[u8], key: &str) -> Option<String> {
    let secret = key.strip_prefix("gh_").unwrap();
    let parts = secret.as_bytes().windows(PART).map(|w| String::from_utf8(w.to_vec()).unwrap());
    let hex: String = key.bytes().map(|b| format!("{b:02x}")).collect();
    // base64 of a text begins alike wherever the text ends
    let written = [hex, STANDARD.encode(&key[..48]), URL_SAFE_NO_PAD.encode(&key[..48])];
    parts.chain(written).find(|part| memmem(bytes, part.as_bytes()))
}

fn memmem(bytes: &[u8], part: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|b| *b == part[0]) {
        if rest[at..].starts_with(part) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// Masks in a text, each with as much of the key as it shows.
fn masks(text: &str) -> Vec<String> {
    let shown = |m: &str| m.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
    text.split("gh_…").skip(1).chain(text.split("gh_\\u2026").skip(1)).map(shown).collect()
}

/// Every file below a directory.
fn files(folder: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if let Ok(bytes) = std::fs::read(&path) {
            into.push((format!("file {}", path.display()), bytes));
        }
    }
}

/// The keys that were made, and what was answered to everything else.
struct Run<'a> {
    serving: &'a Serving,
    owner: Client,
    browser: Client,
    keys: Vec<String>,
    answers: Vec<Answer>,
}

impl Run<'_> {
    /// A new key, which its one answer shows.
    fn made(&mut self, answer: &Answer) -> (String, Value) {
        assert_eq!(answer.status, 201, "{}", answer.body);
        let made = answer.json();
        let value = text(&made["plainValue"]);
        assert!(
            part_in(answer.body.as_bytes(), &value).is_some(),
            "what looks for keys finds one where it is"
        );
        self.keys.push(value.clone());
        (value, made["key"].clone())
    }

    async fn call(&mut self, method: &str, path: &str, header: (&str, &str), body: Option<Value>) -> u16 {
        let client = self.serving.client();
        let request = client.request(method, path).header(header.0, header.1);
        let request = request.header("content-type", "application/json");
        let answer = client.send(request.body(body.map(|b| b.to_string()).unwrap_or_default())).await;
        let status = answer.status;
        self.answers.push(answer);
        status
    }

    /// A key of the console's, as its form is sent.
    async fn made_on_the_page(&mut self, app: &str) {
        let page = format!("/settings/security/api-scopes/{}/keys/new", app.rsplit('/').next().unwrap());
        let mut form = Form::to(&self.browser.get(&page).await.body, &page);
        form.fields.retain(|(name, _)| name != "name");
        form.fields.push(("name".to_owned(), "Of the page".to_owned()));
        let shown = form.send(&self.browser).await;
        let value = shown.body.split("value=\"gh_").nth(1).unwrap().split('"').next().unwrap();
        self.keys.push(format!("gh_{value}"));
    }

    /// Uses a key well and badly, in every place where one may come.
    async fn use_it(&mut self, value: &str) {
        let bearer = format!("Bearer {value}");
        let key = ("x-api-key", value);
        for (method, path, header, expected) in [
            ("GET", "/authz", key, 200),
            ("GET", "/api/v1/audit-events", key, 200),
            ("GET", "/api/v1/audit-events", ("authorization", bearer.as_str()), 200),
            ("POST", "/api/public/workflows/w/deploy", key, 404),
            ("POST", "/api/public/workflows/w/undeploy", key, 403),
            ("GET", "/api/v1/sso/connections", key, 403),
            ("GET", "/scim/v2/Users", ("authorization", bearer.as_str()), 401),
            ("GET", "/api/v1/audit-events", ("cookie", &format!("gatehouse_session={value}")), 401),
            ("GET", &format!("/api/v1/audit-events?apiKey={value}"), ("accept", "application/json"), 401),
            ("GET", &format!("/api/v1/api-apps/{value}"), key, 404),
            ("POST", &format!("/api/public/workflows/{value}/undeploy"), key, 403),
            ("GET", &format!("/{value}"), ("accept", "text/html"), 404),
        ] {
            let status = self.call(method, path, header, None).await;
            let told = &self.answers.last().unwrap().body;
            // an id in the address is the caller's own words; that it is none is all that is told
            assert!(
                status == expected || path.contains(value) && (400..500).contains(&status),
                "{method} {status} {told}"
            );
        }
        let typo = format!("{}{}", &value[..48], if value.ends_with('x') { 'y' } else { 'x' });
        assert_eq!(self.call("GET", "/authz", ("x-api-key", &typo), None).await, 401);
        let login = json!({"email": OWNER, "password": value});
        assert_eq!(self.call("POST", "/api/v1/auth/login", key, Some(login)).await, 401);
        assert_eq!(self.call("POST", "/api/v1/auth/token", key, Some(json!({"apiKey": [value]}))).await, 400);
        let exchanged =
            self.call("POST", "/api/v1/auth/token", ("accept", "*/*"), Some(json!({"apiKey": value}))).await;
        assert_eq!(exchanged, 200);
        let token = text(&self.answers.last().unwrap().json()["accessToken"]);
        let bearer = format!("Bearer {token}");
        assert_eq!(self.call("GET", "/api/v1/audit-events", ("authorization", &bearer), None).await, 200);
        self.answers.push(
            self.owner.post("/api/v1/keys/verify", json!({"key": value, "scope": "model:deploy"})).await,
        );
        self.answers.push(self.owner.post("/api/v1/keys/verify", json!({"key": {"text": value}})).await);
    }

    /// Reads all that can be read of keys, in the API and on the pages.
    async fn read_all(&mut self, app: &str, ids: &[String]) {
        let id = app.rsplit('/').next().unwrap();
        let page = format!("/settings/security/api-scopes/{id}");
        let mut paths = vec![
            format!("{app}/keys"),
            format!("{app}/usage"),
            "/api/v1/silent-api-keys".to_owned(),
            "/api/v1/outbox".to_owned(),
            "/api/v1/audit-events?pageSize=100".to_owned(),
            "/api/v1/who-can?action=workflow:deploy".to_owned(),
            "/metrics".to_owned(),
        ];
        paths.extend(ids.iter().map(|key| format!("{app}/keys/{key}")));
        let told: String = self.answers.iter().map(|a| a.body.as_str()).collect();
        let decisions: std::collections::BTreeSet<_> = told
            .split("dec_")
            .skip(1)
            .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>())
            .collect();
        assert!(decisions.len() > 3, "{decisions:?}");
        paths.extend(decisions.iter().map(|d| format!("/api/v1/decisions/dec_{d}")));
        for path in paths {
            self.answers.push(self.owner.get(&path).await);
        }
        for key in ids {
            let question = json!({"principal": {"kind": "api-key", "id": key}, "action": "workflow:deploy"});
            self.answers.push(self.owner.post("/api/v1/explain", question).await);
        }
        let pages = [
            page.clone(),
            format!("{page}/keys"),
            "/settings/audit".to_owned(),
            "/settings/security/why".to_owned(),
        ];
        let decisions = decisions.iter().map(|d| format!("/settings/decisions/dec_{d}"));
        for page in pages.into_iter().chain(decisions) {
            self.answers.push(self.browser.get(&page).await);
        }
    }
}

async fn no_part_of_a_key_is_anywhere(kind: Kind) {
    let database = Database::fresh(kind).await;
    let receiver = Receiver::start().await;
    let program =
        Program::on(&database).set("GATEHOUSE_LOG", "debug").set("GATEHOUSE_EGRESS_ALLOW", "127.0.0.1/32");
    program.create_owner("Acme", OWNER);
    let mut serving = program.serve();
    let owner = serving.sign_in(OWNER).await;
    let browser = serving.client();
    browser.post("/api/v1/auth/login", json!({"email": OWNER, "password": PASSWORD})).await.ok();
    let hook = json!({"url": receiver.url, "events": ["*"]});
    let hook = text(&owner.post("/api/v1/webhooks", hook).await.ok()["webhook"]["id"]);
    let scopes = json!({"name": "Program", "scopes": ["audit:read", "workflow:deploy"]});
    let app = format!("{APPS}/{}", text(&owner.post(APPS, scopes).await.ok()["id"]));
    let keys = format!("{app}/keys");
    let mut run = Run { serving: &serving, owner, browser, keys: Vec::new(), answers: Vec::new() };

    // made in each way: by the API, so that it may be sent again, on the page, in the place of another
    let made = run.owner.post(&keys, json!({"name": "Plain", "ownerKind": "person"})).await;
    let (plain, first) = run.made(&made);
    let again = run.owner.request("POST", &keys).header("content-type", "application/json");
    let again = again.header("idempotency-key", "once").body(json!({"name": "Kept"}).to_string());
    let kept = run.owner.send(again.try_clone().unwrap()).await;
    let (kept_value, second) = run.made(&kept);
    // an answer with a key in it is never kept: said again, the call finds the key that it made
    run.owner.send(again).await.refused(409, "conflict");
    run.made_on_the_page(&app).await;
    let rotated =
        run.owner.post(&format!("{keys}/{}/rotate", text(&second["id"])), json!({"overlapHours": 1})).await;
    let (next, third) = run.made(&rotated);
    for value in [&plain, &kept_value, &next] {
        run.use_it(value).await;
    }
    // each kind of end, and a use afterwards
    let ids = [&first, &second, &third].map(|k| text(&k["id"]));
    run.answers.push(run.owner.post_to(&format!("{keys}/{}/disable", ids[0])).await);
    let found = json!({"key": kept_value, "place": format!("a paste with {kept_value} in it")});
    assert_eq!(run.call("POST", "/api/v1/leaked", ("accept", "*/*"), Some(found)).await, 202);
    run.answers.push(run.owner.delete(&format!("{keys}/{}", ids[2])).await);
    for value in [&plain, &kept_value, &next] {
        assert_eq!(run.call("GET", "/authz", ("x-api-key", value), None).await, 401);
    }
    run.read_all(&app, &ids).await;
    let told: String = run.answers.iter().map(|a| format!("{:?}\n{}\n", a.headers, a.body)).collect();

    // what programs of the company's were sent, and what is kept of it
    let began = Instant::now();
    let mut sent = String::new();
    while !sent.contains("api-key.leaked") || !sent.contains("api-key.deleted") {
        assert!(began.elapsed() < Duration::from_secs(60), "not all was delivered: {sent}");
        tokio::time::sleep(Duration::from_millis(100)).await;
        for one in receiver.take() {
            sent.push_str(&format!("{:?}\n{}\n", one.headers, one.body));
        }
    }
    let deliveries = format!("/api/v1/webhooks/{hook}/deliveries");
    let listed = run.owner.get(&format!("{deliveries}?pageSize=100")).await;
    let mut log_of_deliveries = listed.body.clone();
    for one in listed.ok()["data"].as_array().unwrap() {
        log_of_deliveries.push_str(&run.owner.get(&format!("{deliveries}/{}", text(&one["id"]))).await.body);
    }
    let export = run.owner.get("/api/v1/audit-events/export").await.body;
    let csv = run.owner.get("/api/v1/audit-events/export?format=csv").await.body;
    let values = run.keys.clone();
    drop(run);
    let mut sinks = Vec::new();
    // the files while the server has them open, with what was not yet moved into the main one
    files(database.data_dir(), &mut sinks);
    let file = database.data_dir().join("a.backup");
    program.ok(&["backup", file.to_str().unwrap()]);
    serving.signal("-TERM");
    serving.ended(Duration::from_secs(40));
    files(database.data_dir(), &mut sinks);
    let dump = unpacked(&file);
    assert!(dump.contains("api_keys") && dump.contains("Of the page") && dump.contains("api-key.leaked"));
    let log = serving.log();
    assert!(log.contains("\"route\":\"/authz\"") && log.contains("\"level\":\"DEBUG\""), "{log}");
    assert!(export.contains("api-key.leaked") && csv.contains("api-key.leaked"));
    assert!(log_of_deliveries.contains("delivered") && told.contains("was deleted"));
    let is_in_a_file = sinks.iter().any(|(_, bytes)| memmem(bytes, b"Of the page"));
    assert_eq!(is_in_a_file, kind == Kind::Sqlite, "the files of the database were read");
    let texts = [
        ("log", log),
        ("answers", told),
        ("webhooks as sent", sent),
        ("log of deliveries", log_of_deliveries),
        ("audit export", export),
        ("audit export as CSV", csv),
        ("dump of the database", dump),
    ];
    let mut shown = 0;
    for (place, text) in &texts {
        let masks = masks(text);
        assert!(masks.iter().all(|m| m.len() == SHOWN), "{place}: {masks:?}");
        shown += masks.len();
    }
    assert!(shown > 10, "masks are shown, and nothing more");
    sinks.extend(texts.map(|(place, text)| (place.to_owned(), text.into_bytes())));
    assert_eq!(values.len(), 4);
    for key in values {
        for (place, bytes) in &sinks {
            assert!(!bytes.is_empty() || place.starts_with("file"), "{place} is empty");
            let found = part_in(bytes, &key);
            assert_eq!(found, None, "a part of a key is in the {place}");
        }
    }
}

#[test]
fn what_looks_for_parts_of_keys_finds_them() {
    let key = "gh_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij";
    for leak in ["x 23456789 y", "cdefghij", &STANDARD.encode(key), &URL_SAFE_NO_PAD.encode(key)] {
        assert!(part_in(leak.as_bytes(), key).is_some(), "{leak}");
    }
    assert_eq!(part_in("gh_…ghij 0123456 89ABCDE".as_bytes(), key), None);
    assert_eq!(masks("a gh_…ghij, gh_…efghij"), ["ghij", "efghij"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    no_part_of_a_key_is_anywhere(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    no_part_of_a_key_is_anywhere(Kind::Postgres).await;
}
