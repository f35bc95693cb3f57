//! Authorizations: who may end them, where, and once.

use gatehouse_types::Role;
use serde_json::{Value, json};
use url::Url;

use super::{Provider, authorized, begun, connected, echoed, events, later, made, oauth2, seen, with};
use crate::support::{Answer, Client, TestApp, on_both};

/// Why an answer was not accepted.
async fn why(t: &TestApp, answer: &Answer) -> Value {
    assert_eq!(answer.status, 403, "{}", answer.body);
    let decision = t.owner().await.get(&format!("/api/v1/decisions/{}", answer.decision())).await.ok();
    let reasons = decision["reasons"].as_array().unwrap();
    assert_eq!(decision["action"], "connect:authorize");
    reasons.last().unwrap()["check"].clone()
}

async fn r143_a_person_consents_once_and_tokens_come_without_them_afterwards(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    echoed(&owner, &provider, &profile).await.refused(409, "conflict");
    let url: Url = begun(&owner, &profile, json!({"returnTo": "/account"})).await.parse().unwrap();
    let query: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!((query["client_id"].as_str(), query["scope"].as_str()), ("client", "read write"));
    assert_eq!(query["redirect_uri"], owner.get(&profile).await.ok()["callbackUrl"].as_str().unwrap());
    let landed = owner.get(&provider.consent(url.as_str())).await;
    assert_eq!((landed.status, landed.location()), (303, Some("/account")));
    let exchange = &provider.asked()[0].form;
    assert_eq!(exchange["grant_type"], "authorization_code");
    assert_eq!(exchange["redirect_uri"], query["redirect_uri"]);
    assert!(exchange["code_verifier"].len() >= 43);
    let shown = owner.get(&profile).await.ok();
    assert_eq!((&shown["status"], &shown["grant"]["state"]), (&json!("configured"), &json!("ok")));
    assert_eq!((&shown["grant"]["refreshable"], &shown["grant"]["warning"]), (&json!(true), &Value::Null));
    assert_eq!(shown["grant"]["scope"], "read write");
    assert_eq!(seen(&echoed(&owner, &provider, &profile).await)["account"], "ada");
    let owner = later(&t, 3_600).await;
    assert_eq!(seen(&echoed(&owner, &provider, &profile).await)["account"], "ada");
    assert_eq!(provider.asked()[0].form["grant_type"], "refresh_token");
    assert_eq!(events(&t, "grant.authorized").await.len(), 1);
}

/// The one who begins ends it: else an attacker sends somebody his own half-done authorization, and what they do
/// afterwards lands in his account, or theirs is connected for him.
async fn a_grant_of_another_person_is_refused(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &with(oauth2(&provider), &json!({"allowedHosts": ["127.0.0.1"]}))).await;
    let (mallory, victim) = (t.member_of(Role::Member).await, t.member_of(Role::Admin).await);
    let url = begun(&mallory, &profile, json!({"as": "person"})).await;
    // the victim consents with an account of their own, and comes back with the victim's session
    let back = provider.consent_as(&url, "victim");
    let refused = victim.get(&back).await;
    assert_eq!(why(&t, &refused).await, "person");
    assert!(provider.asked().is_empty(), "the code is exchanged for nobody");
    echoed(&mallory, &provider, &profile).await.refused(409, "conflict");
    assert_eq!(events(&t, "grant.refused").await.len(), 1);
    // somebody of another workspace learns not even that there is such an authorization
    let stranger = t.stranger().await;
    assert_eq!(stranger.get(&back).await.status, 403);
    assert!(provider.asked().is_empty());
}

async fn an_authorization_ends_in_the_browser_where_it_began(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    let browser = t.browser("owner@main.test").await;
    // begun with one session, brought back with another of the same person
    let back = provider.consent(&begun(&owner, &profile, json!({})).await);
    assert_eq!(why(&t, &browser.get(&back).await).await, "browser");
    // without any session it is begun again, and nothing else is promised
    let nobody = t.client();
    let away = nobody.get(&back).await;
    assert_eq!((away.status, away.location()), (303, Some("/login")));
    assert!(nobody.get("/login").await.body.contains("begin it again"));
    assert_eq!(owner.get(&back).await.status, 303);
    seen(&echoed(&owner, &provider, &profile).await);
}

