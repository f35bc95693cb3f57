use gatehouse_lab::openid::faults::LogoutTokenFault;

use super::newest_failure;
use crate::support::{Answer, Client, Form, LabConnection, TestApp, on_both};

async fn is_in(browser: &Client) -> bool {
    browser.get("/api/v1/me").await.status == 200
}

/// What the lab would tell Gatehouse about a person.
async fn told(t: &TestApp, lab: &LabConnection, person: &str, fault: &str) -> Form {
    let browser = t.client();
    let page = browser.get(&format!("{}/logout", t.lab().openid_path())).await;
    let mut form = Form::read(&page.body).unwrap();
    let more = [("person", person), ("connection", lab.id.as_str()), ("fault", fault)];
    form.fields.extend(more.map(|(n, v)| (n.to_owned(), v.to_owned())));
    let answer = form.send(&browser).await;
    Form::read(&answer.body).unwrap_or_else(|| panic!("no form: {}", answer.body))
}

async fn tell(t: &TestApp, form: &Form) -> Answer {
    form.send(&t.client()).await
}

async fn a_logout_token_ends_the_sessions_of_its_person_at_once(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    let (ada, phone, bruno) = (t.client(), t.client(), t.client());
    for (browser, person) in [(&ada, "ada"), (&phone, "ada"), (&bruno, "bruno")] {
        assert_eq!(t.enter_openid(browser, &lab, person).await.status, 303);
    }
    let form = told(&t, &lab, "ada", "none").await;
    let taken = tell(&t, &form).await;
    assert_eq!((taken.status, taken.header("cache-control")), (200, Some("no-store")), "{}", taken.body);
    assert!(!is_in(&ada).await && !is_in(&phone).await && is_in(&bruno).await);
    // it counts once
    let again = tell(&t, &form).await;
    assert_eq!(again.status, 400, "{}", again.body);
    assert_eq!(newest_failure(&owner, &lab).await["reason"], "replayed");
    // and the person comes in again afterwards
    t.clock.advance(1);
    assert_eq!(t.enter_openid(&ada, &lab, "ada").await.status, 303);
    assert!(is_in(&ada).await);
}

async fn a_logout_token_of_one_session_ends_that_one(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    let browser = t.client();
    assert_eq!(t.enter_openid(&browser, &lab, "ada").await.status, 303);
    // the lab remembers one session, so it names it
    assert_eq!(tell(&t, &told(&t, &lab, "ada", "none").await).await.status, 200);
    assert!(!is_in(&browser).await);
    let events = owner.get("/api/v1/audit-events?event=sso.logout-received").await.ok();
    assert_eq!(events["data"][0]["details"]["sessionsEnded"], 1, "{events}");
}

async fn every_wrong_logout_token_is_refused_and_ends_nothing(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    let browser = t.client();
    assert_eq!(t.enter_openid(&browser, &lab, "ada").await.status, 303);
    for fault in LogoutTokenFault::ALL {
        let answer = tell(&t, &told(&t, &lab, "ada", fault.code()).await).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        let attempt = newest_failure(&owner, &lab).await;
        assert_eq!(attempt["reason"], fault.expected_reason(), "{attempt}");
        assert_eq!(attempt["decision"], answer.decision(), "{attempt}");
        assert_eq!(attempt["flow"], "logout");
    }
    let path = format!("/oidc/backchannel-logout/{}", lab.id);
    let malformed = t.client().form(&path, &[("logout_token".to_owned(), "x".to_owned())]).await;
    assert_eq!(malformed.status, 400, "{}", malformed.body);
    assert_eq!(newest_failure(&owner, &lab).await["reason"], "token_malformed");
    assert_eq!(t.client().form(&path, &[]).await.status, 400);
    let unknown = "/oidc/backchannel-logout/con_unknown";
    assert_eq!(t.client().form(unknown, &[("logout_token".to_owned(), "x".to_owned())]).await.status, 404);
    assert!(is_in(&browser).await);
}

async fn an_id_token_is_no_logout_token_and_the_other_way_round(t: TestApp) {
    use crate::support::{Asked, Op, Signer};
    let owner = t.owner().await;
    let op = Op::start().await;
    let key = Signer::new("ES256", "one");
    op.publish(&[&key.jwk]);
    let lab = t.active_openid(&owner, op.body("Op"), "lab.test").await;
    let browser = t.client();
    let asked = Asked::start(&browser, &lab.id).await;
    let now = gatehouse_types::Clock::now(&*t.clock).seconds();
    let id_token = key.token(&op.claims(&asked, now));
    op.give(&id_token);
    assert_eq!(asked.back(&browser, "code=c").await.status, 303);
    let path = format!("/oidc/backchannel-logout/{}", lab.id);
    let told = t.client().form(&path, &[("logout_token".to_owned(), id_token)]).await;
    assert_eq!(told.status, 400, "{}", told.body);
    assert_eq!(newest_failure(&owner, &lab).await["reason"], "logout_event_missing");
    assert!(is_in(&browser).await);
}

async fn signing_out_here_leads_by_the_provider_and_back(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.openid_lab(&owner).await;
    let browser = t.client();
    assert_eq!(t.enter_openid(&browser, &lab, "ada").await.status, 303);
    let page = browser.get("/account").await;
    let form = Form::read_to(&page.body, "/sign-out").unwrap_or_else(|| panic!("no way out: {}", page.body));
    let out = form.send(&browser).await;
    let ticket = out.location().unwrap_or_else(|| panic!("{}", out.body)).to_owned();
    assert!(ticket.starts_with("/sso/logout/"), "{ticket}");
    assert!(!is_in(&browser).await, "ours ends first");
    let away = browser.get(&ticket).await;
    let at = away.body.find("/oidc/end_session?").unwrap_or_else(|| panic!("{}", away.body));
    let way: String = away.body[at..].chars().take_while(|c| *c != '"').collect();
    let way = way.replace("&#38;", "&").replace("&amp;", "&");
    assert!(way.contains("id_token_hint=eyJ") && way.contains("post_logout_redirect_uri="), "{way}");
    let back = browser.get(&format!("{}{}", t.lab().home_path(), way)).await;
    let back = back.location().unwrap_or_else(|| panic!("{}", back.body)).to_owned();
    assert!(back.contains(&format!("/oidc/logged-out/{}?state=", lab.id)), "{back}");
    let home = browser.get(&back).await;
    assert_eq!((home.status, home.location()), (303, Some("/login")));
    let events = owner.get("/api/v1/audit-events?event=sso.logout-answered").await.ok();
    assert_eq!(events["pagination"]["totalItems"], 1, "{events}");
    // a guess, or the same once more, tells nothing
    assert_eq!(browser.get(&back).await.status, 303);
    let events = owner.get("/api/v1/audit-events?event=sso.logout-answered").await.ok();
    assert_eq!(events["pagination"]["totalItems"], 1, "{events}");
}

on_both![
    a_logout_token_ends_the_sessions_of_its_person_at_once,
    a_logout_token_of_one_session_ends_that_one,
    every_wrong_logout_token_is_refused_and_ends_nothing,
    an_id_token_is_no_logout_token_and_the_other_way_round,
    signing_out_here_leads_by_the_provider_and_back,
];
