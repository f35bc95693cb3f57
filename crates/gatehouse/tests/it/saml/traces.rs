//! Traces: every attempt with its checks in plain words, its message without the person, and links for people without
//! an account.

use gatehouse_saml::idp::Fault;
use serde_json::{Value, json};

use crate::support::{Answer, Client, LabConnection, TestApp, on_both};

const DAY: i64 = 86_400;

/// A sign-in that began here and was refused for a fault of the lab; what the person got.
async fn fail(t: &TestApp, lab: &LabConnection, fault: Fault) -> Answer {
    let browser = t.client();
    let form = t.ask_lab(&browser, &format!("/sso/{}/start", lab.id), "ada", fault.code()).await;
    form.send(&browser).await
}

async fn listed(by: &Client, lab: &LabConnection, query: &str) -> Vec<Value> {
    by.get(&format!("{}/attempts?{query}", lab.path)).await.ok()["data"].as_array().unwrap().clone()
}

async fn newest(by: &Client, lab: &LabConnection) -> String {
    let first = listed(by, lab, "pageSize=1").await[0]["id"].clone();
    format!("{}/attempts/{}", lab.path, first.as_str().unwrap())
}

async fn events(by: &Client, event: &str) -> usize {
    let found = by.get(&format!("/api/v1/audit-events?event={event}")).await.ok();
    usize::try_from(found["pagination"]["totalItems"].as_u64().unwrap()).unwrap()
}

/// A page without the one thing that differs between two of the same.
fn without_request(answer: &Answer) -> String {
    answer.body.replace(answer.header("x-request-id").unwrap(), "")
}

async fn a_trace_tells_what_was_expected_what_was_found_and_what_to_do(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let refused = fail(&t, &lab, Fault::WrongAudience).await;
    let path = newest(&owner, &lab).await;
    let trace = owner.get(&path).await.ok();
    assert_eq!((&trace["outcome"], &trace["reason"]), (&json!("failure"), &json!("audience_mismatch")));
    assert_eq!(trace["decision"], json!(refused.decision()));
    assert_eq!(trace["requestId"], json!(refused.header("x-request-id").unwrap()));
    assert_eq!(trace["ip"], "127.0.0.1");
    let checks = trace["checks"].as_array().unwrap();
    let failed = checks.last().unwrap();
    assert_eq!(
        (&failed["ok"], &failed["title"]),
        (&json!(false), &json!("Audience is this service provider"))
    );
    assert_eq!(
        failed["whatToDo"],
        "SAML: set our entity id as the audience at the provider. OpenID Connect: compare the client id."
    );
    assert!(checks[..checks.len() - 1].iter().all(|c| c["ok"] == true && c["whatToDo"] == Value::Null));
    let compared = |what: &str| {
        let all = trace["compared"].as_array().unwrap();
        all.iter().find(|c| c["what"] == what).unwrap().clone()
    };
    let audience = compared("Audience");
    assert_eq!(audience["matches"], false, "{audience}");
    assert!(audience["expected"].as_array().unwrap().contains(&json!(t.app.sso().entity_id())));
    assert!(!audience["found"].as_array().unwrap().is_empty());
    for fits in ["Issuer", "Destination", "Recipient", "Answers the request", "Signing certificate (SHA-256)"]
    {
        assert_eq!(compared(fits)["matches"], true, "{fits}: {}", compared(fits));
    }
    let certificates = &trace["certificates"];
    assert_eq!(certificates["used"], certificates["pinned"][0]);
    assert!(trace["clockDifferenceSeconds"].as_i64().unwrap().abs() <= 1, "{trace}");
    let times = trace["times"].as_array().unwrap();
    assert!(times.iter().any(|m| m["what"] == "Valid until" && m["at"].is_string()), "{times:?}");
}

async fn a_clock_that_is_ahead_is_measured(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let form = t
        .hand_made_with(&lab.id, "ada@lab.test", |r| {
            r.issued_at += 300 * 1_000_000;
        })
        .await;
    assert_eq!(form.send(&t.client()).await.status, 401);
    let trace = owner.get(&newest(&owner, &lab).await).await.ok();
    assert_eq!(trace["reason"], "issued_in_future");
    assert!((299..=300).contains(&trace["clockDifferenceSeconds"].as_i64().unwrap()), "{trace}");
}

