use std::collections::BTreeSet;

use gatehouse_saml::idp::Fault;

use super::{newest_failure, refused_for};
use crate::support::{TestApp, on_both};

/// What we find of the fault when we began: an answer to another request is unknown before anything else is looked at.
fn expected(fault: Fault) -> &'static str {
    match fault {
        Fault::WrongInResponseTo => "request_unknown",
        other => other.expected_reason().code(),
    }
}

async fn r026_every_fault_of_the_lab_is_refused_for_its_own_reason(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let mut reasons = BTreeSet::new();
    for fault in Fault::ALL {
        let browser = t.client();
        let form = t.ask_lab(&browser, &format!("/sso/{}/start", lab.id), "ada", fault.code()).await;
        let answer = form.send(&browser).await;
        refused_for(&owner, &lab, &browser, &answer, expected(*fault)).await;
        assert_eq!(newest_failure(&owner, &lab).await["flow"], "sp-initiated");
        reasons.insert(expected(*fault));
    }
    assert_eq!(reasons.len(), Fault::ALL.len(), "two faults with one reason");
    assert!(owner.get(&format!("{}/identities", lab.path)).await.ok()["data"].as_array().unwrap().is_empty());
}

async fn every_fault_is_refused_when_the_provider_began(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    for fault in Fault::ALL {
        let browser = t.client();
        let choices = [("person", "ada"), ("fault", fault.code())];
        let answer = t.lab_portal(&browser, &lab.id, &choices).await.send(&browser).await;
        refused_for(&owner, &lab, &browser, &answer, fault.expected_reason().code()).await;
    }
}

async fn a_response_for_another_connection_is_refused(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let mut body = t.lab_body("Second").await;
    body["samlConfig"]["entityId"] = "https://another.example/idp".into();
    let second = owner.post("/api/v1/sso/connections", body).await.ok();
    let path = format!("/api/v1/sso/connections/{}", second["id"].as_str().unwrap());
    t.prove(&owner, &path, "second.test").await;
    owner.post_to(&format!("{path}/test")).await.ok();
    owner.post_to(&format!("{path}/activate")).await.ok();
    let form = t.hand_made(&lab.id, "ada@lab.test", "ada@lab.test").await;
    let browser = t.client();
    let elsewhere = format!("/saml/acs/{}/idp", second["id"].as_str().unwrap());
    assert_eq!(browser.form(&elsewhere, &form.fields).await.status, 401);
    assert_eq!(browser.cookie("gatehouse_session"), None);
    // it was not used up there
    assert_eq!(form.send(&browser).await.status, 303);
}

on_both![
    r026_every_fault_of_the_lab_is_refused_for_its_own_reason,
    every_fault_is_refused_when_the_provider_began,
    a_response_for_another_connection_is_refused,
];
