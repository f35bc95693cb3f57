//! The console's page of single sign-on with OpenID Connect.

use gatehouse_lab::openid::{LAB_CLIENT_ID, LAB_CLIENT_SECRET};
use serde_json::{Value, json};

use super::refused_for;
use crate::support::{Answer, Asked, Client, Kind, LabConnection, Op, Signer, TestApp, on_both};

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

/// The value of the copy field or input with this id.
fn value_of<'p>(page: &'p str, id: &str) -> &'p str {
    let (_, rest) = page.split_once(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no {id}: {page}"));
    rest.split_once("value=\"").unwrap().1.split('"').next().unwrap()
}

async fn r008_r029_the_page_offers_google_first_and_a_guide_for_each_provider(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    for (provider, steps) in [("google", 4), ("okta", 8), ("azure", 8), ("other", 7)] {
        let typed = "https://typed-for-saml.test/";
        let fields =
            [("protocol", "oidc"), ("provider", provider), ("ssoUrl", typed), ("clientSecret", "hush")];
        let page = submit(&browser, &format!("{PAGE}/fields"), &fields).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let offered =
            page.body.split("<select id=\"provider\"").nth(1).unwrap().split("</select>").next().unwrap();
        assert!(offered.split("<option").nth(1).unwrap().contains("Google account (Sign in with Google)"));
        let guide = page.body.split("<ol class=\"guide\">").nth(1).unwrap().split("</ol>").next().unwrap();
        assert_eq!(guide.matches("<li").count(), steps, "{provider}");
        let asks = page.body.contains("required\" for=\"issuerUrl\"") || page.body.contains(">Issuer url");
        assert_eq!(asks, provider != "google", "{provider}");
        assert!(page.body.contains(&format!("name=\"ssoUrl\" value=\"{typed}\"")), "what was typed stays");
        assert!(!page.body.contains("hush"), "a secret never comes back");
        assert!(value_of(&page.body, "redirectUri").contains("/oidc/callback/con_"));
    }
    let refused = submit(&browser, PAGE, &[("protocol", "oidc"), ("provider", "other")]).await;
    assert_eq!(refused.status, 400);
    for said in ["The issuer is missing", "The client id is missing"] {
        assert!(refused.body.contains(said), "{said}");
    }
    let settings = t.owner().await.get("/api/v1/sso/settings").await.ok();
    assert_eq!(settings["connectionId"], json!(null), "nothing is stored");
}

