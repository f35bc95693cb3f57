//! The page of a flow's triggers, as plain forms; and who may open which page of flows.

use std::collections::BTreeSet;

use gatehouse_types::Role;
use serde_json::json;

use super::console::{followed, submit};
use super::{FLOWS, deployed, mirror, started, text};
use crate::support::{TestApp, on_both};

async fn a_webhook_is_made_shown_once_paused_and_deleted(t: TestApp) {
    let owner = t.owner().await;
    let flow = deployed(&owner, "Hooked", mirror()).await;
    let browser = t.browser("owner@main.test").await;
    let page = format!("/flows/{flow}/triggers");
    let empty = browser.get(&page).await.body;
    assert!(empty.contains("No triggers yet") && empty.contains(&format!("{page}/new?kind=webhook")));
    assert!(browser.get(&format!("/flows/{flow}")).await.body.contains(&page), "a tab leads here");
    let new = format!("{page}/new?kind=webhook");
    // in whose name it runs must be said
    let refused = submit(&browser, &new, &page, &[("name", "Orders")]).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("Say in whose name the flow runs."), "{}", refused.body);
    assert!(refused.body.contains("value=\"Orders\""), "what was typed stays");
    let odd =
        submit(&browser, &new, &page, &[("name", "Orders"), ("runAs", "service"), ("input", "[1")]).await;
    assert!(odd.status == 400 && odd.body.contains("The input must be a JSON object."), "{}", odd.body);
    let values = [("name", "Orders"), ("runAs", "service"), ("input", "{\"from\": \"page\"}")];
    let made = submit(&browser, &new, &page, &values).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let trigger = owner.get(&format!("{FLOWS}/{flow}/triggers")).await.ok()["data"][0].clone();
    let fire = text(&trigger["path"]);
    assert!(made.body.contains(&format!("{}{fire}", t.app.public_url().as_str())), "{}", made.body);
    let token = made.body.split("id=\"token\"").nth(1).unwrap().split("value=\"").nth(1);
    let token = match token {
        Some(rest) if made.body.find("id=\"token\"").is_some() => rest.split('"').next().unwrap().to_owned(),
        _ => panic!("no token: {}", made.body),
    };
    // it works, and is not shown again
    let client = t.client();
    let request = client.request("POST", &fire).header("x-trigger-token", &token);
    client.send(request).await.ok();
    t.work().await;
    let listed = browser.get(&page).await.body;
    for part in ["Orders", "Webhook", "the company", "On", "/flows/executions/exe_"] {
        assert!(listed.contains(part), "{part}: {listed}");
    }
    assert!(!listed.contains(&token));
    let id = text(&trigger["id"]);
    let paused = submit(&browser, &page, &format!("{page}/{id}/pause"), &[]).await;
    let shown = followed(&browser, &paused).await.body;
    assert!(shown.contains("Orders is paused.") && shown.contains("Switch on"), "{shown}");
    let request = client.request("POST", &fire).header("x-trigger-token", &token);
    client.send(request).await.refused(409, "conflict");
    let on = submit(&browser, &page, &format!("{page}/{id}/resume"), &[]).await;
    assert!(followed(&browser, &on).await.body.contains("Orders is on."));
    let delete = format!("{page}/{id}/delete");
    assert!(browser.get(&delete).await.body.contains("Nothing starts the flow by it any more."));
    let gone = submit(&browser, &delete, &delete, &[]).await;
    let shown = followed(&browser, &gone).await.body;
    assert!(shown.contains("The trigger was deleted.") && shown.contains("No triggers yet"), "{shown}");
}

