use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gatehouse_store::jobs::{Job, Registry, When, Worker, enqueue, workers_keep_up};
use gatehouse_testkit::{TestStore, on_both};
use gatehouse_types::{Error, Result};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, oneshot};

/// Waits until it is told to go on.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Hang;

impl Job for Hang {
    const KIND: &'static str = "test.hang";
    type Context = Arc<Notify>;
    async fn run(self, go_on: Self::Context) -> Result<()> {
        go_on.notified().await;
        Ok(())
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Count {
    fail_first: usize,
}

impl Job for Count {
    const KIND: &'static str = "test.count";
    type Context = Arc<AtomicUsize>;
    async fn run(self, seen: Self::Context) -> Result<()> {
        let n = seen.fetch_add(1, Ordering::SeqCst);
        if n < self.fail_first { Err(Error::unavailable("not yet")) } else { Ok(()) }
    }
}

async fn add(t: &TestStore, job: Count, unique: Option<&str>, commit: bool) {
    let mut tx = t.store.begin_always().await.unwrap();
    enqueue(&mut tx, &job, When { at: None, unique: unique.map(str::to_owned) }).await.unwrap();
    if commit { tx.commit().await.unwrap() } else { tx.rollback().await.unwrap() }
}

on_both!(a_job_runs_only_if_its_transaction_counts, |t: TestStore| async move {
    let seen = Arc::new(AtomicUsize::new(0));
    let worker = Worker::new(t.store.clone(), Registry::default().with::<Count>(seen.clone()));
    add(&t, Count { fail_first: 0 }, None, false).await;
    assert!(!worker.step().await.unwrap());
    add(&t, Count { fail_first: 0 }, None, true).await;
    assert!(worker.step().await.unwrap() && !worker.step().await.unwrap());
    assert_eq!(seen.load(Ordering::SeqCst), 1);
});

on_both!(a_failed_job_is_tried_again_after_a_pause, |t: TestStore| async move {
    let seen = Arc::new(AtomicUsize::new(0));
    let worker = Worker::new(t.store.clone(), Registry::default().with::<Count>(seen.clone()));
    add(&t, Count { fail_first: 1 }, None, true).await;
    assert!(worker.step().await.unwrap() && !worker.step().await.unwrap());
    t.clock.advance(6);
    assert!(worker.step().await.unwrap() && !worker.step().await.unwrap());
    t.clock.advance(4000);
    assert!(!worker.step().await.unwrap());
    assert_eq!(seen.load(Ordering::SeqCst), 2);
});

on_both!(two_servers_share_the_work_and_do_none_twice, |t: TestStore| async move {
    let seen = Arc::new(AtomicUsize::new(0));
    for _ in 0..40 {
        add(&t, Count { fail_first: 0 }, None, true).await;
    }
    let other = t.again().await;
    let workers = [t.store.clone(), other].map(|store| {
        let worker = Worker::new(store, Registry::default().with::<Count>(seen.clone()));
        tokio::spawn(async move { while worker.step().await.unwrap() {} })
    });
    for worker in workers {
        worker.await.unwrap();
    }
    let worker = Worker::new(t.store.clone(), Registry::default().with::<Count>(seen.clone()));
    while worker.step().await.unwrap() {}
    assert_eq!(seen.load(Ordering::SeqCst), 40);
});

on_both!(a_named_job_waits_only_once, |t: TestStore| async move {
    let seen = Arc::new(AtomicUsize::new(0));
    let worker = Worker::new(t.store.clone(), Registry::default().with::<Count>(seen.clone()));
    add(&t, Count { fail_first: 0 }, Some("one"), true).await;
    add(&t, Count { fail_first: 0 }, Some("one"), true).await;
    while worker.step().await.unwrap() {}
    assert_eq!(seen.load(Ordering::SeqCst), 1);
});

on_both!(work_that_nobody_takes_is_noticed, |t: TestStore| async move {
    let worker = Worker::new(t.store.clone(), Registry::default().with::<Count>(Arc::default()));
    add(&t, Count { fail_first: 0 }, None, true).await;
    assert!(workers_keep_up(&t.store).await.unwrap());
    t.clock.advance(301);
    assert!(!workers_keep_up(&t.store).await.unwrap());
    assert!(worker.step().await.unwrap());
    assert!(workers_keep_up(&t.store).await.unwrap());
});

on_both!(work_that_is_apart_is_waited_for_by_nobody, |t: TestStore| async move {
    let (seen, go_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let registry =
        Registry::default().with::<Count>(seen.clone()).with::<Hang>(go_on.clone()).apart::<Hang>();
    let (stop, stopped) = oneshot::channel::<()>();
    let worker = Worker::new(t.store.clone(), registry);
    let running = tokio::spawn(worker.run(async { drop(stopped.await) }));
    let mut tx = t.store.begin_always().await.unwrap();
    enqueue(&mut tx, &Hang, When::default()).await.unwrap();
    tx.commit().await.unwrap();
    // both of its kind hang, one after the other, while the rest is done
    let mut tx = t.store.begin_always().await.unwrap();
    enqueue(&mut tx, &Hang, When::default()).await.unwrap();
    tx.commit().await.unwrap();
    for n in 1..=5 {
        add(&t, Count { fail_first: 0 }, None, true).await;
        let began = Instant::now();
        while seen.load(Ordering::SeqCst) < n {
            assert!(began.elapsed() < Duration::from_secs(20), "the work waits");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    go_on.notify_one();
    stop.send(()).unwrap();
    // what hangs on has its grace time
    go_on.notify_one();
    running.await.unwrap();
});
