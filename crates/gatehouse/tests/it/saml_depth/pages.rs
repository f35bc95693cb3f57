//! The console's pages of our own keys and of the provider's metadata.

use serde_json::{Value, json};

use super::provider::{ENTITY, Served, document, key, unasked};
use crate::support::{Answer, Client, TestApp, on_both};

const PAGE: &str = "/settings/security/sso";
const KEYS: &str = "/settings/security/sso/keys";
const METADATA: &str = "/settings/security/sso/metadata";

/// Sends a form of a page as its browser does.
async fn submit(browser: &Client, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
    let shown = browser.get(page).await.body;
    let proof = shown.split("name=\"csrf\" value=\"").nth(1).unwrap_or_else(|| panic!("{page}: {shown}"));
    let mut all = vec![("csrf".to_owned(), proof.split('"').next().unwrap().to_owned())];
    all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    browser.form(action, &all).await
}

/// What the preview was marked with.
fn shown(preview: &Answer) -> String {
    let mark = preview.body.split("name=\"shown\" value=\"").nth(1);
    mark.unwrap_or_else(|| panic!("no preview: {}", preview.body)).split('"').next().unwrap().to_owned()
}

async fn connection(owner: &Client) -> Value {
    let settings = owner.get("/api/v1/sso/settings").await.ok();
    let id = settings["connectionId"].as_str().unwrap().to_owned();
    owner.get(&format!("/api/v1/sso/connections/{id}")).await.ok()
}

async fn the_pages_metadata_is_shown_before_it_is_taken_over(t: TestApp) {
    let owner = t.owner().await;
    let browser = t.browser("owner@main.test").await;
    let (old, new) = (key(&t, -30, 300), key(&t, -1, 600));
    let served = Served::start(&document(&[&old])).await;
    let url = served.url.as_str();
    let preview = format!("{METADATA}/preview");

    // nothing is stored by looking
    let looked = submit(&browser, METADATA, &preview, &[("metadataUrl", url)]).await;
    assert_eq!(looked.status, 200, "{}", looked.body);
    assert!(looked.body.contains(ENTITY) && looked.body.contains(old.certificate.fingerprint()));
    assert_eq!(owner.get("/api/v1/sso/connections").await.ok()["pagination"]["totalItems"], 0);

    // what changed meanwhile is shown again, not taken over
    let mark = shown(&looked);
    served.now_says(Some(&document(&[&new])));
    let moved = submit(&browser, METADATA, METADATA, &[("metadataUrl", url), ("shown", &mark)]).await;
    assert_eq!(moved.status, 200, "{}", moved.body);
    assert!(moved.body.contains("Look again") && moved.body.contains(new.certificate.fingerprint()));
    assert_eq!(owner.get("/api/v1/sso/connections").await.ok()["pagination"]["totalItems"], 0);

    served.now_says(Some(&document(&[&old])));
    let taken = submit(&browser, METADATA, METADATA, &[("metadataUrl", url), ("shown", &mark)]).await;
    assert_eq!((taken.status, taken.location()), (303, Some(PAGE)), "{}", taken.body);
    let made = connection(&owner).await;
    let saml = &made["samlConfig"];
    assert_eq!((&saml["entityId"], &saml["metadata"]["url"]), (&json!(ENTITY), &json!(url)));
    assert_eq!((&saml["ownAcs"], &made["status"]), (&json!(true), &json!("testing")));
    let form = browser.get(PAGE).await.body;
    assert!(form.contains(ENTITY) && form.contains("the next fetch replaces what is changed here"), "{form}");
    let path = format!("/api/v1/sso/connections/{}", made["id"].as_str().unwrap());
    owner.put(&path, json!({"jitProvisioning": true})).await.ok();
    t.prove(&owner, &path, "corp.test").await;
    owner.post_to(&format!("{path}/activate")).await.ok();
    let id = made["id"].as_str().unwrap();
    assert_eq!(unasked(&t, id, &old).send(&t.client()).await.status, 303);

    // a rolled key comes with "Refresh now"; what goes wrong is told
    served.now_says(Some(&document(&[&old, &new])));
    let refresh = format!("{METADATA}/refresh");
    assert_eq!(submit(&browser, METADATA, &refresh, &[]).await.location(), Some(METADATA));
    assert_eq!(unasked(&t, id, &new).send(&t.client()).await.status, 303);
    t.clock.advance(120);
    assert_eq!(unasked(&t, id, &old).send(&t.client()).await.status, 303);
    let browser = t.browser("owner@main.test").await;
    assert!(browser.get(PAGE).await.body.contains("the last sign-in relied on it"));
    served.now_says(None);
    submit(&browser, METADATA, &refresh, &[]).await;
    let page = browser.get(METADATA).await.body;
    assert!(page.contains("The metadata cannot be used") && page.contains("503"), "{page}");
    assert_eq!(connection(&owner).await["status"], "active");

    // it ends, and the values stay
    let asked = browser.get(&format!("{METADATA}/stop")).await;
    assert!(asked.body.contains("Stop fetching the metadata?"), "{}", asked.body);
    submit(&browser, METADATA, &format!("{METADATA}/stop"), &[]).await;
    let now = connection(&owner).await;
    assert_eq!(now["samlConfig"]["metadata"], Value::Null);
    assert_eq!((&now["samlConfig"]["entityId"], &now["status"]), (&json!(ENTITY), &json!("active")));
    assert!(!browser.get(METADATA).await.body.contains("Refresh now"));
}

