//! What `/metrics` shows, in the text format of Prometheus, and how little it grows.

use std::collections::{BTreeMap, BTreeSet};

use gatehouse_testkit::{Database, Kind};
use serde_json::json;

use crate::support::{PASSWORD, Program};

const OWNER: &str = "owner@acme.test";

type Labels = BTreeMap<String, String>;

/// Every sample by its name; each line must be a comment, or a name with labels and a number.
fn parse(text: &str) -> Vec<(String, Labels, f64)> {
    let mut typed = BTreeSet::new();
    let mut samples = Vec::new();
    for line in text.lines().filter(|l| !l.is_empty()) {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram", "summary"].contains(&kind), "{line}");
            assert!(typed.insert(name.to_owned()), "{name} has two types");
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let word = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        assert!(word(name), "{line}");
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|s| name.strip_suffix(s));
        assert!(typed.contains(name) || base.is_some_and(|b| typed.contains(b)), "{name} has no type");
        let labels = labels.strip_suffix('}').unwrap();
        let labels = labels.split_terminator("\",").map(|pair| {
            let (key, value) = pair.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            assert!(word(key.trim()), "{line}");
            (key.trim().to_owned(), value.trim_end_matches('"').to_owned())
        });
        samples.push((name.to_owned(), labels.collect(), value.parse().unwrap()));
    }
    samples
}

fn value(samples: &[(String, Labels, f64)], name: &str, wanted: &[(&str, &str)]) -> f64 {
    let fits = |labels: &Labels| wanted.iter().all(|(k, v)| labels.get(*k).is_some_and(|l| l == v));
    samples.iter().filter(|(n, labels, _)| n == name && fits(labels)).map(|(.., v)| v).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_sign_ins_jobs_and_waits_are_counted_with_few_labels() {
    let database = Database::fresh(Kind::Sqlite).await;
    let program = Program::on(&database);
    program.create_owner("Acme", OWNER);
    let serving = program.serve();
    serving.sign_in(OWNER).await;
    let client = serving.client();
    let wrong = json!({"email": OWNER, "password": "not the password"});
    client.post("/api/v1/auth/login", wrong).await.refused(401, "authentication_error");
    let before = parse(&client.get("/metrics").await.body);
    assert!(value(&before, "sign_ins_total", &[("method", "password"), ("outcome", "success")]) >= 1.0);
    assert!(value(&before, "sign_ins_total", &[("method", "password"), ("outcome", "failure")]) >= 1.0);
    let login = [("method", "POST"), ("route", "/api/v1/auth/login")];
    assert_eq!(value(&before, "http_requests_total", &login), 2.0);
    assert_eq!(value(&before, "http_request_seconds_count", &login), 2.0);
    assert!(value(&before, "database_wait_seconds_count", &[]) > 0.0);
    assert!(value(&before, "jobs_total", &[("outcome", "done")]) > 0.0, "{before:?}");
    assert!(value(&before, "audit_events_total", &[("event", "session.started")]) >= 1.0);
    for n in 0..50 {
        client.get(&format!("/api/v1/nothing-{n}")).await;
        client.call(&format!("X{n}"), &format!("/reset/{PASSWORD}{n}"), None).await;
        let email = format!("p{n}@acme.test");
        client.post("/api/v1/auth/login", json!({"email": email, "password": "x"})).await;
    }
    let text = client.get("/metrics").await.body;
    let after = parse(&text);
    // kinds of jobs are as many as there are, whoever asks for what; some ran only meanwhile
    let of_requests =
        |all: &[(String, Labels, f64)]| all.iter().filter(|(n, ..)| !n.starts_with("job")).count();
    let (before, after) = (of_requests(&before), of_requests(&after));
    assert!(after < before + 100, "{before} then {after}");
    assert!(!text.contains(PASSWORD) && !text.contains("acme.test"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn a_listener_of_their_own_takes_the_metrics_off_the_main_one() {
    let database = Database::fresh(Kind::Sqlite).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let serving = Program::on(&database).set("GATEHOUSE_METRICS_LISTEN", free.to_string()).serve();
    assert_eq!(serving.client().get("/metrics").await.status, 404);
    let there = crate::support::Client::new(&format!("http://{free}"));
    serving.client().get("/healthz").await.ok();
    assert!(!parse(&there.get("/metrics").await.body).is_empty());
    assert_eq!(there.get("/api/v1/me").await.status, 404);
}
