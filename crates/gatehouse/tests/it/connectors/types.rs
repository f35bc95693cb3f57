//! The catalogue over the API.

use serde_json::{Value, json};

use super::{TYPES, text};
use crate::support::{TestApp, on_both};

async fn r150_every_product_is_listed_and_opened(t: TestApp) {
    let owner = t.owner().await;
    let first = owner.get(&format!("{TYPES}?pageSize=100")).await.ok();
    let second = owner.get(&format!("{TYPES}?pageSize=100&page=2")).await.ok();
    let total = first["pagination"]["totalItems"].as_u64().unwrap();
    let mut all: Vec<Value> = first["data"].as_array().unwrap().clone();
    all.extend(second["data"].as_array().unwrap().clone());
    assert_eq!((all.len() as u64, total), (151, 151));
    let names: Vec<_> = all.iter().map(|c| text(&c["name"]).to_lowercase()).collect();
    assert!(names.is_sorted());
    for one in &all {
        let id = text(&one["id"]);
        let opened = owner.get(&format!("{TYPES}/{id}")).await.ok();
        assert_eq!(opened["name"], one["name"]);
        assert!(!text(&opened["icon"]).is_empty() && !text(&opened["category"]).is_empty(), "{id}");
        let ways = opened["authentication"].as_array().unwrap();
        assert_eq!(ways.len(), opened["authTypes"].as_array().unwrap().len(), "{id}");
        for way in ways {
            let asked = way["fields"].as_array().unwrap().iter().chain(opened["fields"].as_array().unwrap());
            let keys: Vec<_> = asked.map(|f| text(&f["key"])).collect();
            assert!(keys.iter().all(|k| k.chars().all(|c| c.is_ascii_alphanumeric())), "{id}: {keys:?}");
        }
        assert_eq!(opened["actions"].as_array().unwrap().len() as u64, one["actionCount"].as_u64().unwrap());
    }
    for (id, kinds) in [
        ("icertis-preview", &["oauth2_code", "api_key"][..]),
        ("salesforce", &["oauth2_code"]),
        ("docusign", &["oauth2_code"]),
        ("sharepoint-online-oauth", &["oauth2_code"]),
        ("sharepoint-server-oauth", &["oauth2_code"]),
        ("sharepoint-server-password", &["basic"]),
    ] {
        let found = all.iter().find(|c| c["id"] == id).unwrap_or_else(|| panic!("{id}"));
        let has: Vec<_> = found["authTypes"].as_array().unwrap().iter().map(|a| text(&a["kind"])).collect();
        assert!(kinds.iter().all(|kind| has.iter().any(|h| h == kind)), "{id}: {has:?}");
    }
}

async fn types_are_searched_and_an_unknown_one_is_told(t: TestApp) {
    let owner = t.owner().await;
    let found = owner.get(&format!("{TYPES}?search=ICERTIS")).await.ok();
    assert_eq!(
        (found["data"].as_array().unwrap().len(), &found["data"][0]["id"]),
        (1, &json!("icertis-preview"))
    );
    let crm = owner.get(&format!("{TYPES}?category=crm&pageSize=100")).await.ok();
    assert!(crm["data"].as_array().unwrap().iter().all(|c| c["category"] == "crm"));
    assert!(crm["pagination"]["totalItems"].as_u64().unwrap() > 3);
    assert_eq!(owner.get(&format!("{TYPES}?source=workspace")).await.ok()["pagination"]["totalItems"], 0);
    assert_eq!(
        owner.get(&format!("{TYPES}?source=elsewhere")).await.refused(400, "validation_error")["field"],
        "source"
    );
    owner.get(&format!("{TYPES}?pageSize=101")).await.refused(400, "validation_error");
    owner.get(&format!("{TYPES}/no-such-product")).await.refused(404, "not_found");
    owner.get(&format!("{TYPES}/..%2f..%2fetc")).await.refused(404, "not_found");
}

on_both![r150_every_product_is_listed_and_opened, types_are_searched_and_an_unknown_one_is_told];
