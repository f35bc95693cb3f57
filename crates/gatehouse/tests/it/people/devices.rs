use gatehouse_store::{Queries, sql};
use gatehouse_types::{Id, Role, UserId};
use serde_json::json;

use super::submit;
use crate::support::{Answer, Client, PASSWORD, TestApp, on_both};

const WHO: &str = "ada.byron@main.test";
const LOGIN: &str = "/api/v1/auth/login";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const NEWER_FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";
const SAFARI: &str =
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15";
const NEW: &str = "New sign-in to your account";

/// A program that calls itself so, signing in.
async fn sign_in(t: &TestApp, agent: &str, password: &str) -> Answer {
    let client = t.client();
    let body = json!({"email": WHO, "password": password}).to_string();
    let request = client.request("POST", LOGIN).header("user-agent", agent);
    client.send(request.header("content-type", "application/json").body(body)).await
}

/// A browser that calls itself so, signing in on the page.
async fn sign_in_on_the_page(browser: &Client, email: &str, agent: &str) -> Answer {
    let shown = browser.get("/login").await.body;
    let proof = shown.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = [("csrf", proof), ("email", email), ("password", PASSWORD)];
    let request = browser.request("POST", "/login/password").header("user-agent", agent);
    browser.send(request.form(&form)).await
}

async fn subjects(t: &TestApp) -> Vec<String> {
    t.mails_to(WHO).await.into_iter().map(|(subject, _)| subject).collect()
}

async fn known(t: &TestApp) -> i64 {
    let count = sql("SELECT COUNT(*) AS n FROM known_devices");
    t.app.store().reader().fetch_optional(count).await.unwrap().unwrap().int("n").unwrap()
}

async fn a_sign_in_unlike_those_before_is_told_by_mail_once(t: TestApp) {
    t.person(WHO, Role::Member).await;
    let first = sign_in(&t, FIREFOX, PASSWORD).await;
    sign_in(&t, NEWER_FIREFOX, PASSWORD).await.ok();
    assert_eq!(subjects(&t).await, [""; 0], "neither the first one nor one like it");
    let other = sign_in(&t, SAFARI, PASSWORD).await;
    assert!(other.headers.keys().eq(first.headers.keys()), "the answer is as ever");
    let mails = t.mails_to(WHO).await;
    assert_eq!((mails.len(), mails[0].0.as_str()), (1, NEW));
    for part in ["127.0.0.1", "Safari on a Mac", "/not-me/", "UTC"] {
        assert!(mails[0].1.contains(part), "{part}: {}", mails[0].1);
    }
    sign_in(&t, SAFARI, PASSWORD).await.ok();
    assert_eq!(subjects(&t).await.len(), 1, "it is known now");
    let log = t.owner().await.get("/api/v1/audit-events?event=session.unusual").await.ok();
    let told = json!({"email": WHO, "newDevice": true, "failuresBefore": null});
    assert_eq!((&log["pagination"]["totalItems"], &log["data"][0]["details"]), (&json!(1), &told));
    // nobody but the recipient reads the link
    let admin = t.member_of(Role::Admin).await.get("/api/v1/outbox").await;
    assert!(admin.body.contains(NEW) && !admin.body.contains("/not-me/"), "{}", admin.body);
}

async fn a_browser_is_known_by_its_cookie_wherever_it_is(t: TestApp) {
    t.person(WHO, Role::Member).await;
    let browser = t.client();
    let signed = sign_in_on_the_page(&browser, WHO, FIREFOX).await;
    assert_eq!(signed.status, 303, "{}", signed.body);
    let set: Vec<_> = signed.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
    let cookie = set.iter().find(|c| c.starts_with("gatehouse_device=")).unwrap_or_else(|| panic!("{set:?}"));
    assert!(cookie.contains("; HttpOnly; SameSite=Lax; Max-Age=15552000"), "{cookie}");
    let value = browser.cookie("gatehouse_device").unwrap();
    // another kind of browser, but the same cookie: an update, or a new phone
    sign_in_on_the_page(&browser, WHO, SAFARI).await;
    assert_eq!((browser.cookie("gatehouse_device").unwrap(), subjects(&t).await), (value.clone(), vec![]));
    // what the person was not given is not taken up
    let forged = t.client();
    forged.set_cookie("gatehouse_device", &"A".repeat(43));
    sign_in_on_the_page(&forged, WHO, "curl/8").await;
    assert_eq!(subjects(&t).await, [NEW]);
    assert_ne!(forged.cookie("gatehouse_device").unwrap(), "A".repeat(43));
    // somebody else's cookie makes nobody known
    let other = "other@main.test";
    t.person(other, Role::Member).await;
    sign_in_on_the_page(&t.client(), other, FIREFOX).await;
    sign_in_on_the_page(&browser, other, SAFARI).await;
    assert_eq!(t.mails_to(other).await[0].0, NEW);
    assert_ne!(browser.cookie("gatehouse_device").unwrap(), value);
    let program = sign_in(&t, FIREFOX, PASSWORD).await;
    assert!(program.headers.get_all("set-cookie").iter().all(|c| !c.to_str().unwrap().contains("_device=")));
}

