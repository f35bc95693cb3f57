//! Triggers: webhooks and schedules that start a flow in an explicit name.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{FLOWS, deployed, mirror, row, text};
use crate::support::{Client, TestApp, on_both};

async fn executions(by: &Client, flow: &str) -> Value {
    by.get(&format!("{FLOWS}/executions?flowId={flow}")).await.ok()
}

async fn a_webhook_starts_a_flow_in_its_name(t: TestApp) {
    let owner = t.owner().await;
    let flow = deployed(&owner, "Hooked", mirror()).await;
    let path = format!("{FLOWS}/{flow}/triggers");
    // in whose name must be said
    let error = owner.post(&path, json!({"kind": "webhook", "name": "Orders"})).await;
    assert_eq!(error.refused(400, "validation_error")["field"], "runAs");
    let new =
        json!({"kind": "webhook", "name": "Orders", "runAs": "service", "input": {"from": "hook", "a": 1}});
    let made = owner.post(&path, new).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    let (token, trigger) = (text(&made["token"]), &made["trigger"]);
    assert_eq!((&trigger["runAs"], &trigger["personId"]), (&json!("service"), &Value::Null));
    let (id, fire) = (text(&trigger["id"]), text(&trigger["path"]));
    let client = t.client();
    let call = async |token: &str, body: Value| {
        let request = client.request("POST", &fire).header("x-trigger-token", token);
        client.send(request.header("content-type", "application/json").body(body.to_string())).await
    };
    let begun = call(&token, json!({"a": 2})).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    t.work().await;
    let found = &executions(&owner, &flow).await["data"][0];
    assert_eq!((&found["startedVia"], &found["personId"]), (&json!("webhook"), &Value::Null), "{found}");
    assert_eq!(found["startedBy"], json!(format!("trigger:{id}")));
    let whole = owner.get(&format!("{FLOWS}/executions/{}", text(&found["id"]))).await.ok();
    assert_eq!(whole["output"], json!({"from": "hook", "a": 2}), "what it brings goes over what is set");
    call("another", json!({})).await.refused(401, "authentication_error");
    let none = client.post("/api/v1/flow-triggers/ftr_none/fire", json!({})).await;
    none.refused(401, "authentication_error");
    // the token is told once
    let shown = owner.get(&format!("{path}/{id}")).await;
    assert!(!shown.body.contains(&token) && shown.ok()["lastExecutionId"].is_string(), "{}", shown.body);
    assert_eq!(owner.get(&path).await.ok()["pagination"]["totalItems"], 1);
    let off = owner.put(&format!("{path}/{id}"), json!({"enabled": false})).await.ok();
    assert_eq!(off["enabled"], false);
    call(&token, json!({})).await.refused(409, "conflict");
    owner
        .put(&format!("{path}/{id}"), json!({"schedule": {"everyMinutes": 5}}))
        .await
        .refused(400, "validation_error");
    assert_eq!(owner.delete(&format!("{path}/{id}")).await.ok(), json!({"deleted": true}));
    call(&token, json!({})).await.refused(401, "authentication_error");
    // members do not make triggers
    let member = t.member_of(Role::Member).await;
    member.get(&path).await.refused(403, "authorization_error");
    let events = owner.get("/api/v1/audit-events?event=flow-trigger.created").await.ok();
    assert_eq!(events["data"][0]["details"]["name"], "Orders");
}

