//! One signal ends everything that a leaver had in a workspace.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gatehouse_types::{Role, digest};
use serde_json::{Value, json};

use super::submit;
use crate::support::{Client, PASSWORD, TestApp, on_both};

async fn id_of(by: &Client, email: &str) -> String {
    for status in ["active", "suspended"] {
        let found = by.get(&format!("/api/v1/users?email={email}&status={status}")).await.ok();
        if let Some(id) = found["data"][0]["id"].as_str() {
            return id.to_owned();
        }
    }
    panic!("nobody is {email}");
}

fn count(receipt: &Value, part: &str, kind: &str) -> i64 {
    let of_kind = receipt[part].as_array().unwrap().iter().find(|t| t["kind"] == kind);
    of_kind.map_or(0, |t| t["count"].as_i64().unwrap())
}

/// What a caller can do who is in.
async fn is_in(client: &Client) -> bool {
    client.get("/api/v1/me").await.status == 200
}

async fn r094_suspension_ends_everything_that_a_person_had(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    t.person("leaver@main.test", Role::Admin).await;
    let (program, browser) = (t.sign_in("leaver@main.test").await, t.browser("leaver@main.test").await);
    let invited = json!({"email": "friend@main.test", "role": "member"});
    program.post("/api/v1/invitations", invited).await.ok();
    let invitation = format!("/invitation/{}", t.mailed_token("friend@main.test", "invitation").await);
    let link = program.post("/api/v1/sso/setup-links", json!({"connectionId": lab.id})).await.ok();
    let link = link["url"].as_str().unwrap().to_owned();
    t.client().post("/api/v1/auth/password-reset", json!({"email": "leaver@main.test"})).await;
    let reset = format!("/reset/{}", t.mailed_token("leaver@main.test", "reset").await);
    for path in [&link, &invitation, &reset] {
        assert_eq!(t.client().get(path).await.status, 200, "{path}");
    }

    let id = id_of(&owner, "leaver@main.test").await;
    let why = json!({"reason": "left the company"});
    let receipt = owner.post(&format!("/api/v1/users/{id}/suspend"), why).await.ok();
    assert!(!is_in(&program).await && !is_in(&browser).await);
    for path in [&link, &invitation, &reset] {
        let answer = t.client().get(path).await;
        assert!(answer.status == 404 || answer.status == 400, "{path}: {}", answer.status);
    }
    assert_eq!(
        ["session", "invitation", "setup-link", "reset-link"].map(|k| count(&receipt, "ended", k)),
        [2, 1, 1, 1],
        "{receipt}"
    );
    assert_eq!((&receipt["cause"], &receipt["reason"]), (&json!("suspended"), &json!("left the company")));
    assert_eq!((&receipt["role"], &receipt["isKept"]), (&json!("admin"), &json!(true)));
    assert!(receipt["tookMs"].as_f64().unwrap() > 0.0);
    // signing in is answered as for a wrong password, and a new invitation does not lead around it
    let login = json!({"email": "leaver@main.test", "password": PASSWORD});
    t.client().post("/api/v1/auth/login", login).await.refused(401, "authentication_error");
    let listed = owner.get("/api/v1/users?status=suspended").await.ok();
    assert_eq!((&listed["data"][0]["id"], &listed["data"][0]["status"]), (&json!(id), &json!("suspended")));
    assert_eq!(owner.get("/api/v1/users?email=leaver").await.ok()["data"], json!([]));

    // given back: the role is there again, what ended stays ended
    let back = owner.post_to(&format!("/api/v1/users/{id}/reactivate")).await.ok();
    assert_eq!((&back["role"], &back["status"]), (&json!("admin"), &json!("active")));
    assert!(!is_in(&program).await && !is_in(&browser).await);
    assert_eq!(t.client().get(&link).await.status, 404);
    assert!(is_in(&t.sign_in("leaver@main.test").await).await);
    let later = owner.get(&format!("/api/v1/users/{id}/offboarding")).await.ok();
    assert!(later["reversedAt"].is_string() && later["sha256"] == receipt["sha256"], "{later}");
    let again = owner.post_to(&format!("/api/v1/users/{id}/reactivate")).await;
    again.refused(409, "conflict");
}

