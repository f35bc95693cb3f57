use serde_json::json;

use super::{ALL_SCOPES, ENTERPRISE, USERS, at, found, id, patch, person, provider, query, refused};
use crate::support::{TestApp, on_both};

async fn a_fresh_workspace_lists_its_owner(t: TestApp) {
    let provider = provider(&t, &["users:read"]).await;
    let all = provider.get(USERS).await.ok();
    assert_eq!(
        (&all["totalResults"], &all["startIndex"], &all["itemsPerPage"]),
        (&json!(1), &json!(1), &json!(1))
    );
    let owner = &all["Resources"][0];
    assert_eq!((&owner["userName"], &owner["active"]), (&json!("owner@main.test"), &json!(true)));
    assert_eq!(owner["emails"][0]["value"], "owner@main.test");
    // who comes by other ways is there as well
    t.person("later@main.test", gatehouse_types::Role::Member).await;
    assert_eq!(
        found(&provider, USERS, r#"userName eq "LATER@main.test""#, "userName").await,
        ["later@main.test"]
    );
    // and never in another workspace
    let other = t.workspace("Other").await;
    t.person_in(&other, "hidden@other.test", gatehouse_types::Role::Member).await;
    assert_eq!(provider.get(USERS).await.ok()["totalResults"], 2);
}

async fn a_person_lives_from_post_to_delete(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "userName": "Ada@x.test", "externalId": "00u1", "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [{"value": "ada@x.test", "type": "work", "primary": true}], "active": true, "password": "secret",
        "id": "mine", "meta": {"created": "x"}, "groups": [{"value": "g"}], "unknown": 1,
        ENTERPRISE: {"department": "R&D", "employeeNumber": "7"},
    });
    let answer = provider.post("/scim/v2/users", body.clone()).await;
    assert_eq!(answer.status, 201);
    let made = answer.json();
    let path = at(USERS, &made);
    let location = t.app.public_url().join(&path);
    assert_eq!(answer.location(), Some(location.as_str()));
    assert_eq!(answer.header("etag"), Some("W/\"1\""));
    assert_eq!((&made["meta"]["location"], &made["meta"]["version"]), (&json!(location), &json!("W/\"1\"")));
    assert_eq!((&made["userName"], &made["name"]["givenName"]), (&json!("Ada@x.test"), &json!("Ada")));
    assert_eq!(made[ENTERPRISE], json!({"department": "R&D", "employeeNumber": "7"}));
    assert_eq!(made["schemas"].as_array().unwrap().len(), 2);
    for gone in ["password", "unknown", "groups"] {
        assert!(made.get(gone).is_none(), "{made}");
    }
    assert_eq!(provider.get(&path).await.ok(), made);
    // the same again, under any case
    let mut again = body.clone();
    again["userName"] = json!("ADA@X.test");
    refused(&provider.post(USERS, again).await, 409, Some("uniqueness"));

    let replaced =
        json!({"userName": "ada@x.test", "displayName": "Ada", "emails": [{"value": "ada@x.test"}]});
    let after = provider.put(&path, replaced).await.ok();
    assert_eq!(
        (&after["displayName"], &after["active"], after.get("externalId")),
        (&json!("Ada"), &json!(true), None)
    );
    assert_eq!((&after["id"], &after["meta"]["created"]), (&made["id"], &made["meta"]["created"]));
    assert_eq!(after["meta"]["version"], "W/\"2\"");
    let answer =
        patch(&provider, &path, json!([{"op": "replace", "path": "title", "value": "Countess"}])).await;
    assert_eq!((answer.ok()["title"].clone(), answer.header("etag")), (json!("Countess"), Some("W/\"3\"")));
    // nothing changes, nothing moves
    let same =
        patch(&provider, &path, json!([{"op": "replace", "path": "title", "value": "Countess"}])).await;
    assert_eq!(same.header("etag"), Some("W/\"3\""));

    let gone = provider.delete(&path).await;
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    refused(&provider.get(&path).await, 404, None);
    refused(&provider.delete(&path).await, 404, None);
    refused(&patch(&provider, &path, json!([{"op": "remove", "path": "title"}])).await, 404, None);
    person(&provider, "ada@x.test").await;
}

