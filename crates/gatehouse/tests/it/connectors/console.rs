//! The console's pages of connectors.

use gatehouse_types::Role;
use serde_json::json;

use super::{CLIENT, SECRET, claims, consent, icertis, text};
use crate::support::{Answer, Client, Form, TestApp, on_both};

const PAGES: &str = "/integrations/connectors";

/// Fills the form of a page that goes to `action`, and sends it.
async fn submit(browser: &Client, page: &str, action: &str, values: &[(&str, &str)]) -> Answer {
    let shown = browser.get(page).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    let mut form = Form::to(&shown.body, action);
    for (name, value) in values {
        form.fields.retain(|(known, _)| known != name);
        form.fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    form.send(browser).await
}

/// The address that a page leads on to.
fn leads_to(answer: &Answer) -> String {
    let at = answer.body.find("url=https").unwrap_or_else(|| panic!("{} {}", answer.status, answer.body)) + 4;
    let url: String = answer.body[at..].chars().take_while(|c| *c != '"').collect();
    url.replace("&amp;", "&").replace("&#38;", "&")
}

async fn r149_a_connector_is_searched_chosen_and_connected(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    t.outside().claims(claims());
    let list = browser.get(&format!("{PAGES}?search=icertis")).await;
    assert!(list.body.contains("Icertis - Preview") && !list.body.contains("Zendesk"), "{}", list.body);
    let new = format!("{PAGES}/new/icertis-preview");
    assert!(list.body.contains(&new), "{}", list.body);
    let dialog = browser.get(&new).await;
    for part in [
        "<h1>Connect to Icertis - Preview</h1>",
        "OAuth 2.0 authorization code",
        "API key",
        "/oauth/callback/",
    ] {
        assert!(dialog.body.contains(part), "{part}: {}", dialog.body);
    }
    // what is wrong is said at its field, and what was entered stays
    let values = [("ownerKind", "service"), ("field-instance", "acme"), ("field-tenantId", "t-1")];
    let refused = submit(&browser, &new, &new, &values).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body.contains("Client ID must be filled in.") && refused.body.contains("value=\"t-1\""),
        "{}",
        refused.body
    );
    let secret =
        [("field-clientId", CLIENT), ("field-clientSecret", SECRET), ("field-scope", "api://x/.default")];
    let all: Vec<_> = values.into_iter().chain(secret).collect();
    let away = submit(&browser, &new, &new, &all).await;
    let url = leads_to(&away);
    assert!(url.starts_with("https://login.microsoftonline.com/t-1/"), "{url}");
    let landed = consent(&browser, &url).await;
    assert_eq!(landed.status, 303, "{}", landed.body);
    let page = landed.location().unwrap().to_owned();
    let shown = browser.get(&page).await;
    assert!(shown.body.contains("Connected") && !shown.body.contains(SECRET), "{}", shown.body);
    for part in
        ["To hand over", "Core.API.OAuth.ValidAudiences", "Guide", "Reconnect links", "Re-authenticate"]
    {
        assert!(shown.body.contains(part), "{part}");
    }
    let tested = submit(&browser, &page, &format!("{page}/test"), &[]).await;
    assert!(
        tested.body.contains("The test passed.") && tested.body.contains("Bearer ••••••••"),
        "{}",
        tested.body
    );
}

async fn the_callback_told_before_is_the_one_that_is_used(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    let new = format!("{PAGES}/new/icertis-preview");
    let dialog = browser.get(&new).await;
    let at = dialog.body.find("/oauth/callback/").unwrap() + 16;
    let told: String = dialog.body[at..].chars().take_while(|c| *c != '"').collect();
    // opened again it proposes the same, and each product its own
    assert!(browser.get(&new).await.body.contains(&told));
    assert!(!browser.get(&format!("{PAGES}/new/hubspot-crm")).await.body.contains(&told));
    let mut form = Form::to(&dialog.body, &new);
    for (name, value) in [
        ("ownerKind", "service"),
        ("field-instance", "acme"),
        ("field-clientId", CLIENT),
        ("field-clientSecret", SECRET),
        ("field-tenantId", "t-1"),
        ("field-scope", "api://x/.default"),
    ] {
        form.fields.retain(|(known, _)| known != name);
        form.fields.push((name.to_owned(), value.to_owned()));
    }
    let url = leads_to(&form.send(&browser).await);
    assert!(super::query(&url)["redirect_uri"].ends_with(&told), "{url}");
    // a second time the same form makes nothing
    form.fields.retain(|(known, _)| known != "name");
    form.fields.push(("name".to_owned(), "Again".to_owned()));
    let again = form.send(&browser).await;
    assert!(again.status == 400 && again.body.contains("sent before"), "{}", again.body);
    assert!(!browser.get(&new).await.body.contains(&told), "it is taken now");
}

