//! Connector types that a workspace makes of OpenAPI documents.

use serde_json::{Value, json};

use super::{CONNECTORS, TYPES, text};
use crate::support::{Client, TestApp, on_both};

fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Pet store", "version": "1"},
        "servers": [{"url": "https://petstore.example/api"}],
        "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Pet-Key"},
            "cookie": {"type": "apiKey", "in": "cookie", "name": "sid"}}},
        "security": [{"key": []}],
        "paths": {
            "/pets": {
                "get": {"operationId": "listPets", "summary": "List pets",
                    "parameters": [{"name": "kind", "in": "query", "schema": {"type": "string"}}],
                    "responses": {"200": {"description": "ok"}}},
                "post": {"operationId": "addPet", "summary": "Add a pet",
                    "requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["name"],
                        "properties": {"name": {"type": "string"}}}}}},
                    "responses": {"201": {"description": "made"}}},
            },
            "/pets/{id}/photo": {"get": {"operationId": "photo", "parameters": [
                {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
                {"name": "sid", "in": "cookie", "required": true, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "ok"}}}},
        },
    })
}

const YAML: &str = "openapi: 3.0.3\ninfo:\n  title: Yaml store\n  version: '1'\nservers:\n  - url: https://petstore.example\npaths:\n  /pets:\n    get:\n      operationId: listPets\n      responses:\n        200:\n          description: ok\n";

async fn sent(by: &Client, kind: &str, body: String) -> crate::support::Answer {
    by.send(by.request("POST", TYPES).header("content-type", kind).body(body)).await
}