async fn the_message_is_shown_without_the_person_until_somebody_asks(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303);
    let path = newest(&owner, &lab).await;
    let trace = owner.get(&path).await.ok();
    assert_eq!((&trace["outcome"], &trace["email"]), (&json!("success"), &json!("ada@lab.test")));
    let message = trace["message"].as_str().unwrap();
    for hidden in ["ada@", "Ada", "Lovelace"] {
        assert!(!message.contains(hidden) && message.contains("•••"), "{hidden} in {message}");
    }
    assert!(
        message.contains("characters)</ds:SignatureValue>") || message.contains("characters)</"),
        "{message}"
    );
    assert!(message.contains(&t.lab().entity_id()), "{message}");
    assert_eq!(events(&owner, "sso.trace-revealed").await, 0);
    let trial = owner.post_to(&format!("{path}/reveal?dryRun=true")).await;
    assert_eq!(trial.ok()["effects"][0]["event"], "sso.trace-revealed");
    let revealed = owner.post_to(&format!("{path}/reveal")).await.ok();
    assert!(revealed["message"].as_str().unwrap().contains("ada@lab.test"), "{revealed}");
    assert_eq!(events(&owner, "sso.trace-revealed").await, 1);
    // a person of nobody's domain leaves nothing to reveal
    let foreign = t.hand_made(&lab.id, "eve@foreign.test", "eve@foreign.test").await;
    foreign.send(&t.client()).await;
    let path = newest(&owner, &lab).await;
    let kept = owner.post_to(&format!("{path}/reveal")).await;
    assert_eq!(kept.ok()["message"], Value::Null);
    assert!(!kept.body.contains("eve"), "{}", kept.body);
}

async fn attempts_are_found_by_outcome_reason_person_time_and_flow(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    t.enter_from_lab(&t.client(), &lab.id, "ada").await;
    fail(&t, &lab, Fault::WrongAudience).await;
    let count = async |query: &str| listed(&owner, &lab, query).await.len();
    assert_eq!(count("").await, 2);
    assert_eq!(count("outcome=success").await, 1);
    assert_eq!(count("outcome=failure&reason=audience_mismatch").await, 1);
    assert_eq!(count("reason=audience").await, 0);
    assert_eq!((count("search=ADA@lab").await, count("search=a_a").await), (1, 0));
    assert_eq!((count("flow=idp-initiated").await, count("flow=sp-initiated").await), (1, 1));
    let now = gatehouse_types::Clock::now(&*t.clock);
    let (before, after) = (now.plus_seconds(-3600).to_string(), now.plus_seconds(60).to_string());
    assert_eq!(count(&format!("startDate={before}&endDate={after}")).await, 2);
    assert_eq!(
        (count(&format!("startDate={after}")).await, count(&format!("endDate={before}")).await),
        (0, 0)
    );
    assert_eq!(count(&format!("startDate={0}&endDate={0}", &now.to_string()[..10])).await, 2, "a whole day");
    for wrong in ["outcome=odd", "flow=odd", "startDate=yesterday", "endDate=2026-02-31"] {
        let refused =
            owner.get(&format!("{}/attempts?{wrong}", lab.path)).await.refused(400, "validation_error");
        assert_eq!(refused["field"], wrong.split('=').next().unwrap());
    }
}