async fn what_is_wrong_is_told_with_its_kind(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    for (body, status, kind) in [
        (json!({"displayName": "x"}), 400, Some("invalidValue")),
        (json!({"userName": ""}), 400, Some("invalidValue")),
        (json!({"userName": "a", "active": "perhaps"}), 400, Some("invalidValue")),
        (json!({"userName": "a\u{0}"}), 400, Some("invalidValue")),
        (json!({"userName": "a", "title": "x".repeat(40_000)}), 400, Some("invalidValue")),
        (json!([]), 400, Some("invalidSyntax")),
    ] {
        refused(&provider.post(USERS, body).await, status, kind);
    }
    refused(&provider.post_to(USERS).await, 400, Some("invalidSyntax"));
    let path = at(USERS, &person(&provider, "a@x.test").await);
    for (operations, kind) in [
        (json!([{"op": "replace", "path": "nothing", "value": 1}]), "invalidPath"),
        (json!([{"op": "replace", "path": "id", "value": "x"}]), "mutability"),
        (json!([{"op": "remove", "path": "userName"}]), "invalidValue"),
        (json!([{"op": "remove"}]), "noTarget"),
        (json!([]), "invalidSyntax"),
    ] {
        refused(&patch(&provider, &path, operations).await, 400, Some(kind));
    }
    assert_eq!(provider.get(&path).await.header("etag"), Some("W/\"1\""));
    for odd in ["filter=userName", "filter=nothing%20pr", "count=x", "sortBy=nothing"] {
        let kind = if odd.starts_with("filter") { "invalidFilter" } else { "invalidValue" };
        refused(&provider.get(&format!("{USERS}?{odd}")).await, 400, Some(kind));
    }
    refused(&provider.put(USERS, json!({})).await, 405, None);
    refused(&provider.get(&format!("{USERS}/x/y")).await, 404, None);
    // another workspace's ids look like none
    t.workspace("Other").await;
    let owner = t.sign_in("owner@other.test").await;
    let token = owner.post(super::TOKENS, json!({"name": "x", "scopes": ALL_SCOPES})).await.ok();
    let other = t.client().with_token(token["plainValue"].as_str().unwrap());
    refused(&other.get(&path).await, 404, None);
    refused(&other.delete(&path).await, 404, None);
}

async fn scopes_are_kept_to(t: TestApp) {
    let all = provider(&t, &ALL_SCOPES).await;
    let made = person(&all, "a@x.test").await;
    let path = at(USERS, &made);
    let reader = provider(&t, &["users:read"]).await;
    reader.get(&path).await.ok();
    let said = refused(&reader.post(USERS, json!({"userName": "b"})).await, 403, None);
    assert!(said.contains("users:write") && said.contains("decision dec_"), "{said}");
    refused(&reader.put(&path, json!({"userName": "b"})).await, 403, None);
    refused(&patch(&reader, &path, json!([{"op": "remove", "path": "title"}])).await, 403, None);
    refused(&reader.delete(&path).await, 403, None);
    refused(&reader.get("/scim/v2/Groups").await, 403, None);
    let writer = provider(&t, &["groups:read", "groups:write"]).await;
    refused(&writer.get(USERS).await, 403, None);
    refused(&writer.get(&path).await, 403, None);
    writer.post("/scim/v2/Groups", json!({"displayName": "g", "members": [{"value": id(&made)}]})).await.ok();
}

async fn versions_are_entity_tags(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let path = at(USERS, &person(&provider, "a@x.test").await);
    let conditional = async |method: &str, header: &str, tag: &str, body: serde_json::Value| {
        let request =
            provider.request(method, &path).header(header, tag).header("content-type", "application/json");
        provider.send(if body.is_null() { request } else { request.body(body.to_string()) }).await
    };
    let unchanged = conditional("GET", "if-none-match", "W/\"1\"", json!(null)).await;
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    assert_eq!(conditional("GET", "if-none-match", "W/\"0\"", json!(null)).await.status, 200);
    let title = |value: &str| json!({"Operations": [{"op": "add", "path": "title", "value": value}]});
    refused(&conditional("PATCH", "if-match", "W/\"9\"", title("a")).await, 412, None);
    conditional("PATCH", "if-match", "W/\"1\"", title("a")).await.ok();
    refused(&conditional("PUT", "if-match", "W/\"1\"", json!({"userName": "a@x.test"})).await, 412, None);
    refused(&conditional("DELETE", "if-match", "\"1\"", json!(null)).await, 412, None);
    assert_eq!(conditional("DELETE", "if-match", "*", json!(null)).await.status, 204);
}

