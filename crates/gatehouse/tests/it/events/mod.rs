//! Events for the company's own programs: signed webhooks, tried again, with a log.

mod console;
mod lanes;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gatehouse_types::{Clock, Role};
use serde_json::{Value, json};

use crate::support::{Client, Received, Receiver, TestApp, on_both};

const HOOKS: &str = "/api/v1/webhooks";

async fn hook(by: &Client, receiver: &Receiver, events: &[&str]) -> (String, String) {
    let made = by.post(HOOKS, json!({"url": receiver.url, "events": events})).await.ok();
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    (format!("{HOOKS}/{}", text(&made["webhook"]["id"])), text(&made["secret"]))
}

/// Checks a signature as the specification says, with nothing of the product's.
fn is_signed(received: &Received, secret: &str) -> bool {
    let (id, at) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signed = format!("{id}.{at}.{}", received.body);
    received.header("webhook-signature").split(' ').any(|one| {
        let tag = BASE64_STANDARD.decode(one.strip_prefix("v1,").unwrap()).unwrap();
        hmac::verify(&key, signed.as_bytes(), &tag).is_ok()
    })
}

async fn a_program_is_told_of_what_it_wants_signed_and_once(t: TestApp) {
    let owner = t.owner().await;
    let receiver = Receiver::start().await;
    t.person("before@main.test", Role::Member).await;
    let (path, secret) = hook(&owner, &receiver, &["user.offboarded", "membership.*"]).await;
    t.person("leaver@main.test", Role::Member).await;
    let found = owner.get("/api/v1/users?email=leaver").await.ok();
    let id = found["data"][0]["id"].as_str().unwrap().to_owned();
    owner.post(&format!("/api/v1/users/{id}/suspend"), json!({})).await.ok();
    t.work().await;
    let got = receiver.take();
    let kinds: Vec<_> = got.iter().map(|r| r.json()["type"].as_str().unwrap().to_owned()).collect();
    // what was before the webhook is not told, nor what it does not name
    let mut sorted = kinds.clone();
    sorted.sort();
    assert_eq!(sorted, ["membership.set", "user.offboarded"]);
    for one in &got {
        assert!(is_signed(one, &secret) && !is_signed(one, "whsec_AAAA"));
        let now = t.clock.now().seconds().to_string();
        assert_eq!(
            (one.header("webhook-timestamp"), one.header("content-type")),
            (&*now, "application/json")
        );
    }
    let told = got.iter().find(|r| r.json()["type"] == "user.offboarded").unwrap().json();
    assert_eq!((&told["data"]["target"]["id"], &told["data"]["actor"]["kind"]), (&json!(id), &json!("user")));
    let audit = owner.get("/api/v1/audit-events?event=user.offboarded").await.ok();
    assert_eq!(told["data"]["details"], audit["data"][0]["details"]);
    t.work().await;
    assert!(receiver.take().is_empty());
    let log = owner.get(&format!("{path}/deliveries?state=delivered")).await.ok();
    assert_eq!(log["pagination"]["totalItems"], 2, "{log}");
    // the receipt names it as the company's when its maker leaves, and the secrets stay in the database, sealed
    let shown = owner.get(&path).await;
    assert!(!shown.body.contains(&secret));
    for events in ["webhook.created", "user.offboarded"] {
        let entries = owner.get(&format!("/api/v1/audit-events?event={events}")).await.body;
        assert!(!entries.contains("a-secret-of-theirs") && !entries.contains(&secret), "{entries}");
    }
}

async fn what_fails_is_tried_again_and_given_up_after_days(t: TestApp) {
    let owner = t.owner().await;
    let receiver = Receiver::start().await;
    let (path, _) = hook(&owner, &receiver, &["membership.set"]).await;
    receiver.answer(500);
    t.person("one@main.test", Role::Member).await;
    t.work().await;
    let first = receiver.take();
    assert_eq!(first.len(), 1);
    let pending = owner.get(&format!("{path}/deliveries")).await.ok()["data"][0].clone();
    assert_eq!(
        (&pending["state"], &pending["attempts"], &pending["lastStatus"]),
        (&json!("pending"), &json!(1), &json!(500))
    );
    // not before its time
    t.work().await;
    assert!(receiver.take().is_empty());
    t.clock.advance(5);
    receiver.answer(204);
    t.work().await;
    let again = receiver.take();
    assert_eq!(again[0].header("webhook-id"), first[0].header("webhook-id"), "the same event");
    assert_eq!(again[0].body, first[0].body);
    let done = owner.get(&format!("{path}/deliveries")).await.ok()["data"][0].clone();
    assert_eq!((&done["state"], &done["attempts"]), (&json!("delivered"), &json!(2)));

    // a program that never answers well is let go, its owners are told, and it can be switched on again
    receiver.answer(503);
    t.person("two@main.test", Role::Member).await;
    for _ in 0..12 {
        t.work().await;
        t.clock.advance(43_200);
    }
    t.person("three@main.test", Role::Member).await;
    t.work().await;
    let owner = t.owner().await;
    let off = owner.get(&path).await.ok();
    assert_eq!(off["status"], "disabled", "{off}");
    assert!(off["disabledReason"].as_str().unwrap().contains("five days"), "{off}");
    let mails = t.mails_to("owner@main.test").await;
    assert!(
        mails.iter().any(|(subject, _)| subject == "The webhook to 127.0.0.1 was switched off"),
        "{mails:?}"
    );
    let failed = owner.get(&format!("{path}/deliveries?state=failed")).await.ok();
    let two = failed["data"][0]["id"].as_str().unwrap_or_else(|| panic!("{failed}")).to_owned();
    let redeliver = format!("{path}/deliveries/{two}/redeliver");
    owner.post_to(&redeliver).await.refused(409, "conflict");
    receiver.answer(200);
    receiver.take();
    owner.put(&path, json!({"status": "active"})).await.ok();
    let sent = owner.post_to(&redeliver).await.ok();
    assert_eq!((&sent["state"], &sent["eventId"]), (&json!("delivered"), &failed["data"][0]["eventId"]));
    assert_eq!(receiver.take().len(), 1);
}

