//! Flows between workspaces: exported without secrets, imported with stubs.

use serde_json::{Value, json};

use super::{FLOWS, made, row, text};
use crate::support::{Client, TestApp, on_both};

/// A connector of Icertis by key: its id.
async fn connector(by: &Client, name: &str) -> String {
    let body = json!({"type": "icertis-preview", "authType": "api-key", "name": name,
        "fields": {"instance": "acme", "apiKey": "ici-key"}});
    text(&by.post("/api/v1/connectors", body).await.ok()["id"])
}

async fn profile(by: &Client) -> String {
    let body = json!({"authorizationType": "oauth2_client_credentials", "identityProviderName": "Machine",
        "clientId": "c", "clientSecret": "s", "tokenRequestUrl": "https://op.example/token"});
    text(&by.post("/api/v1/auth-profiles", body).await.ok()["id"])
}

fn definition(connector: &str, profile: &str) -> Value {
    row(
        &[
            json!({"id": "ask", "kind": "connector", "connectorId": connector, "action": "list-users"}),
            json!({"id": "call", "kind": "api", "request": {"method": "POST", "url": "https://api.example/x",
                "headers": {"X-Api-Key": "secret-of-the-header", "Accept": "application/json"},
                "body": {"type": "form", "value": {"password": "secret-of-the-body", "a": "{{ input.a }}"}}}}),
            json!({"id": "tell", "kind": "api", "request": {"method": "GET", "url": "https://api.example/y",
                "authProfileId": profile}}),
        ],
        json!("{{ steps.ask.output }}"),
    )
}

async fn an_export_has_no_secrets_and_says_what_it_needs(t: TestApp) {
    let owner = t.owner().await;
    let (connector, profile) = (connector(&owner, "Contracts").await, profile(&owner).await);
    let id = made(&owner, "Moving", definition(&connector, &profile)).await;
    let exported = owner.post_to(&format!("{FLOWS}/{id}/export")).await;
    assert!(!exported.body.contains("secret-of"), "{}", exported.body);
    let package = exported.ok();
    assert_eq!(
        (&package["format"], &package["flow"]["name"]),
        (&json!("gatehouse-flow/1"), &json!("Moving"))
    );
    let needs = package["requires"].as_array().unwrap();
    assert_eq!(needs.len(), 2, "{package}");
    assert_eq!(
        (&needs[0]["name"], &needs[0]["type"], &needs[0]["nodes"]),
        (&json!("Contracts"), &json!("icertis-preview"), &json!(["ask"]))
    );
    assert_eq!((&needs[1]["kind"], &needs[1]["name"]), (&json!("authProfile"), &json!("Machine")));
    assert_eq!(package["secretsLeftOut"].as_array().unwrap().len(), 2);
    let events = owner.get("/api/v1/audit-events?event=flow.exported").await;
    assert!(events.ok()["data"][0]["details"]["secretsLeftOut"] == 2 && !events.body.contains("secret-of"));
}

async fn missing_credentials_block_a_deployment_and_no_import(t: TestApp) {
    let owner = t.owner().await;
    let (there, profile_there) = (connector(&owner, "Contracts").await, profile(&owner).await);
    let id = made(&owner, "Moving", definition(&there, &profile_there)).await;
    let package = owner.post_to(&format!("{FLOWS}/{id}/export")).await.ok();
    let stranger = t.stranger().await;
    let imported = stranger.post(&format!("{FLOWS}/import"), package.clone()).await;
    assert_eq!(imported.status, 201, "{}", imported.body);
    let flow = imported.json();
    let kinds: Vec<_> = flow["missing"].as_array().unwrap().iter().map(|m| text(&m["kind"])).collect();
    assert_eq!(kinds, ["connector", "authProfile", "value", "value"], "{flow}");
    assert!(text(&flow["missing"][0]["message"]).contains("Contracts"), "{flow}");
    let path = format!("{FLOWS}/{}", text(&flow["id"]));
    let refused = stranger.post_to(&format!("{path}/deploy")).await.refused(409, "conflict");
    assert!(text(&refused["message"]).contains("Contracts"), "{refused}");
    // in the background it is refused at once too
    stranger.post(&format!("{path}/deploy"), json!({"isAsync": true})).await.refused(409, "conflict");

    // with everything chosen and entered it is deployed
    let (here, profile_here) = (connector(&stranger, "Other contracts").await, profile(&stranger).await);
    let whole = definition(&here, &profile_here);
    let changed = stranger.put(&path, json!({"definition": whole})).await.ok();
    assert_eq!(changed["missing"], json!([]));
    stranger.post_to(&format!("{path}/deploy")).await.ok();
    // an action that the connector does not have is missing too
    let mut odd = whole;
    odd["nodes"][1]["action"] = json!("fly");
    let changed = stranger.put(&path, json!({"definition": odd})).await.ok();
    assert_eq!(
        (&changed["missing"][0]["kind"], &changed["missing"][0]["id"]),
        (&json!("action"), &json!("fly"))
    );
    stranger.post_to(&format!("{path}/deploy")).await.refused(409, "conflict");
}

async fn what_is_called_the_same_or_mapped_is_taken(t: TestApp) {
    let owner = t.owner().await;
    let (there, profile_there) = (connector(&owner, "Contracts").await, profile(&owner).await);
    let id = made(&owner, "Moving", definition(&there, &profile_there)).await;
    let package = owner.post_to(&format!("{FLOWS}/{id}/export")).await.ok();
    let stranger = t.stranger().await;
    let (here, profile_here) = (connector(&stranger, "Contracts").await, profile(&stranger).await);
    let flow = stranger.post(&format!("{FLOWS}/import"), package.clone()).await.ok();
    assert_eq!(flow["definition"]["nodes"][1]["connectorId"], json!(here));
    assert_eq!(flow["definition"]["nodes"][3]["request"]["authProfileId"], json!(profile_here));
    let other = connector(&stranger, "Another").await;
    let mut mapped = package.clone();
    mapped["mapping"] = json!({there: other});
    mapped["name"] = json!("Mapped");
    let flow = stranger.post(&format!("{FLOWS}/import"), mapped.clone()).await.ok();
    assert_eq!(
        (&flow["name"], &flow["definition"]["nodes"][1]["connectorId"]),
        (&json!("Mapped"), &json!(other))
    );
    // a name that is given is taken as it is
    stranger.post(&format!("{FLOWS}/import"), mapped).await.refused(409, "conflict");
    // and in the same workspace everything is there
    let flow = owner.post(&format!("{FLOWS}/import"), package.clone()).await.ok();
    assert_eq!((&flow["name"], &flow["missing"].as_array().unwrap().len()), (&json!("Moving (2)"), &2));
    let mut odd = package;
    odd["format"] = json!("gatehouse-flow/9");
    let error = owner.post(&format!("{FLOWS}/import"), odd).await.refused(400, "validation_error");
    assert_eq!(error["field"], "format");
    owner.post(&format!("{FLOWS}/import"), json!({})).await.refused(400, "validation_error");
}

on_both![
    an_export_has_no_secrets_and_says_what_it_needs,
    missing_credentials_block_a_deployment_and_no_import,
    what_is_called_the_same_or_mapped_is_taken,
];
