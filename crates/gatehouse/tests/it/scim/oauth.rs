//! Client credentials: a token's id and value, exchanged for an hour.

use serde_json::json;

use super::{TOKENS, USERS, refused};
use crate::support::{Answer, Client, TestApp, on_both};

async fn exchange(caller: &Client, fields: &[(&str, &str)]) -> Answer {
    let fields: Vec<_> = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    caller.form("/scim/oauth/token", &fields).await
}

async fn an_hour_is_given_for_the_id_and_the_value_of_a_token(t: TestApp) {
    let owner = t.owner().await;
    let made = owner.post(TOKENS, json!({"name": "Entra"})).await.ok();
    let (id, value) = (made["token"]["id"].as_str().unwrap(), made["plainValue"].as_str().unwrap());
    let grant = ("grant_type", "client_credentials");
    let client = [grant, ("client_id", id), ("client_secret", value), ("scope", "ignored")];
    let answer = exchange(&t.client(), &client).await;
    let given = answer.ok();
    assert_eq!((&given["token_type"], &given["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert_eq!(
        (&given["scope"], answer.header("cache-control")),
        (&json!("users:read users:write"), Some("no-store"))
    );
    let access = given["access_token"].as_str().unwrap().to_owned();
    assert!(!access.contains(value));
    let basic = t.client().request("POST", "/scim/oauth/token").basic_auth(id, Some(value));
    assert_eq!(t.client().send(basic.form(&[grant])).await.status, 200);

    let provider = t.client().with_token(&access);
    provider.get(USERS).await.ok();
    assert_eq!(provider.post(USERS, json!({"userName": "a@x.test"})).await.status, 201);
    refused(&provider.get("/scim/v2/Groups").await, 403, None);
    for odd in [
        format!("{access}0"),
        access.replace(".1", ".2"),
        access[..access.len() - 2].to_owned(),
        "scat_..".to_owned(),
    ] {
        refused(&t.client().with_token(&odd).get(USERS).await, 401, None);
    }
    // an access token is no client
    let again = exchange(&t.client(), &[grant, ("client_id", id), ("client_secret", &access)]).await;
    assert_eq!(again.status, 401);
    // over after an hour, and with its token
    t.clock.advance(3_599);
    provider.get(USERS).await.ok();
    t.clock.advance(1);
    refused(&provider.get(USERS).await, 401, None);
    let fresh = exchange(&t.client(), &client).await.ok()["access_token"].as_str().unwrap().to_owned();
    let provider = t.client().with_token(&fresh);
    provider.get(USERS).await.ok();
    t.owner().await.post_to(&format!("{TOKENS}/{id}/revoke")).await.ok();
    refused(&provider.get(USERS).await, 401, None);
    assert_eq!(exchange(&t.client(), &client).await.status, 401);
}

async fn what_is_no_client_is_refused_as_oauth_says_it(t: TestApp) {
    let owner = t.owner().await;
    let make = async |name: &str| owner.post(TOKENS, json!({"name": name})).await.ok();
    let (a, b) = (make("a").await, make("b").await);
    let (id, value) = (a["token"]["id"].as_str().unwrap(), b["plainValue"].as_str().unwrap());
    let grant = ("grant_type", "client_credentials");
    for (fields, status, code) in [
        (vec![grant, ("client_id", id), ("client_secret", value)], 401, "invalid_client"),
        (vec![grant, ("client_id", id), ("client_secret", "scim_no")], 401, "invalid_client"),
        (vec![grant, ("client_id", id)], 401, "invalid_client"),
        (vec![("grant_type", "password")], 400, "unsupported_grant_type"),
        (vec![], 400, "invalid_request"),
    ] {
        let answer = exchange(&t.client(), &fields).await;
        assert_eq!((answer.status, &answer.json()["error"]), (status, &json!(code)), "{}", answer.body);
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
        assert!(answer.json()["error_description"].is_string());
    }
}

on_both![an_hour_is_given_for_the_id_and_the_value_of_a_token, what_is_no_client_is_refused_as_oauth_says_it,];
