//! Traces as a collector receives them, from the program itself (cargo feature `otel`).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where its expectation does")]

#[allow(dead_code, reason = "shared with the other tests, which use more of it")]
#[path = "it/support/client.rs"]
mod client;
#[allow(dead_code, reason = "shared with the other tests, which use more of it")]
#[path = "it/support/process.rs"]
mod process;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use client::Client;
use gatehouse_testkit::{Database, Kind};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use process::{Program, Serving};
use prost::Message;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PASSWORD: &str = "open-the-gate";
const OWNER: &str = "owner@acme.test";
const QUERY: &str = "canary-in-a-query";
const PATH: &str = "canary-in-a-path";
const CLIENT_SECRET: &str = "canary-of-the-client-secret";
const TOKEN: &str = "canary-of-an-access-token";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// What the collector was sent: heads and bytes as they came, and the spans in them.
#[derive(Default)]
struct Received {
    heads: String,
    bytes: Vec<u8>,
    spans: Vec<Span>,
    resource: String,
}

struct CollectorSink {
    endpoint: String,
    received: Arc<Mutex<Received>>,
}

impl CollectorSink {
    #[expect(clippy::disallowed_methods, reason = "the test is the outside")]
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::<Mutex<Received>>::default();
        let kept = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                tokio::spawn(async move { while take(&mut stream, &kept).await.is_ok() {} });
            }
        });
        Self { endpoint, received }
    }

    /// The one span of this name, with these attributes.
    #[track_caller]
    fn span(&self, name: &str) -> Span {
        let received = self.received.lock().unwrap();
        let found: Vec<_> = received.spans.iter().filter(|s| s.name == name).collect();
        let names: Vec<_> = received.spans.iter().map(|s| &s.name).collect();
        assert_eq!(found.len(), 1, "{name} in {names:?}");
        found[0].clone()
    }
}

/// One message of HTTP/1.1 with a length.
async fn take(stream: &mut TcpStream, kept: &Mutex<Received>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|t| t.split("\r\n").next()).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await?;
    let message = ExportTraceServiceRequest::decode(body.as_slice()).expect("a message of OTLP");
    {
        let mut kept = kept.lock().unwrap();
        kept.heads.push_str(&head);
        kept.bytes.extend_from_slice(&body);
        for resource in message.resource_spans {
            kept.resource = format!("{:?}", resource.resource);
            kept.spans.extend(resource.scope_spans.into_iter().flat_map(|s| s.spans));
        }
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let value = span.attributes.iter().find(|a| a.key == name)?.value.clone()?.value?;
    Some(match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

async fn with_trace(client: &Client, method: &str, path: &str, traceparent: &str) -> client::Answer {
    client.send(client.request(method, path).header("traceparent", traceparent)).await
}

fn stopped(mut serving: Serving) -> String {
    serving.signal("-TERM");
    assert_eq!(serving.ended(Duration::from_secs(40)).code(), Some(0), "{}", serving.log());
    serving.log()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_one_span_of_its_callers_trace_with_its_writes_below_and_no_secret() {
    let (database, sink) = (Database::fresh(Kind::Sqlite).await, CollectorSink::start().await);
    let program = Program::on(&database).set("GATEHOUSE_OTLP_ENDPOINT", &sink.endpoint);
    program.create_owner("Acme", OWNER);
    let serving = program.serve();
    let client = serving.client();
    let login = client
        .request("POST", "/api/v1/auth/login")
        .header("traceparent", format!("00-{TRACE}-{PARENT}-01"))
        .header("content-type", "application/json")
        .body(json!({"email": OWNER, "password": PASSWORD}).to_string());
    let login = client.send(login).await;
    let (request_id, answer) = (login.header("x-request-id").unwrap().to_owned(), login.ok());
    let token = answer["accessToken"].as_str().unwrap().to_owned();
    let cookie = client.cookie("gatehouse_session").unwrap();
    let owner = client.with_token(&token);
    owner.get(&format!("/api/v1/me?token={QUERY}")).await.ok();
    let body = json!({"name": "G", "protocol": "oidc", "defaultRole": "member", "oidcConfig": {
        "issuerUrl": "https://idp.example.com", "clientId": "c", "clientSecret": CLIENT_SECRET}});
    owner.post("/api/v1/sso/connections", body).await.ok();
    client.get(&format!("/reset/{PATH}")).await;
    client.get(&format!("/nowhere/{PATH}")).await;
    with_trace(&client, "GET", "/readyz", "no trace context").await.ok();
    with_trace(&client, "GET", "/healthz", "00-11111111111111111111111111111111-2222222222222222-00").await;
    // what waits is sent before the end
    let log = stopped(serving);

    let span = sink.span("POST /api/v1/auth/login");
    assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE.to_owned(), PARENT.to_owned()));
    assert_eq!(span.kind, 2, "a server's");
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/api/v1/auth/login"),
        ("http.response.status_code", "200"),
        ("gatehouse.request_id", &request_id),
    ] {
        assert_eq!(attribute(&span, name).as_deref(), Some(value), "{name}");
    }
    {
        let received = sink.received.lock().unwrap();
        let writes = received.spans.iter().filter(|s| s.name == "database write");
        let below = writes.filter(|s| s.parent_span_id == span.span_id && s.trace_id == span.trace_id);
        assert!(below.count() >= 1, "{:?}", received.spans);
        assert!(received.spans.iter().any(|s| s.name.starts_with("job ")), "jobs have spans of their own");
        assert!(received.resource.contains("gatehouse"), "{}", received.resource);
        assert!(received.heads.contains("post /v1/traces http/1.1"), "{}", received.heads);
        assert!(received.heads.contains("content-type: application/x-protobuf"), "{}", received.heads);
        assert!(!received.spans.iter().any(|s| s.name.contains("healthz")), "its caller does not sample it");
    }
    let me = sink.span("GET /api/v1/me");
    assert_eq!(
        attribute(&me, "gatehouse.workspace_id"),
        answer["workspaces"][0]["id"].as_str().map(str::to_owned)
    );
    assert!(me.parent_span_id.is_empty() && hex(&me.trace_id) != TRACE, "a trace of its own");
    assert!(sink.span("GET /readyz").parent_span_id.is_empty());
    assert_eq!(attribute(&sink.span("GET"), "http.route"), None, "what has no route is told by its method");

    let line = log.lines().find(|l| l.contains("/api/v1/auth/login") && l.contains("\"request\"")).unwrap();
    assert!(line.contains(&format!("\"trace_id\":\"{TRACE}\"")), "{line}");
    let received = sink.received.lock().unwrap();
    let sent = String::from_utf8_lossy(&received.bytes) + received.heads.as_str();
    for canary in [PASSWORD, OWNER, QUERY, PATH, CLIENT_SECRET, &token, &cookie] {
        assert!(!sent.contains(canary), "{canary} was sent to the collector");
    }
}

