//! The pages of webhooks, as plain forms.

use gatehouse_types::Role;
use serde_json::json;

use super::{HOOKS, is_signed};
use crate::support::{Answer, Client, Form, Receiver, TestApp, on_both};

const PAGE: &str = "/settings/security/webhooks";

/// Sends the form of a page whose action is `action`, with these values in the place of what stands there.
async fn submit(browser: &Client, page: &str, action: &str, values: &[(&str, &str)]) -> Answer {
    let shown = browser.get(page).await.body;
    let mut form = Form::to(&shown, action);
    for (name, _) in values {
        form.fields.retain(|(known, _)| known != name);
    }
    form.fields.extend(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    form.send(browser).await
}

/// The secret that a page shows.
fn secret_of(page: &str) -> String {
    let at = page.find("whsec_").unwrap_or_else(|| panic!("no secret: {page}"));
    page[at..].split('"').next().unwrap().replace("&#43;", "+").replace("&#47;", "/")
}

async fn a_webhook_is_made_tried_changed_and_removed_in_the_console(t: TestApp) {
    let (browser, receiver) = (t.browser("owner@main.test").await, Receiver::start().await);
    let page = browser.get(PAGE).await.body;
    assert!(page.contains("No webhooks yet") && page.contains("aria-current=\"page\">Webhooks<"), "{page}");
    // what is wrong is named at its field, and what was typed stays
    let typed = [("url", "http://hooks.example/x"), ("events", "user.*"), ("description", "Ours")];
    let refused = submit(&browser, PAGE, PAGE, &typed).await;
    assert!(refused.status == 400 && refused.body.contains("must begin with https://"), "{}", refused.body);
    assert!(refused.body.contains("value=\"user.*\"") && refused.body.contains("value=\"Ours\""));
    let refused = submit(&browser, PAGE, PAGE, &[("url", &receiver.url), ("events", "User")]).await;
    assert!(refused.status == 400 && refused.body.contains("is no kind of events"), "{}", refused.body);
    let fields =
        [("url", receiver.url.as_str()), ("events", "membership.*"), ("events", ""), ("events", "user.*")];
    let made = submit(&browser, PAGE, PAGE, &fields).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let secret = secret_of(&made.body);
    let listed = t.owner().await.get(HOOKS).await.ok();
    assert_eq!(listed["data"][0]["events"], json!(["membership.*", "user.*"]));
    let own = format!("{PAGE}/{}", listed["data"][0]["id"].as_str().unwrap());
    let list = browser.get(PAGE).await.body;
    assert!(list.contains(&own) && !list.contains(&secret) && !list.contains("a-secret-of-theirs"), "{list}");
    // a test says how it went
    let sent = submit(&browser, &own, &format!("{own}/test"), &[]).await;
    assert_eq!((sent.status, sent.location()), (303, Some(own.as_str())));
    assert!(is_signed(&receiver.take()[0], &secret));
    let page = browser.get(&own).await.body;
    assert!(page.contains("Delivered: your program answered 200") && page.contains("webhook.test"), "{page}");
    receiver.answer(500);
    submit(&browser, &own, &format!("{own}/test"), &[]).await;
    assert!(browser.get(&own).await.body.contains("Not delivered: 500"));
    // the log with its payloads, and once more by hand
    t.person("new@main.test", Role::Member).await;
    t.work().await;
    receiver.take();
    receiver.answer(200);
    let waiting = browser.get(&format!("{own}?state=pending")).await.body;
    assert!(waiting.contains("next try") && !waiting.contains("<code>webhook.test</code>"), "{waiting}");
    assert!(browser.get(&format!("{own}?state=delivered&live=1")).await.body.contains("every 5s"));
    let at = waiting.find(&format!("{own}/deliveries/")).unwrap();
    let delivery = waiting[at..].split('"').next().unwrap().to_owned();
    let shown = browser.get(&delivery).await.body;
    assert!(shown.contains("&quot;type&quot;") || shown.contains("&#34;type&#34;"), "{shown}");
    assert!(shown.contains("membership.set") || shown.contains("user.created"), "{shown}");
    let again = submit(&browser, &delivery, &format!("{delivery}/redeliver"), &[]).await;
    assert_eq!((again.status, again.location()), (303, Some(own.as_str())));
    assert!(receiver.take()[0].body.contains("details"));
    // a new secret is shown once, and both sign
    let roll = format!("{own}/roll-secret");
    assert!(browser.get(&roll).await.body.contains("Make a new secret?"));
    let rolled = submit(&browser, &roll, &roll, &[]).await;
    let next = secret_of(&rolled.body);
    assert!(next != secret && !browser.get(&own).await.body.contains(&next));
    assert!(browser.get(&own).await.body.contains("Two sign at the moment"));
    submit(&browser, &own, &format!("{own}/test"), &[]).await;
    let signed = receiver.take();
    assert!(is_signed(&signed[0], &secret) && is_signed(&signed[0], &next));
    // its values
    let refused = submit(&browser, &own, &own, &[("url", "ftp://x")]).await;
    assert!(refused.status == 400 && refused.body.contains("must begin with https://"), "{}", refused.body);
    let changed = submit(&browser, &own, &own, &[("description", "For the wiki")]).await;
    assert_eq!(changed.status, 303, "{}", changed.body);
    assert!(browser.get(&own).await.body.contains("<h1>For the wiki</h1>"));
    // off, on, gone
    let off = format!("{own}/disable");
    submit(&browser, &off, &off, &[]).await;
    let page = browser.get(&own).await.body;
    assert!(page.contains("The webhook is off.") && !page.contains("Redeliver"), "{page}");
    let sent = submit(&browser, &own, &format!("{own}/test"), &[]).await;
    assert_eq!(sent.status, 303);
    assert!(browser.get(&own).await.body.contains("This webhook is switched off"));
    submit(&browser, &own, &format!("{own}/enable"), &[]).await;
    assert!(browser.get(&own).await.body.contains("The webhook is on"));
    let gone = format!("{own}/delete");
    let removed = submit(&browser, &gone, &gone, &[]).await;
    assert_eq!((removed.status, removed.location()), (303, Some(PAGE)));
    assert_eq!(browser.get(&own).await.status, 404);
}

async fn a_delivery_is_shown_with_its_payload(t: TestApp) {
    let (owner, receiver) = (t.owner().await, Receiver::start().await);
    let (path, secret) = super::hook(&owner, &receiver, &["membership.set"]).await;
    t.person("new@main.test", Role::Member).await;
    t.work().await;
    let sent = receiver.take().swap_remove(0);
    let listed = owner.get(&format!("{path}/deliveries")).await.ok()["data"][0].clone();
    let one = owner.get(&format!("{path}/deliveries/{}", listed["id"].as_str().unwrap())).await;
    let shown = one.ok();
    assert_eq!(shown["payload"], sent.json());
    for (name, value) in listed.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
    }
    assert!(!one.body.contains(&secret) && !one.body.contains("a-secret-of-theirs"), "{}", one.body);
    let (other, _) = super::hook(&owner, &receiver, &["membership.set"]).await;
    let elsewhere = format!("{other}/deliveries/{}", listed["id"].as_str().unwrap());
    owner.get(&elsewhere).await.refused(404, "not_found");
}

on_both![a_webhook_is_made_tried_changed_and_removed_in_the_console, a_delivery_is_shown_with_its_payload,];
