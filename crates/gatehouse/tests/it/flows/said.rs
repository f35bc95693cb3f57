//! What is said at once: a parameter in the wrong place, a form that was filled in, how a trigger's last execution went.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{FLOWS, deployed, made, mirror, row, started, text};
use crate::connectors::{authorized, claims, icertis};
use crate::support::{Client, TestApp, on_both};

async fn get(by: &Client, id: &str) -> Value {
    by.get(&format!("{FLOWS}/executions/{id}")).await.ok()
}

async fn in_whose_name_it_runs_is_no_input(t: TestApp) {
    let owner = t.owner().await;
    let flow = deployed(&owner, "Any input", mirror()).await;
    let start = format!("{FLOWS}/executions/start?flowId={flow}");
    let body = json!({"a": 1, "onBehalfOf": "member@main.test"});
    let error = owner.post(&start, body.clone()).await.refused(400, "validation_error");
    assert!(error["field"] == "onBehalfOf" && text(&error["message"]).contains("&onBehalfOf="), "{error}");
    assert_eq!(owner.get(&format!("{FLOWS}/executions?flowId={flow}")).await.ok()["data"], json!([]));
    // where a start declares an input of this name it is one
    let mut definition = mirror();
    definition["nodes"][0]["inputs"] =
        json!([{"name": "a", "type": "integer"}, {"name": "onBehalfOf", "type": "string"}]);
    let flow = deployed(&owner, "Declared", definition).await;
    let id = started(&owner, &flow, body.clone()).await;
    t.work().await;
    assert_eq!(get(&owner, &id).await["output"], body);
}

async fn a_form_is_filled_in_once(t: TestApp) {
    let owner = t.owner().await;
    let form = |id: &str| json!({"id": id, "kind": "input", "fields": [{"name": "n", "type": "integer"}]});
    let definition = json!({
        "nodes": [{"id": "start", "kind": "start"}, form("first"), form("second"),
            {"id": "end", "kind": "end", "output": ["{{ steps.first.output.n }}", "{{ steps.second.output.n }}"]}],
        "edges": [{"from": "start", "to": "first"}, {"from": "start", "to": "second"},
            {"from": "first", "to": "end"}, {"from": "second", "to": "end"}],
    });
    let flow = deployed(&owner, "Two forms", definition).await;
    let id = text(&owner.post(&format!("{FLOWS}/{flow}/run"), json!({})).await.ok()["id"]);
    t.work().await;
    let path = format!("{FLOWS}/executions/{id}/input");
    let answer = |step: &str, n: i64| json!({"step": step, "values": {"n": n}});
    owner.post(&path, answer("first", 1)).await.ok();
    owner.post(&path, answer("first", 2)).await.refused(409, "conflict");
    // what is left is asked, and nothing else
    let now = get(&owner, &id).await;
    let steps: Vec<_> = now["waitingFor"].as_array().unwrap().iter().map(|w| text(&w["step"])).collect();
    assert_eq!((&now["status"], steps), (&json!("User input"), vec!["second".to_owned()]), "{now}");
    owner.post(&path, answer("second", 3)).await.ok();
    let now = get(&owner, &id).await;
    assert_eq!((&now["status"], &now["waitingFor"]), (&json!("Running"), &json!([])), "{now}");
    owner.post(&path, answer("second", 4)).await.refused(409, "conflict");
    t.work().await;
    assert_eq!(get(&owner, &id).await["output"], json!([1, 3]));
}

async fn what_was_let_go_on_waits_for_nobody(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    authorized(&owner, &path).await;
    let connector = path.rsplit('/').next().unwrap();
    let set = json!({"enabled": true, "nonInteractiveMode": "pause"});
    owner.put(&format!("{path}/user-authentications"), set).await.ok();
    let ask = json!({"id": "ask", "kind": "connector", "connectorId": connector, "action": "list-users"});
    let flow = deployed(&owner, "Waits", row(&[ask], json!("done"))).await;
    let id = started(&owner, &flow, json!({})).await;
    t.work().await;
    let me = text(&owner.get("/api/v1/me").await.ok()["user"]["id"]);
    let decide = json!({"personId": me, "connectorId": connector, "reason": "It is urgent."});
    owner.post(&format!("{FLOWS}/waiting/fallback"), decide).await.ok();
    for queue in ["/api/v1/flows/waiting", "/api/v1/me/waiting"] {
        assert_eq!(owner.get(queue).await.ok()["data"], json!([]), "{queue}");
    }
    let now = get(&owner, &id).await;
    assert_eq!((&now["status"], &now["waitingFor"]), (&json!("Running"), &json!([])), "{now}");
    t.work().await;
    assert_eq!(get(&owner, &id).await["status"], "Success");
}

