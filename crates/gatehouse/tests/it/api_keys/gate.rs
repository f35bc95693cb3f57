use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gatehouse_types::Role;
use serde_json::json;

use super::{AUTHZ, app, asked, key, key_of, text};
use crate::support::{Answer, Client, TestApp, on_both};

#[track_caller]
fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
}

async fn r107_a_key_opens_the_scopes_of_its_app_and_nothing_else(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &["workflow:deploy", "model:deploy"]).await;
    let key = key(&owner, &path, "CI").await;
    let good = asked(&t, &key.value, Some("workflow:deploy")).await;
    assert_eq!(header(&good, "x-gatehouse-workspace"), t.workspace.to_string());
    assert_eq!(header(&good, "x-gatehouse-app"), path.rsplit('/').next().unwrap());
    assert_eq!(header(&good, "x-gatehouse-key"), key.id);
    assert_eq!(header(&good, "x-gatehouse-scopes"), "model:deploy workflow:deploy");
    assert_eq!(header(&good, "x-gatehouse-owner"), "service");
    assert_eq!(header(&good, "cache-control"), "no-store");
    let refused = asked(&t, &key.value, Some("workflow:undeploy")).await;
    let error = refused.refused(403, "authorization_error");
    assert_eq!(refused.headers["x-gatehouse-decision"].to_str().unwrap(), error["decision"]);
    let why = owner.get(&format!("/api/v1/decisions/{}", text(&error["decision"]))).await.ok();
    assert_eq!(why["action"], "workflow:undeploy");
    assert_eq!((&why["reasons"][0]["ok"], &why["reasons"][1]["ok"]), (&json!(true), &json!(false)));
    assert!(
        text(&why["reasons"][1]["detail"]).contains("The app Deployer has model:deploy, workflow:deploy")
    );
    // the same refusal has the same decision
    let again = asked(&t, &key.value, Some("workflow:undeploy")).await.refused(403, "authorization_error");
    assert_eq!(again["decision"], error["decision"]);
    let other = asked(&t, &key.value, Some("orders:read")).await.refused(403, "authorization_error");
    assert_ne!(other["decision"], error["decision"]);
    asked(&t, &key.value, Some("  ")).await.refused(403, "authorization_error");
}

/// What is asked plainly is answered ahead of the router, what has a query by it: nobody sees which.
async fn an_answer_is_the_same_on_both_ways(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &["workflow:deploy"]).await;
    let key = key(&owner, &path, "CI").await;
    let client = t.client();
    for method in ["GET", "POST", "DELETE", "BREW"] {
        let mut said = Vec::new();
        for path in [AUTHZ, "/authz?by=the-router"] {
            let request =
                client.request(method, path).header("authorization", format!("Bearer {}", key.value));
            let answer = client.send(request.header("x-required-scope", "workflow:deploy")).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{method} {path}");
            let mut headers: Vec<_> = answer
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
                .collect();
            headers.sort();
            said.push(headers);
            assert!(answer.headers["x-request-id"].to_str().unwrap().starts_with("req_"));
        }
        assert_eq!(said[0], said[1], "{method}");
    }
    // a refusal is counted and told once, whichever way it came
    let refused = asked(&t, &key.value, Some("workflow:undeploy")).await;
    refused.refused(403, "authorization_error");
    let usage = owner.get(&format!("{path}/usage")).await.ok();
    let uses = &usage["byKey"][0];
    assert_eq!((&uses["allowed"], &uses["refused"]), (&json!(8), &json!(1)), "{usage}");
}

/// A scope is what the caller says: made-up ones leave so many recorded refusals and no more.
async fn refusals_of_one_key_are_recorded_at_a_measured_pace(t: TestApp) {
    let owner = t.owner().await;
    let key = key(&owner, &app(&owner, "Deployer", &[]).await, "CI").await;
    let mut recorded = 0;
    for n in 0..130 {
        let refused = asked(&t, &key.value, Some(&format!("made:up{n}"))).await;
        recorded += usize::from(refused.refused(403, "authorization_error")["decision"].is_string());
    }
    assert_eq!(recorded, 100);
    t.clock.advance(5);
    assert!(asked(&t, &key.value, Some("made:up200")).await.json()["error"]["decision"].is_string());
}

async fn whoever_shows_no_key_is_nobody(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &[]).await;
    let key = key(&owner, &path, "CI").await;
    let client = t.client();
    let none = client.get(AUTHZ).await;
    none.refused(401, "authentication_error");
    assert_eq!(none.headers["www-authenticate"], "Bearer");
    let mut wrong = key.value.clone().into_bytes();
    wrong[10] = if wrong[10] == b'a' { b'b' } else { b'a' };
    let wrong = String::from_utf8(wrong).unwrap();
    for value in ["", "gh_", "x", wrong.as_str(), &"g".repeat(9_000)] {
        asked(&t, value, None).await.refused(401, "authentication_error");
    }
    let basic = client.request("GET", AUTHZ).basic_auth("a", Some(&key.value));
    client.send(basic).await.refused(401, "authentication_error");
    // as a bearer token a key is good too, and with any method
    let bearer = t.client().with_token(&key.value);
    assert_eq!(bearer.get(AUTHZ).await.status, 200);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        assert_eq!(bearer.call(method, AUTHZ, None).await.status, 200, "{method}");
    }
}