async fn a_schedule_is_made_and_its_last_run_is_told(t: TestApp) {
    let owner = t.owner().await;
    let flow = deployed(&owner, "Nightly", mirror()).await;
    let browser = t.browser("owner@main.test").await;
    let page = format!("/flows/{flow}/triggers");
    let new = format!("{page}/new?kind=schedule");
    let wrong = [("name", "Often"), ("runAs", "me"), ("times", "daily"), ("timeOfDay", "25:00")];
    let refused = submit(&browser, &new, &page, &wrong).await;
    assert!(
        refused.status == 400 && refused.body.contains("The time must be one like 06:30."),
        "{}",
        refused.body
    );
    let often = [("name", "Often"), ("runAs", "me"), ("times", "every"), ("everyMinutes", "10")];
    let made = submit(&browser, &new, &page, &often).await;
    let shown = followed(&browser, &made).await.body;
    for part in ["Often was made.", "Every 10 minutes", "never"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let daily = [
        ("name", "Daily"),
        ("runAs", "person"),
        ("person", "nobody@main.test"),
        ("times", "daily"),
        ("timeOfDay", "06:30"),
        ("days", "1-5"),
    ];
    let refused = submit(&browser, &new, &page, &daily).await;
    assert!(refused.body.contains("There is no member with this address."), "{}", refused.body);
    t.person("ada@main.test", Role::Member).await;
    let daily: Vec<_> =
        daily.iter().map(|(n, v)| (*n, if *n == "person" { "ada@main.test" } else { *v })).collect();
    let made = submit(&browser, &new, &page, &daily).await;
    assert!(followed(&browser, &made).await.body.contains("Monday to Friday at 06:30 UTC"));
    // its run is told, and why there was none
    t.clock.advance(601);
    t.work().await;
    t.work().await;
    let browser = t.browser("owner@main.test").await;
    assert!(browser.get(&page).await.body.contains("/flows/executions/exe_"));
    t.owner().await.post_to(&format!("{FLOWS}/{flow}/undeploy")).await.ok();
    t.clock.advance(601);
    t.work().await;
    let browser = t.browser("owner@main.test").await;
    assert!(browser.get(&page).await.body.contains("This flow is not in service."));
}

/// Who may open a page of flows, from the least.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum May {
    Member,
    Admin,
}
use May::{Admin, Member};

/// Every route of the console's pages of flows: its pattern below `/flows`, whether it is sent a form, who may.
const ROUTES: &[(&str, bool, May)] = &[
    ("", false, Member),
    ("/new", false, Member),
    ("/new", true, Member),
    ("/import", false, Member),
    ("/import", true, Member),
    ("/{id}", false, Member),
    ("/{id}", true, Member),
    ("/{id}/run", false, Member),
    ("/{id}/run", true, Member),
    ("/{id}/versions", false, Member),
    ("/{id}/versions/{number}", false, Member),
    ("/{id}/versions/{number}/restore", true, Member),
    ("/{id}/triggers", false, Admin),
    ("/{id}/triggers", true, Admin),
    ("/{id}/triggers/new", false, Admin),
    ("/{id}/triggers/{trigger_id}/pause", true, Admin),
    ("/{id}/triggers/{trigger_id}/resume", true, Admin),
    ("/{id}/triggers/{trigger_id}/delete", false, Admin),
    ("/{id}/triggers/{trigger_id}/delete", true, Admin),
    ("/{id}/deploy", true, Member),
    ("/{id}/undeploy", false, Admin),
    ("/{id}/undeploy", true, Admin),
    ("/{id}/delete", false, Admin),
    ("/{id}/delete", true, Admin),
    ("/{id}/export", true, Admin),
    ("/executions", false, Member),
    ("/executions/{id}", false, Member),
    ("/executions/{id}/input", true, Member),
    ("/executions/{id}/cancel", false, Member),
    ("/executions/{id}/cancel", true, Member),
    ("/executions/{id}/retry", true, Member),
    ("/executions/{id}/resume", true, Member),
    ("/waiting", false, Member),
    ("/waiting/fallback", true, Admin),
    ("/statistics", false, Member),
];

#[test]
fn every_page_of_flows_is_in_the_table() {
    let source = include_str!("../../../../flows/src/console/mod.rs");
    let flat: String = source.split_whitespace().collect();
    let mut found = BTreeSet::new();
    for route in flat.split(".route(").skip(1) {
        let (base, pattern) = match route.split_once('"') {
            Some((head, rest)) if head.ends_with("at(") => ("", rest),
            Some((head, rest)) if head.ends_with("of(") => ("/executions", rest),
            Some((head, rest)) if head.ends_with("format!(") => {
                ("/waiting", rest.trim_start_matches("{WAITING}"))
            }
            _ => ("", ""),
        };
        let name = route.split(',').next().unwrap();
        let pattern = match name {
            "PATH" => String::new(),
            "EXECUTIONS" => "/executions".to_owned(),
            "WAITING" => "/waiting".to_owned(),
            "STATISTICS" => "/statistics".to_owned(),
            _ => format!("{base}{}", pattern.split('"').next().unwrap()),
        };
        let handlers = route.split_once(',').unwrap().1;
        let handlers = handlers.split("))").next().unwrap();
        for (word, form) in [("get(", false), ("post(", true)] {
            if handlers.contains(word) || route.contains(&format!(",{word}")) {
                found.insert((pattern.clone(), form));
            }
        }
    }
    let known: BTreeSet<_> = ROUTES.iter().map(|(pattern, form, _)| ((*pattern).to_owned(), *form)).collect();
    assert_eq!(found, known);
}

