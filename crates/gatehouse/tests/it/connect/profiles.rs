//! Profiles: made, listed, changed, deleted, tested.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::console::submit;
use super::{PROFILES, Provider, connected, credentials, echoed, events, later, made, oauth2, seen, with};
use crate::support::{TestApp, on_both};

/// Every field that must not be missing.
async fn r124_r125_r127_r128_r129_r130_r132_r141_mandatory_fields_are_named_when_they_are_blank(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    for (of, field) in [
        (oauth2(&provider), "authorizationType"),
        (oauth2(&provider), "identityProviderName"),
        (oauth2(&provider), "callbackUrl"),
        (oauth2(&provider), "clientId"),
        (oauth2(&provider), "clientSecret"),
        (oauth2(&provider), "authorizationUrl"),
        (oauth2(&provider), "tokenRequestUrl"),
        (credentials(&provider), "clientId"),
        (credentials(&provider), "clientSecret"),
        (credentials(&provider), "tokenRequestUrl"),
    ] {
        let error = owner.post(PROFILES, with(of.clone(), &json!({field: " "}))).await;
        let error = error.refused(400, "validation_error");
        assert_eq!(error["field"], field, "{error}");
        if field != "callbackUrl" {
            let mut without = of;
            without.as_object_mut().unwrap().remove(field);
            assert_eq!(owner.post(PROFILES, without).await.refused(400, "validation_error")["field"], field);
        }
    }
    // only the two types there are
    let other = with(oauth2(&provider), &json!({"authorizationType": "saml"}));
    owner.post(PROFILES, other).await.refused(400, "validation_error");
    // addresses are https but for this machine; client credentials have no authorization URL
    let open = with(oauth2(&provider), &json!({"authorizationUrl": "http://op.example/authorize"}));
    assert_eq!(
        owner.post(PROFILES, open).await.refused(400, "validation_error")["field"],
        "authorizationUrl"
    );
    let odd = with(credentials(&provider), &json!({"authorizationUrl": "https://op.example/authorize"}));
    assert_eq!(owner.post(PROFILES, odd).await.refused(400, "validation_error")["field"], "authorizationUrl");
    assert_eq!(owner.get(PROFILES).await.ok()["pagination"]["totalItems"], 0);
}