async fn what_never_was_a_response_leaves_an_attempt_too(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let own = format!("/saml/acs/{}", lab.id);
    let post = async |path: &str, name: &str, value: String| {
        let answer = t.client().form(path, &[(name.to_owned(), value)]).await;
        let attempt = listed(&owner, &lab, "pageSize=1").await[0].clone();
        assert_eq!(attempt["decision"], json!(answer.decision()), "{attempt}");
        (answer.status, attempt["reason"].as_str().unwrap().to_owned(), attempt["flow"].clone())
    };
    let idp = format!("{own}/idp");
    let (sp_flow, idp_flow) = (json!("sp-initiated"), json!("idp-initiated"));
    assert_eq!(post(&own, "SAMLResponse", "###".into()).await, (400, "not_base64".into(), sp_flow.clone()));
    assert_eq!(post(&idp, "Other", "x".into()).await, (400, "form_invalid".into(), idp_flow.clone()));
    let large = "A".repeat(1_600_000);
    assert_eq!(post(&idp, "SAMLResponse", large).await, (400, "message_too_large".into(), idp_flow.clone()));
    let huge = "A".repeat(2_200_000);
    assert_eq!(post(&own, "SAMLResponse", huge).await, (413, "message_too_large".into(), sp_flow));
    // an issuer that this connection does not know
    let form = t
        .hand_made_with(&lab.id, "ada@lab.test", |r| r.issuer = "https://unknown.example/idp".to_owned())
        .await;
    assert_eq!(form.send(&t.client()).await.status, 401);
    let attempt = listed(&owner, &lab, "pageSize=1").await[0].clone();
    assert!(attempt["reason"].as_str().unwrap().ends_with("issuer_mismatch"), "{attempt}");
    let trace = owner.get(&newest(&owner, &lab).await).await.ok();
    assert_eq!(trace["compared"][0]["found"], json!(["https://unknown.example/idp"]));
    // a connection that is off
    owner.post_to(&format!("{}/deactivate", lab.path)).await.ok();
    let refused = t.client().get(&format!("/sso/{}/start", lab.id)).await;
    let attempt = listed(&owner, &lab, "pageSize=1").await[0].clone();
    assert_eq!(attempt["reason"], "connection_inactive");
    assert_eq!(attempt["decision"], json!(refused.decision()));
    // nobody's address leaves nothing, and answers as before
    let unknown =
        t.client().form("/saml/acs/con_unknown", &[("SAMLResponse".to_owned(), "###".to_owned())]).await;
    assert_eq!(unknown.status, 400);
    assert!(!unknown.body.contains("dec_"), "{}", unknown.body);
}

async fn a_link_shows_the_trace_to_whoever_has_it_and_nobodys_name(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 303);
    let path = newest(&owner, &lab).await;
    let made = owner.post(&format!("{path}/share"), json!({"expiresInDays": 2})).await.ok();
    let url = made["url"].as_str().unwrap().to_owned();
    let token = url.rsplit('/').next().unwrap();
    assert_eq!(token.len(), 43, "256 bit: {token}");
    let anybody = t.client();
    let page = anybody.get(&url).await;
    assert_eq!(page.status, 200, "{}", page.body);
    for hidden in ["ada@", "Ada", "Lovelace", "owner@main.test", "att_", ">127.0.0.1<"] {
        assert!(!page.body.contains(hidden), "{hidden} in {}", page.body);
    }
    assert!(
        page.body.contains("Audience is this service provider") && page.body.contains("•••"),
        "{}",
        page.body
    );
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("x-robots-tag"), Some("noindex, nofollow"));
    assert!(page.body.contains("name=\"robots\" content=\"noindex") && page.header("set-cookie").is_none());
    anybody.get(&url).await;
    let shares = owner.get(&format!("{path}/shares")).await;
    assert!(!shares.body.contains(token), "told once: {}", shares.body);
    let share = &shares.ok()["data"][0];
    assert_eq!((&share["status"], &share["opened"]), (&json!("active"), &json!(2)));
    let at = |name: &str| gatehouse_types::Timestamp::parse(share[name].as_str().unwrap()).unwrap();
    assert!(at("firstOpenedAt") < at("lastUsedAt"), "{share}");
    assert_eq!((events(&owner, "sso.trace-shared").await, events(&owner, "sso.trace-opened").await), (1, 1));
    // wrong, revoked and expired look the same
    let wrong = anybody.get(&format!("/trace/{}", "A".repeat(43))).await;
    assert_eq!((wrong.status, wrong.header("referrer-policy")), (404, Some("no-referrer")));
    assert!(!wrong.body.contains("AAAA"));
    assert_eq!(without_request(&anybody.get("/trace/short").await), without_request(&wrong));
    let id = share["id"].as_str().unwrap();
    owner.delete(&format!("{path}/shares/{id}")).await.ok();
    owner.delete(&format!("{path}/shares/{id}")).await.ok();
    let revoked = anybody.get(&url).await;
    assert_eq!((revoked.status, without_request(&revoked)), (404, without_request(&wrong)));
    assert_eq!(events(&owner, "sso.trace-share-revoked").await, 1);
    let second = owner.post(&format!("{path}/share"), json!({})).await.ok();
    let second_url = second["url"].as_str().unwrap();
    assert_eq!(anybody.get(second_url).await.status, 200);
    t.clock.advance(7 * DAY);
    let expired = anybody.get(second_url).await;
    assert_eq!((expired.status, without_request(&expired)), (404, without_request(&wrong)));
}

