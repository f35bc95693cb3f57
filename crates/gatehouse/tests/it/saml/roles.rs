//! The provider's groups become roles at each sign-in; only mapped roles are managed.

use gatehouse_types::Role;
use serde_json::{Value, json};

use crate::support::{Client, Form, LabConnection, TestApp, on_both};

/// A connection whose groups `admins` and `staff` mean admin and member; new people become viewers.
async fn mapped(t: &TestApp, owner: &Client) -> LabConnection {
    let lab = t.active_lab(owner).await;
    let rules = json!([{"value": "admins", "role": "admin"}, {"value": "staff", "role": "member"}]);
    let change = json!({"defaultRole": "viewer", "roleMapping": {"attribute": "groups", "rules": rules}});
    owner.put(&lab.path, change).await.ok();
    lab
}

/// Signs somebody in with these groups; with none at all the attribute is left out.
async fn enter(t: &TestApp, lab: &LabConnection, who: &str, groups: Option<&[&str]>) -> Value {
    let email = format!("{who}@lab.test");
    let form = t
        .hand_made_with(&lab.id, &email, |r| {
            r.attributes = vec![("email".to_owned(), vec![email.clone()])];
            let values = groups.map(|g| g.iter().map(|v| (*v).to_owned()).collect());
            r.attributes.extend(values.map(|values| ("groups".to_owned(), values)));
        })
        .await;
    let browser = t.client();
    assert_eq!(form.send(&browser).await.status, 303);
    browser.get("/api/v1/me").await.ok()["role"].clone()
}

/// What the last attempt says of the role.
async fn said(owner: &Client, lab: &LabConnection) -> String {
    let attempt = owner.get(&format!("{}/attempts?pageSize=1", lab.path)).await.ok()["data"][0].clone();
    let checks = attempt["checks"].as_array().unwrap();
    let check = checks.iter().find(|c| c["check"] == "role mapping").unwrap_or_else(|| panic!("{attempt}"));
    check["detail"].as_str().unwrap().to_owned()
}

async fn a_role_follows_the_groups(t: TestApp) {
    let owner = t.owner().await;
    let lab = mapped(&t, &owner).await;
    assert_eq!(enter(&t, &lab, "ada", Some(&["staff", "others"])).await, "member");
    assert_eq!(enter(&t, &lab, "ada", Some(&["admins", "staff"])).await, "admin");
    assert_eq!(enter(&t, &lab, "ada", Some(&["others"])).await, "viewer", "the default role");
    assert!(said(&owner, &lab).await.contains("it was admin"));
    let changes = owner.get("/api/v1/audit-events?event=membership.set").await.ok()["data"].clone();
    let mapped =
        changes.as_array().unwrap().iter().filter(|c| c["details"]["via"] == "identity-provider").count();
    assert_eq!(mapped, 3, "{changes}");
}

async fn an_absent_attribute_changes_nothing_and_warns(t: TestApp) {
    let owner = t.owner().await;
    let lab = mapped(&t, &owner).await;
    assert_eq!(enter(&t, &lab, "ada", Some(&["admins"])).await, "admin");
    assert_eq!(enter(&t, &lab, "ada", None).await, "admin");
    assert!(said(&owner, &lab).await.starts_with("Warning: the provider sent no groups"));
}

async fn roles_that_nobody_maps_and_owners_stay(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let rules = json!([{"value": "admins", "role": "admin"}]);
    owner.put(&lab.path, json!({"defaultRole": "viewer", "roleMapping": {"rules": rules}})).await.ok();
    t.person("ada@lab.test", Role::Owner).await;
    t.person("bo@lab.test", Role::Member).await;
    assert_eq!(enter(&t, &lab, "ada", Some(&[])).await, "owner");
    assert_eq!(enter(&t, &lab, "bo", Some(&["admins"])).await, "member");
    assert!(said(&owner, &lab).await.contains("given by hand"));
}

