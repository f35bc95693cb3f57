use serde_json::{Value, json};

use super::{CONNECTIONS, oidc, path_of, saml};
use crate::support::{TestApp, on_both};

async fn a_new_connection_is_inactive_with_the_defaults(t: TestApp) {
    let owner = t.owner().await;
    let made = owner.post(CONNECTIONS, saml("One")).await;
    assert_eq!(made.status, 200);
    let made = made.ok();
    assert!(made["id"].as_str().unwrap().starts_with("con_"));
    assert_eq!(made["status"], "inactive");
    assert_eq!((&made["jitProvisioning"], &made["defaultRole"]), (&json!(false), &json!("viewer")));
    assert_eq!((&made["provider"], &made["protocol"]), (&json!("other"), &json!("saml")));
    assert_eq!((&made["domains"], &made["version"]), (&json!([]), &json!(1)));
    let time = made["createdAt"].as_str().unwrap();
    assert!(time.ends_with('Z') && time.contains('T'), "{time}");
    let got = owner.get(&path_of(&made)).await.ok();
    assert_eq!(got, made);
}

/// The bodies of seed 004, word for word; the certificate there is cut short and must be refused.
async fn the_examples_of_the_seed_are_understood(t: TestApp) {
    let owner = t.owner().await;
    let oidc = json!({"name": "Okta OIDC", "protocol": "oidc", "oidcConfig": {
        "issuerUrl": "https://your-org.okta.com", "clientId": "0oa1abc2def3ghijk",
        "clientSecret": "your-client-secret", "scopes": ["openid", "profile", "email"],
    }, "jitProvisioning": true, "defaultRole": "viewer"});
    let made = owner.post(CONNECTIONS, oidc).await.ok();
    let rotated = json!({"oidcConfig": {"clientSecret": "new-rotated-secret"}});
    assert_eq!(owner.put(&path_of(&made), rotated).await.ok()["oidcConfig"], made["oidcConfig"]);
    let mut saml = json!({"name": "Azure AD SAML", "protocol": "saml", "samlConfig": {
        "entityId": "https://sts.windows.net/{tenant-id}/",
        "ssoUrl": "https://login.microsoftonline.com/{tenant-id}/saml2",
        "certificate": "-----BEGIN CERTIFICATE-----\nMIIC...\n-----END CERTIFICATE-----",
        "signRequests": true,
        "attributeMapping": {
            "email": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
            "name": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
        },
    }, "jitProvisioning": false, "defaultRole": "member"});
    let error = owner.post(CONNECTIONS, saml.clone()).await.refused(400, "validation_error");
    assert_eq!(error["field"], "samlConfig.certificate");
    saml["samlConfig"]["certificate"] = t.lab_body("x").await["samlConfig"]["certificate"].clone();
    assert_eq!(owner.post(CONNECTIONS, saml).await.ok()["status"], "inactive");
}

async fn saml_values_come_back_as_they_were_sent(t: TestApp) {
    let owner = t.owner().await;
    let mut body = t.lab_body("Mapped").await;
    body["samlConfig"]["signRequests"] = json!(true);
    body["samlConfig"]["attributeMapping"] = json!({"email": "urn:mail", "name": "urn:name"});
    body["provider"] = json!("okta");
    let made = owner.post(CONNECTIONS, body.clone()).await.ok();
    for field in ["entityId", "ssoUrl", "signRequests", "attributeMapping"] {
        assert_eq!(made["samlConfig"][field], body["samlConfig"][field], "{field}");
    }
    assert_eq!((&made["provider"], &made["jitProvisioning"]), (&json!("okta"), &json!(true)));
    assert_eq!(made["samlConfig"]["hasCertificate"], true);
    assert_eq!(made["samlConfig"]["certificate"], Value::Null);
}

async fn a_name_is_needed_has_at_most_128_characters_and_is_unique(t: TestApp) {
    let owner = t.owner().await;
    let missing = owner.post(CONNECTIONS, json!({"protocol": "saml"})).await.refused(400, "validation_error");
    assert_eq!(missing["message"], "Connection name is required");
    owner.post(CONNECTIONS, saml(&"n".repeat(128))).await.ok();
    owner.post(CONNECTIONS, saml(&"ü".repeat(128))).await.ok();
    for long in ["n".repeat(129), "ü".repeat(129)] {
        let error = owner.post(CONNECTIONS, saml(&long)).await.refused(400, "validation_error");
        assert_eq!(error["field"], "name");
    }
    owner.post(CONNECTIONS, saml("Twice")).await.ok();
    let error = owner.post(CONNECTIONS, oidc("Twice")).await.refused(409, "conflict");
    assert_eq!(error["field"], "name");
    let other = owner.post(CONNECTIONS, saml("Other name")).await.ok();
    owner.put(&path_of(&other), json!({"name": "Twice"})).await.refused(409, "conflict");
    // another workspace has names of its own
    t.stranger().await.post(CONNECTIONS, saml("Twice")).await.ok();
}

