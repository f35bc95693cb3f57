//! Pages by place against the plain order of ids, while entries come, go and are settled.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use gatehouse_store::{Condition, Queries, sql};
use gatehouse_testkit::{TestStore, on_both};
use gatehouse_types::{Id, ScimUserId, WorkspaceId};
use serde_json::json;

use super::*;
use crate::model::UserEntry;
use crate::store::users;

const ROUNDS: usize = 60;
/// What one process remembers through all of it.
static PLACES: LazyLock<Places> = LazyLock::new(Places::new);

async fn workspace(t: &TestStore, name: &str) -> WorkspaceId {
    let id: WorkspaceId = t.store.ids().make();
    let mut tx = t.store.begin_always().await.unwrap();
    let insert =
        sql("INSERT INTO workspaces (id, name, name_key, is_lab, created_at) VALUES ($1, $2, $2, $3, $4)");
    tx.execute(insert.bind(&id).bind(name).bind(false).bind(t.store.now())).await.unwrap();
    tx.commit().await.unwrap();
    id
}

fn entry(t: &TestStore, workspace: &WorkspaceId, id: String) -> UserEntry {
    UserEntry {
        workspace_id: workspace.clone(),
        user_id: None,
        active: true,
        has_access: false,
        is_adopted: false,
        attributes: json!({"userName": id}).as_object().unwrap().clone(),
        version: 1,
        created_at: t.store.now(),
        updated_at: t.store.now(),
        id: ScimUserId::from_stored(id),
    }
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn next(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

async fn page(
    t: &TestStore,
    workspace: &WorkspaceId,
    bounds: (i64, i64),
    descends: bool,
) -> (Vec<String>, i64) {
    let slice = PLACES.slice(&mut t.store.reader(), Of::Users, workspace, bounds, descends).await.unwrap();
    let order = Condition::fixed(" ORDER BY e.id");
    let limits = (slice.limit, 0);
    let found =
        users::search(&t.store, &mut t.store.reader(), workspace, slice.passes, order, limits).await.unwrap();
    let mut ids: Vec<_> = found.iter().map(|e| e.id.to_string()).collect();
    if descends {
        ids.reverse();
    }
    (ids, slice.total)
}

async fn agree(t: &TestStore, workspace: &WorkspaceId, there: &BTreeSet<String>, dice: &mut Dice) {
    let all: Vec<_> = there.iter().cloned().collect();
    let total = i64::try_from(all.len()).unwrap();
    for (skip, limit) in
        [(0, 3), (dice.next(all.len() + 2), 1 + dice.next(20)), (all.len().saturating_sub(2), 9)]
    {
        let bounds = (i64::try_from(skip).unwrap(), i64::try_from(limit).unwrap());
        let up: Vec<_> = all.iter().skip(skip).take(limit).cloned().collect();
        assert_eq!(page(t, workspace, bounds, false).await, (up, total), "{bounds:?}");
        let down: Vec<_> = all.iter().rev().skip(skip).take(limit).cloned().collect();
        assert_eq!(page(t, workspace, bounds, true).await, (down, total), "{bounds:?} from the end");
    }
}

on_both!(a_page_is_where_it_would_be_found_by_counting, |t: TestStore| async move {
    let (workspace, other) = (workspace(&t, "one").await, workspace(&t, "other").await);
    let (mut dice, mut next, mut there) = (Dice(7), 0, BTreeSet::new());
    let mut tx = t.store.begin_always().await.unwrap();
    users::insert(&mut tx, &entry(&t, &other, "scu_alien".to_owned()));
    tx.commit().await.unwrap();
    agree(&t, &workspace, &there, &mut dice).await;
    for _ in 0..ROUNDS {
        let mut tx = t.store.begin_always().await.unwrap();
        for _ in 0..dice.next(12) {
            // mostly later than all others, now and then somewhere between
            let at = if dice.next(4) == 0 { dice.next(next + 1) } else { next };
            let id = format!("scu_{at:06}{:02}", dice.next(100));
            next += 1;
            if there.insert(id.clone()) {
                users::insert(&mut tx, &entry(&t, &workspace, id));
            }
        }
        let leaving = if dice.next(6) == 0 { there.len() / 2 } else { dice.next(6) };
        for _ in 0..leaving.min(there.len()) {
            let id = there.iter().nth(dice.next(there.len())).unwrap().clone();
            there.remove(&id);
            assert!(users::delete(&mut tx, &entry(&t, &workspace, id)).await.unwrap());
        }
        tx.commit().await.unwrap();
        agree(&t, &workspace, &there, &mut dice).await;
        if dice.next(3) == 0 {
            settle_some(&t.store, Of::Users, &workspace).await.unwrap();
            agree(&t, &workspace, &there, &mut dice).await;
        }
    }
    settle_all(&t.store).await.unwrap();
    agree(&t, &workspace, &there, &mut dice).await;
    let select = sql("SELECT COUNT(*) AS n, MAX(entries) AS most FROM scim_blocks WHERE workspace_id = $1");
    let blocks = t.store.reader().fetch_one(select.bind(&workspace)).await.unwrap();
    let (count, most) = (blocks.int("n").unwrap(), blocks.int("most").unwrap());
    let expected = i64::try_from(there.len()).unwrap() / BLOCK;
    assert!(count > expected / 2 && count < 3 * expected + 3 && most <= 2 * BLOCK, "{count} blocks, {most}");
    assert_eq!(page(&t, &other, (0, 9), false).await, (vec!["scu_alien".to_owned()], 1));
});

on_both!(who_settles_waits_for_nobody_and_loses_nothing, |t: TestStore| async move {
    let workspace = workspace(&t, "one").await;
    let writers = (0..4).map(|w| {
        let (store, entries) = (
            t.store.clone(),
            (0..30).map(|n| entry(&t, &workspace, format!("scu_{n:04}_{w}"))).collect::<Vec<_>>(),
        );
        tokio::spawn(async move {
            for entry in entries {
                let mut tx = store.begin_always().await.unwrap();
                users::insert(&mut tx, &entry);
                tx.commit().await.unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let settlers = (0..2).map(|_| {
        let (store, workspace) = (t.store.clone(), workspace.clone());
        tokio::spawn(async move {
            for _ in 0..20 {
                settle_some(&store, Of::Users, &workspace).await.unwrap();
            }
        })
    });
    for task in settlers.collect::<Vec<_>>().into_iter().chain(writers) {
        task.await.unwrap();
    }
    settle_all(&t.store).await.unwrap();
    let there = (0..30).flat_map(|n| (0..4).map(move |w| format!("scu_{n:04}_{w}"))).collect();
    agree(&t, &workspace, &there, &mut Dice(3)).await;
});
