//! It stands where the password would: the same rules hold.

use serde_json::{Value, json};

use super::{ADA, Google, Microsoft, World, me, refused, with_providers};
use crate::second_step::enrol;
use crate::support::{Client, Form, TestApp, on_both};

async fn nothing_is_offered_without_a_client_of_the_operator(t: TestApp) {
    let browser = t.client();
    assert!(!browser.get("/login").await.body.contains("Continue with"));
    for path in ["/login/with/google", "/login/with/microsoft", "/login/with/other"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    let answer = browser.get("/oidc/callback/microsoft?state=x&code=y").await;
    assert_eq!(answer.status, 404, "{}", answer.body);
    let owner = t.owner().await;
    let listed = owner.get("/api/v1/me/sign-in-providers").await.ok();
    assert_eq!(
        listed["data"][0],
        json!({"provider": "google", "offered": false, "linked": false,
        "account": null, "linkedAt": null, "lastUsedAt": null})
    );
    let error = owner.put("/api/v1/security-settings", json!({"defaultSignIn": "google"})).await;
    assert_eq!(error.refused(400, "validation_error")["field"], "defaultSignIn");
    let page = t.browser("owner@main.test").await.get("/account").await.body;
    assert!(!page.contains("sign-in-providers"), "{page}");
}

on_both![nothing_is_offered_without_a_client_of_the_operator];

async fn r043_a_proven_address_links_at_the_first_sign_in(world: World) {
    let browser = world.t.client();
    let page = browser.get("/login?returnTo=%2Faccount").await.body;
    for at in ["google", "microsoft"] {
        assert!(page.contains(&format!("href=\"/login/with/{at}?returnTo=%2Faccount\"")), "{page}");
    }
    let asked = world.asked(Google, &browser).await;
    let wanted = [
        ("client_id", "client-at-google"),
        ("code_challenge_method", "S256"),
        ("response_type", "code"),
        ("prompt", "select_account"),
    ];
    for (name, value) in wanted {
        assert_eq!(asked.query[name], value, "{name}");
    }
    assert!(asked.query["nonce"].len() == 43 && asked.query["code_challenge"].len() == 43);
    let claims = world.claims(Google, &asked);
    let landed = world.back(Google, &browser, &asked, &claims).await;
    assert_eq!((landed.status, landed.location()), (303, Some("/account")));
    let mine = browser.get("/api/v1/me").await.ok();
    assert_eq!((&mine["user"]["email"], &mine["sessions"][0]["method"]), (&json!(ADA), &json!("google")));
    let own = browser.get("/api/v1/me/sign-in-providers").await.ok()["data"].clone();
    assert_eq!((&own[0]["linked"], &own[0]["account"]), (&json!(true), &json!(ADA)), "{own}");
    assert!(own[0]["lastUsedAt"].is_string() && own[1]["linked"] == json!(false), "{own}");
    let mails = world.t.mails_to(ADA).await;
    assert!(mails.iter().any(|m| m.0 == "A Google account signs you in from now on"), "{mails:?}");
    let owner = world.t.owner().await;
    for event in ["sign-in-provider.linked", "session.started"] {
        let found = owner.get(&format!("/api/v1/audit-events?event={event}")).await.body;
        assert!(found.contains("\"google\""), "{event}: {found}");
    }
    // the session that this browser had has ended
    let before = browser.cookie("gatehouse_session").unwrap();
    assert_eq!(world.enter(Google, &browser, |_| {}).await.status, 303);
    let old = world.t.client();
    old.set_cookie("gatehouse_session", &before);
    assert_eq!(old.get("/api/v1/me").await.status, 401);
}

/// Single sign-on is mandatory for the workspace of Ada.
async fn enforce(world: &World) -> Client {
    let owner = world.t.owner().await;
    let lab = world.t.active_lab(&owner).await;
    owner.put("/api/v1/sso/settings", json!({"connectionId": lab.id})).await.ok();
    owner.post_to("/api/v1/sso/settings/enable").await.ok();
    owner
}

async fn r038_r036_mandatory_single_sign_on_binds_it_as_the_password(world: World) {
    // linked before, and not
    assert_eq!(world.enter(Google, &world.t.client(), |_| {}).await.status, 303);
    let owner = enforce(&world).await;
    for at in [Google, Microsoft] {
        let browser = world.t.client();
        let answer = world.enter(at, &browser, |_| {}).await;
        refused(&browser, at, &answer);
        let why = owner.get(&format!("/api/v1/decisions/{}", answer.decision())).await.ok();
        assert_eq!(why["reasons"].as_array().unwrap().last().unwrap()["check"], "single sign-on", "{why}");
        let found = owner.get("/api/v1/audit-events?event=session.refused").await.ok();
        let details = &found["data"][0]["details"];
        assert_eq!((&details["method"], &details["reason"]), (&json!(at.code()), &json!("sso_required")));
    }
    // what is refused links nothing
    owner.put("/api/v1/sso/settings", json!({"excludedUsers": [ADA]})).await.ok();
    let browser = world.t.client();
    let unproven = |c: &mut Value| drop(c.as_object_mut().unwrap().remove("xms_edov"));
    refused(&browser, Microsoft, &world.enter(Microsoft, &browser, unproven).await);
    // R036: whoever is excluded comes in by it
    assert_eq!(world.enter(Google, &browser, |_| {}).await.status, 303);
    assert_eq!(me(&browser).await, ADA);
    // and is offered it behind “Having trouble logging in with SSO?”, first when the workspace says so
    owner.put("/api/v1/security-settings", json!({"defaultSignIn": "microsoft"})).await.ok();
    let stranger = world.t.client();
    for email in [ADA, "nobody@lab.test"] {
        let shown = stranger.get("/login").await.body;
        let mut form = Form::to(&shown, "/login");
        form.fields.retain(|(name, _)| name != "email");
        form.fields.push(("email".to_owned(), email.to_owned()));
        let sso = form.send(&stranger).await.body;
        assert!(sso.contains("Having trouble logging in with SSO?") && !sso.contains("Continue with Google"));
        let page = Form::to(&sso, "/login/default").send(&stranger).await.body;
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}: {page}"));
        let (first, password, second) =
            (at("Continue with Microsoft"), at("type=\"password\""), at("Continue with Google"));
        assert!(first < password && password < second, "{email}");
    }
}

