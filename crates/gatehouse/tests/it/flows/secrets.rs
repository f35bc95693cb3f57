//! What authenticates us outside is in plain nowhere: profiles, connectors, a flow with both, keys and triggers are used with
//! marked secrets, and then everything that is kept or said is searched for each of them, in the forms that it could take.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use gatehouse_store::{Queries, backup, sql};
use serde_json::{Value, json};

use super::{FLOWS, deployed, ended, row, started, text};
use crate::connect::PROFILES;
use crate::connectors::consent;
use crate::operations::secrets::Lines;
use crate::support::{Answer, Client, TestApp, on_both, unpacked};

const TOKENS: &str = "login.microsoftonline.com/t-1/oauth2/v2.0/token";
const HOST: &str = "acme-business-api.icertis.com";
/// What was entered or given for use outside. Each has characters that forms and addresses write differently.
const CLIENT_SECRET: &str = "canary+client/secret=1&x";
const MACHINE_SECRET: &str = "canary+machine/secret=2&x";
const FIELD: &str = "canary+field/value=3&x";
const ASKED: &str = "canary+asked/for=4&x";
const ACCESS: &str = "canary.access-token/5+x=";
const REFRESH: &str = "canary.refresh-token/6+x=";
const SECOND: &str = "canary.second-token/7+x=";
const KEY: &str = "canary+connector/key=8&x";
const NODE_HEADER: &str = "canary+node/header=9&x";
const INPUT: &str = "canary+input/of-flow=10&x";
const TRIGGER_INPUT: &str = "canary+input/of-trigger=11&x";

/// A secret as it could stand somewhere: plain, in an address or form, in hexadecimal digits, and inside of something that was
/// written in base64, wherever it began there.
fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    let percent: String = secret.bytes().map(|b| format!("%{b:02X}")).collect();
    let mut all = vec![
        ("plain", secret.to_owned()),
        ("as JSON", json!(secret).to_string().trim_matches('"').to_owned()),
        ("in a form", url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()),
        ("in an address", percent.clone()),
        ("in an address", percent.to_lowercase()),
        ("in hexadecimal digits", hex.to_uppercase()),
        ("in hexadecimal digits", hex),
    ];
    for before in 0..3 {
        let bytes: Vec<u8> = std::iter::repeat_n(b'x', before).chain(secret.bytes()).collect();
        // the digits that hold bits of the secret alone
        let own = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
        all.push(("in base64", STANDARD.encode(&bytes)[own.clone()].to_owned()));
        all.push(("in base64 for addresses", URL_SAFE.encode(&bytes)[own].to_owned()));
    }
    all
}

#[test]
fn a_secret_is_found_in_each_of_its_forms() {
    let found = |text: &str| forms(KEY).iter().any(|(_, form)| text.contains(form.as_str()));
    for before in ["", "u", "us", "use"] {
        assert!(found(&STANDARD.encode(format!("{before}:{KEY}:after"))), "{before}");
        assert!(found(&URL_SAFE.encode(format!("{before}{KEY}"))), "{before}");
    }
    let form: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("k", KEY).finish();
    assert!(found(&form) && found(&json!({"k": KEY}).to_string()) && found(&format!("a {KEY}")));
    assert!(!found("canary"));
}

/// A backup, unpacked.
async fn kept(t: &TestApp, name: &str) -> String {
    let file = t.database.data_dir().join(name);
    backup::write(t.app.store(), &file).await.unwrap();
    unpacked(&file)
}

