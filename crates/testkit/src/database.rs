use std::path::Path;

use gatehouse_store::{DatabaseUrl, migrate};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;
use url::Url;

/// The server that tests use when nothing else is said.
const DEFAULT_SERVER: &str = "postgres://postgres@127.0.0.1:5432/postgres";
/// Who makes the model holds this advisory lock.
const MODEL_LOCK: i64 = 0x6761_7465;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file in a temporary directory.
    Sqlite,
    /// A database of its own on a real server.
    Postgres,
}

/// A fresh database and the data directory beside it.
#[derive(Debug)]
pub struct Database {
    dir: TempDir,
    postgres: Option<Url>,
}

impl Database {
    /// Makes one.
    pub async fn fresh(kind: Kind) -> Self {
        let dir = tempfile::Builder::new().prefix("gatehouse-test-").tempdir().unwrap();
        let postgres = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(create().await),
        };
        Self { dir, postgres }
    }

    /// Makes one that has the newest schema already where that takes long: on PostgreSQL it is a copy.
    pub async fn with_schema(kind: Kind) -> Self {
        let dir = tempfile::Builder::new().prefix("gatehouse-test-").tempdir().unwrap();
        let postgres = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(copy().await),
        };
        Self { dir, postgres }
    }

    /// The directory of the files.
    pub fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    /// The URL for [`gatehouse_store::Options`].
    pub fn url(&self) -> DatabaseUrl {
        match &self.postgres {
            None => DatabaseUrl::Sqlite(None),
            Some(url) => DatabaseUrl::Postgres(url.clone()),
        }
    }

    /// The same as text, for the command line.
    pub fn url_text(&self) -> String {
        self.postgres.as_ref().map_or_else(|| "sqlite:".to_owned(), Url::to_string)
    }
}

async fn server() -> (Url, PgConnection) {
    let server = std::env::var("GATEHOUSE_TEST_POSTGRES_URL").unwrap_or_else(|_| DEFAULT_SERVER.to_owned());
    let url = Url::parse(&server).expect("GATEHOUSE_TEST_POSTGRES_URL is a URL");
    let connection = PgConnection::connect(url.as_str()).await.expect(
        "tests need a PostgreSQL server: run them through `make test`, or set GATEHOUSE_TEST_POSTGRES_URL",
    );
    (url, connection)
}

/// A name that no other test has; it says when it was made, so that old ones can be dropped.
fn name() -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap();
    format!("gatehouse_test_{}_{}_{}", now.as_secs(), std::process::id(), now.subsec_nanos())
}

async fn run(connection: &mut PgConnection, statement: String) {
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
}

async fn create() -> Url {
    let (mut url, mut connection) = server().await;
    let name = name();
    run(&mut connection, format!("CREATE DATABASE {name}")).await;
    url.set_path(&name);
    url
}

/// A copy of a database that has the newest schema and nothing in it, which the first test makes.
async fn copy() -> Url {
    let (mut url, mut connection) = server().await;
    let (name, model) = (name(), format!("gatehouse_model_{:016x}", migrate::fingerprint()));
    let is_there = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1");
    if is_there.bind(&model).fetch_optional(&mut connection).await.unwrap().is_none() {
        make(&mut connection, &url, &model).await;
    }
    run(&mut connection, format!("CREATE DATABASE {name} TEMPLATE {model}")).await;
    url.set_path(&name);
    url
}

/// Makes the model, unless another test does; it has its name only once it is whole.
async fn make(connection: &mut PgConnection, server: &Url, model: &str) {
    run(connection, format!("SELECT pg_advisory_lock({MODEL_LOCK})")).await;
    let is_there = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1");
    if is_there.bind(model).fetch_optional(&mut *connection).await.unwrap().is_none() {
        let (draft, mut url) = (name(), server.clone());
        run(connection, format!("CREATE DATABASE {draft}")).await;
        url.set_path(&draft);
        migrate::postgres_at(&url).await.unwrap();
        run(connection, format!("ALTER DATABASE {draft} RENAME TO {model}")).await;
    }
    run(connection, format!("SELECT pg_advisory_unlock({MODEL_LOCK})")).await;
}
