//! What requests through a profile take is in memory, and is forgotten with whatever ends it.

use std::time::Duration;

use gatehouse_store::sql;
use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{Provider, authorized, connected, credentials, echoed, later, made, oauth2, seen, user_id, with};
use crate::support::{Answer, Client, Kind, TestApp, on_both};

/// Requests until one took what is in memory: the ledger names the profile as it was read, whatever the database says by now.
async fn warmed(t: &TestApp, caller: &Client, provider: &Provider, profile: &str) {
    let id = profile.rsplit('/').next().unwrap().to_owned();
    for n in 0..100 {
        seen(&echoed(caller, provider, profile).await);
        let mut tx = t.app.store().begin_always().await.unwrap();
        let name = format!("Beside {n}");
        let beside = sql("UPDATE auth_profiles SET name = $2 WHERE id = $1");
        assert_eq!(tx.execute(beside.bind(id.as_str()).bind(name.as_str())).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let call = echoed(caller, provider, profile).await;
        seen(&call);
        let rows = t.owner().await.get(&format!("/api/v1/outbound-calls?holderId={id}")).await.ok();
        let row = rows["data"].as_array().unwrap().iter().find(|r| r["id"] == call.json()["callId"]).cloned();
        if row.unwrap()["holderName"] != json!(name) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing is remembered");
}

async fn a_deleted_profile_sends_nothing_more(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    warmed(&t, &owner, &provider, &profile).await;
    owner.delete(&format!("{profile}?dryRun=true")).await.ok();
    seen(&echoed(&owner, &provider, &profile).await);
    owner.delete(&profile).await.ok();
    echoed(&owner, &provider, &profile).await.refused(404, "not_found");
    // nor does one that needs nobody's consent
    let machine = made(&owner, &credentials(&provider)).await;
    warmed(&t, &owner, &provider, &machine).await;
    owner.delete(&machine).await.ok();
    echoed(&owner, &provider, &machine).await.refused(404, "not_found");
}

async fn what_is_disconnected_is_used_no_more(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    warmed(&t, &owner, &provider, &profile).await;
    let grant =
        owner.get(&format!("{profile}/grants")).await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    owner.delete(&format!("{profile}/grants/{grant}")).await.ok();
    echoed(&owner, &provider, &profile).await.refused(409, "conflict");
    // authorized again, as somebody else there, and once more
    for account in ["bea", "cy"] {
        let back = provider.consent_as(&super::begun(&owner, &profile, json!({})).await, account);
        assert_eq!(owner.get(&back).await.status, 303);
        assert_eq!(seen(&echoed(&owner, &provider, &profile).await)["account"], account);
        warmed(&t, &owner, &provider, &profile).await;
    }
}

async fn a_change_of_the_profile_counts_at_once(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &with(oauth2(&provider), &json!({"allowedHosts": [provider.host()]}))).await;
    connected(&owner, &provider, &profile, json!({})).await;
    warmed(&t, &owner, &provider, &profile).await;
    for org in ["one", "two"] {
        let fields = json!([{"type": "header", "key": "X-Org", "value": org}]);
        owner.put(&profile, json!({"authorizationFields": fields})).await.ok();
        assert_eq!(seen(&echoed(&owner, &provider, &profile).await)["headers"]["x-org"], org);
        warmed(&t, &owner, &provider, &profile).await;
    }
    owner.put(&profile, json!({"allowedHosts": ["api.example.com"]})).await.ok();
    echoed(&owner, &provider, &profile).await.refused(403, "authorization_error");
    owner.put(&profile, json!({"allowedHosts": [provider.host()]})).await.ok();
    warmed(&t, &owner, &provider, &profile).await;
    // another client: what was granted to the former one ends
    owner.put(&profile, json!({"clientId": "somebody-else"})).await.ok();
    echoed(&owner, &provider, &profile).await.refused(409, "conflict");
}

async fn a_token_that_is_refused_or_over_is_remembered_no_more(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    connected(&owner, &provider, &profile, json!({})).await;
    warmed(&t, &owner, &provider, &profile).await;
    provider.asked();
    provider.forgets_access();
    assert_eq!(echoed(&owner, &provider, &profile).await.ok()["retried"], true);
    let next = echoed(&owner, &provider, &profile).await.ok();
    assert_eq!((&next["retried"], &next["credentialVersion"]), (&json!(false), &json!(2)));
    assert_eq!(provider.asked().len(), 1);
    warmed(&t, &owner, &provider, &profile).await;
    // its time is looked at each time
    let owner = later(&t, 3_600).await;
    assert_eq!(
        seen(&echoed(&owner, &provider, &profile).await)["headers"]["authorization"],
        "Bearer access-3"
    );
    assert_eq!(provider.asked().len(), 1);
    warmed(&t, &owner, &provider, &profile).await;
    // the provider takes nothing any more: somebody must authorize again, and until then nothing is sent
    provider.forgets_all();
    echoed(&owner, &provider, &profile).await.refused(409, "conflict");
    let rows = owner.get("/api/v1/outbound-calls").await.ok()["pagination"]["totalItems"].clone();
    echoed(&owner, &provider, &profile).await.refused(409, "conflict");
    assert_eq!(owner.get("/api/v1/outbound-calls").await.ok()["pagination"]["totalItems"], rows);
}

async fn what_a_leaver_authorized_is_forgotten(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &with(oauth2(&provider), &json!({"allowedHosts": [provider.host()]}))).await;
    let member = t.member_of(Role::Member).await;
    connected(&member, &provider, &profile, json!({})).await;
    warmed(&t, &member, &provider, &profile).await;
    let user = user_id(&owner, "member@main.test").await;
    owner.post(&format!("/api/v1/users/{user}/suspend"), json!({})).await.ok();
    echoed(&member, &provider, &profile).await.refused(401, "authentication_error");
    owner.post_to(&format!("/api/v1/users/{user}/reactivate")).await.ok();
    let member = t.sign_in("member@main.test").await;
    echoed(&member, &provider, &profile).await.refused(409, "conflict");
    // a right that was taken back counts for what is remembered too
    connected(&member, &provider, &profile, json!({})).await;
    warmed(&t, &member, &provider, &profile).await;
    owner.put(&format!("/api/v1/users/{user}"), json!({"role": "viewer"})).await.ok();
    let viewer = t.sign_in("member@main.test").await;
    echoed(&viewer, &provider, &profile).await.refused(403, "authorization_error");
}