async fn a_schedule_starts_a_flow_at_its_times(t: TestApp) {
    let owner = t.owner().await;
    let flow = deployed(&owner, "Scheduled", mirror()).await;
    let path = format!("{FLOWS}/{flow}/triggers");
    let me = text(&owner.get("/api/v1/me").await.ok()["user"]["id"]);
    let new = json!({"kind": "schedule", "name": "Often", "runAs": "person", "personId": me,
        "schedule": {"everyMinutes": 10}, "input": {"a": 1}});
    let made = owner.post(&path, new).await.ok();
    assert!(made["token"].is_null() && made["trigger"]["nextAt"].is_string(), "{made}");
    for (wrong, field) in [
        (json!({}), "schedule.everyMinutes"),
        (json!({"everyMinutes": 0}), "schedule.everyMinutes"),
        (json!({"timeOfDay": "24:00"}), "schedule.timeOfDay"),
    ] {
        let new = json!({"kind": "schedule", "name": "Wrong", "runAs": "service", "schedule": wrong});
        assert_eq!(owner.post(&path, new).await.refused(400, "validation_error")["field"], field);
    }
    t.work().await;
    assert_eq!(executions(&owner, &flow).await["pagination"]["totalItems"], 0, "not before its time");
    t.clock.advance(601);
    t.work().await;
    t.work().await;
    let owner = t.owner().await;
    let found = executions(&owner, &flow).await;
    assert_eq!(found["pagination"]["totalItems"], 1, "once");
    let found = &found["data"][0];
    assert_eq!(
        (&found["startedVia"], &found["personId"], &found["status"]),
        (&json!("schedule"), &json!(me), &json!("Success"))
    );
    // what is missed is not made up for
    t.clock.advance(3600);
    t.work().await;
    let owner = t.owner().await;
    assert_eq!(executions(&owner, &flow).await["pagination"]["totalItems"], 2);
    // a flow that is not in service says so
    owner.post_to(&format!("{FLOWS}/{flow}/undeploy")).await.ok();
    t.clock.advance(601);
    t.work().await;
    let owner = t.owner().await;
    let shown = owner.get(&path).await.ok();
    assert!(text(&shown["data"][0]["lastError"]).contains("not in service"), "{shown}");
}

async fn a_leavers_schedules_stop_and_are_handed_over(t: TestApp) {
    let owner = t.owner().await;
    let flow = deployed(&owner, "Left", mirror()).await;
    let path = format!("{FLOWS}/{flow}/triggers");
    let member = t.member_of(Role::Member).await;
    let leaver = text(&member.get("/api/v1/me").await.ok()["user"]["id"]);
    let new = json!({"kind": "schedule", "name": "Nightly", "runAs": "person", "personId": leaver, "schedule": {"everyMinutes": 10}});
    let id = text(&owner.post(&path, new).await.ok()["trigger"]["id"]);
    let user = format!("/api/v1/users/{leaver}");
    let browser = t.browser("owner@main.test").await;
    for page in ["suspend", "remove"] {
        let asked = browser.get(&format!("/settings/people/{leaver}/{page}")).await;
        assert!(
            asked.body.contains("1 trigger in the person&#39;s name, switched off: Nightly"),
            "{page}: {}",
            asked.body
        );
    }
    let receipt = owner.post(&format!("{user}/suspend"), json!({})).await.ok();
    let stays = receipt["stays"].as_array().unwrap();
    assert!(
        stays.iter().any(|s| s["kind"] == "flow-trigger" && s["items"][0]["name"] == "Nightly"),
        "{receipt}"
    );
    let ended = receipt["ended"].as_array().unwrap();
    assert!(
        ended.iter().any(|e| e["kind"] == "stopped-flow-trigger" && e["items"][0]["name"] == "Nightly"),
        "{receipt}"
    );
    let stopped = owner.get("/api/v1/audit-events?event=flow-trigger.stopped").await.ok();
    assert_eq!(stopped["pagination"]["totalItems"], 1, "{stopped}");
    let entry = &stopped["data"][0];
    assert_eq!((&entry["targetId"], &entry["details"]["name"]), (&json!(id), &json!("Nightly")), "{entry}");
    let shown = owner.get(&format!("{path}/{id}")).await.ok();
    assert_eq!(shown["enabled"], false);
    assert!(text(&shown["stoppedReason"]).contains("Hand it over"), "{shown}");
    t.clock.advance(601);
    t.work().await;
    let owner = t.owner().await;
    assert_eq!(executions(&owner, &flow).await["pagination"]["totalItems"], 0);
    // nobody switches it on in the name of somebody who has left
    owner.put(&format!("{path}/{id}"), json!({"enabled": true})).await.refused(400, "validation_error");
    let me = text(&owner.get("/api/v1/me").await.ok()["user"]["id"]);
    let handed = owner.post(&format!("{user}/offboarding/hand-over"), json!({"to": me})).await;
    assert!((200..300).contains(&handed.status), "{}", handed.body);
    let shown = owner.get(&format!("{path}/{id}")).await.ok();
    assert_eq!((&shown["personId"], &shown["enabled"]), (&json!(me), &json!(false)));
    let on = owner.put(&format!("{path}/{id}"), json!({"enabled": true})).await.ok();
    assert_eq!((&on["enabled"], &on["stoppedReason"]), (&json!(true), &Value::Null));
    t.clock.advance(601);
    t.work().await;
    let owner = t.owner().await;
    assert_eq!(executions(&owner, &flow).await["data"][0]["personId"], json!(me));
}

