use super::{TEN, app, key, with_key};
use crate::support::{TestApp, on_both};

/// The public paths, each with the scope that opens it.
const PATHS: [(&str, &str); 13] = [
    ("/api/public/workflows/w1/deploy", "workflow:deploy"),
    ("/api/public/workflows/w1/undeploy", "workflow:undeploy"),
    ("/api/public/workflows/w1/export", "workflow:export"),
    ("/api/public/workflows/import", "workflow:import"),
    ("/api/public/files", "workflow:import"),
    ("/api/public/models/m1/deploy", "model:deploy"),
    ("/api/public/models/m1/undeploy", "model:undeploy"),
    ("/api/public/models/m1/export", "model:export"),
    ("/api/public/files/session/start", "model:import"),
    ("/api/public/files/session/s1", "model:import"),
    ("/api/public/files/session/s1/complete", "model:import"),
    ("/api/public/guardrails/g1/deploy", "guardrail:deploy"),
    ("/api/public/guardrails/g1/undeploy", "guardrail:undeploy"),
];

/// The gate was passed, and nothing is there by this name; a file was expected in the body.
#[track_caller]
fn nothing_of(path: &str, answer: &crate::support::Answer) {
    if path == "/api/public/files" {
        assert_eq!(answer.refused(400, "validation_error")["field"], "content");
        return;
    }
    let message = super::text(&answer.refused(404, "not_found")["message"]);
    let what = ["Workflow", "Model", "Guardrail", "File", "Upload session"];
    assert!(what.iter().any(|w| message.starts_with(w)) && message.contains("not found"), "{message}");
}

async fn each_scope_opens_its_own_paths_and_nothing_else(t: TestApp) {
    let owner = t.owner().await;
    let mut opened = 0;
    for scope in TEN {
        let key = key(&owner, &app(&owner, scope, &[scope]).await, "Key").await;
        for (path, needed) in PATHS {
            let answer = with_key(&t, &key.value, "POST", path).await;
            if needed == scope {
                nothing_of(path, &answer);
                opened += 1;
            } else {
                let error = answer.refused(403, "authorization_error");
                assert!(error["decision"].is_string(), "{scope} {path}");
            }
        }
        with_key(&t, &key.value, "GET", "/api/public/dock-status/j1").await.refused(404, "not_found");
    }
    assert_eq!(opened, PATHS.len());
    for (path, _) in PATHS {
        with_key(&t, "gh_none", "POST", path).await.refused(401, "authentication_error");
        t.client().post_to(path).await.refused(401, "authentication_error");
    }
    with_key(&t, "gh_none", "GET", "/api/public/dock-status/j1").await.refused(401, "authentication_error");
}

/// The gate's part of a row: a key with the one scope comes through to these paths and to no other, and is told that
/// there is nothing there yet; a key with all the other scopes does not come through. What is done behind the gate comes
/// with the things themselves.
async fn opens_alone(t: &TestApp, scope: &str, name: &str, paths: &[&str]) {
    let owner = t.owner().await;
    let listed = owner.get("/api/v1/api-scopes").await.ok();
    let shown = listed["data"].as_array().unwrap().iter().find(|s| s["id"] == scope).unwrap();
    assert_eq!(shown["name"], name);
    let only = key(&owner, &app(&owner, &format!("Only {scope}"), &[scope]).await, "Key").await;
    let others: Vec<_> = TEN.into_iter().filter(|s| *s != scope).collect();
    let all_others = key(&owner, &app(&owner, &format!("All but {scope}"), &others).await, "Key").await;
    let client = t.client();
    for (path, needed) in PATHS {
        for body in [r#"{"isAsync":true}"#, r#"{"isAsync":false}"#] {
            let call = async |value: &str| {
                let request = client.request("POST", path).header("content-type", "application/json");
                client.send(request.header("x-api-key", value).body(body)).await
            };
            assert_eq!(paths.contains(&path), needed == scope, "{path}");
            if needed == scope {
                nothing_of(path, &call(&only.value).await);
                let error = call(&all_others.value).await.refused(403, "authorization_error");
                assert_eq!(error["message"], format!("This key does not have the scope {scope}."));
            } else {
                call(&only.value).await.refused(403, "authorization_error");
                nothing_of(path, &call(&all_others.value).await);
            }
        }
    }
    // a use of the gate is a use of the scope
    let usage = owner.get(&format!("{}/usage", only.path.split("/keys/").next().unwrap())).await.ok();
    let used = usage["byScope"].as_array().unwrap().iter().find(|s| s["scope"] == scope).unwrap();
    assert_eq!(used["allowed"], 2 * paths.len());
}

async fn r115_deploy_workflow_opens_its_path_alone(t: TestApp) {
    opens_alone(&t, "workflow:deploy", "Deploy workflow", &["/api/public/workflows/w1/deploy"]).await;
}

async fn r116_undeploying_opens_its_paths_alone(t: TestApp) {
    opens_alone(&t, "workflow:undeploy", "Undeploy workflow", &["/api/public/workflows/w1/undeploy"]).await;
    opens_alone(&t, "model:undeploy", "Undeploy Model", &["/api/public/models/m1/undeploy"]).await;
}

async fn r117_deploy_model_opens_its_path_alone(t: TestApp) {
    opens_alone(&t, "model:deploy", "Deploy Model", &["/api/public/models/m1/deploy"]).await;
}

async fn r118_import_model_opens_its_three_steps_alone(t: TestApp) {
    let steps = [
        "/api/public/files/session/start",
        "/api/public/files/session/s1",
        "/api/public/files/session/s1/complete",
    ];
    opens_alone(&t, "model:import", "Import Model", &steps).await;
}

async fn r119_importing_and_exporting_open_their_paths_alone(t: TestApp) {
    let import = ["/api/public/workflows/import", "/api/public/files"];
    opens_alone(&t, "workflow:import", "Import workflow", &import).await;
    opens_alone(&t, "workflow:export", "Export workflow", &["/api/public/workflows/w1/export"]).await;
    opens_alone(&t, "model:export", "Export Model", &["/api/public/models/m1/export"]).await;
}

async fn r120_guardrails_open_their_paths_alone(t: TestApp) {
    let path = "/api/public/guardrails/g1";
    opens_alone(&t, "guardrail:deploy", "Deploy Guardrails", &[&format!("{path}/deploy")]).await;
    opens_alone(&t, "guardrail:undeploy", "Undeploy Guardrails", &[&format!("{path}/undeploy")]).await;
}

on_both![
    each_scope_opens_its_own_paths_and_nothing_else,
    r115_deploy_workflow_opens_its_path_alone,
    r116_undeploying_opens_its_paths_alone,
    r117_deploy_model_opens_its_path_alone,
    r118_import_model_opens_its_three_steps_alone,
    r119_importing_and_exporting_open_their_paths_alone,
    r120_guardrails_open_their_paths_alone,
];
