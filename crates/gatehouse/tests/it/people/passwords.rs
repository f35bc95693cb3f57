use gatehouse_types::Role;
use serde_json::json;

use crate::support::{Client, PASSWORD, TestApp, on_both};

const NEW: &str = "seven quiet elephants";
const WHO: &str = "ada.byron@main.test";

async fn change(client: &Client, current: &str, new: &str) -> crate::support::Answer {
    client.put("/api/v1/me/password", json!({"currentPassword": current, "newPassword": new})).await
}

async fn login(t: &TestApp, password: &str) -> u16 {
    t.client().post("/api/v1/auth/login", json!({"email": WHO, "password": password})).await.status
}

async fn a_changed_password_ends_every_other_session_and_a_mail_tells_it(t: TestApp) {
    t.person(WHO, Role::Member).await;
    let (first, second) = (t.sign_in(WHO).await, t.sign_in(WHO).await);
    change(&first, PASSWORD, NEW).await.ok();
    first.get("/api/v1/me").await.ok();
    second.get("/api/v1/me").await.refused(401, "authentication_error");
    assert_eq!((login(&t, PASSWORD).await, login(&t, NEW).await), (401, 200));
    let mails = t.mails_to(WHO).await;
    assert_eq!(mails[0].0, "Your password was changed");
    assert!(!mails[0].1.contains(NEW) && mails[0].1.contains("127.0.0.1"), "{}", mails[0].1);
    let audit = t.owner().await.get("/api/v1/audit-events?event=user.password-set").await.ok();
    assert_eq!(audit["data"][0]["details"], json!({"email": WHO, "how": "changed"}));
}

async fn the_present_password_is_no_new_one(t: TestApp) {
    t.person(WHO, Role::Member).await;
    let client = t.sign_in(WHO).await;
    assert_eq!(
        change(&client, PASSWORD, PASSWORD).await.refused(400, "validation_error")["field"],
        "newPassword"
    );
    assert!(t.mails_to(WHO).await.is_empty());
}

async fn a_password_set_at_the_machine_ends_every_session_of_its_owner(t: TestApp) {
    let (owner, stranger) = (t.owner().await, t.owner().await);
    let new = gatehouse_identity::NewOwner {
        workspace: "Main".to_owned(),
        email: "owner@main.test".parse().unwrap(),
        password: gatehouse_types::Secret::new(NEW),
        is_lab: true,
    };
    let workspace = t.app.identity().create_owner(&t.app.machine(), new).await.unwrap().0;
    assert_eq!(workspace, t.workspace);
    for client in [owner, stranger] {
        client.get("/api/v1/me").await.refused(401, "authentication_error");
    }
    let mails = t.mails_to("owner@main.test").await;
    assert!(mails[0].1.contains("set at the console of the machine"), "{}", mails[0].1);
}

async fn no_sign_in_under_way_with_the_old_password_outlives_its_change(t: TestApp) {
    t.person(WHO, Role::Member).await;
    let caller = t.sign_in(WHO).await;
    let old = || async {
        let with = json!({"email": WHO, "password": PASSWORD});
        let answer = t.client().post("/api/v1/auth/login", with).await;
        (answer.status == 200).then(|| t.client().with_token(answer.json()["accessToken"].as_str().unwrap()))
    };
    // they wait for their turn at comparing while the password changes
    let many = || async { tokio::join!(old(), old(), old(), old(), old(), old()) };
    let (changed, first, second) = tokio::join!(change(&caller, PASSWORD, NEW), many(), many());
    changed.ok();
    for many in [first, second] {
        for signed_in in <[Option<Client>; 6]>::from(many).into_iter().flatten() {
            signed_in.get("/api/v1/me").await.refused(401, "authentication_error");
        }
    }
}

async fn a_password_that_is_tried_first_is_refused_and_nothing_ends(t: TestApp) {
    t.person(WHO, Role::Member).await;
    let (caller, other) = (t.sign_in(WHO).await, t.sign_in(WHO).await);
    for easy in ["short", "password1", "Qwertyuiop", "ada.byron@main.test", "ada.byron1"] {
        let error = change(&caller, PASSWORD, easy).await.refused(400, "validation_error");
        assert_eq!(error["field"], "newPassword", "{easy}: {error}");
    }
    other.get("/api/v1/me").await.ok();
    assert_eq!(login(&t, PASSWORD).await, 200);
}

async fn a_wrong_current_password_counts_as_a_failed_sign_in(t: TestApp) {
    t.person(WHO, Role::Member).await;
    let caller = t.sign_in(WHO).await;
    for _ in 0..20 {
        let error = change(&caller, "wrong", NEW).await.refused(400, "validation_error");
        assert_eq!(error["field"], "currentPassword");
        assert!(error["decision"].is_string());
    }
    change(&caller, PASSWORD, NEW).await.refused(429, "rate_limit_error");
    assert_eq!(login(&t, PASSWORD).await, 429);
}