async fn a_success_after_many_failures_is_told_by_mail(t: TestApp) {
    t.person(WHO, Role::Member).await;
    sign_in(&t, FIREFOX, PASSWORD).await.ok();
    let fail = async |times: usize| {
        for _ in 0..times {
            sign_in(&t, SAFARI, "wrong").await.refused(401, "authentication_error");
        }
    };
    fail(9).await;
    sign_in(&t, FIREFOX, PASSWORD).await.ok();
    assert_eq!(subjects(&t).await, [""; 0]);
    t.clock.advance(3600);
    fail(10).await;
    sign_in(&t, FIREFOX, PASSWORD).await.ok();
    let mails = t.mails_to(WHO).await;
    assert_eq!((mails.len(), mails[0].0.as_str()), (1, "Sign-in to your account after failed tries"));
    assert!(mails[0].1.contains("after 10 tries"), "{}", mails[0].1);
    sign_in(&t, FIREFOX, PASSWORD).await.ok();
    assert_eq!(subjects(&t).await.len(), 1, "they count anew");
    t.clock.advance(3600);
    fail(10).await;
    t.clock.advance(86_401);
    sign_in(&t, FIREFOX, PASSWORD).await.ok();
    assert_eq!(subjects(&t).await.len(), 1, "what is long past counts no more");
}

async fn whoever_says_it_was_not_me_ends_everything_and_comes_back_by_mail(t: TestApp) {
    t.person(WHO, Role::Member).await;
    let other = t.workspace("Other").await;
    t.clock.advance(1);
    t.person_in(&other, WHO, Role::Viewer).await;
    let first = sign_in(&t, FIREFOX, PASSWORD).await.ok();
    let stolen = sign_in(&t, SAFARI, PASSWORD).await.ok();
    let token = t.mailed_token(WHO, "not-me").await;
    let path = format!("/not-me/{token}");
    let browser = t.client();
    let page = browser.get(&path).await;
    assert_eq!((page.status, page.header("referrer-policy")), (200, Some("strict-origin")));
    let callers: Vec<_> =
        [&first, &stolen].map(|s| t.client().with_token(s["accessToken"].as_str().unwrap())).into();
    for caller in &callers {
        caller.get("/api/v1/me").await.ok();
    }
    assert_eq!(t.client().form(&path, &[]).await.status, 403, "only the page's own form");
    let said = submit(&browser, &path, &path, &[]).await;
    assert_eq!((said.status, said.location()), (303, Some("/login")), "{}", said.body);
    for caller in &callers {
        caller.get("/api/v1/me").await.refused(401, "authentication_error");
    }
    sign_in(&t, FIREFOX, PASSWORD).await.refused(401, "authentication_error");
    for owner in [t.owner().await, t.sign_in("owner@other.test").await] {
        let log = owner.get("/api/v1/audit-events?event=session.reported").await.ok();
        assert_eq!(log["data"][0]["details"], json!({"email": WHO}), "{log}");
    }
    let ended = t.owner().await.get("/api/v1/audit-events?event=session.ended").await.ok();
    let reported = ended["data"].as_array().unwrap().iter().filter(|e| e["details"]["reason"] == "reported");
    assert_eq!(reported.count(), 2, "{ended}");
    assert_eq!(browser.get(&path).await.status, 400, "it counts once");
    let reset = t.mailed_token(WHO, "reset").await;
    let body = json!({"token": reset, "password": "seven quiet elephants"});
    t.client().post("/api/v1/auth/password-reset/confirm", body).await.ok();
    sign_in(&t, FIREFOX, "seven quiet elephants").await.ok();
    assert_eq!(subjects(&t).await[0], NEW, "no device is known any more");
}

