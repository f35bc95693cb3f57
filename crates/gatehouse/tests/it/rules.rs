//! The common rules of the API, held against every operation of its document.

use serde_json::{Value, json};

use crate::support::{Answer, Client, TestApp, on_both};

/// Names that are written otherwise elsewhere, where they stand in an answer of the API: the id of a job, as the public API
/// of the platform has it. What speaks a protocol of its own (SCIM, OAuth, key sets) is not in the document.
const NAMES_OF_STANDARDS: [&str; 1] = ["_id"];

fn document(t: &TestApp) -> Value {
    serde_json::to_value(t.app.openapi()).unwrap()
}

/// Times that the document says in words: kept as text, since a signature is over it, or taken as a text that may be empty.
const TIMES_IN_WORDS: [&str; 4] = [
    "AuditKey/properties/createdAt",
    "AuditKey/properties/retiredAt",
    "Offboarding/properties/at",
    "OidcIn/properties/clientSecretExpiresAt",
];

/// Every operation: method, path with made-up ids, and its description in the document.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let mut filled = String::new();
        for (n, part) in path.split('{').enumerate() {
            filled.push_str(if n == 0 { part } else { "x_1" });
            filled.push_str(if n == 0 { "" } else { part.split_once('}').unwrap().1 });
        }
        for (method, operation) in item.as_object().unwrap().iter().filter(|(k, _)| *k != "parameters") {
            all.push((method.clone(), filled.clone(), operation.clone()));
        }
    }
    all
}

/// The type of a refusal in the one form, which has nothing beside it.
#[track_caller]
fn kind_of(what: &str, answer: &Answer) -> String {
    assert!((400..600).contains(&answer.status), "{what}: {} {}", answer.status, answer.body);
    let content = answer.header("content-type").unwrap_or_default();
    assert!(content.starts_with("application/json"), "{what}: {content}");
    let kind = answer.json()["error"]["type"]
        .as_str()
        .unwrap_or_else(|| panic!("{what}: {}", answer.body))
        .to_owned();
    answer.refused(answer.status, &kind);
    let fits = match kind.as_str() {
        "validation_error" | "invalid_request_error" => answer.status == 400,
        "authentication_error" => answer.status == 401,
        "authorization_error" | "sso_required" => answer.status == 403,
        "not_found" => answer.status == 404,
        "method_not_allowed" => answer.status == 405,
        "conflict" => answer.status == 409,
        "rate_limit_error" => answer.status == 429,
        _ => false,
    };
    assert!(fits, "{what}: {} {kind}", answer.status);
    kind
}

async fn sent(caller: &Client, method: &str, path: &str, kind: &str, body: &str) -> Answer {
    let request = caller.request(method, path).header("accept", "application/json");
    caller.send(request.header("content-type", kind).body(body.to_owned())).await
}

async fn r100_every_operation_tells_a_failure_in_the_one_form(t: TestApp) {
    let (owner, document) = (t.owner().await, document(&t));
    let mut judged = 0;
    for (method, path, operation) in operations(&document) {
        let what = format!("{method} {path}");
        let is_open = operation["security"] == json!([{}]);
        // nobody, and a credential that is none
        for caller in [t.client(), t.client().with_token("none")] {
            let answer = caller.call(&method, &path, None).await;
            if answer.status >= 400 {
                let kind = kind_of(&what, &answer);
                assert!(is_open || kind == "authentication_error", "{what}: {kind}");
            } else {
                assert!(is_open, "{what}: {}", answer.body);
            }
        }
        // a path below it, and a method that it has not
        let below = format!("{path}/no/such/path");
        assert_eq!(kind_of(&what, &owner.call(&method, &below, None).await), "not_found", "{below}");
        if !has(&document, &path, "patch") {
            let told = kind_of(&what, &owner.call("patch", &path, None).await);
            assert_eq!(told, "method_not_allowed", "patch {path}");
        }
        if operation["requestBody"].is_null() {
            continue;
        }
        // what is no JSON, has another type, or is JSON of the wrong shape
        for (kind, body) in [
            ("application/json", "{"),
            ("application/json", ""),
            ("application/json", "[]"),
            ("application/json", "null"),
            ("text/plain", "{}"),
            ("application/x-www-form-urlencoded", "name=x"),
        ] {
            let told =
                kind_of(&format!("{what} {kind} {body:?}"), &sent(&owner, &method, &path, kind, body).await);
            // what takes a key of its own asks for it first
            let is_kept = is_open && told == "authentication_error";
            assert!(
                is_kept
                    || matches!(told.as_str(), "validation_error" | "invalid_request_error" | "not_found"),
                "{what} {kind} {body:?}: {told}"
            );
            judged += 1;
        }
    }
    assert!(judged > 200, "{judged} bodies were judged");
}