async fn the_second_step_is_asked_for_all_the_same(world: World) {
    let ada = world.t.sign_in(ADA).await;
    let app = enrol(&world.t, &ada).await;
    let browser = world.t.client();
    let asked = world.enter(Google, &browser, |_| {}).await;
    assert_eq!(asked.location(), Some("/sign-in/second-step?returnTo=%2Faccount"), "{}", asked.body);
    assert!(browser.cookie("gatehouse_session").is_none(), "not before the second step");
    let answer = async |browser: &Client, code: &str| {
        let page = browser.get("/sign-in/second-step?returnTo=%2Faccount").await.body;
        let mut form = Form::to(&page, "/sign-in/second-step");
        form.fields.retain(|(name, _)| name != "code" && name != "recoveryCode");
        form.fields.push(("code".to_owned(), code.to_owned()));
        form.send(browser).await
    };
    assert_eq!(answer(&browser, "000000").await.status, 401);
    let done = answer(&browser, &app.code(&world.t)).await;
    assert_eq!(done.location(), Some("/account"), "{}", done.body);
    let mine = browser.get("/api/v1/me").await.ok();
    assert_eq!(mine["sessions"][0]["method"], "google", "{mine}");
    // once unlinked, an open question leads nowhere
    let late = world.t.client();
    world.enter(Google, &late, |_| {}).await;
    world.t.clock.advance(30);
    ada.delete("/api/v1/me/sign-in-providers/google").await.ok();
    let over = late.get("/sign-in/second-step").await;
    assert_eq!((over.status, over.location()), (303, Some("/login")), "{}", over.body);
    assert!(late.cookie("gatehouse_session").is_none());
}

async fn a_workspace_that_demands_a_second_step_has_it_set_up(world: World) {
    let owner = world.t.owner().await;
    enrol(&world.t, &owner).await;
    owner.put("/api/v1/security-settings", json!({"requireSecondStep": true})).await.ok();
    let browser = world.t.client();
    let asked = world.enter(Microsoft, &browser, |_| {}).await;
    assert!(asked.location().unwrap().starts_with("/sign-in/second-step"), "{:?}", asked.location());
    assert!(browser.get("/sign-in/second-step").await.body.contains("authenticator"));
    assert!(browser.cookie("gatehouse_session").is_none());
}

with_providers![with_ada:
    r043_a_proven_address_links_at_the_first_sign_in,
    r038_r036_mandatory_single_sign_on_binds_it_as_the_password,
    the_second_step_is_asked_for_all_the_same,
    a_workspace_that_demands_a_second_step_has_it_set_up,
];
