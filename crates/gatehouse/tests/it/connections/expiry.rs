//! The end of a client secret: noted down with it, gone with it, and warned about before.

use gatehouse_types::{Clock, Role};
use serde_json::{Value, json};

use super::{CONNECTIONS, oidc, path_of};
use crate::support::{Answer, Client, Form, Op, Signer, TestApp, on_both};

const DAY: i64 = 86_400;
/// The job looks once an hour.
const LOOKS: i64 = 3_601;
const PAGE: &str = "/settings/security/sso";

/// A moment so many days from now.
fn in_days(t: &TestApp, days: i64) -> String {
    t.clock.now().plus_seconds(days * DAY).to_string()
}

fn expiring(name: &str, at: &str) -> Value {
    let mut body = oidc(name);
    body["oidcConfig"]["clientSecretExpiresAt"] = json!(at);
    body
}

/// The subjects of the mails that warn, of all there are.
async fn warnings(t: &TestApp, to: &str) -> Vec<String> {
    let mails = t.mails_to(to).await.into_iter().map(|(subject, _)| subject);
    mails.filter(|s| s.starts_with("The client secret of")).collect()
}

async fn the_end_of_a_secret_is_noted_down_with_it_and_goes_with_it(t: TestApp) {
    let owner = t.owner().await;
    let (first, later) = (in_days(&t, 90), in_days(&t, 200));
    let made = owner.post(CONNECTIONS, expiring("Ends", &first)).await.ok();
    assert_eq!(made["oidcConfig"]["clientSecretExpiresAt"], first);
    let path = path_of(&made);
    let end = async |change: Value| {
        let changed = owner.put(&path, json!({"oidcConfig": change})).await.ok();
        assert_eq!(owner.get(&path).await.ok()["oidcConfig"], changed["oidcConfig"]);
        changed["oidcConfig"]["clientSecretExpiresAt"].clone()
    };
    assert_eq!(end(json!({"clientId": "another"})).await, first, "another value leaves it alone");
    assert_eq!(end(json!({"clientSecretExpiresAt": later})).await, later);
    assert_eq!(owner.get(CONNECTIONS).await.ok()["data"][0]["oidcConfig"]["clientSecretExpiresAt"], later);
    assert_eq!(end(json!({"clientSecret": "its-successor"})).await, Value::Null, "that was the former one's");
    assert_eq!(end(json!({"clientSecret": "next", "clientSecretExpiresAt": first})).await, first);
    assert_eq!(end(json!({"clientSecretExpiresAt": ""})).await, Value::Null);
    assert_eq!(end(json!({"clientSecretExpiresAt": first})).await, first);
    // a secret that is dropped takes its end along
    assert_eq!(end(json!({"issuerUrl": "https://elsewhere.example"})).await, Value::Null);
    let log = owner.get("/api/v1/audit-events?event=sso.connection-updated").await.body;
    assert!(log.contains(&format!("\"clientSecretExpiresAt\":\"{later}\"")), "{log}");
}

async fn an_end_that_is_past_or_of_nothing_is_refused(t: TestApp) {
    let owner = t.owner().await;
    let refused = |answer: Answer| {
        let error = answer.refused(400, "validation_error");
        assert_eq!(error["field"], "oidcConfig.clientSecretExpiresAt", "{error}");
    };
    let past = in_days(&t, -1);
    for bad in [past.as_str(), "2031-02-30T00:00:00Z", "2031-02-03", "soon"] {
        refused(owner.post(CONNECTIONS, expiring("Past", bad)).await);
    }
    let mut bare = expiring("Bare", &in_days(&t, 9));
    bare["oidcConfig"].as_object_mut().unwrap().remove("clientSecret");
    refused(owner.post(CONNECTIONS, bare).await);
    assert_eq!(owner.get(CONNECTIONS).await.ok()["pagination"]["totalItems"], 0, "nothing was stored");
    let path = path_of(&owner.post(CONNECTIONS, oidc("Kept")).await.ok());
    for bad in [past.as_str(), "soon"] {
        let change = json!({"oidcConfig": {"clientSecretExpiresAt": bad}});
        refused(owner.put(&path, change.clone()).await);
        refused(owner.post(&format!("{path}/drafts"), change).await);
    }
    // one that was good when it was entered may stand once it is past
    let end = in_days(&t, 2);
    owner.put(&path, json!({"oidcConfig": {"clientSecretExpiresAt": end}})).await.ok();
    t.clock.advance(3 * DAY);
    let owner = t.owner().await;
    let again = json!({"oidcConfig": {"clientSecretExpiresAt": end, "scopes": ["openid"]}});
    assert_eq!(owner.put(&path, again).await.ok()["oidcConfig"]["clientSecretExpiresAt"], end);
}

