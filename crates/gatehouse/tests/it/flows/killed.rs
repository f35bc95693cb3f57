//! `kill -9` among executions: none is lost or stuck, and every step is done under one key. `scripts/flow-storm` is the long one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gatehouse_testkit::{Database, Kind};
use serde_json::{Value, json};

use super::echo::{Echo, Heard};
use super::{FLOWS, deployed, text};
use crate::support::{Client, Program, Serving};

const OWNER: &str = "owner@storm.test";
const ROUNDS: usize = 2;
/// Executions that are started in a round.
const EACH: usize = 150;
const STARTERS: usize = 4;
/// A lease and what else may take time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// What starters share.
#[derive(Default)]
struct Storm {
    /// Where servers listen.
    bases: Mutex<Vec<String>>,
    /// The numbers of those that were answered, with their ids.
    answered: Mutex<BTreeMap<usize, String>>,
    /// Those without an answer: they may have begun or not.
    open: Mutex<BTreeSet<usize>>,
    sent: AtomicUsize,
}

#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap()
}

/// Starts executions, each once, at whatever server is there.
async fn start_some(storm: Arc<Storm>, key: String, flow: String, numbers: Vec<usize>) {
    let http = http();
    for n in numbers {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < PATIENCE, "no server is there");
            let base = {
                let bases = storm.bases.lock().unwrap();
                bases[n % bases.len()].clone()
            };
            let url = format!("{base}{FLOWS}/executions/start?flowId={flow}");
            let start = http.post(url).header("x-api-key", &key).header("content-type", "application/json");
            match start.body(json!({"n": n}).to_string()).send().await {
                Err(e) if e.is_connect() => tokio::time::sleep(Duration::from_millis(20)).await,
                Ok(answer) if answer.status() == 201 => {
                    let Ok(told) = answer.text().await else {
                        storm.open.lock().unwrap().insert(n);
                        break;
                    };
                    let told: Value = serde_json::from_str(&told).unwrap();
                    storm.answered.lock().unwrap().insert(n, text(&told["id"]));
                    break;
                }
                Ok(answer) => panic!("{}: {}", answer.status(), answer.text().await.unwrap_or_default()),
                Err(_) => {
                    storm.open.lock().unwrap().insert(n);
                    break;
                }
            }
        }
        storm.sent.fetch_add(1, Ordering::SeqCst);
    }
}

/// Two branches, each with a step outside that is tried again.
fn definition(echo: &Echo) -> Value {
    let step = |id: &str| {
        json!({"id": id, "kind": "api", "retry": {"times": 4, "delaySeconds": 1}, "request": {"method": "POST",
            "url": echo.at(&format!("/{id}")), "body": {"type": "json", "value": {"n": "{{ input.n }}"}}}})
    };
    let output = json!(["{{ steps.left.output.status }}", "{{ steps.right.output.status }}"]);
    json!({"nodes": [{"id": "start", "kind": "start"}, step("left"), step("right"),
            {"id": "end", "kind": "end", "output": output}],
        "edges": [{"from": "start", "to": "left"}, {"from": "start", "to": "right"},
            {"from": "left", "to": "end"}, {"from": "right", "to": "end"}]})
}

async fn serve(program: &Program) -> Serving {
    let program = program.clone();
    tokio::task::spawn_blocking(move || program.serve()).await.unwrap()
}

async fn total(owner: &Client, filter: &str) -> i64 {
    let page = owner.get(&format!("{FLOWS}/executions?pageSize=1{filter}")).await.ok();
    page["pagination"]["totalItems"].as_i64().unwrap()
}

/// The keys that came, by number and step; none is of two steps.
fn keys(heard: &[Heard]) -> BTreeMap<(usize, String), BTreeSet<String>> {
    let (mut keys, mut of) = (BTreeMap::<_, BTreeSet<String>>::new(), BTreeMap::new());
    for one in heard {
        let body: Value = serde_json::from_str(&one.body).unwrap();
        let step = (usize::try_from(body["n"].as_u64().unwrap()).unwrap(), one.path.clone());
        let key = one.header("idempotency-key").to_owned();
        assert_eq!(of.entry(key.clone()).or_insert_with(|| step.clone()), &step, "a key of two steps");
        keys.entry(step).or_default().insert(key);
    }
    keys
}

