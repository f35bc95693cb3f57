//! The console's page of single sign-on with WS-Federation.

use serde_json::{Value, json};

use super::{begun, start};
use crate::saml::signed_in_as;
use crate::support::{Answer, Client, LabConnection, TestApp, on_both};

const PAGE: &str = "/settings/security/sso";

/// Sends a form of the page as its browser does.
async fn submit(browser: &Client, action: &str, fields: &[(&str, &str)]) -> Answer {
    let shown = browser.get(&format!("{PAGE}?tab=enable")).await.body;
    let proof = shown.split("name=\"csrf\" value=\"").nth(1).unwrap_or_else(|| panic!("{shown}"));
    let mut all = vec![("csrf".to_owned(), proof.split('"').next().unwrap().to_owned())];
    all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    browser.form(action, &all).await
}

async fn page_connection(owner: &Client) -> Value {
    let settings = owner.get("/api/v1/sso/settings").await.ok();
    let id = settings["connectionId"].as_str().unwrap().to_owned();
    owner.get(&format!("/api/v1/sso/connections/{id}")).await.ok()
}

fn path_of(connection: &Value) -> String {
    format!("/api/v1/sso/connections/{}", connection["id"].as_str().unwrap())
}

async fn r021_r029_the_page_has_the_labels_and_the_guide_of_each_provider(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    for (provider, labels, steps) in [
        ("azure", ["Azure AD sign-on end point url", "Azure AD federation metadata document"], 8),
        ("other", ["AD sign-on end point url", "AD federation metadata document url"], 6),
    ] {
        let fields = [("protocol", "wsfed"), ("provider", provider), ("ssoUrl", "https://kept.test/")];
        let page = submit(&browser, &format!("{PAGE}/fields"), &fields).await;
        assert_eq!(page.status, 200, "{}", page.body);
        for label in labels {
            let found = page.body.split("<label").filter(|l| {
                let text = l.split("</label>").next().unwrap().split_once('>').unwrap().1;
                text.split('<').next().unwrap().trim() == label
            });
            assert_eq!(found.count(), 1, "{provider}: {label}");
        }
        let guide = page.body.split("<ol class=\"guide\">").nth(1).unwrap().split("</ol>").next().unwrap();
        assert_eq!(guide.matches("<li").count(), steps, "{provider}");
        assert!(page.body.contains("Reply URL") && page.body.contains("/reply\""), "{provider}");
        assert!(page.body.contains("name=\"ssoUrl\" value=\"https://kept.test/\""), "what was typed stays");
        assert!(!page.body.contains("WS-Federation (not in this version)"));
    }
    let refused = submit(&browser, PAGE, &[("protocol", "wsfed"), ("provider", "azure")]).await;
    assert_eq!(refused.status, 400);
    for said in
        ["Azure AD sign-on end point url is missing", "Azure AD federation metadata document is missing"]
    {
        assert!(refused.body.contains(said), "{said}");
    }
}

