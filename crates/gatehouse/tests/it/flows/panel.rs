//! The Flow Execution Panel, the form that runs a flow, what waits for whom, and statistics: as plain pages.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::console::{followed, submit};
use super::echo::Echo;
use super::{FLOWS, deployed, row, started, text};
use crate::connectors::{authorized, claims, icertis};
use crate::support::{Client, Form, TestApp, on_both};

const PANEL: &str = "/flows/executions";

fn call(echo: &Echo, retries: u32) -> Value {
    json!({"id": "call", "kind": "api", "name": "Ask the echo", "retry": {"times": retries, "delaySeconds": 1},
        "request": {"method": "POST", "url": echo.at("/call"),
            "body": {"type": "json", "value": {"n": "{{ input.n }}"}}}})
}

/// A flow with a typed start and one call.
async fn typed(by: &Client, echo: &Echo) -> String {
    let mut definition = row(&[call(echo, 0)], json!({"said": "{{ steps.call.output.status }}"}));
    definition["nodes"][0]["inputs"] = json!([
        {"name": "n", "type": "integer", "label": "How many", "required": true},
        {"name": "pin", "type": "string", "secret": true, "default": "4711-secret"},
    ]);
    deployed(by, "Typed", definition).await
}

async fn r184_a_flow_is_run_with_a_form_and_its_timeline_is_read(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let flow = typed(&owner, &echo).await;
    let browser = t.browser("owner@main.test").await;
    let run = format!("/flows/{flow}/run");
    let form = browser.get(&run).await;
    assert!(form.body.contains("How many") && !form.body.contains("4711-secret"), "{}", form.body);
    let refused = submit(&browser, &run, &run, &[("value-n", "many")]).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("How many: is a text, a whole number is needed."), "{}", refused.body);
    let begun = submit(&browser, &run, &run, &[("value-n", "7")]).await;
    let page = begun.location().unwrap().to_owned();
    assert!(followed(&browser, &begun).await.body.contains("Queued"));
    t.work().await;
    let shown = browser.get(&page).await;
    for part in ["Success", "Ask the echo", "API request", "version 1", "by hand", "&#34;said&#34;: 200"] {
        assert!(shown.body.contains(part), "{part}: {}", shown.body);
    }
    assert!(!shown.body.contains("4711-secret"), "{}", shown.body);
    // what is over is not asked for again
    assert!(!shown.body.contains("hx-get"), "{}", shown.body);
    let list = browser.get(&format!("{PANEL}?status=Success&flowId={flow}")).await;
    assert!(list.body.contains(&page) && list.body.contains("Typed"), "{}", list.body);
    assert!(!browser.get(&format!("{PANEL}?status=Error")).await.body.contains(&page));
    let statistics = browser.get("/flows/statistics").await;
    assert!(statistics.body.contains("1 executions from") && statistics.body.contains("0.0 %"));
}

async fn a_failed_step_is_retried_and_a_waiting_one_canceled(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let flow = deployed(&owner, "Failing", row(&[call(&echo, 0)], json!(null))).await;
    echo.answers(&[500]);
    let id = started(&owner, &flow, json!({"n": 1})).await;
    t.work().await;
    let browser = t.browser("owner@main.test").await;
    let page = format!("{PANEL}/{id}");
    let failed = browser.get(&page).await;
    assert!(failed.body.contains("Retry from here") && failed.body.contains("Error"), "{}", failed.body);
    let again = submit(&browser, &page, &format!("{page}/retry"), &[]).await;
    assert!(followed(&browser, &again).await.body.contains("The step is tried once more."));
    t.work().await;
    assert!(browser.get(&page).await.body.contains("Success"));

    let wait = json!({"id": "wait", "kind": "delay", "seconds": 60});
    let flow = deployed(&owner, "Waiting", row(&[wait], json!(null))).await;
    let id = started(&owner, &flow, json!({})).await;
    t.work().await;
    let page = format!("{PANEL}/{id}");
    let waiting = browser.get(&page).await;
    assert!(waiting.body.contains("hx-trigger=\"every 2s\""), "{}", waiting.body);
    let cancel = format!("{page}/cancel");
    assert!(browser.get(&cancel).await.body.contains("What was done stays done."));
    let canceled = submit(&browser, &cancel, &cancel, &[]).await;
    assert!(followed(&browser, &canceled).await.body.contains("Canceled"));
}