async fn an_answer_counts_once_and_only_at_its_own_address(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    let other = made(&owner, &with(oauth2(&provider), &json!({"identityProviderName": "Other"}))).await;
    let context = |p: &Value| p["callbackUrl"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let (own, others) = (context(&owner.get(&profile).await.ok()), context(&owner.get(&other).await.ok()));
    let back = provider.consent(&begun(&owner, &profile, json!({})).await);
    assert_eq!(why(&t, &owner.get(&back.replace(&own, &others)).await).await, "state");
    assert_eq!(owner.get(&back).await.status, 303);
    let asked = provider.asked().len();
    assert_eq!(why(&t, &owner.get(&back).await).await, "state");
    assert_eq!(provider.asked().len(), asked - 1, "a code that comes again is not offered again");
    // nor after a while, nor with a state of nobody
    let late = provider.consent(&begun(&owner, &profile, json!({})).await);
    let owner = later(&t, 901).await;
    assert_eq!(why(&t, &owner.get(&late).await).await, "state");
    assert_eq!(
        why(&t, &owner.get(&format!("/oauth/callback/{own}?code=x&state=made-up")).await).await,
        "state"
    );
}

async fn an_answer_of_another_server_is_refused(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    provider.publishes("https://op.example");
    let profile = made(&owner, &oauth2(&provider)).await;
    // it announces that it names itself (RFC 9207), and does not
    assert_eq!(why(&t, &authorized(&owner, &provider, &profile, json!({})).await).await, "issuer");
    provider.says_it_is(Some("https://evil.example"));
    assert_eq!(why(&t, &authorized(&owner, &provider, &profile, json!({})).await).await, "issuer");
    assert!(provider.asked().is_empty(), "no code is offered to anybody");
    provider.says_it_is(Some("https://op.example"));
    connected(&owner, &provider, &profile, json!({})).await;
}

/// What comes with a browser anybody can have written: it makes no server known.
async fn the_issuer_in_an_answer_is_learned_by_nobody(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    for said in [Some("https://evil.example"), None, Some("https://op.example")] {
        provider.says_it_is(said);
        connected(&owner, &provider, &profile, json!({})).await;
    }
    // what was entered counts
    owner.put(&profile, json!({"issuer": "https://new.example"})).await.ok();
    assert_eq!(why(&t, &authorized(&owner, &provider, &profile, json!({})).await).await, "issuer");
    provider.says_it_is(Some("https://new.example"));
    connected(&owner, &provider, &profile, json!({})).await;
}

/// A document that anybody may serve sends tokens and the client's secret to no other host.
async fn a_published_revocation_address_counts_only_at_the_providers_own_host(t: TestApp) {
    let (owner, provider, evil) = (t.owner().await, Provider::start().await, Provider::start().await);
    let profile = made(&owner, &with(oauth2(&provider), &json!({"revocationUrl": ""}))).await;
    for (address, said) in [(evil.at("/revoke"), "not offered"), (provider.at("/revoke"), "enqueued")] {
        provider.publishes_revocation_at(&address);
        let owner = later(&t, 86_401).await;
        connected(&owner, &provider, &profile, json!({})).await;
        let grant = owner.get(&profile).await.ok()["grant"]["id"].as_str().unwrap().to_owned();
        owner.delete(&format!("{profile}/grants/{grant}")).await.ok();
        assert_eq!(events(&t, "grant.ended").await[0]["details"]["revokedAtProvider"], said, "{address}");
        t.work().await;
    }
    assert_eq!((evil.revoked(), provider.revoked().len()), (Vec::new(), 2));
}

async fn a_refusal_at_the_provider_is_told_and_keeps_what_was_there(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    let state = |url: &str| {
        Url::parse(url).unwrap().query_pairs().find(|(k, _)| k == "state").unwrap().1.into_owned()
    };
    let context = owner.get(&profile).await.ok()["callbackUrl"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let state = state(&begun(&owner, &profile, json!({})).await);
    let denied =
        format!("/oauth/callback/{context}?error=access_denied&error_description=Not%20today&state={state}");
    let request = owner.request("GET", &denied).header("accept", "application/json");
    let answer = owner.send(request).await;
    assert!(answer.body.contains("access_denied: Not today"), "{}", answer.body);
    assert_eq!(why(&t, &answer).await, "answer");
    seen(&echoed(&owner, &provider, &profile).await);
    // it was answered
    let request = owner.request("GET", &denied).header("accept", "application/json");
    owner.send(request).await.refused(403, "authorization_error");
}

async fn what_changed_meanwhile_is_not_authorized(t: TestApp) {
    let (owner, provider, evil) = (t.owner().await, Provider::start().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    let back = provider.consent(&begun(&owner, &profile, json!({})).await);
    let elsewhere = json!({"tokenRequestUrl": evil.at("/token"), "clientSecret": "s3cret of ours"});
    owner.put(&profile, elsewhere).await.ok();
    assert_eq!(why(&t, &owner.get(&back).await).await, "holder");
    assert!(evil.asked().is_empty(), "the code goes to no other server");
}

async fn a_missing_refresh_token_is_warned_of_and_its_end_is_told(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    provider.adds(json!({"refresh_token_expires_in": 86_400}));
    connected(&owner, &provider, &profile, json!({})).await;
    let grant = owner.get(&profile).await.ok()["grant"].clone();
    let until = gatehouse_types::Timestamp::parse(grant["refreshExpiresAt"].as_str().unwrap()).unwrap();
    let now = gatehouse_types::Clock::now(&*t.clock);
    assert!((86_300..=86_400).contains(&(until.seconds() - now.seconds())), "{grant}");
    provider.gives_no_refresh_token();
    connected(&owner, &provider, &profile, json!({})).await;
    let grant = owner.get(&profile).await.ok()["grant"].clone();
    assert!(grant["warning"].as_str().unwrap().contains("no refresh token"), "{grant}");
    assert_eq!(grant["refreshable"], false);
    seen(&echoed(&owner, &provider, &profile).await);
    let owner = later(&t, 3_601).await;
    let over = echoed(&owner, &provider, &profile).await.refused(409, "conflict");
    assert!(over["message"].as_str().unwrap().contains("authorized again"), "{over}");
    assert_eq!(owner.get(&profile).await.ok()["grant"]["state"], "needs_reauthorization");
}

async fn nobody_authorizes_with_a_key_or_without_a_session(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    let app = owner.post("/api/v1/api-apps", json!({"name": "Program", "scopes": ["audit:read"]})).await.ok();
    let keys = format!("/api/v1/api-apps/{}/keys", app["id"].as_str().unwrap());
    let key = owner.post(&keys, json!({"name": "Key"})).await.ok()["plainValue"].as_str().unwrap().to_owned();
    let program: Client = t.client().with_token(&key);
    program.post_to(&format!("{profile}/authorize")).await.refused(403, "authorization_error");
    t.client().post_to(&format!("{profile}/authorize")).await.refused(401, "authentication_error");
}

on_both![
    r143_a_person_consents_once_and_tokens_come_without_them_afterwards,
    a_grant_of_another_person_is_refused,
    an_authorization_ends_in_the_browser_where_it_began,
    an_answer_counts_once_and_only_at_its_own_address,
    an_answer_of_another_server_is_refused,
    the_issuer_in_an_answer_is_learned_by_nobody,
    a_published_revocation_address_counts_only_at_the_providers_own_host,
    a_refusal_at_the_provider_is_told_and_keeps_what_was_there,
    what_changed_meanwhile_is_not_authorized,
    a_missing_refresh_token_is_warned_of_and_its_end_is_told,
    nobody_authorizes_with_a_key_or_without_a_session,
];
