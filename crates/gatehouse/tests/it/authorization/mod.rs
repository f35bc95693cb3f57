//! Who may call what: every operation of the document is in the table, and every row of the table is played.

mod ids;
mod operations;
mod pages;

use std::collections::BTreeSet;

use gatehouse_types::Role;
use serde_json::Value;

use self::ids::Ids;
use self::operations::May::{self, Admin, Anyone, Member, Own, Owner, Personal, SignedIn};
use self::operations::{AUTH_PROFILE, OIDC, OPERATIONS};
use self::pages::PAGES;
use crate::support::{Client, TestApp, on_both};

/// Whether an operation of the public API is about workflows.
fn ours(operation: &str) -> bool {
    operation.contains("workflows/")
        || operation.contains("dock-status")
        || operation.ends_with("public/files")
}

/// Every operation with its body, as a caller would send it.
async fn walk(
    ids: &Ids,
    caller: &Client,
    dry_run: bool,
    mut look: impl FnMut(&str, May, crate::support::Answer),
) {
    for (method, path, may, body) in OPERATIONS {
        let trial = if dry_run && *method != "get" { "?dryRun=true" } else { "" };
        let body = (!body.is_empty()).then(|| serde_json::from_str(&ids.fill(body)).unwrap());
        let filled = ids.fill(path);
        let trial = if filled.contains('?') { trial.replace('?', "&") } else { trial.to_owned() };
        let answer = caller.call(method, &format!("{filled}{trial}"), body).await;
        // a sign-in on the way leaves nothing behind
        caller.forget_cookies();
        look(&format!("{method} {path}"), *may, answer);
    }
}

/// The operations of the document and those of the table are the same.
async fn every_operation_of_the_document_is_in_the_table(t: TestApp) {
    let document: Value = serde_json::to_value(t.app.openapi()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys().filter(|k| *k != "parameters");
        documented.extend(methods.map(|method| format!("{method} {path}")));
    }
    let known: BTreeSet<_> = OPERATIONS.iter().map(|(method, path, ..)| format!("{method} {path}")).collect();
    let new: Vec<_> = documented.difference(&known).collect();
    let gone: Vec<_> = known.difference(&documented).collect();
    assert!(new.is_empty(), "decide who may call these, in OPERATIONS: {new:?}");
    assert!(gone.is_empty(), "these are no operations any more: {gone:?}");
    // what the document says of credentials is what the table says
    for (method, path, may, _) in OPERATIONS {
        let open = document["paths"][path][method]["security"] == serde_json::json!([{}]);
        assert_eq!(open, *may == Anyone, "{method} {path}: security in the document");
    }
}

async fn nobody_gets_401_where_somebody_is_needed(t: TestApp) {
    let ids = Ids::of(&t, &t.owner().await).await;
    walk(&ids, &t.client(), false, |operation, may, answer| match may {
        // their one refusal is about the credential in the body
        Anyone if operation.ends_with("/fire") || operation.contains("/functions/") => {
            drop(answer.refused(401, "authentication_error"))
        }
        Anyone if operation.ends_with("/token") || operation.contains("/second-step") => {
            drop(answer.refused(401, "authentication_error"))
        }
        // closed unless the operator opens it
        Anyone if operation.contains("/sign-up") => drop(answer.refused(404, "not_found")),
        Anyone if operation.ends_with("/confirm") => drop(answer.refused(400, "validation_error")),
        Anyone => assert!(matches!(answer.status, 200 | 202), "{operation}: {}", answer.body),
        _ => {
            let error = answer.refused(401, "authentication_error");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{operation}");
            // strangers' refusals are recorded at a measured pace
            t.clock.advance(5);
            assert!(error["decision"].is_string(), "{operation}: {error}");
        }
    })
    .await;
}

async fn viewers_and_members_get_403_where_an_admin_is_needed(t: TestApp) {
    let ids = Ids::of(&t, &t.owner().await).await;
    for role in [Role::Viewer, Role::Member] {
        let caller = t.member_of(role).await;
        walk(&ids, &caller, true, |operation, may, answer| match may {
            Member if role == Role::Member => {
                assert!(!matches!(answer.status, 401 | 403), "{role} {operation}: {}", answer.body);
            }
            Member | Admin | Owner => {
                let error = answer.refused(403, "authorization_error");
                assert!(error["decision"].is_string(), "{role} {operation}: {error}");
            }
            // passwords are not tried on trial
            SignedIn if operation.ends_with("/password") => {
                drop(answer.refused(400, "invalid_request_error"))
            }
            SignedIn => assert_eq!(answer.status, 200, "{role} {operation}: {}", answer.body),
            Own => drop(answer.refused(404, "not_found")),
            Personal => assert!(!matches!(answer.status, 401 | 403), "{role} {operation}: {}", answer.body),
            Anyone => {}
        })
        .await;
    }
}

