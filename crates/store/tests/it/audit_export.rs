use gatehouse_store::audit::file::Export;
use gatehouse_store::audit::verify::{Problem, Proof, Verifier};
use gatehouse_store::audit::{self, Condition, Event, Field, Outcome, Wanted, heads, keys};
use gatehouse_store::{Queries, Store, sql};
use gatehouse_testkit::{TestStore, on_both};
use gatehouse_types::{Actor, Id, Origin, Role, WorkspaceId};
use serde_json::json;

async fn entries(t: &TestStore, ws: &WorkspaceId, count: usize) {
    let actor = t.actor(ws, Role::Owner);
    let mut tx = t.store.begin_always().await.unwrap();
    for n in 0..count {
        let id = format!("t{n}");
        let event = match n % 3 {
            0 => Event::failure("thing.refused", Some(("thing", &id)), json!({"why": "ü=1"})),
            _ => Event::success("thing.made", ("thing", &id), json!({"n": n})),
        };
        audit::record(&mut tx, &actor, event).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn export(store: &Store, ws: &WorkspaceId, wanted: Wanted, after: i64) -> Option<String> {
    let filter = (!wanted.conditions.is_empty()).then(|| json!({"some": "filter"}));
    let mut export = Export::begin(store, ws.as_str(), wanted, filter, after).await.unwrap()?;
    let mut text = String::new();
    while let Some(lines) = export.next_lines().await.unwrap() {
        text.push_str(&lines);
    }
    Some(text)
}

fn verify<'a>(pin: Option<String>, lines: impl Iterator<Item = &'a str>) -> Result<Proof, Problem> {
    let mut verifier = Verifier::new(pin);
    for line in lines {
        verifier.line(line.as_bytes())?;
    }
    verifier.finish()
}

on_both!(every_kind_of_change_to_an_export_is_found, |t: TestStore| async move {
    let t = &t;
    let (ws, foreign): (WorkspaceId, WorkspaceId) = (t.store.ids().make(), t.store.ids().make());
    entries(t, &ws, 3).await;
    heads::sign(&t.store, ws.as_str()).await.unwrap();
    entries(t, &ws, 4).await;
    entries(t, &foreign, 8).await;
    let text = export(&t.store, &ws, Wanted::default(), 0).await.unwrap();
    let lines: Vec<_> = text.lines().collect();
    // header, 3 entries, a head, 4 entries, a head, trailer
    assert_eq!(lines.len(), 11, "{text}");
    let proof = verify(None, text.lines()).unwrap();
    assert_eq!((proof.entries, proof.sequence, proof.heads, proof.complete), (7, 7, 2, true));
    assert_eq!((proof.chain.as_str(), proof.pinned), (ws.as_str(), false));
    // any line removed, doubled, or exchanged with the next one
    for at in 0..lines.len() {
        let without = lines.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, l)| *l);
        let problem = verify(None, without).unwrap_err();
        // a head that is missing is noticed by the digest of the whole, an entry at once
        let is_entry = !lines[at].contains("\"type\":");
        assert!(!is_entry || problem.line == at as u64 + 1, "without {at}: {problem:?}");
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        assert!(verify(None, doubled.into_iter()).is_err(), "doubled {at}");
        if at + 1 < lines.len() {
            let mut exchanged = lines.clone();
            exchanged.swap(at, at + 1);
            assert!(verify(None, exchanged.into_iter()).is_err(), "exchanged {at}");
        }
    }
    // cut off behind any line, and within any line
    for at in 0..lines.len() {
        assert!(verify(None, lines[..at].iter().copied()).is_err(), "cut behind {at}");
        let half = &lines[at][..lines[at].len() - 5];
        let cut = lines[..at].iter().copied().chain([half]);
        assert_eq!(verify(None, cut).unwrap_err().line, at as u64 + 1, "cut within {at}");
    }
    // a letter changed anywhere
    for at in 0..lines.len() {
        for letter in (0..lines[at].len()).step_by(7) {
            let mut bytes = lines[at].as_bytes().to_vec();
            bytes[letter] = if bytes[letter] == b'1' { b'2' } else { b'1' };
            let changed = String::from_utf8_lossy(&bytes).into_owned();
            if changed == lines[at] {
                continue;
            }
            let all =
                lines[..at].iter().copied().chain([changed.as_str()]).chain(lines[at + 1..].iter().copied());
            assert!(verify(None, all).is_err(), "line {at}, letter {letter}: {changed}");
        }
    }
    // a whole line of another workspace
    let other = export(&t.store, &foreign, Wanted::default(), 0).await.unwrap();
    let line = other.lines().nth(2).unwrap();
    let mixed = lines[..2].iter().copied().chain([line]).chain(lines[3..].iter().copied());
    let problem = verify(None, mixed).unwrap_err();
    assert!(problem.line == 3 && problem.what.contains("another workspace"), "{problem:?}");
});

