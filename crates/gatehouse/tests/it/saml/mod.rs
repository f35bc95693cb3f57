//! Single sign-on over SAML, with the lab as the identity provider, over HTTP as a browser does it.

mod browsers;
mod drafts;
mod faults;
mod flows;
mod guarded;
mod logout;
mod logout_key;
mod mandatory;
mod people;
mod roles;
mod rows;
mod setup_links;
mod tenants;
mod traces;
mod trust;

use serde_json::{Value, json};

use crate::support::{Answer, Client, LabConnection};

/// The newest failed attempt of a connection.
pub(crate) async fn newest_failure(by: &Client, lab: &LabConnection) -> Value {
    by.get(&format!("{}/attempts?outcome=failure&pageSize=1", lab.path)).await.ok()["data"][0].clone()
}

/// Checks that a response was refused for this reason, that the attempt and the decision say so, and that nobody is
/// signed in.
pub(crate) async fn refused_for(
    by: &Client,
    lab: &LabConnection,
    browser: &Client,
    answer: &Answer,
    reason: &str,
) {
    assert_eq!(answer.status, 401, "{reason}: {}", answer.body);
    assert_eq!(browser.cookie("gatehouse_session"), None, "{reason}");
    let attempt = newest_failure(by, lab).await;
    assert_eq!(attempt["reason"], reason, "{attempt}");
    let told = answer.decision();
    assert_eq!(attempt["decision"], json!(told), "{reason}");
    let failed: Vec<_> = attempt["checks"].as_array().unwrap().iter().filter(|c| c["ok"] == false).collect();
    assert_eq!(failed.len(), 1, "{reason}: {attempt}");
    let why = by.get(&format!("/api/v1/decisions/{told}")).await.ok();
    assert_eq!(why["reasons"], attempt["checks"], "{reason}");
    let detail = failed[0]["detail"].as_str().unwrap();
    assert!(!detail.is_empty() && !answer.body.contains(detail), "{reason}: the person is told: {detail}");
}

pub(crate) async fn signed_in_as(browser: &Client, email: &str) {
    assert_eq!(browser.get("/api/v1/me").await.ok()["user"]["email"], email);
}
