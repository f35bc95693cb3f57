//! A link with which somebody without an account finishes one connection, and nothing else.

use gatehouse_lab::LAB_DOMAIN;
use gatehouse_lab::openid::{LAB_CLIENT_ID, LAB_CLIENT_SECRET};
use serde_json::{Value, json};

use crate::support::{Answer, Client, Form, LabConnection, TestApp, on_both};

const LINKS: &str = "/api/v1/sso/setup-links";

/// A new connection by its link: the connection's id, and the path of the link's page.
async fn new_link(owner: &Client) -> (String, String) {
    let wanted = json!({"name": "By link", "jitProvisioning": true, "defaultRole": "member"});
    let made = owner.post(LINKS, wanted).await.ok();
    let url = made["url"].as_str().unwrap();
    let path = url[url.find("/setup/").unwrap()..].to_owned();
    (made["link"]["connectionId"].as_str().unwrap().to_owned(), path)
}

/// Fills the form of the page that goes to `action`, and sends it.
async fn submit(browser: &Client, path: &str, action: &str, values: &[(&str, &str)]) -> Answer {
    let page = browser.get(path).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let mut form = Form::to(&page.body, &format!("{path}{action}"));
    for (name, value) in values {
        form.fields.retain(|(known, _)| known != name);
        form.fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    form.send(browser).await
}

async fn a_stranger_with_a_link_finishes_the_connection(t: TestApp) {
    let owner = t.owner().await;
    let (id, path) = new_link(&owner).await;
    let lab = t.lab();
    let browser = t.client();
    let page = browser.get(&path).await;
    assert_eq!(page.status, 200, "{}", page.body);
    for shown in
        [t.app.sso().entity_id(), t.app.sso().sp_acs_url(&id.parse().unwrap()), "Keycloak".to_owned()]
    {
        assert!(page.body.contains(&shown), "{shown}");
    }
    let refused = submit(&browser, &path, "/values", &[("ssoUrl", "javascript:x"), ("entityId", "e")]).await;
    assert_eq!(refused.status, 400);
    let certificate = browser.get(&lab.certificate_path()).await.body;
    let (sso_url, entity) = (lab.sign_on_url(), lab.entity_id());
    let values = [("ssoUrl", sso_url.as_str()), ("entityId", &entity), ("certificate", &certificate)];
    assert_eq!(submit(&browser, &path, "/values", &values).await.status, 303);
    assert_eq!(submit(&browser, &path, "/domains", &[("domain", LAB_DOMAIN)]).await.status, 303);
    let connection = format!("/api/v1/sso/connections/{id}");
    let domain = owner.get(&connection).await.ok()["domains"][0].clone();
    let token = domain["verificationToken"].as_str().unwrap();
    t.dns.set_txt(&format!("_gatehouse-verify.{LAB_DOMAIN}"), [token]);
    let verify = format!("/domains/{}/verify", domain["id"].as_str().unwrap());
    assert_eq!(submit(&browser, &path, &verify, &[]).await.status, 303);
    assert!(!browser.get(&path).await.body.contains("Switch it on</button>"), "not before its test");
    assert_eq!(submit(&browser, &path, "/test", &[]).await.status, 303);
    assert_eq!(submit(&browser, &path, "/activate", &[]).await.status, 303);
    let done = owner.get(&connection).await.ok();
    assert_eq!((&done["status"], &done["domains"][0]["status"]), (&json!("active"), &json!("verified")));
    assert_eq!(lights(&browser, &path).await, 4, "no answer yet");
    assert_eq!(t.enter_from_lab(&t.client(), &id, "ada").await.status, 303);
    assert_eq!(lights(&browser, &path).await, 6);
    let listed = owner.get(&format!("{LINKS}?connectionId={id}")).await.ok()["data"][0].clone();
    assert_eq!(listed["status"], "active");
    assert!(listed["opened"].as_i64().unwrap() > 5 && listed["url"].is_null());
    let changes =
        owner.get("/api/v1/audit-events?event=sso.connection-activated").await.ok()["data"][0].clone();
    assert_eq!(
        changes["actorKind"].as_str().or(changes["actor"]["kind"].as_str()),
        Some("setup-link"),
        "{changes}"
    );
}

/// A new connection of a protocol by its link: the path of its administration, and of the link's page.
async fn link_of(owner: &Client, protocol: &str) -> (String, String) {
    let wanted = json!({"name": protocol, "protocol": protocol, "jitProvisioning": true});
    let made = owner.post(LINKS, wanted).await.ok();
    let url = made["url"].as_str().unwrap();
    let path = url[url.find("/setup/").unwrap()..].to_owned();
    (format!("/api/v1/sso/connections/{}", made["link"]["connectionId"].as_str().unwrap()), path)
}

async fn a_link_finishes_a_connection_over_openid_connect(t: TestApp) {
    let owner = t.owner().await;
    let (connection, path) = link_of(&owner, "oidc").await;
    let browser = t.client();
    let page = browser.get(&path).await.body;
    let id = connection.rsplit('/').next().unwrap().to_owned();
    for shown in
        [format!("/oidc/callback/{id}"), format!("/oidc/backchannel-logout/{id}"), "Entra".to_owned()]
    {
        assert!(page.contains(&shown), "{shown}: {page}");
    }
    // it is nobody's client before its values are there
    let report = owner.post_to(&format!("{connection}/test")).await.ok();
    assert_eq!(report["success"], false, "{report}");
    let refused = submit(&browser, &path, "/values", &[("clientId", "gatehouse")]).await;
    assert!(refused.status == 400 && refused.body.contains("The issuer is missing."), "{}", refused.body);
    let issuer = t.lab().openid_issuer();
    let values =
        [("issuerUrl", issuer.as_str()), ("clientId", LAB_CLIENT_ID), ("clientSecret", LAB_CLIENT_SECRET)];
    assert_eq!(submit(&browser, &path, "/values", &values).await.status, 303);
    let page = browser.get(&path).await.body;
    assert!(page.contains(&issuer) && !page.contains(LAB_CLIENT_SECRET), "{page}");
    t.prove(&owner, &connection, LAB_DOMAIN).await;
    assert_eq!(submit(&browser, &path, "/test", &[]).await.status, 303);
    assert_eq!(submit(&browser, &path, "/activate", &[]).await.status, 303);
    assert_eq!(owner.get(&connection).await.ok()["status"], "active");
    let lab = LabConnection { id, path: connection, domain: String::new() };
    assert_eq!(t.enter_openid(&t.client(), &lab, "ada").await.status, 303);
    assert_eq!(lights(&browser, &path).await, 6);
    // another issuer would lock Ada out: it waits for an administrator
    let other = [("issuerUrl", "https://op.example"), ("clientId", LAB_CLIENT_ID)];
    assert_eq!(submit(&browser, &path, "/values", &other).await.status, 409);
}

async fn a_link_finishes_a_connection_over_ws_federation(t: TestApp) {
    let owner = t.owner().await;
    let (connection, path) = link_of(&owner, "wsfed").await;
    let browser = t.client();
    let page = browser.get(&path).await.body;
    let id = connection.rsplit('/').next().unwrap().to_owned();
    for shown in [format!("/wsfed/{id}/reply"), "Realm".to_owned(), "AD FS".to_owned()] {
        assert!(page.contains(&shown), "{shown}: {page}");
    }
    let refused = submit(&browser, &path, "/values", &[("metadataUrl", "ftp://x")]).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    let (metadata, sign_on) = (t.lab().wsfed_metadata_url(), t.lab().wsfed_url());
    let values = [("metadataUrl", metadata.as_str()), ("signOnUrl", &sign_on)];
    let saved = submit(&browser, &path, "/values", &values).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    t.prove(&owner, &connection, LAB_DOMAIN).await;
    assert_eq!(submit(&browser, &path, "/test", &[]).await.status, 303);
    assert_eq!(submit(&browser, &path, "/activate", &[]).await.status, 303);
    assert_eq!(owner.get(&connection).await.ok()["status"], "active");
    let ada = t.client();
    let start = format!("/sso/{id}/start?returnTo=/");
    assert_eq!(t.ask_lab(&ada, &start, "ada", "none").await.send(&ada).await.status, 303);
    assert_eq!(lights(&browser, &path).await, 6);
}

async fn the_operators_client_needs_no_link(t: TestApp) {
    let owner = t.owner().await;
    let google = json!({"name": "Google", "protocol": "oidc", "provider": "google"});
    let made = owner.post("/api/v1/sso/connections", google).await.ok();
    let error = owner.post(LINKS, json!({"connectionId": made["id"]})).await.refused(400, "validation_error");
    assert_eq!(error["field"], "connectionId");
}

/// How many lights are green.
async fn lights(browser: &Client, path: &str) -> usize {
    let page = browser.get(path).await.body;
    let from = page.find("id=\"lights\"").unwrap();
    let to = from + page[from..].find("</ol>").unwrap();
    page[from..to].matches(">Done<").count()
}

async fn a_link_ends_by_time_by_revocation_and_with_its_connection(t: TestApp) {
    let owner = t.owner().await;
    let (id, path) = new_link(&owner).await;
    let stranger = t.client();
    let gone = |answer: Answer| assert_eq!(answer.status, 404, "{}", answer.body);
    gone(stranger.get("/setup/nothing").await);
    gone(stranger.get(&format!("/setup/{}", "x".repeat(43))).await);
    let link = owner.get(LINKS).await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    owner.call("DELETE", &format!("{LINKS}/{link}"), None).await.ok();
    owner.call("DELETE", &format!("{LINKS}/{link}"), None).await.ok();
    gone(stranger.get(&path).await);
    assert_eq!(owner.get(LINKS).await.ok()["data"][0]["status"], "revoked");
    let again = owner.post(LINKS, json!({"connectionId": id, "expiresInDays": 1})).await.ok();
    let url = again["url"].as_str().unwrap();
    let path = url[url.find("/setup/").unwrap()..].to_owned();
    assert_eq!(stranger.get(&path).await.status, 200);
    t.clock.advance(86_401);
    gone(stranger.get(&path).await);
    let owner = t.owner().await;
    let (id, path) = {
        let made = owner.post(LINKS, json!({"name": "Another"})).await.ok();
        let url = made["url"].as_str().unwrap().to_owned();
        (
            made["link"]["connectionId"].as_str().unwrap().to_owned(),
            url[url.find("/setup/").unwrap()..].to_owned(),
        )
    };
    owner.call("DELETE", &format!("/api/v1/sso/connections/{id}"), None).await.ok();
    gone(stranger.get(&path).await);
}

async fn a_link_locks_nobody_out(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303);
    let made = owner.post(LINKS, json!({"connectionId": lab.id})).await.ok();
    let url = made["url"].as_str().unwrap();
    let path = &url[url.find("/setup/").unwrap()..];
    let other = t.app.sso().second_lab_key(&t.workspace).await.unwrap().certificate.to_pem();
    let browser = t.client();
    let answer = submit(&browser, path, "/values", &[("certificate", other.as_str())]).await;
    assert_eq!(answer.status, 409, "{}", answer.body);
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303, "nothing changed");
    let drafts = owner.get(&format!("{}/drafts", lab.path)).await.ok();
    assert_eq!(drafts["data"][0]["changes"], json!(["samlConfig.certificates"]), "{drafts}");
    // an administrator sees the values and where they came from
    owner.put("/api/v1/sso/settings", json!({"connectionId": lab.id})).await.ok();
    let shown = format!("/settings/security/sso/drafts/{}", drafts["data"][0]["id"].as_str().unwrap());
    let page = t.browser("owner@main.test").await.get(&shown).await;
    let second = t.app.sso().second_lab_key(&t.workspace).await.unwrap().certificate;
    assert!(
        page.body.contains(second.fingerprint()) && page.body.contains("with a setup link"),
        "{}",
        page.body
    );
    // the newest word of the link takes the place of the one before, so that others have room
    let moved = [("ssoUrl", "https://elsewhere.test/sso"), ("certificate", other.as_str())];
    assert_eq!(submit(&browser, path, "/values", &moved).await.status, 409);
    assert_eq!(owner.get(&format!("{}/drafts", lab.path)).await.ok()["pagination"]["totalItems"], 1);
}

