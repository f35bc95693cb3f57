use gatehouse_types::Role;
use serde_json::{Value, json};

use crate::support::{Answer, Client, LabConnection, PASSWORD, TestApp, on_both};

const SETTINGS: &str = "/api/v1/sso/settings";

/// Single sign-on is mandatory; two members with passwords are there.
async fn enforced(t: &TestApp, owner: &Client) -> LabConnection {
    let lab = t.active_lab(owner).await;
    t.person("ada@lab.test", Role::Member).await;
    t.person("bruno@lab.test", Role::Admin).await;
    owner.put(SETTINGS, json!({"connectionId": lab.id})).await.ok();
    let enabled = owner.post_to(&format!("{SETTINGS}/enable")).await.ok();
    assert_eq!((&enabled["enabled"], &enabled["inForce"]), (&json!(true), &json!(true)));
    lab
}

async fn login(t: &TestApp, email: &str, password: &str) -> Answer {
    t.client().post("/api/v1/auth/login", json!({"email": email, "password": password})).await
}

fn words(answer: &Answer) -> Value {
    let mut error = answer.refused(401, "authentication_error");
    assert!(error["decision"].is_string());
    error["decision"] = Value::Null;
    error
}

async fn r038_a_member_gets_the_answer_of_a_wrong_password(t: TestApp) {
    let owner = t.owner().await;
    let lab = enforced(&t, &owner).await;
    let wrong = words(&login(&t, "ada@lab.test", "wrong-password").await);
    for email in ["ada@lab.test", "bruno@lab.test"] {
        let right = login(&t, email, PASSWORD).await;
        assert_eq!(words(&right), wrong, "{email}");
        let why = owner.get(&format!("/api/v1/decisions/{}", right.decision())).await.ok();
        assert_eq!(why["reasons"][0]["check"], "single sign-on");
    }
    assert_eq!(words(&login(&t, "nobody@lab.test", PASSWORD).await), wrong);
    let found = t.client().post("/api/v1/auth/discover", json!({"email": "nobody@lab.test"})).await.ok();
    assert_eq!((&found["ssoRequired"], &found["ssoOptional"]), (&json!(true), &json!(false)));
    assert!(found["redirectUrl"].as_str().unwrap().ends_with(&format!("/sso/{}/start", lab.id)));
    // the provider's way is open
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303);
}

async fn r034_owners_and_excluded_people_keep_their_password(t: TestApp) {
    let owner = t.owner().await;
    enforced(&t, &owner).await;
    t.sign_in("owner@main.test").await;
    let settings = owner.put(SETTINGS, json!({"excludedUsers": ["Ada@lab.test"]})).await.ok();
    assert_eq!(settings["excludedUsers"], json!(["ada@lab.test", "owner@main.test"]));
    t.sign_in("ada@lab.test").await;
    login(&t, "bruno@lab.test", PASSWORD).await.refused(401, "authentication_error");
    let cleared = owner.put(SETTINGS, json!({"excludedUsers": []})).await.ok();
    assert_eq!(cleared["excludedUsers"], json!(["owner@main.test"]));
    login(&t, "ada@lab.test", PASSWORD).await.refused(401, "authentication_error");
}

async fn r033_exclusions_are_an_owners_right(t: TestApp) {
    let admin = t.member_of(Role::Admin).await;
    let excluded = json!({"excludedUsers": ["admin@main.test"]});
    admin.put(SETTINGS, excluded).await.refused(403, "authorization_error");
    admin.put(SETTINGS, json!({})).await.ok();
}

async fn enabling_names_the_missing_step(t: TestApp) {
    let owner = t.owner().await;
    let error = owner.post_to(&format!("{SETTINGS}/enable")).await.refused(400, "validation_error");
    assert_eq!(error["field"], "connectionId");
    let made = owner.post("/api/v1/sso/connections", t.lab_body("Lab").await).await.ok();
    let set = owner.put(SETTINGS, json!({"connectionId": made["id"]})).await.ok();
    let (base, id) = (t.app.public_url().as_str(), made["id"].as_str().unwrap());
    assert_eq!(set["acsUrlSpInitiated"], json!(format!("{base}/saml/acs/{id}")));
    assert_eq!(set["acsUrlIdpInitiated"], json!(format!("{base}/saml/acs/{id}/idp")));
    let error = owner.post_to(&format!("{SETTINGS}/enable")).await.refused(400, "validation_error");
    assert!(error["message"].as_str().unwrap().contains("Test the connection"), "{error}");
    assert_eq!(owner.get(SETTINGS).await.ok()["enabled"], false);
    let foreign = t.stranger().await;
    foreign.put(SETTINGS, json!({"connectionId": made["id"]})).await.refused(404, "not_found");
    owner.put(SETTINGS, json!({"connectionId": "con_nothing"})).await.refused(404, "not_found");
}

async fn an_administrator_without_another_way_in_proves_it_first(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    owner.put(SETTINGS, json!({"connectionId": lab.id})).await.ok();
    t.person("bruno@lab.test", Role::Admin).await;
    let admin = t.sign_in("bruno@lab.test").await;
    let enable = format!("{SETTINGS}/enable");
    let error = admin.post_to(&enable).await.refused(400, "validation_error");
    assert_eq!(error["field"], "proof");
    assert!(error["message"].as_str().unwrap().contains(&format!("/sso/{}/start", lab.id)), "{error}");
    assert_eq!(owner.get(SETTINGS).await.ok()["enabled"], false);
    // somebody else's sign-in proves nothing
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303);
    admin.post_to(&enable).await.refused(400, "validation_error");
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "bruno").await.status, 303);
    assert_eq!(admin.post_to(&enable).await.ok()["enabled"], true);
}

