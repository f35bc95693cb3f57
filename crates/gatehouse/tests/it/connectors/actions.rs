//! Actions: parameters, pages, answers of the product.

use serde_json::{Value, json};

use super::{CONNECTORS, ICI, text};
use crate::support::{Client, TestApp, on_both};

/// A connector of Icertis by key: its path.
async fn by_key(owner: &Client) -> String {
    let body = json!({"type": "icertis-preview", "authType": "api-key",
        "fields": {"instance": "acme", "apiKey": "ici-key"}});
    let made = owner.post(CONNECTORS, body).await.ok();
    format!("{CONNECTORS}/{}", text(&made["id"]))
}

async fn parameters_are_judged_and_put_where_they_belong(t: TestApp) {
    let owner = t.owner().await;
    let path = by_key(&owner).await;
    let agreement = format!("{path}/actions/get-agreement");
    let error = owner.post(&agreement, json!({"parameters": {"contractType": "MSA"}})).await;
    let error = error.refused(400, "validation_error");
    assert!(
        text(&error["field"]).starts_with("parameters.") && text(&error["message"]).contains("agreement_id"),
        "{error}"
    );
    let odd = json!({"parameters": {"contractType": "MSA", "agreementId": "1", "colour": "red"}});
    owner.post(&agreement, odd).await.refused(400, "validation_error");
    owner.post(&format!("{path}/actions/no-such-action"), json!({})).await.refused(404, "not_found");
    let body = json!({"parameters": {"contract_type": "M/S A", "agreementId": "7"}});
    let done = owner.post(&agreement, body).await.ok();
    assert_eq!((&done["success"], &done["status"], &done["pages"]), (&json!(true), &json!(200), &json!(1)));
    let seen = t.outside().take_at("acme-business-api.icertis.com");
    assert_eq!(seen[0].path, "/api/v1/agreements/M%2FS%20A/7", "a value stays in its part of the path");
    // a value with an address of its own leads nowhere else
    let odd = json!({"parameters": {"contractType": "..", "agreementId": "7"}});
    owner.post(&agreement, odd).await.refused(400, "validation_error");
    assert!(t.outside().take().is_empty());
    // a trial sends nothing
    let body = json!({"parameters": {"contractType": "MSA", "agreementId": "7"}});
    let trial = owner.post(&format!("{agreement}?dryRun=true"), body).await.ok();
    assert_eq!((&trial["dryRun"], &trial["result"]["status"]), (&json!(true), &Value::Null));
    assert!(t.outside().take().is_empty());
}

async fn what_the_product_refuses_is_told(t: TestApp) {
    let owner = t.owner().await;
    let path = by_key(&owner).await;
    let users = format!("{path}/actions/list-users");
    t.outside().answer(&format!("{ICI}/api/Users"), 422, &json!({"message": "no such thing as ici-key"}));
    let done = owner.post(&users, json!({})).await.ok();
    assert_eq!((&done["success"], &done["status"]), (&json!(false), &json!(422)));
    let words = text(&done["message"]);
    assert!(words.contains("no such thing") && !words.contains("ici-key"), "{words}");
    t.outside().forget(&format!("{ICI}/api/Users"));
    t.outside().answer_with(&format!("{ICI}/api/Users"), 200, &[("content-type", "text/csv")], "a;b");
    let done = owner.post(&users, json!({})).await.ok();
    assert_eq!(done["output"], json!({"contentType": "text/csv", "text": "a;b"}));
    // an instance that is nowhere is told at once
    owner.put(&path, json!({"fields": {"instance": "nowhere", "apiKey": "ici-key"}})).await.ok();
    let gone = owner.post(&users, json!({})).await.refused(503, "service_unavailable");
    assert!(text(&gone["message"]).contains("nowhere-api.icertis.com"), "{gone}");
    let tested = owner.post_to(&format!("{path}/test")).await.ok();
    assert!(tested["success"] == false && text(&tested["message"]).contains("nowhere-api"), "{tested}");
}

async fn pages_are_fetched_within_the_bound_and_stay_at_home(t: TestApp) {
    let owner = t.owner().await;
    let document = json!({
        "openapi": "3.1.0",
        "info": {"title": "Paged"},
        "servers": [{"url": "https://petstore.example"}],
        "paths": {"/pets": {"get": {"operationId": "listPets", "responses": {"200": {"description": "ok",
            "headers": {"Link": {"schema": {"type": "string"}}},
            "content": {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}}}}}}},
    });
    let made = owner.post("/api/v1/connector-types", json!({"document": document})).await.ok();
    assert_eq!(made["actions"][0]["paged"], true, "{made}");
    let action = text(&made["actions"][0]["id"]);
    let connector = owner.post(CONNECTORS, json!({"type": made["id"]})).await.ok();
    let run = format!("{CONNECTORS}/{}/actions/{action}", text(&connector["id"]));
    let page = |n: u32, link: &str| {
        let link = format!("<{link}>; rel=\"next\"");
        let headers = if link.contains("<>") { vec![] } else { vec![("link", link.as_str())] };
        t.outside().answer_with("petstore.example/pets", 200, &headers, &json!([{"n": n}]).to_string());
    };
    page(1, "/pets?page=2");
    page(2, "https://petstore.example/pets?page=3");
    page(3, "");
    let done = owner.post(&run, json!({"maxPages": 10})).await.ok();
    assert_eq!(
        (&done["output"], &done["more"]),
        (&json!([{"n": 1}, {"n": 2}, {"n": 3}]), &json!(false)),
        "{done}"
    );
    assert_eq!(done["pages"], 3);
    t.outside().forget("petstore.example/pets");
    page(1, "/pets?page=2");
    let done = owner.post(&run, json!({})).await.ok();
    assert_eq!((&done["pages"], &done["more"]), (&json!(1), &json!(true)), "one page unless asked");
    // the credential goes nowhere else
    t.outside().forget("petstore.example/pets");
    page(1, "https://evil.example/pets");
    let done = owner.post(&run, json!({"maxPages": 5})).await.ok();
    assert!(text(&done["warnings"][0]).contains("another place"), "{done}");
    let error = owner.post(&run, json!({"maxPages": 51})).await.refused(400, "validation_error");
    assert_eq!(error["field"], "maxPages");
}

on_both![start_with_outside:
    parameters_are_judged_and_put_where_they_belong,
    what_the_product_refuses_is_told,
    pages_are_fetched_within_the_bound_and_stay_at_home,
];
