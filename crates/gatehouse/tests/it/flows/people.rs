//! User authentications in flows: as whom a step runs, and what happens when the person has not authenticated.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{FLOWS, deployed, row, started, text};
use crate::connectors::{ICI, authorized, claims, connected, icertis};
use crate::support::{Client, TestApp, on_both};

/// A connector with consent, authorized for the company, and a flow with one step of it.
struct Setting {
    owner: Client,
    connector: String,
    flow: String,
}

async fn setting(t: &TestApp, mode: Option<&str>) -> Setting {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    authorized(&owner, &path).await;
    let connector = path.rsplit('/').next().unwrap().to_owned();
    if let Some(mode) = mode {
        let set = json!({"enabled": true, "nonInteractiveMode": mode});
        owner.put(&format!("{path}/user-authentications"), set).await.ok();
    }
    let flow = deployed(&owner, "Users", steps(&connector, None)).await;
    t.outside().take();
    Setting { owner, connector, flow }
}

fn steps(connector: &str, wish: Option<Value>) -> Value {
    let mut node =
        json!({"id": "ask", "kind": "connector", "connectorId": connector, "action": "list-users"});
    if let Some(wish) = wish {
        node["userAuthentication"] = wish;
    }
    row(&[node], json!("{{ steps.ask.output }}"))
}

async fn get(by: &Client, id: &str) -> Value {
    by.get(&format!("{FLOWS}/executions/{id}")).await.ok()
}

/// The bearer tokens of the calls of ICI since the last look, with their idempotency keys.
fn seen(t: &TestApp) -> Vec<(String, String)> {
    let seen = t.outside().take_at(ICI);
    seen.iter()
        .map(|s| (s.header("authorization").to_owned(), s.header("idempotency-key").to_owned()))
        .collect()
}

async fn me(by: &Client) -> String {
    text(&by.get("/api/v1/me").await.ok()["user"]["id"])
}

async fn r170_r171_two_people_run_one_flow_and_two_identities_are_seen(t: TestApp) {
    let s = setting(&t, None).await;
    let member = t.member_of(Role::Member).await;
    let run = format!("{FLOWS}/{}/run", s.flow);
    // off: everybody is the connector's user
    let id = text(&member.post(&run, json!({})).await.ok()["id"]);
    t.work().await;
    let done = get(&member, &id).await;
    assert_eq!(done["status"], "Success", "{done}");
    assert_eq!(
        (&done["steps"][1]["effectiveIdentity"], &done["steps"][1]["actingUser"]),
        (&json!("connector"), &json!(me(&member).await))
    );
    let service = seen(&t)[0].0.clone();
    // on: each as themselves
    let set = json!({"enabled": true, "nonInteractiveMode": "pause"});
    s.owner.put(&format!("/api/v1/connectors/{}/user-authentications", s.connector), set).await.ok();
    connected(&member, &s.connector).await;
    connected(&s.owner, &s.connector).await;
    t.outside().take();
    let mut identities = vec![service];
    for person in [&member, &s.owner] {
        let id = text(&person.post(&run, json!({})).await.ok()["id"]);
        t.work().await;
        let done = get(person, &id).await;
        let (step, me) = (&done["steps"][1], me(person).await);
        assert_eq!(
            (&done["status"], &step["effectiveIdentity"]),
            (&json!("Success"), &json!("user")),
            "{done}"
        );
        assert_eq!((&step["actingUser"], &step["effectiveUserId"]), (&json!(me), &json!(me)));
        let call = seen(&t);
        assert!(call.len() == 1 && call[0].1.len() == 32, "{call:?}");
        identities.push(call[0].0.clone());
    }
    identities.sort();
    identities.dedup();
    assert_eq!(identities.len(), 3, "the connector's user and two people");
    // R181: the ledger knows who acted, as whom, and for which flow
    let ledger = s.owner.get("/api/v1/outbound-calls").await.ok();
    let call = &ledger["data"][0];
    assert_eq!(
        (&call["effectiveIdentity"], &call["cause"]),
        (&json!("person"), &json!(format!("flow:{}", s.flow))),
        "{call}"
    );
}

