//! Scope, additional fields, tenancy: what goes to the authorization server.

use serde_json::{Value, json};
use url::Url;

use super::{PROFILES, Provider, begun, connected, echoed, made, oauth2, seen, with};
use crate::support::{TestApp, on_both};

async fn r133_the_scope_is_sent_exactly(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let scope = "https://a.example/.default offline_access,x:y";
    let profile = made(&owner, &with(oauth2(&provider), &json!({"scope": scope}))).await;
    let url: Url = begun(&owner, &profile, json!({})).await.parse().unwrap();
    assert_eq!(url.query_pairs().find(|(name, _)| name == "scope").unwrap().1, scope);
    // none: none is sent
    owner.put(&profile, json!({"scope": ""})).await.ok();
    let url: Url = begun(&owner, &profile, json!({})).await.parse().unwrap();
    assert!(!url.query_pairs().any(|(name, _)| name == "scope"));
}

async fn r134_additional_fields_reach_the_authorization_and_token_requests(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let fields = json!([{"key": "Pin code", "value": "2344567"}, {"key": "audience", "value": "api"}]);
    let profile = made(&owner, &with(oauth2(&provider), &json!({"additionalFields": fields}))).await;
    let url = begun(&owner, &profile, json!({})).await;
    let asked: Url = url.parse().unwrap();
    assert!(asked.query_pairs().any(|(name, value)| name == "Pin code" && value == "2344567"), "{asked}");
    assert_eq!(owner.get(&provider.consent(&url)).await.status, 303);
    let exchange = provider.asked()[0].form.clone();
    assert_eq!((exchange["Pin code"].as_str(), exchange["audience"].as_str()), ("2344567", "api"));
    for (bad, part) in [
        (json!([{"key": "", "value": "x"}]), "key"),
        (json!([{"value": "x"}]), "key"),
        (json!([{"key": "pin", "value": ""}]), "value"),
        (json!([{"key": "client_secret", "value": "x"}]), "key"),
        (json!([{"key": "pin", "value": "1"}, {"key": "pin", "value": "2"}]), "key"),
    ] {
        let error =
            owner.put(&profile, json!({"additionalFields": bad})).await.refused(400, "validation_error");
        assert!(error["field"].as_str().unwrap().ends_with(part), "{error}");
    }
    owner.put(&profile, json!({"additionalFields": [{"key": "audience", "value": "other"}]})).await.ok();
    let shown = owner.get(&profile).await.ok();
    assert_eq!(shown["additionalFields"], json!([{"key": "audience", "value": "other", "asked": false}]));
}

async fn r135_what_is_asked_of_each_person_is_kept_for_them_alone(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let fields = json!({"additionalFields": [{"key": "pin"}], "allowedHosts": ["127.0.0.1"],
        "authorizationFields": [{"type": "header", "key": "pin"}]});
    let profile = made(&owner, &with(oauth2(&provider), &fields)).await;
    assert_eq!(
        owner.get(&profile).await.ok()["additionalFields"][0],
        json!({"key": "pin", "value": null, "asked": true})
    );
    // without it the page asks
    let page = begun(&owner, &profile, json!({"as": "person"})).await;
    assert!(page.starts_with(t.app.public_url().as_str()) && page.ends_with("/authorize?for=me"), "{page}");
    for bad in [json!({"fields": {"pin": " "}}), json!({"fields": {"pin": "1", "other": "2"}})] {
        owner.post(&format!("{profile}/authorize"), bad).await.refused(400, "validation_error");
    }
    let member = t.member_of(gatehouse_types::Role::Member).await;
    for (caller, pin, account) in [(&owner, "pin-of-ada", "ada"), (&member, "pin-of-mo", "mo")] {
        let url = begun(caller, &profile, json!({"as": "person", "fields": {"pin": pin}})).await;
        assert!(!url.contains(pin), "a credential stands in no address");
        assert_eq!(caller.get(&provider.consent_as(&url, account)).await.status, 303);
        assert_eq!(provider.asked()[0].form["pin"], pin);
    }
    let send = json!({"method": "GET", "url": provider.at("/echo/x"), "as": "person"});
    for (caller, pin) in [(&owner, "pin-of-ada"), (&member, "pin-of-mo")] {
        let echo = seen(&caller.post(&format!("{profile}/request"), send.clone()).await);
        assert_eq!(echo["headers"]["pin"], pin);
    }
    // it goes along when tokens are refreshed, and nobody is shown it
    t.clock.advance(3_600);
    let (owner, member) = (t.owner().await, t.sign_in("member@main.test").await);
    seen(&echoed(&member, &provider, &profile).await);
    assert_eq!(provider.asked()[0].form["pin"], "pin-of-mo");
    for path in [profile.clone(), format!("{profile}/grants"), "/api/v1/audit-events".to_owned()] {
        assert!(!owner.get(&path).await.body.contains("pin-of-"), "{path}");
    }
    let file = t.database.data_dir().join("a.backup");
    gatehouse_store::backup::write(t.app.store(), &file).await.unwrap();
    let file = crate::support::unpacked(&file);
    assert!(!file.contains("pin-of-") && !file.contains("access-1") && !file.contains("refresh-1"));
}

