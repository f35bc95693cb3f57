//! What is bounded: answers, timelines, what waits, whose turn it is; and what is told to nobody who need not know.

use gatehouse_store::{Queries, sql};
use gatehouse_types::Role;
use serde_json::{Value, json};

use super::echo::Echo;
use super::{FLOWS, deployed, ended, made, mirror, row, started, text};
use crate::connectors::{ICI, authorized, claims, icertis};
use crate::support::{TestApp, on_both};

/// The most that an answer may have that holds 4 MiB of what is large, in bytes.
const ANSWER: usize = 6 * 1024 * 1024;

async fn count(t: &TestApp, select: &'static str, id: &str) -> i64 {
    t.app.store().reader().fetch_one(sql(select).bind(id)).await.unwrap().int("n").unwrap()
}

async fn the_outputs_of_many_steps_are_told_page_by_page(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let ask = json!({"id": "ask", "kind": "api", "request": {"method": "POST", "url": echo.at("/big"),
        "body": {"type": "custom", "contentType": "text/plain", "value": "{{ input.text }}"}}});
    let each = json!({"id": "each", "kind": "loop", "items": "{{ input.list }}", "result": "{{ loop.item }}",
        "body": {"nodes": [ask], "edges": []}});
    let flow = deployed(&owner, "Big", row(&[each], json!("{{ steps.each.output }}"))).await;
    let input = json!({"text": "x".repeat(120_000), "list": (0..45).collect::<Vec<_>>()});
    let id = started(&owner, &flow, input).await;
    t.work().await;
    let path = format!("{FLOWS}/executions/{id}");
    let answer = owner.get(&path).await;
    assert!(answer.body.len() < ANSWER, "{} bytes", answer.body.len());
    let whole = answer.ok();
    assert_eq!(whole["status"], "Success", "{}", whole["message"]);
    let steps: Vec<_> = whole["steps"].as_array().unwrap().iter().filter(|s| s["node"] == "ask").collect();
    let told = |s: &&&Value| s["output"]["status"] == 200 && s["outputLeftOut"] == false;
    let left_out = |s: &&&Value| s["output"].is_null() && s["outputLeftOut"] == true;
    assert_eq!(steps.len(), 45);
    assert!(steps.iter().filter(told).count() > 10 && steps.iter().filter(left_out).count() > 10);
    assert_eq!(steps.iter().filter(told).count() + steps.iter().filter(left_out).count(), 45);
    // what was left out is told on a page of its own
    let page = owner.get(&format!("{path}/steps?pageSize=5&page=9")).await.ok();
    for step in page["data"].as_array().unwrap() {
        assert_eq!(step["outputLeftOut"], false);
    }
    assert_eq!(page["data"][0]["output"]["status"], 200);
    let page = t.browser("owner@main.test").await.get(&format!("/flows/executions/{id}")).await;
    assert!(page.body.contains("Its output is left out here") && page.body.len() < ANSWER);
}

async fn the_list_of_versions_leaves_out_what_makes_it_too_large(t: TestApp) {
    let owner = t.owner().await;
    let large = |n: usize| {
        let call = |id: String| {
            json!({"id": id, "kind": "api", "request": {"method": "POST", "url": "https://a.example/",
                "body": {"type": "custom", "contentType": "text/plain", "value": format!("{n}{}", "x".repeat(120_000))}}})
        };
        row(&[call("a".to_owned()), call("b".to_owned()), call("c".to_owned())], json!(null))
    };
    let id = made(&owner, "Large", large(0)).await;
    let path = format!("{FLOWS}/{id}");
    for n in 1..14 {
        owner.put(&path, json!({"definition": large(n)})).await.ok();
        owner.post_to(&format!("{path}/deploy")).await.ok();
    }
    let answer = owner.get(&format!("{path}/versions?pageSize=100")).await;
    assert!(answer.body.len() < ANSWER, "{} bytes", answer.body.len());
    let listed = answer.ok();
    let all = listed["data"].as_array().unwrap();
    assert_eq!((all.len(), &listed["pagination"]["totalItems"]), (13, &json!(13)));
    assert!(all[0]["definition"].is_object() && all[12]["definition"].is_null(), "the latest first");
    assert_eq!((&all[12]["number"], all[12]["sha256"].as_str().unwrap().len()), (&json!(1), 64));
    let last = owner.get(&format!("{path}/versions?pageSize=1&page=13")).await.ok();
    assert!(last["data"][0]["definition"].is_object());
    let page = t.browser("owner@main.test").await.get(&format!("/flows/{id}/versions")).await;
    assert!(page.body.contains("Version 13") && page.body.contains("In service"), "{}", page.body);
}

