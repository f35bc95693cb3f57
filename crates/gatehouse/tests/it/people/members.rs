use gatehouse_types::Role;
use serde_json::json;

use crate::support::{Client, TestApp, on_both};

async fn id_of(owner: &Client, email: &str) -> String {
    let found = owner.get(&format!("/api/v1/users?email={email}")).await.ok();
    found["data"][0]["id"].as_str().unwrap().to_owned()
}

async fn members_are_listed_with_how_they_sign_in(t: TestApp) {
    let owner = t.owner().await;
    t.person("b@main.test", Role::Viewer).await;
    let all = owner.get("/api/v1/users").await.ok();
    assert_eq!(all["pagination"]["totalItems"], 2);
    assert_eq!(
        (&all["data"][0]["email"], &all["data"][0]["lastSignInAt"]),
        (&json!("b@main.test"), &json!(null))
    );
    assert_eq!((&all["data"][1]["hasPassword"], &all["data"][1]["usesSso"]), (&json!(true), &json!(false)));
    assert!(all["data"][1]["lastSignInAt"].is_string());
    assert_eq!(owner.get("/api/v1/users?role=viewer").await.ok()["pagination"]["totalItems"], 1);
    assert_eq!(owner.get("/api/v1/users?email=%25").await.ok()["pagination"]["totalItems"], 0);
    assert_eq!(owner.get("/api/v1/users?role=king").await.refused(400, "validation_error")["field"], "role");
}

async fn a_removed_member_is_refused_at_once_and_keeps_the_account(t: TestApp) {
    let owner = t.owner().await;
    let member = t.member_of(Role::Member).await;
    let path = format!("/api/v1/users/{}", id_of(&owner, "member@main.test").await);
    assert_eq!(owner.put(&path, json!({"role": "admin"})).await.ok()["role"], "admin");
    let changed = owner.get("/api/v1/audit-events?event=membership.set").await.ok();
    let said = json!({"email": "member@main.test", "role": "admin", "before": "member"});
    assert_eq!(changed["data"][0]["details"], said);
    member.get("/api/v1/users").await.ok();
    owner.delete(&path).await.ok();
    member.get("/api/v1/me").await.refused(401, "authentication_error");
    owner.get(&path).await.refused(404, "not_found");
    let other = t.workspace("Other").await;
    t.person_in(&other, "member@main.test", Role::Member).await;
    t.sign_in("member@main.test").await;
    let audit = owner.get("/api/v1/audit-events?event=membership.removed").await.ok();
    assert_eq!(audit["data"][0]["details"], json!({"email": "member@main.test", "role": "admin"}));
}

async fn the_last_owner_is_neither_removed_nor_demoted(t: TestApp) {
    let owner = t.owner().await;
    let path = format!("/api/v1/users/{}", id_of(&owner, "owner@main.test").await);
    owner.delete(&path).await.refused(409, "conflict");
    owner.put(&path, json!({"role": "admin"})).await.refused(409, "conflict");
    t.person("second@main.test", Role::Owner).await;
    owner.put(&path, json!({"role": "admin"})).await.ok();
    // an admin by now: neither makes an owner nor touches one
    let second = format!("/api/v1/users/{}", id_of(&owner, "second@main.test").await);
    owner.put(&path, json!({"role": "owner"})).await.refused(403, "authorization_error");
    owner.put(&second, json!({"role": "viewer"})).await.refused(403, "authorization_error");
    owner.delete(&second).await.refused(403, "authorization_error");
}

async fn no_session_of_before_comes_back_with_the_person(t: TestApp) {
    let owner = t.owner().await;
    let member = t.member_of(Role::Member).await;
    let path = format!("/api/v1/users/{}", id_of(&owner, "member@main.test").await);
    owner.delete(&path).await.ok();
    // as one that was being written while the person was removed
    let mut tx = t.app.store().begin_always().await.unwrap();
    let revive = "UPDATE sessions SET ended_at = NULL, end_reason = NULL WHERE end_reason = 'member-removed'";
    assert_eq!(tx.execute(gatehouse_store::sql(revive)).await.unwrap(), 1);
    tx.commit().await.unwrap();
    member.get("/api/v1/me").await.refused(401, "authentication_error");
    t.person("member@main.test", Role::Viewer).await;
    member.get("/api/v1/me").await.refused(401, "authentication_error");
    // a change of the role of somebody who is here ends nothing
    let member = t.sign_in("member@main.test").await;
    t.person("member@main.test", Role::Admin).await;
    member.get("/api/v1/me").await.ok();
}

on_both![
    members_are_listed_with_how_they_sign_in,
    a_removed_member_is_refused_at_once_and_keeps_the_account,
    the_last_owner_is_neither_removed_nor_demoted,
    no_session_of_before_comes_back_with_the_person,
];