async fn r122_r123_r126_r127_a_profile_is_made_listed_and_found(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let answer = owner.post(PROFILES, oauth2(&provider)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let profile = answer.json();
    assert_eq!(profile["status"], "not_configured");
    assert_eq!(profile["description"], "");
    // one callback a profile, at this host, with an end that nobody guesses
    let beginning = format!("{}/oauth/callback/", t.app.public_url());
    let context = profile["callbackUrl"].as_str().unwrap().strip_prefix(&beginning).unwrap();
    assert_eq!(context.len(), 43);
    let machine = owner.post(PROFILES, credentials(&provider)).await.ok();
    assert_ne!(machine["callbackUrl"], profile["callbackUrl"]);
    assert_eq!(machine["status"], "configured");
    let listed = owner.get(PROFILES).await.ok();
    let names: Vec<_> =
        listed["data"].as_array().unwrap().iter().map(|p| p["identityProviderName"].clone()).collect();
    assert_eq!(names, ["Machine", "Outside"]);
    assert_eq!(owner.get(&format!("{PROFILES}?search=mach")).await.ok()["pagination"]["totalItems"], 1);
    // somebody else's address is no callback, and neither is a short one
    for bad in ["https://evil.test/oauth/callback/x", &format!("{beginning}short")] {
        let other = with(oauth2(&provider), &json!({"identityProviderName": "Third", "callbackUrl": bad}));
        assert_eq!(
            owner.post(PROFILES, other).await.refused(400, "validation_error")["field"],
            "callbackUrl"
        );
    }
    let taken = with(
        oauth2(&provider),
        &json!({"identityProviderName": "Third", "callbackUrl": profile["callbackUrl"]}),
    );
    owner.post(PROFILES, taken).await.refused(409, "conflict");
    // a name counts once, whatever its case
    let again = with(oauth2(&provider), &json!({"identityProviderName": "OUTSIDE"}));
    assert_eq!(owner.post(PROFILES, again).await.refused(409, "conflict")["field"], "identityProviderName");
}

async fn r129_the_secret_is_told_to_nobody_and_stored_sealed(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let values =
        with(oauth2(&provider), &json!({"additionalFields": [{"key": "pin", "value": "pin-2344567"}]}));
    let profile = made(&owner, &values).await;
    let shown = owner.get(&profile).await;
    assert_eq!(shown.ok()["hasClientSecret"], true);
    let (list, audit) = (owner.get(PROFILES).await.body, owner.get("/api/v1/audit-events").await.body);
    for text in [&shown.body, &list, &audit] {
        assert!(!text.contains("s3cret of ours"), "{text}");
    }
    let file = t.database.data_dir().join("a.backup");
    gatehouse_store::backup::write(t.app.store(), &file).await.unwrap();
    let file = crate::support::unpacked(&file);
    assert!(!file.contains("s3cret of ours") && !file.contains("pin-2344567"));
}

async fn r145_type_and_name_stay_and_everything_else_can_change(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    for (field, value) in
        [("authorizationType", "oauth2_client_credentials"), ("identityProviderName", "Other")]
    {
        let error = owner.put(&profile, json!({field: value})).await.refused(400, "validation_error");
        assert_eq!(error["field"], field);
    }
    // the same words are no change
    owner.put(&profile, json!({"authorizationType": "oauth2", "identityProviderName": "Outside"})).await.ok();
    let change = json!({"description": "For orders", "scope": "read", "authErrorStatusCode": 419,
        "refreshTokenUrl": provider.at("/refresh"), "allowedHosts": ["api.example.com"], "clientAuthentication": "post"});
    let changed = owner.put(&profile, change.clone()).await.ok();
    for (field, value) in change.as_object().unwrap() {
        assert_eq!(&changed[field], value, "{field}");
    }
    assert_eq!((&changed["clientId"], &changed["version"]), (&json!("client"), &json!(3)));
    assert_eq!(
        owner.put(&profile, json!({"refreshTokenUrl": ""})).await.ok()["refreshTokenUrl"],
        Value::Null
    );
    owner.put(&profile, json!({"authErrorStatusCode": 99})).await.refused(400, "validation_error");
    // a trial changes nothing
    let tried = owner.put(&format!("{profile}?dryRun=true"), json!({"scope": "admin"})).await.ok();
    assert_eq!(tried["effects"][0]["event"], "auth-profile.updated");
    assert_eq!(owner.get(&profile).await.ok()["scope"], "read");
    assert_eq!(events(&t, "auth-profile.updated").await.len(), 3);
}

async fn r146_a_deleted_profile_is_gone_and_what_uses_it_says_so(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    connected(&owner, &provider, &profile, json!({"as": "person"})).await;
    seen(&echoed(&owner, &provider, &profile).await);
    // a trial says what it would hit
    let tried = owner.delete(&format!("{profile}?dryRun=true")).await.ok();
    let hits: Vec<_> = tried["effects"].as_array().unwrap().iter().map(|e| e["event"].clone()).collect();
    assert_eq!(hits, ["grant.ended", "grant.ended", "auth-profile.deleted"]);
    assert_eq!(tried["effects"][2]["details"]["usedBy"], json!(["request"]));
    assert_eq!(tried["effects"][2]["details"]["people"], 1);
    seen(&echoed(&owner, &provider, &profile).await);
    let pending = super::begun(&owner, &profile, json!({})).await;
    assert_eq!(owner.delete(&profile).await.ok(), json!({"deleted": true}));
    owner.get(&profile).await.refused(404, "not_found");
    let gone = echoed(&owner, &provider, &profile).await.refused(404, "not_found");
    assert_eq!(gone["message"], "Authorization profile not found");
    // what was under way ends nowhere
    let late = owner.get(&provider.consent(&pending)).await;
    assert_eq!(late.status, 403, "{}", late.body);
    // its tokens are taken back at the provider
    t.work().await;
    assert_eq!(provider.revoked().len(), 4, "{:?}", provider.revoked());
    assert_eq!(events(&t, "grant.revoked-at-provider").await.len(), 2);
}

async fn r142_r144_client_credentials_need_nobody_and_are_tested(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &credentials(&provider)).await;
    let good = owner.post_to(&format!("{profile}/test")).await.ok();
    assert_eq!((&good["success"], &good["authorized"]), (&json!(true), &json!(true)), "{good}");
    let asked = provider.asked();
    assert_eq!(asked[0].form["grant_type"], "client_credentials");
    assert_eq!(asked[0].form["scope"], "read");
    // the token is kept until it ends
    for _ in 0..3 {
        assert_eq!(seen(&echoed(&owner, &provider, &profile).await)["account"], "machine");
    }
    assert!(provider.asked().is_empty());
    let owner = later(&t, 3_590).await;
    seen(&echoed(&owner, &provider, &profile).await);
    assert_eq!(provider.asked().len(), 1, "ahead of its end a token is replaced");
    // a wrong secret: the provider's word, without the secret; mended, it works again
    owner
        .put(&profile, json!({"clientSecret": "wrong-secret-of-ours", "clientAuthentication": "post"}))
        .await
        .ok();
    let bad = owner.post_to(&format!("{profile}/test")).await;
    assert!(!bad.body.contains("wrong-secret"), "{}", bad.body);
    let bad = bad.ok();
    assert_eq!(bad["success"], false);
    assert!(bad["message"].as_str().unwrap().contains("invalid_client"), "{bad}");
    assert_eq!(owner.get(&profile).await.ok()["status"], "not_configured");
    owner.put(&profile, json!({"clientSecret": "s3cret of ours"})).await.ok();
    assert_eq!(owner.post_to(&format!("{profile}/test")).await.ok()["success"], true);
    assert_eq!(owner.get(&profile).await.ok()["status"], "configured");
    // nobody authorizes it
    owner.post(&format!("{profile}/authorize"), json!({})).await.refused(400, "validation_error");
}

