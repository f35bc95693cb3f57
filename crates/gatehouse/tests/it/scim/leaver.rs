//! Who may come in by an entry of the directory, and who leaves with it.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{ALL_SCOPES, USERS, at, found, id, patch, person, provider, refused};
use crate::support::{Client, TestApp, on_both};

async fn members(owner: &Client, email: &str) -> Value {
    owner.get(&format!("/api/v1/users?email={email}")).await.ok()["data"].clone()
}

async fn entry(provider: &Client, name: &str) -> String {
    let all = provider.get(&format!("{USERS}?filter=userName%20eq%20%22{name}%22")).await.ok();
    at(USERS, &all["Resources"][0])
}

async fn a_new_person_gets_an_account_and_the_least_role(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    person(&provider, "new@x.test").await;
    assert_eq!(members(&owner, "new@x.test").await[0]["role"], "viewer");
    let inactive = provider.post(USERS, json!({"userName": "later@x.test", "active": false})).await.ok();
    assert_eq!(members(&owner, "later@x.test").await, json!([]));
    let path = at(USERS, &inactive);
    patch(&provider, &path, json!([{"op": "replace", "path": "active", "value": true}])).await.ok();
    assert_eq!(members(&owner, "later@x.test").await[0]["role"], "viewer");
    // a name that is no address gives an entry alone
    provider.post(USERS, json!({"userName": "nobody"})).await.ok();
    assert_eq!(owner.get("/api/v1/users").await.ok()["pagination"]["totalItems"], 3);
}

