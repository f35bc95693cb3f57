//! `kill -9` in the middle of sign-ins and changes: what was acknowledged is there afterwards, the audit chain whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gatehouse_testkit::Database;
use serde_json::{Value, json};

use super::on_both_databases;
use crate::support::{Client, PASSWORD, Program, Serving};

const OWNER: &str = "owner@acme.test";
const ROUNDS: usize = 4;

/// Works until the server is gone; the tokens and the names that were acknowledged.
async fn work(
    base: String,
    token: String,
    name: String,
    acknowledged: Arc<AtomicUsize>,
) -> (Vec<String>, Vec<String>) {
    let http = reqwest_client();
    let (mut tokens, mut names) = (Vec::new(), Vec::new());
    for n in 0..8 {
        let body = json!({"email": OWNER, "password": PASSWORD}).to_string();
        let login = http.post(format!("{base}/api/v1/auth/login")).header("content-type", "application/json");
        let Ok(answer) = login.body(body).send().await else { break };
        let Ok(text) = answer.text().await else { break };
        let answer: Value = serde_json::from_str(&text).unwrap();
        tokens.push(answer["accessToken"].as_str().unwrap_or_else(|| panic!("{text}")).to_owned());
        acknowledged.fetch_add(1, Ordering::SeqCst);
        let name = format!("{name}-{n}");
        let body = json!({"name": name, "protocol": "oidc", "defaultRole": "member",
            "oidcConfig": {"issuerUrl": "https://idp.example.com", "clientId": "c", "clientSecret": "s"}});
        let make = http.post(format!("{base}/api/v1/sso/connections")).bearer_auth(&token);
        let make = make.header("content-type", "application/json").body(body.to_string());
        let Ok(answer) = make.send().await else { break };
        if answer.status().is_success() && answer.text().await.is_ok() {
            names.push(name);
            acknowledged.fetch_add(1, Ordering::SeqCst);
        }
    }
    (tokens, names)
}

#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
fn reqwest_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap()
}

async fn chain_is_whole(owner: &Client) {
    let export = owner.get("/api/v1/audit-events/export").await;
    let mut last = json!("0".repeat(64));
    let entries = export.body.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
    let entries = entries.filter(|e| e["event"].is_string() && e["sequence"].is_i64());
    for (n, entry) in entries.enumerate() {
        assert_eq!((&entry["sequence"], &entry["previousHash"]), (&json!(n + 1), &last), "{entry}");
        last = entry["hash"].clone();
    }
}

async fn what_was_acknowledged_survives_kill_9(database: Database) {
    // tokens name the public URL, which stays when the port changes
    let program = Program::on(&database).set("GATEHOUSE_PUBLIC_URL", "http://gatehouse.test");
    program.create_owner("Acme", OWNER);
    let (mut tokens, mut names) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let serving: Serving = program.serve();
        let owner = serving.sign_in(OWNER).await;
        let token = owner.token.clone().unwrap();
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let workers: Vec<_> = (0..3)
            .map(|w| {
                let name = format!("c-{round}-{w}");
                tokio::spawn(work(serving.base.clone(), token.clone(), name, acknowledged.clone()))
            })
            .collect();
        // in the middle of the work, each time at another point of it
        let began = Instant::now();
        while acknowledged.load(Ordering::SeqCst) < 3 + round {
            assert!(began.elapsed() < Duration::from_secs(60), "nothing is acknowledged: {}", serving.log());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        serving.kill();
        for worker in workers {
            let (more_tokens, more_names) = worker.await.unwrap();
            tokens.extend(more_tokens);
            names.extend(more_names);
        }
    }
    assert!(tokens.len() + names.len() >= 3 * ROUNDS, "too little was acknowledged to mean something");
    let serving = program.serve();
    for token in &tokens {
        serving.client().with_token(token).get("/api/v1/me").await.ok();
    }
    let owner = serving.sign_in(OWNER).await;
    let mut there = Vec::new();
    for page in 1..4 {
        let path = format!("/api/v1/sso/connections?pageSize=100&page={page}");
        let data = owner.get(&path).await.ok()["data"].as_array().unwrap().clone();
        there.extend(data.iter().map(|c| c["name"].as_str().unwrap().to_owned()));
    }
    for name in &names {
        assert_eq!(there.iter().filter(|n| *n == name).count(), 1, "{name}");
    }
    chain_is_whole(&owner).await;
}

on_both_databases!(what_was_acknowledged_survives_kill_9);