async fn r020_a_switch_from_saml_and_back_leaves_nothing_behind(t: TestApp) {
    let owner = t.owner().await;
    let browser = t.browser("owner@main.test").await;
    let lab = t.lab();
    let certificate = t.client().get(&lab.certificate_path()).await.body;
    let saml = [
        ("protocol", "saml"),
        ("provider", "other"),
        ("ssoUrl", &lab.sign_on_url()),
        ("entityId", &lab.entity_id()),
        ("certificates", &certificate),
        ("jitProvisioning", "true"),
        ("defaultRole", "member"),
    ];
    assert_eq!(submit(&browser, PAGE, &saml).await.status, 303);
    let first = page_connection(&owner).await;
    t.prove(&owner, &path_of(&first), gatehouse_lab::LAB_DOMAIN).await;
    owner.post_to("/api/v1/sso/settings/enable").await.ok();
    let saml_id = first["id"].as_str().unwrap().to_owned();
    assert_eq!(t.enter_from_lab(&t.client(), &saml_id, "ada").await.status, 303);
    let waiting = t.lab_portal(&t.client(), &saml_id, &[("person", "bruno")]).await;

    // the page says what a save does, and promises the addresses of the next connection
    let azure = [("protocol", "wsfed"), ("provider", "azure")];
    let shown = submit(&browser, &format!("{PAGE}/fields"), &azure).await.body;
    assert!(shown.contains("Saving replaces the connection over SAML"), "{shown}");
    let wsfed = [
        ("protocol", "wsfed"),
        ("provider", "azure"),
        ("signOnUrl", &lab.wsfed_url()),
        ("metadataUrl", &lab.wsfed_metadata_url()),
        ("jitProvisioning", "true"),
        ("defaultRole", "viewer"),
        // people use the present one
        ("replace", "true"),
    ];
    let saved = submit(&browser, PAGE, &wsfed).await;
    assert_eq!((saved.status, saved.location()), (303, Some(PAGE)), "{}", saved.body);
    let second = page_connection(&owner).await;
    let id = second["id"].as_str().unwrap().to_owned();
    assert_ne!(id, saml_id);
    assert!(shown.contains(&format!("/wsfed/{id}/reply")), "the promised address");
    assert_eq!((&second["protocol"], &second["provider"]), (&json!("wsfed"), &json!("azure")));
    assert_eq!((&second["status"], &second["samlConfig"]), (&json!("active"), &Value::Null), "{second}");
    assert_eq!(second["domains"][0]["status"], "verified");
    let settings = owner.get("/api/v1/sso/settings").await.ok();
    assert_eq!(
        (&settings["inForce"], &settings["replyUrl"]),
        (&json!(true), &second["wsfedConfig"]["replyUrl"])
    );
    // nothing of the former one
    owner.get(&path_of(&first)).await.refused(404, "not_found");
    assert_eq!(waiting.send(&t.client()).await.status, 404);
    assert_eq!(t.client().get(&format!("/sso/{saml_id}/start")).await.status, 404);
    assert_eq!(owner.get("/api/v1/sso/connections").await.ok()["pagination"]["totalItems"], 1);
    let page = browser.get(PAGE).await.body;
    assert!(
        page.contains(&format!("value=\"{}\"", lab.wsfed_url())) && !page.contains(&lab.sign_on_url()),
        "{page}"
    );
    // people come in through the new one, to the same accounts
    let ada = t.client();
    let connection = LabConnection { id: id.clone(), path: path_of(&second), domain: String::new() };
    let form = t.ask_lab(&ada, &start(&connection, "/"), "ada", "none").await;
    assert_eq!(form.send(&ada).await.status, 303);
    signed_in_as(&ada, "ada@lab.test").await;
    let people = owner.get("/api/v1/audit-events?event=user.created&pageSize=10").await.ok();
    assert_eq!(people["pagination"]["totalItems"], 2, "the owner and Ada: {people}");

    // an edit takes effect at the next sign-in
    let edited: Vec<_> = wsfed
        .iter()
        .map(|(n, v)| if *n == "signOnUrl" { (*n, "https://sts.corp.test/adfs/ls/") } else { (*n, *v) })
        .collect();
    assert_eq!(submit(&browser, PAGE, &edited).await.status, 303);
    let started = t.client().get(&start(&connection, "/")).await;
    assert!(started.location().unwrap().starts_with("https://sts.corp.test/adfs/ls/?wa=wsignin1.0&wtrealm="));
    // one that would lock Ada out waits as a draft
    let other: Vec<_> = edited.iter().copied().chain([("realm", "urn:corp")]).collect();
    let waits = submit(&browser, PAGE, &other).await;
    assert!(waits.status == 303 && waits.location() != Some(PAGE), "{waits:?}");
    let still = owner.get(&path_of(&second)).await.ok();
    assert_eq!(still["wsfedConfig"]["realm"], second["wsfedConfig"]["realm"]);

    // and back
    let back: Vec<_> = saml.iter().copied().chain([("replace", "true")]).collect();
    assert_eq!(submit(&browser, PAGE, &back).await.status, 303);
    let third = page_connection(&owner).await;
    assert_eq!((&third["protocol"], &third["status"]), (&json!("saml"), &json!("active")));
    assert_ne!(third["id"], first["id"]);
    owner.get(&path_of(&second)).await.refused(404, "not_found");
    assert_eq!(t.enter_from_lab(&t.client(), third["id"].as_str().unwrap(), "ada").await.status, 303);
    assert_eq!(owner.get("/api/v1/sso/connections").await.ok()["pagination"]["totalItems"], 1);
}

async fn r030_r031_disabling_keeps_the_values_in_view(t: TestApp) {
    let owner = t.owner().await;
    let browser = t.browser("owner@main.test").await;
    let lab = t.lab();
    let shared = lab.shared_wsfed_metadata_url();
    let wsfed = [
        ("protocol", "wsfed"),
        ("provider", "azure"),
        ("signOnUrl", &lab.shared_wsfed_url()),
        ("metadataUrl", &shared),
        ("tenantId", gatehouse_lab::LAB_TENANT),
        ("defaultRole", "viewer"),
    ];
    assert_eq!(submit(&browser, PAGE, &wsfed).await.status, 303);
    let made = page_connection(&owner).await;
    assert_eq!(made["status"], "testing", "the domain is missing: {made}");
    t.prove(&owner, &path_of(&made), gatehouse_lab::LAB_DOMAIN).await;
    owner.post_to("/api/v1/sso/settings/enable").await.ok();
    let connection = LabConnection {
        id: made["id"].as_str().unwrap().to_owned(),
        path: path_of(&made),
        domain: String::new(),
    };
    begun(&t.client(), &connection).await;
    assert_eq!(submit(&browser, &format!("{PAGE}/disable"), &[]).await.status, 303);
    let refused = t.client().get(&start(&connection, "/")).await;
    assert!(refused.status == 403 && refused.body.contains("disabled"), "{}", refused.body);
    let page = browser.get(PAGE).await.body;
    for value in [lab.shared_wsfed_url().as_str(), &shared, gatehouse_lab::LAB_TENANT] {
        assert!(page.contains(&format!("value=\"{value}\"")), "{value}");
    }
    let about = browser.get(&format!("{PAGE}/metadata")).await.body;
    assert!(about.contains(&shared) && !about.contains("Or the document itself"), "{about}");
}

on_both![
    r021_r029_the_page_has_the_labels_and_the_guide_of_each_provider,
    r020_a_switch_from_saml_and_back_leaves_nothing_behind,
    r030_r031_disabling_keeps_the_values_in_view,
];
