use std::path::Path;

use gatehouse_store::DatabaseUrl;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;
use url::Url;

/// The server that tests use when nothing else is said.
const DEFAULT_SERVER: &str = "postgres://postgres@127.0.0.1:5432/postgres";
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

async fn create() -> Url {
    let server = std::env::var("GATEHOUSE_TEST_POSTGRES_URL").unwrap_or_else(|_| DEFAULT_SERVER.to_owned());
    let mut url = Url::parse(&server).expect("GATEHOUSE_TEST_POSTGRES_URL is a URL");
    let mut connection = PgConnection::connect(url.as_str()).await.expect(
        "tests need a PostgreSQL server: run them through `make test`, or set GATEHOUSE_TEST_POSTGRES_URL",
    );
    let now = std::time::UNIX_EPOCH.elapsed().unwrap();
    let name = format!("gatehouse_test_{}_{}_{}", now.as_secs(), std::process::id(), now.subsec_nanos());
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    url.set_path(&name);
    url
}
