use std::collections::BTreeSet;

use gatehouse_saml::idp::Fault;

use super::start;
use crate::saml::{newest_failure, refused_for};
use crate::support::{TestApp, on_both};

async fn r026_every_fault_of_the_lab_is_refused_for_its_own_reason(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let mut reasons = BTreeSet::new();
    for fault in Fault::ALL {
        let Some(reason) = fault.expected_token_reason() else { continue };
        let browser = t.client();
        let form = t.ask_lab(&browser, &start(&lab, "/"), "ada", fault.code()).await;
        refused_for(&owner, &lab, &browser, &form.send(&browser).await, reason.code()).await;
        assert_eq!(newest_failure(&owner, &lab).await["flow"], "sp-initiated");
        reasons.insert(reason.code());
    }
    assert_eq!(reasons.len(), 10, "two faults with one reason: {reasons:?}");
    let people = owner.get(&format!("{}/identities", lab.path)).await.ok();
    assert!(people["data"].as_array().unwrap().is_empty());
    let events = owner.get("/api/v1/audit-events?event=sso.refused").await.ok();
    assert_eq!(events["pagination"]["totalItems"], 10);
}

async fn a_page_tells_of_an_attempt_over_ws_federation(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let person = t.client();
    let form = t.ask_lab(&person, &start(&lab, "/"), "ada", "wrong_audience").await;
    form.send(&person).await;
    let choose = serde_json::json!({"connectionId": lab.id});
    owner.put("/api/v1/sso/settings", choose).await.ok();
    let browser = t.browser("owner@main.test").await;
    let attempt = newest_failure(&owner, &lab).await["id"].as_str().unwrap().to_owned();
    let page = browser.get(&format!("/settings/security/sso/attempts/{attempt}")).await;
    assert_eq!(page.status, 200);
    let realm = t.app.sso().own_realm(&lab.id.parse().unwrap());
    for told in ["urn:elsewhere", realm.as_str(), "RequestSecurityTokenResponse"] {
        assert!(page.body.contains(told), "{told}");
    }
    assert!(!page.body.contains("ada@lab.test"), "the person stays masked");
}

on_both![
    r026_every_fault_of_the_lab_is_refused_for_its_own_reason,
    a_page_tells_of_an_attempt_over_ws_federation,
];
