use serde_json::{Value, json};

use super::{refused_for, signed_in_as};
use crate::support::{Form, LabConnection, TestApp, on_both};

fn start(lab: &LabConnection, return_to: &str) -> String {
    format!("/sso/{}/start?returnTo={return_to}", lab.id)
}

async fn a_sign_in_that_we_began_leads_back_to_where_it_began(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let browser = t.client();
    let form = t.ask_lab(&browser, &start(&lab, "/account"), "ada", "none").await;
    assert!(form.action.ends_with("/saml/acs"), "{}", form.action);
    let back = form.send(&browser).await;
    assert_eq!((back.status, back.location()), (303, Some("/account")), "{}", back.body);
    signed_in_as(&browser, "ada@lab.test").await;
    let me = browser.get("/api/v1/me").await.ok();
    assert_eq!((&me["role"], &me["sessions"][0]["method"]), (&json!("member"), &json!("saml")));
    assert_eq!(me["user"]["name"], "Ada Lindqvist");
    let attempt = owner.get(&format!("{}/attempts", lab.path)).await.ok()["data"][0].clone();
    assert_eq!((&attempt["outcome"], &attempt["flow"]), (&json!("success"), &json!("sp-initiated")));
    assert_eq!((&attempt["hasResponse"], &attempt["subject"]), (&json!(true), &json!("ada@lab.test")));
    assert!(attempt["checks"].as_array().unwrap().iter().all(|c| c["ok"] == true));
    let one = owner.get(&format!("{}/attempts/{}", lab.path, attempt["id"].as_str().unwrap())).await.ok();
    for shared in ["id", "outcome", "flow", "subject", "email", "hasResponse", "requestId"] {
        assert_eq!(one[shared], attempt[shared], "{shared}");
    }
}

async fn signed_requests_and_a_connections_own_address_work(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    owner.put(&lab.path, json!({"samlConfig": {"signRequests": true, "ownAcs": true}})).await.ok();
    let browser = t.client();
    let started = browser.get(&start(&lab, "/")).await;
    assert!(started.location().unwrap().contains("&Signature="), "{started:?}");
    let form = t.ask_lab(&browser, &start(&lab, "/"), "zoe", "none").await;
    assert!(form.action.ends_with(&format!("/saml/acs/{}", lab.id)), "{}", form.action);
    assert_eq!(form.send(&browser).await.status, 303);
    assert_eq!(browser.get("/api/v1/me").await.ok()["user"]["name"], "Zoë Núñez");
}

async fn r027_a_sign_in_that_the_provider_began_works_once(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let browser = t.client();
    let choices = [("person", "bruno"), ("relayState", "/account")];
    let form = t.lab_portal(&browser, &lab.id, &choices).await;
    assert!(form.action.ends_with(&format!("/saml/acs/{}/idp", lab.id)), "{}", form.action);
    let back = form.send(&browser).await;
    assert_eq!((back.status, back.location()), (303, Some("/account")), "{}", back.body);
    signed_in_as(&browser, "bruno@lab.test").await;
    let thief = t.client();
    let replay = form.send(&thief).await;
    refused_for(&owner, &lab, &thief, &replay, "replayed").await;
    // nor later, while the clock skew would still accept it
    t.clock.advance(240);
    let replay = form.send(&thief).await;
    refused_for(&t.owner().await, &lab, &thief, &replay, "replayed").await;
}

async fn an_answer_to_a_request_counts_once(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let browser = t.client();
    let form = t.ask_lab(&browser, &start(&lab, "/"), "ada", "none").await;
    assert_eq!(form.send(&browser).await.status, 303);
    let session = browser.cookie("gatehouse_session").unwrap();
    let replay = form.send(&browser).await;
    assert_eq!(replay.status, 401);
    let why = owner.get(&format!("/api/v1/decisions/{}", replay.decision())).await.ok();
    let failed = why["reasons"].as_array().unwrap().iter().find(|r| r["ok"] == false).unwrap().clone();
    assert_eq!(failed["check"], "request");
    assert!(failed["detail"].as_str().unwrap().contains("used"), "{failed}");
    // the session that is there goes on
    assert_eq!(browser.cookie("gatehouse_session"), Some(session));
    signed_in_as(&browser, "ada@lab.test").await;
}

async fn a_request_expires(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let browser = t.client();
    let page = browser.get(&start(&lab, "/")).await;
    let there = page.location().unwrap().to_owned();
    t.clock.advance(15 * 60 + 1);
    let mut form = Form::read(&browser.get(&there).await.body).unwrap();
    form.fields.push(("person".to_owned(), "ada".to_owned()));
    let answer = Form::read(&form.send(&browser).await.body).unwrap().send(&browser).await;
    refused_for(&t.owner().await, &lab, &browser, &answer, "request_unknown").await;
}

async fn no_way_back_leads_to_another_host(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    for odd in
        ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "evil", "/\t/evil.test"]
    {
        let browser = t.client();
        let form = t.hand_made(&lab.id, "ada@lab.test", "ada@lab.test").await;
        let mut fields = form.fields.clone();
        fields.push(("RelayState".to_owned(), odd.to_owned()));
        let back = browser.form(&form.action, &fields).await;
        assert_eq!((back.status, back.location()), (303, Some("/")), "{odd}: {}", back.body);
        let encoded: String = url::form_urlencoded::byte_serialize(odd.as_bytes()).collect();
        let form = t.ask_lab(&browser, &start(&lab, &encoded), "ada", "none").await;
        let back = form.send(&browser).await;
        assert_eq!((back.status, back.location()), (303, Some("/")), "{odd}: {}", back.body);
    }
}

async fn what_is_no_response_is_an_invalid_request(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let client = t.client();
    for path in ["/saml/acs".to_owned(), format!("/saml/acs/{}", lab.id), format!("/saml/acs/{}/idp", lab.id)]
    {
        for text in ["!", "", "bm8gWE1M", "PGEvPg=="] {
            let field = [("SAMLResponse".to_owned(), text.to_owned())];
            let request = client.request("post", &path).form(&field).header("accept", "application/json");
            let answer = client.send(request).await;
            assert!(matches!(answer.status, 400 | 401), "{path} {text}: {} {}", answer.status, answer.body);
            assert!(answer.json()["error"]["type"].is_string());
        }
        assert_eq!(client.form(&path, &[]).await.status, 400, "{path}");
        assert_eq!(client.get(&path).await.status, 405, "{path}");
    }
    let unknown = "/saml/acs/con_00000000000000000000000000000000/idp";
    let form = t.hand_made(&lab.id, "ada@lab.test", "ada@lab.test").await;
    assert_eq!(client.form(unknown, &form.fields).await.status, 404);
}

async fn a_refusal_is_json_for_programs(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let client = t.client();
    let form = t.hand_made(&lab.id, "m@elsewhere.test", "m@elsewhere.test").await;
    let request =
        client.request("post", &form.action).form(&form.fields).header("accept", "application/json");
    let error: Value = client.send(request).await.refused(401, "authentication_error");
    assert!(error["decision"].as_str().unwrap().starts_with("dec_"));
    assert!(!error["message"].as_str().unwrap().contains("elsewhere"), "{error}");
}

on_both![
    a_sign_in_that_we_began_leads_back_to_where_it_began,
    signed_requests_and_a_connections_own_address_work,
    r027_a_sign_in_that_the_provider_began_works_once,
    an_answer_to_a_request_counts_once,
    a_request_expires,
    no_way_back_leads_to_another_host,
    what_is_no_response_is_an_invalid_request,
    a_refusal_is_json_for_programs,
];
