//! Floor: what a durable flow of three nodes must do. An axum server that, for each POST, writes as many rows as the product does for the
//! start of an execution, calls the target, writes as many as for its end, and answers: two durable transactions, whose flushes are shared by all
//! that wait at the same time. Use: `floor-flow 127.0.0.1:PORT FILE URL`.

use std::str::FromStr;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use reqwest::Client;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Executor};
use tokio::sync::{mpsc, oneshot};

/// Transactions that share a flush at most.
const TOGETHER: usize = 256;
const TABLES: &str = "CREATE TABLE executions (id INTEGER PRIMARY KEY, status TEXT, state TEXT);
    CREATE TABLE steps (execution INTEGER, step TEXT, status TEXT, shown TEXT, PRIMARY KEY (execution, step));
    CREATE TABLE entries (id INTEGER PRIMARY KEY, body TEXT);";
/// An execution, its entry in a log, a step that is done and one that runs.
const BEGIN: &str = "INSERT INTO executions (id, status, state) VALUES ($1, 'Running', $2);
    INSERT INTO entries (body) VALUES ($2);
    INSERT INTO steps (execution, step, status, shown) VALUES ($1, 'start', 'Success', $2);
    INSERT INTO steps (execution, step, status) VALUES ($1, 'call', 'Running')";
/// The step that ran, the last one, and the execution.
const END: &str = "UPDATE steps SET status = 'Success', shown = $2 WHERE execution = $1 AND step = 'call';
    INSERT INTO steps (execution, step, status, shown) VALUES ($1, 'end', 'Success', $2);
    UPDATE executions SET status = 'Success', state = NULL WHERE id = $1";

/// One transaction that somebody waits for.
struct Write {
    text: &'static str,
    id: i64,
    done: oneshot::Sender<()>,
}

#[derive(Clone)]
struct Floor {
    client: Client,
    url: String,
    writes: mpsc::Sender<Write>,
}

async fn write(mut db: SqliteConnection, mut writes: mpsc::Receiver<Write>) -> anyhow::Result<()> {
    let body = "x".repeat(500);
    let mut some = Vec::with_capacity(TOGETHER);
    while writes.recv_many(&mut some, TOGETHER).await > 0 {
        db.execute("BEGIN IMMEDIATE").await?;
        for one in &some {
            sqlx::query(one.text).bind(one.id).bind(&body).execute(&mut db).await?;
        }
        db.execute("COMMIT").await?;
        for one in some.drain(..) {
            let _ = one.done.send(());
        }
    }
    Ok(())
}

impl Floor {
    async fn durable(&self, text: &'static str, id: i64) -> anyhow::Result<()> {
        let (done, is_done) = oneshot::channel();
        self.writes.send(Write { text, id, done }).await?;
        Ok(is_done.await?)
    }

    async fn flow(&self) -> anyhow::Result<()> {
        static NEXT: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(1);
        let id = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.durable(BEGIN, id).await?;
        let answer = self.client.post(&self.url).body("{}").send().await?;
        answer.error_for_status()?.bytes().await?;
        self.durable(END, id).await
    }
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "a floor is measured without the product")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &'static str| arguments.next().context(what);
    let (address, file, url) = (next("no address")?, next("no file")?, next("no target")?);
    let options = SqliteConnectOptions::from_str(&format!("sqlite:{file}"))?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut db = SqliteConnection::connect_with(&options).await?;
    sqlx::raw_sql(TABLES).execute(&mut db).await?;
    let (writes, waiting) = mpsc::channel(TOGETHER);
    let writer = tokio::spawn(write(db, waiting));
    let floor = Floor { client: Client::builder().no_proxy().build()?, url, writes };
    let run = |State(floor): State<Floor>| async move {
        floor.flow().await.map_err(|e| (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))
    };
    let router =
        Router::new().route("/", axum::routing::get(|| async { "hello" }).post(run)).with_state(floor);
    let listener = tokio::net::TcpListener::bind(address).await?;
    tokio::select! {
        served = axum::serve(listener, router) => Ok(served?),
        written = writer => written?,
    }
}