/// Whoever deletes a connector or profile reads which flows and triggers fail without it, also those that never ran.
async fn the_end_of_a_connector_or_profile_names_the_flows_that_use_it(t: TestApp) {
    let owner = t.owner().await;
    let connector = crate::connectors::icertis(&owner).await;
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let ask =
        json!({"id": "ask", "kind": "connector", "connectorId": id(&connector), "action": "list-users"});
    let drafted = row(&[ask], json!("{{ steps.ask.output }}"));
    let made = owner.post(FLOWS, json!({"name": "Drafted", "definition": drafted})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let new = json!({"authorizationType": "oauth2_client_credentials", "identityProviderName": "Machine",
        "clientId": "c", "clientSecret": "s", "tokenRequestUrl": "https://op.example/token"});
    let profile = owner.post("/api/v1/auth-profiles", new).await;
    assert_eq!(profile.status, 201, "{}", profile.body);
    let profile = format!("/api/v1/auth-profiles/{}", text(&profile.json()["id"]));
    let call = json!({"id": "call", "kind": "api", "request": {"method": "GET", "url": "https://a.example/",
        "authProfileId": id(&profile)}});
    let flow = deployed(&owner, "Billing", row(&[call], json!("{{ steps.call.output }}"))).await;
    let every = json!({"everyMinutes": 10});
    let new = json!({"kind": "schedule", "name": "Nightly", "runAs": "service", "schedule": every});
    let trigger = owner.post(&format!("{FLOWS}/{flow}/triggers"), new).await;
    assert!((200..300).contains(&trigger.status), "{}", trigger.body);
    t.work().await;
    let browser = t.browser("owner@main.test").await;
    for (path, page, words) in [
        (
            &connector,
            connector.replace("/api/v1/connectors", "/integrations/connectors"),
            "Drafted, in its draft",
        ),
        (&profile, profile.replace("/api/v1/", "/integrations/"), "Billing, started by the trigger Nightly"),
    ] {
        let asked = browser.get(&format!("{page}/delete")).await.body;
        assert!(asked.contains(words), "{words}: {asked}");
        let tried = owner.delete(&format!("{path}?dryRun=true")).await.ok();
        let effects = tried["effects"].as_array().unwrap();
        let deleted = effects.iter().find(|e| text(&e["event"]).ends_with(".deleted")).unwrap();
        let name = words.split(',').next().unwrap();
        assert_eq!(deleted["details"]["flows"][0]["name"], name, "{tried}");
    }
}

on_both![
    the_end_of_a_connector_or_profile_names_the_flows_that_use_it,
    a_webhook_starts_a_flow_in_its_name,
    a_schedule_starts_a_flow_at_its_times,
    a_leavers_schedules_stop_and_are_handed_over,
];