async fn executions_survive_kill_9(kind: Kind) {
    let (database, echo) = (Database::fresh(kind).await, Echo::start().await);
    let program = Program::on(&database)
        .set("GATEHOUSE_PUBLIC_URL", "http://gatehouse.test")
        .set("GATEHOUSE_EGRESS_ALLOW", "127.0.0.1/32");
    let count = if kind == Kind::Postgres { 2 } else { 1 };
    let mut servers = Vec::new();
    for _ in 0..count {
        servers.push(serve(&program).await);
    }
    program.create_owner("Storm", OWNER);
    let owner = servers[0].sign_in(OWNER).await;
    let app = owner.post("/api/v1/api-apps", json!({"name": "Storm", "scopes": ["flows:use"]})).await.ok();
    let keys_of = format!("/api/v1/api-apps/{}/keys", text(&app["id"]));
    let key = text(&owner.post(&keys_of, json!({"name": "Storm"})).await.ok()["plainValue"]);
    let flow = deployed(&owner, "Storm", definition(&echo)).await;
    let storm = Arc::new(Storm::default());
    // some of the first calls are asked to come again
    echo.answers(&[503; 20]);
    for round in 0..ROUNDS {
        *storm.bases.lock().unwrap() = servers.iter().map(|s| s.base.clone()).collect();
        let numbers: Vec<_> = (round * EACH..(round + 1) * EACH).collect();
        let starters = numbers.chunks(EACH.div_ceil(STARTERS)).map(|some| {
            tokio::spawn(start_some(Arc::clone(&storm), key.clone(), flow.clone(), some.to_vec()))
        });
        let starters: Vec<_> = starters.collect();
        // each time at another point of it
        while storm.sent.load(Ordering::SeqCst) < round * EACH + EACH / (2 + round) {
            assert!(starters.iter().any(|s| !s.is_finished()), "{}", servers[0].log());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        servers.remove(0).kill();
        servers.push(serve(&program).await);
        *storm.bases.lock().unwrap() = servers.iter().map(|s| s.base.clone()).collect();
        for starter in starters {
            starter.await.unwrap();
        }
    }
    let (answered, open) = (storm.answered.lock().unwrap().clone(), storm.open.lock().unwrap().clone());
    assert_eq!(answered.len() + open.len(), ROUNDS * EACH);
    let owner = servers[0].sign_in(OWNER).await;
    let (began, all) = (Instant::now(), total(&owner, "").await);
    while total(&owner, "&status=Success").await < all {
        assert!(
            began.elapsed() < PATIENCE,
            "stuck: {}",
            owner.get(&format!("{FLOWS}/executions")).await.body
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let begun = usize::try_from(all).unwrap() - answered.len();
    assert!(begun <= open.len(), "{begun} began of {} without an answer", open.len());
    let keys = keys(&echo.take());
    assert_eq!(keys.len(), 2 * usize::try_from(all).unwrap());
    assert!(keys.values().all(|keys| keys.len() == 1), "a step has one key");
    for (n, id) in &answered {
        let done = owner.get(&format!("{FLOWS}/executions/{id}")).await.ok();
        assert_eq!(
            (&done["status"], &done["output"]),
            (&json!("Success"), &json!([200, 200])),
            "{n}: {done}"
        );
        let steps: BTreeSet<_> = done["steps"].as_array().unwrap().iter().map(|s| text(&s["step"])).collect();
        assert!(steps.len() == 4 && done["steps"].as_array().unwrap().len() == 4, "{done}");
        for step in done["steps"].as_array().unwrap() {
            let (from, to) = (text(&step["startedAt"]), text(&step["endedAt"]));
            assert!(step["status"] == "Success" && from <= to && to <= text(&done["endedAt"]), "{done}");
        }
        assert!(
            keys.contains_key(&(*n, "/left".to_owned())) && keys.contains_key(&(*n, "/right".to_owned()))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_execution_is_lost_or_stuck_when_the_only_server_is_killed() {
    executions_survive_kill_9(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_execution_is_lost_or_stuck_when_one_of_two_servers_is_killed() {
    executions_survive_kill_9(Kind::Postgres).await;
}