async fn the_receipt_is_signed_and_in_the_audit_log(t: TestApp) {
    let owner = t.owner().await;
    t.person("leaver@main.test", Role::Member).await;
    let id = id_of(&owner, "leaver@main.test").await;
    let none = owner.get(&format!("/api/v1/users/{id}/offboarding")).await;
    none.refused(404, "not_found");
    owner.post(&format!("/api/v1/users/{id}/suspend"), json!({})).await.ok();
    let mut receipt = owner.get(&format!("/api/v1/users/{id}/offboarding")).await.ok();
    let members = receipt.as_object_mut().unwrap();
    let text = |v: Option<Value>| v.unwrap().as_str().unwrap().to_owned();
    let sha256 = text(members.remove("sha256"));
    let signature = BASE64_URL_SAFE_NO_PAD.decode(text(members.remove("signature"))).unwrap();
    let key = BASE64_URL_SAFE_NO_PAD.decode(text(members.remove("publicKey"))).unwrap();
    let key_id = text(members.remove("keyId"));
    members.remove("reversedAt");
    members.remove("handedOver");
    assert_eq!(gatehouse_store::audit::keys::fingerprint(&key), key_id);
    assert_eq!(digest(&gatehouse_store::audit::canonical(&receipt)), sha256);
    let statement = json!({"type": "gatehouse-offboarding", "version": 1, "sha256": sha256});
    let statement = gatehouse_store::audit::canonical(&statement);
    UnparsedPublicKey::new(&ED25519, key).verify(statement.as_bytes(), &signature).unwrap();
    let entry = owner.get("/api/v1/audit-events?event=user.offboarded").await.ok()["data"][0].clone();
    assert_eq!((&entry["details"]["sha256"], &entry["targetId"]), (&json!(sha256), &json!(id)));
}

async fn a_trial_suspension_is_proved_by_nothing(t: TestApp) {
    let owner = t.owner().await;
    let member = t.member_of(Role::Member).await;
    let id = id_of(&owner, "member@main.test").await;
    let tried = owner.post(&format!("/api/v1/users/{id}/suspend?dryRun=true"), json!({})).await.ok();
    assert_eq!(count(&tried["result"], "ended", "session"), 1, "{tried}");
    let removed = owner.delete(&format!("/api/v1/users/{id}?dryRun=true")).await.ok();
    assert!(removed["effects"].to_string().contains("user.offboarded"), "{removed}");
    for proof in ["sha256", "keyId", "publicKey", "signature"] {
        let name = format!("\"{proof}\"");
        assert!(
            !tried.to_string().contains(&name) && !removed.to_string().contains(&name),
            "{proof}: {tried}"
        );
    }
    assert!(is_in(&member).await);
    owner.get(&format!("/api/v1/users/{id}/offboarding")).await.refused(404, "not_found");
}

async fn the_last_owner_is_told_on_the_page_before_a_suspension(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    let id = id_of(&t.owner().await, "owner@main.test").await;
    let asked = browser.get(&format!("/settings/people/{id}/suspend")).await;
    assert_eq!(asked.status, 200, "{}", asked.body);
    assert!(
        asked.body.contains("This cannot be done now") && !asked.body.contains("Suspend access</button>")
    );
}

async fn r094_no_provider_and_no_invitation_leads_around_a_suspension(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let browser = t.client();
    assert_eq!(t.enter_from_lab(&browser, &lab.id, "ada").await.status, 303);
    let id = id_of(&owner, "ada@lab.test").await;
    let receipt = owner.post(&format!("/api/v1/users/{id}/suspend"), json!({})).await.ok();
    assert_eq!(count(&receipt, "pending", "account-at-provider"), 1, "{receipt}");
    assert!(!is_in(&browser).await);
    let refused = t.enter_from_lab(&browser, &lab.id, "ada").await;
    assert_eq!(refused.status, 401);
    assert!(!refused.body.contains("suspended"), "{}", refused.body);
    let why = owner.get(&format!("/api/v1/decisions/{}", refused.decision())).await.ok();
    assert!(why["reasons"].to_string().contains("suspended since"), "{why}");
    let invited = owner.post("/api/v1/invitations", json!({"email": "ada@lab.test", "role": "owner"})).await;
    assert_eq!(invited.refused(409, "conflict")["field"], "email");
    assert_eq!(owner.get(&format!("/api/v1/users/{id}")).await.ok()["status"], "suspended");

    owner.post_to(&format!("/api/v1/users/{id}/reactivate")).await.ok();
    assert_eq!(t.enter_from_lab(&browser, &lab.id, "ada").await.status, 303);
}

