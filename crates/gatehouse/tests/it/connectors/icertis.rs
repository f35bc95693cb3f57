//! Icertis, row by row.

use serde_json::{Value, json};

use super::{
    CLIENT, CONNECTORS, ENTRA, ICI, SECRET, TYPES, authorized, claims, consent, icertis, oauth, query, text,
};
use crate::support::{TestApp, on_both};

async fn r151_both_ways_work_against_icertis_and_oauth_is_the_default(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let of = owner.get(&format!("{TYPES}/icertis-preview")).await.ok();
    let ways: Vec<_> = of["authTypes"].as_array().unwrap().iter().map(|a| text(&a["label"])).collect();
    assert_eq!(ways, ["OAuth 2.0 authorization code", "API key"]);
    assert_eq!(
        (&of["authTypes"][0]["isDefault"], &of["authTypes"][1]["isDefault"]),
        (&json!(true), &json!(false))
    );

    let path = icertis(&owner).await;
    let made = owner.get(&path).await.ok();
    assert_eq!((&made["authType"], &made["status"]), (&json!("oauth"), &json!("not_connected")));
    // nothing works before somebody consents, and that is told
    let early = owner.post_to(&format!("{path}/test")).await.ok();
    assert!(early["success"] == false && text(&early["message"]).contains("authorized"), "{early}");
    authorized(&owner, &path).await;
    let tested = owner.post_to(&format!("{path}/test")).await.ok();
    assert_eq!(tested["success"], true, "{tested}");
    assert_eq!(owner.get(&path).await.ok()["status"], "connected");

    let key = json!({"type": "icertis", "authType": "api-key", "name": "By key",
        "fields": {"instance": "acme", "apiKey": "ici-key"}});
    let made = owner.post(CONNECTORS, key).await.ok();
    assert_eq!((&made["type"], &made["status"]), (&json!("icertis-preview"), &json!("configured")));
    let path = format!("{CONNECTORS}/{}", text(&made["id"]));
    let tested = owner.post_to(&format!("{path}/test")).await.ok();
    assert_eq!(tested["success"], true, "{tested}");
    // a key that is not accepted is told in plain words
    owner.put(&path, json!({"fields": {"apiKey": "odd-key"}})).await.ok();
    let refused = owner.post_to(&format!("{path}/test")).await.ok();
    assert_eq!(refused["success"], false);
    let words = text(&refused["message"]);
    assert!(
        words.contains("401") && words.contains("does not accept") && words.contains("not accepted."),
        "{words}"
    );
    let now = owner.get(&path).await.ok();
    assert_eq!((&now["status"], &now["lastTest"]["success"]), (&json!("failing"), &json!(false)));
}

