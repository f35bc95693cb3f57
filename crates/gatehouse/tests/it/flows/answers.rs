//! What a step that failed leaves: its answer, for flows and people, and the trace of being tried once more.

use serde_json::{Value, json};

use super::echo::Echo;
use super::{FLOWS, deployed, ended, made, row, started, text};
use crate::connect::{self, Provider};
use crate::connectors::{ICI, authorized, claims, icertis};
use crate::support::{TestApp, on_both};

/// A flow that says what a failed step answered, and goes another way for 404 than for the rest.
fn branching(call: Value) -> Value {
    json!({
        "nodes": [
            {"id": "start", "kind": "start", "inputs": [{"name": "pin", "type": "string", "secret": true}]},
            call,
            {"id": "which", "kind": "condition", "cases": [
                {"name": "gone", "when": {"left": "{{ steps.call.output.status }}", "operator": "==", "right": 404}}]},
            {"id": "done", "kind": "end", "output": "fine"},
            {"id": "gone", "kind": "end", "output": {"way": "gone", "body": "{{ steps.call.output.body }}"}},
            {"id": "other", "kind": "end", "output": {"way": "other", "error": "{{ steps.call.error }}"}}],
        "edges": [
            {"from": "start", "to": "call"}, {"from": "call", "to": "done"},
            {"from": "call", "to": "which", "on": "error"},
            {"from": "which", "to": "gone", "case": "gone"}, {"from": "which", "to": "other", "case": "else"}],
    })
}

async fn a_failed_request_keeps_its_answer_and_the_flow_goes_by_it(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let call = json!({"id": "call", "kind": "api", "request": {"method": "POST", "url": echo.at("/orders"),
        "body": {"type": "json", "value": {"pin": "{{ input.pin }}"}}}});
    let flow = deployed(&owner, "Branches by status", branching(call)).await;
    for (status, way) in [(404, "gone"), (409, "other")] {
        echo.answers(&[status]);
        let done = ended(&t, &owner, &started(&owner, &flow, json!({"pin": "canary-4711"})).await).await;
        assert_eq!((&done["status"], &done["output"]["way"]), (&json!("Success"), &json!(way)), "{done}");
        let step = &done["steps"][1];
        assert_eq!((&step["status"], &step["output"]["status"]), (&json!("Error"), &json!(status)), "{done}");
        assert_eq!(step["output"]["headers"]["content-type"], "application/json", "{step}");
        assert_eq!(step["output"]["body"]["path"], "/orders", "{step}");
        assert!(text(&step["error"]).contains(&status.to_string()), "{step}");
        assert!(!done.to_string().contains("canary"), "what it echoes of a secret is hidden: {done}");
    }
}

async fn a_failed_action_keeps_the_products_answer(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    authorized(&owner, &path).await;
    let connector = path.rsplit('/').next().unwrap();
    let call = json!({"id": "call", "kind": "connector", "connectorId": connector, "action": "list-users"});
    let flow = deployed(&owner, "Action", branching(call)).await;
    t.outside().answer(
        &format!("{ICI}/api/Users"),
        404,
        &json!({"message": "no users", "apiToken": "tok-123456"}),
    );
    let done = ended(&t, &owner, &started(&owner, &flow, json!({})).await).await;
    assert_eq!(
        (&done["output"]["way"], &done["output"]["body"]["message"]),
        (&json!("gone"), &json!("no users")),
        "{done}"
    );
    let step = &done["steps"][1];
    assert_eq!((&step["status"], &step["output"]["status"]), (&json!("Error"), &json!(404)), "{done}");
    assert!(!done.to_string().contains("tok-123456"), "{done}");
    // an action that is not there names those that are
    let gone = owner.post(&format!("{path}/actions/no-such"), json!({})).await.refused(404, "not_found");
    let words = text(&gone["message"]);
    assert!(words.contains("no action no-such") && words.contains("list-users"), "{gone}");
}

