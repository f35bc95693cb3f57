use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestApp, on_both};

const ME: &str = "/api/v1/me";

async fn refused(by: &Client) {
    by.get(ME).await.refused(401, "authentication_error");
}

async fn the_published_keys_verify_a_token(t: TestApp) {
    let token = t.owner().await.token.unwrap();
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!(header.alg, Algorithm::ES256);
    let set = t.client().get("/.well-known/jwks.json").await.ok();
    let keys = set["keys"].as_array().unwrap();
    let key = keys.iter().find(|k| k["kid"] == json!(header.kid)).unwrap();
    assert_eq!((&key["kty"], &key["crv"], &key["d"]), (&json!("EC"), &json!("P-256"), &Value::Null));
    let part = |name: &str| key[name].as_str().unwrap();
    let key = DecodingKey::from_ec_components(part("x"), part("y")).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[t.app.public_url().as_str()]);
    validation.set_audience(&[t.app.public_url().as_str()]);
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap().claims;
    assert_eq!((&claims["wid"], &claims["role"]), (&json!(t.workspace), &json!("owner")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    assert!(claims["sid"].as_str().unwrap().starts_with("ses_"));
}

async fn a_tampered_token_is_nobodys(t: TestApp) {
    let owner = t.owner().await;
    let token = owner.token.clone().unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let decoded = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
    let claims = String::from_utf8(decoded).unwrap();
    let forged = URL_SAFE_NO_PAD.encode(claims.replace("\"owner\"", "\"admin\""));
    let none = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"none"}"#);
    let hmac = parts[0].replace(parts[0], &URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#));
    let flipped = if parts[2].starts_with('A') { "B" } else { "A" };
    for odd in [
        format!("{}.{forged}.{}", parts[0], parts[2]),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{hmac}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.{flipped}{}", parts[0], parts[1], &parts[2][1..]),
        format!("{}.{}", parts[0], parts[1]),
        String::new(),
        "nonsense".to_owned(),
        "x".repeat(9000),
    ] {
        refused(&owner.with_token(&odd)).await;
    }
    let basic = t.client().request("get", ME).header("authorization", "Basic b3duZXI6cA==");
    t.client().send(basic).await.refused(401, "authentication_error");
    owner.get(ME).await.ok();
}

async fn a_wrong_token_is_not_saved_by_a_good_cookie(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    browser.get(ME).await.ok();
    browser
        .send(browser.request("get", ME).bearer_auth("nonsense"))
        .await
        .refused(401, "authentication_error");
}

async fn a_token_expires_after_its_time_and_the_cookie_goes_on(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    let owner = t.owner().await;
    t.clock.advance(899);
    owner.get(ME).await.ok();
    t.clock.advance(2);
    refused(&owner).await;
    browser.get(ME).await.ok();
    t.clock.advance(12 * 3600);
    refused(&browser).await;
}

async fn a_logout_ends_cookie_and_token_at_once(t: TestApp) {
    let browser = t.client();
    let login = json!({"email": "owner@main.test", "password": PASSWORD});
    let token = browser.post("/api/v1/auth/login", login).await.ok();
    let program = browser.with_token(token["accessToken"].as_str().unwrap());
    let (session, other) = (browser.cookie("gatehouse_session").unwrap(), t.owner().await);
    program.get(ME).await.ok();
    program.post_to("/api/v1/auth/logout").await.ok();
    refused(&program).await;
    refused(&browser).await;
    let later = t.client();
    later.set_cookie("gatehouse_session", &session);
    refused(&later).await;
    // other sessions of the person go on
    other.get(ME).await.ok();
}

async fn a_change_with_the_cookie_needs_the_consoles_proof(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    browser.post_to("/api/v1/auth/logout").await.refused(401, "authentication_error");
    let foreign = browser.request("post", "/api/v1/auth/logout").header("origin", "https://evil.test");
    browser.send(foreign).await.refused(401, "authentication_error");
    let guessed = browser.request("post", "/api/v1/auth/logout").header("x-csrf-token", "guess");
    browser.send(guessed).await.refused(401, "authentication_error");
    browser.get(ME).await.ok();
}

async fn two_applications_in_one_process_know_nothing_of_each_other(t: TestApp) {
    let other = TestApp::start(gatehouse_testkit::Kind::Sqlite).await;
    let (here, there) = (t.owner().await, other.owner().await);
    here.get(ME).await.ok();
    there.get(ME).await.ok();
    refused(&here.with_token(&there.token.clone().unwrap())).await;
    refused(&there.with_token(&here.token.clone().unwrap())).await;
    let lab = other.active_lab(&there).await;
    here.get(&lab.path).await.refused(404, "not_found");
    assert_eq!(here.get("/api/v1/sso/connections").await.ok()["pagination"]["totalItems"], 0);
}

on_both![
    the_published_keys_verify_a_token,
    a_tampered_token_is_nobodys,
    a_wrong_token_is_not_saved_by_a_good_cookie,
    a_token_expires_after_its_time_and_the_cookie_goes_on,
    a_logout_ends_cookie_and_token_at_once,
    a_change_with_the_cookie_needs_the_consoles_proof,
    two_applications_in_one_process_know_nothing_of_each_other,
];
