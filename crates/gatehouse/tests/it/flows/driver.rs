//! The server's part of executions: leases that last as long as what they are for, and who goes on when one ends.

use std::time::Duration;

use gatehouse_store::{Queries, sql};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::echo::Echo;
use super::{FLOWS, deployed, mirror, row, started, text};
use crate::support::{Client, TestApp, on_both};

/// A driver that runs, and how it is stopped.
struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Running {
    fn start(t: &TestApp) -> Self {
        let (stop, stopped) = oneshot::channel();
        let driver = t.app.driver().renewing_every(Duration::from_millis(20));
        let ended = tokio::spawn(driver.run(async move { drop(stopped.await) }));
        Self { stop, ended }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(20), self.ended).await.unwrap().unwrap();
    }
}

fn call(echo: &Echo) -> Value {
    json!({"id": "call", "kind": "api", "request": {"method": "POST", "url": echo.at("/call")}})
}

async fn number(t: &TestApp, select: &'static str, id: &str) -> Option<i64> {
    t.app.store().reader().fetch_one(sql(select).bind(id)).await.unwrap().opt_int("x").unwrap()
}

async fn get(by: &Client, id: &str) -> Value {
    by.get(&format!("{FLOWS}/executions/{id}")).await.ok()
}

async fn until_over(by: &Client, id: &str) -> Value {
    for _ in 0..1000 {
        let found = get(by, id).await;
        if found["endedAt"].is_string() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it goes on: {}", get(by, id).await);
}

const LEASE: &str = "SELECT lease_until AS x FROM executions WHERE id = $1";

async fn a_step_keeps_its_lease_however_long_it_takes(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let flow = deployed(&owner, "Long", row(&[call(&echo)], json!("{{ steps.call.output.status }}"))).await;
    echo.hang(true);
    let running = Running::start(&t);
    let id = started(&owner, &flow, json!({})).await;
    echo.until_heard().await;
    let other = t.app.driver();
    // three quarters of a lease each, and more than two of them together
    for _ in 0..3 {
        let before = number(&t, LEASE, &id).await.unwrap();
        t.clock.advance(15);
        let mut looks = 0;
        while number(&t, LEASE, &id).await.unwrap() < before + 15_000_000 {
            looks += 1;
            assert!(looks < 1000, "the lease is not renewed");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(other.work().await.unwrap(), 0, "it is driven");
    }
    echo.hang(false);
    let owner = t.owner().await;
    let done = until_over(&owner, &id).await;
    assert_eq!((&done["status"], &done["output"]), (&json!("Success"), &json!(200)), "{done}");
    assert_eq!(echo.take().len(), 1);
    running.stop().await;
}

async fn who_has_lost_a_lease_changes_nothing_any_more(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let flow = deployed(&owner, "Lost", row(&[call(&echo)], json!("{{ steps.call.output.status }}"))).await;
    let id = started(&owner, &flow, json!({})).await;
    echo.hang(true);
    let (first, second) = (t.app.driver(), t.app.driver());
    let first = tokio::spawn(async move { first.work().await });
    echo.until_heard().await;
    t.clock.advance(21);
    let second = tokio::spawn(async move { second.work().await });
    echo.until(|heard| heard.len() == 2).await;
    echo.hang(false);
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    let done = get(&t.owner().await, &id).await;
    assert_eq!((&done["status"], &done["output"]), (&json!("Success"), &json!(200)), "{done}");
    assert_eq!(done["steps"].as_array().unwrap().len(), 3, "{done}");
    let heard = echo.take();
    let keys: Vec<_> = heard.iter().map(|h| h.header("idempotency-key")).collect();
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
    assert_eq!(number(&t, "SELECT claims AS x FROM executions WHERE id = $1", &id).await, Some(2));
    assert_eq!(number(&t, LEASE, &id).await, None);
}

async fn a_server_alone_goes_on_at_once_and_of_several_another_when_the_lease_ends(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let flow = deployed(&owner, "Dies", row(&[call(&echo)], json!("done"))).await;
    let id = started(&owner, &flow, json!({})).await;
    echo.hang(true);
    let driver = t.app.driver();
    let dies = tokio::spawn(async move { driver.work().await });
    echo.until_heard().await;
    dies.abort();
    let _ = dies.await;
    echo.hang(false);
    let running = Running::start(&t);
    if t.app.store().is_shared() {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(
            get(&owner, &id).await["status"],
            "Running",
            "the lease protects what a slow server may be doing"
        );
        t.clock.advance(21);
    }
    assert_eq!(until_over(&t.owner().await, &id).await["status"], "Success");
    assert_eq!(echo.take().len(), 2);
    running.stop().await;
}

async fn with_room_an_execution_begins_with_its_start(t: TestApp) {
    let (owner, echo) = (t.owner().await, Echo::start().await);
    let flow = deployed(&owner, "Short", row(&[call(&echo)], json!("{{ steps.call.output.status }}"))).await;
    let shown = deployed(&owner, "Mirror", mirror()).await;
    let running = Running::start(&t);
    // the driver looks before it takes anything up
    let first = started(&owner, &flow, json!({})).await;
    until_over(&owner, &first).await;
    let start = |flow: &str| format!("{FLOWS}/executions/start?flowId={flow}");
    let (begun, over) = match t.app.store().is_shared() {
        true => ("Queued", "Queued"),
        false => ("Running", "Success"),
    };
    echo.take();
    echo.hang(true);
    let answer = owner.post(&start(&flow), json!({})).await.ok();
    assert_eq!(answer["status"], begun, "{answer}");
    echo.until_heard().await;
    let id = text(&answer["id"]);
    let now = get(&owner, &id).await;
    assert_eq!((&now["status"], &now["steps"][1]["status"]), (&json!("Running"), &json!("Running")), "{now}");
    echo.hang(false);
    assert_eq!(until_over(&owner, &id).await["output"], json!(200));
    assert_eq!((echo.take().len(), number(&t, LEASE, &id).await), (1, None));
    // what waits for nothing is over with its start
    let answer = owner.post(&start(&shown), json!({"a": 1})).await.ok();
    assert_eq!(answer["status"], over, "{answer}");
    let done = until_over(&owner, &text(&answer["id"])).await;
    assert_eq!((&done["output"], done["steps"].as_array().unwrap().len()), (&json!({"a": 1}), 2), "{done}");
    // a trial begins nothing
    let trial = owner.post(&format!("{}&dryRun=true", start(&flow)), json!({})).await.ok();
    assert_eq!(trial["effects"][0]["event"], "flow-execution.started", "{trial}");
    running.stop().await;
    assert!(echo.take().is_empty());
    // nobody drives now
    assert_eq!(owner.post(&start(&flow), json!({})).await.ok()["status"], "Queued");
}

on_both![
    a_step_keeps_its_lease_however_long_it_takes,
    who_has_lost_a_lease_changes_nothing_any_more,
    a_server_alone_goes_on_at_once_and_of_several_another_when_the_lease_ends,
    with_room_an_execution_begins_with_its_start,
];
