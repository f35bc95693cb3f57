//! The pages, as plain forms.

use gatehouse_types::Role;
use serde_json::json;

use super::{PROFILES, Provider, connected, made, oauth2};
use crate::support::{Answer, Client, Form, TestApp, on_both};

const PAGE: &str = "/integrations/auth-profiles";

/// Sends the form of a page whose action is `action`, with these values in the place of what stands there.
pub(super) async fn submit(browser: &Client, page: &str, action: &str, values: &[(&str, &str)]) -> Answer {
    let shown = browser.get(page).await.body;
    fill(browser, &shown, action, values).await
}

async fn fill(browser: &Client, shown: &str, action: &str, values: &[(&str, &str)]) -> Answer {
    let mut form = Form::to(shown, action);
    for (name, _) in values {
        form.fields.retain(|(known, _)| known != name);
    }
    form.fields.extend(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    form.send(browser).await
}

async fn r122_r123_r124_r145_a_profile_is_made_tested_changed_and_deleted_on_its_pages(t: TestApp) {
    let (browser, provider) = (t.browser("owner@main.test").await, Provider::start().await);
    let page = browser.get(PAGE).await.body;
    assert!(
        page.contains("Create Authorization Profile")
            && page.contains("aria-current=\"page\">Authorization Profiles<"),
        "{page}"
    );
    let new = format!("{PAGE}/new");
    let form = browser.get(&new).await.body;
    assert!(form.contains("New Authorization Mechanism") && form.contains("Save new Auth"), "{form}");
    assert!(form.contains(">OAuth V2</option>") && form.contains(">OAuth V2 Client Credentials</option>"));
    // nothing chosen yet: said at its field
    let refused = submit(&browser, &new, &new, &[("authorizationType", ""), ("do", "save")]).await;
    assert!(
        refused.status == 400 && refused.body.contains("Select the authorization type."),
        "{}",
        refused.body
    );
    // the fields of the type that is chosen
    let shown =
        submit(&browser, &new, &new, &[("authorizationType", "oauth2"), ("identityProviderName", "Outside")])
            .await;
    assert_eq!(shown.status, 400);
    let code = fields_of(&browser, "oauth2").await;
    assert!(
        code.contains("Authorization URL")
            && code.contains("tenancy URLs")
            && code.contains("Refresh token URL"),
        "{code}"
    );
    let machine = fields_of(&browser, "oauth2_client_credentials").await;
    assert!(
        !machine.contains("Authorization URL")
            && !machine.contains("tenancy URLs")
            && !machine.contains("Refresh token URL")
    );
    let (authorize, token) = (provider.at("/authorize"), provider.at("/token"));
    let typed = [
        ("authorizationType", "oauth2"),
        ("identityProviderName", "Outside"),
        ("clientId", "client"),
        ("clientSecret", "s3cret of ours"),
        ("authorizationUrl", authorize.as_str()),
        ("tokenRequestUrl", token.as_str()),
        ("clientAuthentication", "basic"),
        ("scope", "read"),
    ];
    // the choice of tenancy must be made
    let refused =
        fill(&browser, &code, &new, &[&typed[..], &[("tenancyUrl", ""), ("do", "save")]].concat()).await;
    assert!(refused.body.contains("Say whether there are tenancy URLs."), "{}", refused.body);
    let chosen = [
        &typed[..],
        &[
            ("tenancyUrl", "no"),
            ("additionalKey", "pin"),
            ("additionalValue", ""),
            ("additionalFrom", "given"),
        ],
    ]
    .concat();
    let refused = fill(&browser, &code, &new, &[&chosen[..], &[("do", "save")]].concat()).await;
    assert!(refused.status == 400 && refused.body.contains("Enter the field value."), "{}", refused.body);
    let chosen = [&typed[..], &[("tenancyUrl", "no"), ("do", "test")]].concat();
    let tested = fill(&browser, &code, &new, &chosen).await;
    assert!(tested.status == 200 && tested.body.contains("The provider knows our client"), "{}", tested.body);
    let chosen = [&typed[..], &[("tenancyUrl", "no"), ("do", "save")]].concat();
    let made = fill(&browser, &tested.body, &new, &chosen).await;
    assert_eq!((made.status, made.location()), (303, Some(PAGE)), "{}", made.body);
    let list = browser.get(PAGE).await.body;
    for part in ["Outside was saved.", "Add new auth", "Not Configured", ">OAuth V2<", "Test auth", "Status"]
    {
        assert!(list.contains(part), "{part}: {list}");
    }
    let id = t.owner().await.get(PROFILES).await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    let own = format!("{PAGE}/{id}");
    let shown = browser.get(&own).await.body;
    assert!(shown.contains("Update new auth") && !shown.contains("s3cret of ours"), "{shown}");
    for locked in [
        "id=\"authorizationType\" value=\"OAuth V2\" disabled",
        "id=\"identityProviderName\" value=\"Outside\" disabled",
    ] {
        assert!(shown.contains(locked), "{locked}");
    }
    // an empty secret keeps the one there is
    let changes = [
        ("description", "For orders"),
        ("tenancyUrl", "no"),
        ("clientAuthentication", "basic"),
        ("do", "save"),
    ];
    let saved = fill(&browser, &shown, &own, &changes).await;
    assert_eq!((saved.status, saved.location()), (303, Some(own.as_str())), "{}", saved.body);
    let tested = submit(&browser, PAGE, &format!("{own}/test"), &[]).await;
    assert_eq!(tested.status, 303);
    assert!(browser.get(PAGE).await.body.contains("The provider knows our client"));
    // deleting asks first
    let delete = format!("{own}/delete");
    let asked = browser.get(&delete).await.body;
    assert!(asked.contains("It cannot be recovered."), "{asked}");
    assert_eq!(submit(&browser, &delete, &delete, &[]).await.status, 303);
    assert!(browser.get(PAGE).await.body.contains("No authorization profiles yet"));
    assert_eq!(browser.get(&own).await.status, 404);
}

/// The form of a new profile for a type, as the button without JavaScript fetches it.
async fn fields_of(browser: &Client, kind: &str) -> String {
    let new = browser.get(&format!("{PAGE}/new")).await.body;
    let mut form = Form::to(&new, &format!("{PAGE}/new"));
    form.action = format!("{PAGE}/new/fields");
    form.fields.push(("authorizationType".to_owned(), kind.to_owned()));
    let answer = form.send(browser).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

async fn r135_r143_somebody_authorizes_in_the_browser_and_is_asked_for_a_pin(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let mut values = oauth2(&provider);
    values["additionalFields"] = json!([{"key": "PIN code"}]);
    let profile = made(&owner, &values).await;
    let own = profile.replace(PROFILES, PAGE);
    t.person("mo@main.test", Role::Member).await;
    let browser = t.browser("mo@main.test").await;
    // a member sees the list without what is for administrators, and comes to the page that asks
    let list = browser.get(PAGE).await.body;
    assert!(
        list.contains("Outside") && !list.contains("Add new auth") && !list.contains("/delete"),
        "{list}"
    );
    assert_eq!(browser.get(&format!("{PAGE}/new")).await.status, 403);
    let to = browser.get(&own).await;
    assert_eq!(to.location(), Some(format!("{own}/authorize?for=me").as_str()));
    let page = format!("{own}/authorize?for=me");
    let authorize = format!("{own}/authorize");
    let refused = submit(&browser, &page, &authorize, &[("value", " ")]).await;
    assert!(refused.status == 400 && refused.body.contains("Enter PIN code."), "{}", refused.body);
    let away = submit(&browser, &page, &authorize, &[("value", "123456")]).await;
    assert_eq!(away.status, 200, "{}", away.body);
    let url = away.body.split("href=\"").find(|part| part.starts_with(&provider.at("/authorize"))).unwrap();
    let url = url.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    let landed = browser.get(&provider.consent_as(&url, "mo")).await;
    assert_eq!((landed.status, landed.location()), (303, Some(own.as_str())), "{}", landed.body);
    assert_eq!(provider.asked()[0].form["PIN code"], "123456");
    let page = browser.get(&page).await.body;
    assert!(page.contains("Outside is authorized.") && page.contains("Authorized"), "{page}");
    // and ends it there
    let disconnect = page
        .split("href=\"")
        .find(|p| p.contains("/disconnect\""))
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(submit(&browser, &disconnect, &disconnect, &[]).await.status, 303);
    assert_eq!(owner.get(&format!("{profile}/grants")).await.ok()["data"], json!([]));
}

async fn r139_the_list_says_what_must_be_authorized_again(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    let browser = t.browser("owner@main.test").await;
    assert!(browser.get(PAGE).await.body.contains(">Configured<"));
    provider.forgets_all();
    super::echoed(&owner, &provider, &profile).await.refused(409, "conflict");
    let list = browser.get(PAGE).await.body;
    assert!(list.contains(">Not Configured<") && list.contains("invalid_grant"), "{list}");
    let own = browser.get(&profile.replace(PROFILES, PAGE)).await.body;
    assert!(own.contains("Needs re-authorization") && own.contains("used by request"), "{own}");
}

/// The address at the provider to which a page leads.
fn leads_to(away: &Answer, provider: &Provider) -> String {
    let url = away.body.split("href=\"").find(|part| part.starts_with(&provider.at("/authorize")));
    let url = url.unwrap_or_else(|| panic!("{}", away.body)).split('"').next().unwrap();
    url.replace("&#38;", "&").replace("&amp;", "&")
}

/// Who refuses at the provider, or whose provider does not take the client, is back at the profile and reads why.
async fn a_consent_that_fails_leads_back_to_the_profile(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    let own = profile.replace(PROFILES, PAGE);
    let browser = t.browser("owner@main.test").await;
    let authorize = format!("{own}/authorize");
    let url = leads_to(&submit(&browser, &own, &authorize, &[]).await, &provider);
    let consented = url::Url::parse(&format!("http://x{}", provider.consent(&url))).unwrap();
    let state = consented.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let denied =
        format!("{}?error=access_denied&error_description=Not%20today&state={state}", consented.path());
    let back = browser.get(&denied).await;
    assert_eq!((back.status, back.location()), (303, Some(own.as_str())), "{}", back.body);
    let shown = browser.get(&own).await.body;
    assert!(
        shown.contains("Nothing was connected.") && shown.contains("access_denied: Not today"),
        "{shown}"
    );
    owner.put(&profile, json!({"clientSecret": "wrong"})).await.ok();
    let url = leads_to(&submit(&browser, &own, &authorize, &[]).await, &provider);
    let back = browser.get(&provider.consent(&url)).await;
    assert_eq!((back.status, back.location()), (303, Some(own.as_str())), "{}", back.body);
    assert!(browser.get(&own).await.body.contains("invalid_client"));
}

async fn a_change_that_ends_what_was_authorized_asks_first(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    let own = profile.replace(PROFILES, PAGE);
    let browser = t.browser("owner@main.test").await;
    // a trial of the API names it
    let tried = owner.put(&format!("{profile}?dryRun=true"), json!({"clientId": "other"})).await.ok();
    let effects = tried["effects"].as_array().unwrap();
    assert!(effects.iter().any(|e| e["event"] == "grant.ended"), "{tried}");
    let updated = effects.iter().find(|e| e["event"] == "auth-profile.updated").unwrap();
    assert_eq!(updated["details"]["grantsEnded"], 1, "{tried}");
    let grants = format!("{profile}/grants");
    let shown = browser.get(&own).await.body;
    let chosen = [("tenancyUrl", "no"), ("clientAuthentication", "basic")];
    let other = [&chosen[..], &[("clientId", "other"), ("do", "save")]].concat();
    let asked = fill(&browser, &shown, &own, &other).await;
    assert_eq!(asked.status, 409, "{}", asked.body);
    for part in [
        "Saving this ends what was authorized.",
        "the workspace&#39;s authorization ends",
        "No flow uses it.",
    ] {
        assert!(asked.body.contains(part), "{part}: {}", asked.body);
    }
    assert_eq!(owner.get(&grants).await.ok()["data"].as_array().unwrap().len(), 1);
    assert_eq!(owner.get(&profile).await.ok()["clientId"], "client");
    let saved = fill(&browser, &asked.body, &own, &[&chosen[..], &[("do", "save-anyway")]].concat()).await;
    assert_eq!((saved.status, saved.location()), (303, Some(own.as_str())), "{}", saved.body);
    assert!(browser.get(&own).await.body.contains("was ended by them"));
    assert_eq!(owner.get(&grants).await.ok()["data"], json!([]));
    assert_eq!(owner.get(&profile).await.ok()["clientId"], "other");
    // what ends nothing is saved at once
    let saved =
        fill(&browser, &asked.body, &own, &[&chosen[..], &[("clientId", "third"), ("do", "save")]].concat())
            .await;
    assert_eq!(saved.status, 303, "{}", saved.body);
}

async fn an_outage_is_failing_and_a_change_is_tried_at_the_next_use(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &super::credentials(&provider)).await;
    provider.answers(503, json!({}));
    let down = super::echoed(&owner, &provider, &profile).await;
    assert_eq!(down.status, 503, "{}", down.body);
    let browser = t.browser("owner@main.test").await;
    let list = browser.get(PAGE).await.body;
    assert!(list.contains(">Failing<") && !list.contains(">Not Configured<"), "{list}");
    owner.put(&profile, json!({"clientSecret": "s3cret of ours"})).await.ok();
    let list = browser.get(PAGE).await.body;
    assert!(list.contains(">Not tried since it was changed<") && !list.contains(">Failing<"), "{list}");
    let seen = owner.get(&profile).await.ok();
    assert_eq!(seen["status"], "configured", "{seen}");
    assert!(seen["grant"]["reason"].as_str().unwrap().contains("was not tried since"), "{seen}");
    assert_eq!(super::seen(&super::echoed(&owner, &provider, &profile).await)["account"], "machine");
    assert!(browser.get(PAGE).await.body.contains(">Configured<"));
}

async fn the_pages_are_hidden_from_viewers(t: TestApp) {
    t.person("vi@main.test", Role::Viewer).await;
    let browser = t.browser("vi@main.test").await;
    assert!(!browser.get("/").await.body.contains(PAGE));
    for page in
        [PAGE.to_owned(), format!("{PAGE}/new"), format!("{PAGE}/apr_1"), format!("{PAGE}/apr_1/authorize")]
    {
        assert_eq!(browser.get(&page).await.status, 403, "{page}");
    }
}

on_both![
    r122_r123_r124_r145_a_profile_is_made_tested_changed_and_deleted_on_its_pages,
    r135_r143_somebody_authorizes_in_the_browser_and_is_asked_for_a_pin,
    r139_the_list_says_what_must_be_authorized_again,
    the_pages_are_hidden_from_viewers,
    a_consent_that_fails_leads_back_to_the_profile,
    a_change_that_ends_what_was_authorized_asks_first,
    an_outage_is_failing_and_a_change_is_tried_at_the_next_use,
];
