use gatehouse_types::Role;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, TestApp, on_both};

const LOGIN: &str = "/api/v1/auth/login";

/// A refusal without what is its own: the number of the decision.
pub(super) fn without_decision(answer: &Answer) -> Value {
    let mut error = answer.refused(401, "authentication_error");
    assert!(error["decision"].as_str().is_some_and(|d| d.starts_with("dec_")), "{error}");
    error["decision"] = Value::Null;
    error
}

async fn a_login_answers_cookie_and_token_and_the_workspaces(t: TestApp) {
    let client = t.client();
    let answer = client.post(LOGIN, json!({"email": "Owner@Main.test", "password": PASSWORD})).await;
    let body = answer.ok();
    assert_eq!((&body["tokenType"], &body["expiresIn"]), (&json!("Bearer"), &json!(900)));
    let own = json!({"id": t.workspace, "name": "Main", "role": "owner", "ssoRequired": false});
    assert_eq!(body["workspaces"], json!([own]));
    let cookie = answer.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap());
    let session = cookie.into_iter().find(|c| c.starts_with("gatehouse_session=")).unwrap();
    assert!(session.contains("HttpOnly") && session.contains("SameSite=Lax"), "{session}");
    let me = client.get("/api/v1/me").await.ok();
    assert_eq!((&me["user"]["email"], &me["role"]), (&json!("owner@main.test"), &json!("owner")));
    assert_eq!((&me["workspace"]["name"], &me["sessions"][0]["current"]), (&json!("Main"), &json!(true)));
    let program = client.with_token(body["accessToken"].as_str().unwrap());
    assert_eq!(program.get("/api/v1/me").await.ok()["user"], me["user"]);
}

async fn a_wrong_password_and_an_unknown_person_look_the_same(t: TestApp) {
    t.person("member@main.test", Role::Member).await;
    let mut answers = Vec::new();
    for (email, password) in [
        ("member@main.test", "wrong-password"),
        ("nobody@main.test", PASSWORD),
        ("nobody@nowhere.test", "wrong-password"),
        ("member@main.test", ""),
    ] {
        let answer = t.client().post(LOGIN, json!({"email": email, "password": password})).await;
        assert!(answer.headers.get("set-cookie").is_none_or(|c| !c.to_str().unwrap().contains("session")));
        answers.push(without_decision(&answer));
    }
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");
    let elsewhere = json!({"email": "member@main.test", "password": PASSWORD, "workspaceId": "ws_1"});
    assert_eq!(without_decision(&t.client().post(LOGIN, elsewhere).await), answers[0]);
}

async fn discovery_does_not_tell_known_people_from_unknown_ones(t: TestApp) {
    t.active_lab(&t.owner().await).await;
    t.person("ada@lab.test", Role::Member).await;
    let ask =
        async |email: &str| t.client().post("/api/v1/auth/discover", json!({"email": email})).await.ok();
    assert_eq!(ask("ada@lab.test").await, ask("nobody@lab.test").await);
    assert_eq!(ask("owner@main.test").await, ask("nobody@main.test").await);
}

async fn a_second_login_in_a_browser_starts_a_session_of_its_own(t: TestApp) {
    let first = t.browser("owner@main.test").await;
    let second = t.browser("owner@main.test").await;
    assert_ne!(first.cookie("gatehouse_session"), second.cookie("gatehouse_session"));
    let sessions = second.get("/api/v1/me").await.ok()["sessions"].clone();
    assert_eq!(sessions.as_array().unwrap().len(), 2, "{sessions}");
    first.get("/api/v1/me").await.ok();
}

async fn an_unknown_api_key_is_nobodys(t: TestApp) {
    let exchange = t.client().post("/api/v1/auth/token", json!({"apiKey": "gh_unknown"})).await;
    exchange.refused(401, "authentication_error");
    let caller = t.client();
    let answer = caller.send(caller.request("get", "/api/v1/me").header("x-api-key", "gh_unknown")).await;
    answer.refused(401, "authentication_error");
}

async fn a_change_of_role_counts_at_once(t: TestApp) {
    let caller = t.member_of(Role::Viewer).await;
    caller.get("/api/v1/sso/connections").await.refused(403, "authorization_error");
    t.person("viewer@main.test", Role::Admin).await;
    caller.get("/api/v1/sso/connections").await.ok();
    assert_eq!(caller.get("/api/v1/me").await.ok()["role"], "admin");
    t.person("viewer@main.test", Role::Member).await;
    caller.get("/api/v1/sso/connections").await.refused(403, "authorization_error");
}

on_both![
    a_login_answers_cookie_and_token_and_the_workspaces,
    a_wrong_password_and_an_unknown_person_look_the_same,
    discovery_does_not_tell_known_people_from_unknown_ones,
    a_second_login_in_a_browser_starts_a_session_of_its_own,
    an_unknown_api_key_is_nobodys,
    a_change_of_role_counts_at_once,
];
