//! Recorded replies run against a draft.

use serde_json::{Value, json};

use super::start;
use crate::support::{TestApp, on_both};

async fn a_draft_of_another_realm_or_tenant_tells_who_would_be_locked_out(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let browser = t.client();
    assert_eq!(t.ask_lab(&browser, &start(&lab, "/"), "ada", "none").await.send(&browser).await.status, 303);
    let replayed = async |change: Value| {
        let made = owner.post(&format!("{}/drafts", lab.path), change).await.ok();
        let path = format!("{}/drafts/{}", lab.path, made["id"].as_str().unwrap());
        let summary = owner.post_to(&format!("{path}/replay")).await.ok();
        owner.delete(&path).await.ok();
        (summary["summary"]["lockedOut"].clone(), summary["people"][0]["reason"].clone())
    };
    let same = json!({"wsfedConfig": {"signOnUrl": "https://sts.corp.test/adfs/ls/"}});
    assert_eq!(replayed(same).await, (json!(0), Value::Null));
    let realm = json!({"wsfedConfig": {"realm": "urn:corp"}});
    assert_eq!(replayed(realm).await, (json!(1), json!("audience_mismatch")));
    let shared = json!({"wsfedConfig": {"metadataUrl": t.lab().shared_wsfed_metadata_url()}});
    assert_eq!(replayed(shared).await, (json!(1), json!("tenant_unknown")));
    let jit = json!({"jitProvisioning": false});
    assert_eq!(replayed(jit).await, (json!(0), Value::Null), "ada is a member by now");
    assert_eq!(owner.get(&lab.path).await.ok()["status"], "active");
}

on_both![a_draft_of_another_realm_or_tenant_tells_who_would_be_locked_out,];