async fn r024_an_administrator_saves_google_with_no_field_and_people_sign_in(kind: Kind) {
    let op = Op::start().await;
    let key = Signer::new("RS256", "one");
    op.publish(&[&key.jwk]);
    let t = TestApp::start_with_google(kind, &op.issuer).await;
    let owner = t.owner().await;
    let browser = t.browser("owner@main.test").await;
    let google = [
        ("protocol", "oidc"),
        ("provider", "google"),
        ("jitProvisioning", "true"),
        ("defaultRole", "viewer"),
    ];
    let saved = submit(&browser, PAGE, &google).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    let made = page_connection(&owner).await;
    assert_eq!(
        (&made["protocol"], &made["provider"], &made["status"]),
        (&json!("oidc"), &json!("google"), &json!("testing"))
    );
    // one address for every workspace: the operator registers it once
    let shared = format!("{}/oidc/callback", t.app.public_url());
    assert_eq!(owner.get("/api/v1/sso/settings").await.ok()["redirectUri"], shared);
    t.prove(&owner, &path_of(&made), "lab.test").await;
    owner.post_to("/api/v1/sso/settings/enable").await.ok();

    let visitor = t.client();
    let asked = Asked::start(&visitor, made["id"].as_str().unwrap()).await;
    assert_eq!(
        (asked.query["redirect_uri"].as_str(), asked.query["client_id"].as_str()),
        (shared.as_str(), "operators-client")
    );
    let now = gatehouse_types::Clock::now(&*t.clock).seconds();
    let mut claims = op.claims(&asked, now);
    claims["hd"] = json!("lab.test");
    op.give(&key.token(&claims));
    let stranger = t.client();
    for query in ["", "?code=c", "?code=c&state=x"] {
        assert_eq!(stranger.get(&format!("/oidc/callback{query}")).await.status, 401, "{query}");
    }
    let lab = LabConnection {
        id: made["id"].as_str().unwrap().to_owned(),
        path: path_of(&made),
        domain: String::new(),
    };
    refused_for(&owner, &lab, &stranger, &asked.back(&stranger, "code=c").await, "browser_mismatch").await;
    assert_eq!(asked.back(&visitor, "code=c").await.status, 303);
    assert_eq!(visitor.get("/api/v1/me").await.ok()["user"]["email"], "ada@lab.test");
    assert_eq!(asked.back(&visitor, "code=c").await.status, 401, "an answer counts once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r024_an_administrator_saves_google_with_no_field_and_people_sign_in_sqlite() {
    r024_an_administrator_saves_google_with_no_field_and_people_sign_in(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r024_an_administrator_saves_google_with_no_field_and_people_sign_in_postgres() {
    r024_an_administrator_saves_google_with_no_field_and_people_sign_in(Kind::Postgres).await;
}

async fn the_address_of_the_operators_client_takes_no_answer_for_another(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    let browser = t.client();
    let back = t.ask_openid(&browser, &format!("/sso/{}/start", lab.id), &[("person", "ada")]).await;
    let query = back.split_once('?').unwrap().1;
    assert_eq!(browser.get(&format!("/oidc/callback?{query}")).await.status, 401);
    assert_eq!(browser.get(&back).await.status, 303, "nothing was used up");
}

async fn r020_openid_replaces_saml_on_the_page_and_keeps_its_secret(t: TestApp) {
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
    ];
    assert_eq!(submit(&browser, PAGE, &saml).await.status, 303);
    let first = page_connection(&owner).await;
    t.prove(&owner, &path_of(&first), gatehouse_lab::LAB_DOMAIN).await;
    owner.post_to("/api/v1/sso/settings/enable").await.ok();

    let issuer = lab.openid_issuer();
    let openid = [
        ("protocol", "oidc"),
        ("provider", "other"),
        ("issuerUrl", issuer.as_str()),
        ("clientId", LAB_CLIENT_ID),
        ("clientSecret", LAB_CLIENT_SECRET),
        ("jitProvisioning", "true"),
        ("defaultRole", "member"),
    ];
    let looked = submit(&browser, &format!("{PAGE}/fields"), &openid).await.body;
    assert!(looked.contains("Saving replaces the connection over SAML"), "{looked}");
    let promised = value_of(&looked, "redirectUri").to_owned();
    let saved = submit(&browser, PAGE, &openid).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    let made = page_connection(&owner).await;
    assert_eq!(
        (&made["protocol"], &made["status"]),
        (&json!("oidc"), &json!("active")),
        "the domain moved along"
    );
    assert_eq!(
        owner.get("/api/v1/sso/settings").await.ok()["redirectUri"],
        promised,
        "as promised before the save"
    );
    owner.get(&path_of(&first)).await.refused(404, "not_found");
    let page = browser.get(PAGE).await.body;
    assert!(page.contains(&format!("value=\"{issuer}\"")) && !page.contains(LAB_CLIENT_SECRET), "{page}");
    let connection = LabConnection {
        id: made["id"].as_str().unwrap().to_owned(),
        path: path_of(&made),
        domain: String::new(),
    };
    assert_eq!(t.enter_openid(&t.client(), &connection, "ada").await.status, 303);

    // an empty secret leaves the stored one in place
    let edited: Vec<_> = openid
        .iter()
        .copied()
        .filter(|(n, _)| *n != "clientSecret")
        .chain([("scopes", "email  profile")])
        .collect();
    assert_eq!(submit(&browser, PAGE, &edited).await.status, 303);
    let now = page_connection(&owner).await;
    assert_eq!((&now["id"], &now["oidcConfig"]["hasClientSecret"]), (&made["id"], &json!(true)));
    assert_eq!(now["oidcConfig"]["scopes"], json!(["email", "profile"]));
    assert_eq!(t.enter_openid(&t.client(), &connection, "ada").await.status, 303);
}

async fn r047_a_secret_is_not_sent_to_an_issuer_that_it_was_not_entered_for(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    assert_eq!(t.enter_openid(&t.client(), &lab, "ada").await.status, 303);
    let linked = owner.get(&format!("{}/identities", lab.path)).await.ok();
    assert_eq!(linked["pagination"]["totalItems"], 1, "{linked}");
    let op = Op::start().await;
    let key = Signer::new("ES256", "one");
    op.publish(&[&key.jwk]);
    let changed = owner.put(&lab.path, json!({"oidcConfig": {"issuerUrl": op.issuer}})).await.ok();
    assert_eq!(changed["oidcConfig"]["hasClientSecret"], false, "{changed}");
    // nor is the other issuer's subject the same person
    let linked = owner.get(&format!("{}/identities", lab.path)).await.ok();
    assert_eq!(linked["pagination"]["totalItems"], 0, "{linked}");
    let changed = owner.put(&lab.path, json!({"oidcConfig": {"clientSecret": "s"}})).await.ok();
    assert_eq!(changed["oidcConfig"]["hasClientSecret"], true);
    // a path of the same host is no other place
    let below = format!("{}/realms/one", op.issuer);
    let changed = owner.put(&lab.path, json!({"oidcConfig": {"issuerUrl": below}})).await.ok();
    assert_eq!(changed["oidcConfig"]["hasClientSecret"], true);
    let elsewhere = json!({"oidcConfig": {"discoveryUrl": "https://elsewhere.example/d"}});
    assert_eq!(owner.put(&lab.path, elsewhere).await.ok()["oidcConfig"]["hasClientSecret"], false);
}

async fn an_address_that_is_not_called_verified_counts_only_where_it_is_trusted(t: TestApp) {
    let op = Op::start().await;
    let key = Signer::new("RS256", "one");
    op.publish(&[&key.jwk]);
    let owner = t.owner().await;
    let lab = t.active_openid(&owner, op.body("Entra"), "lab.test").await;
    let now = gatehouse_types::Clock::now(&*t.clock).seconds();
    let enter = async |verified: Option<bool>| {
        let browser = t.client();
        let asked = Asked::start(&browser, &lab.id).await;
        let mut claims = op.claims(&asked, now);
        match verified {
            Some(said) => claims["email_verified"] = json!(said),
            None => drop(claims.as_object_mut().unwrap().remove("email_verified")),
        }
        op.give(&key.token(&claims));
        let answer = asked.back(&browser, "code=c").await;
        (browser, answer)
    };
    let (browser, answer) = enter(None).await;
    refused_for(&owner, &lab, &browser, &answer, "email_unverified").await;
    let trusting = owner.put(&lab.path, json!({"oidcConfig": {"trustEmail": true}})).await.ok();
    assert_eq!(
        (&trusting["oidcConfig"]["trustEmail"], &trusting["status"]),
        (&json!(true), &json!("active"))
    );
    let (browser, answer) = enter(Some(false)).await;
    refused_for(&owner, &lab, &browser, &answer, "email_unverified").await;
    assert_eq!(enter(None).await.1.status, 303);
}

on_both![
    r008_r029_the_page_offers_google_first_and_a_guide_for_each_provider,
    the_address_of_the_operators_client_takes_no_answer_for_another,
    r020_openid_replaces_saml_on_the_page_and_keeps_its_secret,
    r047_a_secret_is_not_sent_to_an_issuer_that_it_was_not_entered_for,
    an_address_that_is_not_called_verified_counts_only_where_it_is_trusted,
];
