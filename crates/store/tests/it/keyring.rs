use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gatehouse_store::audit::Wanted;
use gatehouse_store::keyring::{Rotation, SEALED, Stage, plan, rotate, scan};
use gatehouse_store::mails::{self, NewMail};
use gatehouse_store::{Binding, Error, MasterKey, Queries, Sealed, Store, audit, idempotency, sql};
use gatehouse_testkit::{TestStore, on_both};
use gatehouse_types::{Actor, Id, Origin, PageRequest, Role, Secret, WorkspaceId};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let skipped = ["target", "tests", "node_modules"];
        if path.is_dir() && !skipped.iter().any(|s| path.ends_with(s)) {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The text between quotation marks after a word.
fn quoted(text: &str, word: &str) -> Option<String> {
    let rest = &text[text.find(word)? + word.len()..];
    rest.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned)
}

/// What the code binds secrets to. Tests stand at the end of a file and are left out.
fn bindings_in_the_code() -> BTreeSet<(String, String)> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut files);
    let mut found = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for (at, _) in code.match_indices("Binding {") {
            let body = code[at..].split('}').next().unwrap();
            // what travels sealed in a form of the console lies in no column, and ends by itself
            if let (Some(table), Some(column)) = (quoted(body, "table:"), quoted(body, "column:"))
                && table != "console"
            {
                found.insert((table, column));
            }
        }
    }
    found
}

#[test]
fn every_sealed_column_of_the_code_is_in_the_list_of_sealed_columns() {
    let listed: BTreeSet<_> = SEALED.iter().map(|s| (s.table.to_owned(), s.column.to_owned())).collect();
    assert_eq!(listed.len(), SEALED.len(), "a column is listed twice");
    let bound = bindings_in_the_code();
    assert!(bound.len() > 5, "the code was not read: {bound:?}");
    let missing: Vec<_> = bound.difference(&listed).collect();
    assert!(missing.is_empty(), "a rotation would lose these; add them to SEALED: {missing:?}");
    let gone: Vec<_> = listed.difference(&bound).collect();
    assert!(gone.is_empty(), "nothing in the code seals these: {gone:?}");
}

on_both!(every_listed_column_is_in_the_schema, |t: TestStore| async move {
    let t = &t;
    // it selects every key column and every sealed column of the list
    let report = scan(&t.store).await.unwrap();
    assert_eq!(report.columns.len(), SEALED.len());
});

const NOW: Duration = Duration::from_millis(10);

fn machine(t: &TestStore) -> Actor {
    Actor::system(Origin::machine(t.store.ids().make()), None)
}