/// Whether the document has an operation at a filled path.
fn has(document: &Value, path: &str, method: &str) -> bool {
    operations(document).iter().any(|(m, p, _)| m == method && p == path)
}

/// Small letters and digits, words begun with a capital.
fn is_camel(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

/// ISO 8601 in UTC (RFC 3339 §5.6): `2025-01-15T10:00:00Z`, with or without parts of a second.
fn is_utc(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let Some(rest) = shape.strip_prefix("0000-00-00T00:00:00") else { return false };
    let part = rest.strip_suffix('Z').map(|p| p.strip_prefix('.').unwrap_or(p));
    part.is_some_and(|p| p.chars().all(|c| c == '0')) && rest != ".Z"
}

/// Calls with every object's member and every text of a JSON value, and where it stands.
fn walk<'a>(value: &'a Value, at: &str, see: &mut impl FnMut(&str, &str, &'a Value)) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                let place = format!("{at}/{name}");
                see(&place, name, inner);
                walk(inner, &place, see);
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| walk(inner, at, see)),
        _ => {}
    }
}

async fn r102_the_document_has_camel_case_names_and_times_in_utc(t: TestApp) {
    let document = document(&t);
    let (mut names, mut times, mut wrong) = (0, 0, Vec::new());
    walk(&document, "", &mut |place, name, value| {
        if name == "properties" && value.is_object() {
            for property in value.as_object().unwrap().keys() {
                names += 1;
                if !is_camel(property) && !NAMES_OF_STANDARDS.contains(&property.as_str()) {
                    wrong.push(format!("{place}/{property}"));
                }
            }
        }
        // what ends like a moment is one: it refers to the one schema of times
        if value.is_object() && place.contains("/properties/") && is_moment(name) {
            times += 1;
            let text = value.to_string();
            let says = text.contains("#/components/schemas/Timestamp") || text.contains("date-time");
            let place = place.replace("Page_AuditKey/properties/data/items", "AuditKey");
            if !says && !TIMES_IN_WORDS.iter().any(|t| place.ends_with(t)) {
                wrong.push(format!("{place} is no date-time: {text}"));
            }
        }
        let text = value.as_str().filter(|_| matches!(name, "example" | "default")).unwrap_or_default();
        if text.get(..11).is_some_and(|d| is_day(&d[..10]) && d.ends_with('T')) && !is_utc(text) {
            wrong.push(format!("{place}: {text}"));
        }
    });
    for (method, path, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            if parameter["in"] == "query" && !is_camel(name) {
                wrong.push(format!("{method} {path}?{name}"));
            }
        }
    }
    assert_eq!(document["components"]["schemas"]["Timestamp"]["format"], "date-time");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(names > 300 && times > 60, "{names} names and {times} times were judged");
}

fn is_moment(name: &str) -> bool {
    name == "at" || name == "since" || name.ends_with("At")
}

fn is_day(text: &str) -> bool {
    text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).eq("0000-00-00".chars())
}

/// Members that are somebody else's words: what an event tells, and tables whose keys people choose.
const FREE: [&str; 3] = ["/details/", "/attributeMapping/", "/environment/"];