/// A token that is there says nothing of a secret that was entered after it came.
async fn a_test_tries_a_secret_that_was_changed_after_the_token_came(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    provider.asked();
    let test = format!("{profile}/test");
    let good = owner.post_to(&test).await.ok();
    assert_eq!((&good["success"], &good["request"]), (&json!(true), &Value::Null), "{good}");
    assert!(provider.asked().is_empty(), "nothing was sent, and nothing is shown as sent");
    let owner = later(&t, 5).await;
    owner.put(&profile, json!({"clientSecret": "wrong"})).await.ok();
    let bad = owner.post_to(&test).await.ok();
    assert_eq!(bad["success"], false, "{bad}");
    assert!(bad["message"].as_str().unwrap().contains("invalid_client"), "{bad}");
    assert!(bad["request"]["url"].is_string() && provider.asked().len() == 1, "{bad}");
    owner.put(&profile, json!({"clientSecret": "s3cret of ours"})).await.ok();
    let good = owner.post_to(&test).await.ok();
    assert!(good["success"] == true && good["request"]["url"].is_string(), "{good}");
    seen(&echoed(&owner, &provider, &profile).await);
}

async fn a_test_takes_no_values(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &credentials(&provider)).await;
    let test = format!("{profile}/test");
    let error = owner.post(&test, json!({"clientSecret": "wrong"})).await;
    assert_eq!(error.refused(400, "validation_error")["field"], "clientSecret");
    assert!(provider.asked().is_empty());
    assert_eq!(owner.post(&test, json!({})).await.ok()["success"], true);
}

async fn r142_values_are_tested_before_they_are_saved(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let test = format!("{PROFILES}/test");
    let good = owner.post(&test, credentials(&provider)).await.ok();
    assert_eq!(good["success"], true, "{good}");
    let wrong = with(oauth2(&provider), &json!({"clientSecret": "wrong"}));
    assert_eq!(owner.post(&test, wrong).await.ok()["success"], false);
    // where people consent, the provider is asked whether it knows the client
    let known = owner.post(&test, oauth2(&provider)).await.ok();
    assert_eq!((&known["success"], &known["authorized"]), (&json!(true), &json!(false)), "{known}");
    let nobody = with(oauth2(&provider), &json!({"tokenRequestUrl": provider.at("/nothing")}));
    assert_eq!(owner.post(&test, nobody).await.ok()["success"], false);
    assert_eq!(owner.get(PROFILES).await.ok()["pagination"]["totalItems"], 0);
}

async fn r148_a_test_shows_the_request_with_its_secrets_masked_and_the_claims_of_the_token(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let fields = json!([{"type": "header", "key": "X-Api-Key", "value": "another-secret"}]);
    let more = json!({"authorizationFields": fields, "clientAuthentication": "post"});
    let profile = made(&owner, &with(credentials(&provider), &more)).await;
    // a JWT as access token, of nobody's key: it is only looked at
    let token = "eyJhbGciOiJub25lIn0.eyJhdWQiOiJhcGk6Ly9vcmRlcnMiLCJvaWQiOiI0MiJ9.c2ln";
    provider.adds(json!({"access_token": token}));
    let tested = owner.post_to(&format!("{profile}/test")).await;
    assert!(
        !tested.body.contains("s3cret of ours") && !tested.body.contains("another-secret"),
        "{}",
        tested.body
    );
    assert!(!tested.body.contains(token));
    let tested = tested.ok();
    assert_eq!(tested["request"]["url"], provider.at("/token"));
    assert_eq!(tested["request"]["body"]["grant_type"], "client_credentials");
    assert_eq!(tested["request"]["body"]["client_secret"], "••••••••");
    assert_eq!(
        tested["sends"][0],
        json!({"type": "header", "key": "Authorization", "value": "Bearer ••••••••"})
    );
    assert_eq!(tested["sends"][1]["key"], "X-Api-Key");
    assert_eq!(tested["claims"], json!({"aud": "api://orders", "oid": "42"}));
}

