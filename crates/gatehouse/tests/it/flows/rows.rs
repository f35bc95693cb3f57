//! The rows about user authentications and flow nodes that have no test of their own elsewhere: what a user sees.

use gatehouse_types::Role;
use serde_json::{Map, Value, json};

use super::console::{followed, submit};
use super::echo::Echo;
use super::{FLOWS, deployed, ended, row, started, text};
use crate::connectors::{ICI, authorized, claims, connected, consent, icertis};
use crate::support::{Client, Form, TestApp, on_both};

const CONNECTORS: &str = "/api/v1/connectors";
const MODES: [(&str, &str); 4] = [
    ("fallback", "Fallback to connector user"),
    ("fallback_with_warning", "Fallback to connector user and generate a warning on the flow execution"),
    ("pause", "Pause flows and wait for the user to authenticate"),
    ("end_with_error", "End flow with error"),
];

fn id_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// A connector of any type with values that its fields take: its id.
async fn any(by: &Client, of: &str) -> String {
    let found = by.get(&format!("/api/v1/connector-types/{of}")).await.ok();
    let all = found["fields"].as_array().unwrap().iter();
    let all = all.chain(found["authentication"][0]["fields"].as_array().unwrap());
    let mut values = Map::new();
    for field in all.filter(|field| field["default"].is_null() && field["required"] != false) {
        let value = match field["type"].as_str().unwrap() {
            "url" if of == "sharepoint-online-oauth" => "https://acme.sharepoint.com/sites/sales",
            "url" => "https://sharepoint.acme.example/sites/a",
            "host" => "sharepoint.acme.example",
            "choice" => field["choices"][0].as_str().unwrap_or("value"),
            _ => "00000000-0000-4000-8000-000000000001",
        };
        values.insert(text(&field["key"]), json!(value));
    }
    let made = by.post(CONNECTORS, json!({"type": of, "name": of, "fields": values})).await;
    assert_eq!(made.status, 201, "{of}: {}", made.body);
    text(&made.json()["id"])
}

/// The choices of a group of radio buttons, in their order, as value and label.
fn radios(page: &str, name: &str) -> Vec<(String, String)> {
    let inputs = page.split("<input").skip(1).filter(|i| i.contains(&format!("name=\"{name}\"")));
    let read = |input: &str| {
        let value = input.split("value=\"").nth(1).unwrap().split('"').next().unwrap();
        let label =
            input.split("<label").nth(1).unwrap().split('>').nth(1).unwrap().split('<').next().unwrap();
        (value.to_owned(), label.trim().to_owned())
    };
    inputs.map(read).collect()
}