async fn only_what_is_sent_changes_nested_values_too(t: TestApp) {
    let owner = t.owner().await;
    let made = owner.post(CONNECTIONS, oidc("Partial")).await.ok();
    let path = path_of(&made);
    let changed = owner.put(&path, json!({"oidcConfig": {"clientSecret": "another"}})).await.ok();
    assert_eq!(changed["oidcConfig"], made["oidcConfig"]);
    assert_eq!((&changed["name"], &changed["version"]), (&made["name"], &json!(2)));
    let changed = owner.put(&path, json!({"oidcConfig": {"clientId": "new"}})).await.ok();
    assert_eq!(changed["oidcConfig"]["clientId"], "new");
    assert_eq!(changed["oidcConfig"]["issuerUrl"], made["oidcConfig"]["issuerUrl"]);
    let changed =
        owner.put(&path, json!({"description": "For partners", "jitProvisioning": true})).await.ok();
    assert_eq!((&changed["description"], &changed["version"]), (&json!("For partners"), &json!(4)));
    assert_eq!(changed["oidcConfig"]["clientId"], "new");
    let same = owner.put(&path, json!({})).await.ok();
    assert_eq!(
        (&same["version"], &same["name"], &same["jitProvisioning"]),
        (&json!(4), &made["name"], &json!(true))
    );
    assert_eq!(owner.get(&path).await.ok()["oidcConfig"], changed["oidcConfig"]);

    let made = owner.post(CONNECTIONS, t.lab_body("Saml").await).await.ok();
    let path = path_of(&made);
    let changed = owner.put(&path, json!({"samlConfig": {"signRequests": true}})).await.ok();
    let mut wanted = made["samlConfig"].clone();
    wanted["signRequests"] = json!(true);
    assert_eq!(changed["samlConfig"], wanted);
}

async fn a_change_is_checked_like_a_new_connection(t: TestApp) {
    let owner = t.owner().await;
    let path = path_of(&owner.post(CONNECTIONS, saml("Checked")).await.ok());
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "n".repeat(129)}), "name"),
        (json!({"defaultRole": "owner"}), "defaultRole"),
        (json!({"samlConfig": {"ssoUrl": "http://idp.example/"}}), "samlConfig.ssoUrl"),
        (json!({"samlConfig": {"entityId": ""}}), "samlConfig.entityId"),
        (json!({"samlConfig": {"certificate": "nonsense"}}), "samlConfig.certificate"),
        (json!({"oidcConfig": {"clientId": "x"}}), "protocol"),
        (json!({"protocol": "oidc"}), "protocol"),
    ] {
        let error = owner.put(&path, body.clone()).await.refused(400, "validation_error");
        assert_eq!(error["field"], field, "{body}");
    }
    let after = owner.get(&path).await.ok();
    assert_eq!((&after["name"], &after["version"]), (&json!("Checked"), &json!(1)));
}

async fn a_deleted_connection_is_gone_and_its_name_and_domain_are_free(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let browser = t.client();
    assert_eq!(t.enter_from_lab(&browser, &lab.id, "ada").await.status, 303);
    let gone = owner.delete(&lab.path).await;
    assert_eq!((gone.status, gone.json()), (200, json!({"deleted": true})));
    owner.get(&lab.path).await.refused(404, "not_found");
    owner.delete(&lab.path).await.refused(404, "not_found");
    owner.put(&lab.path, json!({"name": "x"})).await.refused(404, "not_found");
    assert_eq!(owner.get(CONNECTIONS).await.ok()["data"], json!([]));
    assert_eq!(t.client().get(&format!("/sso/{}/start", lab.id)).await.status, 404);
    let found = t.client().post("/api/v1/auth/discover", json!({"email": "ada@lab.test"})).await.ok();
    assert_eq!((&found["ssoOptional"], &found["redirectUrl"]), (&json!(false), &Value::Null));
    // people keep their accounts, and their sessions
    assert_eq!(browser.get("/api/v1/me").await.ok()["user"]["email"], "ada@lab.test");
    t.active_lab(&owner).await;
}

on_both![
    a_new_connection_is_inactive_with_the_defaults,
    the_examples_of_the_seed_are_understood,
    saml_values_come_back_as_they_were_sent,
    a_name_is_needed_has_at_most_128_characters_and_is_unique,
    only_what_is_sent_changes_nested_values_too,
    a_change_is_checked_like_a_new_connection,
    a_deleted_connection_is_gone_and_its_name_and_domain_are_free,
];