async fn a_trial_of_a_draft_keeps_nothing_and_drafts_are_forgotten(t: TestApp) {
    let owner = t.owner().await;
    let id = made(&owner, "Draft", mirror()).await;
    let versions = "SELECT COUNT(*) AS n FROM flow_versions WHERE flow_id = $1";
    let run = format!("{FLOWS}/{id}/run?draft=true");
    let trial = owner.post(&format!("{run}&dryRun=true"), json!({"a": 1})).await.ok();
    assert_eq!(trial["result"]["status"], "Queued", "{trial}");
    assert_eq!(count(&t, versions, &id).await, 0, "a trial keeps nothing");
    let execution = text(&owner.post(&run, json!({"a": 1})).await.ok()["id"]);
    assert_eq!(ended(&t, &owner, &execution).await["status"], "Success");
    assert_eq!(count(&t, versions, &id).await, 1);
    // as long as its execution is known, so is the draft
    t.clock.advance(2 * 86_400);
    t.work().await;
    assert_eq!(count(&t, versions, &id).await, 1);
    t.clock.advance(91 * 86_400);
    t.work().await;
    t.clock.advance(3_700);
    t.work().await;
    assert_eq!(count(&t, versions, &id).await, 0);
}

async fn a_webhook_does_not_tell_which_there_are(t: TestApp) {
    let owner = t.owner().await;
    let flow = deployed(&owner, "Hooked", mirror()).await;
    let path = format!("{FLOWS}/{flow}/triggers");
    let new = json!({"kind": "webhook", "name": "Orders", "runAs": "service"});
    let made = owner.post(&path, new).await.ok();
    let (fire, client) = (text(&made["trigger"]["path"]), t.client());
    let call = async |path: &str| {
        let request = client.request("POST", path).header("x-trigger-token", "another");
        client.send(request).await.refused(401, "authentication_error")
    };
    let known = call(&fire).await;
    for unknown in ["/api/v1/flow-triggers/ftr_none/fire", "/api/v1/flow-triggers/x/fire"] {
        assert_eq!(call(unknown).await, known, "{unknown}");
    }
    let id = text(&made["trigger"]["id"]);
    owner.delete(&format!("{path}/{id}")).await.ok();
    assert_eq!(call(&fire).await, known);
}

async fn schedules_of_one_workspace_do_not_keep_anothers_waiting(t: TestApp) {
    let owner = t.owner().await;
    let new =
        json!({"kind": "schedule", "name": "Often", "runAs": "service", "schedule": {"everyMinutes": 10}});
    // more than one look starts
    for n in 0..11 {
        let flow = deployed(&owner, &format!("Many {n}"), mirror()).await;
        for _ in 0..20 {
            owner.post(&format!("{FLOWS}/{flow}/triggers"), new.clone()).await.ok();
        }
    }
    let stranger = t.stranger().await;
    let other = deployed(&stranger, "One", mirror()).await;
    t.clock.advance(1);
    stranger.post(&format!("{FLOWS}/{other}/triggers"), new).await.ok();
    t.clock.advance(601);
    t.work().await;
    let all = "SELECT COUNT(*) AS n FROM executions WHERE flow_id <> $1";
    let one = "SELECT COUNT(*) AS n FROM executions WHERE flow_id = $1";
    assert_eq!(count(&t, one, &other).await, 1, "it is among the first");
    let begun = count(&t, all, &other).await;
    assert!((199..=220).contains(&begun), "{begun}");
}

