//! The one form of errors, on every path and method of the API.

use serde_json::json;

use crate::support::{Answer, TestApp, on_both};

const CONNECTIONS: &str = "/api/v1/sso/connections";

async fn an_unknown_route_is_404_and_a_wrong_method_405(t: TestApp) {
    let owner = t.owner().await;
    for path in ["/api", "/api/", "/api/v1/nothing", "/api/v2/me", "/api/v1/sso/connections/a/b/c"] {
        for method in ["get", "post", "put", "patch", "delete"] {
            owner.call(method, path, None).await.refused(404, "not_found");
            t.client().call(method, path, None).await.refused(404, "not_found");
        }
    }
    for (method, path) in [
        ("delete", "/api/v1/me"),
        ("patch", CONNECTIONS),
        ("get", "/api/v1/auth/login"),
        ("put", "/api/v1/auth/logout"),
        ("post", "/api/v1/audit-events"),
        ("post", "/api/v1/openapi.json"),
        ("post", "/healthz"),
    ] {
        let answer = owner.call(method, path, None).await;
        answer.refused(405, "method_not_allowed");
        assert!(answer.header("allow").is_some_and(|a| !a.is_empty()), "{method} {path}: Allow is missing");
    }
}

async fn what_is_not_json_is_an_invalid_request(t: TestApp) {
    let owner = t.owner().await;
    let post = async |kind: Option<&str>, body: &str| -> Answer {
        let request = owner.request("post", CONNECTIONS).body(body.to_owned());
        owner
            .send(match kind {
                Some(kind) => request.header("content-type", kind),
                None => request,
            })
            .await
    };
    for body in ["", "{", "nonsense", r#"{"name": "x",}"#, "{} {}", "\u{0}"] {
        post(Some("application/json"), body).await.refused(400, "invalid_request_error");
    }
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/xml")]
    {
        post(kind, r#"{"name":"x"}"#).await.refused(400, "invalid_request_error");
    }
    for body in ["[]", "null", "1", "\"text\""] {
        post(Some("application/json"), body).await.refused(400, "validation_error");
    }
    let answer =
        t.client().request("post", "/api/v1/auth/login").body("{").header("content-type", "application/json");
    t.client().send(answer).await.refused(400, "invalid_request_error");
}

async fn a_body_over_the_limit_is_413(t: TestApp) {
    let owner = t.owner().await;
    let large = "x".repeat(3 * 1024 * 1024);
    let answer = owner.post(CONNECTIONS, json!({"name": large})).await;
    answer.refused(413, "payload_too_large");
    let login = t.client().post("/api/v1/auth/login", json!({"email": large, "password": "p"})).await;
    login.refused(413, "payload_too_large");
}

async fn a_missing_or_mistyped_value_is_a_validation_error_with_its_field(t: TestApp) {
    let owner = t.owner().await;
    let saml = json!({"entityId": "urn:x", "ssoUrl": "https://idp.example/sso"});
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": " "}), "name"),
        (json!({"name": 5}), "name"),
        (json!({"name": "a"}), "protocol"),
        (json!({"name": "a", "protocol": "saml"}), "samlConfig"),
        (json!({"name": "a", "protocol": "oidc"}), "oidcConfig"),
        (json!({"name": "a", "protocol": "wsfed"}), "wsfedConfig"),
        (json!({"name": "a", "protocol": "saml", "samlConfig": {}}), "samlConfig.entityId"),
        (json!({"name": "a", "protocol": "saml", "samlConfig": {"entityId": "u"}}), "samlConfig.ssoUrl"),
        (json!({"name": "a", "protocol": "oidc", "oidcConfig": {}}), "oidcConfig.issuerUrl"),
        (
            json!({"name": "a", "protocol": "saml", "samlConfig": {"signRequests": "yes"}}),
            "samlConfig.signRequests",
        ),
        (json!({"name": "a", "protocol": "ldap"}), "protocol"),
        (json!({"name": "a", "protocol": "SAML", "samlConfig": saml}), "protocol"),
        (json!({"name": "a", "protocol": "saml", "samlConfig": saml, "defaultRole": "king"}), "defaultRole"),
        (json!({"name": "a", "protocol": "saml", "samlConfig": saml, "defaultRole": "owner"}), "defaultRole"),
        (json!({"name": "a", "protocol": "saml", "samlConfig": saml, "provider": "acme"}), "provider"),
        (
            json!({"name": "a", "protocol": "saml", "samlConfig": saml, "jitProvisioning": "true"}),
            "jitProvisioning",
        ),
    ] {
        let error = owner.post(CONNECTIONS, body.clone()).await.refused(400, "validation_error");
        assert_eq!(error["field"], field, "{body}: {error}");
    }
    for (path, body, field) in [
        ("/api/v1/auth/login", json!({"email": "a@b.test"}), "password"),
        ("/api/v1/auth/login", json!({"password": "p"}), "email"),
        ("/api/v1/auth/login", json!({"email": "no address", "password": "p"}), "email"),
        ("/api/v1/auth/discover", json!({}), "email"),
        ("/api/v1/auth/token", json!({}), "apiKey"),
    ] {
        let error = t.client().post(path, body.clone()).await.refused(400, "validation_error");
        assert_eq!(error["field"], field, "{path} {body}: {error}");
    }
    owner.post("/api/v1/auth/switch-workspace", json!({})).await.refused(400, "validation_error");
    let connection = owner.post(CONNECTIONS, t.lab_body("A").await).await.ok();
    let domains = format!("{CONNECTIONS}/{}/domains", connection["id"].as_str().unwrap());
    for (body, field) in [
        (json!({}), "domain"),
        (json!({"domain": "no domain"}), "domain"),
        (json!({"domain": "-a.test"}), "domain"),
        (json!({"domain": "a.test", "verificationMethod": "email"}), "verificationMethod"),
    ] {
        let error = owner.post(&domains, body.clone()).await.refused(400, "validation_error");
        assert_eq!(error["field"], field, "{body}: {error}");
    }
    let excluded = json!({"excludedUsers": ["no address"]});
    owner.put("/api/v1/sso/settings", excluded).await.refused(400, "validation_error");
}