async fn admins_and_owners_may_call_everything(t: TestApp) {
    let owner = t.owner().await;
    let ids = Ids::of(&t, &owner).await;
    for caller in [t.member_of(Role::Admin).await, owner] {
        let is_owner = caller.get("/api/v1/me").await.ok()["role"] == "owner";
        walk(&ids, &caller, true, |operation, may, answer| {
            let fits = match may {
                Anyone => true,
                // there is a next key already, for the operations that need one
                Admin if operation == "post /api/v1/sso/sp-keys" => answer.status == 409,
                // nothing waits for anybody
                Admin if operation.ends_with("/waiting/fallback") => answer.status == 404,
                // nothing is in service
                Admin if operation == "post /api/v1/scripts/{id}/undeploy" => answer.status == 409,
                // nobody is suspended
                Admin if operation.ends_with("/reactivate") => answer.status == 409,
                // who has no other way in proves it first
                Admin if operation.ends_with("/settings/enable") && !is_owner => answer.status == 400,
                Own => answer.status == 404,
                // there is nothing yet of models and guardrails
                _ if operation.contains("/api/public/") && !ours(operation) => answer.status == 404,
                Personal | Member => !matches!(answer.status, 401 | 403),
                Owner if !is_owner => answer.status == 403,
                _ => answer.status == if operation.ends_with("/password") { 400 } else { 200 },
            };
            assert!(fits, "{operation}: {} {}", answer.status, answer.body);
        })
        .await;
    }
}

async fn another_workspaces_ids_answer_like_ids_that_do_not_exist(t: TestApp) {
    let owner = t.owner().await;
    let ids = Ids::of(&t, &owner).await;
    let stranger = t.stranger().await;
    for (method, path, may, body) in OPERATIONS.iter().filter(|o| o.2 != Anyone) {
        let ask = async |caller: &Client, ids: &Ids| {
            let body = (!body.is_empty()).then(|| serde_json::from_str(&ids.fill(body)).unwrap());
            caller.call(method, &format!("{}?dryRun=false", ids.fill(path)), body).await
        };
        if path.contains('{') || body.contains('{') && body.contains("{workspace}") {
            let theirs = ask(&stranger, &ids).await;
            theirs.refused(404, "not_found");
            let unknown = ask(&stranger, &ids.unknown()).await;
            assert_eq!(theirs.body, unknown.body, "{method} {path}");
        } else if *method == "get" {
            let own = ask(&stranger, &ids).await;
            assert_eq!(own.status, 200, "{may:?} {method} {path}: {}", own.body);
            let foreign =
                [&ids.connection, &ids.workspace, &ids.attempt, &ids.domain, &ids.identity, &ids.user];
            for foreign in foreign.into_iter().chain([&ids.session, &ids.invitation]) {
                assert!(!own.body.contains(foreign), "{method} {path} shows {foreign}: {}", own.body);
            }
        }
    }
    let still = owner.get(&ids.fill("/api/v1/sso/connections/{id}")).await.ok();
    assert_eq!((&still["status"], &still["description"]), (&"active".into(), &Value::Null));
}

