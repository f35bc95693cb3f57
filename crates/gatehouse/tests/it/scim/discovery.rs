use serde_json::{Value, json};

use super::{ALL_SCOPES, provider, refused};
use crate::support::{TestApp, on_both};

async fn the_protocol_describes_itself_under_any_case_of_its_names(t: TestApp) {
    let provider = provider(&t, &["users:read"]).await;
    let base = t.app.public_url().join("/scim/v2");
    for path in ["ServiceProviderConfig", "serviceproviderconfig", "SERVICEPROVIDERCONFIG/"] {
        let answer = provider.get(&format!("/scim/v2/{path}")).await;
        assert_eq!(answer.header("content-type"), Some("application/scim+json"));
        let config = answer.ok();
        assert_eq!(config["patch"], json!({"supported": true}));
        assert_eq!(config["meta"]["location"], format!("{base}/ServiceProviderConfig"));
    }
    let types = provider.get("/scim/v2/ResourceTypes").await.ok();
    assert_eq!((&types["totalResults"], &types["Resources"][0]["id"]), (&json!(2), &json!("User")));
    let group = provider.get("/scim/v2/resourcetypes/group").await.ok();
    assert_eq!((&group["endpoint"], &group["schemaExtensions"]), (&json!("/Groups"), &json!([])));
    let schemas = provider.get("/scim/v2/Schemas").await.ok();
    assert_eq!(schemas["totalResults"], 3);
    for schema in schemas["Resources"].as_array().unwrap() {
        let location = schema["meta"]["location"].as_str().unwrap();
        let path = location.strip_prefix(&base).unwrap();
        assert_eq!(&provider.get(&format!("/scim/v2{path}")).await.ok(), schema);
    }
    let plain = provider.request("GET", "/scim/v2/Schemas").header("accept", "application/json");
    assert_eq!(provider.send(plain).await.header("content-type"), Some("application/json"));
}

async fn every_refusal_has_the_form_of_scim(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let nobody = t.client();
    let unknown = nobody.with_token("scim_0000000000000000000000000000000000000000000");
    for stranger in [&nobody, &unknown, &nobody.with_token("x"), &nobody.with_token(&"x".repeat(5_000))] {
        let answer = stranger.get("/scim/v2/Schemas").await;
        refused(&answer, 401, None);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let said = refused(&unknown.get("/scim/v2/Users").await, 401, None);
    assert!(said.contains("decision dec_"), "{said}");
    refused(&provider.get("/scim/v2/Nothing").await, 404, None);
    refused(&provider.get("/scim/v2/Schemas/urn:x").await, 404, None);
    refused(&provider.get("/scim/v2/Schemas?filter=id%20pr").await, 403, None);
    refused(&provider.post("/scim/v2/Schemas", json!({})).await, 405, None);
    refused(&provider.get("/scim/v2/Me").await, 501, None);
    let send = async |content_type: &str, body: String| {
        let request = provider.request("POST", "/scim/v2/Schemas").header("content-type", content_type);
        provider.send(request.body(body)).await
    };
    refused(&send("text/plain", "{}".to_owned()).await, 415, None);
    refused(&send("application/scim+json", "{".to_owned()).await, 400, Some("invalidSyntax"));
    refused(&send("application/json", format!("\"{}\"", "x".repeat(5 << 20))).await, 413, None);
}

async fn nothing_of_the_protocol_is_in_the_document_of_the_api(t: TestApp) {
    let document: Value = serde_json::to_value(t.app.openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.keys().any(|p| p == super::TOKENS));
    assert!(!paths.keys().any(|p| p.starts_with("/scim")));
}

on_both![
    the_protocol_describes_itself_under_any_case_of_its_names,
    every_refusal_has_the_form_of_scim,
    nothing_of_the_protocol_is_in_the_document_of_the_api,
];