on_both!(a_selection_proves_what_it_holds, |t: TestStore| async move {
    let t = &t;
    let ws: WorkspaceId = t.store.ids().make();
    entries(t, &ws, 9).await;
    let refused = Wanted::default().and(Some(Condition::is(Field::Outcome(Outcome::Failure))));
    let text = export(&t.store, &ws, refused, 0).await.unwrap();
    let lines: Vec<_> = text.lines().collect();
    let proof = verify(None, text.lines()).unwrap();
    assert_eq!((proof.entries, proof.complete, proof.sequence), (3, false, 7));
    for at in 0..lines.len() {
        let without = lines.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, l)| *l);
        assert!(verify(None, without).is_err(), "without {at}");
    }
    // the rest of a chain, from a position on
    let rest = export(&t.store, &ws, Wanted::default(), 4).await.unwrap();
    let proof = verify(None, rest.lines()).unwrap();
    assert_eq!((proof.after, proof.entries, proof.complete), (4, 5, true));
    assert!(export(&t.store, &ws, Wanted::default(), 10).await.is_none());
    let nothing = export(&t.store, &ws, Wanted::default(), 9).await.unwrap();
    assert_eq!(verify(None, nothing.lines()).unwrap().entries, 0);
    let empty: WorkspaceId = t.store.ids().make();
    let empty = export(&t.store, &empty, Wanted::default(), 0).await.unwrap();
    assert_eq!(verify(None, empty.lines()).unwrap().entries, 0);
});

on_both!(a_pinned_key_believes_itself_and_whom_it_endorsed, |t: TestStore| async move {
    let t = &t;
    let ws: WorkspaceId = t.store.ids().make();
    entries(t, &ws, 3).await;
    let machine = Actor::system(Origin::machine(t.store.ids().make()), None);
    let before = export(&t.store, &ws, Wanted::default(), 0).await.unwrap();
    let first = verify(None, before.lines()).unwrap().key_id;
    let second = keys::rotate(&t.store, &machine).await.unwrap();
    entries(t, &ws, 3).await;
    let third = keys::rotate(&t.store, &machine).await.unwrap();
    let text = export(&t.store, &ws, Wanted::default(), 0).await.unwrap();
    for pin in [&first, &second, &third] {
        let proof = verify(Some(pin.clone()), text.lines()).unwrap();
        assert_eq!((proof.key_id.as_str(), proof.pinned), (third.as_str(), true));
    }
    assert_eq!(keys::public_keys(&mut t.store.reader()).await.unwrap().len(), 3, "old keys are kept");
    // what the old key signed is not believed by whoever pinned the new one: it could be anybody's
    assert!(verify(Some(second), before.lines()).is_err());
    assert!(verify(Some("0".repeat(64)), text.lines()).is_err());
});