async fn nobody_of_another_workspace_is_taken_over_by_being_named(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    let other = t.workspace("Other").await;
    t.person_in(&other, "them@foreign.test", Role::Member).await;
    let made = person(&provider, "them@foreign.test").await;
    assert_eq!(made["active"], true);
    assert_eq!(members(&owner, "them@foreign.test").await, json!([]));
    // the entry and the person find each other when the person comes in
    t.person("them@foreign.test", Role::Admin).await;
    let all = found(&provider, USERS, r#"userName eq "them@foreign.test""#, "id").await;
    assert_eq!(all, [id(&made)]);
    // the workspace's own domain, once it is proved
    t.person_in(&other, "own@lab.test", Role::Member).await;
    t.active_lab(&owner).await;
    person(&provider, "own@lab.test").await;
    assert_eq!(members(&owner, "own@lab.test").await[0]["role"], "viewer");
}

async fn deactivated_as_entra_says_it_everything_ends_at_once(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    t.person("ada@main.test", Role::Admin).await;
    let (program, browser) = (t.sign_in("ada@main.test").await, t.browser("ada@main.test").await);
    let other = t.workspace("Other").await;
    t.person_in(&other, "ada@main.test", Role::Member).await;
    program.get("/api/v1/me").await.ok();
    let path = entry(&provider, "ada@main.test").await;
    let user = members(&owner, "ada@main.test").await[0]["id"].as_str().unwrap().to_owned();
    let off = json!([{"op": "Replace", "path": "active", "value": "False"}]);
    assert_eq!(patch(&provider, &path, off).await.ok()["active"], false);
    program.get("/api/v1/me").await.refused(401, "authentication_error");
    assert_eq!(browser.get("/account").await.status, 303);
    assert_eq!(members(&owner, "ada@main.test").await, json!([]));
    let audit = owner.get("/api/v1/audit-events?event=session.ended").await.ok();
    assert_eq!(audit["data"][0]["details"]["reason"], "member-removed");
    assert_eq!(
        (&audit["data"][0]["actorKind"], audit["pagination"]["totalItems"].as_i64()),
        (&json!("scim"), Some(2))
    );
    let changed = owner.get("/api/v1/audit-events?event=scim.user-changed").await.ok();
    let access = &changed["data"][0]["details"]["access"];
    assert_eq!((&access["ended"], &access["role"]), (&json!(true), &json!("admin")));
    let receipt = owner.get(&format!("/api/v1/users/{user}/offboarding")).await.ok();
    assert_eq!((&receipt["id"], &receipt["cause"]), (&access["offboarding"], &json!("scim-inactive")));
    assert_eq!((&receipt["ended"][0]["kind"], &receipt["ended"][0]["count"]), (&json!("session"), &json!(2)));
    assert!(receipt["by"].as_str().unwrap().starts_with("scim:sct_"), "{receipt}");
    // the other workspace is not this provider's
    t.sign_in("ada@main.test").await.get("/api/v1/me").await.ok();
    // again and again says the same
    let off = json!([{"op": "replace", "value": {"active": false}}]);
    assert_eq!(patch(&provider, &path, off).await.ok()["active"], false);
    // back with the role that it had; sessions that ended stay so
    let on = json!([{"op": "Replace", "path": "active", "value": "True"}]);
    assert_eq!(patch(&provider, &path, on).await.ok()["active"], true);
    assert_eq!(members(&owner, "ada@main.test").await[0]["role"], "admin");
    program.get("/api/v1/me").await.refused(401, "authentication_error");
}

async fn a_deleted_entry_takes_the_access_along(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    let member = t.member_of(Role::Member).await;
    let path = entry(&provider, "member@main.test").await;
    assert_eq!(provider.delete(&path).await.status, 204);
    member.get("/api/v1/me").await.refused(401, "authentication_error");
    assert_eq!(members(&owner, "member@main.test").await, json!([]));
    assert!(found(&provider, USERS, r#"userName eq "member@main.test""#, "id").await.is_empty());
    // a wrong termination is undone by naming the person again
    person(&provider, "member@main.test").await;
    assert_eq!(members(&owner, "member@main.test").await[0]["role"], "member");
    member.get("/api/v1/me").await.refused(401, "authentication_error");
}

async fn whom_an_administrator_suspended_no_directory_lets_in(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    let made = person(&provider, "ada@x.test").await;
    let path = at(USERS, &made);
    let user = members(&owner, "ada@x.test").await[0]["id"].as_str().unwrap().to_owned();
    owner.post(&format!("/api/v1/users/{user}/suspend"), json!({})).await.ok();
    assert_eq!(provider.get(&path).await.ok()["active"], false);
    let on = json!({"userName": "ada@x.test", "active": true, "emails": made["emails"]});
    let answer = provider.put(&path, on.clone()).await;
    assert_eq!(answer.ok()["active"], false);
    assert_eq!(members(&owner, "ada@x.test").await, json!([]));
    // said again and again, it changes nothing more
    assert_eq!(provider.put(&path, on).await.header("etag"), answer.header("etag"));
    owner.post_to(&format!("/api/v1/users/{user}/reactivate")).await.ok();
    assert_eq!(provider.get(&path).await.ok()["active"], true);
}

async fn the_last_owner_is_never_locked_out_and_no_write_is_refused(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    let path = entry(&provider, "owner@main.test").await;
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    assert_eq!(patch(&provider, &path, off.clone()).await.ok()["active"], false);
    // signed out, and in again
    owner.get("/api/v1/me").await.refused(401, "authentication_error");
    let owner = t.owner().await;
    assert_eq!(patch(&provider, &path, off.clone()).await.ok()["active"], false);
    owner.get("/api/v1/me").await.ok();
    t.person("second@main.test", Role::Owner).await;
    let second = entry(&provider, "second@main.test").await;
    assert_eq!(patch(&provider, &second, off).await.ok()["active"], false);
    assert_eq!(members(&owner, "second@main.test").await, json!([]));
    let on = json!([{"op": "replace", "path": "active", "value": true}]);
    patch(&provider, &second, on).await.ok();
    assert_eq!(members(&owner, "second@main.test").await[0]["role"], "owner");
    // one of two, so no longer the last
    assert_eq!(provider.delete(&second).await.status, 204);
    assert_eq!(provider.delete(&path).await.status, 204);
    t.owner().await.get("/api/v1/me").await.ok();
}

async fn who_is_removed_here_is_inactive_there(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    let path = at(USERS, &person(&provider, "new@x.test").await);
    let user = members(&owner, "new@x.test").await[0]["id"].as_str().unwrap().to_owned();
    owner.delete(&format!("/api/v1/users/{user}")).await.ok();
    assert_eq!(provider.get(&path).await.ok()["active"], false);
    assert_eq!(found(&provider, USERS, "active eq false", "userName").await, ["new@x.test"]);
    let title = json!([{"op": "add", "path": "title", "value": "x"}]);
    assert_eq!(patch(&provider, &path, title).await.ok()["active"], false);
    assert_eq!(members(&owner, "new@x.test").await, json!([]));
    let body = json!({"userName": "new@x.test", "active": true});
    assert_eq!(provider.put(&path, body).await.ok()["active"], true);
    assert_eq!(members(&owner, "new@x.test").await[0]["role"], "viewer");
}

async fn a_provider_that_names_a_member_otherwise_takes_the_entry_over(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    t.person("mail@main.test", Role::Member).await;
    let adopted = entry(&provider, "mail@main.test").await;
    let emails = json!([{"value": "mail@main.test", "type": "work"}]);
    let made = provider.post(USERS, json!({"userName": "upn@corp.test", "emails": emails})).await.ok();
    assert_eq!(at(USERS, &made), adopted);
    assert_eq!(provider.get(USERS).await.ok()["totalResults"], 2);
    // but what a provider wrote is nobody else's
    let again = provider.post(USERS, json!({"userName": "other@corp.test", "emails": emails})).await;
    refused(&again, 409, Some("uniqueness"));
}

on_both![
    a_new_person_gets_an_account_and_the_least_role,
    nobody_of_another_workspace_is_taken_over_by_being_named,
    deactivated_as_entra_says_it_everything_ends_at_once,
    a_deleted_entry_takes_the_access_along,
    whom_an_administrator_suspended_no_directory_lets_in,
    the_last_owner_is_never_locked_out_and_no_write_is_refused,
    who_is_removed_here_is_inactive_there,
    a_provider_that_names_a_member_otherwise_takes_the_entry_over,
];