async fn statistics_are_of_days_of_the_calendar(t: TestApp) {
    let owner = t.owner().await;
    let flow = deployed(&owner, "Counted", mirror()).await;
    ended(&t, &owner, &started(&owner, &flow, json!({})).await).await;
    let runs = async |by: &crate::support::Client, days: u32| {
        by.get(&format!("{FLOWS}/statistics?flowId={flow}&days={days}")).await.ok()["runs"].clone()
    };
    assert_eq!(runs(&owner, 1).await, 1);
    // not a day later, and another one of the calendar
    let second = t.app.store().now().micros() / 1_000_000;
    t.clock.advance(86_401 - second % 86_400);
    let owner = t.owner().await;
    assert_eq!((runs(&owner, 1).await, runs(&owner, 2).await), (json!(0), json!(1)));
    let page = t.browser("owner@main.test").await.get("/flows/statistics").await.body;
    assert!(page.contains("<dd>1</dd>") && page.contains("1 executions from"), "{page}");
}

async fn files_past_their_time_take_no_place(t: TestApp) {
    let owner = t.owner().await;
    let file = json!({"fileName": "flow.json", "content": {"a": 1}});
    for _ in 0..100 {
        owner.post("/api/public/files", file.clone()).await.ok();
    }
    owner.post("/api/public/files", file.clone()).await.refused(409, "conflict");
    t.clock.advance(86_401);
    t.owner().await.post("/api/public/files", file).await.ok();
}

async fn a_retry_has_the_whole_time_of_the_flow(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let call = json!({"id": "call", "kind": "api", "retry": {"times": 0}, "request": {"method": "POST",
        "url": echo.at("/x")}});
    let mut definition = row(&[call], json!("{{ steps.call.output.status }}"));
    definition["timeoutSeconds"] = json!(60);
    let flow = deployed(&owner, "Timed", definition).await;
    echo.answers(&[500]);
    let id = started(&owner, &flow, json!({})).await;
    assert_eq!(ended(&t, &owner, &id).await["status"], "Error");
    // long after its time was over
    t.clock.advance(600);
    let owner = t.owner().await;
    owner.post_to(&format!("{FLOWS}/executions/{id}/retry")).await.ok();
    let done = ended(&t, &owner, &id).await;
    assert_eq!((&done["status"], &done["output"]), (&json!("Success"), &json!(200)), "{done}");
}

async fn a_connector_is_not_asked_again_before_it_wants_to_be(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    authorized(&owner, &path).await;
    let connector = path.rsplit('/').next().unwrap();
    let ask = json!({"id": "ask", "kind": "connector", "connectorId": connector, "action": "list-users",
        "retry": {"times": 1, "delaySeconds": 1}});
    let flow = deployed(&owner, "Patient", row(&[ask], json!("done"))).await;
    let id = started(&owner, &flow, json!({})).await;
    t.outside().take();
    // whatever place of it is asked
    let seen = async || t.outside().take_at(ICI);
    let place = {
        t.work().await;
        let done = owner.get(&format!("{FLOWS}/executions/{id}")).await.ok();
        assert_eq!(done["status"], "Success", "{done}");
        let seen = seen().await;
        format!("{ICI}{}", seen[0].path)
    };
    t.outside().answer_with(&place, 429, &[("retry-after", "120")], "{\"message\": \"slow down\"}");
    t.outside().answer(&place, 200, &json!({"data": []}));
    let id = started(&owner, &flow, json!({})).await;
    t.work().await;
    assert_eq!(owner.get(&format!("{FLOWS}/executions/{id}")).await.ok()["status"], "Waiting");
    assert_eq!(seen().await.len(), 1);
    t.clock.advance(60);
    t.work().await;
    assert_eq!(seen().await.len(), 0, "it asked for two minutes");
    t.clock.advance(61);
    t.work().await;
    assert_eq!(seen().await.len(), 1);
    let owner = t.owner().await;
    assert_eq!(ended(&t, &owner, &id).await["status"], "Success");
}