/// One of everything, so that lists have something in them.
async fn furnish(t: &TestApp, owner: &Client) {
    let lab = t.active_lab(owner).await;
    let person = t.client();
    let form = t.ask_lab(&person, &format!("/sso/{}/start?returnTo=/account", lab.id), "ada", "none").await;
    assert_eq!(form.send(&person).await.status, 303);
    let app =
        owner.post("/api/v1/api-apps", json!({"name": "Program", "scopes": ["workflow:deploy"]})).await.ok();
    let keys = format!("/api/v1/api-apps/{}/keys", app["id"].as_str().unwrap());
    let key = owner.post(&keys, json!({"name": "CI", "expiresInDays": 30})).await.ok();
    let client = t.client();
    let value = key["plainValue"].as_str().unwrap();
    client.send(client.request("GET", "/authz").header("x-api-key", value)).await;
    owner.post("/api/v1/api-scopes", json!({"id": "orders:read", "name": "Read orders"})).await.ok();
    owner.post("/api/v1/scim/tokens", json!({"name": "Entra", "expiresInDays": 30})).await.ok();
    owner.post("/api/v1/webhooks", json!({"url": "https://hooks.example/", "events": ["*"]})).await.ok();
    owner.post("/api/v1/invitations", json!({"email": "new@main.test", "role": "viewer"})).await.ok();
    owner.post("/api/v1/sso/setup-links", json!({"name": "By link"})).await.ok();
    owner.post_to("/api/v1/sso/sp-keys").await.ok();
    t.person("leaver@main.test", gatehouse_types::Role::Member).await;
    let leaver = owner.get("/api/v1/users?email=leaver@main.test").await.ok()["data"][0]["id"].clone();
    let leaver = format!("/api/v1/users/{}", leaver.as_str().unwrap());
    owner.post(&format!("{leaver}/suspend"), json!({})).await.ok();
    t.work().await;
}

async fn r102_answers_have_camel_case_names_and_times_in_utc(t: TestApp) {
    let owner = t.owner().await;
    furnish(&t, &owner).await;
    let mut paths: Vec<String> = Vec::new();
    for (method, path, _) in operations(&document(&t)) {
        // a JSON Schema has names of its own
        let other = path.ends_with("/export") || path.ends_with("/schema");
        if method == "get" && !path.contains("x_1") && !other {
            paths.push(if path.ends_with("/who-can") { format!("{path}?action=sso:manage") } else { path });
        }
    }
    // what the lists name, one by one, with what belongs to it
    let one = async |list: &str| {
        let id = owner.get(list).await.ok()["data"][0]["id"].clone();
        format!(
            "{}/{}",
            list.split('?').next().unwrap(),
            id.as_str().unwrap_or_else(|| panic!("{list} is empty"))
        )
    };
    let (app, connection) = (one("/api/v1/api-apps").await, one("/api/v1/sso/connections").await);
    let (leaver, me) = (one("/api/v1/users?status=suspended").await, one("/api/v1/users").await);
    paths.extend([format!("{app}/keys"), format!("{app}/usage"), one(&format!("{app}/keys")).await, app]);
    paths.extend([format!("{connection}/attempts"), format!("{connection}/identities")]);
    paths.extend([one(&format!("{connection}/attempts")).await, connection]);
    paths.extend([format!("{leaver}/offboarding"), format!("{me}/sessions"), me]);
    paths.extend([one("/api/v1/scim/tokens").await, one("/api/v1/webhooks").await]);
    let (mut names, mut times, mut wrong) = (0, 0, Vec::new());
    for path in &paths {
        let answer = owner.get(path).await;
        let found = answer.ok();
        walk(&found, path, &mut |place, name, value| {
            if FREE.iter().any(|free| place.contains(free)) {
                return;
            }
            names += 1;
            if !is_camel(name) {
                wrong.push(format!("{place} is not camelCase"));
            }
            let Some(text) = value.as_str() else { return };
            let has_time = text.len() > 10 && text.get(..10).is_some_and(is_day);
            if (is_moment(name) || has_time) && !is_utc(text) {
                wrong.push(format!("{place}: {text}"));
            }
            times += usize::from(is_utc(text));
        });
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(paths.len() > 35 && names > 600 && times > 60, "{} {names} {times}", paths.len());
}

#[test]
fn what_counts_as_a_time_in_utc() {
    assert!(is_utc("2025-01-15T10:00:00Z") && is_utc("2025-01-15T10:00:00.123456Z"));
    for wrong in
        ["2025-01-15T10:00:00+00:00", "2025-01-15T10:00:00", "2025-01-15 10:00:00Z", "2025-01-15", "x"]
    {
        assert!(!is_utc(wrong), "{wrong}");
    }
    assert!(is_camel("createdAt") && is_camel("sha256") && !is_camel("created_at") && !is_camel("Created"));
}

on_both![
    r100_every_operation_tells_a_failure_in_the_one_form,
    r102_the_document_has_camel_case_names_and_times_in_utc,
    r102_answers_have_camel_case_names_and_times_in_utc,
];
