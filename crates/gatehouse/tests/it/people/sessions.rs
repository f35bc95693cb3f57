use gatehouse_types::Role;
use serde_json::json;

use crate::support::{TestApp, on_both};

const MINE: &str = "/api/v1/me/sessions";

async fn ones_sessions_are_listed_with_their_device_and_end_one_by_one(t: TestApp) {
    t.person("m@main.test", Role::Member).await;
    let (first, second, third) =
        (t.sign_in("m@main.test").await, t.sign_in("m@main.test").await, t.sign_in("m@main.test").await);
    let listed = first.get(MINE).await.ok();
    assert_eq!(listed["pagination"]["totalItems"], 3, "{listed}");
    let id_of = async |c: &crate::support::Client| {
        let own = c.get(MINE).await.ok()["data"].as_array().unwrap().clone();
        own.into_iter().find(|s| s["current"] == true).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (own, other) = (id_of(&first).await, id_of(&second).await);
    let trial = first.delete(&format!("{MINE}/{other}?dryRun=true")).await.ok();
    assert_eq!(trial["effects"][0]["event"], "session.ended", "{trial}");
    second.get("/api/v1/me").await.ok();
    assert_eq!(first.delete(&format!("{MINE}/{other}")).await.ok(), json!({"deleted": true}));
    second.get("/api/v1/me").await.refused(401, "authentication_error");
    first.delete(&format!("{MINE}/{other}")).await.refused(404, "not_found");
    t.owner().await.delete(&format!("{MINE}/{own}")).await.refused(404, "not_found");
    assert_eq!(first.delete(MINE).await.ok()["ended"], 1);
    third.get("/api/v1/me").await.refused(401, "authentication_error");
    first.get("/api/v1/me").await.ok();
    let audit = t.owner().await.get("/api/v1/audit-events?event=session.ended").await.ok();
    assert_eq!(audit["data"][0]["details"]["reason"], "ended-by-person");
}

async fn an_admin_sees_and_ends_sessions_in_the_own_workspace_alone(t: TestApp) {
    t.person("m@main.test", Role::Member).await;
    let other = t.workspace("Other").await;
    t.person_in(&other, "m@main.test", Role::Member).await;
    let here = t.sign_in("m@main.test").await;
    let switched = here.post("/api/v1/auth/switch-workspace", json!({"workspaceId": other})).await.ok();
    let there = here.with_token(switched["accessToken"].as_str().unwrap());
    let me = here.get("/api/v1/me").await.ok();
    let path = format!("/api/v1/users/{}/sessions", me["user"]["id"].as_str().unwrap());
    let admin = t.member_of(Role::Admin).await;
    let seen = admin.get(&path).await.ok();
    assert_eq!(seen["pagination"]["totalItems"], 1, "{seen}");
    let elsewhere = there.get("/api/v1/me").await.ok()["sessions"][0]["id"].as_str().unwrap().to_owned();
    admin.delete(&format!("{path}/{elsewhere}")).await.refused(404, "not_found");
    let id = seen["data"][0]["id"].as_str().unwrap();
    admin.delete(&format!("{path}/{id}")).await.ok();
    here.get("/api/v1/me").await.refused(401, "authentication_error");
    there.get("/api/v1/me").await.ok();
}

async fn an_admin_does_not_end_an_owners_session(t: TestApp) {
    let owner = t.owner().await;
    let me = owner.get("/api/v1/me").await.ok();
    let (user, session) = (me["user"]["id"].as_str().unwrap(), me["sessions"][0]["id"].as_str().unwrap());
    let admin = t.member_of(Role::Admin).await;
    let refused = admin.delete(&format!("/api/v1/users/{user}/sessions/{session}")).await;
    assert!(refused.refused(403, "authorization_error")["decision"].is_string());
    owner.get("/api/v1/me").await.ok();
}

on_both![
    ones_sessions_are_listed_with_their_device_and_end_one_by_one,
    an_admin_sees_and_ends_sessions_in_the_own_workspace_alone,
    an_admin_does_not_end_an_owners_session,
];
