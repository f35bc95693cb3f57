use gatehouse_store::{Queries, sql};
use gatehouse_types::Role;
use serde_json::json;

use super::submit;
use crate::support::{Answer, PASSWORD, TestApp, on_both};

const ASK: &str = "/api/v1/auth/sign-up";
const CONFIRM: &str = "/api/v1/auth/sign-up/confirm";
const NEW: &str = "new.person@fresh.test";
const CHOSEN: &str = "seven quiet elephants";

async fn ask(t: &TestApp, email: &str, workspace: &str) -> Answer {
    t.client().post(ASK, json!({"email": email, "workspaceName": workspace})).await
}

async fn confirm(t: &TestApp, token: &str, name: &str, password: &str) -> Answer {
    t.client().post(CONFIRM, json!({"token": token, "name": name, "password": password})).await
}

async fn login(t: &TestApp, email: &str, password: &str) -> Answer {
    t.client().post("/api/v1/auth/login", json!({"email": email, "password": password})).await
}

/// How many links there are in the table, whatever became of them.
async fn links(t: &TestApp) -> i64 {
    let count = sql("SELECT COUNT(*) AS n FROM mail_links WHERE kind = $1").bind("sign-up");
    t.app.store().reader().fetch_optional(count).await.unwrap().unwrap().int("n").unwrap()
}

async fn somebody_new_signs_up_by_mail_and_signs_in(t: TestApp) {
    let browser = t.client();
    assert!(browser.get("/login").await.body.contains("href=\"/sign-up\""));
    let fields = [("workspaceName", "Fresh"), ("email", NEW), ("defaultSignIn", "password")];
    let asked = submit(&browser, "/sign-up", "/sign-up", &fields).await;
    assert!(asked.status == 200 && asked.body.contains("Look into your mail"), "{}", asked.body);
    let token = t.mailed_token(NEW, "sign-up").await;
    let mails = t.mails_to(NEW).await;
    assert!(mails.len() == 1 && !mails[0].1.contains("Fresh"), "a stranger's words go to nobody: {mails:?}");
    let path = format!("/sign-up/{token}");
    let page = browser.get(&path).await;
    assert_eq!((page.status, page.header("referrer-policy")), (200, Some("strict-origin")));
    assert!(page.body.contains("value=\"Fresh\""), "{}", page.body);
    let easy = submit(&browser, &path, &path, &[("name", "New Person"), ("password", "password1")]).await;
    assert_eq!(easy.status, 400, "{}", easy.body);
    let made = submit(&browser, &path, &path, &[("name", "New Person"), ("password", CHOSEN)]).await;
    assert_eq!((made.status, made.location()), (303, Some("/login")), "{}", made.body);
    assert_eq!(browser.get(&path).await.status, 400);
    let own = login(&t, NEW, CHOSEN).await.ok();
    let first = &own["workspaces"][0];
    assert_eq!((&first["name"], &first["role"]), (&json!("Fresh"), &json!("owner")), "{own}");
    let owner = t.client().with_token(own["accessToken"].as_str().unwrap());
    let log = owner.get("/api/v1/audit-events").await.ok();
    let events: Vec<_> =
        log["data"].as_array().unwrap().iter().map(|e| e["event"].as_str().unwrap()).collect();
    for event in ["workspace.created", "user.created", "membership.set", "sign-up.finished"] {
        assert!(events.contains(&event), "{event} in {events:?}");
    }
    assert_eq!(owner.get("/api/v1/users").await.ok()["pagination"]["totalItems"], 1);
}

async fn a_program_signs_somebody_up_and_the_link_counts_once_for_a_day(t: TestApp) {
    ask(&t, NEW, "Fresh").await.ok();
    let older = t.mailed_token(NEW, "sign-up").await;
    t.clock.advance(1);
    assert_eq!(ask(&t, NEW, "Fresh").await.status, 202);
    let token = t.mailed_token(NEW, "sign-up").await;
    assert_eq!(confirm(&t, &older, "A", CHOSEN).await.refused(400, "validation_error")["field"], "token");
    for (name, password, field) in [("", CHOSEN, "name"), ("New Person", "new.person1", "password")] {
        assert_eq!(
            confirm(&t, &token, name, password).await.refused(400, "validation_error")["field"],
            field
        );
    }
    let made = confirm(&t, &token, "New Person", CHOSEN).await;
    assert!(made.status == 201 && made.json()["workspaceId"].is_string(), "{}", made.body);
    assert!(made.header("set-cookie").is_none(), "it is no sign-in");
    assert_eq!(confirm(&t, &token, "A", CHOSEN).await.refused(400, "validation_error")["field"], "token");
    let own = login(&t, NEW, CHOSEN).await.ok();
    assert_eq!((&own["userId"], &own["workspaceId"]), (&made.json()["userId"], &made.json()["workspaceId"]));
    ask(&t, "late@fresh.test", "Late").await.ok();
    let late = t.mailed_token("late@fresh.test", "sign-up").await;
    t.clock.advance(86_401);
    assert_eq!(confirm(&t, &late, "A", CHOSEN).await.refused(400, "validation_error")["field"], "token");
    assert_eq!(links(&t).await, 3);
    t.clock.advance(86_401);
    t.work().await;
    assert_eq!(links(&t).await, 0, "what is over is forgotten");
}

