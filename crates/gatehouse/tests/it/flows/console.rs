//! The console's pages of flows, as plain forms.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{FLOWS, made, mirror, text};
use crate::support::{Answer, Client, Form, TestApp, on_both};

const PAGES: &str = "/flows";

/// Fills the form of a page that goes to `action`, and sends it.
pub(super) async fn submit(browser: &Client, page: &str, action: &str, values: &[(&str, &str)]) -> Answer {
    let shown = browser.get(page).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    let mut form = Form::to(&shown.body, action);
    for (name, value) in values {
        form.fields.retain(|(known, _)| known != name);
        form.fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    form.send(browser).await
}

/// The page that an answer leads to.
pub(super) async fn followed(browser: &Client, answer: &Answer) -> Answer {
    assert_eq!(answer.status, 303, "{}", answer.body);
    browser.get(answer.location().unwrap()).await
}

async fn a_flow_is_made_edited_and_deployed_without_javascript(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    let empty = browser.get(PAGES).await;
    assert!(empty.body.contains("No flows yet"), "{}", empty.body);
    let new = format!("{PAGES}/new");
    let refused = submit(&browser, &new, &new, &[("name", " ")]).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("The name must be one line"), "{}", refused.body);
    let sent = submit(&browser, &new, &new, &[("name", "Orders"), ("description", "Books them.")]).await;
    let page = sent.location().unwrap().to_owned();
    let editor = followed(&browser, &sent).await;
    for part in
        ["<h1>Orders</h1>", "name=\"definition\"", "<flow-editor", "flow-editor.js", "Draft", "Books them."]
    {
        assert!(editor.body.contains(part), "{part}: {}", editor.body);
    }
    // what is no JSON, or no flow, is said at its field, and what was typed stays
    let typed = "{\"nodes\": [}";
    let refused = submit(&browser, &page, &page, &[("definition", typed)]).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("look at line 1") && refused.body.contains("[}"), "{}", refused.body);
    let typed = json!({"nodes": [{"id": "start", "kind": "start"}], "edges": []}).to_string();
    let refused = submit(&browser, &page, &page, &[("definition", &typed)]).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("has no node of the kind end"), "{}", refused.body);

    let saved = submit(&browser, &page, &page, &[("definition", &mirror().to_string())]).await;
    assert!(followed(&browser, &saved).await.body.contains("The draft was saved."));
    let definition = mirror().to_string();
    let deployed = submit(&browser, &page, &page, &[("definition", &definition), ("then", "deploy")]).await;
    let shown = followed(&browser, &deployed).await;
    assert!(shown.body.contains("Version 1 is deployed.") && shown.body.contains("Version 1 deployed"));
    let list = browser.get(&format!("{PAGES}?search=order&status=deployed")).await;
    assert!(list.body.contains(&page) && list.body.contains("Version 1 deployed"), "{}", list.body);
    assert!(browser.get(&format!("{PAGES}?search=nothing")).await.body.contains("Nothing found"));
}

async fn two_editors_do_not_overwrite_each_other(t: TestApp) {
    let (owner, browser) = (t.owner().await, t.browser("owner@main.test").await);
    let id = made(&owner, "Shared", mirror()).await;
    let page = format!("{PAGES}/{id}");
    let mut form = Form::to(&browser.get(&page).await.body, &page);
    owner.put(&format!("{FLOWS}/{id}"), json!({"description": "changed meanwhile"})).await.ok();
    form.fields.push(("definition".to_owned(), mirror().to_string()));
    let refused = form.send(&browser).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(refused.body.contains("Somebody else changed this flow meanwhile"), "{}", refused.body);
    let kept = owner.get(&format!("{FLOWS}/{id}")).await.ok();
    assert_eq!(kept["description"], "changed meanwhile");
}

async fn a_version_is_shown_and_becomes_the_draft_again(t: TestApp) {
    let (owner, browser) = (t.owner().await, t.browser("owner@main.test").await);
    let id = made(&owner, "Versions", mirror()).await;
    owner.post_to(&format!("{FLOWS}/{id}/deploy")).await.ok();
    let mut other = mirror();
    other["nodes"][1]["output"] = json!("other");
    owner.put(&format!("{FLOWS}/{id}"), json!({"definition": other})).await.ok();
    let page = format!("{PAGES}/{id}");
    assert!(browser.get(&page).await.body.contains("Version 1 deployed, draft changed"));
    let list = browser.get(&format!("{page}/versions")).await;
    let version = format!("{page}/versions/1");
    assert!(list.body.contains(&version) && list.body.contains("In service"), "{}", list.body);
    assert!(browser.get(&version).await.body.contains("{{ input }}"));
    let restored = submit(&browser, &version, &format!("{version}/restore"), &[]).await;
    assert!(followed(&browser, &restored).await.body.contains("The draft is version 1 again."));
    let flow = owner.get(&format!("{FLOWS}/{id}")).await.ok();
    assert_eq!((&flow["definition"], &flow["changedSinceDeployment"]), (&mirror(), &json!(false)));
    assert_eq!(browser.get(&format!("{page}/versions/2")).await.status, 404);
}