async fn a_trigger_tells_why_its_last_start_failed_and_how_its_last_execution_went(t: TestApp) {
    let owner = t.owner().await;
    let mut definition = json!({
        "nodes": [{"id": "start", "kind": "start"},
            {"id": "bad", "kind": "end", "outcome": "error", "message": "The order is unknown."}],
        "edges": [{"from": "start", "to": "bad"}],
    });
    definition["nodes"][0]["inputs"] = json!([{"name": "order", "type": "integer", "required": true}]);
    let flow = deployed(&owner, "Fails", definition).await;
    let path = format!("{FLOWS}/{flow}/triggers");
    let new = json!({"kind": "webhook", "name": "Hook", "runAs": "service"});
    let hook = owner.post(&path, new).await.ok();
    let at = format!("{path}/{}", text(&hook["trigger"]["id"]));
    let client = t.client();
    let call = async |body: &str| {
        let request = client.request("POST", &text(&hook["trigger"]["path"]));
        let request = request.header("x-trigger-token", text(&hook["token"]));
        client.send(request.header("content-type", "application/json").body(body.to_owned())).await
    };
    call("{}").await.refused(400, "validation_error");
    let shown = owner.get(&at).await.ok();
    assert!(text(&shown["lastError"]).contains("order"), "{shown}");
    let begun = call(r#"{"order": 1}"#).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    t.work().await;
    let shown = owner.get(&at).await.ok();
    assert_eq!(
        (&shown["lastError"], &shown["lastStatus"], &shown["lastMessage"]),
        (&Value::Null, &json!("Error"), &json!("The order is unknown.")),
        "{shown}"
    );
    // a schedule whose executions fail does not look well either
    let new = json!({"kind": "schedule", "name": "Often", "runAs": "service", "schedule": {"everyMinutes": 10},
        "input": {"order": 1}});
    owner.post(&path, new).await.ok();
    t.clock.advance(601);
    t.work().await;
    t.work().await;
    let owner = t.owner().await;
    let listed = owner.get(&path).await.ok();
    for trigger in listed["data"].as_array().unwrap() {
        assert_eq!(trigger["lastStatus"], "Error", "{listed}");
    }
    let page = t.browser("owner@main.test").await.get(&format!("/flows/{flow}/triggers")).await;
    assert!(page.body.contains("The order is unknown."), "{}", page.body);
}

async fn a_trigger_that_was_handed_over_says_so(t: TestApp) {
    let owner = t.owner().await;
    let flow = made(&owner, "Handed over", mirror()).await;
    let path = format!("{FLOWS}/{flow}/triggers");
    let member = t.member_of(Role::Member).await;
    let leaver = text(&member.get("/api/v1/me").await.ok()["user"]["id"]);
    let me = text(&owner.get("/api/v1/me").await.ok()["user"]["id"]);
    let new = |name: &str| json!({"kind": "webhook", "name": name, "runAs": "person", "personId": leaver});
    let by_hand = text(&owner.post(&path, new("By hand")).await.ok()["trigger"]["id"]);
    let with_all = text(&owner.post(&path, new("With all")).await.ok()["trigger"]["id"]);
    let user = format!("/api/v1/users/{leaver}");
    owner.post(&format!("{user}/suspend"), json!({})).await.ok();
    let change = json!({"runAs": "person", "personId": me, "enabled": false});
    owner.put(&format!("{path}/{by_hand}"), change).await.ok();
    owner.post(&format!("{user}/offboarding/hand-over"), json!({"to": me})).await;
    for id in [by_hand, with_all] {
        let shown = owner.get(&format!("{path}/{id}")).await.ok();
        let why = text(&shown["stoppedReason"]);
        assert!(why.contains("handed over") && !why.contains("no access"), "{shown}");
        assert_eq!(shown["personId"], json!(me), "{shown}");
    }
}

mod here {
    use super::*;
    on_both![
        in_whose_name_it_runs_is_no_input,
        a_form_is_filled_in_once,
        a_trigger_tells_why_its_last_start_failed_and_how_its_last_execution_went,
        a_trigger_that_was_handed_over_says_so,
    ];
}

mod outside {
    use super::*;
    on_both![start_with_outside:
        what_was_let_go_on_waits_for_nobody,
    ];
}
