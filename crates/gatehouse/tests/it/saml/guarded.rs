//! What an administrator could do by mistake on the page, and is asked about first.

use gatehouse_types::Role;
use serde_json::json;

use crate::support::{Form, LabConnection, TestApp, on_both};

const PAGE: &str = "/settings/security/sso";
const SETTINGS: &str = "/api/v1/sso/settings";

/// The page's connection is active and mandatory, and Ada came in through it.
async fn in_use(t: &TestApp) -> LabConnection {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    owner.put(SETTINGS, json!({"connectionId": lab.id})).await.ok();
    owner.post_to(&format!("{SETTINGS}/enable")).await.ok();
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303);
    lab
}

async fn another_protocol_takes_a_tick_when_people_use_the_present_one(t: TestApp) {
    let lab = in_use(&t).await;
    let (owner, browser) = (t.owner().await, t.browser("owner@main.test").await);
    let link = owner.post("/api/v1/sso/setup-links", json!({"connectionId": lab.id})).await.ok();
    let mut form = Form::to(&browser.get(&format!("{PAGE}?tab=enable")).await.body, PAGE);
    form.fields.retain(|(name, _)| name == "csrf");
    for (name, value) in [
        ("protocol", "wsfed"),
        ("provider", "other"),
        ("signOnUrl", "https://nowhere.test/sts"),
        ("metadataUrl", "https://nowhere.test/metadata.xml"),
        ("defaultRole", "member"),
    ] {
        form.fields.push((name.to_owned(), value.to_owned()));
    }
    let asked = form.send(&browser).await;
    assert_eq!(asked.status, 400, "{}", asked.body);
    assert!(asked.body.contains("One person signed in through it during the last 14 days"), "{}", asked.body);
    assert_eq!(owner.get(&lab.path).await.ok()["status"], "active");
    assert_eq!(owner.get(SETTINGS).await.ok()["inForce"], true);
    form.fields.push(("replace".to_owned(), "true".to_owned()));
    let done = form.send(&browser).await;
    assert_eq!(done.status, 303, "{}", done.body);
    owner.get(&lab.path).await.refused(404, "not_found");
    // its links are not shown as if they led anywhere
    let links = owner.get("/api/v1/sso/setup-links").await.ok();
    let listed = links["data"].as_array().unwrap().iter().find(|l| l["id"] == link["link"]["id"]).unwrap();
    assert_eq!(listed["status"], "revoked", "{listed}");
}

async fn the_last_domain_of_a_mandatory_connection_stays(t: TestApp) {
    let lab = in_use(&t).await;
    let (owner, browser) = (t.owner().await, t.browser("owner@main.test").await);
    let path = format!("{}/domains/{}", lab.path, lab.domain);
    owner.delete(&path).await.refused(409, "conflict");
    let asked = browser.get(&format!("{PAGE}/domains/{}/remove", lab.domain)).await.body;
    assert!(asked.contains("One person with such an address signed in through it"), "{asked}");
    let second = t.prove(&owner, &lab.path, "second.test").await;
    owner.delete(&path).await.ok();
    // apart from single sign-on is no help
    owner.put(SETTINGS, json!({"connectionId": lab.id})).await.ok();
    owner.delete(&format!("{}/domains/{second}", lab.path)).await.refused(409, "conflict");
    owner.post_to(&format!("{SETTINGS}/disable")).await.ok();
    owner.delete(&format!("{}/domains/{second}", lab.path)).await.ok();
}

async fn what_waits_and_what_else_there_is_stand_on_the_page(t: TestApp) {
    let lab = in_use(&t).await;
    let (owner, browser) = (t.owner().await, t.browser("owner@main.test").await);
    let draft = owner.post(&format!("{}/drafts", lab.path), json!({"defaultRole": "viewer"})).await.ok();
    let made = owner.post("/api/v1/sso/connections", t.lab_body("Another one").await).await.ok();
    let page = browser.get(&format!("{PAGE}?tab=enable")).await.body;
    assert!(page.contains(&format!("{PAGE}/drafts/{}", draft["id"].as_str().unwrap())), "{page}");
    assert!(page.contains("Other connections") && page.contains("Another one"), "{page}");
    let shown = format!("{PAGE}/show");
    let show = async |id: &str| {
        let mut form = Form::to(&browser.get(&format!("{PAGE}?tab=enable")).await.body, &shown);
        form.fields.retain(|(name, _)| name != "connection");
        form.fields.push(("connection".to_owned(), id.to_owned()));
        assert_eq!(form.send(&browser).await.status, 303);
        owner.get(SETTINGS).await.ok()["connectionId"].clone()
    };
    // it would be mandatory at once, and is not even tested
    assert_eq!(show(made["id"].as_str().unwrap()).await, json!(lab.id));
    owner.post_to(&format!("{SETTINGS}/disable")).await.ok();
    assert_eq!(show(made["id"].as_str().unwrap()).await, made["id"]);
    t.person("viewer@main.test", Role::Viewer).await;
    assert_eq!(t.browser("viewer@main.test").await.get(PAGE).await.status, 403);
}

on_both![
    another_protocol_takes_a_tick_when_people_use_the_present_one,
    the_last_domain_of_a_mandatory_connection_stays,
    what_waits_and_what_else_there_is_stand_on_the_page,
];