async fn answers_are_not_piled_up(t: TestApp) {
    let owner = t.owner().await;
    let form = json!({"id": "form", "kind": "input", "fields": [{"name": "a", "type": "string"}]});
    let flow = deployed(&owner, "Form", row(&[form], json!("{{ steps.form.output.a }}"))).await;
    let id = text(&owner.post(&format!("{FLOWS}/{flow}/run"), json!({})).await.ok()["id"]);
    t.work().await;
    let path = format!("{FLOWS}/executions/{id}/input");
    owner.post(&path, json!({"values": {"a": "answer 0"}})).await.ok();
    for n in 1..20 {
        let answer = json!({"values": {"a": format!("answer {n}")}});
        owner.post(&path, answer).await.refused(409, "conflict");
    }
    assert_eq!(ended(&t, &owner, &id).await["output"], "answer 0", "the first one counts");
}

async fn secrets_that_are_written_in_a_flow_are_warned_of(t: TestApp) {
    let owner = t.owner().await;
    let with = |value: &str| {
        let call = json!({"id": "call", "kind": "api", "request": {"method": "GET", "url": "https://a.example/",
            "headers": {"Authorization": value, "Accept": "application/json"}}});
        row(&[call], json!(null))
    };
    let judged =
        owner.post(&format!("{FLOWS}/validate"), json!({"definition": with("Bearer abc.def")})).await.ok();
    assert_eq!(judged["valid"], true);
    let warning = &judged["warnings"][0];
    assert_eq!(warning["path"], "/nodes/1/request/headers/Authorization", "{judged}");
    assert!(text(&warning["message"]).contains("authorization profile"), "{warning}");
    assert!(!judged.to_string().contains("abc.def"));
    let id = made(&owner, "Written", with("Bearer abc.def")).await;
    let path = format!("{FLOWS}/{id}");
    assert_eq!(owner.get(&path).await.ok()["warnings"].as_array().unwrap().len(), 1);
    let page = t.browser("owner@main.test").await.get(&format!("/flows/{id}")).await.body;
    assert!(page.contains("Secrets are written in this flow."), "{page}");
    let better = owner.put(&path, json!({"definition": with("Bearer {{ input.token }}")})).await.ok();
    assert_eq!(better["warnings"], json!([]));
}

async fn a_key_without_the_scope_is_told_which(t: TestApp) {
    let owner = t.owner().await;
    let flow = deployed(&owner, "Keyed", mirror()).await;
    let member = t.member_of(Role::Member).await;
    let whom = text(&member.get("/api/v1/me").await.ok()["user"]["id"]);
    let app =
        text(&owner.post("/api/v1/api-apps", json!({"name": "A", "scopes": ["flows:use"]})).await.ok()["id"]);
    let key = json!({"name": "Key"});
    let key = text(&owner.post(&format!("/api/v1/api-apps/{app}/keys"), key).await.ok()["plainValue"]);
    let client = t.client();
    let start = format!("{FLOWS}/executions/start?flowId={flow}&onBehalfOf={whom}");
    let request = client.request("POST", &start).header("x-api-key", &key);
    let refused = client.send(request).await.refused(403, "authorization_error");
    assert_eq!(refused["message"], "This key does not have the scope flows:run-for-others.");
    let why = owner.get(&format!("/api/v1/decisions/{}", text(&refused["decision"]))).await.ok();
    assert!(why.to_string().contains("flows:run-for-others"), "{why}");
    // a person is told about the role
    let start = format!("{FLOWS}/executions/start?flowId={flow}&onBehalfOf=owner@main.test");
    let refused = member.post(&start, json!({})).await.refused(403, "authorization_error");
    assert!(text(&refused["message"]).starts_with("Your role does not allow this."), "{refused}");
}

on_both![
    the_outputs_of_many_steps_are_told_page_by_page,
    the_list_of_versions_leaves_out_what_makes_it_too_large,
    a_trial_of_a_draft_keeps_nothing_and_drafts_are_forgotten,
    a_webhook_does_not_tell_which_there_are,
    schedules_of_one_workspace_do_not_keep_anothers_waiting,
    statistics_are_of_days_of_the_calendar,
    files_past_their_time_take_no_place,
    a_retry_has_the_whole_time_of_the_flow,
    answers_are_not_piled_up,
    secrets_that_are_written_in_a_flow_are_warned_of,
    a_key_without_the_scope_is_told_which,
];
on_both![start_with_outside: a_connector_is_not_asked_again_before_it_wants_to_be];