/// What is blank is told all at once, over the API and on the page alike.
async fn r152_every_blank_value_is_told_at_once(t: TestApp) {
    let owner = t.owner().await;
    let body = json!({"type": "icertis-preview", "fields": {"instance": "acme"}});
    let error = owner.post(CONNECTORS, body).await.refused(400, "validation_error");
    let blank = ["fields.clientId", "fields.clientSecret", "fields.tenantId", "fields.scope"];
    let told: Vec<_> = error["fields"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(told.len(), 4, "{error}");
    for field in blank {
        assert!(text(&error["fields"][field]).contains("must be filled in"), "{field}: {error}");
    }
    assert_eq!(error["field"], "fields.clientId", "the first one leads");
    for label in ["Client ID", "Client Secret", "Tenant ID", "Scope"] {
        assert!(text(&error["message"]).contains(&format!("{label} must be filled in.")), "{error}");
    }
    let mut one = oauth();
    one["tenantId"] = json!("");
    let error = owner.post(CONNECTORS, json!({"type": "icertis-preview", "fields": one})).await;
    let error = error.refused(400, "validation_error");
    assert!(error["field"] == "fields.tenantId" && error.get("fields").is_none(), "{error}");
    let new = "/integrations/connectors/new/icertis-preview";
    let browser = t.browser("owner@main.test").await;
    let page = crate::support::Form::to(&browser.get(new).await.body, new).send(&browser).await;
    assert_eq!(page.status, 400);
    for label in ["Icertis instance", "Client ID", "Client Secret", "Tenant ID", "Scope"] {
        assert!(page.body.contains(&format!("{label} must be filled in.")), "{label}: {}", page.body);
    }
}

async fn r152_oauth_asks_for_exactly_four_values_and_names_a_blank_one(t: TestApp) {
    let owner = t.owner().await;
    let of = owner.get(&format!("{TYPES}/icertis-preview")).await.ok();
    let fields = of["authentication"][0]["fields"].as_array().unwrap();
    let labels: Vec<_> = fields.iter().map(|f| text(&f["label"])).collect();
    assert_eq!(labels, ["Client ID", "Client Secret", "Tenant ID", "Scope"]);
    assert!(fields.iter().all(|f| f["required"] == true));
    for field in fields {
        let key = text(&field["key"]);
        for blank in [json!(""), Value::Null] {
            let mut values = oauth();
            values[&key] = blank;
            let body = json!({"type": "icertis-preview", "fields": values});
            let error = owner.post(CONNECTORS, body).await.refused(400, "validation_error");
            assert_eq!(error["field"], format!("fields.{key}"));
            assert!(text(&error["message"]).starts_with(&text(&field["label"])), "{error}");
        }
    }
    let mut values = oauth();
    values["clientId"] = json!("no-uuid");
    let error = owner
        .post(CONNECTORS, json!({"type": "icertis-preview", "fields": values}))
        .await
        .refused(400, "validation_error");
    assert_eq!(error["field"], "fields.clientId");
}

async fn r153_the_api_key_is_one_secret_sent_as_icmauthtoken(t: TestApp) {
    let owner = t.owner().await;
    let of = owner.get(&format!("{TYPES}/icertis-preview")).await.ok();
    let fields = of["authentication"][1]["fields"].as_array().unwrap();
    assert_eq!(fields.len(), 1);
    assert_eq!((&fields[0]["label"], &fields[0]["secret"]), (&json!("API key"), &json!(true)));
    let body = json!({"type": "icertis-preview", "authType": "api-key",
        "fields": {"instance": "acme", "apiKey": "ici-key"}});
    let made = owner.post(CONNECTORS, body).await.ok();
    let path = format!("{CONNECTORS}/{}", text(&made["id"]));
    let tested = owner.post_to(&format!("{path}/test")).await.ok();
    let seen = t.outside().take_at(ICI);
    assert_eq!((seen[0].path.as_str(), seen[0].header("icmauthtoken")), ("/api/Users", "ici-key"));
    assert_eq!(seen[0].header("authorization"), "");
    // the outline shows where it went and not what it is
    let header = tested["request"]["headers"].as_array().unwrap();
    let header = header.iter().find(|h| h["name"] == "ICMAuthToken").unwrap();
    assert_eq!(header["value"], "••••••••");
    assert!(!tested.to_string().contains("ici-key"));
}

async fn r154_a_token_of_entra_is_sent_as_bearer_over_https(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    let begun = owner.post_to(&format!("{path}/authorize")).await.ok();
    let url = text(&begun["redirectUrl"]);
    assert!(url.starts_with("https://login.microsoftonline.com/t-1/oauth2/v2.0/authorize?"), "{url}");
    let asked = query(&url);
    assert_eq!((asked["client_id"].as_str(), asked["response_type"].as_str()), (CLIENT, "code"));
    assert_eq!(asked["scope"], format!("api://{CLIENT}/.default offline_access"));
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(consent(&owner, &url).await.status, 303);
    let exchange = t.outside().take_at(ENTRA);
    let exchange = exchange.iter().find(|s| s.path == "/t-1/oauth2/v2.0/token").unwrap();
    let form = exchange.form();
    assert_eq!((form["grant_type"].as_str(), form["client_secret"].as_str()), ("authorization_code", SECRET));
    assert_eq!(form["redirect_uri"], asked["redirect_uri"]);

    let action = format!("{path}/actions/list-users");
    let done = owner.post(&action, json!({})).await.ok();
    assert_eq!(
        (&done["success"], &done["output"]["data"][0]["name"]),
        (&json!(true), &json!("Ada")),
        "{done}"
    );
    let seen = t.outside().take_at(ICI);
    let token = seen[0].header("authorization").strip_prefix("Bearer ").unwrap().to_owned();
    assert!(token.starts_with("ey"), "{token}");

    // a token that is refused is renewed, and the call made once more
    t.outside().refuse(&token);
    let done = owner.post(&action, json!({})).await.ok();
    assert_eq!(done["success"], true, "{done}");
    let seen = t.outside().take();
    let renewed = seen.iter().find(|s| s.path.ends_with("/token")).unwrap().form();
    assert_eq!(renewed["grant_type"], "refresh_token");
    let calls: Vec<_> = seen.iter().filter(|s| s.host == ICI).collect();
    assert_eq!(calls.len(), 2);
    assert_ne!(calls[1].header("authorization"), format!("Bearer {token}"));
    // both tries are in the ledger
    let ledger = owner.get("/api/v1/outbound-calls").await.ok();
    let tries = ledger["data"].as_array().unwrap().iter().filter(|c| c["host"] == ICI);
    let tries: Vec<_> =
        tries.map(|c| (c["status"].clone(), c["retried"].clone(), c["action"].clone())).collect();
    // at one moment of the test's clock their order is open
    assert!(tries.contains(&(json!(200), json!(true), json!("list-users"))), "{ledger}");
    assert!(tries.contains(&(json!(401), json!(false), json!("list-users"))), "{ledger}");
}

async fn r155_the_redirect_uri_is_the_connectors_own_and_shown(t: TestApp) {
    let owner = t.owner().await;
    let (one, body) =
        (icertis(&owner).await, json!({"type": "icertis-preview", "name": "Two", "fields": oauth()}));
    let two = owner.post(CONNECTORS, body).await.ok();
    let first = text(&owner.get(&one).await.ok()["callbackUrl"]);
    let base = t.app.public_url().as_str().trim_end_matches('/').to_owned();
    assert!(first.starts_with(&format!("{base}/oauth/callback/")), "{first}");
    assert!(first.rsplit('/').next().unwrap().len() >= 43, "unguessable: {first}");
    assert_ne!(two["callbackUrl"], first.as_str());
    let begun = owner.post_to(&format!("{one}/authorize")).await.ok();
    assert_eq!(query(&text(&begun["redirectUrl"]))["redirect_uri"], first);
}

async fn r165_the_test_names_the_setting_that_does_not_match(t: TestApp) {
    let owner = t.owner().await;
    let path = icertis(&owner).await;
    for (claim, value, setting) in [
        ("aud", json!(CLIENT), "Core.API.OAuth.ValidAudiences"),
        ("iss", json!("https://login.microsoftonline.com/t-1/v2.0"), "Core.API.OAuth.ValidIssuer"),
        ("oid", Value::Null, "Core.API.OAuth.ExternalUpnClaimUri"),
    ] {
        let mut odd = claims();
        odd[claim] = value;
        t.outside().claims(odd);
        authorized(&owner, &path).await;
        let tested = owner.post_to(&format!("{path}/test")).await.ok();
        assert_eq!(tested["success"], false, "{claim}: {tested}");
        assert!(text(&tested["message"]).contains(setting), "{claim}: {tested}");
        let wrong = tested["checks"].as_array().unwrap().iter().filter(|c| c["ok"] == false);
        let wrong: Vec<_> = wrong.map(|c| (text(&c["check"]), text(&c["setting"]))).collect();
        assert_eq!(wrong, [(claim.to_owned(), setting.to_owned())]);
    }
    t.outside().claims(claims());
    authorized(&owner, &path).await;
    let tested = owner.post_to(&format!("{path}/test")).await.ok();
    assert_eq!(tested["success"], true, "{tested}");
    assert!(tested["checks"].as_array().unwrap().iter().all(|c| c["ok"] == true));
    // a token that is no JWT cannot be compared, and that is told
    t.outside().claims(Value::Null);
    authorized(&owner, &path).await;
    let tested = owner.post_to(&format!("{path}/test")).await.ok();
    assert!(tested["success"] == false && text(&tested["message"]).contains("no JWT"), "{tested}");
    assert!(!tested.to_string().contains("opaque-"), "{tested}");
}

on_both![start_with_outside:
    r151_both_ways_work_against_icertis_and_oauth_is_the_default,
    r152_oauth_asks_for_exactly_four_values_and_names_a_blank_one,
    r152_every_blank_value_is_told_at_once,
    r153_the_api_key_is_one_secret_sent_as_icmauthtoken,
    r154_a_token_of_entra_is_sent_as_bearer_over_https,
    r155_the_redirect_uri_is_the_connectors_own_and_shown,
    r165_the_test_names_the_setting_that_does_not_match,
];
