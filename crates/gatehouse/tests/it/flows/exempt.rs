//! R180: user authentications count for everybody on a connector that has them on; an administrator may exempt a person.
//! And two people before the lab's echo.

use gatehouse_lab::openid::LAB_CLIENT_SECRET;
use gatehouse_types::Role;
use serde_json::{Value, json};
use url::Url;

use super::console::{followed, submit};
use super::{FLOWS, deployed, ended, row, started, text};
use crate::support::{Client, Form, TestApp, on_both};

/// A connector to the lab's API, which says whose token it got, and a flow that asks it.
struct Setting {
    owner: Client,
    connector: String,
    flow: String,
}

fn ask(connector: &str) -> Value {
    json!({"id": "ask", "kind": "connector", "connectorId": connector, "action": "get-item",
        "parameters": {"list": "Contracts", "item_id": 7}})
}

async fn flow_of(owner: &Client, name: &str, ask: Value) -> String {
    deployed(owner, name, row(&[ask], json!("{{ steps.ask.output.grant.belongsTo.email }}"))).await
}

async fn setting(t: &TestApp) -> Setting {
    let owner = t.owner().await;
    let lab = t.lab();
    let new = json!({"type": "sharepoint-server-oauth", "name": "Lab", "fields": {
        "siteUrl": lab.oauth_echo_url(), "authorizationServer": lab.oauth_issuer(),
        "clientId": "gatehouse-lab", "clientSecret": LAB_CLIENT_SECRET, "resource": "contracts"}});
    let connector = text(&owner.post("/api/v1/connectors", new).await.ok()["id"]);
    // the connector's user is Zoë
    at_lab(t, &owner, &format!("/api/v1/connectors/{connector}/authorize"), "zoe").await;
    mode(&owner, &connector, "pause").await;
    let flow = flow_of(&owner, "Contracts", ask(&connector)).await;
    Setting { owner, connector, flow }
}

async fn mode(owner: &Client, connector: &str, mode: &str) {
    let set = json!({"enabled": true, "nonInteractiveMode": mode});
    owner.put(&format!("/api/v1/connectors/{connector}/user-authentications"), set).await.ok();
}

/// Begins an authorization, agrees at the lab as one of its people, and comes back.
async fn at_lab(t: &TestApp, by: &Client, begin: &str, who: &str) {
    let begun = by.post_to(begin).await.ok();
    let browser = t.client();
    let page = browser.send(browser.request("GET", &text(&begun["redirectUrl"]))).await;
    let mut form = Form::read(&page.body).unwrap_or_else(|| panic!("{}", page.body));
    form.fields.push(("person".to_owned(), who.to_owned()));
    let sent = form.send(&browser).await;
    let back = Url::parse(sent.location().unwrap_or_else(|| panic!("{}", sent.body))).unwrap();
    let landed = by.get(&format!("{}?{}", back.path(), back.query().unwrap())).await;
    assert_eq!(landed.status, 303, "{}", landed.body);
}

async fn connect_own(t: &TestApp, by: &Client, connector: &str, who: &str) {
    at_lab(t, by, &format!("/api/v1/me/connections/{connector}/authorize"), who).await;
}

async fn me(by: &Client) -> String {
    text(&by.get("/api/v1/me").await.ok()["user"]["id"])
}

async fn run(t: &TestApp, by: &Client, flow: &str) -> Value {
    let id = text(&by.post(&format!("{FLOWS}/{flow}/run"), json!({})).await.ok()["id"]);
    ended(t, by, &id).await
}

async fn r170_two_people_run_one_flow_and_the_echo_sees_two_identities(t: TestApp) {
    let s = setting(&t).await;
    let member = t.member_of(Role::Member).await;
    connect_own(&t, &member, &s.connector, "ada").await;
    connect_own(&t, &s.owner, &s.connector, "bruno").await;
    for (person, email) in [(&member, "ada@lab.test"), (&s.owner, "bruno@lab.test")] {
        for done in [
            run(&t, person, &s.flow).await,
            ended(&t, person, &started(person, &s.flow, json!({})).await).await,
        ] {
            assert_eq!((&done["status"], &done["output"]), (&json!("Success"), &json!(email)), "{done}");
            assert_eq!(done["steps"][1]["effectiveUserId"], json!(me(person).await));
        }
    }
    // off: both are the connector's user
    let off = json!({"enabled": false});
    s.owner.put(&format!("/api/v1/connectors/{}/user-authentications", s.connector), off).await.ok();
    for person in [&member, &s.owner] {
        assert_eq!(run(&t, person, &s.flow).await["output"], "zoe@lab.test");
    }
}

