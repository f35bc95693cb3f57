//! Deployments: each is a version, at once or in the background, over both faces of the API.

use serde_json::json;

use super::{FLOWS, made, mirror, row, text};
use crate::support::{TestApp, on_both};

async fn each_deployment_is_a_version(t: TestApp) {
    let owner = t.owner().await;
    let id = made(&owner, "Versions", mirror()).await;
    let path = format!("{FLOWS}/{id}");
    let first = owner.post_to(&format!("{path}/deploy")).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let first = first.json();
    assert_eq!(
        (&first["status"], &first["number"], &first["action"]),
        (&json!("SUCCESS"), &json!(1), &json!("DEPLOY"))
    );
    let flow = owner.get(&path).await.ok();
    assert_eq!((&flow["status"], &flow["deployedVersion"]["number"]), (&json!("deployed"), &json!(1)));
    assert_eq!(flow["changedSinceDeployment"], false);
    // the same once more is the same version
    assert_eq!(owner.post(&format!("{path}/deploy"), json!({})).await.ok()["number"], 1);
    let other = row(&[], json!({"a": 1}));
    let changed = owner.put(&path, json!({"definition": other})).await.ok();
    assert_eq!(
        (&changed["changedSinceDeployment"], &changed["deployedVersion"]["number"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(owner.post(&format!("{path}/deploy"), json!({"isAsync": false})).await.ok()["number"], 2);
    let versions = owner.get(&format!("{path}/versions")).await.ok();
    let numbers: Vec<_> = versions["data"].as_array().unwrap().iter().map(|v| v["number"].clone()).collect();
    assert_eq!(numbers, [json!(2), json!(1)]);
    assert_eq!(owner.get(&format!("{path}/versions/1")).await.ok()["definition"], mirror());
    owner.get(&format!("{path}/versions/3")).await.refused(404, "not_found");
    // what is in service is not deleted
    owner.delete(&path).await.refused(409, "conflict");
    let out = owner.post_to(&format!("{path}/undeploy")).await.ok();
    assert_eq!((&out["status"], &out["number"]), (&json!("SUCCESS"), &json!(null)));
    assert_eq!(owner.get(&path).await.ok()["status"], "draft");
    owner.post_to(&format!("{path}/undeploy")).await.ok();
    owner.delete(&path).await.ok();
    let events = owner.get("/api/v1/audit-events?event=flow.deployed").await.ok();
    assert_eq!(events["pagination"]["totalItems"], 3);
}

async fn a_deployment_in_the_background_is_asked_about(t: TestApp) {
    let owner = t.owner().await;
    let id = made(&owner, "Behind", mirror()).await;
    let path = format!("{FLOWS}/{id}");
    let begun = owner.post(&format!("{path}/deploy"), json!({"isAsync": true})).await;
    assert_eq!(begun.status, 202, "{}", begun.body);
    let status = format!("{FLOWS}/deployments/{}", text(&begun.json()["id"]));
    assert_eq!(owner.get(&status).await.ok()["status"], "IN_PROGRESS");
    t.work().await;
    let done = owner.get(&status).await.ok();
    assert_eq!((&done["status"], &done["percentageComplete"]), (&json!("SUCCESS"), &json!(100)));
    assert_eq!(owner.get(&path).await.ok()["status"], "deployed");
    owner.get(&format!("{FLOWS}/deployments/fld_none")).await.refused(404, "not_found");
    owner.post(&format!("{path}/deploy"), json!({"isAsync": "yes"})).await.refused(400, "validation_error");
    // what goes wrong on the way is told
    let begun = owner.post(&format!("{path}/deploy"), json!({"isAsync": true})).await.json();
    owner.post_to(&format!("{path}/undeploy")).await.ok();
    owner.delete(&path).await.ok();
    let status = format!("{FLOWS}/deployments/{}", text(&begun["id"]));
    t.work().await;
    owner.get(&status).await.refused(404, "not_found");
}

async fn keys_deploy_workflows_with_their_scopes(t: TestApp) {
    let owner = t.owner().await;
    let id = made(&owner, "By key", mirror()).await;
    let app =
        json!({"name": "Deployer", "scopes": ["workflow:deploy", "workflow:undeploy", "workflow:export"]});
    let app = text(&owner.post("/api/v1/api-apps", app).await.ok()["id"]);
    let made = owner.post(&format!("/api/v1/api-apps/{app}/keys"), json!({"name": "Key"})).await.ok();
    let (key, client) = (text(&made["plainValue"]), t.client());
    let call = async |method: &str, path: &str, body: serde_json::Value| {
        let request = client.request(method, path).header("x-api-key", &key);
        let request = request.header("content-type", "application/json").body(body.to_string());
        client.send(request).await
    };
    let path = format!("/api/public/workflows/{id}");
    let done = call("POST", &format!("{path}/deploy"), json!({"isAsync": false})).await.ok();
    assert_eq!(
        (&done["status"], &done["jobType"], &done["workflowId"]),
        (&json!("SUCCESS"), &json!("WORKFLOWS"), &json!(id))
    );
    assert_eq!(owner.get(&format!("{FLOWS}/{id}")).await.ok()["status"], "deployed");
    let begun = call("POST", &format!("{path}/undeploy"), json!({"isAsync": true})).await;
    assert_eq!(begun.status, 202, "{}", begun.body);
    let status = format!("/api/public/dock-status/{}", text(&begun.json()["dockStatusId"]));
    assert_eq!(call("GET", &status, json!(null)).await.ok()["status"], "IN_PROGRESS");
    t.work().await;
    assert_eq!(call("GET", &status, json!(null)).await.ok()["status"], "SUCCESS");
    assert_eq!(owner.get(&format!("{FLOWS}/{id}")).await.ok()["status"], "draft");
    let package = call("POST", &format!("{path}/export"), json!({})).await.ok();
    assert_eq!(package["flow"]["name"], "By key");
    // this app was not given the scope
    let import = json!({"package": package});
    call("POST", "/api/public/workflows/import", import.clone()).await.refused(403, "authorization_error");
    let scopes = json!({"scopes": ["workflow:import"]});
    owner.put(&format!("/api/v1/api-apps/{app}"), scopes).await.ok();
    let made = call("POST", "/api/public/workflows/import", import).await.ok();
    assert_eq!((&made["name"], &made["missing"]), (&json!("By key (2)"), &json!([])));
    let file = json!({"fileName": "by-key.json", "content": package});
    let file = call("POST", "/api/public/files", file).await.ok();
    let filed = json!({"flowDataFileId": file["fileId"], "workflowName": "From a file"});
    assert_eq!(call("POST", "/api/public/workflows/import", filed).await.ok()["name"], "From a file");
    let events = owner.get("/api/v1/audit-events?event=flow.created").await.ok();
    assert_eq!(events["data"][0]["actorKind"], "api-key");
}

on_both![
    each_deployment_is_a_version,
    a_deployment_in_the_background_is_asked_about,
    keys_deploy_workflows_with_their_scopes,
];
