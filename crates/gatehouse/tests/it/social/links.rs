//! One's own accounts there: linked while signed in, unlinked, and let go with the person.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{ADA, Google, Microsoft, World, me, refused, with_providers};
use crate::support::{Form, PASSWORD};

const PART: &str = "/account#sign-in-providers";
const OWN: &str = "/api/v1/me/sign-in-providers";

/// An account that proves nothing.
fn unproven(claims: &mut Value) {
    let claims = claims.as_object_mut().unwrap();
    claims.remove("xms_edov");
    claims.insert("email".to_owned(), json!("somebody@tenant.test"));
    claims.insert("email_verified".to_owned(), json!(false));
}

async fn an_account_is_linked_by_whoever_is_signed_in(world: World) {
    let browser = world.t.browser(ADA).await;
    for at in [Google, Microsoft] {
        let linked = world.link(at, &browser, unproven).await;
        assert_eq!((linked.status, linked.location()), (303, Some(PART)), "{}", linked.body);
        let other = world.t.client();
        assert_eq!(world.enter(at, &other, unproven).await.status, 303);
        assert_eq!(me(&other).await, ADA);
    }
    let page = browser.get("/account").await.body;
    assert!(page.contains("somebody@tenant.test") && page.contains("Unlink Google"), "{page}");
    // nobody else links it, and nobody links a second one
    let owner = world.t.browser("owner@main.test").await;
    let told = world.link(Google, &owner, unproven).await;
    assert_eq!(told.location(), Some("/account"));
    assert!(owner.get("/account").await.body.contains("linked to another account here"));
    let own = owner.get(OWN).await.ok();
    assert_eq!(own["data"][0]["linked"], false, "{own}");
    // unlinked, it opens nothing
    world.t.sign_in(ADA).await.delete(&format!("{OWN}/google")).await.ok();
    world.t.sign_in(ADA).await.delete(&format!("{OWN}/google")).await.refused(404, "not_found");
    let other = world.t.client();
    refused(&other, Google, &world.enter(Google, &other, unproven).await);
    let subjects: Vec<_> = world.t.mails_to(ADA).await.into_iter().map(|m| m.0).collect();
    assert!(subjects.iter().any(|s| s == "A Google account does not sign you in any more"), "{subjects:?}");
}

async fn linking_wants_a_fresh_proof_and_the_same_session(world: World) {
    let browser = world.t.browser(ADA).await;
    let action = "/account/sign-in-providers/google/link";
    world.t.clock.advance(601);
    let page = browser.get("/account").await.body;
    let asked = Form::to(&page, action).send(&browser).await;
    assert_eq!(asked.location(), Some("/account/confirm?returnTo=%2Faccount"), "{}", asked.body);
    let confirm = browser.get("/account/confirm?returnTo=%2Faccount").await.body;
    let mut form = Form::to(&confirm, "/account/confirm");
    form.fields.retain(|(name, _)| name != "password");
    form.fields.push(("password".to_owned(), PASSWORD.to_owned()));
    assert_eq!(form.send(&browser).await.location(), Some("/account"));
    // begun here, finished after signing in as somebody else: it is linked to nobody
    let asked = world.led(&browser, "/account", action, &[]).await;
    browser.post("/api/v1/auth/login", json!({"email": "owner@main.test", "password": PASSWORD})).await.ok();
    let claims = world.claims(Google, &asked);
    let told = world.back(Google, &browser, &asked, &claims).await;
    assert_eq!(told.location(), Some("/account"), "{}", told.body);
    assert_eq!(me(&browser).await, "owner@main.test");
    for person in [ADA, "owner@main.test"] {
        let own = world.t.sign_in(person).await.get(OWN).await.ok();
        assert_eq!(own["data"][0]["linked"], false, "{person}");
    }
    // another browser cannot finish it either
    let ada = world.t.browser(ADA).await;
    let asked = world.led(&ada, "/account", action, &[]).await;
    let thief = world.t.client();
    refused(&thief, Google, &world.back(Google, &thief, &asked, &world.claims(Google, &asked)).await);
    // nor does the API unlink without a proof
    assert_eq!(world.link(Microsoft, &ada, unproven).await.location(), Some(PART));
    let caller = world.t.sign_in(ADA).await;
    world.t.clock.advance(601);
    caller.delete(&format!("{OWN}/microsoft")).await.refused(403, "authorization_error");
}

