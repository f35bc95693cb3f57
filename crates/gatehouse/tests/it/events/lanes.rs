//! A program that does not answer keeps nobody waiting.

use std::time::{Duration, Instant};

use gatehouse_types::Role;
use serde_json::json;
use tokio::sync::oneshot;

use super::hook;
use crate::support::{Receiver, TestApp, on_both};

/// How long a program may take to answer: whoever waited for another would wait this long.
const TIMEOUT: Duration = Duration::from_secs(10);

async fn a_program_that_hangs_delays_neither_others_nor_mails(t: TestApp) {
    let owner = t.owner().await;
    let (hanging, quick) = (Receiver::start().await, Receiver::start().await);
    hanging.hang(true);
    let (path, _) = hook(&owner, &hanging, &["membership.set"]).await;
    hook(&owner, &quick, &["membership.set"]).await;
    for n in 0..6 {
        t.person(&format!("first{n}@main.test"), Role::Member).await;
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let worker = tokio::spawn(t.app.worker().run(async { drop(stopped.await) }));
    hanging.until_told(TIMEOUT).await;
    let began = Instant::now();
    // all of the first, beyond those that are started at once
    let mut told = 0;
    while told < 6 {
        quick.until_told(TIMEOUT).await;
        told += quick.take().len();
    }
    // what happens while it hangs
    t.person("second@main.test", Role::Member).await;
    quick.until_told(TIMEOUT).await;
    assert!(quick.take()[0].body.contains("membership.set"));
    owner.post("/api/v1/auth/password-reset", json!({"email": "first0@main.test"})).await.ok();
    let asked = "first0@main.test".parse().unwrap();
    while gatehouse_store::mails::waiting_for(t.app.store(), &asked).await.unwrap().is_empty() {
        assert!(began.elapsed() < TIMEOUT, "no mail");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() < TIMEOUT, "somebody waited: {:?}", began.elapsed());
    let waiting = owner.get(&format!("{path}/deliveries?state=pending")).await.ok();
    assert_eq!(waiting["pagination"]["totalItems"], 7, "{waiting}");
    assert_eq!(waiting["data"][0]["attempts"], 0, "{waiting}");
    // it comes to itself: what it took counts
    hanging.hang(false);
    let delivered = format!("{path}/deliveries?state=delivered");
    while owner.get(&delivered).await.ok()["pagination"]["totalItems"].as_i64() < Some(4) {
        assert!(began.elapsed() < 2 * TIMEOUT, "what it took does not count");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.send(()).unwrap();
    worker.await.unwrap();
}

on_both![a_program_that_hangs_delays_neither_others_nor_mails];
