use serde_json::{Value, json};

use super::{CONNECTIONS, oidc, path_of, saml};
use crate::support::{Client, TestApp, on_both};

async fn names(by: &Client, query: &str) -> Vec<String> {
    let listed = by.get(&format!("{CONNECTIONS}?{query}")).await.ok();
    let names = listed["data"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap().to_owned());
    names.collect()
}

async fn each_filter_alone_and_all_together(t: TestApp) {
    let owner = t.owner().await;
    t.active_lab(&owner).await;
    owner.post(CONNECTIONS, saml("Partners 100%")).await.ok();
    owner.post(CONNECTIONS, oidc("Partners over OIDC")).await.ok();
    let broken = owner.post(CONNECTIONS, saml("Broken_one")).await.ok();
    owner.post_to(&format!("{}/test", path_of(&broken))).await.ok();
    let tested = owner.post(CONNECTIONS, t.lab_body("Tested").await).await.ok();
    owner.post_to(&format!("{}/test", path_of(&tested))).await.ok();

    assert_eq!(names(&owner, "").await.len(), 5);
    assert_eq!(names(&owner, "protocol=oidc").await, ["Partners over OIDC"]);
    assert_eq!(names(&owner, "protocol=saml").await.len(), 4);
    assert_eq!(names(&owner, "protocol=wsfed").await.len(), 0);
    assert_eq!(names(&owner, "status=active").await, ["Lab"]);
    assert_eq!(names(&owner, "status=inactive").await, ["Partners 100%", "Partners over OIDC"]);
    assert_eq!(names(&owner, "status=testing").await, ["Tested"]);
    assert_eq!(names(&owner, "status=error").await, ["Broken_one"]);
    assert_eq!(names(&owner, "name=partners").await, ["Partners 100%", "Partners over OIDC"]);
    assert_eq!(names(&owner, "name=OIDC").await, ["Partners over OIDC"]);
    assert_eq!(names(&owner, "protocol=saml&status=inactive&name=Part").await, ["Partners 100%"]);
    // what LIKE would take for a pattern is plain text
    assert_eq!(names(&owner, "name=%25").await, ["Partners 100%"]);
    assert_eq!(names(&owner, "name=_").await, ["Broken_one"]);
    assert_eq!(names(&owner, "name=%27").await.len(), 0);
    assert_eq!(names(&owner, "name=%5C").await.len(), 0);
}

async fn pages_are_disjoint_complete_and_in_a_stable_order(t: TestApp) {
    let owner = t.owner().await;
    for n in 0..7 {
        owner.post(CONNECTIONS, saml(&format!("Connection {n}"))).await.ok();
    }
    let all = names(&owner, "pageSize=100").await;
    assert_eq!(all.len(), 7);
    let mut paged = Vec::new();
    for page in 1..=3 {
        let listed = owner.get(&format!("{CONNECTIONS}?page={page}&pageSize=3")).await.ok();
        let wanted = json!({"page": page, "pageSize": 3, "totalItems": 7, "totalPages": 3});
        assert_eq!(listed["pagination"], wanted);
        paged.extend(names(&owner, &format!("page={page}&pageSize=3")).await);
    }
    assert_eq!(paged, all);
    let beyond = owner.get(&format!("{CONNECTIONS}?page=4&pageSize=3")).await.ok();
    assert_eq!(beyond["data"], json!([]));
    assert_eq!(beyond["pagination"]["totalItems"], 7);
    let empty = t.stranger().await.get(CONNECTIONS).await.ok();
    assert_eq!(empty["pagination"], json!({"page": 1, "pageSize": 50, "totalItems": 0, "totalPages": 0}));
}

async fn a_connection_is_listed_with_its_domains(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let listed: Value = owner.get(CONNECTIONS).await.ok();
    assert_eq!(listed["data"][0], owner.get(&lab.path).await.ok());
    assert_eq!(listed["data"][0]["domains"][0]["domain"], "lab.test");
}

on_both![
    each_filter_alone_and_all_together,
    pages_are_disjoint_complete_and_in_a_stable_order,
    a_connection_is_listed_with_its_domains,
];
