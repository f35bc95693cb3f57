use serde_json::json;

use super::{newest_failure, refused_for};
use crate::support::{Asked, TestApp, on_both};

async fn r025_a_sign_in_leads_back_to_where_it_began(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    let browser = t.client();
    let start = format!("/sso/{}/start?returnTo=/account", lab.id);
    let back = t.ask_openid(&browser, &start, &[("person", "ada")]).await;
    assert!(back.contains(&format!("/oidc/callback/{}?", lab.id)), "{back}");
    let entered = browser.get(&back).await;
    assert_eq!((entered.status, entered.location()), (303, Some("/account")), "{}", entered.body);
    let me = browser.get("/api/v1/me").await.ok();
    assert_eq!(me["user"]["email"], "ada@lab.test");
    assert_eq!((&me["user"]["name"], &me["role"]), (&json!("Ada Lindqvist"), &json!("member")));
    assert_eq!(me["sessions"][0]["method"], "oidc");
    let attempt = owner.get(&format!("{}/attempts", lab.path)).await.ok()["data"][0].clone();
    assert_eq!((&attempt["outcome"], &attempt["subject"]), (&json!("success"), &json!("lab-ada")));
    let checks = attempt["checks"].as_array().unwrap();
    assert!(checks.iter().all(|c| c["ok"] == true), "{attempt}");
    for check in
        ["answering issuer", "algorithm", "issuer", "audience", "signature", "expiry", "nonce", "domain"]
    {
        assert!(checks.iter().any(|c| c["check"] == check), "{check}: {attempt}");
    }
}

async fn r025_the_request_carries_state_nonce_and_a_challenge(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    let (one, two) = (Asked::start(&t.client(), &lab.id).await, Asked::start(&t.client(), &lab.id).await);
    assert_eq!(one.query["response_type"], "code");
    assert_eq!(one.query["code_challenge_method"], "S256");
    assert_eq!(one.query["scope"], "openid profile email");
    for secret in ["state", "nonce", "code_challenge"] {
        assert!(one.query[secret].len() >= 43, "{secret}");
        assert_ne!(one.query[secret], two.query[secret], "{secret}");
    }
}

async fn r025_an_answer_counts_once_and_in_the_browser_that_asked(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    let (browser, thief) = (t.client(), t.client());
    let start = format!("/sso/{}/start", lab.id);
    let back = t.ask_openid(&browser, &start, &[("person", "ada")]).await;
    refused_for(&owner, &lab, &thief, &thief.get(&back).await, "browser_mismatch").await;
    // the thief did not use it up
    assert_eq!(browser.get(&back).await.status, 303);
    assert_eq!(browser.get(&back).await.status, 401);
    assert_eq!(newest_failure(&owner, &lab).await["reason"], "state_unknown");
    // nor does a sign-in wait for ever
    let late = t.client();
    let back = t.ask_openid(&late, &start, &[("person", "ada")]).await;
    t.clock.advance(15 * 60 + 1);
    let owner = t.owner().await;
    refused_for(&owner, &lab, &late, &late.get(&back).await, "state_unknown").await;
    for query in ["", "?code=x", "?state=x&code=x"] {
        let stranger = t.client();
        let answer = stranger.get(&format!("/oidc/callback/{}{query}", lab.id)).await;
        refused_for(&owner, &lab, &stranger, &answer, "state_unknown").await;
    }
}

async fn an_answer_for_one_connection_is_none_for_another(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    let other = t.active_openid(&owner, t.openid_body("Second"), "second.test").await;
    let browser = t.client();
    let back = t.ask_openid(&browser, &format!("/sso/{}/start", lab.id), &[("person", "ada")]).await;
    let elsewhere = back.replace(&lab.id, &other.id);
    refused_for(&owner, &other, &browser, &browser.get(&elsewhere).await, "state_unknown").await;
    assert_eq!(browser.get(&back).await.status, 303);
    let saml = owner.post("/api/v1/sso/connections", t.lab_body("Saml").await).await.ok();
    let foreign = format!("/oidc/callback/{}?code=x&state=y", saml["id"].as_str().unwrap());
    assert_eq!(t.client().get(&foreign).await.status, 404);
}

async fn r062_unknown_people_come_in_with_just_in_time_accounts_only(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    owner.put(&lab.path, json!({"jitProvisioning": false})).await.ok();
    let browser = t.client();
    let refused = t.enter_openid(&browser, &lab, "bruno").await;
    refused_for(&owner, &lab, &browser, &refused, "person_unknown").await;
    owner.put(&lab.path, json!({"jitProvisioning": true, "defaultRole": "viewer"})).await.ok();
    assert_eq!(t.enter_openid(&browser, &lab, "bruno").await.status, 303);
    assert_eq!(browser.get("/api/v1/me").await.ok()["role"], "viewer");
    // the same subject is the same person the next time
    let again = t.client();
    assert_eq!(t.enter_openid(&again, &lab, "bruno").await.status, 303);
    let linked = owner.get(&format!("{}/identities", lab.path)).await.ok();
    assert_eq!(linked["pagination"]["totalItems"], 1, "{linked}");
}