async fn links_are_bounded_in_time_and_number(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    fail(&t, &lab, Fault::WrongAudience).await;
    let path = newest(&owner, &lab).await;
    let share = format!("{path}/share");
    for days in [json!(0), json!(15), json!(-1), json!("7")] {
        let refused =
            owner.post(&share, json!({"expiresInDays": days})).await.refused(400, "validation_error");
        assert_eq!(refused["field"], "expiresInDays");
    }
    t.clock.advance(10 * DAY);
    let owner = t.owner().await;
    let made = owner.post(&share, json!({"expiresInDays": 14})).await.ok();
    let until = owner.get(&path).await.ok()["expiresAt"].clone();
    assert_eq!(made["share"]["expiresAt"], until, "no longer than the attempt");
    for _ in 1..20 {
        owner.post(&share, json!({})).await.ok();
    }
    owner.post(&share, json!({})).await.refused(409, "conflict");
    // a link of a deleted connection shows nothing
    let url = made["url"].as_str().unwrap();
    assert_eq!(t.client().get(url).await.status, 200);
    owner.delete(&lab.path).await.ok();
    assert_eq!(t.client().get(url).await.status, 404);
}

async fn tokens_are_not_tried_out_for_long(t: TestApp) {
    let anybody = t.client();
    for _ in 0..60 {
        assert_eq!(anybody.get(&format!("/trace/{}", "B".repeat(43))).await.status, 404);
    }
    assert_eq!(anybody.get(&format!("/trace/{}", "B".repeat(43))).await.status, 429);
}

async fn attempts_go_after_14_days_with_their_messages_and_links(t: TestApp) {
    let lab = t.active_lab(&t.owner().await).await;
    fail(&t, &lab, Fault::WrongAudience).await;
    let path = newest(&t.owner().await, &lab).await;
    t.owner().await.post(&format!("{path}/share"), json!({"expiresInDays": 14})).await.ok();
    t.clock.advance(14 * DAY - 60);
    t.work().await;
    let owner = t.owner().await;
    assert_eq!(listed(&owner, &lab, "").await.len(), 1);
    t.clock.advance(600);
    t.work().await;
    assert_eq!(listed(&owner, &lab, "").await.len(), 0);
    owner.get(&path).await.refused(404, "not_found");
    owner.get(&format!("{path}/shares")).await.refused(404, "not_found");
}

async fn the_console_finds_an_attempt_by_the_number_a_person_was_shown(t: TestApp) {
    let owner = t.owner().await;
    let browser = t.browser("owner@main.test").await;
    let list = "/settings/security/sso/attempts";
    assert!(browser.get(list).await.body.contains("No attempts yet"));
    let lab = t.active_lab(&owner).await;
    let decision = fail(&t, &lab, Fault::WrongAudience).await.decision();
    assert!(browser.get(list).await.body.contains("audience_mismatch"));
    let none = browser.get(&format!("{list}?search=nobody")).await;
    assert!(none.body.contains("No attempt found"), "{}", none.body);
    let wrong = browser.get(&format!("{list}?startDate=soon")).await;
    assert!(wrong.status == 200 && wrong.body.contains("aria-invalid"), "{}", wrong.body);
    let found = browser.get(&format!("{list}?search={decision}")).await;
    assert_eq!(found.status, 303);
    let page = browser.get(found.location().unwrap()).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains(&decision) && page.body.contains("What to do:"), "{}", page.body);
    // another workspace's number leads nowhere
    t.workspace("Other").await;
    let other = t.browser("owner@other.test").await;
    let foreign = other.get(&format!("{list}?search={decision}")).await;
    assert!(foreign.status == 200 && foreign.body.contains("No attempt found"));
    assert_eq!(other.get(found.location().unwrap()).await.status, 404);
}

on_both![
    a_trace_tells_what_was_expected_what_was_found_and_what_to_do,
    a_clock_that_is_ahead_is_measured,
    the_message_is_shown_without_the_person_until_somebody_asks,
    attempts_are_found_by_outcome_reason_person_time_and_flow,
    what_never_was_a_response_leaves_an_attempt_too,
    a_link_shows_the_trace_to_whoever_has_it_and_nobodys_name,
    links_are_bounded_in_time_and_number,
    tokens_are_not_tried_out_for_long,
    attempts_go_after_14_days_with_their_messages_and_links,
    the_console_finds_an_attempt_by_the_number_a_person_was_shown,
];