async fn a_person_has_the_scopes_that_they_could_give(t: TestApp) {
    let owner = t.owner().await;
    let ask = async |client: &Client, scope: Option<&str>| {
        let request = client.request("GET", AUTHZ);
        let request = match scope {
            Some(scope) => request.header("x-required-scope", scope),
            None => request,
        };
        client.send(request).await
    };
    let good = ask(&owner, Some("workflow:deploy")).await;
    assert_eq!(header(&good, "x-gatehouse-role"), "owner");
    assert!(header(&good, "x-gatehouse-user").starts_with("usr_"));
    let viewer = t.member_of(Role::Viewer).await;
    assert_eq!(header(&ask(&viewer, None).await, "x-gatehouse-role"), "viewer");
    ask(&viewer, Some("workflow:deploy")).await.refused(403, "authorization_error");
    viewer.post_to("/api/v1/auth/logout").await.ok();
    ask(&viewer, None).await.refused(401, "authentication_error");
}

async fn networks_rates_and_quotas_bound_keys_and_apps(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Bounded", &[]).await;
    let make = async |body| key_of(&owner, &path, body).await.value;
    let elsewhere = make(json!({"name": "Elsewhere", "networks": ["203.0.113.0/24"]})).await;
    let error = asked(&t, &elsewhere, None).await.refused(403, "authorization_error");
    let why = owner.get(&format!("/api/v1/decisions/{}", text(&error["decision"]))).await.ok();
    assert!(text(&why["reasons"][1]["detail"]).contains("127.0.0.1"), "{why}");
    let here = make(json!({"name": "Here", "networks": ["127.0.0.0/8"]})).await;
    assert_eq!(asked(&t, &here, None).await.status, 200);
    let slow = make(json!({"name": "Slow", "rateLimit": {"requests": 2, "seconds": 60}})).await;
    assert_eq!(asked(&t, &slow, None).await.status, 200);
    assert_eq!(asked(&t, &slow, None).await.status, 200);
    let refused = asked(&t, &slow, None).await;
    refused.refused(429, "rate_limit_error");
    assert_eq!(refused.headers["retry-after"], "30");
    t.clock.advance(30);
    assert_eq!(asked(&t, &slow, None).await.status, 200);
    let few = make(json!({"name": "Few", "quota": {"requests": 1, "period": "day"}})).await;
    assert_eq!(asked(&t, &few, None).await.status, 200);
    asked(&t, &few, None).await.refused(429, "rate_limit_error");
    // the app's count for all its keys
    owner.put(&path, json!({"rateLimit": {"requests": 1, "seconds": 3600}})).await.ok();
    assert_eq!(asked(&t, &here, None).await.status, 200);
    asked(&t, &here, None).await.refused(429, "rate_limit_error");
    // a change of something else does not begin anew
    owner.put(&path, json!({"name": "Still bounded"})).await.ok();
    asked(&t, &here, None).await.refused(429, "rate_limit_error");
    let changed = owner.put(&path, json!({"rateLimit": null})).await.ok();
    assert_eq!(changed["rateLimit"], json!(null));
    assert_eq!(asked(&t, &here, None).await.status, 200);
}

async fn a_quota_is_remembered_over_a_restart(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Bounded", &[]).await;
    let few =
        key_of(&owner, &path, json!({"name": "Few", "quota": {"requests": 2, "period": "month"}})).await;
    for _ in 0..2 {
        assert_eq!(asked(&t, &few.value, None).await.status, 200);
    }
    // asking for the usage writes it
    owner.get(&format!("{path}/usage")).await.ok();
    let other = Client::new(&t.second_server().await);
    let request = other.request("GET", AUTHZ).header("x-api-key", &few.value);
    other.send(request).await.refused(429, "rate_limit_error");
}

/// 64 callers use a key while it is deleted: once the deletion was answered, none is let in.
async fn after_a_revocation_was_answered_nobody_gets_in(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &[]).await;
    for round in 0..3 {
        let key = key(&owner, &path, &format!("CI {round}")).await;
        let gone = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..64)
            .map(|_| {
                let (client, value, gone) = (t.client(), key.value.clone(), Arc::clone(&gone));
                tokio::spawn(async move {
                    let (mut before, mut late) = (0, 0);
                    for _ in 0..500 {
                        let was_gone = gone.load(Ordering::SeqCst);
                        let request = client.request("GET", AUTHZ).header("x-api-key", &value);
                        let status = client.send(request).await.status;
                        match (status, was_gone) {
                            (200, true) => late += 1,
                            (200, false) => before += 1,
                            _ => break,
                        }
                    }
                    (before, late)
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        owner.delete(&key.path).await.ok();
        gone.store(true, Ordering::SeqCst);
        let mut total = 0;
        for caller in callers {
            let (before, late) = caller.await.unwrap();
            assert_eq!(late, 0);
            total += before;
        }
        assert!(total > 0, "the key was used");
    }
}

async fn another_server_hears_of_a_revocation(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &["model:deploy"]).await;
    let key = key(&owner, &path, "CI").await;
    let other = Client::new(&t.second_server().await);
    let ask = async || {
        let request = other.request("GET", AUTHZ).header("x-api-key", &key.value);
        other.send(request.header("x-required-scope", "model:deploy")).await.status
    };
    assert_eq!(ask().await, 200);
    owner.put(&path, json!({"scopes": []})).await.ok();
    let mut waited = 0;
    while ask().await != 403 {
        waited += 1;
        assert!(waited < 100, "the other server did not hear of it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    owner.delete(&key.path).await.ok();
    while ask().await != 401 {
        waited += 1;
        assert!(waited < 200, "the other server did not hear of it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

on_both![
    r107_a_key_opens_the_scopes_of_its_app_and_nothing_else,
    an_answer_is_the_same_on_both_ways,
    refusals_of_one_key_are_recorded_at_a_measured_pace,
    whoever_shows_no_key_is_nobody,
    a_person_has_the_scopes_that_they_could_give,
    networks_rates_and_quotas_bound_keys_and_apps,
    a_quota_is_remembered_over_a_restart,
    after_a_revocation_was_answered_nobody_gets_in,
    another_server_hears_of_a_revocation,
];
