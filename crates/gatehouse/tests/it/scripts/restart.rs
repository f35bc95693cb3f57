use std::time::Duration;

use gatehouse_testkit::Database;
use serde_json::json;

use super::{PYTHON, call, deployed, imported, key_of, workers};
use crate::support::{Kind, Program};

async fn killed_and_started_again(kind: Kind) {
    let database = Database::fresh(kind).await;
    let program = Program::on(&database);
    program.create_owner("Acme", "owner@acme.test");
    let serving = program.serve();
    let owner = serving.sign_in("owner@acme.test").await;
    let settings = json!({"name": "Ten", "language": "python", "minReplicas": 3, "maxReplicas": 3});
    let id = imported(&owner, PYTHON, settings).await;
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    assert_eq!(
        call(&owner, &id, &key, "remember", json!({"text": "before "})).await.ok()["result"],
        "before "
    );
    assert!(workers(&id) >= 3, "the replicas are seen");
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_in_service_come_back_after_a_kill_on_sqlite() {
    killed_and_started_again(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_in_service_come_back_after_a_kill_on_postgres() {
    killed_and_started_again(Kind::Postgres).await;
}
