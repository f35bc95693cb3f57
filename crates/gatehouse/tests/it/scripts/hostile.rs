//! Scripts and callers that try to harm more than themselves.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{call, deployed, imported, key_of, plain};
use crate::support::{Answer, Client, TestApp, on_both};

const PROJECT: &[(&str, &str)] = &[(
    "main.py",
    r#"
import sys, time

def nul():
    print("an\0other")
    raise ValueError("a\0b")

def flood(lines):
    for n in range(lines):
        print(n)
    return lines

def lines(text):
    for line in text.splitlines():
        print(line)
    return text.count("\n")

def sleep(seconds):
    time.sleep(seconds)
    return "slept"
"#,
)];

/// A script of this project in service, with its key.
async fn serving(t: &TestApp, owner: &Client, settings: serde_json::Value) -> (String, String) {
    t.keep_scripts();
    let id = imported(owner, PROJECT, settings).await;
    deployed(owner, &id).await;
    let key = key_of(owner, &id).await;
    (id, key)
}

async fn get(owner: &Client, id: &str, what: &str) -> serde_json::Value {
    owner.get(&format!("/api/v1/scripts/{id}/{what}")).await.ok()
}

async fn what_no_database_keeps_holds_nothing_else_up(t: TestApp) {
    let owner = t.owner().await;
    let (id, key) = serving(&t, &owner, plain("Nul", "python")).await;
    call(&owner, &id, &key, "nul", json!({})).await.refused(422, "script_error");
    call(&owner, &id, &key, "sleep", json!({"seconds": 0})).await.ok();
    let runs = get(&owner, &id, "runs").await;
    assert_eq!(runs["pagination"]["totalItems"], 2, "{runs}");
    assert!(runs.to_string().contains("a\u{FFFD}b"), "{runs}");
    assert!(get(&owner, &id, "logs").await.to_string().contains("an\u{FFFD}other"));
}

async fn a_flood_of_lines_is_cut_and_told(t: TestApp) {
    let owner = t.owner().await;
    let (id, key) = serving(&t, &owner, plain("Flood", "python")).await;
    for _ in 0..2 {
        assert_eq!(call(&owner, &id, &key, "flood", json!({"lines": 8000})).await.ok()["result"], 8000);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    call(&owner, &id, &key, "flood", json!({"lines": 1})).await.ok();
    let logs = get(&owner, &id, "logs").await;
    let kept = logs["pagination"]["totalItems"].as_u64().unwrap();
    // what may come at once, and what comes back while the test runs
    assert!((5_000..9_000).contains(&kept), "{kept}");
    assert!(logs.to_string().contains("log lines before this one were dropped"), "{logs}");
}

async fn secrets_of_several_lines_stay_out_of_the_log(t: TestApp) {
    let owner = t.owner().await;
    let secret = "-----BEGIN KEY-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END KEY-----";
    let settings = json!({"name": "Lines", "language": "python", "environment": {"TOKEN": secret}});
    let (id, key) = serving(&t, &owner, settings).await;
    call(&owner, &id, &key, "lines", json!({"text": secret})).await.ok();
    let logs = get(&owner, &id, "logs").await;
    assert_eq!(logs["pagination"]["totalItems"], 4, "{logs}");
    assert!(logs["data"].as_array().unwrap().iter().all(|line| line["message"] == "***"), "{logs}");
}

async fn a_caller_who_goes_leaves_a_run(t: TestApp) {
    let owner = t.owner().await;
    let (id, key) = serving(&t, &owner, plain("Left", "python")).await;
    let calling = call(&owner, &id, &key, "sleep", json!({"seconds": 1}));
    assert!(tokio::time::timeout(Duration::from_millis(400), calling).await.is_err(), "it takes a second");
    for _ in 0..100 {
        let runs = get(&owner, &id, "runs").await;
        if runs["pagination"]["totalItems"] == 1 {
            assert_eq!(runs["data"][0]["status"], "Success", "{runs}");
            let keys = get(&owner, &id, "keys").await;
            assert!(keys["data"][0]["lastUsedAt"].is_string(), "{keys}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the run was not kept");
}

async fn calls_are_not_tried_out(t: TestApp) {
    let owner = t.owner().await;
    let (id, key) = serving(&t, &owner, plain("Dry", "python")).await;
    let path = format!("/api/public/scripts/{id}/functions/flood?dryRun=true");
    let request =
        owner.request("POST", &path).header("x-api-key", &key).header("content-type", "application/json");
    owner.send(request.body(r#"{"lines":1}"#)).await.refused(400, "validation_error");
    assert_eq!(get(&owner, &id, "runs").await["pagination"]["totalItems"], 0);
}

async fn a_key_that_is_tried_at_many_scripts_is_slowed_down(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let id = imported(&owner, PROJECT, plain("Mine", "python")).await;
    let other = imported(&owner, PROJECT, plain("Other", "python")).await;
    let key = key_of(&owner, &id).await;
    call(&owner, "not-an-id", &key, "sleep", json!({})).await.refused(404, "not_found");
    let mut answers = Vec::new();
    for _ in 0..30 {
        answers.push(call(&owner, &other, &key, "sleep", json!({})).await);
    }
    let refused = |status: u16| answers.iter().filter(|answer: &&Answer| answer.status == status).count();
    assert!(refused(403) >= 20 && refused(429) >= 1, "{} and {}", refused(403), refused(429));
    assert_eq!(refused(403) + refused(429), 30);
}

#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn nobody_without_a_key_is_listened_to_for_long(t: TestApp) {
    let owner = t.owner().await;
    let id = imported(&owner, PROJECT, plain("Waiting", "python")).await;
    let url = t.app.public_url().as_str();
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/public/scripts/{id}/functions/sleep HTTP/1.1\r\nHost: localhost\r\nX-API-Key: nothing\r\n\
         Content-Type: application/json\r\nContent-Length: 6000000\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut begin = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut begin)).await;
    read.expect("it is answered before its body came").unwrap();
    assert_eq!(&begin, b"HTTP/1.1 401");
}

async fn what_is_no_file_has_a_bound(t: TestApp) {
    let owner = t.owner().await;
    let long = "x".repeat(4 * 1024 * 1024);
    owner.post("/api/v1/scripts", json!({"name": long})).await.refused(413, "payload_too_large");
    let settings = json!({"name": "Long", "language": "python", "description": long});
    super::import(&owner, PROJECT, settings).await.refused(413, "payload_too_large");
    let body = format!("{}{}", "between ".repeat(2 * 1024 * 1024), "\r\n--x--\r\n");
    let request =
        owner.request("POST", "/api/v1/scripts").header("content-type", "multipart/form-data; boundary=x");
    owner.send(request.body(body)).await.refused(400, "invalid_request_error");
}

on_both!(
    what_no_database_keeps_holds_nothing_else_up,
    a_flood_of_lines_is_cut_and_told,
    secrets_of_several_lines_stay_out_of_the_log,
    a_caller_who_goes_leaves_a_run,
    calls_are_not_tried_out,
    a_key_that_is_tried_at_many_scripts_is_slowed_down,
    nobody_without_a_key_is_listened_to_for_long,
    what_is_no_file_has_a_bound,
);
