//! Single sign-on over OpenID Connect, over HTTP as a browser does it: with the lab as the provider, and with one that
//! says whatever the test wants. R024, R025, R044, R047, R054, R056 to R063.

mod drafts;
mod faults;
mod flows;
mod google;
mod keys;
mod logout;
mod page;
mod setup;
mod trust;
mod unreachable;

use serde_json::{Value, json};

use crate::support::{Answer, Client, LabConnection};

/// The newest failed attempt of a connection.
async fn newest_failure(by: &Client, lab: &LabConnection) -> Value {
    by.get(&format!("{}/attempts?outcome=failure&pageSize=1", lab.path)).await.ok()["data"][0].clone()
}

/// Checks that an answer was refused for this reason, that the attempt and the decision say so, and that nobody is
/// signed in.
async fn refused_for(by: &Client, lab: &LabConnection, browser: &Client, answer: &Answer, reason: &str) {
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
    // an administrator reads what to do about it
    let one = format!("{}/attempts/{}", lab.path, attempt["id"].as_str().unwrap());
    let trace = by.get(&one).await.ok();
    let advice =
        trace["checks"].as_array().unwrap().iter().find(|c| c["ok"] == false).unwrap()["whatToDo"].clone();
    assert!(advice.as_str().is_some_and(|a| !a.starts_with("The detail says")), "{reason}: {advice}");
}
