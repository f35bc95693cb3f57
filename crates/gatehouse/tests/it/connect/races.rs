//! What happens at the same moment: the answer of a server comes when what it was asked for is something else.

use std::sync::Arc;
use std::time::Duration;

use gatehouse_types::Role;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::{
    Provider, begun, connected, credentials, echoed, events, later, made, oauth2, seen, user_id, with,
};
use crate::support::{Answer, Client, TestApp, on_both};

/// A request that waits for the provider, which answers whoever comes afterwards at once.
struct Waiting {
    answer: JoinHandle<Answer>,
    gate: Arc<Notify>,
}

impl Waiting {
    async fn of(provider: &Provider, request: impl Future<Output = Answer> + Send + 'static) -> Self {
        provider.asked();
        let gate = provider.holds_the_next();
        let answer = tokio::spawn(request);
        while provider.asked().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Self { answer, gate }
    }

    /// The provider answers.
    async fn end(self) -> Answer {
        self.gate.notify_one();
        self.answer.await.unwrap()
    }
}

fn echo(caller: &Client, provider: &Provider, profile: &str) -> impl Future<Output = Answer> + Send + use<> {
    let (caller, provider, profile) = (caller.clone(), provider.clone(), profile.to_owned());
    async move { echoed(&caller, &provider, &profile).await }
}

fn back(caller: &Client, path: &str) -> impl Future<Output = Answer> + Send + use<> {
    let (caller, path) = (caller.clone(), path.to_owned());
    async move { caller.get(&path).await }
}

/// A call that began under one server goes on when the profile is another's: the new server's refresh token is not its.
async fn a_refresh_token_is_offered_to_no_server_of_before(t: TestApp) {
    let (owner, provider, other) = (t.owner().await, Provider::start().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    let owner = later(&t, 3_600).await;
    let call = Waiting::of(&provider, echo(&owner, &provider, &profile)).await;
    owner.put(&profile, with(oauth2(&other), &json!({}))).await.ok();
    // its token ends at once, and so the call looks for another one
    other
        .adds(json!({"expires_in": 1, "refresh_token": "of-the-other", "access_token": "also-of-the-other"}));
    connected(&owner, &other, &profile, json!({})).await;
    t.clock.advance(2);
    call.end().await.refused(409, "conflict");
    assert!(provider.asked().iter().all(|asked| !asked.form.values().any(|value| value == "of-the-other")));
}

async fn what_is_granted_for_a_profile_that_went_is_taken_back(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    let address = provider.consent(&begun(&owner, &profile, json!({})).await);
    let landing = Waiting::of(&provider, back(&owner, &address)).await;
    owner.delete(&profile).await.ok();
    let landed = landing.end().await;
    assert_eq!(landed.status, 409, "{}", landed.body);
    assert!(landed.body.contains("has been deleted meanwhile"), "{}", landed.body);
    t.work().await;
    assert_eq!(provider.revoked(), ["refresh-1", "access-1"]);
    let refused = events(&t, "grant.refused").await;
    assert_eq!((&refused[0]["details"]["check"], refused.len()), (&json!("holder"), 1), "{refused:?}");
    // the same for one that is another's by then
    let profile = made(&owner, &oauth2(&provider)).await;
    let address = provider.consent(&begun(&owner, &profile, json!({})).await);
    let landing = Waiting::of(&provider, back(&owner, &address)).await;
    owner.put(&profile, json!({"clientId": "somebody-else"})).await.ok();
    assert_eq!(landing.end().await.status, 409);
    assert_eq!(owner.get(&profile).await.ok()["grant"], Value::Null);
    t.work().await;
    assert_eq!(provider.revoked().len(), 4);
}

async fn a_call_under_way_leaves_nothing_of_a_deleted_profile(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &credentials(&provider)).await;
    let call = Waiting::of(&provider, echo(&owner, &provider, &profile)).await;
    owner.delete(&profile).await.ok();
    call.end().await.refused(409, "conflict");
    let left = gatehouse_store::sql("SELECT COUNT(*) AS n FROM oauth_grants");
    let left = gatehouse_store::Queries::fetch_one(&mut t.app.store().reader(), left).await.unwrap();
    assert_eq!(left.int("n").unwrap(), 0);
    assert!(provider.asked().is_empty(), "nobody asks for what is gone");
}