async fn r180_an_exempt_person_is_the_connectors_user_in_all_four_modes(t: TestApp) {
    let s = setting(&t).await;
    let member = t.member_of(Role::Member).await;
    let id = me(&member).await;
    let path = format!("/api/v1/users/{id}/user-authentications");
    // on for everybody unless somebody is exempted
    let first = s.owner.get(&path).await.ok();
    assert_eq!((&first["exempt"], &first["reason"]), (&json!(false), &Value::Null));
    assert_eq!(run(&t, &member, &s.flow).await["status"], "Authentication needed");
    let error = s.owner.put(&path, json!({"exempt": true})).await.refused(400, "validation_error");
    assert_eq!(error["field"], "reason");
    let exempt = json!({"exempt": true, "reason": "The robot of finance."});
    // a trial run says what would happen, and changes nothing
    let trial = s.owner.put(&format!("{path}?dryRun=true"), exempt.clone()).await.ok();
    assert_eq!(trial["result"]["exempt"], true, "{trial}");
    assert_eq!(s.owner.get(&path).await.ok()["exempt"], false);
    let set = s.owner.put(&path, exempt).await.ok();
    assert_eq!((&set["exempt"], &set["userId"]), (&json!(true), &json!(id)), "{set}");
    let events = s.owner.get("/api/v1/audit-events?event=user-authentications.exempted").await.ok();
    assert_eq!(
        (&events["pagination"]["totalItems"], &events["data"][0]["details"]["reason"]),
        (&json!(1), &json!("The robot of finance."))
    );
    let listed = s.owner.get("/api/v1/user-authentication-exemptions").await.ok();
    assert_eq!((&listed["pagination"]["totalItems"], &listed["data"][0]["userId"]), (&json!(1), &json!(id)));
    for way in ["fallback", "fallback_with_warning", "pause", "end_with_error"] {
        mode(&s.owner, &s.connector, way).await;
        let not_asked = ended(&t, &member, &started(&member, &s.flow, json!({})).await).await;
        for done in [not_asked, run(&t, &member, &s.flow).await] {
            assert_eq!(
                (&done["status"], &done["output"], &done["warnings"]),
                (&json!("Success"), &json!("zoe@lab.test"), &json!([])),
                "{way}: {done}"
            );
            let step = &done["steps"][1];
            assert_eq!(
                (&step["effectiveIdentity"], &step["actingUser"]),
                (&json!("connector"), &json!(id)),
                "{way}"
            );
        }
    }
    // also where the person has authenticated, and in calls over the API
    connect_own(&t, &member, &s.connector, "ada").await;
    assert_eq!(run(&t, &member, &s.flow).await["output"], "zoe@lab.test");
    let action = format!("/api/v1/connectors/{}/actions/get-item", s.connector);
    let call = json!({"parameters": {"list": "Contracts", "itemId": 7}});
    let done = member.post(&action, call.clone()).await.ok();
    assert_eq!((&done["effectiveIdentity"], &done["warnings"]), (&json!("connector"), &json!([])), "{done}");
    // nobody else is touched by it
    assert_eq!(run(&t, &s.owner, &s.flow).await["status"], "Authentication needed");
    // ended, it is as before
    s.owner.put(&path, json!({"exempt": false})).await.ok();
    assert_eq!(run(&t, &member, &s.flow).await["output"], "ada@lab.test");
    assert_eq!(member.post(&action, call).await.ok()["effectiveIdentity"], "user");
    let ended = s.owner.get("/api/v1/audit-events?event=user-authentications.exemption-ended").await.ok();
    assert_eq!(ended["pagination"]["totalItems"], 1);
    // once more changes nothing, and is recorded by nothing
    s.owner.put(&path, json!({"exempt": false})).await.ok();
    let ended = s.owner.get("/api/v1/audit-events?event=user-authentications.exemption-ended").await.ok();
    assert_eq!(ended["pagination"]["totalItems"], 1);
}