async fn a_document_becomes_a_type_whose_actions_are_called(t: TestApp) {
    let owner = t.owner().await;
    let made = owner.post(TYPES, json!({"document": document()})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    let id = text(&made["id"]);
    assert_eq!(
        (id.as_str(), &made["source"], &made["name"]),
        ("own-pet-store", &json!("workspace"), &json!("Pet store"))
    );
    // what cannot be called is told with its place
    let left: Vec<_> = made["leftOut"].as_array().unwrap().iter().map(|l| text(&l["place"])).collect();
    assert!(left.iter().any(|at| at.contains("photo")), "{left:?}");
    let actions: Vec<_> = made["actions"].as_array().unwrap().iter().map(|a| text(&a["id"])).collect();
    assert_eq!(actions.len(), 2, "{actions:?}");
    let listed = owner.get(&format!("{TYPES}?source=workspace")).await.ok();
    assert_eq!(listed["data"][0]["id"], id.as_str());

    let key = text(&made["authentication"][0]["fields"][0]["key"]);
    let body = json!({"type": id, "name": "Pets", "fields": {&key: "pet-key-1"}});
    let connector = owner.post(CONNECTORS, body).await;
    assert_eq!(connector.status, 201, "{}", connector.body);
    let path = format!("{CONNECTORS}/{}", text(&connector.json()["id"]));
    t.outside().answer("petstore.example/api/pets", 200, &json!([{"name": "Rex"}]));
    let action = actions.iter().find(|a| a.contains("list")).unwrap();
    let body = json!({"parameters": {"kind": "dog & cat"}});
    let done = owner.post(&format!("{path}/actions/{action}"), body).await.ok();
    assert_eq!(done["output"][0]["name"], "Rex", "{done}");
    let seen = t.outside().take_at("petstore.example");
    let asked: Vec<_> = url::form_urlencoded::parse(seen[0].query.as_bytes()).into_owned().collect();
    assert_eq!(seen[0].header("x-pet-key"), "pet-key-1");
    assert_eq!(asked, [("kind".to_owned(), "dog & cat".to_owned())]);

    // it stays while it is used
    let kept = owner.delete(&format!("{TYPES}/{id}")).await.refused(409, "conflict");
    assert!(text(&kept["message"]).contains("1 connector uses"), "{kept}");
    owner.delete(&path).await.ok();
    assert_eq!(owner.delete(&format!("{TYPES}/{id}?dryRun=true")).await.ok()["dryRun"], true);
    owner.delete(&format!("{TYPES}/{id}")).await.ok();
    owner.get(&format!("{TYPES}/{id}")).await.refused(404, "not_found");
    owner.delete(&format!("{TYPES}/{id}")).await.refused(404, "not_found");
    owner.delete(&format!("{TYPES}/salesforce")).await.refused(409, "conflict");
}

async fn yaml_and_the_document_itself_are_taken(t: TestApp) {
    let owner = t.owner().await;
    let made = sent(&owner, "application/yaml", YAML.to_owned()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.json()["id"], "own-yaml-store");
    let itself = sent(&owner, "application/json", document().to_string()).await;
    assert_eq!(itself.status, 201, "{}", itself.body);
    let named = owner.post(TYPES, json!({"name": "As text", "document": YAML})).await.ok();
    assert_eq!(named["name"], "As text");
    owner.post(TYPES, json!({"document": document()})).await.refused(409, "conflict");
    // another company has none of them
    let stranger = t.stranger().await;
    stranger.get(&format!("{TYPES}/own-yaml-store")).await.refused(404, "not_found");
    assert_eq!(stranger.get(&format!("{TYPES}?source=workspace")).await.ok()["pagination"]["totalItems"], 0);
    let odd =
        stranger.post(CONNECTORS, json!({"type": "own-yaml-store"})).await.refused(400, "validation_error");
    assert_eq!(odd["field"], "type");
}

async fn odd_documents_are_refused_with_their_place(t: TestApp) {
    let owner = t.owner().await;
    for (document, words) in [
        (json!({"swagger": "2.0"}), "Swagger 2"),
        (json!({"openapi": "4.0.0"}), "version"),
        (json!({"openapi": "3.1.0", "info": {"title": "x"}, "paths": {}}), "/paths"),
    ] {
        let error = owner.post(TYPES, json!({"document": document})).await.refused(400, "validation_error");
        assert!(error["field"] == "document" && text(&error["message"]).contains(words), "{error}");
    }
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n\
        c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\n\
        e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]\n\
        g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f]\nh: [*g, *g, *g, *g, *g, *g, *g, *g, *g]\n";
    for yaml in [bomb, "a: [", ": :", "\u{0}"] {
        let error = sent(&owner, "application/yaml", yaml.to_owned()).await.refused(400, "validation_error");
        assert_eq!(error["field"], "document", "{yaml}");
    }
    sent(&owner, "text/plain", YAML.to_owned()).await.refused(400, "invalid_request_error");
    let large = format!("{YAML}# {}", "x".repeat(9 * 1024 * 1024));
    let error = sent(&owner, "application/yaml", large).await;
    assert!(matches!(error.status, 400 | 413), "{}", error.body);
    assert_eq!(owner.get(&format!("{TYPES}?source=workspace")).await.ok()["pagination"]["totalItems"], 0);
}

async fn what_cannot_be_taken_is_refused_before_the_document_is_read(t: TestApp) {
    let owner = t.owner().await;
    for n in 0..50 {
        let named = json!({"name": format!("Store {n}"), "document": YAML});
        assert_eq!(owner.post(TYPES, named).await.status, 201, "{n}");
    }
    // full: no matter what the document is
    let full = sent(&owner, "application/yaml", "a: [".to_owned()).await.refused(409, "conflict");
    assert!(text(&full["message"]).contains("at most 50"), "{full}");
    let mut last = 0;
    for _ in 0..20 {
        last = sent(&owner, "application/yaml", "a: [".to_owned()).await.status;
    }
    assert_eq!(last, 429, "uploads are paced");
}

on_both![start_with_outside: a_document_becomes_a_type_whose_actions_are_called];
on_both![
    what_cannot_be_taken_is_refused_before_the_document_is_read,
    yaml_and_the_document_itself_are_taken,
    odd_documents_are_refused_with_their_place
];