async fn a_flow_goes_out_and_in_as_a_file(t: TestApp) {
    let (owner, browser) = (t.owner().await, t.browser("owner@main.test").await);
    let mut definition = mirror();
    definition["nodes"][0]["inputs"] =
        json!([{"name": "pin", "type": "string", "secret": true, "default": "1234"}]);
    let id = made(&owner, "Out & in", definition).await;
    let page = format!("{PAGES}/{id}");
    let file = submit(&browser, &page, &format!("{page}/export"), &[]).await;
    assert_eq!(file.status, 200, "{}", file.body);
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"out---in.flow.json\""));
    assert!(!file.body.contains("1234"), "{}", file.body);
    let import = format!("{PAGES}/import");
    let refused = submit(&browser, &import, &import, &[("package", "{}")]).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("This is no exported flow"), "{}", refused.body);
    let sent = submit(&browser, &import, &import, &[("package", &file.body), ("name", "Came back")]).await;
    let shown = followed(&browser, &sent).await;
    assert!(shown.body.contains("<h1>Came back</h1>") && shown.body.contains("It cannot be deployed yet."));
    assert!(shown.body.contains("A secret was left out"), "{}", shown.body);
    let again = sent.location().unwrap();
    let tried = submit(&browser, again, &format!("{again}/deploy"), &[]).await;
    assert!(followed(&browser, &tried).await.body.contains("The flow is not complete."));
}

async fn undeploying_and_deleting_ask_first(t: TestApp) {
    let (owner, browser) = (t.owner().await, t.browser("owner@main.test").await);
    let id = made(&owner, "Going", mirror()).await;
    owner.post_to(&format!("{FLOWS}/{id}/deploy")).await.ok();
    let page = format!("{PAGES}/{id}");
    let undeploy = format!("{page}/undeploy");
    assert!(browser.get(&undeploy).await.body.contains("What is under way goes on."));
    let kept = submit(&browser, &format!("{page}/delete"), &format!("{page}/delete"), &[]).await;
    assert!(followed(&browser, &kept).await.body.contains("Undeploy it first."));
    let gone = submit(&browser, &undeploy, &undeploy, &[]).await;
    assert!(followed(&browser, &gone).await.body.contains("The flow is out of service."));
    let deleted = submit(&browser, &format!("{page}/delete"), &format!("{page}/delete"), &[]).await;
    assert!(followed(&browser, &deleted).await.body.contains("The flow was deleted."));
    assert_eq!(browser.get(&page).await.status, 404);
}

async fn pages_show_and_do_what_the_role_may(t: TestApp) {
    let owner = t.owner().await;
    let id = made(&owner, "Guarded", mirror()).await;
    let page = format!("{PAGES}/{id}");
    t.person("member@main.test", Role::Member).await;
    t.person("viewer@main.test", Role::Viewer).await;
    let member = t.browser("member@main.test").await;
    let shown = member.get(&page).await;
    assert!(shown.body.contains("<flow-editor") && !shown.body.contains("/export"), "{}", shown.body);
    assert_eq!(member.get(&format!("{page}/delete")).await.status, 403);
    let viewer = t.browser("viewer@main.test").await;
    for path in [PAGES.to_owned(), page.clone(), format!("{PAGES}/new"), format!("{PAGES}/import")] {
        assert_eq!(viewer.get(&path).await.status, 403, "{path}");
    }
    // another workspace's flow is none
    let stranger = t.stranger().await;
    let other = made(&stranger, "Elsewhere", mirror()).await;
    assert_eq!(member.get(&format!("{PAGES}/{other}")).await.status, 404);
    // a form of somebody else's page changes nothing
    let sent = member.form(&page, &[("name".to_owned(), "Stolen".to_owned())]).await;
    assert_eq!(sent.status, 403, "{}", sent.body);
    assert_eq!(text(&owner.get(&format!("{FLOWS}/{id}")).await.ok()["name"]), "Guarded");
}

async fn the_editor_is_told_what_can_be_chosen(t: TestApp) {
    let (owner, browser) = (t.owner().await, t.browser("owner@main.test").await);
    let connector = json!({"type": "icertis-preview", "authType": "api-key", "name": "Contracts <&>",
        "fields": {"instance": "acme", "apiKey": "ici-key"}});
    let connector = text(&owner.post("/api/v1/connectors", connector).await.ok()["id"]);
    let id = made(&owner, "Choosing", mirror()).await;
    let shown = browser.get(&format!("{PAGES}/{id}")).await;
    let told = attribute(&shown.body, "data-connectors");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told[0]["id"], &told[0]["name"]), (&json!(connector), &json!("Contracts <&>")));
    assert!(told[0]["actions"].as_array().unwrap().iter().any(|a| a["id"] == "list-users"), "{told}");
    assert!(!shown.body.contains("ici-key"));
}

/// An attribute of the editor, without its escapes.
fn attribute(page: &str, name: &str) -> String {
    let mark = format!("{name}=\"");
    let at = page.find(&mark).unwrap() + mark.len();
    let raw = &page[at..at + page[at..].find('"').unwrap()];
    raw.replace("&#34;", "\"")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
}

on_both![
    a_flow_is_made_edited_and_deployed_without_javascript,
    two_editors_do_not_overwrite_each_other,
    a_version_is_shown_and_becomes_the_draft_again,
    a_flow_goes_out_and_in_as_a_file,
    undeploying_and_deleting_ask_first,
    pages_show_and_do_what_the_role_may,
    the_editor_is_told_what_can_be_chosen,
];