/// A key of a program, used well and badly in every place where one may come: no part of it is in a trace.
async fn no_part_of_an_api_key_is_in_a_trace(kind: Kind) {
    let (database, sink) = (Database::fresh(kind).await, CollectorSink::start().await);
    let program = Program::on(&database).set("GATEHOUSE_OTLP_ENDPOINT", &sink.endpoint);
    program.create_owner("Acme", OWNER);
    let serving = program.serve();
    let owner = serving.sign_in(OWNER).await;
    let app = json!({"name": "Program", "scopes": ["audit:read"]});
    let app = owner.post("/api/v1/api-apps", app).await.ok()["id"].as_str().unwrap().to_owned();
    let made = owner.post(&format!("/api/v1/api-apps/{app}/keys"), json!({"name": "CI"})).await.ok();
    let key = made["plainValue"].as_str().unwrap();
    let client = serving.client();
    for (method, path) in [
        ("GET", "/authz".to_owned()),
        ("GET", "/api/v1/audit-events".to_owned()),
        ("GET", format!("/api/v1/audit-events?apiKey={key}")),
        ("POST", format!("/api/public/workflows/{key}/deploy")),
        ("GET", format!("/{key}")),
    ] {
        client.send(client.request(method, &path).header("x-api-key", key)).await;
    }
    client.with_token(key).get("/api/v1/audit-events").await.ok();
    client.post("/api/v1/auth/token", json!({"apiKey": key})).await.ok();
    owner.post("/api/v1/keys/verify", json!({"key": key})).await.ok();
    client.post("/api/v1/leaked", json!({"key": key, "place": key})).await.ok();
    stopped(serving);
    for name in ["POST /api/v1/keys/verify", "POST /api/v1/auth/token", "POST /api/v1/leaked"] {
        sink.span(name);
    }
    let received = sink.received.lock().unwrap();
    let sent = String::from_utf8_lossy(&received.bytes) + received.heads.as_str();
    for part in key.as_bytes()[3..].windows(8) {
        let part = std::str::from_utf8(part).unwrap();
        assert!(!sent.contains(part), "a part of the key was sent to the collector: {part}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_part_of_an_api_key_is_in_a_trace_on_sqlite() {
    no_part_of_an_api_key_is_in_a_trace(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_part_of_an_api_key_is_in_a_trace_on_postgres() {
    no_part_of_an_api_key_is_in_a_trace(Kind::Postgres).await;
}

/// A service outside that gives a token for our secret and repeats whatever else it is sent.
#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn outside() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let token = json!({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600});
    let app = axum::Router::new()
        .route("/token", axum::routing::post(async move || axum::Json(token)))
        .fallback(async |headers: axum::http::HeaderMap, body: String| {
            let sent = headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
            axum::Json(json!({"sent": sent, "body": body}))
        });
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}

/// A profile, a flow that goes through it, and a webhook that starts the flow: what authenticates them is in no trace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_authenticates_us_outside_is_in_a_trace() {
    const INPUT: &str = "canary-of-an-input";
    let (database, sink) = (Database::fresh(Kind::Sqlite).await, CollectorSink::start().await);
    let outside = outside().await;
    let program = Program::on(&database)
        .set("GATEHOUSE_OTLP_ENDPOINT", &sink.endpoint)
        .set("GATEHOUSE_EGRESS_ALLOW", "127.0.0.1/32");
    program.create_owner("Acme", OWNER);
    let serving = program.serve();
    let owner = serving.sign_in(OWNER).await;
    let profile = json!({"authorizationType": "oauth2_client_credentials", "identityProviderName": "Machine",
        "clientId": "client", "clientSecret": CLIENT_SECRET, "tokenRequestUrl": format!("{outside}/token"),
        "scope": "read", "allowedHosts": ["127.0.0.1"]});
    let profile = owner.post("/api/v1/auth-profiles", profile).await.ok()["id"].as_str().unwrap().to_owned();
    let url = format!("{outside}/echo?pin={QUERY}");
    let request = json!({"method": "POST", "url": url, "body": PATH});
    let answer = owner.post(&format!("/api/v1/auth-profiles/{profile}/request"), request).await.ok();
    assert!(answer.to_string().contains("Bearer"), "{answer}");
    let definition = json!({
        "nodes": [
            {"id": "start", "kind": "start"},
            {"id": "call", "kind": "api", "request": {"method": "POST", "url": url, "authProfileId": profile,
                "body": {"type": "json", "value": {"a": "{{ input.secret }}"}}}},
            {"id": "end", "kind": "end", "output": "{{ steps.call.output }}"}],
        "edges": [{"from": "start", "to": "call"}, {"from": "call", "to": "end"}]});
    let flow = owner.post("/api/v1/flows", json!({"name": "Traced", "definition": definition})).await.ok();
    let flow = format!("/api/v1/flows/{}", flow["id"].as_str().unwrap());
    owner.post_to(&format!("{flow}/deploy")).await.ok();
    let hook = json!({"kind": "webhook", "name": "Hook", "runAs": "service", "input": {}});
    let hook = owner.post(&format!("{flow}/triggers"), hook).await.ok();
    let hook_token = hook["token"].as_str().unwrap().to_owned();
    let fire = serving.client();
    let fire = fire.request("POST", hook["trigger"]["path"].as_str().unwrap());
    let fired = serving.client();
    let fired = fired.send(fire.header("x-trigger-token", &hook_token).json(&json!({"secret": INPUT}))).await;
    assert!(fired.status < 300, "{}", fired.body);
    for _ in 0..100 {
        let all = owner.get("/api/v1/flows/executions").await.ok();
        if all["data"][0]["status"] == "Success" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(owner.get("/api/v1/flows/executions").await.ok()["data"][0]["status"], "Success");
    stopped(serving);
    let received = sink.received.lock().unwrap();
    assert!(received.spans.len() > 10, "{:?}", received.spans);
    let sent = String::from_utf8_lossy(&received.bytes) + received.heads.as_str();
    for canary in [CLIENT_SECRET, TOKEN, QUERY, PATH, INPUT, hook_token.as_str()] {
        assert!(!sent.contains(canary), "{canary} was sent to the collector");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn a_collector_that_is_down_or_silent_costs_nobody_an_answer() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for endpoint in [free, silent.local_addr().unwrap()] {
        let database = Database::fresh(Kind::Sqlite).await;
        let program = Program::on(&database).set("GATEHOUSE_OTLP_ENDPOINT", format!("http://{endpoint}"));
        let serving = program.serve();
        let client = serving.client();
        let began = Instant::now();
        // more than wait in the queue
        for _ in 0..50 {
            let calls = (0..100).map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.get("/healthz").await.status })
            });
            for call in calls.collect::<Vec<_>>() {
                assert_eq!(call.await.unwrap(), 200);
            }
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
        tokio::time::sleep(Duration::from_secs(3)).await;
        let log = stopped(serving);
        assert!(log.matches("traces are not").count() <= 1, "told once: {log}");
    }
}

#[test]
fn an_endpoint_that_cannot_be_one_is_named_and_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    for wrong in ["collector:4318", "ftp://c", "http://user:canary@c:4318", "http://c/?key=canary"] {
        let output =
            Program::with("sqlite:", dir.path()).set("GATEHOUSE_OTLP_ENDPOINT", wrong).run(&["serve"]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong}: {told}");
        assert!(told.contains("GATEHOUSE_OTLP_ENDPOINT") && !told.contains("canary"), "{told}");
    }
}
