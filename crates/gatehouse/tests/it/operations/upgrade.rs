//! A database of the first version is taken over by this one, also when the power goes in the middle of it.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use gatehouse_testkit::{Database, Kind};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, SqlSafeStr, SqliteConnection};

use super::on_both_databases;
use crate::support::Program;

const OWNER: &str = "owner@acme.test";
const DATA: &str = include_str!("../../fixtures/schema3.sql");
const KEY: &str = include_str!("../../fixtures/schema3.key");
const URL: &str = "http://127.0.0.1:18477";

macro_rules! first_version {
    ($folder:literal) => {{
        let steps = [
            (1, "base", include_str!(concat!("../../../../store/migrations/", $folder, "/0001_base.sql"))),
            (
                2,
                "identity",
                include_str!(concat!("../../../../store/migrations/", $folder, "/0002_identity.sql")),
            ),
            (3, "sso", include_str!(concat!("../../../../store/migrations/", $folder, "/0003_sso.sql"))),
        ];
        let migrations = steps.map(|(version, name, text)| {
            Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text.into_sql_str(), false)
        });
        Migrator::with_migrations(migrations.to_vec())
    }};
}

async fn sqlite(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection: SqliteConnection = options.connect().await.unwrap();
    first_version!("sqlite").run_direct(None, &mut connection, false).await.unwrap();
    connection.execute(DATA).await.unwrap();
    connection.close().await.unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

async fn postgres(url: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    first_version!("postgres").run_direct(None, &mut connection, false).await.unwrap();
    connection.execute(DATA).await.unwrap();
    connection.close().await.unwrap();
}

/// A database of the first version with its key.
async fn old(kind: Kind) -> (Database, Program) {
    use std::os::unix::fs::PermissionsExt;
    let database = Database::fresh(kind).await;
    let key = database.data_dir().join("master.key");
    std::fs::write(&key, KEY).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    match kind {
        Kind::Sqlite => sqlite(&database.data_dir().join("gatehouse.db")).await,
        Kind::Postgres => postgres(&database.url_text()).await,
    }
    let program = Program::on(&database).set("GATEHOUSE_PUBLIC_URL", URL);
    (database, program)
}

/// Everything of the first version is there and works.
async fn everything_is_there(program: &Program) {
    let serving = program.serve();
    let owner = serving.sign_in(OWNER).await;
    let listed = owner.get("/api/v1/sso/connections?pageSize=100").await.ok();
    let mut names: Vec<_> = listed["data"].as_array().unwrap().iter().map(|c| c["name"].clone()).collect();
    names.sort_by_key(ToString::to_string);
    assert_eq!(names, ["Company", "Google"]);
    serving.sign_in("member@acme.test").await;
    serving.kill();
    // the backup reads every row, the doctor opens every secret, the restore follows every chain
    let file = tempfile::tempdir().unwrap();
    let file = file.path().join("a.backup");
    program.ok(&["backup", file.to_str().unwrap()]);
    program.ok(&["doctor"]);
    let target = Database::fresh(Kind::Sqlite).await;
    let key =
        program.settings.iter().find(|(n, _)| *n == "GATEHOUSE_DATA_DIR").unwrap().1.clone() + "/master.key";
    let told =
        Program::on(&target).set("GATEHOUSE_MASTER_KEY_FILE", key).ok(&["restore", file.to_str().unwrap()]);
    assert!(told.contains("verified"), "{told}");
}

async fn an_upgrade_killed_at_any_moment_is_completed_by_the_next_start(database: Database) {
    let kind = if database.url_text() == "sqlite:" { Kind::Sqlite } else { Kind::Postgres };
    for round in 0..2 {
        let (_database, program) = old(kind).await;
        for again in 0..3 {
            let mut child = program.command(&["serve"]).stderr(std::process::Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(30 * round + 12 * again));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        everything_is_there(&program).await;
    }
}

/// Another connection holds a lock that the migration needs, so the kill surely comes in the middle of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_killed_while_a_migration_waits_is_completed_by_the_next_start() {
    let (database, program) = old(Kind::Postgres).await;
    let mut holder = PgConnection::connect(&database.url_text()).await.unwrap();
    holder.execute("BEGIN; LOCK TABLE data_keys IN ACCESS SHARE MODE").await.unwrap();
    let mut child = program.command(&["serve"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    let waiting = "SELECT COUNT(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
         WHERE NOT l.granted AND d.datname = current_database()";
    let mut looks = 0;
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut holder).await.unwrap() == 0 {
        looks += 1;
        assert!(looks < 500, "no migration needed the table");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    holder.execute("ROLLBACK").await.unwrap();
    everything_is_there(&program).await;
}

on_both_databases!(an_upgrade_killed_at_any_moment_is_completed_by_the_next_start);