async fn members_use_profiles_as_themselves_and_viewers_do_not(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let hosts = json!({"allowedHosts": ["127.0.0.1"],
        "authorizationFields": [{"type": "header", "key": "X-Api-Key", "value": "a-value-of-the-company"}]});
    let profile = made(&owner, &with(oauth2(&provider), &hosts)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    let (member, viewer) = (t.member_of(Role::Member).await, t.member_of(Role::Viewer).await);
    for path in [PROFILES, &profile, &format!("{profile}/grants"), "/api/v1/outbound-calls"] {
        let error = viewer.get(path).await.refused(403, "authorization_error");
        assert!(error["decision"].is_string(), "{path}");
    }
    // a member sees the profile, not what the company put into it, nor the workspace's grant
    let shown = member.get(&profile).await;
    assert!(!shown.body.contains("a-value-of-the-company"), "{}", shown.body);
    assert_eq!(shown.ok()["grant"], Value::Null, "{}", shown.body);
    assert_eq!(member.get(&format!("{profile}/grants")).await.ok()["data"], json!([]));
    for (method, path) in
        [("PUT", profile.clone()), ("DELETE", profile.clone()), ("POST", format!("{profile}/test"))]
    {
        let body = (method == "PUT").then(|| json!({"scope": "x"}));
        assert!(
            member.call(method, &path, body).await.refused(403, "authorization_error")["decision"]
                .is_string()
        );
    }
    // nor acts with it
    echoed(&member, &provider, &profile).await.refused(409, "conflict");
    let as_workspace = json!({"method": "GET", "url": provider.at("/echo/x"), "as": "service"});
    let error =
        member.post(&format!("{profile}/request"), as_workspace).await.refused(403, "authorization_error");
    assert!(error["decision"].is_string());
    member
        .post(&format!("{profile}/authorize"), json!({"as": "service"}))
        .await
        .refused(403, "authorization_error");
    let url = super::begun(&member, &profile, json!({})).await;
    assert_eq!(member.get(&provider.consent_as(&url, "mo")).await.status, 303);
    assert_eq!(seen(&echoed(&member, &provider, &profile).await)["account"], "mo");
    assert_eq!(seen(&echoed(&owner, &provider, &profile).await)["account"], "ada");
    // each sees and ends one's own
    let own = member.get(&format!("{profile}/grants")).await.ok();
    assert_eq!(own["data"].as_array().unwrap().len(), 1);
    let all = owner.get(&format!("{profile}/grants")).await.ok();
    let service = all["data"][0]["id"].as_str().unwrap();
    assert_eq!(all["data"][0]["owner"], "service");
    member.delete(&format!("{profile}/grants/{service}")).await.refused(404, "not_found");
    let id = own["data"][0]["id"].as_str().unwrap();
    member.delete(&format!("{profile}/grants/{id}")).await.ok();
    echoed(&member, &provider, &profile).await.refused(409, "conflict");
    seen(&echoed(&owner, &provider, &profile).await);
}

async fn grants_end_when_the_client_or_its_hosts_become_others(t: TestApp) {
    let (owner, provider, other) = (t.owner().await, Provider::start().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    // another path of the same host is no reason
    owner.put(&profile, json!({"refreshTokenUrl": provider.at("/refresh")})).await.ok();
    seen(&echoed(&owner, &provider, &profile).await);
    // another host would be handed refresh tokens that are not its own
    let elsewhere = json!({"refreshTokenUrl": other.at("/refresh"), "clientSecret": "s3cret of ours"});
    owner.put(&profile, elsewhere).await.ok();
    echoed(&owner, &provider, &profile).await.refused(409, "conflict");
    let owner = later(&t, 7_200).await;
    echoed(&owner, &provider, &profile).await.refused(409, "conflict");
    assert!(other.asked().is_empty());
    assert_eq!(owner.get(&profile).await.ok()["status"], "not_configured");
}

/// The stored secret was entered for the provider's own hosts.
async fn a_stored_secret_goes_to_another_host_only_when_it_is_entered_again(t: TestApp) {
    let (owner, provider, other) = (t.owner().await, Provider::start().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    for field in ["tokenRequestUrl", "refreshTokenUrl", "revocationUrl", "authorizationUrl"] {
        let error =
            owner.put(&profile, json!({field: other.at("/x")})).await.refused(400, "validation_error");
        assert_eq!(error["field"], "clientSecret", "{field}: {error}");
        assert!(error["fields"].is_null() || error["fields"]["clientSecret"].is_string(), "{error}");
    }
    // nor a test of values that are not saved
    let browser = t.browser("owner@main.test").await;
    let page = profile.replace(PROFILES, "/integrations/auth-profiles");
    let test = async |token: &str, secret: &str| {
        let values =
            [("tokenRequestUrl", token), ("clientSecret", secret), ("tenancyUrl", "no"), ("do", "test")];
        submit(&browser, &page, &page, &values).await
    };
    let refused = test(&other.at("/token"), "").await;
    assert!(
        refused.status == 400 && refused.body.contains("Enter the client secret again"),
        "{}",
        refused.body
    );
    assert!(other.asked().is_empty());
    let tested = test(&provider.at("/token"), "").await;
    assert!(tested.body.contains("The provider knows our client"), "{}", tested.body);
    // entered again it may go there, and the log says where it was sent
    let tested = test(&other.at("/token"), "s3cret of ours").await;
    assert_eq!(tested.status, 200, "{}", tested.body);
    assert_eq!(other.asked().len(), 1);
    let told = events(&t, "auth-profile.values-tested").await;
    assert_eq!(
        (told.len(), &told[0]["details"]["tokenRequestUrl"]),
        (2, &json!(other.at("/token"))),
        "{told:?}"
    );
    assert!(!told[0].to_string().contains("s3cret"), "{told:?}");
}

/// Whoever owns the name in an example would be handed the secret.
async fn nothing_is_sent_to_a_tenant_that_nobody_named(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let port = provider.host().split(':').next_back().unwrap();
    for name in ["tenancy.outside.localhost", "tenant.outside.localhost"] {
        t.dns.set_addresses(name, ["127.0.0.1".parse().unwrap()]);
    }
    let tenants = json!({"tenancyUrl": true, "revocationUrl": "",
        "tokenRequestUrl": format!("http://{{tenancy}}.outside.localhost:{port}/token")});
    let values = with(oauth2(&provider), &tenants);
    let profile = made(&owner, &values).await;
    for tested in [
        owner.post_to(&format!("{profile}/test")).await,
        owner.post(&format!("{PROFILES}/test"), values).await,
    ] {
        let tested = tested.ok();
        assert_eq!((&tested["success"], &tested["authorized"]), (&json!(false), &json!(false)), "{tested}");
        assert!(tested["message"].as_str().unwrap().contains("nobody has named one"), "{tested}");
    }
    assert!(provider.asked().is_empty());
}

/// What is sent in parameters may be a credential, and a provider may repeat it.
async fn no_message_repeats_the_value_of_a_parameter(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let fields = json!({"additionalFields": [{"key": "pin", "value": "pin-2344567"}]});
    let profile = made(&owner, &with(credentials(&provider), &fields)).await;
    let words = json!({"error": "invalid_request", "error_description": "no such pin: pin-2344567"});
    provider.answers(400, words);
    let tested = owner.post_to(&format!("{profile}/test")).await;
    assert!(
        tested.body.contains("no such pin: [secret]") && !tested.body.contains("2344567"),
        "{}",
        tested.body
    );
}

on_both![
    a_stored_secret_goes_to_another_host_only_when_it_is_entered_again,
    nothing_is_sent_to_a_tenant_that_nobody_named,
    no_message_repeats_the_value_of_a_parameter,
    r124_r125_r127_r128_r129_r130_r132_r141_mandatory_fields_are_named_when_they_are_blank,
    r122_r123_r126_r127_a_profile_is_made_listed_and_found,
    r129_the_secret_is_told_to_nobody_and_stored_sealed,
    r145_type_and_name_stay_and_everything_else_can_change,
    r146_a_deleted_profile_is_gone_and_what_uses_it_says_so,
    r142_r144_client_credentials_need_nobody_and_are_tested,
    r142_values_are_tested_before_they_are_saved,
    r148_a_test_shows_the_request_with_its_secrets_masked_and_the_claims_of_the_token,
    a_test_tries_a_secret_that_was_changed_after_the_token_came,
    a_test_takes_no_values,
    members_use_profiles_as_themselves_and_viewers_do_not,
    grants_end_when_the_client_or_its_hosts_become_others,
];
