//! Authorization profiles against an authorization server of the tests: rotating refresh tokens, PKCE, and a service that
//! takes its tokens.

mod authorize;
mod broker;
mod calls;
mod console;
mod ends;
mod fields;
mod leaver;
mod limits;
mod memory;
mod profiles;
mod provider;
mod races;
mod servers;

use serde_json::{Value, json};

use crate::support::{Answer, Client, TestApp};
pub(crate) use provider::Provider;

/// The API of profiles.
pub(crate) const PROFILES: &str = "/api/v1/auth-profiles";

/// A profile where people consent at this provider.
pub(crate) fn oauth2(provider: &Provider) -> Value {
    json!({"authorizationType": "oauth2", "identityProviderName": "Outside", "clientId": "client",
        "clientSecret": "s3cret of ours", "authorizationUrl": provider.at("/authorize"), "tenancyUrl": false,
        "tokenRequestUrl": provider.at("/token"), "scope": "read write", "revocationUrl": provider.at("/revoke")})
}

/// A profile with client credentials.
pub(crate) fn credentials(provider: &Provider) -> Value {
    json!({"authorizationType": "oauth2_client_credentials", "identityProviderName": "Machine", "clientId": "client",
        "clientSecret": "s3cret of ours", "tokenRequestUrl": provider.at("/token"), "scope": "read"})
}

/// The same values with some in the place of others.
pub(crate) fn with(mut values: Value, more: &Value) -> Value {
    values.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    values
}

/// Makes a profile; its address in the API.
pub(crate) async fn made(owner: &Client, values: &Value) -> String {
    let profile = owner.post(PROFILES, values.clone()).await;
    assert_eq!(profile.status, 201, "{}", profile.body);
    format!("{PROFILES}/{}", profile.json()["id"].as_str().unwrap())
}

/// Begins an authorization; where the browser goes.
pub(crate) async fn begun(caller: &Client, profile: &str, how: Value) -> String {
    let answer = caller.post(&format!("{profile}/authorize"), how).await.ok();
    answer["redirectUrl"].as_str().unwrap().to_owned()
}

/// Begins an authorization, consents, and comes back.
pub(crate) async fn authorized(caller: &Client, provider: &Provider, profile: &str, how: Value) -> Answer {
    let back = provider.consent(&begun(caller, profile, how).await);
    caller.get(&back).await
}

/// The same, which must go well.
pub(crate) async fn connected(caller: &Client, provider: &Provider, profile: &str, how: Value) {
    let landed = authorized(caller, provider, profile, how).await;
    assert_eq!(landed.status, 303, "{}", landed.body);
}

/// The id of a person.
pub(crate) async fn user_id(owner: &Client, email: &str) -> String {
    let found = owner.get(&format!("/api/v1/users?email={email}")).await.ok();
    found["data"][0]["id"].as_str().unwrap().to_owned()
}

/// A GET of the echo through a profile.
pub(crate) async fn echoed(caller: &Client, provider: &Provider, profile: &str) -> Answer {
    let request = json!({"method": "GET", "url": provider.at("/echo/x")});
    caller.post(&format!("{profile}/request"), request).await
}

/// The owner, some time later: bearer tokens last for minutes.
pub(crate) async fn later(t: &TestApp, seconds: i64) -> Client {
    t.clock.advance(seconds);
    t.owner().await
}

/// What the echo saw of a request that went well.
pub(crate) fn seen(answer: &Answer) -> Value {
    let answer = answer.ok();
    assert_eq!(answer["status"], 200, "{answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

/// The audit events of this kind, the latest first.
pub(crate) async fn events(t: &TestApp, event: &str) -> Vec<Value> {
    let found = t.owner().await.get(&format!("/api/v1/audit-events?event={event}")).await.ok();
    found["data"].as_array().unwrap().clone()
}