async fn a_replay_tells_the_role_that_a_mapping_would_give(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    assert_eq!(enter(&t, &lab, "ada", Some(&["staff"])).await, "member");
    let rules = json!([{"value": "staff", "role": "admin"}]);
    let draft = json!({"roleMapping": {"attribute": "groups", "rules": rules}});
    let made = owner.post(&format!("{}/drafts", lab.path), draft).await.ok();
    assert_eq!(made["changes"], json!(["roleMapping"]));
    let path = format!("{}/drafts/{}", lab.path, made["id"].as_str().unwrap());
    let replay = owner.post_to(&format!("{path}/replay")).await.ok();
    let ada = &replay["people"][0];
    assert_eq!((&ada["currentRole"], &ada["role"]), (&json!("member"), &json!("admin")), "{replay}");
    let done = owner.post(&format!("{path}/activate"), json!({})).await.ok();
    assert_eq!(done["connection"]["roleMapping"]["rules"][0]["value"], "staff");
    assert_eq!(enter(&t, &lab, "ada", Some(&["staff"])).await, "admin");
}

async fn bad_mappings_are_refused_and_an_empty_one_ends_it(t: TestApp) {
    let owner = t.owner().await;
    let lab = mapped(&t, &owner).await;
    for (mapping, field) in [
        (json!({"rules": [{"value": "a", "role": "owner"}]}), "roleMapping.rules"),
        (json!({"rules": [{"value": "a", "role": "king"}]}), "roleMapping.rules"),
        (json!({"rules": [{"value": "", "role": "admin"}]}), "roleMapping.rules"),
        (json!({"attribute": " ", "rules": [{"value": "a", "role": "admin"}]}), "roleMapping.attribute"),
    ] {
        let body = json!({"roleMapping": mapping});
        let error = owner.put(&lab.path, body.clone()).await.refused(400, "validation_error");
        assert_eq!(error["field"], field, "{body}");
    }
    let ended = owner.put(&lab.path, json!({"roleMapping": {"rules": []}})).await.ok();
    assert!(ended["roleMapping"].is_null());
    assert_eq!(enter(&t, &lab, "ada", Some(&["admins"])).await, "viewer");
}

async fn the_page_takes_one_rule_a_line(t: TestApp) {
    const PAGE: &str = "/settings/security/sso";
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    owner.put("/api/v1/sso/settings", json!({"connectionId": lab.id})).await.ok();
    let browser = t.browser("owner@main.test").await;
    let save = async |lines: &str| {
        let mut form = Form::to(&browser.get(PAGE).await.body, "/settings/security/sso/roles");
        form.fields.push(("groupRoles".to_owned(), lines.to_owned()));
        form.send(&browser).await
    };
    for bad in ["admins", "admins = king", "admins = owner", "a = admin\na = viewer"] {
        let answer = save(bad).await;
        assert_eq!(answer.status, 400, "{bad}");
        assert!(answer.body.contains("aria-invalid=\"true\""), "{bad}");
    }
    assert_eq!(save("cn=admins,dc=lab = Admin\r\n\r\nstaff=member").await.status, 303);
    let rules = json!([{"value": "cn=admins,dc=lab", "role": "admin"}, {"value": "staff", "role": "member"}]);
    assert_eq!(
        owner.get(&lab.path).await.ok()["roleMapping"],
        json!({"attribute": "groups", "rules": rules})
    );
    assert!(browser.get(PAGE).await.body.contains("cn=admins,dc=lab = admin"));
    assert_eq!(save("").await.status, 303);
    assert!(owner.get(&lab.path).await.ok()["roleMapping"].is_null());
}

on_both![
    a_role_follows_the_groups,
    an_absent_attribute_changes_nothing_and_warns,
    roles_that_nobody_maps_and_owners_stay,
    a_replay_tells_the_role_that_a_mapping_would_give,
    bad_mappings_are_refused_and_an_empty_one_ends_it,
    the_page_takes_one_rule_a_line,
];