async fn the_parts_of_one_connection_are_not_found_under_another(t: TestApp) {
    let owner = t.owner().await;
    let ids = Ids::of(&t, &owner).await;
    let other = owner.post("/api/v1/sso/connections", serde_json::from_str(OIDC).unwrap()).await.ok();
    let me = owner.get("/api/v1/me").await.ok()["user"]["id"].as_str().unwrap().to_owned();
    let hook = serde_json::json!({"url": "https://other.example/", "events": ["webhook.*"]});
    let hook = owner.post("/api/v1/webhooks", hook).await.ok()["webhook"]["id"].as_str().unwrap().to_owned();
    let connection = other["id"].as_str().unwrap().to_owned();
    let app = serde_json::json!({"name": "Other program"});
    let api_app = owner.post("/api/v1/api-apps", app).await.ok()["id"].as_str().unwrap().to_owned();
    let mut profile: Value = serde_json::from_str(AUTH_PROFILE).unwrap();
    profile["identityProviderName"] = "Other".into();
    let auth_profile = owner.post("/api/v1/auth-profiles", profile).await.ok()["id"].clone();
    let auth_profile = auth_profile.as_str().unwrap().to_owned();
    let connector = serde_json::json!({"type": ids.connector_type, "name": "Other connector"});
    let connector = owner.post("/api/v1/connectors", connector).await.ok()["id"].clone();
    let connector = connector.as_str().unwrap().to_owned();
    let flow =
        owner.post("/api/v1/flows", serde_json::json!({"name": "Other flow"})).await.ok()["id"].clone();
    let flow = flow.as_str().unwrap().to_owned();
    let script = crate::scripts::kept(&owner, "Other script").await;
    let mixed = Ids {
        connection,
        user: me,
        webhook: hook,
        api_app,
        auth_profile,
        connector,
        flow,
        script,
        ..ids.clone()
    };
    for (method, path, _, body) in
        OPERATIONS.iter().filter(|o| o.2 != Anyone && o.1.matches('{').count() >= 2)
    {
        let body = (!body.is_empty()).then(|| serde_json::from_str::<Value>(body).unwrap());
        let answer = owner.call(method, &mixed.fill(path), body.clone()).await;
        answer.refused(404, "not_found");
        let (connection, user, webhook) = (ids.connection.clone(), ids.user.clone(), ids.webhook.clone());
        let api_app = ids.api_app.clone();
        let auth_profile = ids.auth_profile.clone();
        let (connector, flow) = (ids.connector.clone(), ids.flow.clone());
        let script = ids.script.clone();
        let known = Ids {
            connection,
            user,
            webhook,
            api_app,
            auth_profile,
            connector,
            flow,
            script,
            ..ids.unknown()
        };
        let unknown = owner.call(method, &known.fill(path), body).await;
        // what a connector can do instead is told by its own name
        if path.contains("/actions/") {
            unknown.refused(404, "not_found");
        } else {
            assert_eq!(answer.body, unknown.body, "{method} {path}");
        }
    }
}

async fn the_console_sends_strangers_to_the_sign_in_page(t: TestApp) {
    for (method, path) in PAGES {
        let answer = t.client().call(method, path, None).await;
        assert_eq!(answer.status, 303, "{method} {path}: {}", answer.body);
        let to = answer.location().unwrap();
        assert!(to == "/login" || to.starts_with("/login?returnTo=%2F"), "{method} {path}: {to}");
    }
}

async fn the_console_hides_single_sign_on_from_viewers_and_members(t: TestApp) {
    for role in [Role::Viewer, Role::Member] {
        t.person(&format!("{role}@main.test"), role).await;
        let browser = t.browser(&format!("{role}@main.test")).await;
        for page in [
            "/settings/security/sso",
            "/settings/security/sso/attempts",
            "/settings/security/sso/keys",
            "/settings/security/sso/metadata",
            "/settings/security/sso/metadata/stop",
            "/settings/security/scim",
            "/settings/security/scim/activities",
            "/settings/security/webhooks",
            "/settings/security/webhooks/whk_1",
            "/settings/security/webhooks/whk_1/deliveries/dlv_1",
            "/settings/security/api-scopes",
            "/settings/security/api-scopes/new",
            "/integrations/connectors/new/salesforce",
            "/integrations/connectors/types/new",
            "/integrations/connectors/types/salesforce",
            "/integrations/connectors/cnr_1/user-authentications",
            "/scripts/scr_1/undeploy",
            "/scripts/scr_1/delete",
            "/scripts/scr_1/keys",
            "/scripts/scr_1/keys/new",
            "/scripts/scr_1/keys/sck_1/delete",
            "/settings/security/why",
            "/settings/security/why?ask=who-can&what=sso:manage",
            "/settings/decisions/dec_1",
        ] {
            assert_eq!(browser.get(page).await.status, 403, "{page}");
        }
        // members import and deploy scripts; viewers see them
        let status = if role == Role::Viewer { 403 } else { 200 };
        assert_eq!(browser.get("/scripts/new").await.status, status);
        assert_eq!(browser.get("/scripts").await.status, 200);
        assert!(
            !browser.get("/").await.body.contains("/settings/security/sso"),
            "{role} sees the menu entry"
        );
    }
    assert_eq!(t.browser("owner@main.test").await.get("/settings/security/sso").await.status, 200);
}

on_both![
    every_operation_of_the_document_is_in_the_table,
    nobody_gets_401_where_somebody_is_needed,
    viewers_and_members_get_403_where_an_admin_is_needed,
    admins_and_owners_may_call_everything,
    another_workspaces_ids_answer_like_ids_that_do_not_exist,
    the_parts_of_one_connection_are_not_found_under_another,
    the_console_sends_strangers_to_the_sign_in_page,
    the_console_hides_single_sign_on_from_viewers_and_members,
];
