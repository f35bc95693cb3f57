//! Whom a changed connection believes, and who is told.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::signed_in_as;
use crate::support::{TestApp, on_both};

const CONNECTIONS: &str = "/api/v1/sso/connections";
const SETTINGS: &str = "/api/v1/sso/settings";

async fn the_names_of_a_former_provider_lead_to_nobody(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let former = t.client();
    assert_eq!(t.hand_made(&lab.id, "E123", "ada@lab.test").await.send(&former).await.status, 303);
    signed_in_as(&former, "ada@lab.test").await;
    let issuer = "https://idp.new.test/";
    owner.put(&lab.path, json!({"samlConfig": {"entityId": issuer}})).await.ok();
    owner.post_to(&format!("{}/test", lab.path)).await.ok();
    owner.post_to(&format!("{}/activate", lab.path)).await;
    // the same name is somebody else there
    let mut answer = t
        .hand_made_with(&lab.id, "E123", |r| {
            issuer.clone_into(&mut r.issuer);
            r.attributes = vec![("email".to_owned(), vec!["bruno@lab.test".to_owned()])];
        })
        .await;
    let browser = t.client();
    let entered = answer.send(&browser).await;
    assert_eq!(entered.status, 303, "{}", entered.body);
    signed_in_as(&browser, "bruno@lab.test").await;
    // and who comes with the address is the person of before
    answer = t
        .hand_made_with(&lab.id, "E9", |r| {
            issuer.clone_into(&mut r.issuer);
            r.attributes = vec![("email".to_owned(), vec!["ada@lab.test".to_owned()])];
        })
        .await;
    let browser = t.client();
    assert_eq!(answer.send(&browser).await.status, 303);
    signed_in_as(&browser, "ada@lab.test").await;
}

async fn r031_the_mandate_does_not_move_to_a_connection_that_nobody_proved(t: TestApp) {
    let owner = t.owner().await;
    let admin = t.member_of(Role::Admin).await;
    let lab = t.active_lab(&owner).await;
    owner.put(SETTINGS, json!({"connectionId": lab.id})).await.ok();
    owner.post_to(&format!("{SETTINGS}/enable")).await.ok();
    let second = owner.post(CONNECTIONS, t.lab_body("Second").await).await.ok();
    let id = second["id"].as_str().unwrap().to_owned();
    let move_to = json!({"connectionId": id});
    let refused = owner.put(SETTINGS, move_to.clone()).await.refused(400, "validation_error");
    assert_eq!(refused["field"], "connectionId");
    let path = format!("{CONNECTIONS}/{id}");
    t.prove(&owner, &path, "second.test").await;
    owner.post_to(&format!("{path}/test")).await.ok();
    owner.post_to(&format!("{path}/activate")).await.ok();
    assert_eq!(admin.put(SETTINGS, move_to.clone()).await.refused(400, "validation_error")["field"], "proof");
    assert_eq!(owner.get(SETTINGS).await.ok()["connectionId"], json!(lab.id));
    // an owner has another way in
    owner.put(SETTINGS, move_to).await.ok();
    let enabled = owner.get("/api/v1/audit-events?event=sso.enabled").await.ok();
    assert_eq!(enabled["data"].as_array().unwrap().len(), 2, "{enabled}");
}

/// How many mails to the owner have this in their subject.
async fn told(t: &TestApp, what: &str) -> usize {
    t.mails_to("owner@main.test").await.iter().filter(|(subject, _)| subject.contains(what)).count()
}

async fn owners_learn_when_a_connection_speaks_for_more_people(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let admin = t.member_of(Role::Admin).await;
    t.prove(&admin, &lab.path, "further.test").await;
    assert_eq!(told(&t, "given the further domain further.test").await, 1);
    let draft = admin.post(&format!("{}/drafts", lab.path), json!({"jitProvisioning": false})).await.ok();
    let draft = format!("{}/drafts/{}/activate", lab.path, draft["id"].as_str().unwrap());
    let rules = json!([{"value": "administrators", "role": "admin"}]);
    admin.put(&lab.path, json!({"roleMapping": {"rules": rules}})).await.ok();
    assert_eq!(told(&t, "was changed").await, 1);
    // what began before does not bring the former roles back
    admin.post(&draft, json!({"acceptLockout": true})).await.refused(409, "conflict");
    let now: Value = owner.get(&lab.path).await.ok();
    assert_eq!(now["roleMapping"]["rules"][0]["role"], "admin", "{now}");
}

on_both![
    the_names_of_a_former_provider_lead_to_nobody,
    r031_the_mandate_does_not_move_to_a_connection_that_nobody_proved,
    owners_learn_when_a_connection_speaks_for_more_people,
];
