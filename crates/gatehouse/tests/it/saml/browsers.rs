use gatehouse_types::Role;

use super::{refused_for, signed_in_as};
use crate::support::{TestApp, on_both};

async fn an_answer_in_another_browser_is_refused(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let start = format!("/sso/{}/start", lab.id);
    let (attacker, victim) = (t.client(), t.client());
    let form = t.ask_lab(&attacker, &start, "mallory", "none").await;
    let answer = form.send(&victim).await;
    refused_for(&owner, &lab, &victim, &answer, "browser_mismatch").await;
    // a browser with an attempt of its own is another browser too
    t.ask_lab(&victim, &start, "ada", "none").await;
    let answer = form.send(&victim).await;
    refused_for(&owner, &lab, &victim, &answer, "browser_mismatch").await;
}

async fn a_refused_answer_does_not_use_the_request_up(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let browser = t.client();
    let form = t.ask_lab(&browser, &format!("/sso/{}/start", lab.id), "ada", "none").await;
    assert_eq!(form.send(&t.client()).await.status, 401);
    assert_eq!(form.send(&browser).await.status, 303);
}

async fn two_windows_of_one_browser_both_end_well(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let browser = t.client();
    let start = format!("/sso/{}/start", lab.id);
    let first = t.ask_lab(&browser, &start, "ada", "none").await;
    let second = t.ask_lab(&browser, &start, "bruno", "none").await;
    assert_eq!(first.send(&browser).await.status, 303);
    let ada = browser.cookie("gatehouse_session").unwrap();
    assert_eq!(second.send(&browser).await.status, 303);
    signed_in_as(&browser, "bruno@lab.test").await;
    // the session that was replaced has ended
    let old = t.client();
    old.set_cookie("gatehouse_session", &ada);
    old.get("/api/v1/me").await.refused(401, "authentication_error");
}

/// Posts one response many times at once and counts the sign-ins.
async fn race(t: &TestApp, form: &crate::support::Form, browser: &crate::support::Client) -> (usize, usize) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (form, caller) = (form.clone(), t.client());
        if let Some(attempt) = browser.cookie("gatehouse_attempt") {
            caller.set_cookie("gatehouse_attempt", &attempt);
        }
        tasks.spawn(async move { form.send(&caller).await });
    }
    let answers = tasks.join_all().await;
    let with = |status: u16| answers.iter().filter(|a| a.status == status).count();
    (with(303), with(401))
}

async fn twenty_posts_of_one_response_at_once_make_one_session(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let browser = t.client();
    let unasked = t.lab_portal(&browser, &lab.id, &[("person", "bruno")]).await;
    assert_eq!(race(&t, &unasked, &browser).await, (1, 19));
    let asked = t.ask_lab(&browser, &format!("/sso/{}/start", lab.id), "ada", "none").await;
    assert_eq!(race(&t, &asked, &browser).await, (1, 19));
    let events = owner.get("/api/v1/audit-events?event=sso.signed-in").await.ok();
    assert_eq!(events["pagination"]["totalItems"], 2);
    let people = owner.get(&format!("{}/identities", lab.path)).await.ok();
    assert_eq!(people["pagination"]["totalItems"], 2);
}

async fn many_first_sign_ins_of_one_person_at_once_make_one_account(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (form, browser) = (t.hand_made(&lab.id, "ada@lab.test", "ada@lab.test").await, t.client());
        tasks.spawn(async move { form.send(&browser).await });
    }
    for answer in tasks.join_all().await {
        assert_eq!(answer.status, 303, "{}", answer.body);
    }
    let people = owner.get(&format!("{}/identities", lab.path)).await.ok();
    assert_eq!(people["pagination"]["totalItems"], 1);
    let made = owner.get("/api/v1/audit-events?event=user.created").await.ok();
    assert_eq!(made["pagination"]["totalItems"], 2, "the owner and Ada: {made}");
}

async fn a_session_of_another_way_ends_when_the_provider_signs_in_the_browser(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    t.person("member@main.test", Role::Member).await;
    let browser = t.browser("member@main.test").await;
    let before = browser.cookie("gatehouse_session").unwrap();
    assert_eq!(t.enter_from_lab(&browser, &lab.id, "ada").await.status, 303);
    signed_in_as(&browser, "ada@lab.test").await;
    let old = t.client();
    old.set_cookie("gatehouse_session", &before);
    old.get("/api/v1/me").await.refused(401, "authentication_error");
}

on_both![
    an_answer_in_another_browser_is_refused,
    a_refused_answer_does_not_use_the_request_up,
    two_windows_of_one_browser_both_end_well,
    twenty_posts_of_one_response_at_once_make_one_session,
    many_first_sign_ins_of_one_person_at_once_make_one_account,
    a_session_of_another_way_ends_when_the_provider_signs_in_the_browser,
];