on_both!(heads_are_signed_when_due_and_never_over_a_broken_chain, |t: TestStore| async move {
    let t = &t;
    let (ws, store) = (t.store.ids().make::<WorkspaceId>(), &t.store);
    let count = async || heads::between(&mut store.reader(), ws.as_str(), 0, i64::MAX).await.unwrap().len();
    entries(t, &ws, 3).await;
    heads::sign_due(store).await.unwrap();
    assert_eq!(count().await, 1, "a new chain is signed at the next look");
    entries(t, &ws, 3).await;
    heads::sign_due(store).await.unwrap();
    assert_eq!(count().await, 1, "a few entries wait for the day's end");
    t.clock.advance(heads::EVERY_SECONDS + 1);
    heads::sign_due(store).await.unwrap();
    assert_eq!(count().await, 2);
    entries(t, &ws, usize::try_from(heads::EVERY_ENTRIES).unwrap()).await;
    heads::sign_due(store).await.unwrap();
    assert_eq!(count().await, 3, "many entries do not wait");
    assert!(heads::check(store).await.unwrap().is_empty());
    // somebody with rights on the database rewrites an entry
    entries(t, &ws, 3).await;
    let off = match store.kind() {
        "SQLite" => "DROP TRIGGER audit_events_no_update",
        _ => "DROP TRIGGER audit_events_no_change ON audit_events",
    };
    let mut tx = store.begin_always().await.unwrap();
    tx.execute(sql(off)).await.unwrap();
    let rewrite = "UPDATE audit_events SET outcome = 'failure' WHERE chain = $1 AND sequence = 1008";
    assert_eq!(tx.execute(sql(rewrite).bind(&ws)).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let broken = heads::sign(store, ws.as_str()).await.unwrap();
    assert_eq!(broken.as_deref(), Some("entry 1008 was changed"));
    assert_eq!(heads::check(store).await.unwrap(), [format!("{ws}: entry 1008 was changed")]);
    assert_eq!(count().await, 3);
});

/// What somebody does who can write the database and has no key: the last entries go, and the chain's head with them.
async fn cut_off(store: &Store, ws: &WorkspaceId, last: i64) {
    let mut tx = store.begin_always().await.unwrap();
    let off = match store.kind() {
        "SQLite" => "DROP TRIGGER audit_events_no_delete",
        _ => "DROP TRIGGER audit_events_no_change ON audit_events",
    };
    tx.execute(sql(off)).await.unwrap();
    tx.execute(sql("DELETE FROM audit_events WHERE chain = $1 AND sequence > $2").bind(ws).bind(last))
        .await
        .unwrap();
    let hash = sql("SELECT hash FROM audit_events WHERE chain = $1 AND sequence = $2").bind(ws).bind(last);
    match tx.fetch_optional(hash).await.unwrap() {
        Some(row) => {
            let back = sql("UPDATE audit_heads SET sequence = $2, hash = $3 WHERE chain = $1");
            tx.execute(back.bind(ws).bind(last).bind(row.text("hash").unwrap())).await.unwrap();
        }
        None => {
            tx.execute(sql("DELETE FROM audit_heads WHERE chain = $1").bind(ws)).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
}

on_both!(a_chain_that_was_cut_at_its_end_is_found_and_never_proved, |t: TestStore| async move {
    let t = &t;
    for (left, told) in [
        (4, "entries 5 to 7 are missing: entry 7 was signed"),
        (0, "entries 1 to 7 are missing: entry 7 was signed"),
    ] {
        let ws: WorkspaceId = t.store.ids().make();
        entries(t, &ws, 7).await;
        assert_eq!(heads::sign(&t.store, ws.as_str()).await.unwrap(), None);
        if left == 4 {
            cut_off(&t.store, &ws, left).await;
        } else {
            let mut tx = t.store.begin_always().await.unwrap();
            tx.execute(sql("DELETE FROM audit_events WHERE chain = $1").bind(&ws)).await.unwrap();
            tx.execute(sql("DELETE FROM audit_heads WHERE chain = $1").bind(&ws)).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(heads::sign(&t.store, ws.as_str()).await.unwrap().as_deref(), Some(told));
        let found = heads::check(&t.store).await.unwrap();
        assert!(found.contains(&format!("{ws}: {told}")), "{found:?}");
        // the job looks at it too, and signs nothing
        heads::sign_due(&t.store).await.unwrap();
        let text = export(&t.store, &ws, Wanted::default(), 0).await.unwrap();
        let problem = verify(None, text.lines()).unwrap_err();
        assert!(problem.line == 1 && problem.what.contains(told), "{problem:?}");
        // without the word the file has no trailer, and so no proof
        let header = text.lines().next().unwrap().replacen(&format!("\"broken\":\"{told}\","), "", 1);
        assert!(!header.contains("broken"), "{header}");
        let silenced = std::iter::once(header.as_str()).chain(text.lines().skip(1));
        assert!(verify(None, silenced).unwrap_err().what.contains("trailer"));
        // a selection pretends no more
        let some = Wanted::default().and(Some(Condition::is(Field::Outcome(Outcome::Failure))));
        let text = export(&t.store, &ws, some, 0).await.unwrap();
        assert!(verify(None, text.lines()).is_err());
    }
});
