use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use gatehouse_testkit::Database;
use serde_json::json;

use super::{PYTHON, call, deployed, imported, key_of, workers};
use crate::support::{Kind, Program};

/// Ten replicas, or as many as this machine's memory holds when each may use its whole profile.
fn replicas() -> usize {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap();
    let kilobytes: u64 = total.trim().trim_end_matches(" kB").parse().unwrap();
    // 1 GiB is spared, 1.1 GB is the smallest profile
    let held = kilobytes.saturating_sub(1 << 20) * 1024 / 1_200_000_000;
    usize::try_from(held).unwrap().clamp(2, 10)
}

/// The control groups of a deployment on this machine, by name.
fn groups(of: &str) -> BTreeSet<String> {
    fn add(folder: &Path, of: &str, depth: usize, found: &mut BTreeSet<String>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.contains(of) {
                found.insert(name);
            } else if depth > 0 {
                add(&entry.path(), of, depth - 1, found);
            }
        }
    }
    let mut found = BTreeSet::new();
    add(Path::new("/sys/fs/cgroup"), of, 6, &mut found);
    found
}

async fn killed_and_started_again(kind: Kind) {
    let count = replicas();
    let database = Database::fresh(kind).await;
    let program = Program::on(&database);
    program.create_owner("Acme", "owner@acme.test");
    let serving = program.serve();
    let owner = serving.sign_in("owner@acme.test").await;
    let settings = json!({"name": "Ten", "language": "python", "minReplicas": count, "maxReplicas": count});
    let id = imported(&owner, PYTHON, settings).await;
    deployed(&owner, &id).await;
    let history = owner.get(&format!("/api/v1/scripts/{id}/deployments")).await.ok();
    let deployment = history["data"][0]["id"].as_str().unwrap().to_lowercase();
    let key = key_of(&owner, &id).await;
    assert_eq!(
        call(&owner, &id, &key, "remember", json!({"text": "before "})).await.ok()["result"],
        "before "
    );
    assert!(workers(&id) >= count, "the replicas are seen");
    let before = groups(&deployment);
    assert_eq!(before.len(), count, "{before:?}");
    // who calls at that moment gets an error and not silence
    let path = format!("/api/public/scripts/{id}/functions/sleep");
    let request = owner.request("POST", &path).header("x-api-key", &key).body("{\"seconds\": 30}");
    let under_way = tokio::spawn(request.timeout(Duration::from_secs(20)).send());
    tokio::time::sleep(Duration::from_millis(500)).await;
    serving.kill();
    let answer = under_way.await.unwrap();
    assert!(answer.is_err_and(|e| !e.is_timeout()), "the connection broke");
    for _ in 0..100 {
        if workers(&id) == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(workers(&id), 0, "no process of the sandbox outlives the server");
    // it is in service again by itself
    let serving = program.serve();
    let owner = serving.sign_in("owner@acme.test").await;
    let mut answer = call(&owner, &id, &key, "remember", json!({"text": "after"})).await;
    for _ in 0..200 {
        if answer.status != 503 {
            break;
        }
        assert!(answer.header("retry-after").is_some());
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer = call(&owner, &id, &key, "remember", json!({"text": "after"})).await;
    }
    assert_eq!(answer.ok()["result"], "before after");
    // and of the time before nothing is left
    let after = groups(&deployment);
    assert!(after.len() == count && after.is_disjoint(&before), "{before:?} and then {after:?}");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&id) && !mounts.contains(&deployment), "{mounts}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_in_service_come_back_after_a_kill_on_sqlite() {
    killed_and_started_again(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_in_service_come_back_after_a_kill_on_postgres() {
    killed_and_started_again(Kind::Postgres).await;
}