/// Nobody takes what is remembered of another workspace, or of another person.
async fn memory_is_of_one_workspace_and_one_person(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &with(oauth2(&provider), &json!({"allowedHosts": [provider.host()]}))).await;
    connected(&owner, &provider, &profile, json!({})).await;
    warmed(&t, &owner, &provider, &profile).await;
    echoed(&t.stranger().await, &provider, &profile).await.refused(404, "not_found");
    let member = t.member_of(Role::Member).await;
    echoed(&member, &provider, &profile).await.refused(409, "conflict");
    let request = json!({"method": "GET", "url": provider.at("/echo/x"), "as": "service"});
    member.post(&format!("{profile}/request"), request).await.refused(403, "authorization_error");
    let back = provider.consent_as(&super::begun(&member, &profile, json!({})).await, "mo");
    assert_eq!(member.get(&back).await.status, 303);
    assert_eq!(seen(&echoed(&member, &provider, &profile).await)["account"], "mo");
    assert_eq!(seen(&echoed(&owner, &provider, &profile).await)["account"], "ada");
}

on_both![
    a_deleted_profile_sends_nothing_more,
    what_is_disconnected_is_used_no_more,
    a_change_of_the_profile_counts_at_once,
    a_token_that_is_refused_or_over_is_remembered_no_more,
    what_a_leaver_authorized_is_forgotten,
    memory_is_of_one_workspace_and_one_person,
];

/// Asks the second server until it refuses, which must be soon; from then on it always does.
async fn refuses_soon(at_second: &Client, provider: &Provider, profile: &str, status: u16) -> Answer {
    let began = std::time::Instant::now();
    let refused = loop {
        let answer = echoed(at_second, provider, profile).await;
        if answer.status == status {
            break answer;
        }
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(began.elapsed() < Duration::from_secs(3), "it still sends");
    };
    for _ in 0..20 {
        assert_eq!(echoed(at_second, provider, profile).await.status, status);
    }
    refused
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_ends_at_one_server_ends_at_the_other() {
    let t = TestApp::start(Kind::Postgres).await;
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let second = Client::new(&t.second_server().await).with_token(owner.token.as_deref().unwrap());
    let profile = made(&owner, &oauth2(&provider)).await;
    for (end, status) in [("grant", 409), ("fields", 200), ("client", 409), ("profile", 404)] {
        if status != 200 || end == "fields" {
            connected(&owner, &provider, &profile, json!({})).await;
        }
        warmed(&t, &second, &provider, &profile).await;
        match end {
            "grant" => {
                let grants = owner.get(&format!("{profile}/grants")).await.ok();
                let grant = grants["data"][0]["id"].as_str().unwrap().to_owned();
                owner.delete(&format!("{profile}/grants/{grant}")).await.ok();
            }
            "fields" => {
                let fields = json!([{"type": "header", "key": "X-Org", "value": "new"}]);
                owner.put(&profile, json!({"authorizationFields": fields})).await.ok();
                let began = std::time::Instant::now();
                while seen(&echoed(&second, &provider, &profile).await)["headers"]["x-org"] == Value::Null {
                    assert!(began.elapsed() < Duration::from_secs(3), "it still sends without");
                }
                continue;
            }
            "client" => {
                owner.put(&profile, json!({"clientId": "somebody-else"})).await.ok();
            }
            _ => {
                owner.delete(&profile).await.ok();
            }
        }
        refuses_soon(&second, &provider, &profile, status).await;
        if end == "client" {
            owner.put(&profile, json!({"clientId": "client"})).await.ok();
        }
    }
    // and a new token of one server's refresh is the other's at once
    let profile = made(&owner, &oauth2(&provider)).await;
    let landed = authorized(&owner, &provider, &profile, json!({})).await;
    assert_eq!(landed.status, 303);
    warmed(&t, &second, &provider, &profile).await;
    provider.asked();
    provider.forgets_access();
    assert_eq!(echoed(&owner, &provider, &profile).await.ok()["retried"], true);
    seen(&echoed(&second, &provider, &profile).await);
    assert_eq!(provider.asked().len(), 1, "nobody asks the provider a second time");
}
