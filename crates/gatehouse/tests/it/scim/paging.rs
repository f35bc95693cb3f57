//! Pages of a whole directory: each entry once, wherever they begin, while others come and go.

use serde_json::json;

use super::{ALL_SCOPES, GROUPS, USERS, at, found, id, person, provider, query, refused};
use crate::support::{Client, TestApp, on_both};

async fn ids(provider: &Client, base: &str, pairs: &[(&str, &str)]) -> (Vec<String>, i64) {
    let answer = provider.get(&format!("{base}?{}", query(pairs))).await.ok();
    let ids = answer["Resources"].as_array().unwrap().iter().map(id).collect();
    (ids, answer["totalResults"].as_i64().unwrap())
}

async fn every_entry_is_on_one_page_whoever_comes_and_goes(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let (mut everybody, _) = ids(&provider, USERS, &[]).await;
    for n in 0..12 {
        everybody.push(id(&person(&provider, &format!("p{n}@x.test")).await));
    }
    let walk = async |base: &str, step: usize| {
        let mut all = Vec::new();
        loop {
            let (start, count) = ((all.len() + 1).to_string(), step.to_string());
            let (page, total) = ids(&provider, base, &[("startIndex", &start), ("count", &count)]).await;
            if page.is_empty() {
                assert_eq!(usize::try_from(total).unwrap(), all.len());
                return all;
            }
            all.extend(page);
        }
    };
    assert_eq!(walk(USERS, 5).await, everybody);
    // settled or not
    t.clock.advance(600);
    t.work().await;
    assert_eq!(walk(USERS, 4).await, everybody);
    for gone in [0_usize, 5, 9] {
        let gone = everybody.remove(gone + 1);
        assert_eq!(provider.delete(&format!("{USERS}/{gone}")).await.status, 204);
    }
    assert_eq!(walk(USERS, 3).await, everybody);
    // who comes by another way is there as well
    t.person("late@main.test", gatehouse_types::Role::Member).await;
    assert_eq!(walk(USERS, 100).await.len(), everybody.len() + 1);
    t.clock.advance(600);
    t.work().await;
    let up = walk(USERS, 6).await;
    let mut down = Vec::new();
    for start in ["1", "6", "11"] {
        let pairs = [("sortOrder", "descending"), ("startIndex", start), ("count", "5")];
        down.extend(ids(&provider, USERS, &pairs).await.0);
    }
    down.reverse();
    assert_eq!(down, up);
    assert_eq!(
        ids(&provider, USERS, &[("sortBy", "id"), ("startIndex", "3"), ("count", "1")]).await.0,
        up[2..3]
    );
    assert_eq!(ids(&provider, USERS, &[("count", "0")]).await, (Vec::new(), 11));
    assert_eq!(ids(&provider, USERS, &[("startIndex", "999999999999")]).await, (Vec::new(), 11));

    assert_eq!(ids(&provider, GROUPS, &[]).await, (Vec::new(), 0));
    let mut groups = Vec::new();
    for n in 0..5 {
        groups.push(id(&provider.post(GROUPS, json!({"displayName": format!("g{n}")})).await.ok()));
    }
    assert_eq!(walk(GROUPS, 2).await, groups);
    assert_eq!(provider.delete(&format!("{GROUPS}/{}", groups.remove(2))).await.status, 204);
    assert_eq!(walk(GROUPS, 2).await, groups);
    let told = t.owner().await.get("/api/v1/scim/statistics").await.ok();
    assert_eq!((&told["totalUsers"], &told["totalGroups"]), (&json!(11), &json!(4)), "{told}");
    // a change that is refused moves nothing
    refused(&provider.post(USERS, json!({"userName": "p1@x.test"})).await, 409, Some("uniqueness"));
    assert_eq!(walk(USERS, 100).await.len(), 11);
}

async fn names_and_addresses_are_found_by_their_beginning_and_whole(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    for name in ["ab@x.test", "aba@x.test", "AC@x.test", "\u{e4}b@x.test", "a\u{10FFFF}", "a_b%"] {
        let emails = json!([{"value": format!("m.{name}"), "type": "work"}, {"value": "shared@x.test", "type": "home"}]);
        let made = provider.post(USERS, json!({"userName": name, "emails": emails, "active": false})).await;
        assert_eq!(made.status, 201, "{}", made.body);
    }
    for (filter, names) in [
        (r#"userName sw "AB""#, vec!["ab@x.test", "aba@x.test"]),
        (r#"userName sw "a\u{10FFFF}""#, vec!["a\u{10FFFF}"]),
        (r#"userName sw "a_""#, vec!["a_b%"]),
        (r#"userName sw "\u{e4}""#, vec!["\u{e4}b@x.test"]),
        (r#"emails.value eq "M.ab@x.test""#, vec!["ab@x.test"]),
        (r#"emails eq "m.ab@x.test""#, vec!["ab@x.test"]),
        (r#"emails[type eq "work" and value eq "m.ab@x.test"]"#, vec!["ab@x.test"]),
        (r#"emails[type eq "home" and value eq "m.ab@x.test"]"#, vec![]),
        (r#"emails[type eq "work"].value eq "m.aba@x.test""#, vec!["aba@x.test"]),
        (r#"emails.value eq "shared@x.test" and userName sw "ac""#, vec!["AC@x.test"]),
        (r#"not (emails.value eq "shared@x.test")"#, vec!["owner@main.test"]),
    ] {
        let filter = filter.replace("\\u{10FFFF}", "\u{10FFFF}").replace("\\u{e4}", "\u{e4}");
        assert_eq!(found(&provider, USERS, &filter, "userName").await, names, "{filter}");
    }
    // an address of another workspace is found in none
    t.workspace("Other").await;
    let owner = t.sign_in("owner@other.test").await;
    let token = owner.post(super::TOKENS, json!({"name": "x", "scopes": ALL_SCOPES})).await.ok();
    let other = t.client().with_token(token["plainValue"].as_str().unwrap());
    assert!(found(&other, USERS, r#"emails.value eq "shared@x.test""#, "userName").await.is_empty());
    let sorted =
        ids(&provider, USERS, &[("sortBy", "userName"), ("sortOrder", "descending"), ("count", "2")]).await.0;
    let first = provider.get(&at(USERS, &json!({"id": sorted[0]}))).await.ok();
    assert_eq!(first["userName"], "\u{e4}b@x.test");
}

on_both![
    every_entry_is_on_one_page_whoever_comes_and_goes,
    names_and_addresses_are_found_by_their_beginning_and_whole,
];