async fn asking_for_a_reset_tells_nobody_who_is_known(t: TestApp) {
    t.person(WHO, Role::Member).await;
    let ask =
        async |email: &str| t.client().post("/api/v1/auth/password-reset", json!({"email": email})).await;
    let (known, unknown) = (ask(WHO).await, ask("nobody@main.test").await);
    assert_eq!((known.status, &known.body), (202, &unknown.body));
    assert_eq!(unknown.status, 202);
    assert_eq!(t.mails_to("nobody@main.test").await, []);
    for email in [WHO, "nobody@main.test"] {
        assert_eq!((ask(email).await.status, ask(email).await.status), (202, 202));
        ask(email).await.refused(429, "rate_limit_error");
    }
}

async fn a_reset_link_counts_once_for_an_hour_and_a_newer_one_voids_it(t: TestApp) {
    t.person(WHO, Role::Member).await;
    let before = t.sign_in(WHO).await;
    let ask = async || t.client().post("/api/v1/auth/password-reset", json!({"email": WHO})).await.ok();
    let confirm = async |token: &str, password: &str| {
        let body = json!({"token": token, "password": password});
        t.client().post("/api/v1/auth/password-reset/confirm", body).await
    };
    ask().await;
    let older = t.mailed_token(WHO, "reset").await;
    t.clock.advance(1);
    ask().await;
    let token = t.mailed_token(WHO, "reset").await;
    assert_ne!(older, token);
    assert_eq!(confirm(&older, NEW).await.refused(400, "validation_error")["field"], "token");
    assert_eq!(confirm(&token, "password1").await.refused(400, "validation_error")["field"], "password");
    confirm(&token, NEW).await.ok();
    before.get("/api/v1/me").await.refused(401, "authentication_error");
    assert_eq!(confirm(&token, NEW).await.refused(400, "validation_error")["field"], "token");
    assert_eq!((login(&t, PASSWORD).await, login(&t, NEW).await), (401, 200));
    t.clock.advance(1);
    ask().await;
    let late = t.mailed_token(WHO, "reset").await;
    t.clock.advance(3601);
    assert_eq!(confirm(&late, NEW).await.refused(400, "validation_error")["field"], "token");
}

async fn the_text_of_a_reset_mail_is_shown_to_owners_alone(t: TestApp) {
    t.person(WHO, Role::Member).await;
    let admin = t.member_of(Role::Admin).await;
    t.client().post("/api/v1/auth/password-reset", json!({"email": WHO})).await.ok();
    let token = t.mailed_token(WHO, "reset").await;
    assert!(t.owner().await.get("/api/v1/outbox").await.body.contains(&token));
    let seen = admin.get("/api/v1/outbox").await;
    assert!(seen.body.contains("Set a new password") && !seen.body.contains(&token), "{}", seen.body);
}

async fn whom_single_sign_on_binds_is_told_so_instead_of_getting_a_link(t: TestApp) {
    let owner = t.owner().await;
    t.person("ada@lab.test", Role::Member).await;
    let caller = t.sign_in("ada@lab.test").await;
    let lab = t.active_lab(&owner).await;
    owner.put("/api/v1/sso/settings", json!({"connectionId": lab.id})).await.ok();
    owner.post_to("/api/v1/sso/settings/enable").await.ok();
    t.client().post("/api/v1/auth/password-reset", json!({"email": "ada@lab.test"})).await.ok();
    let mails = t.mails_to("ada@lab.test").await;
    assert_eq!((mails.len(), mails[0].0.as_str()), (1, "You sign in through your company"));
    assert!(!mails[0].1.contains("/reset/"), "{}", mails[0].1);
    change(&caller, PASSWORD, NEW).await.refused(409, "conflict");
}

async fn the_pages_of_a_reset_name_no_token_elsewhere(t: TestApp) {
    t.person(WHO, Role::Member).await;
    t.client().post("/api/v1/auth/password-reset", json!({"email": WHO})).await.ok();
    let token = t.mailed_token(WHO, "reset").await;
    let page = t.client().get(&format!("/reset/{token}")).await;
    assert_eq!((page.status, page.header("referrer-policy")), (200, Some("strict-origin")));
    assert!(page.body.contains(WHO) && !page.body.contains(&token), "{}", page.body);
    let gone = t.client().get("/reset/none").await;
    assert_eq!(gone.status, 400);
    assert!(gone.body.contains("Ask for a new link"), "{}", gone.body);
}

on_both![
    the_present_password_is_no_new_one,
    a_password_set_at_the_machine_ends_every_session_of_its_owner,
    no_sign_in_under_way_with_the_old_password_outlives_its_change,
    a_changed_password_ends_every_other_session_and_a_mail_tells_it,
    a_password_that_is_tried_first_is_refused_and_nothing_ends,
    a_wrong_current_password_counts_as_a_failed_sign_in,
    asking_for_a_reset_tells_nobody_who_is_known,
    a_reset_link_counts_once_for_an_hour_and_a_newer_one_voids_it,
    the_text_of_a_reset_mail_is_shown_to_owners_alone,
    whom_single_sign_on_binds_is_told_so_instead_of_getting_a_link,
    the_pages_of_a_reset_name_no_token_elsewhere,
];