async fn r180_what_waits_for_an_exempted_person_goes_on_unless_the_step_demands_the_person(t: TestApp) {
    let s = setting(&t).await;
    let member = t.member_of(Role::Member).await;
    let mut strict = ask(&s.connector);
    strict["userAuthentication"] = json!({"required": true, "nonInteractiveMode": "pause"});
    let strict = flow_of(&s.owner, "Strict", strict).await;
    let waits = started(&member, &s.flow, json!({})).await;
    let demands = started(&member, &strict, json!({})).await;
    for id in [&waits, &demands] {
        assert_eq!(ended(&t, &member, id).await["status"], "Authentication needed");
    }
    let path = format!("/api/v1/users/{}/user-authentications", me(&member).await);
    s.owner.put(&path, json!({"exempt": true, "reason": "On a journey."})).await.ok();
    let done = ended(&t, &member, &waits).await;
    assert_eq!((&done["status"], &done["output"]), (&json!("Success"), &json!("zoe@lab.test")), "{done}");
    let stays = ended(&t, &member, &demands).await;
    assert_eq!(stays["status"], "Authentication needed", "a flow is stricter, never laxer: {stays}");
    assert_eq!(t.app.driver().work().await.unwrap(), 0, "it is not driven round and round");
    connect_own(&t, &member, &s.connector, "ada").await;
    assert_eq!(ended(&t, &member, &demands).await["output"], "ada@lab.test");
}

async fn r180_exemptions_are_for_administrators_and_end_with_the_person(t: TestApp) {
    let s = setting(&t).await;
    let member = t.member_of(Role::Member).await;
    let id = me(&member).await;
    let path = format!("/api/v1/users/{id}/user-authentications");
    let exempt = json!({"exempt": true, "reason": "A test."});
    member.get(&path).await.refused(403, "authorization_error");
    member.put(&path, exempt.clone()).await.refused(403, "authorization_error");
    member.get("/api/v1/user-authentication-exemptions").await.refused(403, "authorization_error");
    let stranger = t.stranger().await;
    stranger.put(&path, exempt.clone()).await.refused(404, "not_found");
    s.owner
        .put("/api/v1/users/usr_none/user-authentications", exempt.clone())
        .await
        .refused(404, "not_found");
    // the page below People
    let browser = t.browser("owner@main.test").await;
    let page = format!("/settings/people/{id}/user-authentications");
    assert!(browser.get("/settings/people").await.body.contains(&page));
    let refused = submit(&browser, &page, &page, &[("exempt", "true"), ("reason", " ")]).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("The reason must be one line"), "{}", refused.body);
    let saved = submit(&browser, &page, &page, &[("exempt", "true"), ("reason", "A test.")]).await;
    let shown = followed(&browser, &saved).await.body;
    assert!(shown.contains("is exempt") && shown.contains("value=\"A test.\"") && shown.contains("checked"));
    let tab = format!("/integrations/connectors/{}/user-authentications", s.connector);
    assert!(browser.get(&tab).await.body.contains(&page));
    let email = text(&member.get("/api/v1/me").await.ok()["user"]["email"]);
    let own = t.browser(&email).await;
    assert!(own.get("/account/connections").await.body.contains("You are exempt"));
    assert_eq!(own.get(&page).await.status, 403);
    // it ends with the person's access
    let receipt = s.owner.post(&format!("/api/v1/users/{id}/suspend"), json!({})).await.ok();
    let ended = receipt["ended"].as_array().unwrap();
    assert!(ended.iter().any(|e| e["kind"] == "user-authentication-exemption"), "{receipt}");
    s.owner.post_to(&format!("/api/v1/users/{id}/reactivate")).await.ok();
    assert_eq!(s.owner.get(&path).await.ok()["exempt"], false);
}

on_both![
    r170_two_people_run_one_flow_and_the_echo_sees_two_identities,
    r180_an_exempt_person_is_the_connectors_user_in_all_four_modes,
    r180_what_waits_for_an_exempted_person_goes_on_unless_the_step_demands_the_person,
    r180_exemptions_are_for_administrators_and_end_with_the_person,
];
