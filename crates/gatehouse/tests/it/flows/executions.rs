//! Executions: started, driven, waiting, ended, taken up again.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::echo::Echo;
use super::{FLOWS, deployed, ended, row, started, text};
use crate::support::{Client, TestApp, on_both};

/// A step that posts to an echo.
fn call(echo: &Echo, id: &str) -> Value {
    json!({"id": id, "kind": "api", "request": {"method": "POST", "url": echo.at(&format!("/{id}")),
        "body": {"type": "json", "value": {"text": "{{ input.text }}"}}}, "retry": {"times": 2, "delaySeconds": 2}})
}

async fn get(by: &Client, id: &str) -> Value {
    by.get(&format!("{FLOWS}/executions/{id}")).await.ok()
}

async fn r183_r186_a_flow_is_started_and_watched(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let output =
        json!({"status": "{{ steps.call.output.status }}", "said": "{{ steps.call.output.body.body }}"});
    let flow = deployed(&owner, "Echo", row(&[call(&echo, "call")], output)).await;
    let start = format!("{FLOWS}/executions/start?flowId={flow}");
    let begun = owner.post(&start, json!({"text": "hello"})).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    let begun = begun.json();
    let members: Vec<_> = begun.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["id", "message", "percentage", "status"]);
    assert_eq!((&begun["status"], &begun["percentage"]), (&json!("Queued"), &json!(0)));
    let id = text(&begun["id"]);
    t.work().await;
    let done = get(&owner, &id).await;
    assert_eq!((&done["status"], &done["percentage"]), (&json!("Success"), &json!(100)), "{done}");
    assert_eq!(done["output"], json!({"status": 200, "said": "{\"text\":\"hello\"}"}));
    let steps: Vec<_> = done["steps"].as_array().unwrap().iter().map(|s| text(&s["node"])).collect();
    assert_eq!(steps, ["start", "call", "end"]);
    let me = text(&owner.get("/api/v1/me").await.ok()["user"]["id"]);
    let step = &done["steps"][1];
    assert_eq!((&step["actingUser"], &step["effectiveIdentity"]), (&json!(me), &json!("none")));
    assert!(step["startedAt"].is_string() && step["endedAt"].is_string(), "{step}");
    let progress = owner.get(&format!("{FLOWS}/executions/{id}/progress")).await.ok();
    assert_eq!(progress, json!({"id": id, "status": "Success", "percentage": 100, "message": null}));
    let steps = owner.get(&format!("{FLOWS}/executions/{id}/steps?pageSize=1")).await.ok();
    assert_eq!(steps["pagination"]["totalItems"], 3);
    let listed = owner.get(&format!("{FLOWS}/executions?flowId={flow}&status=Success")).await.ok();
    assert_eq!((&listed["pagination"]["totalItems"], &listed["data"][0]["id"]), (&json!(1), &json!(id)));
    assert_eq!(owner.get(&format!("{FLOWS}/executions?status=Error")).await.ok()["data"], json!([]));
    // what is over is not canceled, resumed or filled in
    for what in ["cancel", "resume", "retry"] {
        owner.post_to(&format!("{FLOWS}/executions/{id}/{what}")).await.refused(409, "conflict");
    }
    // a step of this execution had this key, on every call
    let heard = echo.take();
    assert_eq!((heard.len(), heard[0].header("idempotency-key").len()), (1, 32));
    assert_eq!((heard[0].method.as_str(), heard[0].path.as_str()), ("POST", "/call"));
    // what does not fit the start is told
    let typed = row(&[], json!("{{ input }}"));
    let mut typed = typed;
    typed["nodes"][0]["inputs"] = json!([{"name": "n", "type": "integer", "required": true}]);
    let flow = deployed(&owner, "Typed", typed).await;
    let start = format!("{FLOWS}/executions/start?flowId={flow}");
    let error = owner.post(&start, json!({"n": "x"})).await.refused(400, "validation_error");
    assert_eq!(error["field"], "input/n", "{error}");
    owner.post(&start, json!({})).await.refused(400, "validation_error");
    // what is not in service is not started
    owner.post_to(&format!("{FLOWS}/{flow}/undeploy")).await.ok();
    owner.post(&start, json!({"n": 1})).await.refused(409, "conflict");
    owner
        .post(&format!("{FLOWS}/executions/start?flowId=flw_none"), json!({}))
        .await
        .refused(404, "not_found");
}

