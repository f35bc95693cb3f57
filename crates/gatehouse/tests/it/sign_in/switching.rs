use gatehouse_types::Role;
use serde_json::json;

use crate::support::{TestApp, on_both};

const SWITCH: &str = "/api/v1/auth/switch-workspace";

async fn r039_a_member_goes_on_in_another_workspace(t: TestApp) {
    let other = t.workspace("Other").await;
    t.person_in(&other, "owner@main.test", Role::Viewer).await;
    let owner = t.owner().await;
    let there = owner.post(SWITCH, json!({"workspaceId": other})).await.ok();
    assert_eq!((&there["workspaceId"], &there["workspaces"][1]["role"]), (&json!(other), &json!("viewer")));
    let viewer = owner.with_token(there["accessToken"].as_str().unwrap());
    let me = viewer.get("/api/v1/me").await.ok();
    assert_eq!((&me["workspace"]["id"], &me["role"]), (&json!(other), &json!("viewer")));
    viewer.get("/api/v1/audit-events").await.refused(403, "authorization_error");
    // a program keeps what it had
    assert_eq!(owner.get("/api/v1/me").await.ok()["role"], "owner");
}

async fn a_workspace_of_others_answers_like_one_that_does_not_exist(t: TestApp) {
    let other = t.workspace("Other").await;
    let owner = t.owner().await;
    let theirs = owner.post(SWITCH, json!({"workspaceId": other})).await;
    theirs.refused(404, "not_found");
    for odd in ["ws_00000000000000000000000000000000", "nonsense", "", "con_1"] {
        let unknown = owner.post(SWITCH, json!({"workspaceId": odd})).await;
        assert_eq!((unknown.status, &unknown.body), (404, &theirs.body), "{odd}");
    }
}

async fn r041_a_workspace_with_mandatory_single_sign_on_sends_to_its_provider(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    owner.put("/api/v1/sso/settings", json!({"connectionId": lab.id})).await.ok();
    owner.post_to("/api/v1/sso/settings/enable").await.ok();
    let other = t.workspace("Other").await;
    t.person("owner@other.test", Role::Member).await;
    let person = t.sign_in("owner@other.test").await;
    assert_eq!(person.get("/api/v1/me").await.ok()["workspace"]["id"], json!(other));
    let error = person.post(SWITCH, json!({"workspaceId": t.workspace})).await.refused(403, "sso_required");
    let start = format!("{}/sso/{}/start", t.app.public_url().as_str(), lab.id);
    assert_eq!(error["redirectUrl"], json!(start));
    let decision = error["decision"].as_str().unwrap();
    let why = owner.get(&format!("/api/v1/decisions/{decision}")).await.ok();
    assert_eq!(why["action"], "session:switch");
    assert_eq!(why["reasons"].as_array().unwrap().last().unwrap()["ok"], false);
}

on_both![
    r039_a_member_goes_on_in_another_workspace,
    a_workspace_of_others_answers_like_one_that_does_not_exist,
    r041_a_workspace_with_mandatory_single_sign_on_sends_to_its_provider,
];
