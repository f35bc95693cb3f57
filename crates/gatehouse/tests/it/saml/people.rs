use gatehouse_types::Role;
use serde_json::json;

use super::{refused_for, signed_in_as};
use crate::support::{TestApp, on_both};

async fn without_just_in_time_unknown_people_are_refused(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    owner.put(&lab.path, json!({"jitProvisioning": false})).await.ok();
    let browser = t.client();
    let answer = t.enter_from_lab(&browser, &lab.id, "ada").await;
    refused_for(&owner, &lab, &browser, &answer, "person_unknown").await;
    // known elsewhere is not known here
    let other = t.workspace("Other").await;
    t.person_in(&other, "bruno@lab.test", Role::Admin).await;
    let answer = t.enter_from_lab(&browser, &lab.id, "bruno").await;
    refused_for(&owner, &lab, &browser, &answer, "person_unknown").await;
    t.person("ada@lab.test", Role::Admin).await;
    assert_eq!(t.enter_from_lab(&browser, &lab.id, "ada").await.status, 303);
    assert_eq!(browser.get("/api/v1/me").await.ok()["role"], "admin");
}

async fn just_in_time_people_get_the_default_role_once(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    for (person, role) in [("ada", "viewer"), ("bruno", "member"), ("chiara", "admin")] {
        owner.put(&lab.path, json!({"defaultRole": role})).await.ok();
        let browser = t.client();
        assert_eq!(t.enter_from_lab(&browser, &lab.id, person).await.status, 303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["role"], role, "{person}");
    }
    let again = t.client();
    t.enter_from_lab(&again, &lab.id, "ada").await;
    assert_eq!(again.get("/api/v1/me").await.ok()["role"], "viewer", "a later sign-in changes no role");
    let linked = owner.get(&format!("{}/identities", lab.path)).await.ok();
    assert_eq!(linked["pagination"]["totalItems"], 3);
}

async fn an_address_outside_the_verified_domains_is_refused(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let browser = t.client();
    let answer = t.enter_from_lab(&browser, &lab.id, "mallory").await;
    refused_for(&owner, &lab, &browser, &answer, "domain_not_verified").await;
    // neither below a verified domain nor beside it, and never the account of somebody else
    for email in ["x@sub.lab.test", "x@lab.test.evil.test", "x@evillab.test", "owner@main.test"] {
        let answer = t.hand_made(&lab.id, "ada@lab.test", email).await.send(&browser).await;
        refused_for(&owner, &lab, &browser, &answer, "domain_not_verified").await;
    }
}

async fn a_second_subject_with_a_linked_address_is_a_conflict(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303);
    let browser = t.client();
    let answer = t.hand_made(&lab.id, "new-subject", "ada@lab.test").await.send(&browser).await;
    refused_for(&owner, &lab, &browser, &answer, "identity_conflict").await;
    let identity = owner.get(&format!("{}/identities", lab.path)).await.ok()["data"][0].clone();
    assert_eq!((&identity["nameId"], &identity["email"]), (&json!("ada@lab.test"), &json!("ada@lab.test")));
    let path = format!("{}/identities/{}", lab.path, identity["id"].as_str().unwrap());
    assert_eq!(owner.delete(&path).await.ok(), json!({"deleted": true}));
    assert_eq!(t.hand_made(&lab.id, "new-subject", "ada@lab.test").await.send(&browser).await.status, 303);
    signed_in_as(&browser, "ada@lab.test").await;
}

async fn the_subject_stays_the_person_when_the_address_changes(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let (first, second) = (t.client(), t.client());
    t.hand_made(&lab.id, "subject-7", "ada@lab.test").await.send(&first).await;
    t.hand_made(&lab.id, "subject-7", "ada.married@lab.test").await.send(&second).await;
    let id = |me: serde_json::Value| me["user"]["id"].clone();
    assert_eq!(id(first.get("/api/v1/me").await.ok()), id(second.get("/api/v1/me").await.ok()));
}

async fn an_address_that_is_missing_or_ambiguous_is_refused(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let browser = t.client();
    let several = vec![("email".to_owned(), vec!["a@lab.test".to_owned(), "b@lab.test".to_owned()])];
    let form = t.hand_made_with(&lab.id, "s", |r| r.attributes = several).await;
    refused_for(&owner, &lab, &browser, &form.send(&browser).await, "email_ambiguous").await;
    let form = t.hand_made_with(&lab.id, "no-address", |_| ()).await;
    refused_for(&owner, &lab, &browser, &form.send(&browser).await, "email_missing").await;
    owner.put(&lab.path, json!({"samlConfig": {"attributeMapping": {"email": "urn:mail"}}})).await.ok();
    let answer = t.hand_made(&lab.id, "ada@lab.test", "ada@lab.test").await.send(&browser).await;
    refused_for(&owner, &lab, &browser, &answer, "email_missing").await;
    let mapped = vec![("urn:mail".to_owned(), vec!["ada@lab.test".to_owned()])];
    let form = t.hand_made_with(&lab.id, "s", |r| r.attributes = mapped).await;
    assert_eq!(form.send(&browser).await.status, 303);
}

