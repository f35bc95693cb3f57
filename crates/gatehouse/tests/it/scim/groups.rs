use serde_json::{Value, json};

use super::{ALL_SCOPES, GROUPS, USERS, at, found, id, patch, person, provider, refused};
use crate::support::{Client, TestApp, on_both};

async fn names(provider: &Client, path: &str) -> Vec<String> {
    let group = provider.get(&format!("{path}?attributes=members.display")).await.ok();
    let members = group["members"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<_> = members.iter().map(|m| m["display"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

async fn a_group_lives_from_post_to_delete(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let (a, b) = (person(&provider, "a@x.test").await, person(&provider, "b@x.test").await);
    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Staff",
        "externalId": "g1", "members": [{"value": id(&a), "display": "made up"}]});
    let answer = provider.post("/scim/v2/groups", body.clone()).await;
    assert_eq!(answer.status, 201);
    let made = answer.json();
    let path = at(GROUPS, &made);
    let place = t.app.public_url().join(&at(USERS, &a));
    assert_eq!(made["members"], json!([{"value": id(&a), "$ref": place, "type": "User"}]));
    refused(&provider.post(GROUPS, json!({"displayName": "STAFF"})).await, 409, Some("uniqueness"));
    // the person shows the group
    let groups = provider.get(&at(USERS, &a)).await.ok()["groups"].clone();
    assert_eq!((&groups[0]["value"], &groups[0]["display"]), (&made["id"], &json!("Staff")));
    // members stay where they are not named, and go where they are
    let after = provider.put(&path, json!({"displayName": "All"})).await.ok();
    assert_eq!((&after["displayName"], after["members"].as_array().unwrap().len()), (&json!("All"), 1));
    let both = json!({"displayName": "All", "members": [{"value": id(&a)}, {"value": id(&b)}]});
    assert_eq!(provider.put(&path, both).await.ok()["members"].as_array().unwrap().len(), 2);
    let without = provider.get(&format!("{path}?excludedAttributes=members")).await.ok();
    assert!(without.get("members").is_none(), "{without}");
    assert!(
        provider.get(&format!("{GROUPS}?excludedAttributes=Members")).await.ok()["Resources"][0]
            .get("members")
            .is_none()
    );
    // a deleted person is no member any more
    assert_eq!(provider.delete(&at(USERS, &b)).await.status, 204);
    assert_eq!(names(&provider, &path).await, ["a@x.test"]);
    assert_eq!(provider.delete(&path).await.status, 204);
    refused(&provider.get(&path).await, 404, None);
    assert!(provider.get(&at(USERS, &a)).await.ok().get("groups").is_none());
}

async fn members_come_and_go_one_by_one_and_never_more_than_named(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d"] {
        ids.push(id(&person(&provider, &format!("{name}@x.test")).await));
    }
    let members: Vec<Value> = ids.iter().take(3).map(|i| json!({"value": i})).collect();
    let path = at(GROUPS, &provider.post(GROUPS, json!({"displayName": "G", "members": members})).await.ok());
    let change = async |operations: Value| {
        let answer = patch(&provider, &path, operations).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    };
    // Entra: by value; Okta: by filter
    change(json!([{"op": "Remove", "path": "members", "value": [{"value": ids[0]}]}])).await;
    assert_eq!(names(&provider, &path).await, ["b@x.test", "c@x.test"]);
    change(json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", ids[1])}])).await;
    assert_eq!(names(&provider, &path).await, ["c@x.test"]);
    change(json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": ids[3]}]}])).await;
    change(json!([{"op": "remove", "path": "members", "value": []}])).await;
    change(json!([{"op": "remove", "path": "members", "value": [{"value": "scu_0198c5f0e8a07c3fa1b2c3d4e5f60718"}]}])).await;
    assert_eq!(names(&provider, &path).await, ["c@x.test", "d@x.test"]);
    // what was there already changes nothing
    let tag = provider.get(&path).await.header("etag").map(str::to_owned);
    change(json!([{"op": "add", "path": "members", "value": [{"value": ids[3]}]}])).await;
    assert_eq!(provider.get(&path).await.header("etag").map(str::to_owned), tag);
    change(json!([{"op": "replace", "value": {"displayName": "H"}}])).await;
    assert_eq!(names(&provider, &path).await, ["c@x.test", "d@x.test"]);
    let named = format!("{path}?attributes=displayName");
    let asked = patch(&provider, &named, json!([{"op": "replace", "path": "displayName", "value": "I"}]));
    assert_eq!(asked.await.ok()["displayName"], "I");
    change(json!([{"op": "remove", "path": "members[type eq \"User\" and display sw \"C\"]"}])).await;
    assert_eq!(names(&provider, &path).await, ["d@x.test"]);
    change(json!([{"op": "replace", "path": "members", "value": [{"value": ids[0]}]}])).await;
    assert_eq!(names(&provider, &path).await, ["a@x.test"]);
    change(json!([{"op": "remove", "path": "members"}])).await;
    assert!(names(&provider, &path).await.is_empty());
    let unknown =
        patch(&provider, &path, json!([{"op": "add", "path": "members", "value": [{"value": "nobody"}]}]))
            .await;
    refused(&unknown, 400, Some("invalidValue"));
    let own = path.rsplit('/').next().unwrap();
    let itself =
        patch(&provider, &path, json!([{"op": "add", "path": "members", "value": [{"value": own}]}])).await;
    refused(&itself, 400, Some("invalidValue"));
}

async fn groups_are_found_by_their_names_and_members(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let a = person(&provider, "a@x.test").await;
    let inner = provider
        .post(GROUPS, json!({"displayName": "Inner", "externalId": "E1", "members": [{"value": id(&a)}]}))
        .await
        .ok();
    let outer =
        provider.post(GROUPS, json!({"displayName": "Outer", "members": [{"value": id(&inner)}]})).await.ok();
    assert_eq!(outer["members"][0]["type"], "Group");
    assert_eq!(names(&provider, &at(GROUPS, &outer)).await, ["Inner"]);
    let (a, inner) = (id(&a), id(&inner));
    for (filter, expected) in [
        (r#"displayName eq "inner""#.to_owned(), vec!["Inner"]),
        (r#"externalId eq "E1""#.to_owned(), vec!["Inner"]),
        (r#"externalId eq "e1""#.to_owned(), vec![]),
        (format!(r#"id eq "{inner}" and members eq "{a}""#), vec!["Inner"]),
        (format!(r#"id eq "{inner}" and members eq "{inner}""#), vec![]),
        (format!(r#"members.value eq "{a}""#), vec!["Inner"]),
        (format!(r#"members[value eq "{a}" and type eq "User"]"#), vec!["Inner"]),
        (r#"members[type eq "Group"]"#.to_owned(), vec!["Outer"]),
        (r#"members.display co "a@x""#.to_owned(), vec!["Inner"]),
        (format!(r#"not (members eq "{a}")"#), vec!["Outer"]),
        ("members pr".to_owned(), vec!["Inner", "Outer"]),
        (r#"displayName sw "o" or displayName ew "R""#.to_owned(), vec!["Inner", "Outer"]),
    ] {
        assert_eq!(found(&provider, GROUPS, &filter, "displayName").await, expected, "{filter}");
    }
    assert_eq!(found(&provider, USERS, &format!(r#"groups eq "{inner}""#), "userName").await, ["a@x.test"]);
    assert_eq!(
        found(&provider, USERS, r#"groups[display eq "INNER" and type eq "direct"]"#, "userName").await,
        ["a@x.test"]
    );
}

async fn members_added_at_the_same_time_are_all_there(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let path = at(GROUPS, &provider.post(GROUPS, json!({"displayName": "G"})).await.ok());
    let mut all = Vec::new();
    for n in 0..4 {
        let member = id(&person(&provider, &format!("p{n}@x.test")).await);
        let (provider, path) = (provider.clone(), path.clone());
        all.push(tokio::spawn(async move {
            patch(&provider, &path, json!([{"op": "add", "path": "members", "value": [{"value": member}]}]))
                .await
                .status
        }));
    }
    for one in all {
        assert_eq!(one.await.unwrap(), 204);
    }
    assert_eq!(names(&provider, &path).await.len(), 4);
}

on_both![
    a_group_lives_from_post_to_delete,
    members_come_and_go_one_by_one_and_never_more_than_named,
    groups_are_found_by_their_names_and_members,
    members_added_at_the_same_time_are_all_there,
];
