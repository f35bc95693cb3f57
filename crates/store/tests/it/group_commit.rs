use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gatehouse_store::{Queries, Store, sql};
use gatehouse_testkit::{TestStore, on_both};

async fn insert(store: &Store, key: String) -> gatehouse_store::Result<()> {
    let mut tx = store.begin_always().await?;
    let now = store.now();
    tx.execute(
        sql("INSERT INTO idempotency_keys (scope, key, fingerprint, created_at) VALUES ('t', $1, '', $2)")
            .bind(key)
            .bind(now),
    )
    .await?;
    tx.commit().await
}

async fn count(store: &Store) -> i64 {
    let row = store.reader().fetch_one(sql("SELECT COUNT(*) AS n FROM idempotency_keys")).await.unwrap();
    row.int("n").unwrap()
}

on_both!(every_acknowledged_write_is_there_and_no_other, |t: TestStore| async move {
    let done = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let (store, done) = (t.store.clone(), done.clone());
            tokio::spawn(async move {
                for i in 0..5 {
                    insert(&store, format!("{n}-{i}")).await.unwrap();
                    done.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(done.load(Ordering::SeqCst), 320);
    assert_eq!(count(&t.store).await, 320);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_postgresql_is_told_as_such() {
    let t = TestStore::new(gatehouse_testkit::Kind::Postgres).await;
    let mut tx = t.store.begin_always().await.unwrap();
    let full = sql("DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$");
    let refused = tx.execute(full).await.unwrap_err();
    assert!(refused.is_full(), "{refused:?}");
    assert_eq!(gatehouse_types::Error::from(refused).kind(), gatehouse_types::Kind::StorageFull);
}

on_both!(a_failed_member_takes_nothing_of_the_others, |t: TestStore| async move {
    insert(&t.store, "same".into()).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let store = t.store.clone();
            let key = if n % 2 == 0 { "same".to_owned() } else { format!("own-{n}") };
            tokio::spawn(async move { insert(&store, key).await })
        })
        .collect();
    let mut refused = 0;
    for task in tasks {
        if let Err(e) = task.await.unwrap() {
            assert!(e.is_unique(), "{e:?}");
            refused += 1;
        }
    }
    assert_eq!((refused, count(&t.store).await), (10, 11));
});

on_both!(a_caller_who_goes_away_leaves_the_writer_usable, |t: TestStore| async move {
    for n in 0..50 {
        let store = t.store.clone();
        let task = tokio::spawn(async move { insert(&store, format!("gone-{n}")).await });
        for _ in 0..n {
            tokio::task::yield_now().await;
        }
        task.abort();
    }
    let wait = tokio::time::timeout(std::time::Duration::from_secs(20), insert(&t.store, "stays".into()));
    wait.await.expect("the writer is free").unwrap();
    let again = t.again().await;
    insert(&again, "another server".into()).await.unwrap();
});

on_both!(a_dropped_or_trial_transaction_changes_nothing, |t: TestStore| async move {
    let mut origin = t.origin();
    origin.dry_run = Some(gatehouse_types::DryRun::default());
    for trial in [true, false] {
        let mut tx = if trial { t.store.begin(&origin).await } else { t.store.begin_always().await }.unwrap();
        tx.execute(sql(
            "INSERT INTO idempotency_keys (scope, key, fingerprint, created_at) VALUES ('t', 'k', '', 1)",
        ))
        .await
        .unwrap();
        if trial {
            tx.commit().await.unwrap();
        } else {
            drop(tx);
        }
        insert(&t.store, format!("after-{trial}")).await.unwrap();
    }
    assert_eq!(count(&t.store).await, 2);
});
