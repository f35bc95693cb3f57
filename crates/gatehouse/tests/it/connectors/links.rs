//! Reconnect links: a member connects one connector anew, once.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{CONNECTORS, claims, consent, icertis, text};
use crate::support::{Answer, Client, Form, TestApp, on_both};

/// A new link of a connector: the API's answer, and the path of its page.
async fn link(owner: &Client, path: &str) -> (Value, String) {
    let made = owner.post(&format!("{path}/reconnect-links"), json!({})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let url = text(&made.json()["url"]);
    (made.json(), url[url.find("/reconnect/").unwrap()..].to_owned())
}

/// Sends the form of a link's page.
async fn submit(browser: &Client, at: &str, values: &[(&str, &str)]) -> Answer {
    let page = browser.get(at).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let mut form = Form::to(&page.body, at);
    for (name, value) in values {
        form.fields.retain(|(known, _)| known != name);
        form.fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    form.send(browser).await
}

/// The address that a page leads on to.
fn leads_to(answer: &Answer) -> String {
    let at = answer.body.find("url=https").unwrap_or_else(|| panic!("{}", answer.body)) + 4;
    let url: String = answer.body[at..].chars().take_while(|c| *c != '"').collect();
    url.replace("&amp;", "&").replace("&#38;", "&")
}

async fn a_member_consents_by_a_link_once(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    let (made, at) = link(&owner, &path).await;
    assert_eq!(made["link"]["status"], "active");
    assert_eq!(t.client().get(&at).await.status, 303, "who is not signed in signs in first");
    t.person("viewer@main.test", Role::Viewer).await;
    let browser = t.browser("viewer@main.test").await;
    let shown = browser.get(&at).await;
    assert!(shown.body.contains("Contracts") && shown.body.contains("works once"), "{}", shown.body);
    let away = submit(&browser, &at, &[]).await;
    let landed = consent(&browser, &leads_to(&away)).await;
    assert_eq!(landed.status, 303, "{}", landed.body);
    assert_eq!(owner.get(&path).await.ok()["status"], "connected");
    // once
    assert_eq!(browser.get(&at).await.status, 404);
    let listed = owner.get(&format!("{path}/reconnect-links")).await.ok();
    assert_eq!((&listed["data"][0]["status"], &listed["data"][0]["url"]), (&json!("used"), &Value::Null));
    for event in ["connector.reconnect-link-created", "connector.reconnect-link-used", "grant.authorized"] {
        let found = owner.get(&format!("/api/v1/audit-events?event={event}")).await.ok();
        assert!(!found["data"].as_array().unwrap().is_empty(), "{event}");
    }
    // the viewer may nothing else
    let viewer = t.sign_in("viewer@main.test").await;
    viewer.get(&path).await.refused(403, "authorization_error");
}

/// A connector of the owner's with a link, and a member who has it open: owner, connector, link, browser.
async fn handed(t: &TestApp) -> (Client, String, String, Client) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    let (_, at) = link(&owner, &path).await;
    t.person("member@main.test", Role::Member).await;
    let browser = t.browser("member@main.test").await;
    (owner, path, at, browser)
}

/// A consent that is not ended uses nothing up; of two by one link the first that is kept counts.
async fn a_link_is_used_up_by_what_is_kept(t: TestApp) {
    let (owner, path, at, browser) = handed(&t).await;
    let first = leads_to(&submit(&browser, &at, &[]).await);
    let second = leads_to(&submit(&browser, &at, &[]).await);
    let listed = owner.get(&format!("{path}/reconnect-links")).await.ok();
    assert_eq!(listed["data"][0]["status"], "active", "{listed}");
    assert_eq!(consent(&browser, &first).await.status, 303);
    assert_eq!(owner.get(&path).await.ok()["status"], "connected");
    let late = consent(&browser, &second).await;
    assert!(late.status == 409 && late.body.contains("reconnect link was used"), "{}", late.body);
    assert_eq!(browser.get(&at).await.status, 404);
    let used = owner.get("/api/v1/audit-events?event=connector.reconnect-link-used").await.ok();
    assert_eq!(used["pagination"]["totalItems"], 1, "{used}");
}

async fn a_link_that_is_taken_back_meanwhile_keeps_nothing(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    let (made, at) = link(&owner, &path).await;
    let browser = t.browser("owner@main.test").await;
    let begun = leads_to(&submit(&browser, &at, &[]).await);
    owner.delete(&format!("{path}/reconnect-links/{}", text(&made["link"]["id"]))).await.ok();
    assert_eq!(consent(&browser, &begun).await.status, 409);
    assert_eq!(owner.get(&path).await.ok()["status"], "not_connected");
}

async fn a_link_takes_new_secrets_where_nobody_consents(t: TestApp) {
    let owner = t.owner().await;
    let body = json!({"type": "icertis-preview", "authType": "api-key",
        "fields": {"instance": "acme", "apiKey": "odd-key"}});
    let made = owner.post(CONNECTORS, body).await.ok();
    let path = format!("{CONNECTORS}/{}", text(&made["id"]));
    let (_, at) = link(&owner, &path).await;
    t.person("member@main.test", Role::Member).await;
    let browser = t.browser("member@main.test").await;
    let blank = submit(&browser, &at, &[("field-apiKey", "")]).await;
    assert_eq!(blank.status, 400, "a blank form uses nothing up: {}", blank.body);
    let kept = submit(&browser, &at, &[("field-apiKey", "ici-key")]).await;
    assert_eq!(kept.status, 303, "{}", kept.body);
    assert_eq!(owner.post_to(&format!("{path}/test")).await.ok()["success"], true);
    assert_eq!(browser.get(&at).await.status, 404);
}

async fn a_link_that_is_over_opens_nothing(t: TestApp) {
    let owner = t.owner().await;
    let path = icertis(&owner).await;
    let browser = t.browser("owner@main.test").await;
    let (made, at) = link(&owner, &path).await;
    let one = format!("{path}/reconnect-links/{}", text(&made["link"]["id"]));
    owner.delete(&one).await.ok();
    owner.delete(&one).await.ok();
    assert_eq!(browser.get(&at).await.status, 404);
    owner.delete(&format!("{path}/reconnect-links/cnl_1")).await.refused(404, "not_found");
    let (_, at) = link(&owner, &path).await;
    let other = t.stranger().await;
    drop(other);
    let foreign = t.browser("owner@other.test").await;
    assert_eq!(foreign.get(&at).await.status, 404, "of another company");
    let error = owner.post(&format!("{path}/reconnect-links"), json!({"expiresInDays": 31})).await;
    assert_eq!(error.refused(400, "validation_error")["field"], "expiresInDays");
    assert_eq!(browser.get(&at).await.status, 200);
    t.clock.advance(7 * 86_400 + 1);
    let browser = t.browser("owner@main.test").await;
    assert_eq!(browser.get(&at).await.status, 404, "after seven days");
    assert_eq!(browser.get("/reconnect/none").await.status, 404);
}

async fn a_link_ends_with_what_it_was_made_for(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    let browser = t.browser("owner@main.test").await;
    // what changes nothing of the client leaves links alone
    let (_, at) = link(&owner, &path).await;
    owner.put(&path, json!({"name": "Agreements", "fields": {"clientSecret": "the next one"}})).await.ok();
    assert_eq!(browser.get(&at).await.status, 200);
    // another client, another way to authenticate, another owner: what was meant is not there any more
    owner.put(&path, json!({"fields": {"tenantId": "t-2"}})).await.ok();
    assert_eq!(browser.get(&at).await.status, 404);
    let audit = owner.get("/api/v1/audit-events?event=connector.updated").await.ok();
    assert!(
        audit["data"].as_array().unwrap().iter().any(|e| e["details"]["reconnectLinksRevoked"] == 1),
        "{audit}"
    );
    let (_, at) = link(&owner, &path).await;
    owner.put(&path, json!({"authType": "api-key", "fields": {"apiKey": "k"}})).await.ok();
    assert_eq!(browser.get(&at).await.status, 404);
    let (_, at) = link(&owner, &path).await;
    owner.put(&path, json!({"ownerKind": "person"})).await.ok();
    assert_eq!(browser.get(&at).await.status, 404);
    owner.put(&path, json!({"ownerKind": "service"})).await.ok();
    assert_eq!(browser.get(&at).await.status, 404, "and it stays so");
    let listed = owner.get(&format!("{path}/reconnect-links")).await.ok();
    assert!(listed["data"].as_array().unwrap().iter().all(|l| l["status"] == "revoked"), "{listed}");
}

async fn a_consent_that_began_before_a_change_comes_too_late(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    for change in [
        json!({"ownerKind": "person"}),
        json!({"ownerKind": "service"}),
        json!({"fields": {"tenantId": "t-2"}}),
    ] {
        let begun = owner.post_to(&format!("{path}/authorize")).await.ok();
        owner.put(&path, change.clone()).await.ok();
        let late = consent(&owner, &text(&begun["redirectUrl"])).await;
        assert_eq!(late.status, 403, "{change}: {}", late.body);
        assert_eq!(owner.get(&path).await.ok()["status"], "not_connected");
    }
}

/// Tries are paced before anything is used up: a person who tried too often still has the link.
async fn a_link_is_not_used_up_by_who_tries_too_often(t: TestApp) {
    let (owner, path, at, browser) = handed(&t).await;
    let member = t.sign_in("member@main.test").await;
    owner.put(&format!("{path}/user-authentications"), json!({"enabled": true})).await.ok();
    let id = path.rsplit('/').next().unwrap();
    let mut refused = 0;
    for _ in 0..70 {
        let answer = member.post_to(&format!("/api/v1/me/connections/{id}/authorize")).await;
        refused += usize::from(answer.status == 429);
    }
    assert!(refused > 0, "tries are bounded");
    assert_eq!(submit(&browser, &at, &[]).await.status, 429);
    assert_eq!(browser.get(&at).await.status, 200, "it still opens");
    // what was begun and never ended counts for a quarter of an hour
    t.clock.advance(901);
    let away = submit(&browser, &at, &[]).await;
    assert_eq!(consent(&browser, &leads_to(&away)).await.status, 303);
    let owner = t.sign_in("owner@main.test").await;
    assert_eq!(owner.get(&path).await.ok()["status"], "connected");
}

on_both![start_with_outside:
    a_link_ends_with_what_it_was_made_for,
    a_consent_that_began_before_a_change_comes_too_late,
    a_link_is_not_used_up_by_who_tries_too_often,
    a_member_consents_by_a_link_once,
    a_link_is_used_up_by_what_is_kept,
    a_link_that_is_taken_back_meanwhile_keeps_nothing,
    a_link_takes_new_secrets_where_nobody_consents,
    a_link_that_is_over_opens_nothing,
];