async fn mail(store: &Store, ws: &WorkspaceId, texts: impl Iterator<Item = String>) {
    let mut tx = store.begin_always().await.unwrap();
    for text in texts {
        let (to, subject) = ("a@b.test".parse().unwrap(), "s".to_owned());
        mails::write(&mut tx, Some(ws), &NewMail { to, subject, body: Secret::new(&*text) }).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Secrets of several columns, two of them with texts to compare.
async fn fill(t: &TestStore) -> WorkspaceId {
    let ws: WorkspaceId = t.store.ids().make();
    let event = audit::Event::success("thing.made", ("thing", "1"), serde_json::json!({}));
    let mut tx = t.store.begin_always().await.unwrap();
    audit::record(&mut tx, &t.actor(&ws, Role::Owner), event).await.unwrap();
    tx.commit().await.unwrap();
    mail(&t.store, &ws, (0..250).map(|n| format!("body {n}"))).await;
    idempotency::begin(&t.store, "scope", "a/b", "f").await.unwrap();
    idempotency::finish(&t.store, "scope", "a/b", b"kept answer").await.unwrap();
    ws
}

async fn everything_opens(store: &Store, ws: &WorkspaceId) {
    for page in 1..=3 {
        let page = PageRequest::new(page, 100).unwrap();
        for mail in mails::list(store, ws, true, page).await.unwrap().data {
            assert!(serde_json::to_string(&mail).unwrap().contains("body "));
        }
    }
    match idempotency::begin(store, "scope", "a/b", "f").await.unwrap() {
        idempotency::Begin::Replay(bytes) => assert_eq!(&*bytes, b"kept answer"),
        other => panic!("{other:?}"),
    }
}

fn key_file(t: &TestStore) -> PathBuf {
    t.database.data_dir().join("master.key")
}

on_both!(a_rotation_reencrypts_everything_and_servers_go_on, |t: TestStore| async move {
    let ws = fill(&t).await;
    let (other, csrf) = (t.again().await, t.store.keyring().derive("csrf"));
    let before = MasterKey::load(&key_file(&t), None).unwrap().fingerprint();
    let planned = plan(&t.store).await.unwrap();
    assert_eq!((planned.values, planned.data_keys, planned.resumes.is_none()), (252, 1, true));
    assert_eq!(planned.master, before);
    assert!(!t.database.data_dir().join("master.key.next").exists(), "a plan changes nothing");
    // another server writes all the while
    let (busy, ws2) = (other.clone(), ws.clone());
    let writing = tokio::spawn(async move {
        for n in 0..40 {
            mail(&busy, &ws2, std::iter::once(format!("body late {n}"))).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let report = rotate(&t.store, &machine(&t), Rotation::default()).await.unwrap();
    writing.await.unwrap();
    assert_eq!(report.from_master, before);
    let after = MasterKey::load(&key_file(&t), None).unwrap().fingerprint();
    assert_eq!(report.to_master, after);
    assert_eq!(MasterKey::load(&report.old_key_file, None).unwrap().fingerprint(), before);
    assert!(report.refused.is_empty() && report.retired_data_keys.len() == 1, "{report:?}");
    assert!(report.columns.iter().map(|c| c.values).sum::<u64>() >= 252, "{report:?}");
    let found = scan(&t.store).await.unwrap();
    assert_eq!(found.refused(), 0);
    assert!(found.columns.iter().all(|c| c.current == c.values), "{found:?}");
    for store in [&t.store, &other, &t.again().await] {
        everything_opens(store, &ws).await;
        assert_eq!(store.keyring().derive("csrf"), csrf, "forms that were shown before can be sent after");
        assert_eq!(store.keyring().current_key(), report.data_key);
    }
    let told = audit::after(&mut t.store.reader(), ws.as_str(), &Wanted::default(), 0, 100).await.unwrap();
    assert!(told.iter().any(|e| e.event == "keyring.rotated"), "the workspace is told");
});

on_both!(a_rotation_that_breaks_off_anywhere_is_resumed, |t: TestStore| async move {
    let ws = fill(&t).await;
    let mut resealed = 0;
    for stop in [
        Stage::KeyWritten,
        Stage::Wrapped,
        Stage::Promoted,
        Stage::Resealed(100),
        Stage::Settled,
        Stage::Retired,
    ] {
        let seen = Arc::new(AtomicU64::new(0));
        let on_stage = |stage: Stage| {
            let met = match (stage, stop) {
                (Stage::Resealed(_), Stage::Resealed(_)) => seen.fetch_add(1, Ordering::Relaxed) == 1,
                _ => stage == stop,
            };
            if met { Err(Error::File("broken off".into())) } else { Ok(()) }
        };
        let how = Rotation { settle: NOW, on_stage: &on_stage };
        let broken = rotate(&t.store, &machine(&t), how).await;
        assert!(broken.unwrap_err().to_string().contains("broken off"), "{stop:?}");
        // a server that starts now serves, and so does the one that runs
        everything_opens(&t.again().await, &ws).await;
        everything_opens(&t.store, &ws).await;
        let how = Rotation { settle: NOW, ..Rotation::default() };
        let report = rotate(&t.again().await, &machine(&t), how).await.unwrap();
        assert_eq!(report.resumed, stop != Stage::KeyWritten, "{stop:?}");
        assert!(report.refused.is_empty(), "{report:?}");
        everything_opens(&t.again().await, &ws).await;
        resealed += 1;
        let found = scan(&t.store).await.unwrap();
        assert!(found.columns.iter().all(|c| c.current == c.values), "{stop:?}: {found:?}");
        let told =
            audit::after(&mut t.store.reader(), ws.as_str(), &Wanted::default(), 0, 100).await.unwrap();
        let told = told.iter().filter(|e| e.event == "keyring.rotated").count();
        assert_eq!(told, resealed, "{stop:?}: each rotation is told once");
    }
});

on_both!(a_promotion_that_never_happened_is_made_up_at_the_start, |t: TestStore| async move {
    let ws = fill(&t).await;
    let stop = |stage: Stage| {
        if stage == Stage::Wrapped { Err(Error::File("killed".into())) } else { Ok(()) }
    };
    rotate(&t.store, &machine(&t), Rotation { settle: NOW, on_stage: &stop }).await.unwrap_err();
    let next = t.database.data_dir().join("master.key.next");
    let waiting = MasterKey::load(&next, None).unwrap().fingerprint();
    everything_opens(&t.again().await, &ws).await;
    assert!(!next.exists());
    assert_eq!(MasterKey::load(&key_file(&t), None).unwrap().fingerprint(), waiting);
});

on_both!(a_prepared_key_is_the_one_that_is_taken, |t: TestStore| async move {
    let next = t.database.data_dir().join("master.key.next");
    let prepared = MasterKey::load(&next, Some(&**t.store.random())).unwrap().fingerprint();
    let report =
        rotate(&t.store, &machine(&t), Rotation { settle: NOW, ..Rotation::default() }).await.unwrap();
    assert_eq!(report.to_master, prepared);
});

on_both!(what_does_not_open_is_refused_recorded_and_named, |t: TestStore| async move {
    let ws = fill(&t).await;
    let row =
        t.store.reader().fetch_one(sql("SELECT id, body FROM mails ORDER BY id LIMIT 1")).await.unwrap();
    let (id, body) = (row.text("id").unwrap(), row.text("body").unwrap());
    let flipped = if body.ends_with('A') { 'B' } else { 'A' };
    let changed = format!("{}{flipped}", &body[..body.len() - 2]);
    let mut tx = t.store.begin_always().await.unwrap();
    let update = sql("UPDATE mails SET body = $1 WHERE id = $2").bind(changed.as_str()).bind(id.as_str());
    tx.execute(update).await.unwrap();
    tx.commit().await.unwrap();
    let place = Binding { table: "mails", column: "body", row: &id };
    for _ in 0..3 {
        let refused =
            t.store.keyring().open_secret(place, &Sealed::from_stored(changed.clone())).unwrap_err();
        let text = refused.to_string();
        assert!(text.contains(&format!("mails.body, row {id}")) && !text.contains(&changed[..40]), "{text}");
    }
    let found = scan(&t.store).await.unwrap();
    assert_eq!((found.refused(), found.refused_places()), (1, vec![format!("mails.body, row {id}")]));
    // the rotation does the rest, and says so; the old data key stays for what is under it
    let report =
        rotate(&t.store, &machine(&t), Rotation { settle: NOW, ..Rotation::default() }).await.unwrap();
    assert_eq!((report.refused, report.retired_data_keys.len()), (vec![format!("mails.body, row {id}")], 0));
    let mut told = Vec::new();
    for _ in 0..100 {
        told = audit::after(&mut t.store.reader(), ws.as_str(), &Wanted::default(), 0, 100).await.unwrap();
        told.retain(|e| e.event == "keyring.refused");
        if !told.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(told.len(), 1, "recorded once, in the workspace of the row");
    assert_eq!(told[0].target_id.as_deref(), Some(id.as_str()));
    let decision = told[0].details["decision"].as_str().unwrap().to_owned();
    let decision = gatehouse_types::DecisionId::from_stored(decision);
    let told = gatehouse_store::decisions::find(&t.store, &ws, &decision).await.unwrap().unwrap();
    assert_eq!(told.action, "keyring:open");
});