async fn a_link_gives_the_directory_its_token_when_it_was_made_for_it(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let plain = owner.post(LINKS, json!({"connectionId": lab.id})).await.ok();
    assert_eq!(plain["link"]["provisioning"], false);
    let path_of = |made: &Value| {
        let url = made["url"].as_str().unwrap();
        url[url.find("/setup/").unwrap()..].to_owned()
    };
    let (browser, path) = (t.client(), path_of(&plain));
    let page = browser.get(&path).await.body;
    assert!(!page.contains("SCIM base URL"), "{page}");
    let mut form = Form::to(&page, &format!("{path}/test"));
    form.action = format!("{path}/directory");
    assert_eq!(form.send(&browser).await.status, 404);

    let made = owner.post(LINKS, json!({"connectionId": lab.id, "provisioning": true})).await.ok();
    let path = path_of(&made);
    let page = browser.get(&path).await.body;
    assert!(page.contains("/scim/v2") && page.contains("Make a token in step 6"), "{page}");
    let token = |page: &str| {
        let from = page.find("scim_").unwrap_or_else(|| panic!("no token: {page}"));
        page[from..].split('"').next().unwrap().to_owned()
    };
    let shown = submit(&browser, &path, "/directory", &[]).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    let first = token(&shown.body);
    let users = t.client().with_token(&first).get("/scim/v2/Users").await;
    assert_eq!(users.status, 200, "{}", users.body);
    let page = browser.get(&path).await.body;
    assert!(!page.contains(&first) && !page.contains("Make a token in step 6"), "{page}");
    // another one takes its place
    let second = token(&submit(&browser, &path, "/directory", &[]).await.body);
    assert_eq!(t.client().with_token(&first).get("/scim/v2/Users").await.status, 401);
    assert_eq!(t.client().with_token(&second).get("/scim/v2/Users").await.status, 200);
    let listed = owner.get("/api/v1/scim/tokens").await.ok();
    assert_eq!(listed["pagination"]["totalItems"], 1, "{listed}");
    assert_eq!(listed["data"][0]["scopes"].as_array().unwrap().len(), 4);
    let entry = owner.get("/api/v1/audit-events?event=scim.token-created").await.ok()["data"][0].clone();
    assert_eq!(entry["actorKind"], "setup-link");
    // the link is over, the token is the company's
    let id = made["link"]["id"].as_str().unwrap();
    owner.delete(&format!("{LINKS}/{id}")).await.ok();
    assert_eq!(browser.get(&path).await.status, 404);
    assert_eq!(t.client().with_token(&second).get("/scim/v2/Users").await.status, 200);
}

