//! Rows of the requirements that no other test is named after: the page of single sign-on over HTTP, the sign-in page,
//! switching, and the whole way of a set-up.

use gatehouse_lab::LAB_DOMAIN;
use gatehouse_types::{Id, Role};
use serde_json::{Value, json};

use crate::support::{Answer, Client, Form, PASSWORD, TestApp, on_both};

const PAGE: &str = "/settings/security/sso";
const SETTINGS: &str = "/api/v1/sso/settings";

/// Fills the form of a page that goes to `action`, and sends it.
async fn submit(browser: &Client, page: &str, action: &str, values: &[(&str, &str)]) -> Answer {
    let mut form = Form::to(&browser.get(page).await.body, action);
    for (name, value) in values {
        form.fields.retain(|(known, _)| known != name);
        form.fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    form.send(browser).await
}

/// Saves the page with the lab as the provider.
async fn save(t: &TestApp, browser: &Client, sso_url: &str) -> Answer {
    let certificate = browser.get(&t.lab().certificate_path()).await.body;
    let values = [
        ("protocol", "saml"),
        ("provider", "okta"),
        ("ssoUrl", sso_url),
        ("entityId", &t.lab().entity_id()),
        ("certificates", &certificate),
        ("defaultRole", "member"),
        ("jitProvisioning", "true"),
    ];
    submit(browser, &format!("{PAGE}?tab=enable"), PAGE, &values).await
}

async fn r007_first_use_offers_to_enable_and_later_both_tabs_show(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    let empty = browser.get(PAGE).await.body;
    assert!(empty.contains("Enable SSO") && !empty.contains("Disable SSO"), "{empty}");
    assert_eq!(save(&t, &browser, &t.lab().sign_on_url()).await.status, 303);
    let page = browser.get(PAGE).await.body;
    assert!(page.contains("Enable SSO") && page.contains("Disable SSO"), "{page}");
}

async fn r008_r009_protocols_and_providers_come_in_their_pairs(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    let chosen = |page: &str, name: &str| {
        let from =
            page.find(&format!("<select id=\"{name}\"")).unwrap_or_else(|| panic!("no {name}: {page}"));
        let select = &page[from..from + page[from..].find("</select>").unwrap()];
        let option = |o: &str| o.split('>').nth(1).unwrap().split('<').next().unwrap().to_owned();
        let all: Vec<String> =
            select.split("<option").skip(1).map(|o| option(&format!("<option{o}"))).collect();
        let picked = select.split("<option").skip(1).find(|o| o.contains(" selected"));
        (picked.map(|o| option(&format!("<option{o}"))).unwrap_or_else(|| all[0].clone()), all)
    };
    let first = browser.get(&format!("{PAGE}?tab=enable")).await.body;
    assert_eq!(chosen(&first, "protocol").0, "SAML");
    assert_eq!(chosen(&first, "provider").0, "Okta");
    for (protocol, providers) in [
        ("saml", &["Okta", "OneLogin", "Other"][..]),
        ("wsfed", &["Windows Azure", "Other"]),
        ("oidc", &["Google account"]),
    ] {
        let fields = format!("{PAGE}/fields");
        let mut form = Form::to(&browser.get(&format!("{PAGE}?tab=enable")).await.body, PAGE);
        form.action = fields;
        form.fields.push(("protocol".to_owned(), protocol.to_owned()));
        let page = form.send(&browser).await.body;
        let offered = chosen(&page, "provider").1;
        for (at, provider) in providers.iter().enumerate() {
            assert!(offered[at].starts_with(provider), "{protocol}: {offered:?}");
        }
    }
}

async fn r010_r011_r012_each_saml_provider_has_its_labels(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    for (provider, labels) in [
        ("okta", ["Okta single sign-on url", "Identity provider issuer", "Certificate"]),
        ("onelogin", ["SAML 2.0 endpoint", "Issuer url", "X.509 certificate"]),
        ("other", ["Single sign-on url", "Issuer url", "Certificate"]),
    ] {
        let mut form = Form::to(&browser.get(&format!("{PAGE}?tab=enable")).await.body, PAGE);
        form.action = format!("{PAGE}/fields");
        form.fields.push(("protocol".to_owned(), "saml".to_owned()));
        form.fields.push(("provider".to_owned(), provider.to_owned()));
        let page = form.send(&browser).await.body;
        for label in labels {
            assert!(page.contains(&format!(">{label}")), "{provider}: {label}");
        }
    }
}

async fn r016_r067_the_page_shows_both_acs_urls_of_this_host(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    assert_eq!(save(&t, &browser, &t.lab().sign_on_url()).await.status, 303);
    let owner = t.owner().await;
    let settings = owner.get(SETTINGS).await.ok();
    let page = browser.get(PAGE).await.body;
    let base = t.app.public_url().as_str().to_owned();
    let mut urls = Vec::new();
    for name in ["acsUrlSpInitiated", "acsUrlIdpInitiated", "replyUrl", "redirectUri"] {
        let url = settings[name].as_str().unwrap();
        assert!(url.starts_with(&base), "{name}: {url}");
        urls.push(url.to_owned());
    }
    assert_ne!(urls[0], urls[1]);
    assert!(page.contains(&urls[0]) && page.contains(&urls[1]));
    let metadata = owner.get("/api/v1/sso/sp-metadata").await.ok();
    assert!(metadata["entityId"].as_str().unwrap().starts_with(&base));
    assert!(metadata["acsUrl"].as_str().unwrap().starts_with(&base));
}

async fn r017_the_idp_initiated_acs_url_is_an_audience_and_no_other(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let sso = t.app.sso();
    let own = sso.idp_acs_url(&lab.id.parse().unwrap());
    for (audience, status) in
        [(own, 303), (sso.entity_id(), 303), ("https://other.example/sp".to_owned(), 401)]
    {
        let form = t
            .hand_made_with(&lab.id, "ada@lab.test", |r| {
                r.audiences = vec![audience.clone()];
            })
            .await;
        assert_eq!(form.send(&t.client()).await.status, status, "{audience}");
    }
}

async fn r018_r019_saving_tells_since_when_and_offers_the_provider(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    let owner = t.owner().await;
    assert_eq!(save(&t, &browser, &t.lab().sign_on_url()).await.status, 303);
    let page = browser.get(PAGE).await.body;
    assert!(page.contains("SSO updated"), "{page}");
    let settings = owner.get(SETTINGS).await.ok();
    let at = settings["enabledAt"].as_str().unwrap();
    assert!(page.contains("SSO enabled on") && page.contains(&at[..19]), "{at}: {page}");
    let told = owner.get("/api/v1/audit-events?event=sso.enabled").await.ok();
    assert_eq!(told["pagination"]["totalItems"], 1);
    let id = settings["connectionId"].as_str().unwrap();
    t.prove(&owner, &format!("/api/v1/sso/connections/{id}"), LAB_DOMAIN).await;
    owner.post_to(&format!("/api/v1/sso/connections/{id}/activate")).await.ok();
    let start = format!("/sso/{id}/start");
    assert!(browser.get(PAGE).await.body.contains(&format!("href=\"{start}")));
    let asked = t.client().get(&start).await;
    assert!(asked.location().unwrap().starts_with(&format!("{}?SAMLRequest=", t.lab().sign_on_url())));
}

async fn r020_an_edit_counts_from_the_next_sign_in_on(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    owner.put(SETTINGS, json!({"connectionId": lab.id})).await.ok();
    let browser = t.browser("owner@main.test").await;
    assert_eq!(save(&t, &browser, "https://idp.example/edited").await.status, 303);
    let asked = t.client().get(&format!("/sso/{}/start", lab.id)).await;
    assert!(asked.location().unwrap().starts_with("https://idp.example/edited?"), "{:?}", asked.location());
}

async fn r028_one_sign_in_reaches_the_persons_other_accounts(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let other = t.workspace("Other").await;
    let browser = t.client();
    assert_eq!(t.enter_from_lab(&browser, &lab.id, "ada").await.status, 303);
    t.person_in(&other, "ada@lab.test", Role::Member).await;
    let switched =
        submit(&browser, "/account", "/switch-workspace", &[("workspaceId", other.as_str())]).await;
    assert_eq!(switched.status, 303, "{}", switched.body);
    assert_eq!(browser.get("/api/v1/me").await.ok()["workspace"]["id"], json!(other));
}

async fn r029_each_provider_has_its_guide(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    for (provider, name, steps) in
        [("okta", "Okta", 18), ("onelogin", "OneLogin", 12), ("other", "other providers", 7)]
    {
        let mut form = Form::to(&browser.get(&format!("{PAGE}?tab=enable")).await.body, PAGE);
        form.action = format!("{PAGE}/fields");
        form.fields.push(("protocol".to_owned(), "saml".to_owned()));
        form.fields.push(("provider".to_owned(), provider.to_owned()));
        let page = form.send(&browser).await.body;
        let from = page.find(&format!("Set-up guide: {name}")).unwrap_or_else(|| panic!("{provider}"));
        let guide = &page[from..from + page[from..].find("</details>").unwrap()];
        assert_eq!(guide.matches("<li").count(), steps, "{provider}");
    }
}

async fn r032_r035_excluded_people_are_chosen_and_one_more_is_advised(t: TestApp) {
    t.person("ada@main.test", Role::Member).await;
    t.person("bo@main.test", Role::Member).await;
    let browser = t.browser("owner@main.test").await;
    let page = browser.get(&format!("{PAGE}?tab=enable")).await.body;
    assert!(page.contains("Exclude at least one more person"));
    assert!(page.contains("<option value=\"ada@main.test\">"), "members to choose from: {page}");
    let mut form = Form::to(&page, "/settings/security/sso/excluded");
    form.fields.retain(|(name, _)| name != "emails");
    form.fields.extend(["ada@main.test", "bo@main.test"].map(|e| ("emails".to_owned(), e.to_owned())));
    assert_eq!(form.send(&browser).await.status, 303);
    let page = browser.get(&format!("{PAGE}?tab=enable")).await.body;
    assert!(page.contains("SSO updated successfully") && !page.contains("Exclude at least one more person"));
    let settings = t.owner().await.get(SETTINGS).await.ok();
    assert_eq!(settings["excludedUsers"], json!(["ada@main.test", "bo@main.test", "owner@main.test"]));
}

/// Single sign-on is mandatory, and cleo@lab.test is excluded.
async fn enforced(t: &TestApp, owner: &Client) -> Value {
    let lab = t.active_lab(owner).await;
    t.person("cleo@lab.test", Role::Member).await;
    owner.put(SETTINGS, json!({"connectionId": lab.id, "excludedUsers": ["cleo@lab.test"]})).await.ok();
    owner.post_to(&format!("{SETTINGS}/enable")).await.ok();
    json!(lab.id)
}

async fn r036_an_excluded_person_is_offered_both_ways(t: TestApp) {
    let owner = t.owner().await;
    enforced(&t, &owner).await;
    let browser = t.client();
    let asked = submit(&browser, "/login", "/login", &[("email", "cleo@lab.test")]).await;
    let page = match asked.location() {
        Some(to) => browser.get(to).await.body,
        None => asked.body.clone(),
    };
    assert!(page.contains("Continue") && page.contains("Having trouble logging in with SSO?"), "{page}");
    t.sign_in("cleo@lab.test").await;
}

async fn r037_without_single_sign_on_the_default_sign_in_comes_at_once(t: TestApp) {
    t.person("cleo@main.test", Role::Member).await;
    let browser = t.client();
    let asked = submit(&browser, "/login", "/login", &[("email", "cleo@main.test")]).await;
    let page = match asked.location() {
        Some(to) => browser.get(to).await.body,
        None => asked.body.clone(),
    };
    assert!(page.contains("type=\"password\"") && !page.contains("Having trouble"), "{page}");
}

async fn r040_an_excluded_person_switches_into_a_mandatory_workspace_at_once(t: TestApp) {
    let owner = t.owner().await;
    enforced(&t, &owner).await;
    let other = t.workspace("Other").await;
    t.person_in(&other, "cleo@lab.test", Role::Member).await;
    let person = t.sign_in("cleo@lab.test").await;
    let switch = "/api/v1/auth/switch-workspace";
    let there = person.post(switch, json!({"workspaceId": other})).await.ok();
    let there = person.with_token(there["accessToken"].as_str().unwrap());
    let back = there.post(switch, json!({"workspaceId": t.workspace})).await.ok();
    assert_eq!(back["workspaceId"], json!(t.workspace));
}

async fn r042_exclusion_helps_while_the_provider_is_out_of_order(t: TestApp) {
    let owner = t.owner().await;
    let id = enforced(&t, &owner).await;
    let path = format!("/api/v1/sso/connections/{}", id.as_str().unwrap());
    // nobody listens there any more
    owner.put(&path, json!({"samlConfig": {"ssoUrl": "http://127.0.0.1:9/sso"}})).await.ok();
    t.sign_in("cleo@lab.test").await;
    let refused = json!({"email": "owner@main.test", "password": "wrong"});
    t.client().post("/api/v1/auth/login", refused).await.refused(401, "authentication_error");
    let good = json!({"email": "owner@main.test", "password": PASSWORD});
    t.client().post("/api/v1/auth/login", good).await.ok();
}

async fn r066_the_typical_order_of_a_set_up_leads_to_a_sign_in(t: TestApp) {
    let owner = t.owner().await;
    let made = owner.post("/api/v1/sso/connections", t.lab_body("Typical").await).await.ok();
    let id = made["id"].as_str().unwrap();
    let path = format!("/api/v1/sso/connections/{id}");
    t.prove(&owner, &path, LAB_DOMAIN).await;
    assert_eq!(owner.post_to(&format!("{path}/test")).await.ok()["success"], true);
    assert_eq!(owner.post_to(&format!("{path}/activate")).await.ok()["status"], "active");
    let browser = t.client();
    let form = t.ask_lab(&browser, &format!("/sso/{id}/start"), "ada", "").await;
    assert_eq!(form.send(&browser).await.status, 303);
    assert_eq!(browser.get("/api/v1/me").await.ok()["user"]["email"], "ada@lab.test");
    owner.put(SETTINGS, json!({"connectionId": id})).await.ok();
    let page = t.browser("owner@main.test").await.get(PAGE).await.body;
    let steps = &page[page.find("id=\"steps\"").unwrap()..];
    for step in
        ["Create the connection", "Add and verify a domain", "Test the connection", "Activate it", "SCIM"]
    {
        assert!(steps.contains(step), "{step}");
    }
}

on_both![
    r007_first_use_offers_to_enable_and_later_both_tabs_show,
    r008_r009_protocols_and_providers_come_in_their_pairs,
    r010_r011_r012_each_saml_provider_has_its_labels,
    r016_r067_the_page_shows_both_acs_urls_of_this_host,
    r017_the_idp_initiated_acs_url_is_an_audience_and_no_other,
    r018_r019_saving_tells_since_when_and_offers_the_provider,
    r020_an_edit_counts_from_the_next_sign_in_on,
    r028_one_sign_in_reaches_the_persons_other_accounts,
    r029_each_provider_has_its_guide,
    r032_r035_excluded_people_are_chosen_and_one_more_is_advised,
    r036_an_excluded_person_is_offered_both_ways,
    r037_without_single_sign_on_the_default_sign_in_comes_at_once,
    r040_an_excluded_person_switches_into_a_mandatory_workspace_at_once,
    r042_exclusion_helps_while_the_provider_is_out_of_order,
    r066_the_typical_order_of_a_set_up_leads_to_a_sign_in,
];
