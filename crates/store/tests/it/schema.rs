use std::collections::BTreeSet;

use gatehouse_store::{Queries, sql};
use gatehouse_testkit::{Kind, TestStore};

async fn columns(kind: Kind, query: &'static str) -> BTreeSet<String> {
    let t = TestStore::new(kind).await;
    let rows = t.store.reader().fetch_all(sql(query)).await.unwrap();
    rows.iter().map(|r| r.text("c").unwrap().to_lowercase()).collect()
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let sqlite = columns(
        Kind::Sqlite,
        "SELECT m.name || '.' || c.name || ' ' || c.type || CASE WHEN c.\"notnull\" = 1 THEN ' not null' ELSE '' END AS c \
         FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\'",
    )
    .await;
    let postgres = columns(
        Kind::Postgres,
        "SELECT table_name || '.' || column_name || ' ' || data_type || \
         CASE WHEN is_nullable = 'NO' THEN ' not null' ELSE '' END AS c FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'",
    )
    .await;
    assert!(sqlite.len() > 50);
    assert_eq!(sqlite, postgres);
}

#[tokio::test]
async fn both_databases_have_the_same_indexes() {
    let sqlite =
        columns(Kind::Sqlite, "SELECT name AS c FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
            .await;
    let postgres = columns(
        Kind::Postgres,
        "SELECT indexname::text AS c FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%\\_pkey'",
    )
    .await;
    assert_eq!(sqlite, postgres);
}