async fn r172_the_first_run_asks_and_goes_on_once_the_person_authenticated(t: TestApp) {
    let s = setting(&t, Some("end_with_error")).await;
    let member = t.member_of(Role::Member).await;
    let id = text(&member.post(&format!("{FLOWS}/{}/run", s.flow), json!({})).await.ok()["id"]);
    t.work().await;
    let waits = get(&member, &id).await;
    assert_eq!(
        waits["status"], "Authentication needed",
        "an interactive run asks, whatever the mode: {waits}"
    );
    let asked = &waits["waitingFor"][0];
    assert_eq!((&asked["connectorId"], &asked["userId"]), (&json!(s.connector), &json!(me(&member).await)));
    assert_eq!(asked["page"], "/account/connections");
    assert!(seen(&t).is_empty(), "nothing was sent");
    // somebody else's authentication does not help
    connected(&s.owner, &s.connector).await;
    t.work().await;
    assert_eq!(get(&member, &id).await["status"], "Authentication needed");
    connected(&member, &s.connector).await;
    t.work().await;
    let done = get(&member, &id).await;
    assert_eq!(
        (&done["status"], &done["steps"][1]["effectiveIdentity"]),
        (&json!("Success"), &json!("user")),
        "{done}"
    );
    // R182: what was taken back is asked for again
    member.delete(&format!("/api/v1/me/connections/{}", s.connector)).await.ok();
    let id = text(&member.post(&format!("{FLOWS}/{}/run", s.flow), json!({})).await.ok()["id"]);
    t.work().await;
    assert_eq!(get(&member, &id).await["status"], "Authentication needed");
}

async fn r174_fallback_to_connector_user(t: TestApp) {
    let s = setting(&t, Some("fallback")).await;
    let id = started(&s.owner, &s.flow, json!({})).await;
    t.work().await;
    let done = get(&s.owner, &id).await;
    assert_eq!((&done["status"], &done["warnings"]), (&json!("Success"), &json!([])), "{done}");
    assert_eq!(done["steps"][1]["effectiveIdentity"], "connector");
    assert_eq!(seen(&t).len(), 1);
}

async fn r175_fallback_to_connector_user_with_a_warning(t: TestApp) {
    let s = setting(&t, Some("fallback_with_warning")).await;
    let id = started(&s.owner, &s.flow, json!({})).await;
    t.work().await;
    let done = get(&s.owner, &id).await;
    assert_eq!(
        (&done["status"], &done["steps"][1]["effectiveIdentity"]),
        (&json!("Success"), &json!("connector"))
    );
    assert_eq!(done["warnings"][0]["step"], "ask");
    assert!(text(&done["warnings"][0]["message"]).contains("connector user"), "{done}");
    let listed = s.owner.get(&format!("{FLOWS}/executions")).await.ok();
    assert_eq!(listed["data"][0]["warnings"].as_array().unwrap().len(), 1);
}

async fn r176_pause_and_wait_for_the_user(t: TestApp) {
    let s = setting(&t, Some("pause")).await;
    t.person("ada@main.test", Role::Member).await;
    let member = t.sign_in("ada@main.test").await;
    let first = started(&member, &s.flow, json!({})).await;
    let second = started(&member, &s.flow, json!({})).await;
    t.work().await;
    for id in [&first, &second] {
        assert_eq!(get(&member, id).await["status"], "Authentication needed");
    }
    // one mail for everything that waits
    let mails = t.mails_to("ada@main.test").await;
    let told: Vec<_> = mails.iter().filter(|(subject, _)| subject.contains("waits for you")).collect();
    assert!(told.len() == 1 && told[0].1.contains("/account/connections"), "{mails:?}");
    let mine = member.get("/api/v1/me/waiting").await.ok();
    assert_eq!(
        (&mine["data"][0]["executions"], &mine["data"][0]["connectorId"]),
        (&json!(2), &json!(s.connector))
    );
    let queue = s.owner.get(&format!("{FLOWS}/waiting")).await.ok();
    assert_eq!(queue["data"][0]["personId"], json!(me(&member).await));
    assert!(queue["data"][0]["since"].is_string() && queue["data"][0]["personName"].is_string(), "{queue}");
    member.get(&format!("{FLOWS}/waiting")).await.refused(403, "authorization_error");
    // waiting costs nothing: nobody drives it
    assert_eq!(t.app.driver().work().await.unwrap(), 0);
    // and goes on by itself from the same step, all of it with one authentication
    connected(&member, &s.connector).await;
    t.work().await;
    for id in [&first, &second] {
        let done = get(&member, id).await;
        assert_eq!(
            (&done["status"], &done["steps"][1]["effectiveIdentity"]),
            (&json!("Success"), &json!("user")),
            "{done}"
        );
    }
    assert_eq!(member.get("/api/v1/me/waiting").await.ok()["data"], json!([]));
    assert_eq!(seen(&t).len(), 2);
}

async fn r177_end_flow_with_error(t: TestApp) {
    let s = setting(&t, Some("end_with_error")).await;
    let id = started(&s.owner, &s.flow, json!({})).await;
    t.work().await;
    let done = get(&s.owner, &id).await;
    assert_eq!(done["status"], "Error");
    assert!(text(&done["message"]).contains("has not authenticated"), "{done}");
    assert!(seen(&t).is_empty());
}

