use gatehouse_store::audit::canonical;
use gatehouse_types::{Role, digest};
use serde_json::{Value, json};

use crate::support::{Client, TestApp, on_both};

const EVENTS: &str = "/api/v1/audit-events";

async fn count(by: &Client, query: &str) -> u64 {
    by.get(&format!("{EVENTS}?{query}")).await.ok()["pagination"]["totalItems"].as_u64().unwrap()
}

async fn every_change_and_every_sign_in_is_an_event(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    t.enter_from_lab(&t.client(), &lab.id, "ada").await;
    t.enter_from_lab(&t.client(), &lab.id, "mallory").await;
    owner.put(&lab.path, json!({"description": "d"})).await.ok();
    owner.put("/api/v1/sso/settings", json!({"connectionId": lab.id})).await.ok();
    owner.post_to("/api/v1/sso/settings/enable").await.ok();
    owner.post_to("/api/v1/sso/settings/disable").await.ok();
    let identity = owner.get(&format!("{}/identities", lab.path)).await.ok()["data"][0]["id"].clone();
    owner.delete(&format!("{}/identities/{}", lab.path, identity.as_str().unwrap())).await.ok();
    owner.post_to(&format!("{}/domains/{}/set-primary", lab.path, lab.domain)).await.ok();
    owner.delete(&format!("{}/domains/{}", lab.path, lab.domain)).await.ok();
    owner.delete(&lab.path).await.ok();
    t.owner().await.post_to("/api/v1/auth/logout").await.ok();
    for event in [
        "workspace.created",
        "user.created",
        "user.password-set",
        "membership.set",
        "session.started",
        "session.ended",
        "sso.connection-created",
        "sso.connection-updated",
        "sso.connection-tested",
        "sso.connection-activated",
        "sso.connection-deactivated",
        "sso.connection-deleted",
        "sso.domain-added",
        "sso.domain-checked",
        "sso.domain-made-primary",
        "sso.domain-removed",
        "sso.settings-updated",
        "sso.enabled",
        "sso.disabled",
        "sso.signed-in",
        "sso.refused",
        "sso.identity-unlinked",
    ] {
        assert!(count(&owner, &format!("event={event}")).await > 0, "{event} is missing");
    }
}

async fn events_are_filtered_by_time_event_actor_and_outcome(t: TestApp) {
    let owner = t.owner().await;
    let me = owner.get("/api/v1/me").await.ok()["user"]["id"].as_str().unwrap().to_owned();
    let lab = t.active_lab(&owner).await;
    t.enter_from_lab(&t.client(), &lab.id, "mallory").await;
    let all = count(&owner, "").await;
    let (good, bad) = (count(&owner, "outcome=success").await, count(&owner, "outcome=failure").await);
    assert_eq!((good + bad, bad), (all, 1));
    assert_eq!(count(&owner, "event=sso.refused&outcome=failure").await, 1);
    assert_eq!(count(&owner, "event=sso.refused&outcome=success").await, 0);
    let own = count(&owner, &format!("actorId={me}")).await;
    assert!(own > 0 && own < all, "{own} of {all}");
    assert_eq!(count(&owner, "startDate=2020-01-01&endDate=2020-02-01T00:00:00Z").await, 0);
    assert_eq!(count(&owner, "startDate=2020-01-01").await, all);
    assert_eq!(count(&owner, "endDate=2020-01-01").await, 0);
    let newest = owner.get(&format!("{EVENTS}?pageSize=2")).await.ok()["data"].clone();
    assert!(newest[0]["sequence"].as_i64() > newest[1]["sequence"].as_i64(), "newest first");
}

/// The lines that are entries.
fn entries(export: &str) -> Vec<Value> {
    let lines = export.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
    lines.filter(|l| l["type"].is_null()).collect()
}

