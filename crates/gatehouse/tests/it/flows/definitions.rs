//! Definitions: kept, judged, changed.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{FLOWS, made, mirror, row, text};
use crate::support::{Client, TestApp, on_both};

/// The flows of the repository.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");

async fn a_flow_is_made_listed_changed_and_removed(t: TestApp) {
    let owner = t.owner().await;
    let body = json!({"name": " Orders ", "description": "what it does", "definition": mirror()});
    let made = owner.post(FLOWS, body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let flow = made.json();
    assert_eq!(
        (&flow["name"], &flow["status"], &flow["version"], &flow["missing"]),
        (&json!("Orders"), &json!("draft"), &json!(1), &json!([]))
    );
    assert_eq!(flow["definition"], mirror());
    let path = format!("{FLOWS}/{}", text(&flow["id"]));
    assert_eq!(owner.get(&path).await.ok(), flow);
    // another one of this name is a conflict, whatever its case
    let again = owner.post(FLOWS, json!({"name": "ORDERS"})).await.refused(409, "conflict");
    assert_eq!(again["field"], "name");
    // one without a definition begins and ends
    let blank = owner.post(FLOWS, json!({"name": "Blank"})).await.ok();
    assert_eq!(blank["definition"]["nodes"].as_array().unwrap().len(), 2);
    let listed = owner.get(&format!("{FLOWS}?search=order")).await.ok();
    assert_eq!((&listed["pagination"]["totalItems"], &listed["data"][0]["id"]), (&json!(1), &flow["id"]));
    assert!(listed["data"][0].get("definition").is_none(), "a list is short");
    assert_eq!(owner.get(&format!("{FLOWS}?status=deployed")).await.ok()["data"], json!([]));
    owner.get(&format!("{FLOWS}?status=odd")).await.refused(400, "validation_error");

    let changed = owner.put(&path, json!({"description": "more"})).await.ok();
    assert_eq!((&changed["name"], &changed["description"]), (&json!("Orders"), &json!("more")));
    assert_eq!((&changed["version"], &changed["definition"]), (&json!(2), &mirror()), "only what is given");
    let stale = owner.put(&path, json!({"version": 1, "name": "Other"})).await.refused(409, "conflict");
    assert_eq!(stale["field"], "version");
    owner.put(&path, json!({"colour": "red"})).await.refused(400, "validation_error");
    owner.put(&path, json!({"name": "Blank"})).await.refused(409, "conflict");
    // a trial changes nothing
    let trial = owner.put(&format!("{path}?dryRun=true"), json!({"name": "Tried"})).await.ok();
    assert_eq!(trial["result"]["name"], "Tried");
    assert_eq!(owner.get(&path).await.ok()["name"], "Orders");

    let events = owner.get("/api/v1/audit-events?event=flow.created").await.ok();
    assert_eq!(events["data"][0]["details"]["name"], "Blank");
    assert_eq!(owner.delete(&path).await.ok(), json!({"deleted": true}));
    owner.get(&path).await.refused(404, "not_found");
    owner.delete(&path).await.refused(404, "not_found");
    owner.get(&format!("{FLOWS}/flw_none")).await.refused(404, "not_found");
}

async fn what_is_wrong_is_told_with_its_place(t: TestApp) {
    let owner = t.owner().await;
    let wrong = json!({"nodes": [{"id": "start", "kind": "start"}, {"id": "call", "kind": "api",
        "request": {"method": "FETCH", "url": "https://a.example/"}}], "edges": [{"from": "start", "to": "call"}]});
    let error = owner.post(FLOWS, json!({"name": "Wrong", "definition": wrong})).await;
    let error = error.refused(400, "validation_error");
    assert!(text(&error["field"]).starts_with("definition/nodes/1/request"), "{error}");
    let judged = owner.post(&format!("{FLOWS}/validate"), json!({"definition": wrong})).await.ok();
    assert_eq!(judged["valid"], false);
    let problem = &judged["problems"][0];
    assert!(problem["code"] == "not_a_choice" && text(&problem["path"]).contains("/method"), "{judged}");
    let judged = owner.post(&format!("{FLOWS}/validate"), json!({"definition": mirror()})).await.ok();
    assert_eq!(judged, json!({"valid": true, "problems": [], "missing": [], "warnings": []}));
    // what is not here is told, and is no problem of the definition
    let node = json!({"id": "ask", "kind": "connector", "connectorId": "cnr_none", "action": "list"});
    let definition = row(&[node], json!(null));
    let judged = owner.post(&format!("{FLOWS}/validate"), json!({"definition": definition})).await.ok();
    assert_eq!((&judged["valid"], &judged["missing"][0]["kind"]), (&json!(true), &json!("connector")));
    let id = made(&owner, "Right", mirror()).await;
    let error = owner.put(&format!("{FLOWS}/{id}"), json!({"definition": {}})).await;
    error.refused(400, "validation_error");
    assert_eq!(owner.get(&format!("{FLOWS}/{id}")).await.ok()["definition"], mirror());
}

/// The action of an example is one of the product's that its connector is named after, with its parameters.
async fn is_in_the_catalogue(by: &Client, node: &Value) {
    let product = text(&node["connectorId"]).trim_start_matches("con_").to_owned();
    let found = by.get(&format!("/api/v1/connector-types/{product}")).await.ok();
    let action = found["actions"].as_array().unwrap().iter().find(|action| action["id"] == node["action"]);
    let action = action.unwrap_or_else(|| panic!("{product} has no such action: {node}"));
    let given = node["parameters"].as_object().cloned().unwrap_or_default();
    let known = action["parameters"].as_array().unwrap();
    for name in given.keys() {
        assert!(known.iter().any(|one| one["key"] == json!(name)), "{product} has no {name}: {action}");
    }
    for one in known.iter().filter(|one| one["required"] == true) {
        assert!(given.contains_key(&text(&one["key"])), "{product} needs {one}: {node}");
    }
}

async fn the_examples_are_taken_and_fit_the_published_schema(t: TestApp) {
    let owner = t.owner().await;
    let schema = t.client().get(&format!("{FLOWS}/schema")).await.ok();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let mut taken = 0;
    for file in std::fs::read_dir(EXAMPLES).unwrap() {
        let path = file.unwrap().path();
        if !path.to_string_lossy().ends_with(".flow.json") {
            continue;
        }
        let definition: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for node in definition["nodes"].as_array().unwrap().iter().filter(|n| n["kind"] == "connector") {
            is_in_the_catalogue(&owner, node).await;
        }
        made(&owner, &format!("Example {taken}"), definition).await;
        taken += 1;
    }
    assert!(taken >= 5, "{taken}");
}

async fn r187_a_pasted_curl_command_becomes_a_request(t: TestApp) {
    let owner = t.owner().await;
    let command = "curl -X POST 'https://gatehouse.example/api/public/scripts/s/functions/f' \\\n  \
        -H 'X-api-key: gh_1' -u ada:pw -H 'Content-Type: application/json' -d '{\"a\": 1}'";
    let pasted = owner.post(&format!("{FLOWS}/curl"), json!({"command": command})).await.ok();
    let request = &pasted["request"];
    assert_eq!(
        (&request["method"], &request["url"]),
        (&json!("POST"), &json!("https://gatehouse.example/api/public/scripts/s/functions/f"))
    );
    assert_eq!(request["headers"]["X-api-key"], "gh_1");
    assert_eq!(request["headers"]["Authorization"], "Basic YWRhOnB3");
    assert_eq!(request["body"], json!({"type": "json", "value": {"a": 1}}));
    let node = json!({"id": "call", "kind": "api", "request": request});
    made(&owner, "Pasted", row(&[node], json!("{{ steps.call.output.body }}"))).await;
    let again = owner.post(&format!("{FLOWS}/curl"), json!({"command": pasted["curl"]})).await.ok();
    assert_eq!(&again["request"], request);
    let error = owner.post(&format!("{FLOWS}/curl"), json!({"command": "wget https://a.example/"})).await;
    let error = error.refused(400, "validation_error");
    assert!(error["field"] == "command" && text(&error["message"]).contains("curl"), "{error}");
}

async fn members_build_and_viewers_do_not(t: TestApp) {
    let owner = t.owner().await;
    let member = t.member_of(Role::Member).await;
    let id = made(&member, "A member's", mirror()).await;
    let path = format!("{FLOWS}/{id}");
    assert_eq!(member.get(&path).await.ok()["createdBy"].as_str().unwrap().split(':').next(), Some("user"));
    member.post_to(&format!("{path}/deploy")).await.ok();
    for what in ["undeploy", "export"] {
        member.post_to(&format!("{path}/{what}")).await.refused(403, "authorization_error");
    }
    member.delete(&path).await.refused(403, "authorization_error");
    let viewer = t.member_of(Role::Viewer).await;
    viewer.get(&path).await.refused(403, "authorization_error");
    viewer.post(FLOWS, json!({"name": "No"})).await.refused(403, "authorization_error");
    let stranger = t.stranger().await;
    stranger.get(&path).await.refused(404, "not_found");
    assert_eq!(stranger.get(FLOWS).await.ok()["data"], json!([]));
    owner.post_to(&format!("{path}/undeploy")).await.ok();
}

on_both![
    a_flow_is_made_listed_changed_and_removed,
    what_is_wrong_is_told_with_its_place,
    the_examples_are_taken_and_fit_the_published_schema,
    r187_a_pasted_curl_command_becomes_a_request,
    members_build_and_viewers_do_not,
];