/// Everything in the database: of PostgreSQL each row of each table as text, of SQLite the bytes of its files.
async fn database(t: &TestApp) -> String {
    let mut all = String::new();
    if t.app.store().kind() == "PostgreSQL" {
        let mut db = t.app.store().reader();
        let tables = sql("SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables \
             WHERE table_schema = current_schema() ORDER BY 1");
        let tables = db.fetch_all(tables).await.unwrap();
        assert!(tables.len() > 60, "{} tables", tables.len());
        for table in tables {
            let name = table.text("name").unwrap();
            let select = format!("SELECT CAST(t AS TEXT) AS line FROM \"{name}\" t");
            for line in db.fetch_all(sql(select.leak())).await.unwrap() {
                all.push_str(&line.text("line").unwrap());
                all.push('\n');
            }
        }
        return all;
    }
    for file in std::fs::read_dir(t.database.data_dir()).unwrap() {
        let file = file.unwrap().path();
        if file.file_name().unwrap().to_str().unwrap().contains(".db") {
            all.push_str(&String::from_utf8_lossy(&std::fs::read(file).unwrap()));
        }
    }
    all
}

fn id_of(made: &Answer) -> String {
    assert_eq!(made.status, 201, "{}", made.body);
    text(&made.json()["id"])
}

/// Profiles of both kinds, one of them authorized by a person who was asked for a value: their ids.
async fn profiles(t: &TestApp, owner: &Client) -> (String, String) {
    let authorize = "https://login.microsoftonline.com/t-1/oauth2/v2.0/authorize";
    let code = json!({"authorizationType": "oauth2", "identityProviderName": "By consent", "clientId": "client",
        "clientSecret": CLIENT_SECRET, "authorizationUrl": authorize, "tenancyUrl": false,
        "tokenRequestUrl": format!("https://{TOKENS}"), "scope": "read", "clientAuthentication": "post",
        "allowedHosts": [HOST], "additionalFields": [{"key": "pin"}],
        "authorizationFields": [{"type": "header", "key": "X-Org", "value": FIELD}, {"type": "query", "key": "pin"}]});
    let machine = json!({"authorizationType": "oauth2_client_credentials", "identityProviderName": "Machine",
        "clientId": "client", "clientSecret": MACHINE_SECRET, "tokenRequestUrl": format!("https://{TOKENS}"),
        "scope": "read", "allowedHosts": [HOST]});
    let code = id_of(&owner.post(PROFILES, code).await);
    let machine = id_of(&owner.post(PROFILES, machine).await);
    let begun = json!({"fields": {"pin": ASKED}});
    let begun = owner.post(&format!("{PROFILES}/{code}/authorize"), begun).await.ok();
    let landed = consent(owner, &text(&begun["redirectUrl"])).await;
    assert_eq!(landed.status, 303, "{}", landed.body);
    assert!(t.outside().take().iter().any(|seen| seen.body.contains("client_secret=canary")));
    (code, machine)
}

/// A flow with requests through profiles and without one, and with a connector's action; the service repeats what it is sent.
fn flow(code: &str, machine: &str, connector: &str) -> Value {
    let url = format!("https://{HOST}/api/echo");
    let api = |id: &str, more: Value| {
        let mut request = json!({"method": "POST", "url": url, "body": {"type": "json", "value": {"a": "{{ input.secret }}"}}});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"id": id, "kind": "api", "request": request})
    };
    let nodes = [
        api("consent", json!({"authProfileId": code})),
        api("machine", json!({"authProfileId": machine})),
        api("plain", json!({"headers": {"X-Api-Key": NODE_HEADER}})),
        json!({"id": "users", "kind": "connector", "connectorId": connector, "action": "list-users"}),
    ];
    row(&nodes, json!("{{ steps.consent.output }}"))
}