async fn r185_a_form_is_filled_in_by_the_person_it_asks(t: TestApp) {
    let owner = t.owner().await;
    let ask = json!({"id": "ask", "kind": "input", "title": "Which invoice?", "fields": [
        {"name": "number", "type": "integer", "label": "Invoice", "required": true}]});
    let flow = deployed(&owner, "Asking", row(&[ask], json!("{{ steps.ask.output.number }}"))).await;
    let member = t.member_of(Role::Member).await;
    let id = text(&member.post(&format!("{FLOWS}/{flow}/run"), json!({})).await.ok()["id"]);
    t.work().await;
    let page = format!("{PANEL}/{id}");
    let me = text(&member.get("/api/v1/me").await.ok()["user"]["email"]);
    let browser = t.browser(&me).await;
    assert!(browser.get("/flows/waiting").await.body.contains("Which invoice?"));
    let shown = browser.get(&page).await;
    assert!(shown.body.contains("Waiting for input") && !shown.body.contains("hx-get"), "{}", shown.body);
    let input = format!("{page}/input");
    let refused = submit(&browser, &page, &input, &[("value-number", "")]).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("Invoice: is missing."), "{}", refused.body);
    // an administrator sees it, and is not asked
    let admin = t.browser("owner@main.test").await;
    assert!(!admin.get(&page).await.body.contains("Waiting for input"));
    let given = submit(&browser, &page, &input, &[("value-number", "12")]).await;
    let taken = followed(&browser, &given).await;
    assert!(taken.body.contains("Your input was taken") && taken.body.contains("hx-get"), "{}", taken.body);
    assert!(!taken.body.contains("Waiting for input"), "{}", taken.body);
    t.work().await;
    assert!(browser.get(&page).await.body.contains("Success"));
    assert!(browser.get("/flows/waiting").await.body.contains("Nothing waits for you"));
}

async fn people_see_their_own_executions_and_administrators_all(t: TestApp) {
    let owner = t.owner().await;
    let flow = deployed(&owner, "Private", super::mirror()).await;
    let id = started(&owner, &flow, json!({})).await;
    t.person("member@main.test", Role::Member).await;
    t.person("viewer@main.test", Role::Viewer).await;
    let member = t.browser("member@main.test").await;
    assert_eq!(member.get(&format!("{PANEL}/{id}")).await.status, 404);
    let list = member.get(PANEL).await;
    assert!(list.body.contains("No executions") && !list.body.contains("Everybody"), "{}", list.body);
    assert!(!member.get("/flows/waiting").await.body.contains("Everybody"));
    let sent = member.form("/flows/waiting/fallback", &[]).await;
    assert_eq!(sent.status, 403, "{}", sent.body);
    let viewer = t.browser("viewer@main.test").await;
    for path in [PANEL, "/flows/waiting", "/flows/statistics"] {
        assert_eq!(viewer.get(path).await.status, 403, "{path}");
    }
    let admin = t.browser("owner@main.test").await;
    assert!(admin.get(PANEL).await.body.contains(&id));
}

async fn r176_who_must_authenticate_is_asked_and_an_administrator_may_decide(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    authorized(&owner, &path).await;
    let connector = path.rsplit('/').next().unwrap().to_owned();
    let set = json!({"enabled": true, "nonInteractiveMode": "pause"});
    owner.put(&format!("{path}/user-authentications"), set).await.ok();
    let ask = json!({"id": "ask", "kind": "connector", "connectorId": connector, "action": "list-users"});
    let flow = deployed(&owner, "Users", row(&[ask], json!(null))).await;
    let member = t.member_of(Role::Member).await;
    let id = started(&member, &flow, json!({})).await;
    t.work().await;
    let me = text(&member.get("/api/v1/me").await.ok()["user"]["email"]);
    let browser = t.browser(&me).await;
    let page = format!("{PANEL}/{id}");
    let asked = browser.get(&page).await;
    let authorize = format!("/account/connections/{connector}/authorize");
    assert!(
        asked.body.contains("Authentication needed") && asked.body.contains(&authorize),
        "{}",
        asked.body
    );
    // the way to the provider begins here, and leads back
    let mut form = Form::to(&asked.body, &authorize);
    assert!(form.fields.contains(&("returnTo".to_owned(), page.clone())), "{:?}", form.fields);
    let away = form.send(&browser).await;
    assert!(away.body.contains("login.microsoftonline.com"), "{} {}", away.status, away.body);
    // a place elsewhere is no way back
    form.fields.retain(|(name, _)| name != "returnTo");
    form.fields.push(("returnTo".to_owned(), "//elsewhere.test/".to_owned()));
    assert!(!form.send(&browser).await.body.contains("elsewhere.test"));
    assert!(browser.get("/flows/waiting").await.body.contains("1 execution needs"));

    let admin = t.browser("owner@main.test").await;
    let queue = admin.get("/flows/waiting").await;
    assert!(queue.body.contains("Let them go on"), "{}", queue.body);
    let fallback = "/flows/waiting/fallback";
    let refused = submit(&admin, "/flows/waiting", fallback, &[("reason", " ")]).await;
    assert!(followed(&admin, &refused).await.body.contains("The reason must be one line"));
    let decided = submit(&admin, "/flows/waiting", fallback, &[("reason", "The quarter ends.")]).await;
    assert!(followed(&admin, &decided).await.body.contains("1 execution goes on"));
    t.work().await;
    let done = browser.get(&page).await;
    for part in ["Success", "The quarter ends.", "as the connector&#39;s user"] {
        assert!(done.body.contains(part), "{part}: {}", done.body);
    }
}

on_both![
    r184_a_flow_is_run_with_a_form_and_its_timeline_is_read,
    a_failed_step_is_retried_and_a_waiting_one_canceled,
    r185_a_form_is_filled_in_by_the_person_it_asks,
    people_see_their_own_executions_and_administrators_all,
];
on_both![start_with_outside: r176_who_must_authenticate_is_asked_and_an_administrator_may_decide];