async fn bad_links_are_refused(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": "N", "expiresInDays": 31}), "expiresInDays"),
        (json!({"name": "N", "defaultRole": "owner"}), "defaultRole"),
        (json!({"connectionId": lab.id, "name": "N"}), "name"),
        (json!({"connectionId": lab.id, "protocol": "oidc"}), "protocol"),
        (json!({"name": "N", "protocol": "ldap"}), "protocol"),
    ] {
        let error = owner.post(LINKS, body.clone()).await.refused(400, "validation_error");
        assert_eq!(error["field"], field, "{body}");
    }
    owner.post(LINKS, json!({"connectionId": "con_nothing"})).await.refused(404, "not_found");
    let stranger = t.stranger().await;
    stranger.post(LINKS, json!({"connectionId": lab.id})).await.refused(404, "not_found");
    for _ in 0..10 {
        owner.post(LINKS, json!({"connectionId": lab.id})).await.ok();
    }
    owner.post(LINKS, json!({"connectionId": lab.id})).await.refused(409, "conflict");
    let none: Value = stranger.get(LINKS).await.ok();
    assert_eq!(none["pagination"]["totalItems"], 0);
}

on_both![
    a_link_finishes_a_connection_over_openid_connect,
    a_link_finishes_a_connection_over_ws_federation,
    the_operators_client_needs_no_link,
    a_stranger_with_a_link_finishes_the_connection,
    a_link_ends_by_time_by_revocation_and_with_its_connection,
    a_link_locks_nobody_out,
    a_link_gives_the_directory_its_token_when_it_was_made_for_it,
    bad_links_are_refused,
];