async fn a_companys_provider_links_nobodys_account(world: World) {
    // whoever runs it could link an account of their own, and sign in with it to the person's other workspaces
    let owner = world.t.owner().await;
    let lab = world.t.active_lab(&owner).await;
    let browser = world.t.client();
    assert_eq!(world.t.enter_from_lab(&browser, &lab.id, "ada").await.status, 303);
    assert_eq!(me(&browser).await, ADA);
    let page = browser.get("/account").await.body;
    let refused = Form::to(&page, "/account/sign-in-providers/google/link").send(&browser).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(world.why(&refused).await.starts_with("session: It began through a connection"));
    assert_eq!(browser.get(OWN).await.ok()["data"][0]["linked"], false);
    // nor does a session that goes on from it in another workspace
    let other = world.t.workspace("Other").await;
    world.t.person_in(&other, ADA, Role::Member).await;
    let switched = browser.post("/api/v1/auth/switch-workspace", json!({"workspaceId": other})).await;
    if switched.status == 200 {
        let page = browser.get("/account").await.body;
        let again = Form::to(&page, "/account/sign-in-providers/google/link").send(&browser).await;
        assert_eq!(again.status, 403, "{}", again.body);
    }
}

async fn who_is_nobodys_member_any_more_is_unlinked(world: World) {
    assert_eq!(world.enter(Google, &world.t.client(), |_| {}).await.status, 303);
    let owner = world.t.owner().await;
    let users = owner.get("/api/v1/users?email=ada").await.ok();
    let id = users["data"][0]["id"].as_str().unwrap().to_owned();
    owner.delete(&format!("/api/v1/users/{id}")).await.ok();
    let receipt = owner.get(&format!("/api/v1/users/{id}/offboarding")).await.ok();
    let ended = receipt["ended"].as_array().unwrap();
    let account = json!({"kind": "sign-in-provider", "count": 1, "items": [{"id": "google", "name": ADA}]});
    assert!(ended.contains(&account), "{receipt}");
    // come back under the same address, by an administrator: the old link does not come back with it
    world.t.person(ADA, Role::Member).await;
    let browser = world.t.client();
    refused(&browser, Google, &world.enter(Google, &browser, unproven).await);
}

async fn who_reports_a_sign_in_is_unlinked(world: World) {
    assert_eq!(world.enter(Google, &world.t.client(), |_| {}).await.status, 303);
    world.t.clock.advance(60);
    // from a browser and a network that were never seen
    let strange = world.t.client();
    let asked = world.asked(Google, &strange).await;
    let claims = world.claims(Google, &asked);
    world.google.give(&world.key.token(&claims));
    let back = format!("/oidc/callback?state={}&code=c", asked.query["state"]);
    let request =
        strange.request("GET", &back).header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0");
    assert_eq!(strange.send(request).await.status, 303);
    let token = world.t.mailed_token(ADA, "not-me").await;
    let page = world.t.client();
    let path = format!("/not-me/{token}");
    let shown = page.get(&path).await.body;
    let csrf = shown.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let reported = page.form(&path, &[("csrf".to_owned(), csrf.to_owned())]).await;
    assert!(reported.status < 400, "{} {}", reported.status, reported.body);
    assert_eq!(strange.get("/api/v1/me").await.status, 401);
    let browser = world.t.client();
    refused(&browser, Google, &world.enter(Google, &browser, unproven).await);
}

with_providers![with_ada:
    an_account_is_linked_by_whoever_is_signed_in,
    linking_wants_a_fresh_proof_and_the_same_session,
    a_companys_provider_links_nobodys_account,
    who_is_nobodys_member_any_more_is_unlinked,
    who_reports_a_sign_in_is_unlinked,
];