async fn r014_a_rolled_over_certificate_is_believed_and_a_removed_one_is_not(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let current = t.lab_body("x").await["samlConfig"]["certificate"].clone();
    let now = gatehouse_types::Clock::now(&*t.clock).micros();
    let key = gatehouse_saml::SigningKey::generate().unwrap();
    let next = key.self_signed("next", now - 1_000_000, now + 86_400_000_000).unwrap().to_pem();
    owner.put(&lab.path, json!({"samlConfig": {"certificates": [next, current]}})).await.ok();
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303);
    let events = owner.get("/api/v1/audit-events?event=sso.signed-in").await.ok();
    assert_eq!(events["data"][0]["details"]["usedFallbackCertificate"], true);
    owner.put(&lab.path, json!({"samlConfig": {"certificates": [next]}})).await.ok();
    let browser = t.client();
    let answer = t.enter_from_lab(&browser, &lab.id, "ada").await;
    refused_for(&owner, &lab, &browser, &answer, "signature_wrong_key").await;
}

async fn the_lab_speaks_for_its_own_workspace_alone(t: TestApp) {
    t.active_lab(&t.owner().await).await;
    let stranger = t.stranger().await;
    let theirs = t.lab_body("Theirs").await;
    let error =
        stranger.post("/api/v1/sso/connections", theirs.clone()).await.refused(400, "validation_error");
    assert!(error["message"].as_str().unwrap().contains("lab"), "{error}");
    let mut body = theirs.clone();
    body["samlConfig"]["ssoUrl"] = json!("https://idp.example/sso");
    stranger.post("/api/v1/sso/connections", body.clone()).await.refused(400, "validation_error");
    body["samlConfig"]["entityId"] = json!("https://idp.example/saml");
    let made = stranger.post("/api/v1/sso/connections", body).await.ok();
    let path = format!("/api/v1/sso/connections/{}", made["id"].as_str().unwrap());
    let entity = json!({"samlConfig": {"entityId": theirs["samlConfig"]["entityId"]}});
    stranger.put(&path, entity).await.refused(400, "validation_error");
    // a workspace that is no lab has none
    let here = stranger.get("/api/v1/me").await.ok()["workspace"]["id"].as_str().unwrap().to_owned();
    for rest in ["", "/metadata", "/certificate", "/sso", "/start"] {
        assert_eq!(t.client().get(&format!("/lab/idp/{here}{rest}")).await.status, 404, "{rest}");
    }
}

async fn people_see_how_providers_know_them_and_change_nothing(t: TestApp) {
    const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let (ada, bruno) = (t.client(), t.client());
    assert_eq!(t.enter_from_lab(&ada, &lab.id, "ada").await.status, 303);
    assert_eq!(t.enter_from_lab(&bruno, &lab.id, "bruno").await.status, 303);
    let listed = ada.get("/api/v1/me/identities").await.ok();
    assert_eq!(listed["pagination"]["totalItems"], 1, "{listed}");
    let first = listed["data"][0].clone();
    assert_eq!((&first["connectionName"], &first["nameIdFormat"]), (&json!("Lab"), &json!(EMAIL)));
    assert_eq!(first["workspaceId"], json!(t.workspace.to_string()));
    let administrators = owner.get(&format!("{}/identities", lab.path)).await.ok();
    assert_eq!(administrators["data"][0]["nameIdFormat"], EMAIL);
    let page = ada.get("/account").await.body;
    assert!(page.contains("How providers know you") && page.contains("<td>Lab</td>"), "{page}");
    assert!(page.contains("<td>emailAddress</td>") && !page.contains("/identities/"), "{page}");
    // the last sign-in counts, and what it came with
    t.clock.advance(60);
    let again = t.hand_made_with(&lab.id, "ada@lab.test", |r| {
        r.name_id_format = Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent".to_owned());
    });
    assert_eq!(again.await.send(&ada).await.status, 303);
    let now = ada.get("/api/v1/me/identities?page=1&pageSize=1").await.ok()["data"][0].clone();
    assert_eq!(now["createdAt"], first["createdAt"]);
    assert_ne!(now["lastUsedAt"], first["lastUsedAt"]);
    assert_eq!(now["nameIdFormat"], "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent");
    // nobody without one sees the section, and an unlinked one is gone
    assert!(
        !t.browser("owner@main.test").await.get("/account").await.body.contains("How providers know you")
    );
    let id = format!("{}/identities/{}", lab.path, first["id"].as_str().unwrap());
    owner.delete(&id).await.ok();
    assert_eq!(ada.get("/api/v1/me/identities").await.ok()["data"], json!([]));
    assert_eq!(bruno.get("/api/v1/me/identities").await.ok()["pagination"]["totalItems"], 1);
}

on_both![
    people_see_how_providers_know_them_and_change_nothing,
    the_lab_speaks_for_its_own_workspace_alone,
    without_just_in_time_unknown_people_are_refused,
    just_in_time_people_get_the_default_role_once,
    an_address_outside_the_verified_domains_is_refused,
    a_second_subject_with_a_linked_address_is_a_conflict,
    the_subject_stays_the_person_when_the_address_changes,
    an_address_that_is_missing_or_ambiguous_is_refused,
    r014_a_rolled_over_certificate_is_believed_and_a_removed_one_is_not,
];