async fn r030_r031_disabling_opens_the_password_and_keeps_the_values(t: TestApp) {
    let owner = t.owner().await;
    let lab = enforced(&t, &owner).await;
    let browser = t.client();
    assert_eq!(t.enter_from_lab(&browser, &lab.id, "ada").await.status, 303);
    let off = owner.post_to(&format!("{SETTINGS}/disable")).await.ok();
    assert_eq!((&off["enabled"], &off["connectionId"]), (&json!(false), &json!(lab.id)));
    assert_eq!(owner.get(&lab.path).await.ok()["status"], "inactive");
    t.sign_in("ada@lab.test").await;
    // sessions go on, new sign-ins through the provider do not
    browser.get("/api/v1/me").await.ok();
    assert_eq!(t.client().get(&format!("/sso/{}/start", lab.id)).await.status, 403);
}

async fn breaking_the_glass_turns_it_off_and_tells_every_owner(t: TestApp) {
    let owner = t.owner().await;
    enforced(&t, &owner).await;
    t.person("second@main.test", Role::Owner).await;
    let told = t.app.sso().break_glass(&t.app.machine(), "Main").await.unwrap();
    assert_eq!(told.len(), 2);
    t.sign_in("ada@lab.test").await;
    assert_eq!(owner.get(SETTINGS).await.ok()["enabled"], false);
    let mails = owner.get("/api/v1/outbox").await.ok()["data"].as_array().unwrap().clone();
    let mut to: Vec<_> = mails.iter().map(|m| m["to"].as_str().unwrap()).collect();
    to.sort_unstable();
    assert_eq!(to, ["owner@main.test", "second@main.test"]);
    assert!(mails.iter().all(|m| m["subject"].as_str().unwrap().contains("turned off")));
    let events = owner.get("/api/v1/audit-events?event=sso.break-glass").await.ok();
    assert_eq!(
        (&events["data"][0]["actorKind"], &events["pagination"]["totalItems"]),
        (&json!("system"), &json!(1))
    );
    // once more changes nothing: nobody gets a second mail, and it is recorded as what it was
    assert!(t.app.sso().break_glass(&t.app.machine(), "Main").await.unwrap().is_empty());
    assert_eq!(owner.get("/api/v1/outbox").await.ok()["data"].as_array().unwrap().len(), mails.len());
    let events = owner.get("/api/v1/audit-events?event=sso.break-glass").await.ok();
    assert_eq!(
        (&events["data"][0]["details"]["changed"], &events["pagination"]["totalItems"]),
        (&json!(false), &json!(2))
    );
    assert_eq!(t.stranger().await.get("/api/v1/outbox").await.ok()["data"], json!([]));
}

async fn the_tab_that_disables_says_what_is_so(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let browser = t.browser("owner@main.test").await;
    let tab = async || browser.get("/settings/security/sso/disable").await.body;
    owner.put(SETTINGS, json!({"connectionId": lab.id})).await.ok();
    let optional = tab().await;
    assert!(optional.contains("nobody has to come in through it") && optional.contains(">Disable SSO<"));
    // it is not in force, but it can be turned off, and glass can be broken
    owner.post_to(&format!("{SETTINGS}/enable")).await.ok();
    let mandatory = tab().await;
    assert!(mandatory.contains("Everybody signs in by default again"), "{mandatory}");
    owner.post_to(&format!("{SETTINGS}/disable")).await.ok();
    let off = tab().await;
    assert!(off.contains("Single sign-on is off") && !off.contains("dialog"), "{off}");
}

async fn the_machine_alone_breaks_the_glass(t: TestApp) {
    let nobody = gatehouse_types::Actor::anonymous(t.app.machine().origin);
    t.app.sso().break_glass(&nobody, "Main").await.unwrap_err();
    t.app.sso().break_glass(&t.app.machine(), "No such workspace").await.unwrap_err();
}

async fn a_connection_that_is_deleted_locks_nobody_out(t: TestApp) {
    let owner = t.owner().await;
    let lab = enforced(&t, &owner).await;
    owner.delete(&lab.path).await.ok();
    t.sign_in("ada@lab.test").await;
    let settings = owner.get(SETTINGS).await.ok();
    assert_eq!((&settings["enabled"], &settings["connectionId"]), (&json!(false), &Value::Null));
}

on_both![
    r038_a_member_gets_the_answer_of_a_wrong_password,
    r034_owners_and_excluded_people_keep_their_password,
    r033_exclusions_are_an_owners_right,
    enabling_names_the_missing_step,
    an_administrator_without_another_way_in_proves_it_first,
    r030_r031_disabling_opens_the_password_and_keeps_the_values,
    breaking_the_glass_turns_it_off_and_tells_every_owner,
    the_tab_that_disables_says_what_is_so,
    the_machine_alone_breaks_the_glass,
    a_connection_that_is_deleted_locks_nobody_out,
];