async fn r183_keys_start_flows_in_whose_name_they_may(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let flow = deployed(&owner, "Echo", row(&[call(&echo, "call")], json!(null))).await;
    let start = format!("{FLOWS}/executions/start?flowId={flow}");
    t.person("member@main.test", Role::Member).await;
    t.person("viewer@main.test", Role::Viewer).await;
    let member = t.sign_in("member@main.test").await;
    let me = text(&member.get("/api/v1/me").await.ok()["user"]["id"]);
    let key = async |scopes: &[&str], owner_kind: &str| {
        let app = json!({"name": format!("{scopes:?} {owner_kind}"), "scopes": scopes});
        let app = text(&owner.post("/api/v1/api-apps", app).await.ok()["id"]);
        let key = json!({"name": "Key", "ownerKind": owner_kind});
        text(&owner.post(&format!("/api/v1/api-apps/{app}/keys"), key).await.ok()["plainValue"])
    };
    let client = t.client();
    let send = async |key: &str, path: &str| {
        let request = client.request("POST", path).header("x-api-key", key);
        client.send(request.header("content-type", "application/json").body(r#"{"text":"a"}"#)).await
    };
    let services = key(&["flows:use"], "service").await;
    let begun = send(&services, &start).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    let id = text(&begun.json()["id"]);
    t.work().await;
    let done = get(&owner, &id).await;
    assert_eq!((&done["status"], &done["personId"]), (&json!("Success"), &Value::Null));
    assert!(text(&done["startedBy"]).starts_with("api-key:"), "{done}");
    // the key sees what it started, also as a bearer
    let request = client.request("GET", &format!("{FLOWS}/executions/{id}")).bearer_auth(&services);
    assert_eq!(client.send(request).await.ok()["status"], "Success");
    member.get(&format!("{FLOWS}/executions/{id}")).await.refused(404, "not_found");
    // a person's own key borrows the person
    let owners = key(&["flows:use"], "person").await;
    let id = text(&send(&owners, &start).await.ok()["id"]);
    let ours = text(&owner.get("/api/v1/me").await.ok()["user"]["id"]);
    assert_eq!(get(&owner, &id).await["personId"], json!(ours));
    // another scope opens nothing here
    let other = key(&["model:deploy"], "service").await;
    send(&other, &start).await.refused(403, "authorization_error");
    // on behalf of somebody it takes a right of its own, decided and recorded
    let on_behalf = format!("{start}&onBehalfOf=member@main.test");
    let refused = send(&services, &on_behalf).await.refused(403, "authorization_error");
    assert!(refused["decision"].is_string(), "{refused}");
    let others = key(&["flows:use", "flows:run-for-others"], "service").await;
    let id = text(&send(&others, &on_behalf).await.ok()["id"]);
    t.work().await;
    let done = get(&member, &id).await;
    assert_eq!((&done["personId"], &done["steps"][1]["actingUser"]), (&json!(me), &json!(me)), "{done}");
    for whom in ["viewer@main.test", "nobody@main.test"] {
        let refused = send(&others, &format!("{start}&onBehalfOf={whom}")).await;
        let refused = refused.refused(403, "authorization_error");
        assert!(refused["decision"].is_string() && refused["field"] == "onBehalfOf", "{refused}");
    }
    let events = owner.get("/api/v1/audit-events?event=flow-execution.started").await.ok();
    assert_eq!(events["data"][0]["details"]["personId"], json!(me));
    // members may not run for others, and do run for themselves
    member.post(&on_behalf, json!({"text": "a"})).await.ok();
    member
        .post(&format!("{start}&onBehalfOf=owner@main.test"), json!({}))
        .await
        .refused(403, "authorization_error");
}

async fn r185_an_interactive_run_asks_and_another_never_blocks(t: TestApp) {
    let owner = t.owner().await;
    let form = json!({"id": "form", "kind": "input", "title": "How many?", "fields": [
        {"name": "copies", "type": "integer", "required": true}, {"name": "note", "type": "string", "default": "none"}]});
    let flow = deployed(&owner, "Form", row(&[form], json!("{{ steps.form.output }}"))).await;
    let begun = owner.post(&format!("{FLOWS}/{flow}/run"), json!({})).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    let id = text(&begun.json()["id"]);
    t.work().await;
    let waits = get(&owner, &id).await;
    assert_eq!(waits["status"], "User input");
    let asked = &waits["waitingFor"][0];
    assert_eq!(
        (&asked["title"], &asked["fields"][0]["name"]),
        (&json!("How many?"), &json!("copies")),
        "{waits}"
    );
    let path = format!("{FLOWS}/executions/{id}/input");
    let error =
        owner.post(&path, json!({"values": {"copies": "many"}})).await.refused(400, "validation_error");
    assert_eq!(error["field"], "values/copies", "{error}");
    // it is for the person who runs it
    let admin = t.member_of(Role::Admin).await;
    admin.post(&path, json!({"copies": 1})).await.refused(403, "authorization_error");
    let given = owner.post(&path, json!({"step": "form", "values": {"copies": 2}})).await.ok();
    assert_eq!(given["status"], "Running");
    t.work().await;
    assert_eq!(get(&owner, &id).await["output"], json!({"copies": 2, "note": "none"}));
    // the values themselves do too
    let id = text(&owner.post(&format!("{FLOWS}/{flow}/run"), json!({})).await.ok()["id"]);
    t.work().await;
    owner.post(&format!("{FLOWS}/executions/{id}/input"), json!({"copies": 3})).await.ok();
    t.work().await;
    assert_eq!(get(&owner, &id).await["output"]["copies"], 3);
    // nobody is asked in a start
    let done = ended(&t, &owner, &started(&owner, &flow, json!({})).await).await;
    assert_eq!(
        (&done["status"], &done["output"]),
        (&json!("Success"), &json!({"copies": null, "note": "none"}))
    );
    assert_eq!(done["warnings"].as_array().unwrap().len(), 1, "{done}");
}

async fn a_step_that_failed_is_tried_again_under_the_same_key(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let flow =
        deployed(&owner, "Retries", row(&[call(&echo, "call")], json!("{{ steps.call.output.status }}")))
            .await;
    echo.answers(&[503, 500]);
    let id = started(&owner, &flow, json!({"text": "a"})).await;
    t.work().await;
    let waits = get(&owner, &id).await;
    assert_eq!(
        (&waits["status"], &waits["steps"][1]["status"]),
        (&json!("Waiting"), &json!("Waiting")),
        "{waits}"
    );
    assert!(text(&waits["steps"][1]["error"]).contains("503"), "{waits}");
    for _ in 0..2 {
        t.clock.advance(10);
        t.work().await;
    }
    let owner = t.owner().await;
    let done = get(&owner, &id).await;
    assert_eq!((&done["status"], &done["steps"][1]["attempt"]), (&json!("Success"), &json!(3)), "{done}");
    let keys: Vec<_> = echo.take().iter().map(|h| h.header("idempotency-key").to_owned()).collect();
    assert!(keys.len() == 3 && keys.iter().all(|k| *k == keys[0] && !k.is_empty()), "{keys:?}");
    // for good it fails after its tries, and by hand it is tried once more
    echo.answers(&[500, 500, 500]);
    let id = started(&owner, &flow, json!({"text": "b"})).await;
    for _ in 0..3 {
        t.work().await;
        t.clock.advance(30);
    }
    let owner = t.owner().await;
    let failed = get(&owner, &id).await;
    assert_eq!((&failed["status"], &failed["canRetry"]), (&json!("Error"), &json!(true)), "{failed}");
    assert!(text(&failed["message"]).contains("500"), "{failed}");
    let again = owner.post_to(&format!("{FLOWS}/executions/{id}/retry")).await.ok();
    assert_eq!(again["status"], "Running");
    t.work().await;
    let done = get(&owner, &id).await;
    assert_eq!((&done["status"], &done["output"]), (&json!("Success"), &json!(200)), "{done}");
    let keys: Vec<_> = echo.take().iter().map(|h| h.header("idempotency-key").to_owned()).collect();
    assert!(keys.len() == 4 && keys.iter().all(|k| *k == keys[0]), "{keys:?}");
    let statistics = owner.get(&format!("{FLOWS}/statistics?flowId={flow}")).await.ok();
    assert_eq!((&statistics["runs"], &statistics["failureRate"]), (&json!(2), &json!(0.0)), "{statistics}");
    assert!(statistics["p99Ms"].as_i64().unwrap() >= statistics["p90Ms"].as_i64().unwrap());
}

async fn another_server_goes_on_with_the_step_that_ran(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let nodes = [call(&echo, "first"), call(&echo, "second")];
    let flow = deployed(&owner, "Crash", row(&nodes, json!("{{ steps.second.output.status }}"))).await;
    let id = started(&owner, &flow, json!({"text": "a"})).await;
    echo.hang(true);
    let driver = t.app.driver();
    let dies = tokio::spawn(async move { driver.work().await });
    echo.until_heard().await;
    let running = get(&owner, &id).await;
    assert_eq!((&running["status"], &running["steps"][1]["status"]), (&json!("Running"), &json!("Running")));
    // it dies in the middle of the first step
    dies.abort();
    let _ = dies.await;
    echo.hang(false);
    assert_eq!(t.app.driver().work().await.unwrap(), 0, "nobody else takes it before its lease ends");
    t.clock.advance(61);
    assert_eq!(t.app.driver().work().await.unwrap(), 1);
    let owner = t.owner().await;
    let done = get(&owner, &id).await;
    assert_eq!((&done["status"], &done["output"]), (&json!("Success"), &json!(200)), "{done}");
    let heard: Vec<_> =
        echo.take().iter().map(|h| (h.path.clone(), h.header("idempotency-key").to_owned())).collect();
    let paths: Vec<_> = heard.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/first", "/first", "/second"], "at least once, and what was done is not done again");
    assert!(heard[0].1 == heard[1].1 && heard[1].1 != heard[2].1, "{heard:?}");
}

async fn one_flow_takes_no_more_than_its_places_and_no_workspace_waits_for_another(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let flow = deployed(&owner, "Many", row(&[call(&echo, "many")], json!("done"))).await;
    for _ in 0..25 {
        started(&owner, &flow, json!({"text": "a"})).await;
    }
    echo.hang(true);
    let many = |heard: &[super::echo::Heard]| heard.iter().filter(|h| h.path == "/many").count();
    let driver = t.app.driver();
    let drives = tokio::spawn(async move { driver.work().await });
    echo.until(|heard| many(heard) == 20).await;
    // the others wait, also for another server
    assert_eq!(t.app.driver().work().await.unwrap(), 0);
    let stranger = t.stranger().await;
    let other = deployed(&stranger, "One", row(&[call(&echo, "one")], json!("done"))).await;
    let id = started(&stranger, &other, json!({"text": "b"})).await;
    let driver = t.app.driver();
    let second = tokio::spawn(async move { driver.work().await });
    echo.until(|heard| heard.iter().any(|h| h.path == "/one")).await;
    echo.hang(false);
    second.await.unwrap().unwrap();
    drives.await.unwrap().unwrap();
    t.work().await;
    assert_eq!(get(&stranger, &id).await["status"], "Success");
    let done = owner.get(&format!("{FLOWS}/executions?flowId={flow}&status=Success")).await.ok();
    assert_eq!((&done["pagination"]["totalItems"], many(&echo.take())), (&json!(25), 25));
}

async fn waiting_holds_nothing_and_cancel_ends_at_once(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let delay = json!({"id": "wait", "kind": "delay", "seconds": 3600});
    let flow = deployed(&owner, "Delay", row(&[delay, call(&echo, "call")], json!("done"))).await;
    let id = started(&owner, &flow, json!({"text": "a"})).await;
    t.work().await;
    let waits = get(&owner, &id).await;
    assert_eq!(
        (&waits["status"], &waits["waitingFor"][0]["step"]),
        (&json!("Waiting"), &json!("wait")),
        "{waits}"
    );
    assert!(waits["waitingFor"][0]["until"].is_string());
    assert_eq!(t.app.driver().work().await.unwrap(), 0, "it is not looked at before its time");
    let other = started(&owner, &flow, json!({"text": "b"})).await;
    t.work().await;
    let canceled = owner.post_to(&format!("{FLOWS}/executions/{other}/cancel")).await.ok();
    assert_eq!(canceled["status"], "Canceled");
    // in a trial nothing happens
    let trial = owner.post_to(&format!("{FLOWS}/executions/{id}/cancel?dryRun=true")).await.ok();
    assert_eq!(trial["result"]["status"], "Canceled");
    // a flow with executions that are not over is not deleted
    owner.post_to(&format!("{FLOWS}/{flow}/undeploy")).await.ok();
    owner.delete(&format!("{FLOWS}/{flow}")).await.refused(409, "conflict");
    t.clock.advance(3601);
    t.work().await;
    let owner = t.owner().await;
    assert_eq!(get(&owner, &id).await["status"], "Success", "what is under way goes on");
    assert_eq!(get(&owner, &other).await["status"], "Canceled");
    assert_eq!(echo.take().len(), 1);
    owner.delete(&format!("{FLOWS}/{flow}")).await.ok();
    owner.get(&format!("{FLOWS}/executions/{id}")).await.refused(404, "not_found");
    // a step that runs is cut off
    let flow = deployed(&owner, "Cut", row(&[call(&echo, "call")], json!("done"))).await;
    let id = started(&owner, &flow, json!({"text": "a"})).await;
    echo.hang(true);
    let driver = t.app.driver();
    let drives = tokio::spawn(async move { driver.work().await });
    echo.until_heard().await;
    owner.post_to(&format!("{FLOWS}/executions/{id}/cancel")).await.ok();
    drives.await.unwrap().unwrap();
    let done = get(&owner, &id).await;
    assert_eq!(
        (&done["status"], &done["steps"][1]["status"]),
        (&json!("Canceled"), &json!("Canceled")),
        "{done}"
    );
    echo.hang(false);
}

async fn what_is_shown_hides_secrets_and_only_those_who_may_see_it(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let mut definition = row(
        &[json!({"id": "call", "kind": "api", "request": {"method": "POST", "url": echo.at("/x"),
            "body": {"type": "json", "value": {"pin": "{{ input.pin }}"}}}})],
        json!({"said": "{{ steps.call.output.body.body }}", "token": "t-0123456"}),
    );
    definition["nodes"][0]["inputs"] = json!([{"name": "pin", "type": "string", "secret": true}]);
    let flow = deployed(&owner, "Secret", definition).await;
    let member = t.member_of(Role::Member).await;
    let id = started(&member, &flow, json!({"pin": "canary-9876"})).await;
    t.work().await;
    assert!(echo.take()[0].body.contains("canary-9876"), "the outside gets it");
    let shown = member.get(&format!("{FLOWS}/executions/{id}")).await;
    assert!(!shown.body.contains("canary") && !shown.body.contains("t-0123456"), "{}", shown.body);
    assert!(shown.ok()["steps"][0]["output"]["pin"] == "[hidden]", "{}", shown.body);
    // one's own, and for administrators everybody's
    assert_eq!(get(&owner, &id).await["id"], json!(id));
    t.person("other@main.test", Role::Member).await;
    let other = t.sign_in("other@main.test").await;
    other.get(&format!("{FLOWS}/executions/{id}")).await.refused(404, "not_found");
    other.post_to(&format!("{FLOWS}/executions/{id}/cancel")).await.refused(404, "not_found");
    assert_eq!(other.get(&format!("{FLOWS}/executions")).await.ok()["data"], json!([]));
    assert_eq!(member.get(&format!("{FLOWS}/executions")).await.ok()["pagination"]["totalItems"], 1);
    t.stranger().await.get(&format!("{FLOWS}/executions/{id}")).await.refused(404, "not_found");
}

async fn r189_a_function_says_that_there_are_no_scripts(t: TestApp) {
    let owner = t.owner().await;
    let node = json!({"id": "ask", "kind": "function", "scriptId": "scr_1", "function": "f"});
    let flow = deployed(&owner, "Function", row(&[node], json!(null))).await;
    let done = ended(&t, &owner, &started(&owner, &flow, json!({})).await).await;
    assert_eq!(
        (&done["status"], &done["message"]),
        (&json!("Error"), &json!("No custom scripts deployed yet."))
    );
}

async fn branches_run_side_by_side_and_loops_go_round(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let ask = json!({"id": "ask", "kind": "api", "request": {"method": "GET", "url": echo.at("/item/{{ loop.item }}")}});
    let definition = json!({
        "nodes": [
            {"id": "start", "kind": "start"}, call(&echo, "left"), call(&echo, "right"),
            {"id": "each", "kind": "loop", "items": "{{ input.list }}", "result": "{{ steps.ask.output.body.path }}",
                "body": {"nodes": [ask], "edges": []}},
            {"id": "end", "kind": "end", "output": "{{ steps.each.output }}"}],
        "edges": [{"from": "start", "to": "left"}, {"from": "start", "to": "right"}, {"from": "left", "to": "each"},
            {"from": "right", "to": "each"}, {"from": "each", "to": "end"}],
    });
    let flow = deployed(&owner, "Branches", definition).await;
    let done = ended(&t, &owner, &started(&owner, &flow, json!({"text": "a", "list": [1, 2]})).await).await;
    assert_eq!(
        (&done["status"], &done["output"]),
        (&json!("Success"), &json!(["/item/1", "/item/2"])),
        "{done}"
    );
    let steps: Vec<_> = done["steps"].as_array().unwrap().iter().map(|s| text(&s["step"])).collect();
    assert!(steps.contains(&"each[1]/ask".to_owned()), "{steps:?}");
    assert_eq!(echo.take().len(), 4);
}

async fn r187_r188_requests_are_tried_out_and_each_body_has_its_type(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    for (body, kind, expected) in [
        (
            json!({"type": "form", "value": {"a": "{{ input.v }}"}}),
            "application/x-www-form-urlencoded",
            "a=1+%26+2",
        ),
        (json!({"type": "json", "value": {"a": "{{ input.v }}"}}), "application/json", "{\"a\":\"1 & 2\"}"),
        (json!({"type": "xml", "value": "<a>{{ input.v }}</a>"}), "application/xml", "<a>1 &amp; 2</a>"),
        (
            json!({"type": "custom", "contentType": "text/csv", "value": "a;{{ input.v }}"}),
            "text/csv",
            "a;1 & 2",
        ),
    ] {
        let request = json!({"method": "POST", "url": echo.at("/try"), "body": body, "headers": {"X-Own": "{{ steps.before.output.h }}"}});
        let trial =
            json!({"request": request, "input": {"v": "1 & 2"}, "steps": {"before": {"output": {"h": "v"}}}});
        let tried = owner.post(&format!("{FLOWS}/requests/test"), trial).await.ok();
        assert_eq!((&tried["status"], &tried["body"]["contentType"]), (&json!(200), &json!(kind)), "{tried}");
        let heard = echo.take();
        assert_eq!((heard[0].body.as_str(), heard[0].header("x-own")), (expected, "v"));
    }
    let odd = json!({"request": {"method": "GET", "url": "ftp://a.example/"}});
    let error = owner.post(&format!("{FLOWS}/requests/test"), odd).await.refused(400, "validation_error");
    assert!(text(&error["field"]).starts_with("request"), "{error}");
    // an address that may not be called is told, and so is one that is not there
    let inside = json!({"request": {"method": "GET", "url": "http://169.254.169.254/latest"}});
    let tried = owner.post(&format!("{FLOWS}/requests/test"), inside).await.ok();
    assert!(tried["status"].is_null() && tried["error"].is_string(), "{tried}");
}

on_both![
    r183_r186_a_flow_is_started_and_watched,
    r183_keys_start_flows_in_whose_name_they_may,
    r185_an_interactive_run_asks_and_another_never_blocks,
    a_step_that_failed_is_tried_again_under_the_same_key,
    another_server_goes_on_with_the_step_that_ran,
    one_flow_takes_no_more_than_its_places_and_no_workspace_waits_for_another,
    waiting_holds_nothing_and_cancel_ends_at_once,
    what_is_shown_hides_secrets_and_only_those_who_may_see_it,
    r189_a_function_says_that_there_are_no_scripts,
    branches_run_side_by_side_and_loops_go_round,
    r187_r188_requests_are_tried_out_and_each_body_has_its_type,
];