async fn lists_refuse_pages_and_filters_that_cannot_be(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let lists = [
        CONNECTIONS.to_owned(),
        format!("{}/attempts", lab.path),
        format!("{}/identities", lab.path),
        "/api/v1/audit-events".to_owned(),
        "/api/v1/outbox".to_owned(),
    ];
    for list in lists {
        for (query, field) in [
            ("pageSize=0", "pageSize"),
            ("pageSize=101", "pageSize"),
            ("pageSize=-1", "pageSize"),
            ("pageSize=many", "pageSize"),
            ("page=0", "page"),
            ("page=x", "page"),
        ] {
            let error = owner.get(&format!("{list}?{query}")).await.refused(400, "validation_error");
            assert_eq!(error["field"], field, "{list}?{query}");
        }
        for (query, size) in [("pageSize=100", 100), ("pageSize=1", 1), ("page=9999", 50)] {
            let page = owner.get(&format!("{list}?{query}")).await.ok();
            assert_eq!(page["pagination"]["pageSize"], size, "{list}?{query}");
        }
    }
    for (path, field) in [
        (format!("{CONNECTIONS}?protocol=ldap"), "protocol"),
        (format!("{CONNECTIONS}?status=broken"), "status"),
        (format!("{}/attempts?outcome=maybe", lab.path), "outcome"),
        ("/api/v1/audit-events?outcome=maybe".to_owned(), "outcome"),
        ("/api/v1/audit-events?startDate=yesterday".to_owned(), "startDate"),
        ("/api/v1/audit-events?endDate=2026-13-01".to_owned(), "endDate"),
        ("/api/v1/sso/connections?dryRun=perhaps".to_owned(), "dryRun"),
    ] {
        let method = if path.contains("dryRun") { "post" } else { "get" };
        let error = owner.call(method, &path, None).await.refused(400, "validation_error");
        assert_eq!(error["field"], field, "{path}");
    }
}

async fn what_is_no_id_answers_like_an_unknown_one(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let unknown = "00000000000000000000000000000000";
    for (path, prefix) in [
        (CONNECTIONS.to_owned(), "con"),
        (format!("{}/attempts", lab.path), "att"),
        ("/api/v1/decisions".to_owned(), "dec"),
    ] {
        let absent = owner.get(&format!("{path}/{prefix}_{unknown}")).await;
        absent.refused(404, "not_found");
        for odd in ["x", "1", "..%2f", "con_%27", "%00", unknown] {
            let answer = owner.get(&format!("{path}/{odd}")).await;
            assert_eq!((answer.status, &answer.body), (404, &absent.body), "{path}/{odd}");
        }
    }
}