async fn other_workspaces_are_left_alone(t: TestApp) {
    let owner = t.owner().await;
    let other = t.workspace("Other").await;
    t.person("both@main.test", Role::Member).await;
    let elsewhere = t.sign_in("both@main.test").await;
    let there = elsewhere.get("/api/v1/me").await.ok()["workspace"]["id"].clone();
    t.person_in(&other, "both@main.test", Role::Viewer).await;
    let moved = t.sign_in("both@main.test").await;
    let switched = moved.post("/api/v1/auth/switch-workspace", json!({"workspaceId": other})).await.ok();
    let moved = moved.with_token(switched["accessToken"].as_str().unwrap());
    assert_ne!(moved.get("/api/v1/me").await.ok()["workspace"]["id"], there);
    t.client().post("/api/v1/auth/password-reset", json!({"email": "both@main.test"})).await;
    let reset = format!("/reset/{}", t.mailed_token("both@main.test", "reset").await);
    let id = id_of(&owner, "both@main.test").await;
    let receipt = owner.post(&format!("/api/v1/users/{id}/suspend"), json!({})).await.ok();
    assert_eq!(count(&receipt, "ended", "reset-link"), 0, "{receipt}");
    assert!(!is_in(&elsewhere).await && is_in(&moved).await);
    assert_eq!(t.client().get(&reset).await.status, 200);
    let signed = t.sign_in("both@main.test").await.get("/api/v1/me").await.ok();
    assert_eq!(signed["workspace"]["id"], json!(other));
    // the other workspace knows nothing of it
    let stranger = t.sign_in("owner@other.test").await;
    stranger.get(&format!("/api/v1/users/{id}/offboarding")).await.refused(404, "not_found");
    stranger.post_to(&format!("/api/v1/users/{id}/reactivate")).await.refused(409, "conflict");
}

async fn owners_are_suspended_by_owners_and_the_last_one_by_nobody(t: TestApp) {
    let owner = t.owner().await;
    let me = owner.get("/api/v1/me").await.ok()["user"]["id"].as_str().unwrap().to_owned();
    owner.post(&format!("/api/v1/users/{me}/suspend"), json!({})).await.refused(409, "conflict");
    t.person("two@main.test", Role::Owner).await;
    let admin = t.member_of(Role::Admin).await;
    let two = id_of(&owner, "two@main.test").await;
    let suspend = format!("/api/v1/users/{two}/suspend");
    admin.post(&suspend, json!({})).await.refused(403, "authorization_error");
    let long = json!({"reason": "x".repeat(501)});
    assert_eq!(owner.post(&suspend, long).await.refused(400, "validation_error")["field"], "reason");
    owner.post(&suspend, json!({})).await.ok();
    owner.post(&suspend, json!({})).await.refused(409, "conflict");
    owner.put(&format!("/api/v1/users/{two}"), json!({"role": "viewer"})).await.refused(409, "conflict");
    admin.post_to(&format!("/api/v1/users/{two}/reactivate")).await.refused(403, "authorization_error");
    owner.post_to(&format!("/api/v1/users/{two}/reactivate")).await.ok();
    // at the machine's console a suspended person is brought back, too
    owner.post(&suspend, json!({})).await.ok();
    t.person("two@main.test", Role::Owner).await;
    assert_eq!(owner.get(&format!("/api/v1/users/{two}")).await.ok()["status"], "active");
    // who is removed leaves a receipt as well
    owner.delete(&format!("/api/v1/users/{two}")).await.ok();
    let receipt = owner.get(&format!("/api/v1/users/{two}/offboarding")).await.ok();
    assert_eq!((&receipt["cause"], &receipt["isKept"]), (&json!("removed"), &json!(false)));
}

async fn access_is_suspended_and_given_back_on_the_page(t: TestApp) {
    t.person("leaver@main.test", Role::Member).await;
    let program = t.sign_in("leaver@main.test").await;
    let browser = t.browser("owner@main.test").await;
    let id = id_of(&t.owner().await, "leaver@main.test").await;
    let path = format!("/settings/people/{id}/suspend");
    let asked = browser.get(&path).await;
    assert!(asked.body.contains("1 session with its tokens"), "{}", asked.body);
    let long = submit(&browser, &path, &path, &[("reason", &"x".repeat(501))]).await;
    assert_eq!(long.status, 400);
    assert!(is_in(&program).await);
    let done = submit(&browser, &path, &path, &[("reason", "gone")]).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(!is_in(&program).await);
    let receipt = browser.get(done.location().unwrap()).await;
    assert!(
        receipt.body.contains("1 session with its tokens") && receipt.body.contains("gone"),
        "{}",
        receipt.body
    );
    let people = browser.get("/settings/people").await;
    assert!(people.body.contains("Suspended people"), "{}", people.body);
    let back = format!("/settings/people/{id}/reactivate");
    assert_eq!(submit(&browser, "/settings/people", &back, &[]).await.status, 303);
    assert!(is_in(&t.sign_in("leaver@main.test").await).await);
}

on_both![
    r094_suspension_ends_everything_that_a_person_had,
    the_receipt_is_signed_and_in_the_audit_log,
    a_trial_suspension_is_proved_by_nothing,
    the_last_owner_is_told_on_the_page_before_a_suspension,
    r094_no_provider_and_no_invitation_leads_around_a_suspension,
    other_workspaces_are_left_alone,
    owners_are_suspended_by_owners_and_the_last_one_by_nobody,
    access_is_suspended_and_given_back_on_the_page,
];
