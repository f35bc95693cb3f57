use serde_json::json;

use super::{ALL_SCOPES, TOKENS, refused};
use crate::support::{TestApp, on_both};

const ASK: &str = "/scim/v2/ServiceProviderConfig";
const DAY: i64 = 86_400;

async fn a_token_is_shown_once_and_opens_the_protocol(t: TestApp) {
    let owner = t.owner().await;
    let body = json!({"name": "Okta SCIM Token", "scopes": ALL_SCOPES, "expiresInDays": 365});
    let answer = owner.post(TOKENS, body).await;
    assert_eq!(answer.status, 200);
    let made = answer.ok();
    let value = made["plainValue"].as_str().unwrap();
    let token = &made["token"];
    assert!(value.starts_with("scim_") && value.len() > 40, "{value}");
    assert_eq!(token["maskedValue"], format!("{}...****", &value[..9]));
    assert_eq!((&token["status"], &token["name"]), (&json!("active"), &json!("Okta SCIM Token")));
    assert_eq!(token["scopes"], json!(ALL_SCOPES));
    assert_eq!(token["lastUsedAt"], json!(null));
    assert!(
        token["createdAt"].is_string() && token["expiresAt"].is_string() && token["createdBy"].is_string()
    );
    t.client().with_token(value).get(ASK).await.ok();
    let path = format!("{TOKENS}/{}", token["id"].as_str().unwrap());
    for shown in [owner.get(TOKENS).await, owner.get(&path).await] {
        assert!(!shown.body.contains(value) && !shown.body.contains("plainValue"), "{}", shown.body);
    }
    assert!(owner.get(&path).await.ok()["lastUsedAt"].is_string());
    // a token of people does not open the protocol, and this one not the administration
    refused(&t.client().with_token(owner.token.as_deref().unwrap()).get(ASK).await, 401, None);
    t.client().with_token(value).get(TOKENS).await.refused(401, "authentication_error");
}

async fn what_is_left_out_has_its_default_and_what_is_wrong_is_named(t: TestApp) {
    let owner = t.owner().await;
    let token = owner.post(TOKENS, json!({"name": "Plain"})).await.ok()["token"].clone();
    assert_eq!(token["scopes"], json!(["users:read", "users:write"]));
    assert_eq!(token["expiresAt"], json!(null));
    owner.post(TOKENS, json!({"name": "plain "})).await.refused(409, "conflict");
    owner.post(TOKENS, json!({"name": "x".repeat(128), "expiresInDays": null})).await.ok();
    for (body, field) in [
        (json!({"name": "x".repeat(129)}), "name"),
        (json!({"name": " "}), "name"),
        (json!({}), "name"),
        (json!({"name": "a", "scopes": ["users:delete"]}), "scopes"),
        (json!({"name": "a", "scopes": []}), "scopes"),
        (json!({"name": "a", "expiresInDays": 0}), "expiresInDays"),
        (json!({"name": "a", "expiresInDays": -1}), "expiresInDays"),
        (json!({"name": "a", "expiresInDays": 1.5}), "expiresInDays"),
    ] {
        let error = owner.post(TOKENS, body.clone()).await.refused(400, "validation_error");
        assert_eq!(error["field"], field, "{body}");
    }
    let trial = owner.post(&format!("{TOKENS}?dryRun=true"), json!({"name": "Trial"})).await.ok();
    assert_eq!(trial["effects"][0]["event"], "scim.token-created");
    assert_eq!(owner.get(TOKENS).await.ok()["pagination"]["totalItems"], 2);
}

async fn tokens_are_listed_by_status_and_name(t: TestApp) {
    let owner = t.owner().await;
    let make = async |name: &str, days: Option<i64>| {
        let made = owner.post(TOKENS, json!({"name": name, "expiresInDays": days})).await.ok();
        (made["token"]["id"].as_str().unwrap().to_owned(), made["plainValue"].as_str().unwrap().to_owned())
    };
    make("Entra", None).await;
    let (_, short) = make("Okta short", Some(1)).await;
    let (revoked, _) = make("Okta old", None).await;
    owner.post_to(&format!("{TOKENS}/{revoked}/revoke")).await.ok();
    t.clock.advance(2 * DAY);
    let owner = t.owner().await;
    let names = async |query: &str| {
        let listed = owner.get(&format!("{TOKENS}?{query}")).await.ok();
        let names = listed["data"].as_array().unwrap().iter().map(|d| d["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["Okta old", "Okta short", "Entra"]);
    assert_eq!(names("status=active").await, ["Entra"]);
    assert_eq!(names("status=expired").await, ["Okta short"]);
    assert_eq!(names("status=revoked&name=OKTA").await, ["Okta old"]);
    assert_eq!(names("pageSize=1&page=2").await, ["Okta short"]);
    owner.get(&format!("{TOKENS}?status=gone")).await.refused(400, "validation_error");
    owner.get(&format!("{TOKENS}?pageSize=101")).await.refused(400, "validation_error");
    let said = refused(&t.client().with_token(&short).get(ASK).await, 401, None);
    let decision = said.split("decision ").nth(1).unwrap().trim_end_matches(')').to_owned();
    let why = owner.get(&format!("/api/v1/decisions/{decision}")).await.ok();
    assert!(why["reasons"][0]["detail"].as_str().unwrap().contains("has expired"), "{why}");
}

async fn a_revoked_token_is_refused_at_once_and_a_deleted_one_is_gone(t: TestApp) {
    let owner = t.owner().await;
    let made = owner.post(TOKENS, json!({"name": "Provider"})).await.ok();
    let provider = t.client().with_token(made["plainValue"].as_str().unwrap());
    let path = format!("{TOKENS}/{}", made["token"]["id"].as_str().unwrap());
    provider.get(ASK).await.ok();
    let revoked = owner.post_to(&format!("{path}/revoke")).await.ok();
    assert_eq!(revoked["status"], "revoked");
    let answer = provider.get(ASK).await;
    assert!(refused(&answer, 401, None).contains("revoked"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    // taking it back again changes nothing
    assert_eq!(owner.post_to(&format!("{path}/revoke")).await.ok()["revokedAt"], revoked["revokedAt"]);
    assert_eq!(owner.delete(&path).await.ok(), json!({"deleted": true}));
    owner.get(&path).await.refused(404, "not_found");
    owner.delete(&path).await.refused(404, "not_found");
    refused(&provider.get(ASK).await, 401, None);
    owner.post(TOKENS, json!({"name": "Provider"})).await.ok();
    for (event, count) in [("scim.token-created", 2), ("scim.token-revoked", 1), ("scim.token-deleted", 1)] {
        let found = owner.get(&format!("/api/v1/audit-events?event={event}")).await.ok();
        assert_eq!(found["pagination"]["totalItems"], count, "{event}");
        assert_eq!(found["data"][0]["details"]["name"], "Provider");
    }
}

on_both![
    a_token_is_shown_once_and_opens_the_protocol,
    what_is_left_out_has_its_default_and_what_is_wrong_is_named,
    tokens_are_listed_by_status_and_name,
    a_revoked_token_is_refused_at_once_and_a_deleted_one_is_gone,
];
