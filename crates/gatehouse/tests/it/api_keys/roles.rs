//! The matrix of roles for apps and keys.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{APPS, app, asked, key};
use crate::support::{Client, TestApp, on_both};

/// What is done, and the least role that may.
const MATRIX: [(&str, Role); 9] = [
    ("list apps", Role::Admin),
    ("make an app", Role::Admin),
    ("change an app", Role::Admin),
    ("list keys", Role::Admin),
    ("make a key", Role::Admin),
    ("switch a key off", Role::Admin),
    ("rotate a key", Role::Admin),
    ("delete a key", Role::Admin),
    ("delete an app", Role::Owner),
];

/// Does one thing of the matrix to an app and its key; the status and the body.
async fn attempt(caller: &Client, what: &str, path: &str, key: &str) -> (u16, Value) {
    let answer = match what {
        "list apps" => caller.get(APPS).await,
        "make an app" => caller.post(APPS, json!({"name": format!("Made after {path}")})).await,
        "change an app" => caller.put(path, json!({"scopes": ["workflow:deploy", "model:deploy"]})).await,
        "list keys" => caller.get(&format!("{path}/keys")).await,
        "make a key" => caller.post(&format!("{path}/keys"), json!({"name": "Another"})).await,
        "switch a key off" => caller.post_to(&format!("{key}/disable")).await,
        "rotate a key" => caller.post(&format!("{key}/rotate"), json!({"overlapHours": 1})).await,
        "delete a key" => caller.delete(key).await,
        "delete an app" => caller.delete(path).await,
        other => panic!("{other}"),
    };
    (answer.status, answer.json())
}

async fn r121_roles_decide_who_makes_and_deletes_apps_and_keys(t: TestApp) {
    let owner = t.owner().await;
    for role in Role::ALL {
        let caller = if role == Role::Owner { owner.clone() } else { t.member_of(role).await };
        for (what, least) in MATRIX {
            let path = app(&owner, &format!("{what} as {role}"), &["workflow:deploy"]).await;
            let made = key(&owner, &path, "CI").await;
            let (status, body) = attempt(&caller, what, &path, &made.path).await;
            if role >= least {
                assert!(matches!(status, 200 | 201), "{role}: {what}: {status} {body}");
                continue;
            }
            assert_eq!(
                (status, &body["error"]["type"]),
                (403, &json!("authorization_error")),
                "{role}: {what}"
            );
            // nothing happened, and the reason names the role
            assert_eq!(asked(&t, &made.value, Some("workflow:deploy")).await.status, 200, "{role}: {what}");
            assert_eq!(owner.get(&path).await.ok()["keyCount"], 1, "{role}: {what}");
            let decision = body["error"]["decision"].as_str().unwrap();
            let why = owner.get(&format!("/api/v1/decisions/{decision}")).await.ok();
            let detail = why["reasons"][1]["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains(&format!("The role {role} does not carry it")), "{detail}");
        }
    }
}

/// The pages go by the same matrix: no page, no menu entry, no button for what one may not do.
async fn r121_the_pages_offer_what_the_role_may(t: TestApp) {
    const PAGE: &str = "/settings/security/api-scopes";
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &[]).await;
    let id = path.rsplit('/').next().unwrap();
    for role in Role::ALL {
        let email = format!("{role}@main.test");
        if role != Role::Owner {
            t.person(&email, role).await;
        }
        let browser = t.browser(&email).await;
        let list = browser.get(PAGE).await;
        assert_eq!(list.status, if role >= Role::Admin { 200 } else { 403 }, "{role}");
        let can_delete = list.body.contains(&format!("{PAGE}/{id}/delete"));
        assert_eq!(can_delete, role == Role::Owner, "{role}: {}", list.body);
        assert_eq!(browser.get("/settings/people").await.body.contains(PAGE), role >= Role::Admin, "{role}");
    }
    // who has no button is refused all the same
    let admin = t.browser("admin@main.test").await;
    let edit = format!("{PAGE}/{id}");
    let form = crate::support::Form::to(&admin.get(&edit).await.body, &edit);
    let csrf: Vec<_> = form.fields.into_iter().filter(|(name, _)| name == "csrf").collect();
    assert_eq!(csrf.len(), 1);
    assert_eq!(admin.form(&format!("{edit}/delete"), &csrf).await.status, 403);
    owner.get(&path).await.ok();
}

on_both![r121_roles_decide_who_makes_and_deletes_apps_and_keys, r121_the_pages_offer_what_the_role_may,];
