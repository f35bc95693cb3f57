use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gatehouse_store::audit::{self, Event};
use gatehouse_store::{Options, Queries, Store, backup, sql};
use gatehouse_testkit::{Database, Kind, TestStore, on_both};
use gatehouse_types::{Actor, Id, OsRandom, WorkspaceId};
use serde_json::json;

/// A change with its audit entry, as every change has one.
async fn change(store: &Store, key: &str) {
    let mut tx = store.begin_always().await.unwrap();
    let insert =
        sql("INSERT INTO idempotency_keys (scope, key, fingerprint, created_at) VALUES ('t', $1, 'ü', $2)");
    tx.execute(insert.bind(key).bind(store.now())).await.unwrap();
    let mut actor = Actor::system(gatehouse_testkit::origin(store.ids()), None);
    actor.workspace_id = Some(WorkspaceId::from_stored("ws_test".into()));
    audit::record(&mut tx, &actor, Event::success("test.changed", ("key", key), json!({"key": key})))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn count(store: &Store, table: &'static str) -> i64 {
    let text = match table {
        "keys" => "SELECT COUNT(*) AS n FROM idempotency_keys",
        _ => "SELECT COUNT(*) AS n FROM audit_events",
    };
    store.reader().fetch_one(sql(text)).await.unwrap().int("n").unwrap()
}

/// What opens a database with the master key of `of`.
fn options(into: &Database, of: &TestStore) -> Options {
    Options {
        database: into.url(),
        data_dir: into.data_dir().to_owned(),
        master_key_file: Some(of.database.data_dir().join("master.key")),
        clock: of.clock.clone(),
        random: Arc::new(OsRandom),
    }
}

async fn nothing_more(_: &mut gatehouse_store::Tx) -> gatehouse_store::Result<backup::Ended> {
    Ok(backup::Ended::default())
}

fn file_of(t: &TestStore) -> PathBuf {
    t.database.data_dir().join("a.backup")
}

async fn restored(file: &Path, kind: Kind, t: &TestStore) -> (Store, Database) {
    let target = Database::fresh(kind).await;
    let told = backup::restore(options(&target, t), file, nothing_more).await.unwrap();
    assert!(told.entries > 0 && told.chains > 0, "{told:?}");
    (Store::open(options(&target, t)).await.unwrap(), target)
}

on_both!(a_backup_is_restored_into_either_database_while_writers_go_on, |t: TestStore| async move {
    for n in 0..500 {
        change(&t.store, &format!("before-{n}")).await;
    }
    let (stop, acknowledged) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> = (0..4)
        .map(|w| {
            let (store, stop, acknowledged) = (t.store.clone(), stop.clone(), acknowledged.clone());
            tokio::spawn(async move {
                let mut n = 0;
                while stop.load(Ordering::SeqCst) == 0 {
                    change(&store, &format!("during-{w}-{n}")).await;
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                    n += 1;
                }
            })
        })
        .collect();
    while acknowledged.load(Ordering::SeqCst) < 20 {
        tokio::task::yield_now().await;
    }
    let before = 500 + acknowledged.load(Ordering::SeqCst);
    let made = backup::write(&t.store, &file_of(&t)).await.unwrap();
    stop.store(1, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let (there, _database) = restored(&file_of(&t), kind, &t).await;
        let (keys, entries) = (count(&there, "keys").await, count(&there, "entries").await);
        assert!(usize::try_from(keys).unwrap() >= before, "{keys} of at least {before}");
        // one moment: each change is there with its entry, and the restore's own comes last
        assert_eq!(keys + 1, entries);
        assert!(i64::try_from(made.rows).unwrap() > keys + entries - 1);
        change(&there, "after").await;
        let again =
            there.reader().fetch_all(sql("SELECT event FROM audit_events WHERE chain = '-'")).await.unwrap();
        assert_eq!(again.last().unwrap().text("event").unwrap(), "system.restored");
        // and back again
        let next = file_of(&t).with_extension(format!("{kind:?}"));
        backup::write(&there, &next).await.unwrap();
        let (back, _database) = restored(&next, Kind::Sqlite, &t).await;
        assert_eq!(count(&back, "keys").await, keys + 1);
    }
});

on_both!(a_file_is_made_for_its_owner_alone_and_replaces_nothing, |t: TestStore| async move {
    use std::os::unix::fs::PermissionsExt;
    backup::write(&t.store, &file_of(&t)).await.unwrap();
    assert_eq!(std::fs::metadata(file_of(&t)).unwrap().permissions().mode() & 0o777, 0o600);
    let refused = backup::write(&t.store, &file_of(&t)).await.unwrap_err().to_string();
    assert!(refused.contains("exists already"), "{refused}");
    let nowhere = t.database.data_dir().join("none/a.backup");
    backup::write(&t.store, &nowhere).await.unwrap_err();
    let left = std::fs::read_dir(t.database.data_dir()).unwrap().map(|e| e.unwrap().file_name());
    assert!(!left.map(|n| n.to_string_lossy().into_owned()).any(|n| n.ends_with(".tmp")));
});

on_both!(a_cut_or_changed_backup_is_refused_and_the_target_stays_empty, |t: TestStore| async move {
    change(&t.store, "one").await;
    backup::write(&t.store, &file_of(&t)).await.unwrap();
    let whole = std::fs::read(file_of(&t)).unwrap();
    let target = Database::fresh(if matches!(t.database.url(), gatehouse_store::DatabaseUrl::Sqlite(_)) {
        Kind::Sqlite
    } else {
        Kind::Postgres
    })
    .await;
    let bad = t.database.data_dir().join("bad.backup");
    let refuse = async |bytes: &[u8], what: String| {
        std::fs::write(&bad, bytes).unwrap();
        let refused =
            backup::restore(options(&target, &t), &bad, nothing_more).await.expect_err(&what).to_string();
        assert!(refused.contains("backup is not usable"), "{what}: {refused}");
    };
    for at in (0..whole.len()).step_by(whole.len() / 97) {
        refuse(&whole[..at], format!("cut at {at}")).await;
        for bit in [0, 7] {
            let mut changed = whole.clone();
            changed[at] ^= 1 << bit;
            refuse(&changed, format!("bit {bit} of byte {at}")).await;
        }
    }
    refuse(&[&whole[..], b"more"].concat(), "bytes after the end".into()).await;
    assert!(!target.data_dir().join("gatehouse.db").exists());
    backup::restore(options(&target, &t), &file_of(&t), nothing_more).await.unwrap();
    let refused =
        backup::restore(options(&target, &t), &file_of(&t), nothing_more).await.unwrap_err().to_string();
    assert!(refused.contains("already"), "{refused}");
});

on_both!(another_master_key_is_refused_before_anything_is_touched, |t: TestStore| async move {
    backup::write(&t.store, &file_of(&t)).await.unwrap();
    let other = TestStore::new(Kind::Sqlite).await;
    let target = Database::fresh(Kind::Sqlite).await;
    let refused =
        backup::restore(options(&target, &other), &file_of(&t), nothing_more).await.unwrap_err().to_string();
    assert!(refused.contains("master key"), "{refused}");
    let missing = Options { master_key_file: None, ..options(&target, &t) };
    let refused = backup::restore(missing, &file_of(&t), nothing_more).await.unwrap_err().to_string();
    assert!(refused.contains("master.key is missing"), "{refused}");
    assert_eq!(std::fs::read_dir(target.data_dir()).unwrap().count(), 0);
});
