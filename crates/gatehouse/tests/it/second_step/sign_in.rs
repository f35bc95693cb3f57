use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatehouse_identity::NewOwner;
use gatehouse_types::{Role, Secret};
use serde_json::{Value, json};

use super::{LOGIN, SECOND_STEP, answer, enrol, events, password, password_is, subjects};
use crate::support::{PASSWORD, TestApp, on_both};

const OWNER: &str = "owner@main.test";

async fn after_the_password_a_code_signs_in(t: TestApp) {
    let owner = t.owner().await;
    let app = enrol(&t, &owner).await;
    let (browser, error) = password(&t, OWNER).await;
    assert_eq!(error["factors"], json!(["totp", "recovery-code"]));
    browser.get("/api/v1/me").await.refused(401, "authentication_error");
    let body = answer(&browser, &error, "code", &app.code(&t)).await.ok();
    assert_eq!((&body["tokenType"], &body["workspaces"][0]["name"]), (&json!("Bearer"), &json!("Main")));
    assert!(body.get("recoveryCodes").is_none(), "{body}");
    assert_eq!(browser.get("/api/v1/me").await.ok()["user"]["email"], OWNER);
    let claims = body["accessToken"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["amr"], json!(["pwd", "otp", "mfa"]));
    assert_eq!(events(&owner, "session.started").await[0]["details"]["secondStep"], "totp");
    assert_eq!(events(&owner, "session.second-step-asked").await.len(), 1);
}

async fn a_second_step_tells_nothing_to_who_has_no_password(t: TestApp) {
    enrol(&t, &t.owner().await).await;
    let mut answers = Vec::new();
    for email in [OWNER, "nobody@main.test"] {
        let wrong = t.client().post(LOGIN, json!({"email": email, "password": "wrong"})).await;
        let mut error = wrong.refused(401, "authentication_error");
        error["decision"] = Value::Null;
        answers.push(error);
    }
    assert_eq!(answers[0], answers[1]);
}

async fn a_code_is_good_once(t: TestApp) {
    let owner = t.owner().await;
    let app = enrol(&t, &owner).await;
    let code = app.code(&t);
    let (first, asked_first) = password(&t, OWNER).await;
    let (second, asked_second) = password(&t, OWNER).await;
    answer(&first, &asked_first, "code", &code).await.ok();
    let refused = answer(&second, &asked_second, "code", &code).await;
    let decision = refused.refused(401, "authentication_error")["decision"].as_str().unwrap().to_owned();
    let why = owner.get(&format!("/api/v1/decisions/{decision}")).await.ok();
    assert_eq!((&why["reasons"][0]["ok"], &why["reasons"][1]["check"]), (&json!(true), &json!("totp")));
    assert_eq!(events(&owner, "session.refused").await[0]["details"]["secondStep"], "totp");
    // an older one than the last used is not good any more either
    let before = app.code_at(gatehouse_types::Clock::now(&*t.clock).seconds() - 30);
    answer(&second, &asked_second, "code", &before).await.refused(401, "authentication_error");
    t.clock.advance(30);
    answer(&second, &asked_second, "code", &app.code(&t)).await.ok();
}