/// The switch for leavers, and another role, come while the provider thinks about a code.
async fn what_is_granted_to_somebody_without_the_right_is_taken_back(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    let member = t.member_of(Role::Member).await;
    let user = user_id(&owner, "member@main.test").await;
    let address = provider.consent(&begun(&member, &profile, json!({})).await);
    let landing = Waiting::of(&provider, back(&member, &address)).await;
    owner.put(&format!("/api/v1/users/{user}"), json!({"role": "viewer"})).await.ok();
    let landed = landing.end().await;
    assert_eq!(landed.status, 403, "{}", landed.body);
    t.work().await;
    assert_eq!(provider.revoked(), ["refresh-1", "access-1"]);
    assert_eq!(owner.get(&format!("{profile}/grants")).await.ok()["data"], json!([]));
    owner.put(&format!("/api/v1/users/{user}"), json!({"role": "member"})).await.ok();
    let member = t.sign_in("member@main.test").await;
    let address = provider.consent(&begun(&member, &profile, json!({})).await);
    let landing = Waiting::of(&provider, back(&member, &address)).await;
    owner.post(&format!("/api/v1/users/{user}/suspend"), json!({})).await.ok();
    assert_eq!(landing.end().await.status, 403);
    t.work().await;
    assert_eq!(provider.revoked().len(), 4);
    assert_eq!(owner.get(&format!("{profile}/grants")).await.ok()["data"], json!([]));
}

/// A right that was lost between the way out and the way back counts at the end.
async fn the_right_is_asked_for_at_both_ends(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    let admin = t.member_of(Role::Admin).await;
    let address = provider.consent(&begun(&admin, &profile, json!({"as": "service"})).await);
    let user = user_id(&owner, "admin@main.test").await;
    owner.put(&format!("/api/v1/users/{user}"), json!({"role": "member"})).await.ok();
    let landed = admin.get(&address).await;
    assert_eq!(landed.status, 403, "{}", landed.body);
    assert!(provider.asked().is_empty(), "the code is exchanged for nobody");
}

/// A profile of two tenants at one provider of the tests, and how one authorizes each.
async fn of_tenants(t: &TestApp, owner: &Client, provider: &Provider) -> String {
    let port = provider.host().split(':').next_back().unwrap();
    for tenant in ["acme", "globex"] {
        t.dns.set_addresses(&format!("{tenant}.outside.localhost"), ["127.0.0.1".parse().unwrap()]);
    }
    let tenants = json!({"tenancyUrl": true, "authorizationUrl": "https://{tenancy}.login.example/authorize",
        "tokenRequestUrl": format!("http://{{tenancy}}.outside.localhost:{port}/token"), "revocationUrl": ""});
    made(owner, &with(oauth2(provider), &tenants)).await
}

/// The way back of somebody who consented for a tenant.
async fn for_tenant(owner: &Client, provider: &Provider, profile: &str, tenant: &str) -> String {
    let url = begun(owner, profile, json!({"tenancy": tenant})).await;
    let login = format!("https://{tenant}.login.example");
    assert!(url.starts_with(&login), "{url}");
    provider.consent_as(&url.replace(&login, &provider.at("")), tenant)
}

async fn of_two_tenants_the_last_that_was_asked_for_counts(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = of_tenants(&t, &owner, &provider).await;
    let acme = for_tenant(&owner, &provider, &profile, "acme").await;
    let again = for_tenant(&owner, &provider, &profile, "acme").await;
    let globex = for_tenant(&owner, &provider, &profile, "globex").await;
    for before in [&acme, &again] {
        assert_eq!(owner.get(before).await.status, 403);
    }
    assert_eq!(owner.get(&globex).await.status, 303);
    assert_eq!(seen(&echoed(&owner, &provider, &profile).await)["account"], "globex");
    // the one that waits for its provider comes too late
    let acme = for_tenant(&owner, &provider, &profile, "acme").await;
    let late = Waiting::of(&provider, back(&owner, &acme)).await;
    let globex = for_tenant(&owner, &provider, &profile, "globex").await;
    assert_eq!(owner.get(&globex).await.status, 303);
    let late = late.end().await;
    assert_eq!(late.status, 409, "{}", late.body);
    assert_eq!(seen(&echoed(&owner, &provider, &profile).await)["account"], "globex");
}

/// A call that was judged for one tenant carries no token of another one.
async fn a_call_for_one_tenant_takes_no_token_of_another(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = of_tenants(&t, &owner, &provider).await;
    let acme = for_tenant(&owner, &provider, &profile, "acme").await;
    assert_eq!(owner.get(&acme).await.status, 303);
    let owner = later(&t, 3_600).await;
    let call = Waiting::of(&provider, echo(&owner, &provider, &profile)).await;
    let globex = for_tenant(&owner, &provider, &profile, "globex").await;
    assert_eq!(owner.get(&globex).await.status, 303);
    call.end().await.refused(409, "conflict");
    assert_eq!(seen(&echoed(&owner, &provider, &profile).await)["account"], "globex");
}

on_both![
    a_refresh_token_is_offered_to_no_server_of_before,
    what_is_granted_for_a_profile_that_went_is_taken_back,
    a_call_under_way_leaves_nothing_of_a_deleted_profile,
    what_is_granted_to_somebody_without_the_right_is_taken_back,
    the_right_is_asked_for_at_both_ends,
    of_two_tenants_the_last_that_was_asked_for_counts,
    a_call_for_one_tenant_takes_no_token_of_another,
];