/// PostgreSQL has no text with U+0000 (§8.14.1 of its manual); the caller is told, and it is no failure of ours.
async fn a_nul_in_a_text_is_refused_or_kept_and_never_a_failure_of_ours(t: TestApp) {
    let owner = t.owner().await;
    let nul = "a\u{0}b";
    let connection = |part: &str, field: &str, value: serde_json::Value| {
        let config = json!({"entityId": "urn:x", "ssoUrl": "https://idp.example/sso"});
        let mut body = json!({"name": field, "protocol": "saml", "samlConfig": config});
        body.pointer_mut(part).unwrap()[field] = value;
        body
    };
    let mut failed = Vec::new();
    for (part, field, value) in [
        ("", "name", json!(nul)),
        ("", "description", json!(nul)),
        ("/samlConfig", "entityId", json!(nul)),
        ("/samlConfig", "ssoUrl", json!(format!("https://idp.example/{nul}"))),
        ("/samlConfig", "attributeMapping", json!({"email": nul})),
        ("/samlConfig", "attributeMapping", json!({nul: "email"})),
        ("/samlConfig", "certificate", json!(nul)),
    ] {
        let answer = owner.post(CONNECTIONS, connection(part, field, value)).await;
        failed.extend((answer.status >= 500).then(|| field.to_owned()));
    }
    let oidc = json!({"name": "o", "protocol": "oidc", "oidcConfig": {"issuerUrl": "https://op.example",
        "clientId": "c", "clientSecret": nul, "scopes": [nul]}});
    let wsfed = json!({"name": "w", "protocol": "wsfed",
        "wsfedConfig": {"signOnUrl": "https://sts.example/", "realm": nul}});
    for body in [oidc, wsfed] {
        let answer = owner.post(CONNECTIONS, body.clone()).await;
        failed.extend((answer.status >= 500).then(|| body.to_string()));
    }
    for path in [
        "/api/v1/sso/connections?name=a%00b",
        "/api/v1/audit-events?event=a%00b",
        "/api/v1/audit-events?actorId=a%00b",
        "/login?returnTo=/a%00b",
    ] {
        let answer = owner.get(path).await;
        failed.extend((answer.status >= 500).then(|| path.to_owned()));
    }
    for email in ["a\u{0}@b.test", "a@b.test\u{0}"] {
        let answer = t.client().post("/api/v1/auth/login", json!({"email": email, "password": nul})).await;
        failed.extend((answer.status >= 500).then(|| email.to_owned()));
    }
    let agent = t.client().request("get", "/api/v1/me").header("user-agent", b"\xff\xfe".as_slice());
    let answer = t.client().send(agent).await;
    failed.extend((answer.status >= 500).then(|| "user-agent".to_owned()));
    assert!(failed.is_empty(), "answered with a failure of ours: {failed:?}");
}

async fn every_answer_carries_a_request_id_and_the_security_headers(t: TestApp) {
    for path in ["/", "/login", "/api/v1/me", "/nothing", "/saml/metadata", "/healthz"] {
        let answer = t.client().get(path).await;
        assert!(answer.header("x-request-id").is_some_and(|id| id.starts_with("req_")), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
}

async fn pages_for_people_and_json_for_programs(t: TestApp) {
    let page = t.client().get("/nothing").await;
    assert_eq!(page.status, 404);
    assert!(page.header("content-type").is_some_and(|c| c.starts_with("text/html")));
    let client = t.client();
    let json = client.send(client.request("get", "/nothing").header("accept", "application/json")).await;
    json.refused(404, "not_found");
}

async fn health_and_readiness_are_answered_to_everybody(t: TestApp) {
    assert_eq!(t.client().get("/healthz").await.ok()["status"], "ok");
    assert_eq!(t.client().get("/readyz").await.ok()["status"], "ok");
}

on_both![
    an_unknown_route_is_404_and_a_wrong_method_405,
    what_is_not_json_is_an_invalid_request,
    a_body_over_the_limit_is_413,
    a_missing_or_mistyped_value_is_a_validation_error_with_its_field,
    lists_refuse_pages_and_filters_that_cannot_be,
    what_is_no_id_answers_like_an_unknown_one,
    a_nul_in_a_text_is_refused_or_kept_and_never_a_failure_of_ours,
    every_answer_carries_a_request_id_and_the_security_headers,
    pages_for_people_and_json_for_programs,
    health_and_readiness_are_answered_to_everybody,
];
