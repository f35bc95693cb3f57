//! Filters in SQL against the plain model in memory, on made-up people and made-up filters.

use gatehouse_store::{Condition, sql};
use gatehouse_testkit::{TestStore, on_both};
use gatehouse_types::{Timestamp, WorkspaceId};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::condition;
use crate::model::UserEntry;
use crate::protocol::evaluate::passes;
use crate::protocol::patch::document;
use crate::protocol::{USER, filter, test};
use crate::store::users;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// People and filters of one run.
const PEOPLE: usize = 25;
const FILTERS: usize = 400;
/// Texts that are like each other, in case, at the ends, and in what LIKE would take for a wildcard.
const TEXTS: [&str; 12] = ["a", "A", "ab", "Äb", "äB", "b%", "%", "_", "a_b", "it's", "zz\\", "ß"];
const TYPES: [&str; 3] = ["work", "Home", "other"];

fn text() -> impl Strategy<Value = &'static str> {
    select(TEXTS.as_slice())
}

fn element() -> impl Strategy<Value = Value> {
    (text(), select(TYPES.as_slice()), any::<bool>())
        .prop_map(|(value, kind, primary)| json!({"value": value, "type": kind, "primary": primary}))
}

fn person() -> impl Strategy<Value = Value> {
    let maybe = || prop::option::of(text());
    let emails = prop::collection::vec(element(), 0..3);
    (maybe(), maybe(), maybe(), maybe(), emails, any::<bool>()).prop_map(|(title, external, family, unit, emails, active)| {
        json!({"title": title, "externalId": external, "name": {"familyName": family}, "emails": emails, "active": active,
            ENTERPRISE: {"department": unit}})
    })
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn leaf() -> impl Strategy<Value = String> {
    let names = [
        "title",
        "externalId",
        "userName",
        "name.familyName",
        "emails",
        "emails.type",
        "emails.value",
        "nickName",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    ];
    let ops = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];
    let wanted = prop_oneof![text().prop_map(quoted), Just("\"\"".to_owned()), Just("\"work\"".to_owned())];
    let compared =
        (select(names.to_vec()), select(ops.to_vec()), wanted).prop_map(|(n, o, v)| format!("{n} {o} {v}"));
    let inside = (select(TYPES.as_slice()), text(), any::<bool>());
    let inside = inside.prop_map(|(kind, value, primary)| {
        format!(r#"emails[type eq "{kind}" and (value co {} or not (primary eq {primary}))]"#, quoted(value))
    });
    let present = select(names.to_vec()).prop_map(|n| format!("{n} pr"));
    let others = [
        "active eq true",
        "active ne \"True\"",
        "name pr",
        "title eq null",
        "title ne null",
        "meta.created ge \"2026-01-01T00:00:00Z\"",
        "meta.resourceType sw \"Us\"",
        "emails[primary pr]",
        "schemas ew \"enterprise:2.0:User\"",
        "emails.primary eq true",
    ];
    prop_oneof![4 => compared, 1 => inside, 1 => present, 1 => select(others.to_vec()).prop_map(str::to_owned)]
}

fn filters() -> impl Strategy<Value = String> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|f| format!("not ({f})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and {b}")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("{a} or ({b})")),
        ]
    })
}

async fn workspace(t: &TestStore) -> WorkspaceId {
    let id: WorkspaceId = t.store.ids().make();
    let mut tx = t.store.begin_always().await.unwrap();
    let insert =
        sql("INSERT INTO workspaces (id, name, name_key, is_lab, created_at) VALUES ($1, 'W', 'w', $2, $3)");
    tx.execute(insert.bind(&id).bind(false).bind(t.store.now())).await.unwrap();
    tx.commit().await.unwrap();
    id
}

on_both!(the_database_finds_whom_the_plain_model_finds, |t: TestStore| async move {
    let mut runner = TestRunner::deterministic();
    let workspace = workspace(&t).await;
    let mut people = Vec::new();
    let mut tx = t.store.begin_always().await.unwrap();
    for n in 0..PEOPLE {
        let mut made = person().new_tree(&mut runner).unwrap().current();
        let name = text().new_tree(&mut runner).unwrap().current();
        made["userName"] = json!(format!("{name}{n}"));
        let (mut attributes, _) = document(&USER, &made).unwrap();
        let active = attributes.remove("active") == Some(Value::Bool(true));
        let entry = UserEntry {
            id: t.store.ids().make(),
            workspace_id: workspace.clone(),
            user_id: None,
            active,
            has_access: false,
            is_adopted: false,
            attributes,
            version: 1,
            created_at: Timestamp::from_seconds(1_767_225_600 + i64::try_from(n).unwrap() - 10),
            updated_at: t.store.now(),
        };
        users::insert(&mut tx, &entry);
        people.push(entry);
    }
    tx.commit().await.unwrap();
    let mut telling = 0;
    for _ in 0..FILTERS {
        let text = filters().new_tree(&mut runner).unwrap().current();
        let meaning = test::typed(&filter::parse(&text).unwrap(), &USER).unwrap();
        let sql = condition(&USER, &meaning).unwrap();
        let order = Condition::fixed(" ORDER BY e.id");
        let found =
            users::search(&t.store, &mut t.store.reader(), &workspace, sql, order, (100, 0)).await.unwrap();
        let found: Vec<_> = found.iter().map(|e| e.user_name().to_owned()).collect();
        let expected = people.iter().filter(|e| passes(&meaning, &e.resource("https://x", None)));
        let expected: Vec<_> = expected.map(|e| e.user_name().to_owned()).collect();
        assert_eq!(found, expected, "{text}");
        telling += usize::from(!found.is_empty() && found.len() < PEOPLE);
    }
    assert!(telling > FILTERS / 3, "only {telling} filters chose some of the people and not all");
});