async fn a_pasted_document_fills_the_connection_and_faults_stand_beside_their_fields(t: TestApp) {
    let owner = t.owner().await;
    let browser = t.browser("owner@main.test").await;
    let preview = format!("{METADATA}/preview");
    let (one, two) = (key(&t, -30, 300), key(&t, -1, 600));
    let pem = one.certificate.to_pem();
    for (fields, says, invalid) in [
        (vec![], "Give the address", "metadataUrl"),
        (vec![("metadataUrl", "http://idp.corp.test/metadata")], "https", "metadataUrl"),
        (vec![("metadataUrl", "http://169.254.169.254/latest")], "https", "metadataUrl"),
        (vec![("metadataXml", "<html>")], "Not usable", "metadataXml"),
        (
            vec![("metadataXml", "<a/>"), ("metadataUrl", "https://idp.corp.test/m")],
            "not both",
            "metadataXml",
        ),
        (
            vec![("metadataXml", "<a/>"), ("metadataCertificate", "x")],
            "cannot be used",
            "metadataCertificate",
        ),
    ] {
        let refused = submit(&browser, METADATA, &preview, &fields).await;
        assert_eq!(refused.status, 400, "{fields:?} {}", refused.body);
        assert!(refused.body.contains(says), "{fields:?}: {}", refused.body);
        assert!(refused.body.contains(&format!("id=\"{invalid}-error\"")), "{fields:?}: {}", refused.body);
    }
    let unsigned = document(&[&one]);
    let pinned = [("metadataXml", unsigned.as_str()), ("metadataCertificate", &pem)];
    let refused = submit(&browser, METADATA, &preview, &pinned).await;
    assert!(refused.body.contains("not signed"), "{}", refused.body);

    // as a browser sends it, with a little more around it
    let pasted = format!("\u{feff}{}\r\n", document(&[&one]).replace('\n', "\r\n"));
    let looked = submit(&browser, METADATA, &preview, &[("metadataXml", &pasted)]).await;
    let mark = shown(&looked);
    let taken = submit(&browser, METADATA, METADATA, &[("metadataXml", &pasted), ("shown", &mark)]).await;
    assert_eq!(taken.location(), Some(PAGE), "{}", taken.body);
    let made = connection(&owner).await;
    assert_eq!(
        (&made["samlConfig"]["entityId"], &made["samlConfig"]["metadata"]),
        (&json!(ENTITY), &Value::Null)
    );

    // the next one says what stays and what goes
    let next = document(&[&two]);
    let looked = submit(&browser, METADATA, &preview, &[("metadataXml", &next)]).await.body;
    for part in [one.certificate.fingerprint(), two.certificate.fingerprint(), ">goes<", ">new<"] {
        assert!(looked.contains(part), "{part}: {looked}");
    }
}

