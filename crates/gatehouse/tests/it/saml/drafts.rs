//! Proof before switch: recorded sign-ins run against a draft, and what its activation asks.

use gatehouse_types::Role;
use serde_json::{Value, json};

use crate::support::{Client, LabConnection, TestApp, on_both};

/// A connection through which ada signed in at our side's request and bruno without one.
async fn with_sign_ins(t: &TestApp, owner: &Client) -> LabConnection {
    let lab = t.active_lab(owner).await;
    let browser = t.client();
    let start = format!("/sso/{}/start", lab.id);
    assert_eq!(t.ask_lab(&browser, &start, "ada", "").await.send(&browser).await.status, 303);
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "bruno").await.status, 303);
    lab
}

async fn draft(owner: &Client, lab: &LabConnection, change: Value) -> String {
    let made = owner.post(&format!("{}/drafts", lab.path), change).await.ok();
    format!("{}/drafts/{}", lab.path, made["id"].as_str().unwrap())
}

fn person<'a>(replay: &'a Value, email: &str) -> &'a Value {
    let people = replay["people"].as_array().unwrap();
    people.iter().find(|p| p["email"] == email).unwrap_or_else(|| panic!("no {email}: {replay}"))
}

async fn a_draft_changes_nothing_until_it_is_activated(t: TestApp) {
    let owner = t.owner().await;
    let lab = with_sign_ins(&t, &owner).await;
    let before = owner.get(&lab.path).await.ok();
    let path = draft(
        &owner,
        &lab,
        json!({"samlConfig": {"ssoUrl": "https://idp.example/other"}, "defaultRole": "viewer"}),
    )
    .await;
    assert_eq!(owner.get(&lab.path).await.ok(), before);
    let made = owner.get(&path).await.ok();
    assert_eq!(made["changes"], json!(["samlConfig.ssoUrl", "defaultRole"]));
    assert_eq!(made["proposed"]["samlConfig"]["ssoUrl"], "https://idp.example/other");
    assert_eq!((&made["stale"], &made["replayedAt"]), (&json!(false), &Value::Null));
    let replay = owner.post_to(&format!("{path}/replay")).await.ok();
    let summary = json!({"replayed": 2, "wouldFail": 0, "skipped": 0, "people": 2, "lockedOut": 0,
        "ownersLockedOut": 0, "letIn": 0});
    assert_eq!(replay["summary"], summary, "{replay}");
    assert_eq!(person(&replay, "ada@lab.test")["role"], "member");
    assert_eq!(owner.get(&path).await.ok()["replayedAt"], replay["replayedAt"]);
    let sessions =
        owner.get("/api/v1/audit-events?event=sso.signed-in").await.ok()["pagination"]["totalItems"].clone();
    assert_eq!(sessions, 2, "a replay signs nobody in");
    let done = owner.post(&format!("{path}/activate"), json!({})).await.ok();
    assert_eq!(done["connection"]["samlConfig"]["ssoUrl"], "https://idp.example/other");
    assert_eq!(done["connection"]["status"], "active");
    let started = t.client().get(&format!("/sso/{}/start", lab.id)).await;
    assert!(started.location().unwrap().starts_with("https://idp.example/other?"));
    owner.get(&path).await.refused(404, "not_found");
    assert_eq!(owner.get(&format!("{}/drafts", lab.path)).await.ok()["pagination"]["totalItems"], 0);
}

async fn whoever_would_be_locked_out_is_named_and_must_be_accepted(t: TestApp) {
    let owner = t.owner().await;
    let lab = with_sign_ins(&t, &owner).await;
    let other = t.app.sso().second_lab_key(&t.workspace).await.unwrap().certificate.to_pem();
    let path = draft(&owner, &lab, json!({"samlConfig": {"certificates": [other]}})).await;
    let replay = owner.post_to(&format!("{path}/replay")).await.ok();
    assert_eq!((&replay["summary"]["lockedOut"], &replay["summary"]["wouldFail"]), (&json!(2), &json!(2)));
    let ada = person(&replay, "ada@lab.test");
    assert_eq!(
        (&ada["before"], &ada["after"], &ada["lockedOut"]),
        (&json!("success"), &json!("failure"), &json!(true))
    );
    assert_eq!((&ada["currentRole"], &ada["role"]), (&json!("member"), &Value::Null));
    assert!(
        ada["reason"].as_str().unwrap().contains("signature") && !ada["detail"].as_str().unwrap().is_empty(),
        "{ada}"
    );
    let error = owner.post(&format!("{path}/activate"), json!({})).await.refused(409, "conflict");
    assert_eq!(error["field"], "acceptLockout");
    assert!(error["message"].as_str().unwrap().starts_with("2 people who signed in lately"), "{error}");
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "bruno").await.status, 303, "nothing changed");
    owner.post(&format!("{path}/activate"), json!({"acceptLockout": true})).await.ok();
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "bruno").await.status, 401);
    let told = owner.get("/api/v1/audit-events?event=sso.draft-activated").await.ok()["data"][0].clone();
    assert_eq!(
        (&told["details"]["lockedOut"], &told["details"]["accepted"]),
        (&json!(2), &json!(true)),
        "{told}"
    );
}