async fn the_other_pages_do_what_their_buttons_say(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    let page = path.replace("/api/v1/connectors", PAGES);
    let browser = t.browser("owner@main.test").await;
    // values
    let kept = submit(&browser, &page, &page, &[("name", "Agreements"), ("field-clientSecret", "")]).await;
    assert_eq!(kept.status, 303, "{}", kept.body);
    let now = owner.get(&path).await.ok();
    assert_eq!((&now["name"], &now["secretsSet"]), (&json!("Agreements"), &json!(["clientSecret"])));
    // the tab of user authentications
    let tab = format!("{page}/user-authentications");
    let shown = browser.get(&tab).await;
    for part in [
        "Enable user authentications for this connector",
        "In non-interactive mode, when no user authentication is available during the flow execution",
        "Fallback to connector user",
        "Fallback to connector user and generate a warning on the flow execution",
        "Pause flows and wait for the user to authenticate",
        "End flow with error",
        "Save changes",
    ] {
        assert!(shown.body.contains(part), "{part}");
    }
    let saved = submit(&browser, &tab, &tab, &[("enabled", "true"), ("nonInteractiveMode", "pause")]).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    let set = owner.get(&format!("{path}/user-authentications")).await.ok();
    assert_eq!((&set["enabled"], &set["nonInteractiveMode"]), (&json!(true), &json!("pause")));
    // my connections
    t.person("member@main.test", Role::Member).await;
    let member = t.browser("member@main.test").await;
    let mine = "/account/connections";
    let id = text(&now["id"]);
    let away = submit(&member, mine, &format!("{mine}/{id}/authorize"), &[]).await;
    assert_eq!(consent(&member, &leads_to(&away)).await.location(), Some(mine));
    assert!(member.get(mine).await.body.contains("Connected"));
    assert_eq!(member.get(&format!("{mine}/{id}/disconnect")).await.status, 200);
    let gone = submit(&member, mine, &format!("{mine}/{id}/disconnect"), &[]).await;
    assert_eq!(gone.status, 303, "{}", gone.body);
    assert!(member.get(mine).await.body.contains("Not connected"));
    assert_eq!(member.get(&format!("{page}/user-authentications")).await.status, 403);
    assert_eq!(member.get(PAGES).await.status, 200, "members use connectors");
    // a link, taken back
    let linked = submit(&browser, &page, &format!("{page}/links"), &[]).await;
    assert!(linked.body.contains("/reconnect/"), "{}", linked.body);
    let row = owner.get(&format!("{path}/reconnect-links")).await.ok();
    let revoke = format!("{page}/links/{}/revoke", text(&row["data"][0]["id"]));
    assert_eq!(submit(&browser, &page, &revoke, &[]).await.status, 303);
    // the end, with whom it hits
    let question = browser.get(&format!("{page}/delete")).await;
    assert!(
        question.body.contains("Everything that calls the product through it fails"),
        "{}",
        question.body
    );
    assert_eq!(submit(&browser, &page, &format!("{page}/delete"), &[]).await.location(), Some(PAGES));
    owner.get(&path).await.refused(404, "not_found");
}

async fn a_document_becomes_a_type_on_its_page(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    let new = format!("{PAGES}/types/new");
    let odd = submit(&browser, &new, &new, &[("document", "a: [")]).await;
    assert!(odd.status == 400 && odd.body.contains("neither JSON nor YAML"), "{}", odd.body);
    let document = json!({"openapi": "3.1.0", "info": {"title": "Shop"}, "servers": [{"url": "https://shop.example"}],
        "paths": {"/orders": {"get": {"operationId": "listOrders", "responses": {"200": {"description": "ok"}}},
            "options": {"operationId": "odd", "responses": {}}}}});
    let made = submit(&browser, &new, &new, &[("document", &document.to_string())]).await;
    assert_eq!(made.status, 303, "{}", made.body);
    let page = made.location().unwrap().to_owned();
    let shown = browser.get(&page).await;
    assert!(shown.body.contains("list-orders") || shown.body.contains("listorders"), "{}", shown.body);
    assert!(browser.get(&format!("{PAGES}?search=shop")).await.body.contains("What is in it"));
    assert_eq!(submit(&browser, &page, &format!("{page}/delete"), &[]).await.location(), Some(PAGES));
    assert_eq!(browser.get(&page).await.status, 404);
}

async fn every_connect_dialog_opens(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    let owner = t.owner().await;
    let mut count = 0;
    for page in [1, 2] {
        let listed = owner.get(&format!("/api/v1/connector-types?pageSize=100&page={page}")).await.ok();
        for one in listed["data"].as_array().unwrap() {
            for way in one["authTypes"].as_array().unwrap() {
                let at = format!("{PAGES}/new/{}?auth={}", text(&one["id"]), text(&way["id"]));
                let dialog = browser.get(&at).await;
                assert_eq!(dialog.status, 200, "{at}: {}", dialog.body);
                count += 1;
            }
        }
    }
    assert!(count > 240, "{count}");
}

async fn a_product_without_actions_says_so(t: TestApp) {
    let owner = t.owner().await;
    let browser = t.browser("owner@main.test").await;
    let words = "Connection only";
    let bare = async |wanted: bool| {
        for page in 1.. {
            let found = owner.get(&format!("/api/v1/connector-types?page={page}")).await.ok();
            let all = found["data"].as_array().unwrap();
            assert!(!all.is_empty(), "there are both kinds");
            if let Some(one) = all.iter().find(|k| (k["actionCount"] == 0) == wanted) {
                return (text(&one["id"]), text(&one["name"]));
            }
        }
        unreachable!()
    };
    for wanted in [true, false] {
        let (id, name) = bare(wanted).await;
        let new = browser.get(&format!("{PAGES}/new/{id}")).await.body;
        assert_eq!(new.contains(words), wanted, "{id}: {new}");
        let search: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let list = browser.get(&format!("{PAGES}?search={search}")).await.body;
        assert!(!wanted || list.contains(words), "{name}: {list}");
    }
    // a connector's page lists what it can do
    let page = icertis(&owner).await.replace("/api/v1/connectors", PAGES);
    let shown = browser.get(&page).await.body;
    assert!(shown.contains(">Actions<") && shown.contains("<code>list-users</code>"), "{shown}");
}

on_both![start_with_outside:
    r149_a_connector_is_searched_chosen_and_connected,
    the_callback_told_before_is_the_one_that_is_used,
    the_other_pages_do_what_their_buttons_say,
];
on_both![
    a_product_without_actions_says_so,
    a_document_becomes_a_type_on_its_page,
    every_connect_dialog_opens
];
