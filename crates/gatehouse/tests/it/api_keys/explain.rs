use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{app, key, text};
use crate::support::{Client, TestApp, on_both};

const EXPLAIN: &str = "/api/v1/explain";

async fn ask(caller: &Client, kind: &str, id: &str, action: &str, assume: Value) -> Value {
    let body = json!({"principal": {"kind": kind, "id": id}, "action": action, "assume": assume});
    caller.post(EXPLAIN, body).await.ok()
}

async fn what_if_of_people_and_keys(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &["workflow:deploy", "audit:read"]).await;
    let key = key(&owner, &path, "CI").await;
    let id = path.rsplit('/').next().unwrap().to_owned();
    for (kind, id) in [("api-app", id.as_str()), ("api-key", key.id.as_str())] {
        assert_eq!(ask(&owner, kind, id, "workflow:deploy", json!(null)).await["allowed"], true);
        let no = ask(&owner, kind, id, "model:deploy", json!({})).await;
        assert_eq!(no["allowed"], false);
        let why = no["reasons"].as_array().unwrap().last().unwrap();
        assert_eq!(why["detail"], "The app Deployer does not have model:deploy.");
        let with = json!({"scopes": ["model:deploy"]});
        assert_eq!(ask(&owner, kind, id, "model:deploy", with).await["allowed"], true);
        assert_eq!(ask(&owner, kind, id, "audit:read", json!({})).await["allowed"], true);
        assert_eq!(
            ask(&owner, kind, id, "sso:manage", json!({"scopes": ["sso:manage"]})).await["allowed"],
            false
        );
    }
    owner.post_to(&format!("{}/disable", key.path)).await.ok();
    let off = ask(&owner, "api-key", &key.id, "workflow:deploy", json!({})).await;
    assert_eq!((&off["allowed"], &off["reasons"][0]["ok"]), (&json!(false), &json!(false)));
    t.person("mia@main.test", Role::Member).await;
    let mia = owner.get("/api/v1/users?email=mia@main.test").await.ok()["data"][0]["id"].clone();
    let mia = text(&mia);
    let no = ask(&owner, "user", &mia, "sso:manage", json!({})).await;
    assert_eq!(no["allowed"], false);
    assert!(text(&no["reasons"][1]["detail"]).contains("the least that does is admin"), "{no}");
    assert_eq!(ask(&owner, "user", &mia, "sso:manage", json!({"role": "admin"})).await["allowed"], true);
    assert_eq!(
        ask(&owner, "user", &mia, "api-apps:delete", json!({"role": "admin"})).await["allowed"],
        false
    );
    // asking changes nothing
    t.sign_in("mia@main.test").await.get("/api/v1/sso/connections").await.refused(403, "authorization_error");
}

async fn strangers_learn_nothing(t: TestApp) {
    let (owner, stranger) = (t.owner().await, t.stranger().await);
    let path = app(&owner, "Deployer", &["workflow:deploy"]).await;
    let key = key(&owner, &path, "CI").await;
    let me = text(&owner.get("/api/v1/me").await.ok()["user"]["id"]);
    for (kind, id) in
        [("user", me.as_str()), ("api-key", &key.id), ("api-app", path.rsplit('/').next().unwrap())]
    {
        let body = json!({"principal": {"kind": kind, "id": id}, "action": "workflow:deploy"});
        stranger.post(EXPLAIN, body).await.refused(404, "not_found");
    }
    assert!(!stranger.get("/api/v1/who-can?action=workflow:deploy").await.body.contains("Deployer"));
    let member = t.member_of(Role::Member).await;
    member.get("/api/v1/who-can?action=workflow:deploy").await.refused(403, "authorization_error");
    // a key with the right may ask
    let asker = app(&owner, "Auditor", &["decisions:read"]).await;
    let asker = t.client().with_token(&super::key(&owner, &asker, "Key").await.value);
    assert_eq!(ask(&asker, "api-key", &key.id, "workflow:deploy", json!({})).await["allowed"], true);
    for (body, field) in [
        (json!({"principal": {"kind": "robot", "id": "x"}, "action": "a:b"}), "principal.kind"),
        (json!({"principal": {"kind": "user", "id": me}, "action": "everything"}), "action"),
        (
            json!({"principal": {"kind": "user", "id": me}, "action": "a:b", "assume": {"role": "god"}}),
            "assume.role",
        ),
    ] {
        let error = owner.post(EXPLAIN, body).await.refused(400, "validation_error");
        assert_eq!(error["field"], field);
    }
}

async fn who_can_names_people_and_apps_with_their_rule(t: TestApp) {
    let owner = t.owner().await;
    t.person("ada@main.test", Role::Admin).await;
    t.person("mia@main.test", Role::Member).await;
    app(&owner, "Deployer", &["workflow:deploy"]).await;
    app(&owner, "Other", &["workflow:undeploy"]).await;
    let able = owner.get("/api/v1/who-can?action=workflow:deploy&object=workflow:1").await.ok();
    assert_eq!((&able["totalItems"], &able["object"]), (&json!(3), &json!("workflow:1")));
    let kinds: Vec<_> = able["principals"].as_array().unwrap().iter().map(|p| text(&p["kind"])).collect();
    assert_eq!(kinds, ["user", "user", "api-app"]);
    assert_eq!(able["principals"][2]["name"], "Deployer");
    assert_eq!(able["principals"][0]["rule"], "The role owner carries workflow:deploy.");
    let able = owner.get("/api/v1/who-can?action=api-apps:delete").await.ok();
    assert_eq!(able["totalItems"], 1);
    owner.get("/api/v1/who-can").await.refused(400, "validation_error");
}

on_both![what_if_of_people_and_keys, strangers_learn_nothing, who_can_names_people_and_apps_with_their_rule,];
