use gatehouse_types::Role;
use serde_json::{Value, json};

use super::submit;
use crate::support::{Answer, Client, PASSWORD, TestApp, on_both};

const ALL: &str = "/api/v1/invitations";
const NEW: &str = "new.person@main.test";
const CHOSEN: &str = "seven quiet elephants";

async fn invite(by: &Client, email: &str, role: &str) -> Answer {
    by.post(ALL, json!({"email": email, "role": role})).await
}

async fn statuses(owner: &Client) -> Vec<(String, String)> {
    let listed = owner.get(ALL).await.ok();
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    listed["data"].as_array().unwrap().iter().map(|i| (text(&i["email"]), text(&i["status"]))).collect()
}

async fn somebody_new_joins_through_the_mailed_link_once(t: TestApp) {
    let owner = t.owner().await;
    let made = invite(&owner, NEW, "member").await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.json()["status"], "pending");
    let token = t.mailed_token(NEW, "invitation").await;
    assert!(!made.body.contains(&token));
    let path = format!("/invitation/{token}");
    let browser = t.client();
    let page = browser.get(&path).await;
    assert_eq!((page.status, page.header("referrer-policy")), (200, Some("strict-origin")));
    let easy = submit(&browser, &path, &path, &[("name", "New Person"), ("password", "password1")]).await;
    assert_eq!(easy.status, 400, "{}", easy.body);
    let joined = submit(&browser, &path, &path, &[("name", "New Person"), ("password", CHOSEN)]).await;
    assert_eq!((joined.status, joined.location()), (303, Some("/login")), "{}", joined.body);
    let login = json!({"email": NEW, "password": CHOSEN});
    let own = t.client().post("/api/v1/auth/login", login).await.ok();
    assert_eq!(
        (&own["workspaces"][0]["name"], &own["workspaces"][0]["role"]),
        (&json!("Main"), &json!("member"))
    );
    assert_eq!(browser.get(&path).await.status, 400);
    assert_eq!(statuses(&owner).await, [(NEW.to_owned(), "accepted".to_owned())]);
    let audit = owner.get("/api/v1/audit-events?event=invitation.accepted").await.ok();
    assert_eq!(audit["data"][0]["details"], json!({"email": NEW, "role": "member"}));
}

async fn somebody_known_signs_in_and_accepts_and_nobody_else_can(t: TestApp) {
    let owner = t.owner().await;
    let other = t.workspace("Other").await;
    t.person_in(&other, NEW, Role::Viewer).await;
    invite(&owner, NEW, "admin").await.ok();
    let token = t.mailed_token(NEW, "invitation").await;
    let (page, accept) = (format!("/invitation/{token}"), format!("/invitation/{token}/accept"));
    let somebody = t.browser("owner@other.test").await;
    assert!(somebody.get(&page).await.body.contains("This invitation is for another address"));
    let refused = submit(&somebody, &page, &accept, &[]).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    let decision = owner.get(&format!("/api/v1/decisions/{}", refused.decision())).await.ok();
    assert_eq!(decision["action"], "invitation:accept");
    // an account is not made a second time
    let again = submit(&t.client(), "/login", &page, &[("name", "X"), ("password", CHOSEN)]).await;
    assert_eq!(again.status, 409, "{}", again.body);
    let invited = t.browser(NEW).await;
    let accepted = submit(&invited, &page, &accept, &[]).await;
    assert_eq!((accepted.status, accepted.location()), (303, Some("/account")), "{}", accepted.body);
    let found = owner.get(&format!("/api/v1/users?email={NEW}")).await.ok();
    assert_eq!(found["data"][0]["role"], "admin");
    assert_eq!(
        t.client().post("/api/v1/auth/login", json!({"email": NEW, "password": PASSWORD})).await.status,
        200
    );
}

async fn an_invitation_is_sent_again_expires_and_is_revoked(t: TestApp) {
    let owner = t.owner().await;
    let made = invite(&owner, NEW, "viewer").await.ok();
    invite(&owner, NEW, "viewer").await.refused(409, "conflict");
    let first = t.mailed_token(NEW, "invitation").await;
    let path = format!("{ALL}/{}", made["id"].as_str().unwrap());
    t.clock.advance(7 * 86_400 + 1);
    let owner = t.owner().await;
    assert_eq!(t.client().get(&format!("/invitation/{first}")).await.status, 400);
    assert_eq!(statuses(&owner).await[0].1, "expired");
    owner.post_to(&format!("{path}/resend")).await.ok();
    let second = t.mailed_token(NEW, "invitation").await;
    assert_ne!(first, second);
    assert_eq!(t.client().get(&format!("/invitation/{first}")).await.status, 400);
    assert_eq!(t.client().get(&format!("/invitation/{second}")).await.status, 200);
    assert_eq!(owner.get(&format!("{ALL}?status=pending")).await.ok()["pagination"]["totalItems"], 1);
    assert_eq!(owner.delete(&path).await.ok(), json!({"deleted": true}));
    assert_eq!(t.client().get(&format!("/invitation/{second}")).await.status, 400);
    owner.post_to(&format!("{path}/resend")).await.refused(409, "conflict");
    assert_eq!(statuses(&owner).await[0].1, "revoked");
    owner.get(&format!("{ALL}?status=lost")).await.refused(400, "validation_error");
}

