//! What was granted to a person ends with the person.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{Provider, begun, connected, echoed, made, oauth2, seen, with};
use crate::support::{TestApp, on_both};

fn of_kind<'a>(things: &'a Value, kind: &str) -> &'a Value {
    things.as_array().unwrap().iter().find(|k| k["kind"] == kind).unwrap_or(&Value::Null)
}

async fn a_leavers_grants_end_at_once_and_are_revoked_outside(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &with(oauth2(&provider), &json!({"allowedHosts": ["127.0.0.1"]}))).await;
    connected(&owner, &provider, &profile, json!({})).await;
    t.person("mo@main.test", Role::Admin).await;
    let mo = t.sign_in("mo@main.test").await;
    let own = made(&mo, &with(oauth2(&provider), &json!({"identityProviderName": "Mo's"}))).await;
    let url = begun(&mo, &profile, json!({"as": "person"})).await;
    assert_eq!(mo.get(&provider.consent_as(&url, "mo")).await.status, 303);
    let pending = begun(&mo, &profile, json!({"as": "person"})).await;
    let user = owner.get("/api/v1/users?email=mo@main.test").await.ok()["data"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    owner.post(&format!("/api/v1/users/{user}/suspend"), json!({})).await.ok();
    let receipt = owner.get(&format!("/api/v1/users/{user}/offboarding")).await.ok();
    let ended = of_kind(&receipt["ended"], "outbound-grant");
    assert_eq!((&ended["count"], &ended["items"][0]["name"]), (&json!(1), &json!("Outside")), "{receipt}");
    assert_eq!(of_kind(&receipt["pending"], "provider-revocation")["count"], 1, "{receipt}");
    assert_eq!(of_kind(&receipt["stays"], "auth-profile")["items"][0]["name"], "Mo's", "{receipt}");
    let grants = owner.get(&format!("{profile}/grants")).await.ok();
    assert_eq!(grants["data"].as_array().unwrap().len(), 1, "{grants}");
    assert_eq!(grants["data"][0]["owner"], "service");
    t.work().await;
    assert_eq!(provider.revoked(), ["refresh-2", "access-2"]);
    // what is the workspace's goes on
    assert_eq!(seen(&echoed(&owner, &provider, &profile).await)["account"], "ada");
    // somebody else answers for the profile from now on, and back again nothing is authorized
    let to = owner.get("/api/v1/me").await.ok()["user"]["id"].clone();
    owner.post(&format!("/api/v1/users/{user}/offboarding/hand-over"), json!({"to": to})).await.ok();
    assert_eq!(owner.get(&own).await.ok()["responsibleId"], to);
    owner.post_to(&format!("/api/v1/users/{user}/reactivate")).await.ok();
    let mo = t.sign_in("mo@main.test").await;
    let late = mo.get(&provider.consent_as(&pending, "mo")).await;
    assert_eq!(late.status, 403, "{}", late.body);
    let as_person = json!({"method": "GET", "url": provider.at("/echo/x"), "as": "person"});
    mo.post(&format!("{profile}/request"), as_person).await.refused(409, "conflict");
}

/// A connection of the company's that lives on the leaver's account outside is named before and afterwards.
async fn what_the_company_uses_with_a_leavers_account_is_named(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    t.person("mo@main.test", Role::Admin).await;
    let mo = t.sign_in("mo@main.test").await;
    connected(&mo, &provider, &profile, json!({"as": "service"})).await;
    let user = super::user_id(&owner, "mo@main.test").await;
    let words = "somebody must authorize it again";
    let asked = t.browser("owner@main.test").await.get(&format!("/settings/people/{user}/suspend")).await;
    assert!(asked.body.contains("Outside (authorized with") && asked.body.contains(words), "{}", asked.body);
    let suspend = format!("/api/v1/users/{user}/suspend");
    let tried = owner.post(&format!("{suspend}?dryRun=true"), json!({})).await.ok()["result"].clone();
    let receipt = owner.post(&suspend, json!({})).await.ok();
    for told in [tried, receipt] {
        let stays = of_kind(&told["stays"], "company-authorization");
        assert_eq!(stays["count"], 1, "{told}");
        assert!(stays["items"][0]["name"].as_str().unwrap().contains(words), "{told}");
    }
    let grants = owner.get(&format!("{profile}/grants")).await.ok();
    assert_eq!(grants["data"].as_array().unwrap().len(), 1, "{grants}");
}

/// The switch comes while the provider thinks about a refresh: what it answers is nobody's any more.
async fn a_refresh_under_way_brings_nothing_back(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &with(oauth2(&provider), &json!({"allowedHosts": ["127.0.0.1"]}))).await;
    let member = t.member_of(Role::Member).await;
    connected(&member, &provider, &profile, json!({})).await;
    t.clock.advance(3_600);
    let (owner, member) = (t.owner().await, t.sign_in("member@main.test").await);
    provider.is_slow(std::time::Duration::from_millis(800));
    let call = tokio::spawn({
        let (member, provider, profile) = (member.clone(), provider.clone(), profile.clone());
        async move { echoed(&member, &provider, &profile).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let user = owner.get("/api/v1/users?email=member@main.test").await.ok()["data"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    owner.post(&format!("/api/v1/users/{user}/suspend"), json!({})).await.ok();
    call.await.unwrap().refused(409, "conflict");
    assert_eq!(owner.get(&format!("{profile}/grants")).await.ok()["data"], json!([]));
    t.work().await;
    let revoked = provider.revoked();
    assert!(
        revoked.contains(&"refresh-2".to_owned()) && revoked.contains(&"access-2".to_owned()),
        "{revoked:?}"
    );
}

on_both![
    a_leavers_grants_end_at_once_and_are_revoked_outside,
    what_the_company_uses_with_a_leavers_account_is_named,
    a_refresh_under_way_brings_nothing_back
];