async fn nothing_in_flight_outlives_the_report(t: TestApp) {
    t.person(WHO, Role::Member).await;
    sign_in(&t, FIREFOX, PASSWORD).await.ok();
    let stolen = sign_in(&t, SAFARI, PASSWORD).await.ok();
    let path = format!("/not-me/{}", t.mailed_token(WHO, "not-me").await);
    let thief = t.client().with_token(stolen["accessToken"].as_str().unwrap());
    let chosen = "seven quiet elephants";
    let passwords = json!({"currentPassword": PASSWORD, "newPassword": chosen});
    let there = json!({"workspaceId": stolen["workspaceId"]});
    let browser = t.client();
    let (changed, went, again, said) = tokio::join!(
        thief.put("/api/v1/me/password", passwords),
        thief.post("/api/v1/auth/switch-workspace", there.clone()),
        thief.post("/api/v1/auth/switch-workspace", there),
        submit(&browser, &path, &path, &[]),
    );
    assert_eq!(said.status, 303, "{}", said.body);
    // done before it, or refused: the session, or the password, had ended by then
    assert!([204, 200, 400, 401, 409].contains(&changed.status), "{}", changed.body);
    for gone_on in [went, again] {
        if gone_on.status == 200 {
            let token = gone_on.ok()["accessToken"].as_str().unwrap().to_owned();
            t.client().with_token(&token).get("/api/v1/me").await.refused(401, "authentication_error");
        }
    }
    for password in [PASSWORD, chosen] {
        sign_in(&t, SAFARI, password).await.refused(401, "authentication_error");
    }
    let live = sql("SELECT COUNT(*) AS n FROM sessions s JOIN users u ON u.id = s.user_id \
         WHERE u.email = $1 AND s.ended_at IS NULL")
    .bind(WHO);
    let live = t.app.store().reader().fetch_optional(live).await.unwrap().unwrap().int("n").unwrap();
    assert_eq!(live, 0);
}

async fn a_link_that_says_so_expires(t: TestApp) {
    t.person(WHO, Role::Member).await;
    sign_in(&t, FIREFOX, PASSWORD).await.ok();
    sign_in(&t, SAFARI, PASSWORD).await.ok();
    let path = format!("/not-me/{}", t.mailed_token(WHO, "not-me").await);
    t.clock.advance(7 * 86_400 + 1);
    let late = t.client().get(&path).await;
    assert!(late.status == 400 && late.body.contains("does not count any more"), "{}", late.body);
    let posted = submit(&t.client(), "/login", &path, &[]).await;
    assert_eq!(posted.status, 400, "{}", posted.body);
    sign_in(&t, FIREFOX, PASSWORD).await.ok();
}

async fn devices_are_few_mails_fewer_and_both_are_forgotten(t: TestApp) {
    t.person(WHO, Role::Member).await;
    for n in 0..30 {
        t.clock.advance(1);
        sign_in(&t, &format!("program{n}/1"), PASSWORD).await.ok();
    }
    assert_eq!(known(&t).await, 20);
    assert_eq!(subjects(&t).await.len(), 5, "a person gets few such mails at once");
    t.clock.advance(180 * 86_400 + 1);
    sign_in(&t, "program29/1", PASSWORD).await.ok();
    assert_eq!(subjects(&t).await.len(), 6, "not seen for long: not known any more");
    assert_eq!(known(&t).await, 1);
}

async fn a_restored_database_knows_no_device_and_no_link(t: TestApp) {
    t.person(WHO, Role::Member).await;
    sign_in(&t, FIREFOX, PASSWORD).await.ok();
    sign_in(&t, SAFARI, PASSWORD).await.ok();
    let path = format!("/not-me/{}", t.mailed_token(WHO, "not-me").await);
    let mut tx = t.app.store().begin_always().await.unwrap();
    gatehouse_identity::after_restore(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((known(&t).await, t.client().get(&path).await.status), (0, 400));
    sign_in(&t, FIREFOX, PASSWORD).await.ok();
    assert_eq!(subjects(&t).await.len(), 2);
}

async fn a_sign_in_through_a_provider_is_learnt_and_never_told(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    for _ in 0..2 {
        assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303);
    }
    assert_eq!(t.mails_to("ada@lab.test").await, []);
    let count = sql("SELECT mark FROM known_devices WHERE user_id <> $1");
    let me = owner.get("/api/v1/me").await.ok()["user"]["id"].as_str().unwrap().to_owned();
    let rows = t.app.store().reader().fetch_all(count.bind(&UserId::from_stored(me))).await.unwrap();
    let marks: Vec<_> = rows.iter().map(|r| r.text("mark").unwrap()).collect();
    assert_eq!(marks, ["127.0.0.0/24 an unnamed program"]);
}

on_both![
    a_sign_in_unlike_those_before_is_told_by_mail_once,
    a_browser_is_known_by_its_cookie_wherever_it_is,
    a_success_after_many_failures_is_told_by_mail,
    whoever_says_it_was_not_me_ends_everything_and_comes_back_by_mail,
    nothing_in_flight_outlives_the_report,
    a_link_that_says_so_expires,
    devices_are_few_mails_fewer_and_both_are_forgotten,
    a_restored_database_knows_no_device_and_no_link,
    a_sign_in_through_a_provider_is_learnt_and_never_told,
];