async fn a_flow_is_stricter_than_its_connector_and_never_laxer(t: TestApp) {
    // the connector is off, the step demands the person
    let s = setting(&t, None).await;
    let wish = json!({"required": true, "nonInteractiveMode": "end_with_error"});
    let flow = deployed(&s.owner, "Stricter", steps(&s.connector, Some(wish))).await;
    let id = started(&s.owner, &flow, json!({})).await;
    t.work().await;
    assert_eq!(get(&s.owner, &id).await["status"], "Error");
    // the connector ends with an error, the step would fall back
    let set = json!({"enabled": true, "nonInteractiveMode": "end_with_error"});
    s.owner.put(&format!("/api/v1/connectors/{}/user-authentications", s.connector), set).await.ok();
    let laxer = json!({"required": false, "nonInteractiveMode": "fallback"});
    let flow = deployed(&s.owner, "Laxer", steps(&s.connector, Some(laxer))).await;
    let id = started(&s.owner, &flow, json!({})).await;
    t.work().await;
    assert_eq!(get(&s.owner, &id).await["status"], "Error");
    assert!(seen(&t).is_empty());
}

async fn an_administrator_lets_it_go_on_with_a_recorded_reason(t: TestApp) {
    let s = setting(&t, Some("pause")).await;
    let member = t.member_of(Role::Member).await;
    let id = started(&member, &s.flow, json!({})).await;
    t.work().await;
    let decide = format!("{FLOWS}/waiting/fallback");
    let whom = me(&member).await;
    let body = json!({"personId": whom, "connectorId": s.connector, "reason": "The person is on holiday."});
    member.post(&decide, body.clone()).await.refused(403, "authorization_error");
    let without = json!({"personId": whom, "connectorId": s.connector, "reason": " "});
    assert_eq!(s.owner.post(&decide, without).await.refused(400, "validation_error")["field"], "reason");
    assert_eq!(s.owner.post(&decide, body.clone()).await.ok(), json!({"executions": 1}));
    t.work().await;
    let done = get(&member, &id).await;
    assert_eq!(
        (&done["status"], &done["steps"][1]["effectiveIdentity"]),
        (&json!("Success"), &json!("connector")),
        "{done}"
    );
    assert!(text(&done["warnings"][0]["message"]).contains("on holiday"), "{done}");
    let events = s.owner.get("/api/v1/audit-events?event=flow-execution.fallback-decided").await.ok();
    assert_eq!(events["data"][0]["details"]["reason"], "The person is on holiday.");
    s.owner.post(&decide, body).await.refused(404, "not_found");
}

async fn a_leavers_executions_stand_still(t: TestApp) {
    let s = setting(&t, Some("pause")).await;
    let member = t.member_of(Role::Member).await;
    let id = started(&member, &s.flow, json!({})).await;
    t.work().await;
    let user = format!("/api/v1/users/{}", me(&member).await);
    let receipt = s.owner.post(&format!("{user}/suspend"), json!({})).await.ok();
    let ended = receipt["ended"].as_array().unwrap();
    assert!(ended.iter().any(|e| e["kind"] == "flow-execution" && e["count"] == 1), "{receipt}");
    let stands = get(&s.owner, &id).await;
    assert_eq!(
        (&stands["status"], &stands["message"]),
        (&json!("Waiting"), &json!("Paused: identity ended"))
    );
    assert_eq!(s.owner.get(&format!("{FLOWS}/waiting")).await.ok()["data"], json!([]));
    let resume = format!("{FLOWS}/executions/{id}/resume");
    s.owner.post_to(&resume).await.refused(409, "conflict");
    t.work().await;
    assert_eq!(get(&s.owner, &id).await["message"], "Paused: identity ended");
    // once the person is back it goes on from where it was
    s.owner.post_to(&format!("{user}/reactivate")).await.ok();
    s.owner.post_to(&resume).await.ok();
    t.work().await;
    assert_eq!(get(&s.owner, &id).await["status"], "Authentication needed");
    // a run that begins anew in the name of a leaver is refused
    s.owner.post(&format!("{user}/suspend"), json!({})).await.ok();
    let behalf =
        format!("{FLOWS}/executions/start?flowId={}&onBehalfOf={}", s.flow, user.rsplit('/').next().unwrap());
    s.owner.post(&behalf, json!({})).await.refused(403, "authorization_error");
    s.owner.post_to(&format!("{FLOWS}/executions/{id}/cancel")).await.ok();
    assert_eq!(get(&s.owner, &id).await["status"], "Canceled");
}

on_both![start_with_outside:
    r170_r171_two_people_run_one_flow_and_two_identities_are_seen,
    r172_the_first_run_asks_and_goes_on_once_the_person_authenticated,
    r174_fallback_to_connector_user,
    r175_fallback_to_connector_user_with_a_warning,
    r176_pause_and_wait_for_the_user,
    r177_end_flow_with_error,
    a_flow_is_stricter_than_its_connector_and_never_laxer,
    an_administrator_lets_it_go_on_with_a_recorded_reason,
    a_leavers_executions_stand_still,
];