async fn pages_open_for_whom_they_are(t: TestApp) {
    let owner = t.owner().await;
    let flow = deployed(&owner, "Walked", mirror()).await;
    let execution = started(&owner, &flow, json!({})).await;
    t.work().await;
    let hook = json!({"kind": "webhook", "name": "Hook", "runAs": "service"});
    let trigger = text(&owner.post(&format!("{FLOWS}/{flow}/triggers"), hook).await.ok()["trigger"]["id"]);
    t.person("member@main.test", Role::Member).await;
    t.person("viewer@main.test", Role::Viewer).await;
    let (member, viewer) = (t.browser("member@main.test").await, t.browser("viewer@main.test").await);
    t.stranger().await;
    let nobody = t.client();
    for (pattern, form, may) in ROUTES {
        let id = if pattern.starts_with("/executions") { &execution } else { &flow };
        let path = format!("/flows{pattern}").replace("{id}", id).replace("{number}", "1");
        let path = path.replace("{trigger_id}", &trigger);
        // a form as the person's own page would send it
        let send = async |by: &crate::support::Client| match form {
            false => by.get(&path).await,
            true => {
                let page = by.get("/account").await;
                let csrf = crate::support::Form::read(&page.body).map(|f| f.fields).unwrap_or_default();
                by.form(&path, &csrf).await
            }
        };
        let answer = send(&nobody).await;
        assert!(matches!(answer.status, 303 | 401 | 403), "nobody at {path}: {}", answer.status);
        if answer.status == 303 {
            assert!(answer.location().unwrap().starts_with("/login"), "nobody at {path}");
        }
        assert_eq!(send(&viewer).await.status, 403, "a viewer at {path} ({form})");
        if *may == Admin {
            assert_eq!(send(&member).await.status, 403, "a member at {path} ({form})");
        } else if pattern.starts_with("/executions/") {
            assert_eq!(send(&member).await.status, 404, "another one's execution at {path} ({form})");
        } else {
            assert_ne!(send(&member).await.status, 403, "a member at {path} ({form})");
        }
    }
    // nothing of it was done by those who may not
    assert_eq!(owner.get(&format!("{FLOWS}/{flow}/triggers/{trigger}")).await.ok()["enabled"], true);
}

async fn pages_of_another_workspace_are_none(t: TestApp) {
    let owner = t.owner().await;
    let flow = deployed(&owner, "Elsewhere", mirror()).await;
    let execution = started(&owner, &flow, json!({})).await;
    let hook = json!({"kind": "webhook", "name": "Hook", "runAs": "service"});
    let trigger = text(&owner.post(&format!("{FLOWS}/{flow}/triggers"), hook).await.ok()["trigger"]["id"]);
    let stranger = t.stranger().await;
    let email = text(&stranger.get("/api/v1/me").await.ok()["user"]["email"]);
    let browser = t.browser(&email).await;
    for (pattern, form, _) in ROUTES.iter().filter(|(pattern, ..)| pattern.contains("{id}")) {
        let id = if pattern.starts_with("/executions") { &execution } else { &flow };
        let path = format!("/flows{pattern}").replace("{id}", id).replace("{number}", "1");
        let path = path.replace("{trigger_id}", &trigger);
        let answer = match form {
            false => browser.get(&path).await,
            true => {
                let page = browser.get("/account").await;
                let csrf = crate::support::Form::read(&page.body).map(|f| f.fields).unwrap_or_default();
                browser.form(&path, &csrf).await
            }
        };
        assert_eq!(answer.status, 404, "{path} ({form}): {}", answer.body);
    }
    owner.get(&format!("{FLOWS}/{flow}")).await.ok();
}

on_both![
    a_webhook_is_made_shown_once_paused_and_deleted,
    a_schedule_is_made_and_its_last_run_is_told,
    pages_open_for_whom_they_are,
    pages_of_another_workspace_are_none,
];
