use gatehouse_store::audit::{self, Event, Wanted, hash_of};
use gatehouse_store::sql;
use gatehouse_testkit::{TestStore, on_both};
use gatehouse_types::{Id, Role, WorkspaceId};
use serde_json::json;

on_both!(entries_of_a_workspace_form_a_chain_without_gaps, |t: TestStore| async move {
    let ws: WorkspaceId = t.store.ids().make();
    let actor = t.actor(&ws, Role::Owner);
    let tasks: Vec<_> = (0..30)
        .map(|n| {
            let (store, actor) = (t.store.clone(), actor.clone());
            tokio::spawn(async move {
                let mut tx = store.begin_always().await.unwrap();
                let id = format!("t{n}");
                let event =
                    Event::success("thing.made", ("thing", &id), json!({"b": n, "a": [1, {"z": 1, "y": 2}]}));
                audit::record(&mut tx, &actor, event).await.unwrap();
                // every third change is undone, and its entry with it
                if n % 3 == 0 { tx.rollback().await.unwrap() } else { tx.commit().await.unwrap() }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let entries = audit::after(&mut t.store.reader(), ws.as_str(), &Wanted::default(), 0, 100).await.unwrap();
    assert_eq!(entries.len(), 20);
    let mut previous = "0".repeat(64);
    for (n, entry) in entries.iter().enumerate() {
        assert_eq!(entry.sequence, i64::try_from(n).unwrap() + 1);
        assert_eq!(entry.previous_hash, previous);
        assert_eq!(entry.hash, hash_of(ws.as_str(), entry), "the stored form hashes like the written one");
        previous = entry.hash.clone();
    }
});

on_both!(entries_cannot_be_changed_or_removed, |t: TestStore| async move {
    let ws: WorkspaceId = t.store.ids().make();
    let mut tx = t.store.begin_always().await.unwrap();
    audit::record(&mut tx, &t.actor(&ws, Role::Owner), Event::success("a.b", ("t", "1"), json!({})))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for change in ["UPDATE audit_events SET outcome = 'x'", "DELETE FROM audit_events"] {
        let mut tx = t.store.begin_always().await.unwrap();
        let refused = tx.execute(sql(change)).await.unwrap_err();
        assert!(format!("{refused:?}").contains("append-only"), "{refused:?}");
    }
});
