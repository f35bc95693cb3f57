use gatehouse_types::Role;
use serde_json::json;

use super::{App, FACTORS, SECOND_STEP, answer, enrol, events, password, subjects};
use crate::support::{Client, TestApp, on_both};

const SETTINGS: &str = "/api/v1/security-settings";

async fn demand(caller: &Client) {
    let on = caller.put(SETTINGS, json!({"requireSecondStep": true})).await.ok();
    assert_eq!(on["requireSecondStep"], true);
}

async fn an_owner_demands_a_second_step_only_with_one_of_the_own(t: TestApp) {
    let owner = t.owner().await;
    assert_eq!(
        owner.get(SETTINGS).await.ok(),
        json!({"requireSecondStep": false, "defaultSignIn": "password"})
    );
    let refused = owner.put(SETTINGS, json!({"requireSecondStep": true})).await;
    assert_eq!(refused.refused(409, "conflict")["field"], "requireSecondStep");
    enrol(&t, &owner).await;
    let trial = owner.put(&format!("{SETTINGS}?dryRun=true"), json!({"requireSecondStep": true})).await.ok();
    assert_eq!(trial["effects"][0]["event"], "security-settings.changed");
    assert_eq!(
        owner.get(SETTINGS).await.ok(),
        json!({"requireSecondStep": false, "defaultSignIn": "password"})
    );
    demand(&owner).await;
    assert_eq!(owner.put(SETTINGS, json!({})).await.ok()["requireSecondStep"], true);
    owner.put(SETTINGS, json!({"other": 1})).await.refused(400, "validation_error");
    assert_eq!(events(&owner, "security-settings.changed").await.len(), 1);
    assert!(subjects(&owner).await[0].contains("rule for second steps"));
    let id = owner.get(FACTORS).await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    owner.delete(&format!("{FACTORS}/{id}")).await.refused(409, "conflict");
    owner.put(SETTINGS, json!({"requireSecondStep": false})).await.ok();
    owner.delete(&format!("{FACTORS}/{id}")).await.ok();
}

async fn whoever_has_none_sets_one_up_on_the_way_in(t: TestApp) {
    let owner = t.owner().await;
    t.person("member@main.test", Role::Member).await;
    enrol(&t, &owner).await;
    demand(&owner).await;
    let (browser, asked) = password(&t, "member@main.test").await;
    assert_eq!(asked["factors"], json!([]));
    answer(&browser, &asked, "code", "123456").await.refused(401, "authentication_error");
    let set_up = format!("{SECOND_STEP}/enrolment");
    let question = json!({"challenge": asked["challenge"]});
    t.client().post(&set_up, question.clone()).await.refused(401, "authentication_error");
    let offer = browser.post(&set_up, question.clone()).await.ok();
    assert_eq!(browser.post(&set_up, question).await.ok()["secret"], offer["secret"], "a reload keeps it");
    let app = App::knowing(offer["secret"].as_str().unwrap());
    answer(&browser, &asked, "code", &app.wrong(&t)).await.refused(401, "authentication_error");
    let done = answer(&browser, &asked, "code", &app.code(&t)).await.ok();
    assert_eq!(done["recoveryCodes"].as_array().unwrap().len(), 10);
    assert_eq!(browser.get("/api/v1/me").await.ok()["user"]["email"], "member@main.test");
    assert_eq!(browser.get(FACTORS).await.ok()["data"][0]["type"], "totp");
    t.clock.advance(30);
    let (browser, asked) = password(&t, "member@main.test").await;
    assert_eq!(asked["factors"], json!(["totp", "recovery-code"]));
    answer(&browser, &asked, "code", &app.code(&t)).await.ok();
}

async fn a_password_set_anew_closes_the_way_that_the_old_one_opened(t: TestApp) {
    let owner = t.owner().await;
    t.person("member@main.test", Role::Member).await;
    let member = t.sign_in("member@main.test").await;
    enrol(&t, &owner).await;
    demand(&owner).await;
    // somebody who knows the password begins to set up an app on the way in
    let (thief, asked) = password(&t, "member@main.test").await;
    let question = json!({"challenge": asked["challenge"]});
    let offer = thief.post(&format!("{SECOND_STEP}/enrolment"), question).await.ok();
    let app = App::knowing(offer["secret"].as_str().unwrap());
    let new = json!({"currentPassword": crate::support::PASSWORD, "newPassword": "seven quiet elephants"});
    member.put("/api/v1/me/password", new).await.ok();
    answer(&thief, &asked, "code", &app.code(&t)).await.refused(401, "authentication_error");
    assert_eq!(member.get(FACTORS).await.ok()["data"], json!([]));
}

async fn a_session_without_one_does_not_go_on_where_one_is_demanded(t: TestApp) {
    let owner = t.owner().await;
    let other = t.workspace("Other").await;
    t.person_in(&other, "both@main.test", Role::Member).await;
    t.clock.advance(1);
    t.person("both@main.test", Role::Member).await;
    enrol(&t, &owner).await;
    demand(&owner).await;
    let caller = t.sign_in("both@main.test").await;
    let switch = json!({"workspaceId": t.workspace});
    let refused = caller.post("/api/v1/auth/switch-workspace", switch.clone()).await;
    assert!(refused.refused(403, "authorization_error")["decision"].is_string());
    let app = enrol(&t, &caller).await;
    caller.post("/api/v1/auth/switch-workspace", switch.clone()).await.refused(403, "authorization_error");
    let (browser, asked) = password(&t, "both@main.test").await;
    let token = answer(&browser, &asked, "code", &app.code(&t)).await.ok();
    let program = t.client().with_token(token["accessToken"].as_str().unwrap());
    let there = program.post("/api/v1/auth/switch-workspace", switch).await.ok();
    let there = t.client().with_token(there["accessToken"].as_str().unwrap());
    // what the session was begun with goes on with it
    let back = there.post("/api/v1/auth/switch-workspace", json!({"workspaceId": t.workspace})).await;
    back.ok();
}

on_both![
    an_owner_demands_a_second_step_only_with_one_of_the_own,
    whoever_has_none_sets_one_up_on_the_way_in,
    a_password_set_anew_closes_the_way_that_the_old_one_opened,
    a_session_without_one_does_not_go_on_where_one_is_demanded,
];
