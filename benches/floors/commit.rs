//! Floor: durable transactions of three inserts (or fewer), sharing their flush as the product's do.
//! Use: `floor-commit sqlite:FILE COUNT [INSERTS [TOGETHER]]`, or with `postgres://…`; prints seconds.
#![allow(clippy::print_stdout, reason = "a tool of the command line")]

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Executor};
use std::str::FromStr;
use std::time::Instant;

/// Transactions that share a flush, and connections to PostgreSQL, unless said otherwise.
const TOGETHER: usize = 16;
const TABLES: [&str; 3] = ["floor_a", "floor_b", "floor_c"];
const INSERTS: [&str; 3] = [
    "INSERT INTO floor_a (body) VALUES ($1)",
    "INSERT INTO floor_b (body) VALUES ($1)",
    "INSERT INTO floor_c (body) VALUES ($1)",
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_default();
    let mut number = |otherwise: usize| arguments.next().map_or(Ok(otherwise), |n| n.parse());
    let (count, inserts, together) = (number(5000)?, number(INSERTS.len())?, number(TOGETHER)?);
    let inserts = &INSERTS[..inserts.clamp(1, INSERTS.len())];
    let seconds = match url.starts_with("sqlite:") {
        true => sqlite(&url, count, inserts, together).await?,
        false => postgres(&url, count, inserts, together).await?,
    };
    println!("{seconds:.4}");
    Ok(())
}

async fn sqlite(
    url: &str,
    count: usize,
    inserts: &'static [&'static str],
    together: usize,
) -> anyhow::Result<f64> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut db = SqliteConnection::connect_with(&options).await?;
    for table in TABLES {
        let create = format!("CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY, body TEXT)");
        db.execute(sqlx::AssertSqlSafe(create)).await?;
    }
    let body = "x".repeat(500);
    let began = Instant::now();
    for _ in 0..count.div_ceil(together) {
        db.execute("BEGIN IMMEDIATE").await?;
        for _ in 0..together {
            db.execute("SAVEPOINT s").await?;
            for insert in inserts {
                sqlx::query(*insert).bind(&body).execute(&mut db).await?;
            }
            db.execute("RELEASE s").await?;
        }
        db.execute("COMMIT").await?;
    }
    Ok(began.elapsed().as_secs_f64())
}

async fn postgres(
    url: &str,
    count: usize,
    inserts: &'static [&'static str],
    together: usize,
) -> anyhow::Result<f64> {
    let mut db = PgConnection::connect(url).await?;
    for table in TABLES {
        let create = format!(
            "CREATE TABLE IF NOT EXISTS {table} (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body TEXT)"
        );
        db.execute(sqlx::AssertSqlSafe(create)).await?;
    }
    let mut connections = Vec::new();
    for _ in 0..together {
        connections.push(PgConnection::connect(url).await?);
    }
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for mut db in connections {
        tasks.spawn(async move {
            let body = "x".repeat(500);
            for _ in 0..count.div_ceil(together) {
                let mut tx = db.begin().await?;
                for insert in inserts {
                    sqlx::query(*insert).bind(&body).execute(&mut *tx).await?;
                }
                tx.commit().await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(began.elapsed().as_secs_f64())
}
