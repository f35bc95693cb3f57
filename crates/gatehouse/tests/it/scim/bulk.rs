use serde_json::{Value, json};

use super::{ALL_SCOPES, GROUPS, USERS, provider, refused};
use crate::support::{Client, TestApp, on_both};

async fn bulk(provider: &Client, operations: Value, fail_on: Option<u64>) -> Vec<Value> {
    let mut body =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    if let Some(most) = fail_on {
        body["failOnErrors"] = json!(most);
    }
    let answer = provider.post("/scim/v2/Bulk", body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = answer.json();
    assert_eq!(answer["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]));
    answer["Operations"].as_array().unwrap().clone()
}

async fn each_operation_has_its_own_answer(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let done = bulk(&provider, json!([
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "G", "members": [{"value": "bulkId:u"}]}},
        {"method": "POST", "path": "/users", "bulkId": "u", "data": {"userName": "a@x.test"}},
        {"method": "PATCH", "path": "/Users/bulkId:u", "version": "W/\"1\"",
            "data": {"Operations": [{"op": "add", "path": "title", "value": "T"}]}},
        {"method": "POST", "path": "/Users", "bulkId": "again", "data": {"userName": "A@x.test"}},
        {"method": "DELETE", "path": "/Users/none"},
        {"method": "PUT", "path": "/Users/bulkId:nothing", "data": {"userName": "b@x.test"}},
        {"method": "PATCH", "path": "/Users/bulkId:u", "version": "W/\"1\"",
            "data": {"Operations": [{"op": "remove", "path": "title"}]}},
    ]), None)
    .await;
    let statuses: Vec<_> = done.iter().map(|d| d["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["201", "201", "200", "409", "404", "409", "412"]);
    assert_eq!(
        (&done[0]["bulkId"], &done[0]["version"], &done[0]["method"]),
        (&json!("g"), &json!("W/\"1\""), &json!("POST"))
    );
    assert_eq!(done[3]["response"]["scimType"], "uniqueness");
    let location = done[1]["location"].as_str().unwrap();
    let user = location.rsplit('/').next().unwrap();
    assert_eq!(done[2]["location"], json!(location));
    let groups = provider.get(GROUPS).await.ok();
    assert_eq!(groups["Resources"][0]["members"][0]["value"], user);
    assert_eq!(provider.get(&format!("{USERS}/{user}")).await.ok()["title"], "T");
}

async fn circles_are_closed_and_failures_are_counted(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let group = |id: &str, member: &str| {
        json!({"method": "POST", "path": "/Groups", "bulkId": id,
        "data": {"displayName": id, "members": [{"value": format!("bulkId:{member}")}]}})
    };
    let done = bulk(&provider, json!([group("a", "b"), group("b", "a")]), None).await;
    assert!(done.iter().all(|d| d["status"] == "201"), "{done:?}");
    let all = provider.get(GROUPS).await.ok();
    for group in all["Resources"].as_array().unwrap() {
        assert_eq!(group["members"][0]["type"], "Group", "{group}");
    }
    let post =
        |name: &str| json!({"method": "POST", "path": "/Users", "bulkId": name, "data": {"userName": name}});
    let gone = json!({"method": "DELETE", "path": "/Users/none"});
    let done = bulk(&provider, json!([post("x"), gone, gone, post("y")]), Some(1)).await;
    let statuses: Vec<_> = done.iter().map(|d| d["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["201", "404"]);
}

async fn a_bulk_request_is_bounded_and_reaches_no_further_than_its_token(t: TestApp) {
    let reader = provider(&t, &["users:read"]).await;
    let post = json!({"method": "POST", "path": "/Users", "bulkId": "u", "data": {"userName": "a@x.test"}});
    assert_eq!(bulk(&reader, json!([post]), None).await[0]["status"], "403");
    let bulk = async |body: Value| reader.post("/scim/v2/bulk", body).await;
    let many: Vec<_> = (0..1_001).map(|_| json!({"method": "DELETE", "path": "/Users/x"})).collect();
    refused(&bulk(json!({"Operations": many})).await, 413, None);
    refused(
        &bulk(json!({"Operations": [{"method": "POST", "path": "/Users"}]})).await,
        400,
        Some("invalidSyntax"),
    );
    refused(
        &bulk(json!({"Operations": [{"method": "GET", "path": "/Users"}]})).await,
        400,
        Some("invalidSyntax"),
    );
    let nested = json!({"Operations": [{"method": "POST", "path": "/Bulk", "bulkId": "b", "data": {}}]});
    assert_eq!(bulk(nested).await.ok()["Operations"][0]["status"], "404");
    refused(&reader.get("/scim/v2/Bulk").await, 405, None);
}

on_both![
    each_operation_has_its_own_answer,
    circles_are_closed_and_failures_are_counted,
    a_bulk_request_is_bounded_and_reaches_no_further_than_its_token,
];
