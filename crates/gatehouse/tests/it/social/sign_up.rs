//! Signing up with an account there, where strangers may.

use serde_json::{Value, json};

use super::{Google, Microsoft, World, me, with_providers};
use crate::support::Client;

async fn sign_up(
    world: &World,
    browser: &Client,
    at: super::At,
    name: &str,
    turn: impl FnOnce(&mut Value),
) -> crate::support::Answer {
    let action = format!("/login/with/{}/sign-up", at.code());
    let asked = world.led(browser, "/sign-up", &action, &[("workspaceName", name)]).await;
    let mut claims = world.claims(at, &asked);
    claims["email"] = json!("new@lab.test");
    claims["name"] = json!("New Person");
    turn(&mut claims);
    world.back(at, browser, &asked, &claims).await
}

async fn r043_whoever_proves_an_address_signs_up_with_it(world: World) {
    let browser = world.t.client();
    let done = sign_up(&world, &browser, Google, "Fresh", |_| {}).await;
    assert_eq!((done.status, done.location()), (303, Some("/")), "{}", done.body);
    let mine = browser.get("/api/v1/me").await.ok();
    assert_eq!(
        (&mine["user"]["email"], &mine["user"]["name"]),
        (&json!("new@lab.test"), &json!("New Person"))
    );
    assert_eq!((&mine["workspace"]["name"], &mine["role"]), (&json!("Fresh"), &json!("owner")));
    let set = browser.get("/api/v1/security-settings").await.ok();
    assert_eq!(set["defaultSignIn"], "google", "chosen at sign-up: {set}");
    // it signs in, and has no password
    let again = world.t.client();
    let turn = |c: &mut Value| c["email"] = json!("new@lab.test");
    assert_eq!(world.enter(Google, &again, turn).await.status, 303);
    assert_eq!(me(&again).await, "new@lab.test");
    let page = again.get("/account").await.body;
    assert!(page.contains("You have no password"), "{page}");
    // the last way to sign in is not taken away
    let form = crate::support::Form::to(
        &again.get("/account/sign-in-providers/google/unlink").await.body,
        "/account/sign-in-providers/google/unlink",
    );
    form.send(&again).await;
    assert!(again.get("/account").await.body.contains("You could not sign in any more"));
    let own = again.get("/api/v1/me/sign-in-providers").await.ok();
    assert_eq!(own["data"][0]["linked"], true);
}

async fn who_proves_nothing_or_is_known_does_not_sign_up(world: World) {
    let told = async |browser: &Client, words: &str| {
        let page = browser.get("/sign-up").await.body;
        assert!(page.contains(words), "{words}: {page}");
        assert!(browser.cookie("gatehouse_session").is_none());
    };
    let browser = world.t.client();
    let turn = |c: &mut Value| drop(c.as_object_mut().unwrap().remove("xms_edov"));
    assert_eq!(sign_up(&world, &browser, Microsoft, "Fresh", turn).await.location(), Some("/sign-up"));
    told(&browser, "does not prove the address").await;
    sign_up(&world, &browser, Google, "Fresh", |c| c["email"] = json!("owner@main.test")).await;
    told(&browser, "You have an account here already").await;
    sign_up(&world, &browser, Google, "Main", |_| {}).await;
    told(&browser, "A workspace with this name exists").await;
    sign_up(&world, &browser, Google, " ", |_| {}).await;
    // whose company demands its provider
    let owner = world.t.owner().await;
    let lab = world.t.active_lab(&owner).await;
    owner.put("/api/v1/sso/settings", json!({"connectionId": lab.id})).await.ok();
    owner.post_to("/api/v1/sso/settings/enable").await.ok();
    sign_up(&world, &browser, Google, "Fresh", |_| {}).await;
    told(&browser, "identity provider").await;
    let mailed = json!({"email": "x@y.test", "workspaceName": "Mailed", "defaultSignIn": "google"});
    let error = browser.post("/api/v1/auth/sign-up", mailed).await.refused(400, "validation_error");
    assert_eq!(error["field"], "defaultSignIn");
}

with_providers![start_open:
    r043_whoever_proves_an_address_signs_up_with_it,
    who_proves_nothing_or_is_known_does_not_sign_up,
];

async fn where_signing_up_is_closed_nobody_signs_up_with_it(world: World) {
    let browser = world.t.client();
    assert_eq!(browser.get("/sign-up").await.status, 404);
    // a form that somebody makes up: the answer of the provider makes nothing
    let page = browser.get("/login").await.body;
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let fields = [("csrf".to_owned(), csrf), ("workspaceName".to_owned(), "Sneaked".to_owned())];
    let away = browser.form("/login/with/google/sign-up", &fields).await;
    assert_eq!(away.status, 404, "{}", away.body);
}

with_providers![start: where_signing_up_is_closed_nobody_signs_up_with_it];