async fn asking_tells_nobody_who_has_an_account_or_which_workspaces_there_are(t: TestApp) {
    t.person("known@main.test", Role::Member).await;
    let (known, unknown) = (ask(&t, "known@main.test", "Main").await, ask(&t, NEW, "Fresh").await);
    assert_eq!((known.status, &known.body), (202, &unknown.body));
    for email in ["known@main.test", NEW] {
        assert_eq!((ask(&t, email, "X").await.status, ask(&t, email, "X").await.status), (202, 202));
        ask(&t, email, "X").await.refused(429, "rate_limit_error");
    }
    for (body, field) in [
        (json!({"email": "nobody", "workspaceName": "X"}), "email"),
        (json!({"email": NEW, "workspaceName": " "}), "workspaceName"),
        (json!({"email": NEW, "workspaceName": "X".repeat(129)}), "workspaceName"),
        (json!({"email": NEW, "workspaceName": "X", "defaultSignIn": "magic"}), "defaultSignIn"),
    ] {
        assert_eq!(t.client().post(ASK, body).await.refused(400, "validation_error")["field"], field);
    }
}

async fn a_workspace_name_that_is_taken_is_told_at_the_link_and_another_serves(t: TestApp) {
    ask(&t, NEW, "MAIN").await.ok();
    let token = t.mailed_token(NEW, "sign-up").await;
    assert_eq!(confirm(&t, &token, "A", CHOSEN).await.refused(409, "conflict")["field"], "workspaceName");
    let body = json!({"token": token, "name": "A", "password": CHOSEN, "workspaceName": "Main two"});
    assert_eq!(t.client().post(CONFIRM, body).await.status, 201);
    assert_eq!(login(&t, NEW, CHOSEN).await.ok()["workspaces"][0]["name"], "Main two");
}

async fn names_are_not_tried_out_endlessly_with_one_link(t: TestApp) {
    ask(&t, NEW, "Main").await.ok();
    let token = t.mailed_token(NEW, "sign-up").await;
    for _ in 0..10 {
        confirm(&t, &token, "A", CHOSEN).await.refused(409, "conflict");
    }
    confirm(&t, &token, "A", CHOSEN).await.refused(429, "rate_limit_error");
}

async fn somebody_known_signs_in_and_gets_a_further_workspace(t: TestApp) {
    t.person("known@main.test", Role::Viewer).await;
    ask(&t, "known@main.test", "Further").await.ok();
    let mails = t.mails_to("known@main.test").await;
    assert_eq!(mails[0].0, "You have an account already");
    assert!(mails[0].1.contains("/login\n"), "{}", mails[0].1);
    let token = t.mailed_token("known@main.test", "sign-up").await;
    confirm(&t, &token, "A", CHOSEN).await.refused(409, "conflict");
    let (page, accept) = (format!("/sign-up/{token}"), format!("/sign-up/{token}/accept"));
    let stranger = t.client().get(&page).await;
    assert!(stranger.body.contains("There is an account with this address"), "{}", stranger.body);
    let other = t.browser("owner@main.test").await;
    let refused = submit(&other, &page, &accept, &[("workspaceName", "Mine")]).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    let decision = t.owner().await.get(&format!("/api/v1/decisions/{}", refused.decision())).await.ok();
    assert_eq!(decision["action"], "sign-up:accept");
    let person = t.browser("known@main.test").await;
    let taken = submit(&person, &page, &accept, &[("workspaceName", "main")]).await;
    assert!(taken.status == 409 && taken.body.contains("exists"), "{}", taken.body);
    t.clock.advance(1);
    let made = submit(&person, &page, &accept, &[("workspaceName", "Further")]).await;
    assert_eq!((made.status, made.location()), (303, Some("/account")), "{}", made.body);
    let login = json!({"email": "known@main.test", "password": PASSWORD});
    let own = t.client().post("/api/v1/auth/login", login).await.ok();
    let roles: Vec<_> =
        own["workspaces"].as_array().unwrap().iter().map(|w| (&w["name"], &w["role"])).collect();
    assert_eq!(roles, [(&json!("Main"), &json!("viewer")), (&json!("Further"), &json!("owner"))]);
    assert_eq!(submit(&person, "/account", &accept, &[]).await.status, 400);
}

