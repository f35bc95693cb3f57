//! Nothing is lost, stuck or driven for ever; who may have things go on, and as whom.

use gatehouse_store::{Queries, sql};
use gatehouse_types::Role;
use serde_json::{Value, json};

use super::echo::Echo;
use super::{FLOWS, deployed, ended, mirror, row, started, text};
use crate::support::{TestApp, on_both};

/// One text of an execution's row.
async fn column(t: &TestApp, select: &'static str, id: &str) -> Option<String> {
    let found = t.app.store().reader().fetch_one(sql(select).bind(id)).await.unwrap();
    found.opt_text("x").unwrap()
}

async fn set_state(t: &TestApp, id: &str, state: &str) {
    let mut tx = t.app.store().begin_always().await.unwrap();
    tx.execute(sql("UPDATE executions SET state = $2 WHERE id = $1").bind(id).bind(state)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn what_cannot_be_driven_is_given_back_and_tried_again(t: TestApp) {
    let owner = t.owner().await;
    let flow = deployed(&owner, "Broken", mirror()).await;
    let id = started(&owner, &flow, json!({"a": 1})).await;
    let state = column(&t, "SELECT state AS x FROM executions WHERE id = $1", &id).await.unwrap();
    set_state(&t, &id, "this does not open").await;
    t.app.driver().work().await.unwrap();
    let lease = "SELECT lease_by AS x FROM executions WHERE id = $1";
    assert_eq!(column(&t, lease, &id).await, None, "nobody holds it");
    assert_eq!(t.app.driver().work().await.unwrap(), 0, "it is not tried again and again");
    set_state(&t, &id, &state).await;
    t.clock.advance(61);
    assert_eq!(ended(&t, &t.owner().await, &id).await["status"], "Success");
}

async fn what_is_over_is_never_due_again(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let call = json!({"id": "call", "kind": "api", "request": {"method": "GET", "url": echo.at("/x")}});
    let flow = deployed(&owner, "Late", row(&[call], json!("done"))).await;
    let id = started(&owner, &flow, json!({})).await;
    echo.hang(true);
    let driver = t.app.driver();
    let driven = tokio::spawn(async move { driver.work().await });
    echo.until_heard().await;
    let resume = format!("{FLOWS}/executions/{id}/resume");
    echo.hang(false);
    // somebody has it looked at in its last moment
    while owner.post_to(&resume).await.status != 409 {
        tokio::task::yield_now().await;
    }
    driven.await.unwrap().unwrap();
    let due = "SELECT CAST(due_at AS TEXT) AS x FROM executions WHERE id = $1";
    assert_eq!(column(&t, due, &id).await, None);
    assert_eq!(t.app.driver().work().await.unwrap(), 0);
}

async fn a_change_by_somebody_else_stops_triggers_in_peoples_names(t: TestApp) {
    let owner = t.owner().await;
    let flow = deployed(&owner, "Daily", mirror()).await;
    let path = format!("{FLOWS}/{flow}/triggers");
    let me = text(&owner.get("/api/v1/me").await.ok()["user"]["id"]);
    let new = |name: &str, run_as: &str, person: Option<&str>| {
        json!({"kind": "schedule", "name": name, "runAs": run_as, "personId": person,
            "schedule": {"everyMinutes": 10}})
    };
    let own = text(&owner.post(&path, new("Mine", "person", Some(&me))).await.ok()["trigger"]["id"]);
    let company = text(&owner.post(&path, new("Ours", "service", None)).await.ok()["trigger"]["id"]);
    let member = t.member_of(Role::Member).await;
    let deploy = format!("{FLOWS}/{flow}/deploy");
    // the same as before is no change
    member.post_to(&deploy).await.ok();
    assert_eq!(owner.get(&format!("{path}/{own}")).await.ok()["enabled"], true);
    let changed = row(&[], json!("something else"));
    member.put(&format!("{FLOWS}/{flow}"), json!({"definition": changed})).await.ok();
    member.post_to(&deploy).await.ok();
    let stopped = owner.get(&format!("{path}/{own}")).await.ok();
    assert_eq!(stopped["enabled"], false);
    assert!(text(&stopped["stoppedReason"]).contains("Somebody else"), "{stopped}");
    assert_eq!(owner.get(&format!("{path}/{company}")).await.ok()["enabled"], true);
    let told = owner.get("/api/v1/audit-events?event=flow.deployed").await.ok();
    assert_eq!(told["data"][0]["details"]["triggersStopped"], 1, "{told}");
    // who has looked at it switches it on, and an administrator's own change stops nothing
    owner.put(&format!("{path}/{own}"), json!({"enabled": true})).await.ok();
    owner.put(&format!("{FLOWS}/{flow}"), json!({"definition": mirror()})).await.ok();
    owner.post_to(&deploy).await.ok();
    assert_eq!(owner.get(&format!("{path}/{own}")).await.ok()["enabled"], true);
}

async fn who_may_not_act_for_others_any_more_has_nothing_of_theirs(t: TestApp) {
    let owner = t.owner().await;
    let ask = json!({"id": "ask", "kind": "delay", "seconds": 3600});
    let flow = deployed(&owner, "For others", row(&[ask], json!("done"))).await;
    let member = t.member_of(Role::Member).await;
    let whom = text(&member.get("/api/v1/me").await.ok()["user"]["id"]);
    t.person("second@main.test", Role::Admin).await;
    let second = t.sign_in("second@main.test").await;
    let start = format!("{FLOWS}/executions/start?flowId={flow}&onBehalfOf={whom}");
    let id = text(&second.post(&start, json!({})).await.ok()["id"]);
    let execution = format!("{FLOWS}/executions/{id}");
    second.get(&execution).await.ok();
    let user = text(&second.get("/api/v1/me").await.ok()["user"]["id"]);
    owner.put(&format!("/api/v1/users/{user}"), json!({"role": "member"})).await.ok();
    let second = t.sign_in("second@main.test").await;
    for answer in [second.get(&execution).await, second.post_to(&format!("{execution}/resume")).await] {
        answer.refused(404, "not_found");
    }
    member.get(&execution).await.ok();
}

async fn the_default_of_a_secret_field_is_told_to_nobody(t: TestApp) {
    let owner = t.owner().await;
    let fields = json!([{"name": "pin", "type": "string", "secret": true, "required": true,
        "default": "canary-default"}]);
    let ask = json!({"id": "ask", "kind": "input", "fields": fields});
    let flow = deployed(&owner, "Form", row(&[ask], json!("{{ steps.ask.output.pin | length }}"))).await;
    let id = text(&owner.post(&format!("{FLOWS}/{flow}/run"), json!({})).await.ok()["id"]);
    t.work().await;
    let shown = owner.get(&format!("{FLOWS}/executions/{id}")).await;
    assert!(!shown.body.contains("canary-default"), "{}", shown.body);
    let shown = shown.ok();
    let field = &shown["waitingFor"][0]["fields"][0];
    assert_eq!((&field["default"], &field["required"]), (&Value::Null, &json!(false)), "{shown}");
    let waiting = column(&t, "SELECT waiting AS x FROM executions WHERE id = $1", &id).await.unwrap();
    assert!(!waiting.contains("canary-default"), "{waiting}");
    // it is taken when nothing is filled in
    owner.post(&format!("{FLOWS}/executions/{id}/input"), json!({"values": {}})).await.ok();
    assert_eq!(ended(&t, &owner, &id).await["output"], json!(14));
}

on_both![
    what_cannot_be_driven_is_given_back_and_tried_again,
    what_is_over_is_never_due_again,
    a_change_by_somebody_else_stops_triggers_in_peoples_names,
    who_may_not_act_for_others_any_more_has_nothing_of_theirs,
    the_default_of_a_secret_field_is_told_to_nobody,
];