async fn the_forms_advanced_values_reach_the_requests(t: TestApp) {
    let owner = t.owner().await;
    let browser = t.browser("owner@main.test").await;
    let pem = key(&t, -30, 300).certificate.to_pem();
    let context = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
    let form = |context: &'static str| {
        vec![
            ("protocol", "saml"),
            ("provider", "other"),
            ("ssoUrl", "https://idp.corp.test/sso"),
            ("entityId", ENTITY),
            ("certificates", pem.as_str()),
            ("requestBinding", "post"),
            ("forceAuthn", "true"),
            ("authnContext", context),
            ("authnContext", ""),
        ]
    };
    let refused = submit(&browser, PAGE, PAGE, &form("no uri")).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(refused.body.contains("must be a URI"), "{}", refused.body);
    assert_eq!(submit(&browser, PAGE, PAGE, &form(context)).await.status, 303);
    let saml = connection(&owner).await["samlConfig"].clone();
    assert_eq!(
        (&saml["requestBinding"], &saml["forceAuthn"], &saml["authnContext"]),
        (&json!("post"), &json!(true), &json!([context]))
    );
    let shown = browser.get(PAGE).await.body;
    assert!(shown.contains(context) && shown.contains("value=\"post\" selected"), "{shown}");
    // what is not ticked any more is off
    let plain: Vec<_> = form("").into_iter().filter(|(name, _)| *name != "forceAuthn").collect();
    assert_eq!(submit(&browser, PAGE, PAGE, &plain).await.status, 303);
    let saml = connection(&owner).await["samlConfig"].clone();
    assert_eq!((&saml["forceAuthn"], &saml["authnContext"]), (&json!(false), &json!([])));
}

async fn our_keys_roll_on_the_page(t: TestApp) {
    let owner = t.owner().await;
    let browser = t.browser("owner@main.test").await;
    let keys = async || owner.get("/api/v1/sso/sp-keys").await.ok()["data"].clone();
    let shared = keys().await[0].clone();
    let page = browser.get(KEYS).await.body;
    assert!(
        page.contains(shared["fingerprint"].as_str().unwrap()) && page.contains("Shared by all"),
        "{page}"
    );
    assert!(!page.contains("/retire") && !page.contains("/promote"), "{page}");
    let step = |key: &Value, way: &str| format!("{KEYS}/{}/{way}", key["id"].as_str().unwrap());

    assert_eq!(submit(&browser, KEYS, KEYS, &[]).await.location(), Some(KEYS));
    let next = keys().await[0].clone();
    let page = browser.get(KEYS).await.body;
    assert!(page.contains(next["fingerprint"].as_str().unwrap()) && !page.contains("New key"), "{page}");
    // a second one is refused in words, and so is a step that does not fit
    submit(&browser, KEYS, KEYS, &[]).await;
    assert!(browser.get(KEYS).await.body.contains("There is a next key already"));
    submit(&browser, KEYS, &step(&shared, "retire"), &[]).await;
    assert!(browser.get(KEYS).await.body.contains("The current key is in use"));
    assert_eq!(browser.get(&step(&shared, "retire")).await.status, 404);

    let question = browser.get(&step(&next, "promote")).await;
    assert!(question.body.contains("Put the next key in force?"), "{}", question.body);
    submit(&browser, KEYS, &step(&next, "promote"), &[]).await;
    let page = browser.get(KEYS).await.body;
    assert!(page.contains("An overlap is going on") && page.contains(&step(&shared, "retire")), "{page}");
    assert_eq!(keys().await[1]["state"], "previous");
    submit(&browser, KEYS, &step(&shared, "retire"), &[]).await;
    let left = keys().await;
    assert_eq!((left.as_array().unwrap().len(), &left[0]["id"]), (1, &next["id"]));
    let page = browser.get(KEYS).await.body;
    assert!(!page.contains("An overlap") && page.contains("New key"), "{page}");
    // another workspace's key does not exist here
    let stranger = t.stranger().await;
    let other = stranger.post_to("/api/v1/sso/sp-keys").await.ok();
    assert_eq!(submit(&browser, KEYS, &step(&other, "promote"), &[]).await.status, 404);
    assert_eq!(submit(&browser, KEYS, &step(&next, "nothing"), &[]).await.status, 404);
}

on_both![
    the_pages_metadata_is_shown_before_it_is_taken_over,
    a_pasted_document_fills_the_connection_and_faults_stand_beside_their_fields,
    the_forms_advanced_values_reach_the_requests,
    our_keys_roll_on_the_page,
];