async fn r131_the_tenancy_is_asked_and_is_one_label_of_the_host(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let port = provider.host().split(':').next_back().unwrap();
    let tenants = json!({"tenancyUrl": true, "authorizationUrl": "https://{tenancy}.login.example/authorize",
        "tokenRequestUrl": format!("http://{{tenancy}}.outside.localhost:{port}/token"), "revocationUrl": ""});
    let profile = made(&owner, &with(oauth2(&provider), &tenants)).await;
    let page = begun(&owner, &profile, json!({})).await;
    assert!(page.ends_with("/authorize?for=workspace"), "{page}");
    for bad in ["evil.test/", "a.b", "a@evil.test", "", "-a", "a%2Fb", "https://acme.login.example"] {
        let error = owner.post(&format!("{profile}/authorize"), json!({"tenancy": bad})).await;
        assert_eq!(error.refused(400, "validation_error")["field"], "tenancy", "{bad}");
    }
    let url = begun(&owner, &profile, json!({"tenancy": "Acme"})).await;
    assert!(url.starts_with("https://acme.login.example/authorize?"), "{url}");
    // the tenant's own token endpoint is asked
    t.dns.set_addresses("acme.outside.localhost", ["127.0.0.1".parse().unwrap()]);
    let at_home = url.replace("https://acme.login.example", &provider.at(""));
    let landed = owner.get(&provider.consent(&at_home)).await;
    assert_eq!(landed.status, 303, "{}", landed.body);
    seen(&echoed(&owner, &provider, &profile).await);
    // only as a whole label below a fixed domain, and only where it was said so
    for bad in [
        "https://{tenancy}/x",
        "https://{tenancy}.com/x",
        "https://a{tenancy}.b.example/",
        "https://a.example/{tenancy}",
    ] {
        let error =
            owner.put(&profile, json!({"authorizationUrl": bad})).await.refused(400, "validation_error");
        assert_eq!(error["field"], "authorizationUrl", "{bad}");
    }
    owner.put(&profile, json!({"tenancyUrl": false})).await.refused(400, "validation_error");
    let plain = with(
        oauth2(&provider),
        &json!({"identityProviderName": "Plain", "authorizationUrl": "https://{tenancy}.a.example/"}),
    );
    owner.post(PROFILES, plain).await.refused(400, "validation_error");
    let fixed = made(&owner, &with(oauth2(&provider), &json!({"identityProviderName": "Fixed"}))).await;
    owner
        .post(&format!("{fixed}/authorize"), json!({"tenancy": "acme"}))
        .await
        .refused(400, "validation_error");
    connected(&owner, &provider, &fixed, json!({})).await;
    assert_eq!(owner.get(&fixed).await.ok()["tenancyUrl"], Value::Bool(false));
}

on_both![
    r133_the_scope_is_sent_exactly,
    r134_additional_fields_reach_the_authorization_and_token_requests,
    r135_what_is_asked_of_each_person_is_kept_for_them_alone,
    r131_the_tenancy_is_asked_and_is_one_label_of_the_host,
];