async fn admins_invite_no_owner_and_members_are_not_invited(t: TestApp) {
    let admin = t.member_of(Role::Admin).await;
    assert!(invite(&admin, NEW, "owner").await.refused(403, "authorization_error")["decision"].is_string());
    invite(&admin, "owner@main.test", "viewer").await.refused(409, "conflict");
    assert_eq!(invite(&admin, NEW, "king").await.refused(400, "validation_error")["field"], "role");
    invite(&admin, NEW, "admin").await.ok();
    let owner = t.owner().await;
    let trial =
        owner.post(&format!("{ALL}?dryRun=true"), json!({"email": "x@main.test", "role": "owner"})).await;
    assert_eq!(trial.ok()["effects"][0]["event"], "invitation.created", "{}", trial.body);
    assert_eq!(statuses(&owner).await.len(), 1);
}

async fn an_admin_who_acts_on_an_owners_invitation_is_refused_and_the_server_goes_on(t: TestApp) {
    let owner = t.owner().await;
    let made = invite(&owner, NEW, "owner").await.ok();
    let path = format!("{ALL}/{}", made["id"].as_str().unwrap());
    let admin = t.member_of(Role::Admin).await;
    for answer in [admin.delete(&path).await, admin.post_to(&format!("{path}/resend")).await] {
        assert!(answer.refused(403, "authorization_error")["decision"].is_string());
    }
    owner.delete(&path).await.ok();
}

async fn a_link_gives_nothing_back_to_whom_was_removed_or_demoted(t: TestApp) {
    let owner = t.owner().await;
    let (removed, demoted) = ("removed@main.test", "demoted@main.test");
    for email in [removed, demoted] {
        invite(&owner, email, "admin").await.ok();
        t.person(email, Role::Member).await;
    }
    let path = async |email: &str| {
        let found = owner.get(&format!("/api/v1/users?email={email}")).await.ok();
        format!("/api/v1/users/{}", found["data"][0]["id"].as_str().unwrap())
    };
    owner.delete(&path(removed).await).await.ok();
    owner.put(&path(demoted).await, json!({"role": "viewer"})).await.ok();
    for email in [removed, demoted] {
        let link = format!("/invitation/{}", t.mailed_token(email, "invitation").await);
        assert_eq!(t.client().get(&link).await.status, 400, "{email}");
        assert!(statuses(&owner).await.contains(&(email.to_owned(), "revoked".to_owned())));
    }
}

async fn an_address_bound_to_a_provider_joins_without_a_password(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    owner.put("/api/v1/sso/settings", json!({"connectionId": lab.id})).await.ok();
    owner.post_to("/api/v1/sso/settings/enable").await.ok();
    invite(&owner, "ada@lab.test", "member").await.ok();
    let path = format!("/invitation/{}", t.mailed_token("ada@lab.test", "invitation").await);
    let browser = t.client();
    assert!(!browser.get(&path).await.body.contains("type=\"password\""));
    let joined = submit(&browser, &path, &path, &[("name", "Ada")]).await;
    assert_eq!(joined.status, 303, "{}", joined.body);
    let entered = t.enter_from_lab(&t.client(), &lab.id, "ada").await;
    assert_eq!(entered.status, 303, "{}", entered.body);
}

async fn the_page_of_the_people_invites_changes_and_removes(t: TestApp) {
    const PAGE: &str = "/settings/people";
    t.person("m@main.test", Role::Member).await;
    let browser = t.browser("owner@main.test").await;
    let to = format!("{PAGE}/invitations");
    let sent = submit(&browser, PAGE, &to, &[("email", NEW), ("role", "viewer")]).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let odd = submit(&browser, PAGE, &to, &[("email", "nobody"), ("role", "viewer")]).await;
    assert_eq!(odd.status, 400);
    let shown = browser.get(PAGE).await.body;
    assert!(shown.contains(NEW) && shown.contains("m@main.test"), "{shown}");
    let found = t.owner().await.get("/api/v1/users?email=m@").await.ok();
    let member = format!("{PAGE}/{}", found["data"][0]["id"].as_str().unwrap());
    let (role, remove) = (format!("{member}/role"), format!("{member}/remove"));
    assert_eq!(submit(&browser, &role, &role, &[("role", "admin")]).await.status, 303);
    assert_eq!(t.owner().await.get("/api/v1/users?role=admin").await.ok()["pagination"]["totalItems"], 1);
    assert_eq!(submit(&browser, &remove, &remove, &[]).await.status, 303);
    assert!(!browser.get(PAGE).await.body.contains("m@main.test"));
}

on_both![
    somebody_new_joins_through_the_mailed_link_once,
    somebody_known_signs_in_and_accepts_and_nobody_else_can,
    an_invitation_is_sent_again_expires_and_is_revoked,
    admins_invite_no_owner_and_members_are_not_invited,
    an_admin_who_acts_on_an_owners_invitation_is_refused_and_the_server_goes_on,
    a_link_gives_nothing_back_to_whom_was_removed_or_demoted,
    an_address_bound_to_a_provider_joins_without_a_password,
    the_page_of_the_people_invites_changes_and_removes,
];