async fn a_retry_leaves_its_trace(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let call = json!({"id": "call", "kind": "api", "retry": {"times": 1, "delaySeconds": 2},
        "request": {"method": "POST", "url": echo.at("/orders")}});
    let flow = deployed(&owner, "Retried", row(&[call], json!("{{ steps.call.output.status }}"))).await;
    echo.answers(&[409, 503]);
    let id = started(&owner, &flow, json!({})).await;
    let failed = ended(&t, &owner, &id).await;
    assert_eq!((&failed["status"], &failed["steps"][1]["attempt"]), (&json!("Error"), &json!(1)), "{failed}");
    owner.post_to(&format!("{FLOWS}/executions/{id}/retry")).await.ok();
    let events = owner.get("/api/v1/audit-events?event=flow-execution.retried").await.ok();
    let step = &events["data"][0]["details"]["steps"][0];
    assert_eq!((&step["step"], &step["attempt"]), (&json!("call"), &json!(2)), "{events}");
    assert!(text(&step["earlierError"]).contains("409"), "{events}");
    // tries are counted on, and there are as many of them as before
    assert_eq!(ended(&t, &owner, &id).await["status"], "Waiting");
    t.clock.advance(10);
    let done = ended(&t, &t.owner().await, &id).await;
    assert_eq!(
        (&done["status"], &done["output"], &done["steps"][1]["attempt"]),
        (&json!("Success"), &json!(200), &json!(3)),
        "{done}"
    );
}

async fn what_nobody_has_authorized_is_named(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let values = connect::with(
        connect::oauth2(&provider),
        &json!({"identityProviderName": "Orders profile", "allowedHosts": [provider.host()]}),
    );
    let profile = connect::made(&owner, &values).await;
    let node = json!({"id": "call", "kind": "api", "request": {"method": "GET", "url": provider.at("/echo/x"),
        "authProfileId": profile.rsplit('/').next().unwrap()}});
    let flow = made(&owner, "Unauthorized", row(&[node], json!(null))).await;
    owner.post_to(&format!("{FLOWS}/{flow}/deploy")).await.ok();
    let done = ended(&t, &owner, &started(&owner, &flow, json!({})).await).await;
    let words = text(&done["message"]);
    assert!(words.contains("Nobody has authorized Orders profile yet."), "{done}");
}

async fn who_is_missing_at_a_connector_is_told_with_its_name(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    authorized(&owner, &path).await;
    let set = json!({"enabled": true, "nonInteractiveMode": "end_with_error"});
    owner.put(&format!("{path}/user-authentications"), set).await.ok();
    let ask = json!({"id": "ask", "kind": "connector", "connectorId": path.rsplit('/').next().unwrap(),
        "action": "list-users"});
    let flow = deployed(&owner, "Missing", row(&[ask], json!(null))).await;
    let done = ended(&t, &owner, &started(&owner, &flow, json!({})).await).await;
    let words = text(&done["message"]);
    assert!(words.contains("not authenticated at Contracts") && words.contains("My connections"), "{done}");
    // in nobody's name
    let new = json!({"kind": "webhook", "name": "Hook", "runAs": "service"});
    let hook = owner.post(&format!("{FLOWS}/{flow}/triggers"), new).await.ok();
    let client = t.client();
    let request = client.request("POST", &text(&hook["trigger"]["path"]));
    let begun = client.send(request.header("x-trigger-token", text(&hook["token"]))).await.ok();
    let done = ended(&t, &owner, &text(&begun["id"])).await;
    let words = text(&done["message"]);
    assert!(words.contains("nobody's name") && words.contains("Contracts"), "{done}");
}

mod here {
    use super::*;
    on_both![
        a_failed_request_keeps_its_answer_and_the_flow_goes_by_it,
        a_retry_leaves_its_trace,
        what_nobody_has_authorized_is_named,
    ];
}

mod outside {
    use super::*;
    on_both![start_with_outside:
        a_failed_action_keeps_the_products_answer,
        who_is_missing_at_a_connector_is_told_with_its_name,
    ];
}
