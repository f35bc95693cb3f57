use gatehouse_types::Role;
use serde_json::json;

use super::{CONNECTIONS, path_of, saml};
use crate::support::{Client, TestApp, on_both};

async fn refused_activation(by: &Client, path: &str) -> String {
    let error = by.post_to(&format!("{path}/activate")).await.refused(400, "validation_error");
    assert_eq!(error["field"], "status");
    error["message"].as_str().unwrap().to_owned()
}

async fn status(by: &Client, path: &str) -> String {
    by.get(path).await.ok()["status"].as_str().unwrap().to_owned()
}

async fn r060_r068_activation_names_the_step_that_is_missing(t: TestApp) {
    let owner = t.owner().await;
    let path = path_of(&owner.post(CONNECTIONS, t.lab_body("Ordered").await).await.ok());
    assert!(refused_activation(&owner, &path).await.contains("Test the connection"));
    owner.post_to(&format!("{path}/test")).await.ok();
    assert_eq!(status(&owner, &path).await, "testing");
    assert!(refused_activation(&owner, &path).await.contains("Add a domain"));
    let claim = json!({"domain": "lab.test"});
    let pending = owner.post(&format!("{path}/domains"), claim).await.ok()["domain"]["id"].clone();
    assert!(refused_activation(&owner, &path).await.contains("verify"));
    owner.delete(&format!("{path}/domains/{}", pending.as_str().unwrap())).await.ok();
    t.prove(&owner, &path, "lab.test").await;
    let active = owner.post_to(&format!("{path}/activate")).await.ok();
    assert_eq!(active["status"], "active");
    assert_eq!(active["domains"][0]["status"], "verified");
}

async fn a_failed_test_must_be_mended_before_activation(t: TestApp) {
    let owner = t.owner().await;
    let path = path_of(&owner.post(CONNECTIONS, saml("Broken")).await.ok());
    t.prove(&owner, &path, "broken.test").await;
    assert_eq!(owner.post_to(&format!("{path}/test")).await.ok()["success"], false);
    assert_eq!(status(&owner, &path).await, "error");
    assert!(refused_activation(&owner, &path).await.contains("last test"));
    let certificate = t.lab_body("x").await["samlConfig"]["certificate"].clone();
    owner.put(&path, json!({"samlConfig": {"certificate": certificate}})).await.ok();
    assert_eq!(status(&owner, &path).await, "inactive");
    assert!(refused_activation(&owner, &path).await.contains("Test the connection"));
    owner.post_to(&format!("{path}/test")).await.ok();
    owner.post_to(&format!("{path}/activate")).await.ok();
    assert_eq!(status(&owner, &path).await, "active");
}

async fn an_edit_of_what_was_tested_asks_for_a_new_test(t: TestApp) {
    let owner = t.owner().await;
    let path = path_of(&owner.post(CONNECTIONS, t.lab_body("Edited").await).await.ok());
    t.prove(&owner, &path, "edited.test").await;
    owner.post_to(&format!("{path}/test")).await.ok();
    owner.put(&path, json!({"description": "only words"})).await.ok();
    assert_eq!(status(&owner, &path).await, "testing");
    owner.put(&path, json!({"samlConfig": {"signRequests": true}})).await.ok();
    assert_eq!(status(&owner, &path).await, "inactive");
    assert!(refused_activation(&owner, &path).await.contains("Test the connection"));
}

async fn deactivation_blocks_sign_ins_and_keeps_sessions(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let browser = t.client();
    assert_eq!(t.enter_from_lab(&browser, &lab.id, "ada").await.status, 303);
    let inactive = owner.post_to(&format!("{}/deactivate", lab.path)).await.ok();
    assert_eq!(inactive["status"], "inactive");
    assert_eq!(browser.get("/api/v1/me").await.ok()["user"]["email"], "ada@lab.test");
    let start = t.client().get(&format!("/sso/{}/start", lab.id)).await;
    assert_eq!(start.status, 403, "{}", start.body);
    let refused = t.enter_from_lab(&t.client(), &lab.id, "bruno").await;
    assert_eq!(refused.status, 401, "{}", refused.body);
    let attempts = owner.get(&format!("{}/attempts?outcome=failure", lab.path)).await.ok();
    assert_eq!(attempts["data"][0]["reason"], "connection_inactive");
    // switched on again without a new test: nothing it was tested with has changed
    owner.post_to(&format!("{}/activate", lab.path)).await.ok();
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "bruno").await.status, 303);
}

async fn an_active_connection_stays_active_through_tests_and_edits(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    owner.post_to(&format!("{}/test", lab.path)).await.ok();
    owner.put(&lab.path, json!({"samlConfig": {"signRequests": true}})).await.ok();
    assert_eq!(status(&owner, &lab.path).await, "active");
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303);
}

async fn sp_metadata_is_told_to_admins_and_served_to_everybody(t: TestApp) {
    let admin = t.member_of(Role::Admin).await;
    let told = admin.get("/api/v1/sso/sp-metadata").await.ok();
    let base = t.app.public_url().as_str();
    assert_eq!(told["entityId"], format!("{base}/saml/metadata"));
    assert_eq!(told["acsUrl"], format!("{base}/saml/acs"));
    let served = t.client().get(told["entityId"].as_str().unwrap()).await;
    assert_eq!((served.status, served.body.as_str()), (200, told["metadataXml"].as_str().unwrap()));
    assert!(served.header("content-type").unwrap().starts_with("application/samlmetadata+xml"));
    assert!(served.body.contains(&format!("entityID=\"{base}/saml/metadata\"")), "{}", served.body);
    assert!(served.body.contains("urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"), "{}", served.body);
    assert!(served.body.contains(&format!("Location=\"{base}/saml/acs\"")), "{}", served.body);
}

on_both![
    r060_r068_activation_names_the_step_that_is_missing,
    a_failed_test_must_be_mended_before_activation,
    an_edit_of_what_was_tested_asks_for_a_new_test,
    deactivation_blocks_sign_ins_and_keeps_sessions,
    an_active_connection_stays_active_through_tests_and_edits,
    sp_metadata_is_told_to_admins_and_served_to_everybody,
];
