//! The pages of provisioning, as plain forms.

use serde_json::json;

use super::{ALL_SCOPES, TOKENS, USERS, person, provider};
use crate::support::{Answer, Client, TestApp, on_both};

const PAGE: &str = "/settings/security/scim";

/// A form with the proof that its page holds, as a browser sends it.
async fn submit(browser: &Client, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
    let shown = browser.get(page).await;
    let proof = shown.body.split("name=\"csrf\" value=\"").nth(1).expect(&shown.body);
    let proof = proof.split('"').next().unwrap().to_owned();
    let mut all = vec![("csrf".to_owned(), proof)];
    all.extend(fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    browser.form(action, &all).await
}

async fn a_token_is_made_shown_once_revoked_and_deleted_in_the_console(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    let page = browser.get(PAGE).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains(&t.app.public_url().join("/scim/v2")) && page.body.contains("No tokens yet"));
    let make = format!("{PAGE}/tokens");
    let refused = submit(&browser, PAGE, &make, &[("name", ""), ("users", "true")]).await;
    assert!(refused.status == 400 && refused.body.contains("Token name is required"), "{}", refused.body);
    let none = submit(&browser, PAGE, &make, &[("name", "None")]).await;
    assert!(none.status == 400 && none.body.contains("at least one scope"), "{}", none.body);
    let fields = [("name", "Okta"), ("users", "true"), ("expiresInDays", "30")];
    let made = submit(&browser, PAGE, &make, &fields).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let at = made.body.match_indices("scim_").map(|(at, _)| at);
    let values = at.map(|at| made.body[at..].split(['"', '<', '.']).next().unwrap());
    let value = values.max_by_key(|v| v.len()).unwrap().to_owned();
    let provider = t.client().with_token(&value);
    provider.get(USERS).await.ok();
    assert_eq!(provider.get("/scim/v2/Groups").await.status, 403);
    let page = browser.get(PAGE).await.body;
    assert!(page.contains("Okta") && !page.contains(&value), "{page}");
    let taken = submit(&browser, PAGE, &make, &fields).await;
    assert!(
        taken.status == 400 && taken.body.contains("A SCIM token with this name exists."),
        "{}",
        taken.body
    );
    let listed = t.owner().await.get(TOKENS).await.ok();
    let token = format!("{PAGE}/tokens/{}", listed["data"][0]["id"].as_str().unwrap());
    for step in ["revoke", "delete"] {
        let ask = format!("{token}/{step}");
        assert!(browser.get(&ask).await.body.contains("Okta?"));
        let done = submit(&browser, &ask, &ask, &[]).await;
        assert_eq!((done.status, done.location()), (303, Some(PAGE)));
        assert_eq!(provider.get(USERS).await.status, 401);
    }
    assert!(browser.get(PAGE).await.body.contains("No tokens yet"));
    assert_eq!(browser.get(&format!("{token}/revoke")).await.status, 404);
}

async fn activities_are_listed_and_filtered_in_the_console(t: TestApp) {
    let (provider, browser) = (provider(&t, &ALL_SCOPES).await, t.browser("owner@main.test").await);
    let list = format!("{PAGE}/activities");
    assert!(browser.get(&list).await.body.contains("No activities yet"));
    person(&provider, "ada@x.test").await;
    provider.post(USERS, json!({"userName": "<b>"})).await.ok();
    assert_eq!(provider.post(USERS, json!({"userName": "ada@x.test"})).await.status, 409);
    let all = browser.get(&list).await.body;
    assert!(all.contains("ada@x.test") && all.contains("has this userName") && !all.contains("<b>"), "{all}");
    let refused = browser.get(&format!("{list}?status=error&startDate=2001-01-01")).await.body;
    assert!(refused.contains("has this userName") && !refused.contains("<td>ada@x.test</td>"), "{refused}");
    assert!(browser.get(&format!("{list}?operation=delete")).await.body.contains("Nothing found"));
    assert!(browser.get(&format!("{list}?live=1")).await.body.contains("every 5s"));
    let odd = browser.get(&format!("{list}?startDate=yesterday")).await;
    assert!(odd.status == 400 && odd.body.contains("startDate must be a date"), "{}", odd.body);
    let page = browser.get(PAGE).await.body;
    assert!(page.contains("2 added, 0 removed"), "{page}");
}

async fn roles_of_groups_are_looked_at_and_saved_in_the_console(t: TestApp) {
    let (provider, browser) = (provider(&t, &ALL_SCOPES).await, t.browser("owner@main.test").await);
    assert!(browser.get(PAGE).await.body.contains("There are no groups yet"));
    let ada = person(&provider, "ada@x.test").await;
    let members = json!([{"value": super::id(&ada)}]);
    let group =
        provider.post(super::GROUPS, json!({"displayName": "Staff <b>", "members": members})).await.ok();
    let group = super::id(&group);
    let (look, save) = (format!("{PAGE}/role-mappings"), format!("{PAGE}/role-mappings/save"));
    let role = async || {
        let found = t.owner().await.get("/api/v1/users?email=ada@x.test").await.ok();
        found["data"][0]["role"].as_str().unwrap_or("none").to_owned()
    };
    let fields = [("group", group.as_str()), ("role", "member")];
    let shown = submit(&browser, PAGE, &look, &fields).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    let row = "<td>ada@x.test</td><td>viewer</td><td>member</td>";
    assert!(shown.body.contains(row) && !shown.body.contains("Staff <b>"), "{}", shown.body);
    assert_eq!(role().await, "viewer");
    let saved = submit(&browser, PAGE, &save, &fields).await;
    assert_eq!(
        (saved.status, saved.location()),
        (303, Some("/settings/security/scim#roles")),
        "{}",
        saved.body
    );
    assert_eq!(role().await, "member");
    let people = browser.get("/settings/people").await.body;
    assert!(people.contains("from a group"), "{people}");
    let refused = submit(&browser, PAGE, &look, &[("group", group.as_str()), ("role", "owner")]).await;
    assert!(refused.status == 400 && refused.body.contains("No group makes owners"), "{}", refused.body);
    // another group in its place: who was in the first one alone is out
    let other = super::id(&provider.post(super::GROUPS, json!({"displayName": "Other"})).await.ok());
    let fields = [("group", group.as_str()), ("role", ""), ("group", other.as_str()), ("role", "viewer")];
    let shown = submit(&browser, PAGE, &look, &fields).await.body;
    let row = "<td>ada@x.test</td><td>member</td><td>no access</td>";
    assert!(shown.contains(row) && shown.contains("end their access"), "{shown}");
    let cleared = [("group", group.as_str()), ("role", ""), ("group", ""), ("role", "member")];
    let shown = submit(&browser, PAGE, &look, &cleared).await.body;
    assert!(shown.contains("No group gives a role"), "{shown}");
    assert_eq!(submit(&browser, PAGE, &save, &cleared).await.status, 303);
    assert_eq!(role().await, "member");
}

on_both![
    a_token_is_made_shown_once_revoked_and_deleted_in_the_console,
    activities_are_listed_and_filtered_in_the_console,
    roles_of_groups_are_looked_at_and_saved_in_the_console,
];