/// The hash of a line, computed from nothing but the line.
fn proves(line: &Value, previous: &str, sequence: i64) {
    assert_eq!((line["sequence"].as_i64(), line["previousHash"].as_str()), (Some(sequence), Some(previous)));
    let mut content = line.clone();
    content.as_object_mut().unwrap().remove("hash");
    assert_eq!(line["hash"].as_str(), Some(digest(&canonical(&content)).as_str()), "{line}");
}

async fn the_export_is_a_chain_that_proves_itself(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    t.enter_from_lab(&t.client(), &lab.id, "ada").await;
    let total = count(&owner, "").await;
    let export = owner.get(&format!("{EVENTS}/export")).await;
    assert_eq!(export.status, 200);
    assert!(export.header("content-type").unwrap().starts_with("application/jsonl"));
    let all: Vec<Value> = export.body.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let (header, trailer) = (&all[0], all.last().unwrap());
    assert_eq!((&header["type"], &header["chain"]), (&json!("gatehouse-audit-export"), &json!(t.workspace)));
    assert_eq!((&trailer["type"], &trailer["count"]), (&json!("gatehouse-audit-trailer"), &json!(total)));
    // the links of all lines can be followed in one way
    for pair in all.windows(2) {
        assert_eq!(pair[0]["hash"], pair[1]["previousHash"], "{pair:?}");
    }
    let lines = entries(&export.body);
    assert_eq!(lines.len() as u64, total);
    let mut previous = header["hash"].as_str().unwrap().to_owned();
    for (at, line) in lines.iter().enumerate() {
        proves(line, &previous, i64::try_from(at).unwrap() + 1);
        assert_eq!(line["chain"], json!(t.workspace));
        previous = line["hash"].as_str().unwrap().to_owned();
    }
    let export = t.stranger().await.get(&format!("{EVENTS}/export")).await;
    assert!(!export.body.contains(t.workspace.to_string().as_str()), "one chain a workspace");
}

async fn changes_at_once_leave_a_chain_without_gaps(t: TestApp) {
    let owner = t.owner().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..20 {
        let config = json!({"entityId": "https://idp.example/saml", "ssoUrl": "https://idp.example/sso"});
        let (owner, body) =
            (owner.clone(), json!({"name": format!("C{n}"), "protocol": "saml", "samlConfig": config}));
        tasks.spawn(async move { owner.post("/api/v1/sso/connections", body).await.status });
    }
    assert!(tasks.join_all().await.into_iter().all(|status| status == 200));
    let export = owner.get(&format!("{EVENTS}/export")).await.body;
    let lines = entries(&export);
    let mut previous = lines[0]["previousHash"].as_str().unwrap().to_owned();
    for (at, line) in lines.iter().enumerate() {
        proves(line, &previous, i64::try_from(at).unwrap() + 1);
        previous = line["hash"].as_str().unwrap().to_owned();
    }
    assert_eq!(count(&owner, "event=sso.connection-created").await, 20);
}

async fn a_decision_is_for_those_who_may_know(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let page = t.enter_from_lab(&t.client(), &lab.id, "mallory").await;
    assert_eq!(page.status, 401);
    // the person learns the number, never the reason
    assert!(!page.body.contains("verified domain") && !page.body.contains("elsewhere.test"), "{}", page.body);
    let path = format!("/api/v1/decisions/{}", page.decision());
    let told = t.member_of(Role::Admin).await.get(&path).await.ok();
    assert_eq!((&told["outcome"], &told["action"]), (&json!("refused"), &json!("session:start")));
    let failed: Vec<_> = told["reasons"].as_array().unwrap().iter().filter(|r| r["ok"] == false).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["check"], "domain");
    for role in [Role::Viewer, Role::Member] {
        t.member_of(role).await.get(&path).await.refused(403, "authorization_error");
    }
    t.stranger().await.get(&path).await.refused(404, "not_found");
}

on_both![
    every_change_and_every_sign_in_is_an_event,
    events_are_filtered_by_time_event_actor_and_outcome,
    the_export_is_a_chain_that_proves_itself,
    changes_at_once_leave_a_chain_without_gaps,
    a_decision_is_for_those_who_may_know,
];
