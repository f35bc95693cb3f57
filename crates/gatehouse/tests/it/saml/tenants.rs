//! One company's provider speaks for its own domains only, never in place of another company's provider, and never
//! longer than its domain is proved.

use gatehouse_types::Role;
use serde_json::json;

use super::refused_for;
use crate::support::{TestApp, on_both};

async fn a_link_signs_in_only_while_the_accounts_own_domain_is_proved(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303);
    // the company proves another domain and gives the first one up: its provider now names an address of the new one
    t.prove(&owner, &lab.path, "evil.test").await;
    owner.delete(&format!("{}/domains/{}", lab.path, lab.domain)).await.ok();
    let browser = t.client();
    let answer = t.hand_made(&lab.id, "ada@lab.test", "whoever@evil.test").await.send(&browser).await;
    refused_for(&owner, &lab, &browser, &answer, "domain_not_verified").await;
}

async fn a_refusal_for_a_foreign_domain_keeps_nothing_that_tells_who_it_was(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let browser = t.client();
    let answer = t.hand_made(&lab.id, "emp-4711", "ceo.secret@other.test").await.send(&browser).await;
    assert_eq!(answer.status, 401);
    let kept = owner.get(&format!("{}/attempts", lab.path)).await;
    let why = owner.get(&format!("/api/v1/decisions/{}", answer.decision())).await;
    for text in [&kept.body, &why.body] {
        assert!(text.contains("other.test"), "the domain helps to find the mistake: {text}");
        assert!(!text.contains("ceo.secret") && !text.contains("emp-4711"), "{text}");
    }
    assert_eq!(kept.json()["data"][0]["hasResponse"], false);
}

async fn a_session_through_one_provider_never_stands_in_for_another_workspaces_provider(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    // ada is an owner of another company, which has a provider of its own and wants it used
    let other = t.workspace("Other").await;
    t.person_in(&other, "ada@lab.test", Role::Owner).await;
    let theirs = t.sign_in("owner@other.test").await;
    let mut body = t.lab_body("Theirs").await;
    body["samlConfig"]["entityId"] = json!("https://idp.other.test/");
    body["samlConfig"]["ssoUrl"] = json!("https://idp.other.test/sso");
    let made = theirs.post("/api/v1/sso/connections", body).await.ok();
    let path = format!("/api/v1/sso/connections/{}", made["id"].as_str().unwrap());
    t.prove(&theirs, &path, "other.test").await;
    theirs.post_to(&format!("{path}/test")).await.ok();
    theirs.put("/api/v1/sso/settings", json!({"connectionId": made["id"]})).await.ok();

    let ada = t.client();
    assert_eq!(t.enter_from_lab(&ada, &lab.id, "ada").await.status, 303);
    let mut program = t.client();
    let switch = json!({"workspaceId": other});
    program.set_cookie("gatehouse_session", &ada.cookie("gatehouse_session").unwrap());
    let ask = |client: &crate::support::Client| {
        client
            .request("post", "/api/v1/auth/switch-workspace")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/json")
            .body(switch.to_string())
    };
    theirs.post_to("/api/v1/sso/settings/enable").await.ok();
    let refused = program.send(ask(&program)).await.refused(403, "sso_required");
    let to = refused["redirectUrl"].as_str().unwrap();
    assert!(to.ends_with(&format!("/sso/{}/start", made["id"].as_str().unwrap())), "{to}");
    // without a provider of its own, the address's domain decides: it is still proved
    theirs.post_to("/api/v1/sso/settings/disable").await.ok();
    let switched = program.send(ask(&program)).await.ok();
    program.token = switched["accessToken"].as_str().map(str::to_owned);
    assert_eq!(program.get("/api/v1/me").await.ok()["role"], "owner");
}

async fn a_switch_ends_no_later_than_the_session_it_came_from(t: TestApp) {
    let other = t.workspace("Other").await;
    t.person_in(&other, "owner@main.test", Role::Viewer).await;
    let identity = t.app.identity();
    let (machine, email) = (t.app.machine(), "owner@main.test".parse().unwrap());
    let short = identity.console_token(&machine, "Main", &email, 60).await.unwrap();
    let client = t.client().with_token(short.expose());
    let switched = client.post("/api/v1/auth/switch-workspace", json!({"workspaceId": other})).await.ok();
    let there = t.client().with_token(switched["accessToken"].as_str().unwrap());
    there.get("/api/v1/me").await.ok();
    t.clock.advance(61);
    there.get("/api/v1/me").await.refused(401, "authentication_error");
}

async fn who_controls_a_connection_cannot_do_so_behind_the_owners_backs(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let before = owner.get("/api/v1/outbox").await.ok()["pagination"]["totalItems"].clone();
    assert_eq!(before, 0, "an owner's own doing is no news to the owners");
    let admin = t.member_of(Role::Admin).await;
    admin.put(&lab.path, json!({"samlConfig": {"entityId": "https://mine.test/"}})).await.ok();
    let mails = owner.get("/api/v1/outbox").await.ok();
    assert_eq!(mails["data"][0]["to"], "owner@main.test");
    assert!(mails["data"][0]["body"].as_str().unwrap().contains("admin@main.test"), "{mails}");
}

async fn a_kept_answer_is_for_those_who_are_still_somebody(t: TestApp) {
    let owner = t.owner().await;
    let body = json!({"name": "Once", "protocol": "oidc", "oidcConfig": {"issuerUrl": "https://op.example", "clientId": "c"}});
    let ask = |client: &crate::support::Client| {
        client
            .request("post", "/api/v1/sso/connections")
            .header("content-type", "application/json")
            .header("idempotency-key", "once")
            .body(body.to_string())
    };
    owner.send(ask(&owner)).await.ok();
    assert_eq!(owner.send(ask(&owner)).await.header("idempotent-replayed"), Some("true"));
    owner.post_to("/api/v1/auth/logout").await.ok();
    owner.send(ask(&owner)).await.refused(401, "authentication_error");
}

async fn deactivating_the_mandatory_connection_ends_the_mandate(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    owner.put("/api/v1/sso/settings", json!({"connectionId": lab.id})).await.ok();
    owner.post_to("/api/v1/sso/settings/enable").await.ok();
    owner.post_to(&format!("{}/deactivate", lab.path)).await.ok();
    let settings = owner.get("/api/v1/sso/settings").await.ok();
    assert_eq!((&settings["enabled"], &settings["inForce"]), (&json!(false), &json!(false)));
    let told = owner.get("/api/v1/audit-events?event=sso.disabled").await.ok();
    assert_eq!(told["pagination"]["totalItems"], 1);
}

on_both![
    a_link_signs_in_only_while_the_accounts_own_domain_is_proved,
    a_refusal_for_a_foreign_domain_keeps_nothing_that_tells_who_it_was,
    a_session_through_one_provider_never_stands_in_for_another_workspaces_provider,
    a_switch_ends_no_later_than_the_session_it_came_from,
    who_controls_a_connection_cannot_do_so_behind_the_owners_backs,
    a_kept_answer_is_for_those_who_are_still_somebody,
    deactivating_the_mandatory_connection_ends_the_mandate,
];