async fn a_draft_keeps_the_end_of_its_secret(t: TestApp) {
    let owner = t.owner().await;
    let (first, later) = (in_days(&t, 90), in_days(&t, 200));
    let path = path_of(&owner.post(CONNECTIONS, expiring("Drafted", &first)).await.ok());
    let draft = async |change: Value| {
        let made = owner.post(&format!("{path}/drafts"), json!({"oidcConfig": change})).await.ok();
        let own = format!("{path}/drafts/{}", made["id"].as_str().unwrap());
        assert_eq!(owner.get(&own).await.ok(), made);
        (own, made)
    };
    let (own, made) = draft(json!({"clientSecret": "next", "clientSecretExpiresAt": later})).await;
    assert_eq!(made["changes"], json!(["clientSecret", "clientSecretExpiresAt"]));
    assert_eq!(made["proposed"]["oidcConfig"]["clientSecretExpiresAt"], later);
    assert_eq!(owner.get(&path).await.ok()["oidcConfig"]["clientSecretExpiresAt"], first, "not yet");
    let after = owner.post(&format!("{own}/activate"), json!({})).await.ok();
    assert_eq!(after["connection"]["oidcConfig"]["clientSecretExpiresAt"], later, "{after}");
    let (_, made) = draft(json!({"clientSecret": "another"})).await;
    assert_eq!(made["proposed"]["oidcConfig"]["clientSecretExpiresAt"], Value::Null, "{made}");
    let (_, made) = draft(json!({"issuerUrl": "https://elsewhere.example"})).await;
    assert_eq!(made["proposed"]["oidcConfig"]["clientSecretExpiresAt"], Value::Null, "{made}");
}

/// An active connection whose secret ends at a moment; its path.
async fn active(t: &TestApp, owner: &Client, name: &str, at: &str) -> String {
    let op = Op::start().await;
    op.publish(&[&Signer::new("ES256", "one").jwk]);
    let mut body = op.body(name);
    body["oidcConfig"]["clientSecretExpiresAt"] = json!(at);
    t.active_openid(owner, body, &format!("{}.test", name.to_lowercase())).await.path
}

async fn owners_and_admins_are_warned_30_7_and_1_days_before_once_each(t: TestApp) {
    let owner = t.owner().await;
    for (email, role) in [("admin@main.test", Role::Admin), ("member@main.test", Role::Member)] {
        t.person(email, role).await;
    }
    let path = active(&t, &owner, "Corp", &in_days(&t, 40)).await;
    // one that nobody uses warns nobody
    owner.post(CONNECTIONS, expiring("Unused", &in_days(&t, 3))).await.ok();
    let steps = [(0, 0), (9, 0), (2, 1), (1, 1), (20, 1), (2, 2), (1, 2), (4, 3), (0, 3)];
    for (days, expected) in steps {
        t.clock.advance(days * DAY + LOOKS);
        for to in ["owner@main.test", "admin@main.test"] {
            assert_eq!(warnings(&t, to).await.len(), expected, "{to} after {days} more days");
        }
        assert_eq!(warnings(&t, "member@main.test").await.len(), 0);
    }
    let (subject, body) = t.mails_to("admin@main.test").await.swap_remove(0);
    assert_eq!(subject, "The client secret of the single sign-on connection Corp ends soon");
    assert!(body.contains(PAGE) && body.contains("Make a new secret"), "{body}");
    // a new secret has warnings of its own
    let owner = t.owner().await;
    let next = json!({"clientSecret": "next", "clientSecretExpiresAt": in_days(&t, 5)});
    owner.put(&path, json!({"oidcConfig": next})).await.ok();
    t.clock.advance(LOOKS);
    assert_eq!(warnings(&t, "owner@main.test").await.len(), 4);
    t.clock.advance(9 * DAY);
    assert_eq!(warnings(&t, "owner@main.test").await.len(), 5);
    t.clock.advance(9 * DAY);
    assert_eq!(warnings(&t, "owner@main.test").await.len(), 5);
}

async fn a_server_that_was_off_on_the_day_warns_once_when_it_is_back(t: TestApp) {
    let owner = t.owner().await;
    active(&t, &owner, "Corp", &in_days(&t, 40)).await;
    active(&t, &owner, "Late", &in_days(&t, 31)).await;
    assert_eq!(warnings(&t, "owner@main.test").await.len(), 0);
    // off for 35 days: two warnings of one fell due, and the other has ended
    t.clock.advance(35 * DAY);
    let mut all = warnings(&t, "owner@main.test").await;
    all.sort();
    let of =
        |name: &str, how: &str| format!("The client secret of the single sign-on connection {name} {how}");
    assert_eq!(all, [of("Corp", "ends soon"), of("Late", "has ended")]);
    t.clock.advance(LOOKS);
    assert_eq!(warnings(&t, "owner@main.test").await.len(), 2);
}