async fn the_lock_out_of_an_owner_needs_the_tick(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    t.person("ada@lab.test", Role::Owner).await;
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303);
    let mapping = json!({"samlConfig": {"attributeMapping": {"email": "no-such-attribute"}}});
    let path = draft(&owner, &lab, mapping).await;
    let replay = owner.post_to(&format!("{path}/replay")).await.ok();
    let ada = &replay["people"][0];
    assert_eq!(
        (&ada["owner"], &ada["otherWayIn"], &ada["reason"]),
        (&json!(true), &json!(true), &json!("email_missing"))
    );
    let error = owner
        .post(&format!("{path}/activate"), json!({"acceptLockout": false}))
        .await
        .refused(409, "conflict");
    assert!(error["message"].as_str().unwrap().contains("an owner among them"), "{error}");
}

async fn a_draft_tells_who_would_be_let_in(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    owner.put(&lab.path, json!({"jitProvisioning": false})).await.ok();
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 401);
    let path = draft(&owner, &lab, json!({"jitProvisioning": true, "defaultRole": "viewer"})).await;
    let replay = owner.post_to(&format!("{path}/replay")).await.ok();
    assert_eq!(replay["summary"]["letIn"], 1, "{replay}");
    let ada = person(&replay, "ada@lab.test");
    assert_eq!(
        (&ada["before"], &ada["after"], &ada["role"]),
        (&json!("failure"), &json!("success"), &json!("viewer"))
    );
    assert_eq!(ada["userId"], Value::Null);
}

async fn the_clock_of_a_replay_is_the_recorded_one(t: TestApp) {
    let owner = t.owner().await;
    let lab = with_sign_ins(&t, &owner).await;
    t.clock.advance(13 * 86_400);
    let owner = t.owner().await;
    let path = draft(&owner, &lab, json!({"defaultRole": "viewer"})).await;
    let replay = owner.post_to(&format!("{path}/replay")).await.ok();
    assert_eq!(
        (&replay["summary"]["replayed"], &replay["summary"]["lockedOut"]),
        (&json!(2), &json!(0)),
        "{replay}"
    );
    t.clock.advance(2 * 86_400);
    let owner = t.owner().await;
    assert_eq!(owner.post_to(&format!("{path}/replay")).await.ok()["summary"]["replayed"], 0);
}

async fn a_replayed_answer_is_not_run_again(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let form = t.lab_portal(&t.client(), &lab.id, &[("person", "ada")]).await;
    assert_eq!(form.send(&t.client()).await.status, 303);
    assert_eq!(form.send(&t.client()).await.status, 401);
    let path = draft(&owner, &lab, json!({"defaultRole": "viewer"})).await;
    let summary = owner.post_to(&format!("{path}/replay")).await.ok()["summary"].clone();
    assert_eq!(
        (&summary["replayed"], &summary["skipped"], &summary["letIn"]),
        (&json!(1), &json!(1), &json!(0))
    );
}

async fn a_draft_of_an_older_version_is_stale(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let path = draft(&owner, &lab, json!({"samlConfig": {"signRequests": true}})).await;
    owner.put(&lab.path, json!({"samlConfig": {"forceAuthn": true}})).await.ok();
    assert_eq!(owner.get(&path).await.ok()["stale"], true);
    owner.post(&format!("{path}/activate"), json!({})).await.refused(409, "conflict");
    owner.call("DELETE", &path, None).await.ok();
    owner.call("DELETE", &path, None).await.refused(404, "not_found");
}

async fn replays_are_bounded(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let path = draft(&owner, &lab, json!({"defaultRole": "viewer"})).await;
    let replay = format!("{path}/replay");
    for _ in 0..30 {
        owner.post_to(&replay).await.ok();
    }
    owner.post_to(&replay).await.refused(429, "rate_limit_error");
    t.clock.advance(10);
    owner.post_to(&replay).await.ok();
}

async fn bad_drafts_are_refused(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let drafts = format!("{}/drafts", lab.path);
    for (body, field) in [
        (json!({"name": "Other"}), Some("name")),
        (json!({"protocol": "oidc"}), Some("protocol")),
        (json!({"samlConfig": {"certificate": "x"}}), Some("samlConfig.certificate")),
        (json!({"samlConfig": {"ssoUrl": "javascript:x"}}), Some("samlConfig.ssoUrl")),
        (json!({}), None),
        (json!({"jitProvisioning": true}), None),
    ] {
        let error = owner.post(&drafts, body.clone()).await.refused(400, "validation_error");
        assert_eq!(error["field"].as_str(), field, "{body}: {error}");
    }
    for _ in 0..20 {
        owner.post(&drafts, json!({"defaultRole": "viewer"})).await.ok();
    }
    owner.post(&drafts, json!({"defaultRole": "viewer"})).await.refused(409, "conflict");
    let stranger = t.stranger().await;
    stranger.post(&drafts, json!({"defaultRole": "viewer"})).await.refused(404, "not_found");
}

on_both![
    a_draft_changes_nothing_until_it_is_activated,
    whoever_would_be_locked_out_is_named_and_must_be_accepted,
    the_lock_out_of_an_owner_needs_the_tick,
    a_draft_tells_who_would_be_let_in,
    the_clock_of_a_replay_is_the_recorded_one,
    a_replayed_answer_is_not_run_again,
    a_draft_of_an_older_version_is_stale,
    replays_are_bounded,
    bad_drafts_are_refused,
];