async fn writers_at_the_same_time_lose_nothing(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let path = at(USERS, &person(&provider, "a@x.test").await);
    let writes = ["title", "nickName", "locale", "userType"].map(|attribute| {
        let (provider, path) = (provider.clone(), path.clone());
        tokio::spawn(async move {
            let operations = json!([{"op": "add", "path": attribute, "value": attribute}]);
            patch(&provider, &path, operations).await
        })
    });
    for write in writes {
        write.await.unwrap().ok();
    }
    let after = provider.get(&path).await.ok();
    for attribute in ["title", "nickName", "locale", "userType"] {
        assert_eq!(after[attribute], attribute, "{after}");
    }
    assert_eq!(after["meta"]["version"], "W/\"5\"");
    // of many who make the same, one does
    let makers = [0; 6].map(|_| {
        let provider = provider.clone();
        tokio::spawn(async move { provider.post(USERS, json!({"userName": "same@x.test"})).await.status })
    });
    let mut statuses = Vec::new();
    for maker in makers {
        statuses.push(maker.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
}

async fn pages_orders_and_attributes_are_chosen(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    for (name, title) in [("c@x.test", Some("B")), ("a@x.test", None), ("b@x.test", Some("a"))] {
        let path = at(USERS, &person(&provider, name).await);
        if let Some(title) = title {
            patch(&provider, &path, json!([{"op": "add", "path": "title", "value": title}])).await.ok();
        }
    }
    let names = async |pairs: &[(&str, &str)]| {
        let answer = provider.get(&format!("{USERS}?{}", query(pairs))).await.ok();
        let names = answer["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["userName"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>(), answer["totalResults"].as_i64().unwrap())
    };
    let xs = ("filter", r#"userName ew "@x.test""#);
    let (made, total) = names(&[xs]).await;
    assert_eq!((made, total), (vec!["c@x.test".into(), "a@x.test".into(), "b@x.test".into()], 3));
    let sorted = names(&[xs, ("sortBy", "userName")]).await.0;
    assert_eq!(sorted, ["a@x.test", "b@x.test", "c@x.test"]);
    let sorted = names(&[xs, ("sortBy", "title"), ("sortOrder", "ascending")]).await.0;
    assert_eq!(sorted, ["b@x.test", "c@x.test", "a@x.test"]);
    let sorted = names(&[xs, ("sortBy", "title"), ("sortOrder", "descending")]).await.0;
    assert_eq!(sorted, ["a@x.test", "c@x.test", "b@x.test"]);
    for by in ["emails", "emails.value", "meta.created", "id", "active", "name.familyName", "externalId"] {
        assert_eq!(names(&[xs, ("sortBy", by)]).await.1, 3, "{by}");
    }
    assert_eq!(names(&[xs, ("startIndex", "2"), ("count", "1")]).await, (vec!["a@x.test".to_owned()], 3));
    assert_eq!(names(&[xs, ("count", "0")]).await, (Vec::new(), 3));
    assert_eq!(names(&[xs, ("startIndex", "9")]).await, (Vec::new(), 3));
    assert_eq!(names(&[xs, ("startIndex", "-3"), ("count", "2")]).await.0.len(), 2);
    let only = provider
        .get(&format!("{USERS}?{}", query(&[xs, ("attributes", "userName,emails.value")])))
        .await
        .ok();
    let first = &only["Resources"][0];
    assert_eq!(first["emails"], json!([{"value": "c@x.test"}]));
    let keys: Vec<_> = first.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys.len(), 4, "{keys:?}");
    let without = provider.get(&format!("{USERS}?excludedAttributes=emails,meta")).await.ok();
    assert!(without["Resources"][0].get("emails").is_none() && without["Resources"][0].get("id").is_some());
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": xs.1, "count": 2,
        "startIndex": 2, "attributes": ["userName"]});
    for path in ["/scim/v2/Users/.search", "/scim/v2/.search"] {
        let answer = provider.post(path, body.clone()).await.ok();
        assert_eq!((&answer["totalResults"], &answer["itemsPerPage"]), (&json!(3), &json!(2)), "{answer}");
    }
    provider.post("/scim/v2/Groups", json!({"displayName": "G"})).await.ok();
    let both = provider
        .get(&format!("/scim/v2?{}", query(&[("filter", r#"displayName eq "g" or userName sw "a@""#)])))
        .await
        .ok();
    assert_eq!((&both["totalResults"], &both["Resources"][1]["displayName"]), (&json!(2), &json!("G")));
}

on_both![
    a_fresh_workspace_lists_its_owner,
    a_person_lives_from_post_to_delete,
    what_is_wrong_is_told_with_its_kind,
    scopes_are_kept_to,
    versions_are_entity_tags,
    writers_at_the_same_time_lose_nothing,
    pages_orders_and_attributes_are_chosen,
];