async fn the_page_asks_for_the_end_shows_it_and_wants_it_anew_with_a_new_secret(t: TestApp) {
    let owner = t.owner().await;
    let op = Op::start().await;
    op.publish(&[&Signer::new("ES256", "one").jwk]);
    let browser = t.browser("owner@main.test").await;
    let day = |days: i64| in_days(&t, days)[..10].to_owned();
    let submit = async |end: &str, secret: &str| {
        let page = browser.get(&format!("{PAGE}?tab=enable")).await.body;
        let proof = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let fields = [
            ("csrf", proof),
            ("protocol", "oidc"),
            ("provider", "other"),
            ("issuerUrl", &op.issuer),
            ("clientId", "gatehouse"),
            ("clientSecret", secret),
            ("clientSecretExpires", end),
        ];
        let fields: Vec<_> = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        browser.form(PAGE, &fields).await
    };
    let stored = async || {
        let listed = owner.get(CONNECTIONS).await.ok();
        listed["data"][0]["oidcConfig"]["clientSecretExpiresAt"].clone()
    };
    for (bad, said) in [(day(-3).as_str(), "must be in the future"), ("31.12.2031", "must be a date")] {
        let refused = submit(bad, "s").await;
        assert!(refused.status == 400 && refused.body.contains(said), "{said}: {}", refused.body);
        assert!(refused.body.contains(&format!("value=\"{bad}\"")), "what was typed stays");
    }
    let (far, near) = (day(300), day(20));
    assert_eq!(submit(&far, "s").await.status, 303);
    assert_eq!(stored().await, format!("{far}T00:00:00Z"));
    let page = browser.get(&format!("{PAGE}?tab=enable")).await.body;
    assert!(
        page.contains(&format!("value=\"{far}\"")) && !page.contains("The client secret ends<"),
        "{page}"
    );
    // the day of the former secret, left in the form beside a new one, is asked about
    let refused = submit(&far, "a-new-one").await;
    assert!(refused.status == 400 && refused.body.contains("former secret"), "{}", refused.body);
    assert_eq!(submit(&near, "a-new-one").await.status, 303);
    let page = browser.get(&format!("{PAGE}?tab=enable")).await.body;
    assert!(page.contains("The client secret ends<"), "{page}");
    // an end of the day's middle is not moved by a save that says nothing about it
    let exact = format!("{near}T15:30:00Z");
    let path = path_of(&owner.get(CONNECTIONS).await.ok()["data"][0]);
    owner.put(&path, json!({"oidcConfig": {"clientSecretExpiresAt": exact}})).await.ok();
    assert_eq!(submit(&near, "").await.status, 303);
    assert_eq!(stored().await, exact);
    assert_eq!(submit("", "").await.status, 303);
    assert_eq!(stored().await, Value::Null);
}

async fn a_setup_link_asks_for_the_end_too(t: TestApp) {
    let owner = t.owner().await;
    let op = Op::start().await;
    op.publish(&[&Signer::new("ES256", "one").jwk]);
    let made =
        owner.post("/api/v1/sso/setup-links", json!({"name": "By link", "protocol": "oidc"})).await.ok();
    let url = made["url"].as_str().unwrap();
    let page = &url[url.find("/setup/").unwrap()..];
    let browser = t.client();
    let submit = async |end: &str, secret: &str| {
        let shown = browser.get(page).await.body;
        let mut form = Form::to(&shown, &format!("{page}/values"));
        let typed = [
            ("issuerUrl", op.issuer.as_str()),
            ("clientId", "gatehouse"),
            ("clientSecret", secret),
            ("clientSecretExpires", end),
        ];
        for (name, value) in typed {
            form.fields.retain(|(known, _)| known != name);
            form.fields.push((name.to_owned(), value.to_owned()));
        }
        form.send(&browser).await
    };
    let day = in_days(&t, 100)[..10].to_owned();
    let refused = submit(&in_days(&t, -2)[..10], "s").await;
    assert!(refused.status == 400 && refused.body.contains("must be in the future"), "{}", refused.body);
    assert_eq!(submit(&day, "s").await.status, 303);
    let path = format!("{CONNECTIONS}/{}", made["link"]["connectionId"].as_str().unwrap());
    let stored = owner.get(&path).await.ok();
    assert_eq!(stored["oidcConfig"]["clientSecretExpiresAt"], format!("{day}T00:00:00Z"));
    assert!(browser.get(page).await.body.contains(&format!("value=\"{day}\"")));
    let refused = submit(&day, "a-new-one").await;
    assert!(refused.status == 400 && refused.body.contains("former secret"), "{}", refused.body);
}

on_both![
    the_end_of_a_secret_is_noted_down_with_it_and_goes_with_it,
    an_end_that_is_past_or_of_nothing_is_refused,
    a_draft_keeps_the_end_of_its_secret,
    owners_and_admins_are_warned_30_7_and_1_days_before_once_each,
    a_server_that_was_off_on_the_day_warns_once_when_it_is_back,
    the_page_asks_for_the_end_shows_it_and_wants_it_anew_with_a_new_secret,
    a_setup_link_asks_for_the_end_too,
];
