//! Answers of actions handed on piece by piece.

use std::time::Duration;

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{CONNECTORS, ICI, authorized, claims, icertis, text};
use crate::support::{Client, TestApp, on_both};

/// A connector of Icertis by key: the address of an action whose answer is no page.
async fn users(owner: &Client) -> String {
    let body = json!({"type": "icertis-preview", "authType": "api-key",
        "fields": {"instance": "acme", "apiKey": "ici-key"}});
    let made = owner.post(CONNECTORS, body).await.ok();
    format!("{CONNECTORS}/{}/actions/list-users", text(&made["id"]))
}

/// Where the answer of that action comes from.
fn place() -> String {
    format!("{ICI}/api/Users")
}

/// The entry of a call, as soon as it is there.
async fn entry(owner: &Client, id: &str) -> Value {
    for _ in 0..100 {
        let rows = owner.get("/api/v1/outbound-calls").await.ok();
        let found = rows["data"].as_array().unwrap().iter().find(|row| row["id"] == id).cloned();
        if let Some(found) = found {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{id} is not in the ledger");
}

async fn an_action_hands_the_products_answer_on(t: TestApp) {
    let owner = t.owner().await;
    let stream = format!("{}?stream=true", users(&owner).await);
    t.outside().flows(&place(), 300, true);
    let answer = owner.post(&stream, json!({})).await;
    assert_eq!((answer.status, answer.body.len()), (200, 300 * 64 * 1024));
    assert_eq!(
        (answer.header("gatehouse-status"), answer.header("gatehouse-retried")),
        (Some("200"), Some("false"))
    );
    assert_eq!(answer.header("gatehouse-effective-identity"), Some("connector"));
    assert_eq!(answer.header("content-disposition"), Some("attachment"));
    assert_eq!(answer.header("set-cookie"), None);
    let row = entry(&owner, answer.header("gatehouse-call-id").unwrap()).await;
    assert_eq!((&row["bytes"], &row["status"]), (&json!(300 * 64 * 1024), &json!(200)));
    assert_eq!((&row["action"], &row["holderKind"]), (&json!("list-users"), &json!("connector")));
    assert_eq!((&row["error"], &row["credential"]), (&Value::Null, &json!("api_key")));
    // in JSON it is too much
    let whole = stream.replace("?stream=true", "");
    owner.post(&whole, json!({})).await.refused(503, "service_unavailable");
    // a trial sends nothing, and what is not kept cannot be given again
    t.outside().take();
    let tried = owner.post(&format!("{stream}&dryRun=true"), json!({})).await.ok();
    assert_eq!(tried["result"]["status"], Value::Null);
    let keyed = owner.request("POST", &stream).header("idempotency-key", "one").json(&json!({}));
    assert_eq!(owner.send(keyed).await.refused(400, "validation_error")["field"], "stream");
    t.member_of(Role::Viewer).await.post(&stream, json!({})).await.refused(403, "authorization_error");
    assert!(t.outside().take().is_empty());
}

async fn a_part_of_a_products_answer_does_not_end_like_a_whole(t: TestApp) {
    let owner = t.owner().await;
    let stream = format!("{}?stream=true", users(&owner).await);
    t.outside().flows(&place(), 5, false);
    let mut answer = owner.request("POST", &stream).json(&json!({})).send().await.unwrap();
    let id = answer.headers()["gatehouse-call-id"].to_str().unwrap().to_owned();
    let broken = loop {
        match answer.chunk().await {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert!(broken.is_err(), "{broken:?}");
    let row = entry(&owner, &id).await;
    assert!(row["error"].is_string() && row["status"] == 200, "{row}");
    // whoever asked goes away
    t.outside().flows(&place(), 100_000, true);
    let mut answer = owner.request("POST", &stream).json(&json!({})).send().await.unwrap();
    let id = answer.headers()["gatehouse-call-id"].to_str().unwrap().to_owned();
    assert!(!answer.chunk().await.unwrap().unwrap().is_empty());
    drop(answer);
    let row = entry(&owner, &id).await;
    assert_eq!(row["error"], "not_read", "{row}");
    assert!(row["bytes"].as_i64().unwrap() > 0, "{row}");
}

async fn what_the_product_refuses_is_told_without_its_secrets(t: TestApp) {
    let owner = t.owner().await;
    let stream = format!("{}?stream=true", users(&owner).await);
    t.outside().answer(&place(), 422, &json!({"message": "no such thing as ici-key", "echo": ["ici-key"]}));
    let done = owner.post(&stream, json!({})).await;
    assert!(!done.body.contains("ici-key"), "{}", done.body);
    let done = done.ok();
    assert_eq!((&done["success"], &done["status"]), (&json!(false), &json!(422)));
    assert!(text(&done["message"]).contains("no such thing"), "{done}");
    let row = owner.get("/api/v1/outbound-calls").await.ok()["data"][0].clone();
    assert_eq!((&row["status"], &row["error"]), (&json!(422), &Value::Null), "{row}");
    owner.post(&stream.replace("list-users", "none"), json!({})).await.refused(404, "not_found");
    let odd = json!({"parameters": {"colour": "red"}});
    owner.post(&stream, odd).await.refused(400, "validation_error");
}

async fn a_token_that_is_refused_is_replaced_once(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(Value::Null);
    let path = icertis(&owner).await;
    authorized(&owner, &path).await;
    t.outside().claims(claims());
    t.outside().refuse("opaque-1");
    let answer = owner.post(&format!("{path}/actions/list-users?stream=true"), json!({})).await;
    assert_eq!(answer.header("gatehouse-retried"), Some("true"), "{answer:?}");
    assert_eq!(answer.json(), json!({"data": [{"name": "Ada"}]}));
    let rows = owner.get("/api/v1/outbound-calls").await.ok();
    assert_eq!(
        (&rows["data"][1]["status"], &rows["data"][0]["status"]),
        (&json!(401), &json!(200)),
        "{rows}"
    );
    assert_eq!((&rows["data"][1]["retried"], &rows["data"][0]["retried"]), (&json!(false), &json!(true)));
}

async fn what_comes_in_pages_is_not_streamed(t: TestApp) {
    let owner = t.owner().await;
    let stream = format!("{}?stream=true", users(&owner).await);
    let error = owner.post(&stream, json!({"maxPages": 2})).await.refused(400, "validation_error");
    assert_eq!(error["field"], "stream");
    let document = json!({
        "openapi": "3.1.0",
        "info": {"title": "Paged"},
        "servers": [{"url": "https://petstore.example"}],
        "paths": {"/pets": {"get": {"operationId": "listPets", "responses": {"200": {"description": "ok",
            "headers": {"Link": {"schema": {"type": "string"}}},
            "content": {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}}}}}}},
    });
    let made = owner.post("/api/v1/connector-types", json!({"document": document})).await.ok();
    let connector = owner.post(CONNECTORS, json!({"type": made["id"]})).await.ok();
    let action = text(&made["actions"][0]["id"]);
    let run = format!("{CONNECTORS}/{}/actions/{action}?stream=true", text(&connector["id"]));
    let error = owner.post(&run, json!({})).await.refused(400, "validation_error");
    assert!(error["field"] == "stream" && text(&error["message"]).contains("maxPages"), "{error}");
    assert!(t.outside().take().is_empty());
}

/// A server that stops tells whoever reads, and notes how much was handed on.
async fn a_server_that_stops_notes_what_is_under_way(t: TestApp) {
    let owner = t.owner().await;
    let stream = format!("{}?stream=true", users(&owner).await);
    t.outside().flows(&place(), 100_000, true);
    let mut answer = owner.request("POST", &stream).json(&json!({})).send().await.unwrap();
    let id = answer.headers()["gatehouse-call-id"].to_str().unwrap().to_owned();
    assert!(!answer.chunk().await.unwrap().unwrap().is_empty());
    t.app.finish().await;
    let rows = owner.get("/api/v1/outbound-calls").await.ok();
    let row = &rows["data"][0];
    assert_eq!((&row["id"], &row["error"]), (&json!(id), &json!("stopped")), "{rows}");
    assert!(row["bytes"].as_i64().unwrap() > 0, "{row}");
    let broken = loop {
        match answer.chunk().await {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert!(broken.is_err(), "{broken:?}");
}

/// One person who takes all that one may leaves room for the others.
async fn nobody_takes_the_streams_of_the_others(t: TestApp) {
    let owner = t.owner().await;
    let stream = format!("{}?stream=true", users(&owner).await);
    let member = t.member_of(Role::Member).await;
    t.outside().flows(&place(), 100_000, true);
    let begin = async |by: &Client, patience: u64| {
        let sent = by.request("POST", &stream).json(&json!({})).send();
        tokio::time::timeout(Duration::from_secs(patience), sent).await
    };
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(begin(&owner, 20).await.unwrap().unwrap());
    }
    assert!(begin(&owner, 2).await.is_err(), "a fifth waits");
    for _ in 0..4 {
        let answer = begin(&member, 20).await.unwrap().unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        open.push(answer);
    }
    drop(open.remove(0));
    assert_eq!(begin(&owner, 20).await.unwrap().unwrap().status().as_u16(), 200);
}

on_both![start_with_outside:
    an_action_hands_the_products_answer_on,
    a_part_of_a_products_answer_does_not_end_like_a_whole,
    what_the_product_refuses_is_told_without_its_secrets,
    a_token_that_is_refused_is_replaced_once,
    what_comes_in_pages_is_not_streamed,
    a_server_that_stops_notes_what_is_under_way,
    nobody_takes_the_streams_of_the_others,
];