async fn no_secret_of_a_flow_is_in_plain_anywhere(t: TestApp) {
    let lines = Lines::with_spans();
    let owner = t.owner().await;
    let mut secrets: Vec<(&str, String)> = [
        ("client secret", CLIENT_SECRET),
        ("client secret", MACHINE_SECRET),
        ("authorization field", FIELD),
        ("value that a person was asked for", ASKED),
        ("access token", ACCESS),
        ("refresh token", REFRESH),
        ("access token", SECOND),
        ("connector's key", KEY),
        ("header of a node", NODE_HEADER),
        ("input of a flow", INPUT),
        ("input of a trigger", TRIGGER_INPUT),
    ]
    .map(|(what, secret)| (what, secret.to_owned()))
    .into();
    secrets.push(("bearer token", owner.token.clone().unwrap()));
    let token = |access: &str| json!({"access_token": access, "refresh_token": REFRESH, "token_type": "Bearer", "expires_in": 3600});
    t.outside().answer(TOKENS, 200, &token(ACCESS));
    t.outside().answer(TOKENS, 200, &token(SECOND));
    let mut said: Vec<Answer> = Vec::new();
    let (code, machine) = profiles(&t, &owner).await;

    // the service repeats all that it got, well and badly
    let repeated = |all: &[&str]| {
        let all = all.join(" ");
        json!({"echo": all, "message": all, "error": {"message": all}})
    };
    let echo = repeated(&[ACCESS, SECOND, FIELD, ASKED, NODE_HEADER, INPUT]);
    let key_echo = repeated(&[KEY]);
    let (place, users) = (format!("{HOST}/api/echo"), "acme-api.icertis.com/api/Users");
    t.outside().answer(&place, 200, &echo);
    t.outside().answer(users, 200, &json!({"data": [key_echo]}));
    let request = json!({"method": "GET", "url": format!("https://{place}")});
    for profile in [&code, &machine] {
        owner.post(&format!("{PROFILES}/{profile}/request"), request.clone()).await.ok();
        let streamed =
            owner.post(&format!("{PROFILES}/{profile}/request?stream=true"), request.clone()).await;
        assert_eq!(streamed.header("gatehouse-status"), Some("200"), "{streamed:?}");
        said.push(owner.get(&format!("{PROFILES}/{profile}/grants")).await);
        said.push(owner.post_to(&format!("{PROFILES}/{profile}/test")).await);
    }
    let seen = t.outside().take_at(HOST);
    assert!(seen.iter().any(|s| s.header("authorization") == format!("Bearer {ACCESS}")), "{seen:?}");
    assert!(seen.iter().any(|s| s.header("x-org") == FIELD && s.query.contains("pin=canary")), "{seen:?}");

    // a connector by key, with both forms of answers
    let body = json!({"type": "icertis-preview", "authType": "api-key", "fields": {"instance": "acme", "apiKey": KEY}});
    let connector = id_of(&owner.post("/api/v1/connectors", body).await);
    let action = format!("/api/v1/connectors/{connector}/actions/list-users");
    owner.post(&action, json!({})).await.ok();
    owner.post(&format!("{action}?stream=true"), json!({})).await;
    said.push(owner.get(&format!("/api/v1/connectors/{connector}")).await);

    // the flow, started by a person and by a trigger, and once more when the service refuses
    let flow = deployed(&owner, "All of it", flow(&code, &machine, &connector)).await;
    let done = ended(&t, &owner, &started(&owner, &flow, json!({"secret": INPUT})).await).await;
    assert_eq!(done["status"], "Success", "{done}");
    assert!(t.outside().take().iter().any(|s| s.header("x-api-key") == NODE_HEADER));
    let users_alone =
        json!({"id": "users", "kind": "connector", "connectorId": connector, "action": "list-users"});
    let alone = deployed(&owner, "Users alone", row(&[users_alone], json!("done"))).await;
    let trigger =
        json!({"kind": "webhook", "name": "Hook", "runAs": "service", "input": {"secret": TRIGGER_INPUT}});
    let made = owner.post(&format!("{FLOWS}/{flow}/triggers"), trigger).await.json();
    let fire = t.client();
    let fire = fire
        .send(
            fire.request("POST", &text(&made["trigger"]["path"]))
                .header("x-trigger-token", text(&made["token"]))
                .json(&json!({})),
        )
        .await;
    assert_eq!(fire.status, 201, "{}", fire.body);
    secrets.push(("token of a trigger", text(&made["token"])));
    t.work().await;
    for bad in [401, 422] {
        t.outside().forget(&place);
        t.outside().answer(&place, bad, &echo);
        t.outside().forget(users);
        t.outside().answer(users, bad, &key_echo);
        for profile in [&code, &machine] {
            owner.post(&format!("{PROFILES}/{profile}/request"), request.clone()).await;
        }
        said.push(owner.post(&action, json!({})).await);
        said.push(owner.post(&format!("{action}?stream=true"), json!({})).await);
        said.push(owner.post_to(&format!("/api/v1/connectors/{connector}/test")).await);
        for flow in [&flow, &alone] {
            let failed = ended(&t, &owner, &started(&owner, flow, json!({"secret": INPUT})).await).await;
            assert_eq!(failed["status"], "Error", "{failed}");
        }
    }
    // a provider that refuses, and says with what
    t.outside().forget(TOKENS);
    for words in [[CLIENT_SECRET, REFRESH, ASKED].as_slice(), &[MACHINE_SECRET]] {
        let told = json!({"error": "invalid_client", "error_description": words.join(" ")});
        t.outside().answer(TOKENS, 400, &told);
    }
    t.clock.advance(3_600);
    let owner = t.owner().await;
    secrets.push(("bearer token", owner.token.clone().unwrap()));
    for profile in [&code, &machine] {
        said.push(owner.post(&format!("{PROFILES}/{profile}/request"), request.clone()).await);
    }

    // a key of a program
    let app = json!({"name": "Program", "scopes": ["audit:read", "workflow:deploy"]});
    let app = format!("/api/v1/api-apps/{}", id_of(&owner.post("/api/v1/api-apps", app).await));
    let made = owner.post(&format!("{app}/keys"), json!({"name": "Key"})).await.ok();
    let value = text(&made["plainValue"]);
    let program = t.client();
    program.send(program.request("GET", "/api/v1/audit-events").header("x-api-key", &value)).await.ok();
    said.push(owner.get(&format!("{app}/keys")).await);
    secrets.push(("part of an API key", value[3..15].to_owned()));
    secrets.push(("API key", value));

    // what goes out of the house
    said.push(owner.post_to(&format!("{FLOWS}/{flow}/export")).await);
    for at in [
        "/api/v1/outbound-calls?pageSize=100",
        "/api/v1/audit-events?pageSize=100",
        "/api/v1/me/connections",
        "/metrics",
    ] {
        said.push(owner.get(at).await);
    }
    said.push(owner.get(&format!("{FLOWS}/executions?flowId={flow}")).await);
    said.push(owner.get("/api/v1/audit-events/export").await);
    let mut stored = kept(&t, "before.backup").await + &database(&t).await;
    assert!(stored.contains("By consent") && stored.contains("flow:"), "the search looks at the database");
    for path in
        [format!("{FLOWS}/{flow}"), format!("/api/v1/connectors/{connector}"), format!("{PROFILES}/{code}")]
    {
        said.push(owner.delete(&path).await);
    }
    t.work().await;
    stored.push_str(&(kept(&t, "after.backup").await + &database(&t).await));
    let log = lines.text();
    for route in [
        "/api/v1/connectors/{id}/test",
        "/api/v1/auth-profiles/{id}/request",
        "/api/v1/flows/executions/start",
    ] {
        assert!(log.contains(&format!("\"route\":\"{route}\"")), "{route} is not in the log");
    }
    let said: String = said.into_iter().map(|answer| answer.body).collect();
    assert!(said.contains("grant.authorized") && said.contains("holderKind"));
    for (what, secret) in secrets {
        for (form, text) in forms(&secret) {
            for (place, all) in [("log", &log), ("answers and exports", &said), ("database", &stored)] {
                if let Some(at) = all.find(&text) {
                    let begin =
                        (0..=at.saturating_sub(300)).rev().find(|n| all.is_char_boundary(*n)).unwrap_or(0);
                    panic!("the {what} is {form} in the {place}: {}", &all[begin..at]);
                }
            }
        }
    }
}

on_both![start_with_outside: no_secret_of_a_flow_is_in_plain_anywhere];