async fn of_two_uses_of_one_code_at_the_same_time_one_wins(t: TestApp) {
    let app = enrol(&t, &t.owner().await).await;
    for _ in 0..4 {
        let code = app.code(&t);
        let ((one, asked_one), (two, asked_two)) = (password(&t, OWNER).await, password(&t, OWNER).await);
        let both =
            tokio::join!(answer(&one, &asked_one, "code", &code), answer(&two, &asked_two, "code", &code));
        let mut statuses = [both.0.status, both.1.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
        t.clock.advance(60);
    }
    let (browser, asked) = password(&t, OWNER).await;
    let code = app.code(&t);
    let both = tokio::join!(answer(&browser, &asked, "code", &code), answer(&browser, &asked, "code", &code));
    assert_eq!(
        u32::from(both.0.status == 200) + u32::from(both.1.status == 200),
        1,
        "one challenge, one session"
    );
}

async fn a_new_password_and_an_answer_at_the_same_time_do_not_wait_for_each_other_for_ever(t: TestApp) {
    let owner = t.owner().await;
    let app = enrol(&t, &owner).await;
    let mut current = PASSWORD.to_owned();
    for round in 0..6 {
        let (browser, asked) = password_is(&t, OWNER, &current).await;
        let new = format!("{round} quiet elephants of the evening");
        let change = json!({"currentPassword": current, "newPassword": new});
        let code = app.code(&t);
        let (changed, answered) =
            tokio::join!(owner.put("/api/v1/me/password", change), answer(&browser, &asked, "code", &code));
        changed.ok();
        assert!(matches!(answered.status, 200 | 401), "{}", answered.body);
        // whoever came first: nobody is in with the old password
        assert_eq!(browser.get("/api/v1/me").await.status, 401);
        current = new;
        t.clock.advance(60);
    }
}

async fn five_wrong_answers_close_the_question_and_tell_the_person(t: TestApp) {
    let owner = t.owner().await;
    let app = enrol(&t, &owner).await;
    let (browser, asked) = password(&t, OWNER).await;
    for _ in 0..5 {
        answer(&browser, &asked, "code", &app.wrong(&t)).await.refused(401, "authentication_error");
    }
    let late = answer(&browser, &asked, "code", &app.code(&t)).await;
    assert!(late.refused(401, "authentication_error")["message"].as_str().unwrap().contains("Sign in again"));
    assert!(subjects(&owner).await[0].contains("knows your password"));
}

async fn an_account_slows_down_over_many_questions_and_recovers(t: TestApp) {
    let app = enrol(&t, &t.owner().await).await;
    let mut asked = password(&t, OWNER).await;
    for n in 0..10 {
        if n % 4 == 3 {
            asked = password(&t, OWNER).await;
        }
        answer(&asked.0, &asked.1, "code", &app.wrong(&t)).await.refused(401, "authentication_error");
    }
    let (browser, error) = password(&t, OWNER).await;
    for (field, value) in [("code", app.code(&t)), ("recoveryCode", app.recovery_codes[0].clone())] {
        let limited = answer(&browser, &error, field, &value).await;
        limited.refused(429, "rate_limit_error");
        assert!(limited.header("retry-after").unwrap().parse::<i64>().unwrap() <= 300);
    }
    t.clock.advance(301);
    let (browser, error) = password(&t, OWNER).await;
    answer(&browser, &error, "code", &app.code(&t)).await.ok();
}

async fn a_question_is_good_in_its_browser_once_and_for_five_minutes(t: TestApp) {
    let app = enrol(&t, &t.owner().await).await;
    let (browser, asked) = password(&t, OWNER).await;
    let (other, asked_other) = password(&t, OWNER).await;
    // the challenge taken to a browser without, and to one with another, cookie
    answer(&t.client(), &asked, "code", &app.code(&t)).await.refused(401, "authentication_error");
    answer(&other, &asked, "code", &app.code(&t)).await.refused(401, "authentication_error");
    answer(&browser, &json!({"challenge": "none"}), "code", &app.code(&t))
        .await
        .refused(401, "authentication_error");
    answer(&browser, &asked, "code", &app.code(&t)).await.ok();
    t.clock.advance(30);
    answer(&browser, &asked, "code", &app.code(&t)).await.refused(401, "authentication_error");
    t.clock.advance(300);
    answer(&other, &asked_other, "code", &app.code(&t)).await.refused(401, "authentication_error");
}

async fn a_new_password_voids_the_questions_that_followed_the_old_one(t: TestApp) {
    let app = enrol(&t, &t.owner().await).await;
    let (browser, asked) = password(&t, OWNER).await;
    t.clock.advance(1);
    let (email, password) = (OWNER.parse().unwrap(), Secret::new("another long enough password"));
    let new = NewOwner { workspace: "Main".to_owned(), email, password, is_lab: false };
    t.app.identity().create_owner(&t.app.machine(), new).await.unwrap();
    answer(&browser, &asked, "code", &app.code(&t)).await.refused(401, "authentication_error");
}

async fn a_recovery_code_signs_in_once(t: TestApp) {
    let owner = t.owner().await;
    let app = enrol(&t, &owner).await;
    assert_eq!(app.recovery_codes.len(), 10);
    let typed = app.recovery_codes[3].to_uppercase().replace('-', " ");
    let (browser, asked) = password(&t, OWNER).await;
    answer(&browser, &asked, "recoveryCode", &typed).await.ok();
    assert_eq!(subjects(&owner).await[0], "A recovery code was used");
    let (browser, asked) = password(&t, OWNER).await;
    answer(&browser, &asked, "recoveryCode", &app.recovery_codes[3])
        .await
        .refused(401, "authentication_error");
    for odd in ["", "x", "0000-0000-0000-0000", &"0".repeat(500)] {
        let (browser, asked) = password(&t, OWNER).await;
        answer(&browser, &asked, "recoveryCode", odd).await.refused(401, "authentication_error");
    }
    assert_eq!(owner.get(super::FACTORS).await.ok()["recoveryCodesLeft"], 9);
    let renewed = owner.post_to(&format!("{}/recovery-codes", super::FACTORS)).await.ok();
    assert_eq!(renewed["recoveryCodes"].as_array().unwrap().len(), 10);
    let (browser, asked) = password(&t, OWNER).await;
    answer(&browser, &asked, "recoveryCode", &app.recovery_codes[0])
        .await
        .refused(401, "authentication_error");
}

async fn exactly_one_answer_is_taken_and_no_trial(t: TestApp) {
    let app = enrol(&t, &t.owner().await).await;
    let (browser, asked) = password(&t, OWNER).await;
    let challenge = &asked["challenge"];
    let none = browser.post(super::SECOND_STEP, json!({"challenge": challenge})).await;
    none.refused(400, "validation_error");
    let two = json!({"challenge": challenge, "code": app.code(&t), "recoveryCode": app.recovery_codes[0]});
    browser.post(super::SECOND_STEP, two).await.refused(400, "validation_error");
    let trial = format!("{}?dryRun=true", super::SECOND_STEP);
    let tried = browser.post(&trial, json!({"challenge": challenge, "code": app.code(&t)})).await;
    tried.refused(400, "invalid_request_error");
    answer(&browser, &asked, "code", &app.code(&t)).await.ok();
}

async fn single_sign_on_and_the_command_line_ask_no_second_step(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    t.person("ada@lab.test", Role::Member).await;
    enrol(&t, &t.sign_in("ada@lab.test").await).await;
    let browser = t.client();
    assert_eq!(t.enter_from_lab(&browser, &lab.id, "ada").await.status, 303);
    assert_eq!(browser.get("/api/v1/me").await.ok()["user"]["email"], "ada@lab.test");
    let email = "ada@lab.test".parse().unwrap();
    let token = t.app.identity().console_token(&t.app.machine(), "Main", &email, 60).await.unwrap();
    t.client().with_token(token.expose()).get("/api/v1/me").await.ok();
    assert_eq!(
        t.client().post(LOGIN, json!({"email": "ada@lab.test", "password": PASSWORD})).await.status,
        401
    );
}

async fn an_unusual_sign_in_is_told_when_its_second_step_is_right(t: TestApp) {
    let owner = t.owner().await;
    let app = enrol(&t, &owner).await;
    let browser = t.client();
    let ask = async |path: &str, body: Value| {
        let request = browser.request("POST", path).header("user-agent", "curl/8");
        browser.send(request.header("content-type", "application/json").body(body.to_string())).await
    };
    let told = async || subjects(&owner).await.contains(&"New sign-in to your account".to_owned());
    let asked = ask(LOGIN, json!({"email": OWNER, "password": PASSWORD})).await.json()["error"].clone();
    let answer = |code: String| json!({"challenge": asked["challenge"], "code": code});
    ask(SECOND_STEP, answer(app.wrong(&t))).await.refused(401, "authentication_error");
    assert!(!told().await);
    ask(SECOND_STEP, answer(app.code(&t))).await.ok();
    assert!(told().await);
    // what the second step became since does not matter to the link
    let email = OWNER.parse().unwrap();
    t.app.identity().reset_factors(&t.app.machine(), "Main", &email).await.unwrap();
    let token = t.mailed_token(OWNER, "not-me").await;
    assert_eq!(browser.get(&format!("/not-me/{token}")).await.status, 200);
}

on_both![
    after_the_password_a_code_signs_in,
    a_second_step_tells_nothing_to_who_has_no_password,
    a_code_is_good_once,
    of_two_uses_of_one_code_at_the_same_time_one_wins,
    a_new_password_and_an_answer_at_the_same_time_do_not_wait_for_each_other_for_ever,
    five_wrong_answers_close_the_question_and_tell_the_person,
    an_account_slows_down_over_many_questions_and_recovers,
    a_question_is_good_in_its_browser_once_and_for_five_minutes,
    a_new_password_voids_the_questions_that_followed_the_old_one,
    a_recovery_code_signs_in_once,
    exactly_one_answer_is_taken_and_no_trial,
    single_sign_on_and_the_command_line_ask_no_second_step,
    an_unusual_sign_in_is_told_when_its_second_step_is_right,
];