async fn r063_a_person_outside_the_verified_domains_is_refused(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    let browser = t.client();
    let refused = t.enter_openid(&browser, &lab, "mallory").await;
    refused_for(&owner, &lab, &browser, &refused, "domain_not_verified").await;
    let attempt = newest_failure(&owner, &lab).await;
    assert!(!attempt.to_string().contains("mallory"), "{attempt}");
}

async fn r025_an_address_may_come_from_the_userinfo_endpoint(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    let browser = t.client();
    let choices = [("person", "zoe"), ("email_elsewhere", "true")];
    let back = t.ask_openid(&browser, &format!("/sso/{}/start", lab.id), &choices).await;
    let entered = browser.get(&back).await;
    assert_eq!(entered.status, 303, "{}", entered.body);
    assert_eq!(browser.get("/api/v1/me").await.ok()["user"]["email"], "zoe@lab.test");
}

async fn every_way_to_authenticate_as_a_client_works(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    for way in ["basic", "post", "private_key_jwt", ""] {
        let changed = owner.put(&lab.path, json!({"oidcConfig": {"clientAuthentication": way}})).await.ok();
        let shown = changed["oidcConfig"]["clientAuthentication"].as_str().unwrap_or_default();
        assert_eq!(shown, way);
        let browser = t.client();
        let entered = t.enter_openid(&browser, &lab, "ada").await;
        assert_eq!(entered.status, 303, "{way}: {}", entered.body);
    }
    let keys = t.client().get(&format!("/oidc/jwks/{}", lab.id)).await.ok();
    assert_eq!(keys["keys"][0]["kty"], "RSA", "{keys}");
    assert!(keys["keys"][0].get("d").is_none(), "{keys}");
    owner
        .put(&lab.path, json!({"oidcConfig": {"clientSecret": "wrong", "clientAuthentication": "post"}}))
        .await
        .ok();
    let browser = t.client();
    let refused = t.enter_openid(&browser, &lab, "ada").await;
    refused_for(&owner, &lab, &browser, &refused, "client_refused").await;
    // the test says so before anybody tries
    let report = owner.post_to(&format!("{}/test", lab.path)).await.ok();
    assert_eq!(report["success"], false, "{report}");
    assert!(report["error"].as_str().unwrap().contains("invalid_client"), "{report}");
    let odd = json!({"oidcConfig": {"clientAuthentication": "none"}});
    let error = owner.put(&lab.path, odd).await.refused(400, "validation_error");
    assert_eq!(error["field"], "oidcConfig.clientAuthentication");
}

async fn r061_a_deactivated_connection_lets_nobody_in(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    let (inside, browser) = (t.client(), t.client());
    assert_eq!(t.enter_openid(&inside, &lab, "ada").await.status, 303);
    let back = t.ask_openid(&browser, &format!("/sso/{}/start", lab.id), &[("person", "ada")]).await;
    owner.post_to(&format!("{}/deactivate", lab.path)).await.ok();
    refused_for(&owner, &lab, &browser, &browser.get(&back).await, "connection_inactive").await;
    assert_eq!(t.client().get(&format!("/sso/{}/start", lab.id)).await.status, 403);
    assert_eq!(inside.get("/api/v1/me").await.status, 200);
}

async fn what_is_kept_of_an_answer_holds_no_token(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    assert_eq!(t.enter_openid(&t.client(), &lab, "ada").await.status, 303);
    let attempt = owner.get(&format!("{}/attempts", lab.path)).await.ok()["data"][0].clone();
    let one = format!("{}/attempts/{}", lab.path, attempt["id"].as_str().unwrap());
    let trace = owner.get(&one).await.ok();
    let shown = trace.to_string();
    assert!(!shown.contains("eyJ"), "a token: {shown}");
    assert!(trace["message"].as_str().unwrap().contains("RS256"), "{trace}");
    assert!(!trace["message"].as_str().unwrap().contains("ada@lab.test"), "{trace}");
    let compared = trace["compared"].as_array().unwrap();
    assert!(compared.iter().all(|c| c["matches"] == true), "{trace}");
}

async fn two_servers_share_what_waits(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    let second = t.second_server().await;
    let browser = t.client();
    let back = t.ask_openid(&browser, &format!("/sso/{}/start", lab.id), &[("person", "ada")]).await;
    // another process of the same installation takes the answer
    let path = back.strip_prefix(t.app.public_url().as_str()).unwrap();
    let entered = browser.get(&format!("{}{path}", second)).await;
    assert_eq!(entered.status, 303, "{}", entered.body);
    assert_eq!(browser.get("/api/v1/me").await.ok()["user"]["email"], "ada@lab.test");
    assert_eq!(browser.get(&back).await.status, 401, "it counts once among all servers");
}

on_both![
    r025_a_sign_in_leads_back_to_where_it_began,
    r025_the_request_carries_state_nonce_and_a_challenge,
    r025_an_answer_counts_once_and_in_the_browser_that_asked,
    an_answer_for_one_connection_is_none_for_another,
    r062_unknown_people_come_in_with_just_in_time_accounts_only,
    r063_a_person_outside_the_verified_domains_is_refused,
    r025_an_address_may_come_from_the_userinfo_endpoint,
    every_way_to_authenticate_as_a_client_works,
    r061_a_deactivated_connection_lets_nobody_in,
    what_is_kept_of_an_answer_holds_no_token,
    two_servers_share_what_waits,
];