async fn r169_a_connector_has_the_tab_and_it_is_off(t: TestApp) {
    let owner = t.owner().await;
    let path = icertis(&owner).await;
    let browser = t.browser("owner@main.test").await;
    let page = format!("/integrations/connectors/{}", id_of(&path));
    let tab = format!("{page}/user-authentications");
    let connector = browser.get(&page).await;
    assert!(connector.body.contains(&tab) && connector.body.contains("User authentications"));
    let shown = browser.get(&tab).await.body;
    for part in ["Enable user authentications for this connector", "Save changes"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let checkbox = |shown: &str| {
        let input = shown.split("<input").find(|i| i.contains("id=\"enabled\"")).unwrap();
        input.split('>').next().unwrap().contains("checked")
    };
    assert!(!checkbox(&shown), "off by default");
    let saved = submit(&browser, &tab, &tab, &[("enabled", "true"), ("nonInteractiveMode", "pause")]).await;
    let shown = followed(&browser, &saved).await.body;
    assert!(shown.contains("The changes were saved.") && checkbox(&shown), "{shown}");
    assert_eq!(owner.get(&format!("{path}/user-authentications")).await.ok()["enabled"], true);
}

async fn r173_the_setting_has_four_options_with_their_labels(t: TestApp) {
    let owner = t.owner().await;
    let path = icertis(&owner).await;
    let browser = t.browser("owner@main.test").await;
    let tab = format!("/integrations/connectors/{}/user-authentications", id_of(&path));
    let shown = browser.get(&tab).await.body;
    let legend =
        "In non-interactive mode, when no user authentication is available during the flow execution";
    assert!(shown.to_lowercase().contains(&legend.to_lowercase()), "{shown}");
    let expected: Vec<_> = MODES.iter().map(|(v, l)| ((*v).to_owned(), (*l).to_owned())).collect();
    assert_eq!(radios(&shown, "nonInteractiveMode"), expected);
    for (mode, _) in MODES {
        let saved = submit(&browser, &tab, &tab, &[("enabled", "true"), ("nonInteractiveMode", mode)]).await;
        assert_eq!(saved.status, 303, "{}", saved.body);
        let set = owner.get(&format!("{path}/user-authentications")).await.ok();
        assert_eq!(set["nonInteractiveMode"], mode);
    }
}

async fn r178_the_connectors_of_the_list_have_the_tab(t: TestApp) {
    let owner = t.owner().await;
    let browser = t.browser("owner@main.test").await;
    for of in ["salesforce", "sharepoint-online-oauth", "sharepoint-server-oauth", "docusign"] {
        let id = any(&owner, of).await;
        let tab = format!("/integrations/connectors/{id}/user-authentications");
        let saved = submit(&browser, &tab, &tab, &[("enabled", "true")]).await;
        assert!(followed(&browser, &saved).await.body.contains("The changes were saved."), "{of}");
        let set = owner.get(&format!("{CONNECTORS}/{id}/user-authentications")).await.ok();
        assert_eq!((&set["enabled"], &set["allowed"]), (&json!(true), &json!(true)), "{of}");
    }
    let of = owner.get("/api/v1/connector-types/salesforce").await.ok();
    let mut actions = of["actions"].as_array().unwrap().iter();
    assert!(actions.any(|a| a["id"] == "retrieve-data" && a["label"] == "Retrieve Data"), "{of}");
}

async fn r179_sharepoint_server_with_a_password_has_it_disabled_with_the_reason(t: TestApp) {
    let owner = t.owner().await;
    let id = any(&owner, "sharepoint-server-password").await;
    let set = format!("{CONNECTORS}/{id}/user-authentications");
    let reason = text(&owner.get(&set).await.ok()["reason"]);
    let browser = t.browser("owner@main.test").await;
    let shown = browser.get(&format!("/integrations/connectors/{id}/user-authentications")).await.body;
    let input = shown.split("<input").find(|i| i.contains("id=\"enabled\"")).unwrap();
    assert!(input.split('>').next().unwrap().contains("disabled"), "{input}");
    assert!(shown.contains(&reason.replace('\'', "&#39;")), "{reason}: {shown}");
    let error = owner.put(&set, json!({"enabled": true})).await.refused(400, "validation_error");
    assert_eq!((&error["field"], &error["message"]), (&json!("enabled"), &json!(reason)));
}

/// A flow of one connector step.
async fn asks(by: &Client, connector: &str, action: &str, parameters: Value) -> String {
    let ask = json!({"id": "ask", "kind": "connector", "connectorId": connector, "action": action,
        "parameters": parameters});
    deployed(by, &format!("Asks {connector}"), row(&[ask], json!("{{ steps.ask.output }}"))).await
}

async fn r181_who_did_what_is_told_by_step_ledger_and_audit_log(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    authorized(&owner, &path).await;
    // an administrator switches it on, and that is recorded; a member may not
    let set = format!("{path}/user-authentications");
    let member = t.member_of(Role::Member).await;
    member.put(&set, json!({"enabled": true})).await.refused(403, "authorization_error");
    owner.put(&set, json!({"enabled": true, "nonInteractiveMode": "fallback"})).await.ok();
    let event = owner.get("/api/v1/audit-events?event=connector.user-authentications-set").await.ok();
    assert_eq!(event["data"][0]["details"]["enabled"], true, "{event}");
    connected(&member, id_of(&path)).await;
    let flow = asks(&owner, id_of(&path), "list-users", json!({})).await;
    let me = text(&member.get("/api/v1/me").await.ok()["user"]["id"]);
    let id = started(&member, &flow, json!({})).await;
    let done = ended(&t, &member, &id).await;
    let step = &done["steps"][1];
    assert_eq!(
        (&step["actingUser"], &step["effectiveIdentity"], &step["effectiveUserId"]),
        (&json!(me), &json!("user"), &json!(me)),
        "{done}"
    );
    let started_by = &owner.get("/api/v1/audit-events?event=flow-execution.started").await.ok()["data"][0];
    assert_eq!(
        (&started_by["actorId"], &started_by["details"]["personId"]),
        (&json!(me), &json!(me)),
        "{started_by}"
    );
    let call = &owner.get("/api/v1/outbound-calls").await.ok()["data"][0];
    assert_eq!((&call["effectiveUserId"], &call["cause"]), (&json!(me), &json!(format!("flow:{flow}"))));
    // and on the page
    let email = text(&member.get("/api/v1/me").await.ok()["user"]["email"]);
    let name = text(&member.get("/api/v1/me").await.ok()["user"]["name"]);
    let page = t.browser(&email).await.get(&format!("/flows/executions/{id}")).await.body;
    assert!(page.contains(&format!("For {name}, as {name}")), "{page}");
}

async fn r182_a_person_sees_renews_and_takes_back_the_own_authentications(t: TestApp) {
    let owner = t.owner().await;
    t.outside().claims(claims());
    let path = icertis(&owner).await;
    let id = id_of(&path).to_owned();
    authorized(&owner, &path).await;
    owner
        .put(&format!("{path}/user-authentications"), json!({"enabled": true, "nonInteractiveMode": "pause"}))
        .await
        .ok();
    let flow = asks(&owner, &id, "list-users", json!({})).await;
    let member = t.member_of(Role::Member).await;
    connected(&member, &id).await;
    let email = text(&member.get("/api/v1/me").await.ok()["user"]["email"]);
    let browser = t.browser(&email).await;
    let mine = "/account/connections";
    let shown = browser.get(mine).await.body;
    for part in ["Contracts", "Connected", "Re-authenticate", "Disconnect"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // once more, in the browser
    let mut form = Form::to(&shown, &format!("{mine}/{id}/authorize"));
    form.fields.retain(|(name, _)| name != "returnTo");
    let away = form.send(&browser).await.body;
    let from = away.find("href=\"https://login.microsoftonline.com").expect("it leads to the provider") + 6;
    let to = away[from..].split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    assert_eq!(consent(&browser, &to).await.status, 303);
    let run = started(&member, &flow, json!({})).await;
    assert_eq!(ended(&t, &member, &run).await["status"], "Success");
    // taken back, the next run asks
    let gone = submit(&browser, mine, &format!("{mine}/{id}/disconnect"), &[]).await;
    assert!(followed(&browser, &gone).await.body.contains("You are disconnected."));
    let run = started(&member, &flow, json!({})).await;
    assert_eq!(ended(&t, &member, &run).await["status"], "Authentication needed");
    drop(t.outside().take_at(ICI));
}

async fn r192_retrieve_data_of_salesforce_runs_as_a_step(t: TestApp) {
    let owner = t.owner().await;
    let body = json!({"type": "salesforce", "name": "Sales",
        "fields": {"clientId": "3MVG9", "clientSecret": "consumer-secret"}});
    let connector = text(&owner.post(CONNECTORS, body).await.ok()["id"]);
    let tokens = json!({"access_token": "00D-token", "refresh_token": "r-1", "token_type": "Bearer",
        "instance_url": "https://acme.my.salesforce.com"});
    t.outside().answer("login.salesforce.com/services/oauth2/token", 200, &tokens);
    authorized(&owner, &format!("{CONNECTORS}/{connector}")).await;
    let records = json!({"totalSize": 1, "done": true, "records": [{"Id": "001", "Name": "Acme"}]});
    t.outside().answer("acme.my.salesforce.com/services/data/v62.0/query", 200, &records);
    let query = json!({"q": "SELECT Id, Name FROM Account WHERE Name = '{{ input.name }}'"});
    let flow = asks(&owner, &connector, "retrieve-data", query).await;
    let done = ended(&t, &owner, &started(&owner, &flow, json!({"name": "Acme"})).await).await;
    assert_eq!((&done["status"], &done["output"][0]["Name"]), (&json!("Success"), &json!("Acme")), "{done}");
    assert_eq!(
        (&done["steps"][1]["kind"], &done["steps"][1]["effectiveIdentity"]),
        (&json!("connector"), &json!("connector"))
    );
    let seen = t.outside().take_at("acme.my.salesforce.com");
    let asked: Vec<_> = url::form_urlencoded::parse(seen[0].query.as_bytes()).into_owned().collect();
    assert_eq!(asked, [("q".to_owned(), "SELECT Id, Name FROM Account WHERE Name = 'Acme'".to_owned())]);
}

async fn r193_values_of_earlier_nodes_stand_in_requests(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let first = json!({"id": "first", "kind": "api", "request": {"method": "POST", "url": echo.at("/orders"),
        "body": {"type": "json", "value": {"customer": "{{ input.customer }}", "n": 7}}}});
    let second = json!({"id": "second", "kind": "api", "request": {"method": "POST",
        "url": echo.at("/follow{{ steps.first.output.body.path }}"),
        "headers": {"X-Status": "{{ steps.first.output.status }}"},
        "body": {"type": "xml", "value": "<said>{{ steps.first.output.body.body }}</said>"}}});
    let flow =
        deployed(&owner, "Values", row(&[first, second], json!("{{ steps.second.output.status }}"))).await;
    let done = ended(&t, &owner, &started(&owner, &flow, json!({"customer": "A & B"})).await).await;
    assert_eq!((&done["status"], &done["output"]), (&json!("Success"), &json!(200)), "{done}");
    let heard = echo.take();
    assert!(heard[1].path.starts_with("/follow"), "{}", heard[1].path);
    assert!(heard[1].path.contains("orders"), "{}", heard[1].path);
    assert_eq!(heard[1].header("x-status"), "200");
    assert!(heard[1].body.contains("A &amp; B") && heard[1].body.starts_with("<said>"), "{}", heard[1].body);
    // what no earlier node gives is told when the flow is saved
    let odd = json!({"id": "odd", "kind": "api", "request": {"method": "GET",
        "url": echo.at("/{{ steps.none.output.x }}")}});
    let error = owner.post(FLOWS, json!({"name": "Odd", "definition": row(&[odd], json!(null))})).await;
    let error = error.refused(400, "validation_error");
    assert!(text(&error["message"]).contains("none"), "{error}");
}

on_both![
    r193_values_of_earlier_nodes_stand_in_requests,
    r178_the_connectors_of_the_list_have_the_tab,
    r179_sharepoint_server_with_a_password_has_it_disabled_with_the_reason,
];
on_both![start_with_outside:
    r169_a_connector_has_the_tab_and_it_is_off,
    r173_the_setting_has_four_options_with_their_labels,
    r181_who_did_what_is_told_by_step_ledger_and_audit_log,
    r182_a_person_sees_renews_and_takes_back_the_own_authentications,
    r192_retrieve_data_of_salesforce_runs_as_a_step,
];