async fn whom_a_provider_must_sign_in_is_led_there(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    // asked before it became mandatory
    ask(&t, "grace@lab.test", "Early").await.ok();
    let early = t.mailed_token("grace@lab.test", "sign-up").await;
    owner.put("/api/v1/sso/settings", json!({"connectionId": lab.id})).await.ok();
    owner.post_to("/api/v1/sso/settings/enable").await.ok();
    ask(&t, "ada@lab.test", "Mine").await.ok();
    let mails = t.mails_to("ada@lab.test").await;
    assert_eq!((mails.len(), mails[0].0.as_str()), (1, "You sign in through your company"));
    assert!(!mails[0].1.contains("/sign-up/"), "{}", mails[0].1);
    confirm(&t, &early, "A", CHOSEN).await.refused(409, "conflict");
    assert_eq!(login(&t, "grace@lab.test", CHOSEN).await.status, 401);
}

async fn very_many_waiting_sign_ups_are_enough(t: TestApp) {
    let mut tx = t.app.store().begin_always().await.unwrap();
    let many = sql("INSERT INTO mail_links (id, kind, owner_kind, version, email, created_at, expires_at) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
         SELECT 'lnk_' || i, 'sign-up', 'person', 1, 'p' || i || '@flood.test', $1, $2 FROM n");
    let now = t.app.store().now();
    tx.execute(many.bind(now).bind(now.plus_seconds(86_400))).await.unwrap();
    tx.commit().await.unwrap();
    ask(&t, NEW, "Fresh").await.refused(429, "rate_limit_error");
    // who asked already asks again: the older one gives its place
    ask(&t, "p1@flood.test", "Fresh").await.ok();
    t.clock.advance(86_401);
    ask(&t, NEW, "Fresh").await.ok();
}

async fn closed_there_is_no_page_and_no_operation(t: TestApp) {
    let browser = t.client();
    assert!(!browser.get("/login").await.body.contains("/sign-up"));
    for (method, path) in [("GET", "/sign-up"), ("GET", "/sign-up/none")] {
        let answer = browser.call(method, path, None).await;
        assert!(answer.status == 404 && answer.body.contains("closed on this server"), "{}", answer.body);
    }
    let posted = submit(&browser, "/login", "/sign-up", &[("email", NEW), ("workspaceName", "X")]).await;
    assert_eq!(posted.status, 404, "{}", posted.body);
    ask(&t, NEW, "Fresh").await.refused(404, "not_found");
    confirm(&t, "none", "A", CHOSEN).await.refused(404, "not_found");
    assert_eq!((links(&t).await, t.mails_to(NEW).await), (0, Vec::new()));
}

async fn nobody_waits_with_a_name_for_people_of_the_operators(t: TestApp) {
    for unseen in ["Fre\u{200b}sh", "\u{202e}hserF"] {
        ask(&t, NEW, unseen).await.refused(400, "validation_error");
    }
    ask(&t, NEW, "Fresh").await.ok();
    let token = t.mailed_token(NEW, "sign-up").await;
    confirm(&t, &token, "A", CHOSEN).await.ok();
    let machine = t.app.machine();
    let owner = |email: &str| gatehouse_identity::NewOwner {
        workspace: "fresh".to_owned(),
        email: email.parse().unwrap(),
        password: gatehouse_types::Secret::new(PASSWORD),
        is_lab: false,
    };
    let refused = t.app.identity().create_owner(&machine, owner("boss@fresh.test")).await.unwrap_err();
    assert_eq!(refused.kind(), gatehouse_types::Kind::Conflict);
    login(&t, "boss@fresh.test", PASSWORD).await.refused(401, "authentication_error");
    t.app.identity().create_owner(&machine, owner(NEW)).await.unwrap();
    login(&t, NEW, PASSWORD).await.ok();
}

async fn a_restored_database_opens_no_link_of_before(t: TestApp) {
    ask(&t, NEW, "Fresh").await.ok();
    let token = t.mailed_token(NEW, "sign-up").await;
    ask(&t, "waits@fresh.test", "Waits").await.ok();
    let mut tx = t.app.store().begin_always().await.unwrap();
    gatehouse_identity::after_restore(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    confirm(&t, &token, "A", CHOSEN).await.refused(400, "validation_error");
    assert!(t.mails_to("waits@fresh.test").await.is_empty(), "its job finds nothing to send");
}

on_both![
    start_open:
    somebody_new_signs_up_by_mail_and_signs_in,
    a_program_signs_somebody_up_and_the_link_counts_once_for_a_day,
    asking_tells_nobody_who_has_an_account_or_which_workspaces_there_are,
    a_workspace_name_that_is_taken_is_told_at_the_link_and_another_serves,
    names_are_not_tried_out_endlessly_with_one_link,
    somebody_known_signs_in_and_gets_a_further_workspace,
    whom_a_provider_must_sign_in_is_led_there,
    very_many_waiting_sign_ups_are_enough,
    nobody_waits_with_a_name_for_people_of_the_operators,
    a_restored_database_opens_no_link_of_before,
];
on_both![closed_there_is_no_page_and_no_operation];