async fn a_test_is_answered_at_once_and_one_that_is_gone_is_let_go(t: TestApp) {
    let owner = t.owner().await;
    let receiver = Receiver::start().await;
    let (path, secret) = hook(&owner, &receiver, &["*"]).await;
    let good = owner.post_to(&format!("{path}/test")).await.ok();
    assert_eq!((&good["state"], &good["event"]), (&json!("delivered"), &json!("webhook.test")));
    let first = receiver.take();
    assert!(is_signed(&first[0], &secret));
    // while the secret is rolled, both count; the old one for a day
    let rolled = owner.post_to(&format!("{path}/roll-secret")).await.ok();
    let new = rolled["secret"].as_str().unwrap();
    owner.post_to(&format!("{path}/test")).await.ok();
    let both = receiver.take();
    assert!(is_signed(&both[0], &secret) && is_signed(&both[0], new));
    t.clock.advance(86_401);
    let owner = t.owner().await;
    owner.post_to(&format!("{path}/test")).await.ok();
    let later = receiver.take();
    assert!(!is_signed(&later[0], &secret) && is_signed(&later[0], new));
    receiver.answer(410);
    let gone = owner.post_to(&format!("{path}/test")).await.ok();
    assert_eq!((&gone["state"], &gone["lastStatus"]), (&json!("failed"), &json!(410)));
    assert_eq!(owner.get(&path).await.ok()["status"], "disabled");
    // who made it leaves: it is the company's
    t.person("maker@main.test", Role::Admin).await;
    let maker = t.sign_in("maker@main.test").await;
    let (kept, _) = hook(&maker, &receiver, &["user.*"]).await;
    let id = maker.get("/api/v1/me").await.ok()["user"]["id"].as_str().unwrap().to_owned();
    let receipt = owner.post(&format!("/api/v1/users/{id}/suspend"), json!({})).await.ok();
    assert_eq!((&receipt["stays"][0]["kind"], &receipt["stays"][0]["count"]), (&json!("webhook"), &json!(1)));
    assert_eq!(owner.get(&kept).await.ok()["status"], "active");
}

async fn bad_webhooks_are_refused_and_other_companies_see_none(t: TestApp) {
    let owner = t.owner().await;
    let receiver = Receiver::start().await;
    for (body, field) in [
        (json!({"url": "http://hooks.example/x", "events": ["*"]}), "url"),
        (json!({"url": "https://a:b@hooks.example/x", "events": ["*"]}), "url"),
        (json!({"url": "https://hooks.example/x", "events": []}), "events"),
        (json!({"url": "https://hooks.example/x", "events": ["User.Created"]}), "events"),
        (
            json!({"url": "https://hooks.example/x", "events": ["*"], "description": "x".repeat(201)}),
            "description",
        ),
    ] {
        let error = owner.post(HOOKS, body.clone()).await.refused(400, "validation_error");
        assert_eq!(error["field"], field, "{body}");
    }
    // an address inside is no address to call, whatever it says
    let inside = owner.post(HOOKS, json!({"url": "https://10.0.0.1/x", "events": ["*"]})).await.ok();
    let test = format!("{HOOKS}/{}/test", inside["webhook"]["id"].as_str().unwrap());
    let refused = owner.post_to(&test).await.ok();
    assert_eq!(refused["state"], "failed", "{refused}");
    assert!(refused["lastError"].as_str().is_some_and(|e| !e.is_empty()), "{refused}");
    let (path, _) = hook(&owner, &receiver, &["*"]).await;
    let stranger = t.stranger().await;
    stranger.get(&path).await.refused(404, "not_found");
    stranger.delete(&path).await.refused(404, "not_found");
    stranger.post_to(&format!("{path}/test")).await.refused(404, "not_found");
    t.work().await;
    receiver.take();
    t.workspace("Third").await;
    stranger.put("/api/v1/me", json!({"name": "Elsewhere"})).await.ok();
    t.work().await;
    assert!(receiver.take().iter().all(|r| r.json()["data"]["workspaceId"] == json!(t.workspace)));
    owner.delete(&path).await.ok();
    owner.get(&path).await.refused(404, "not_found");
}

on_both![
    a_program_is_told_of_what_it_wants_signed_and_once,
    what_fails_is_tried_again_and_given_up_after_days,
    a_test_is_answered_at_once_and_one_that_is_gone_is_let_go,
    bad_webhooks_are_refused_and_other_companies_see_none,
];
