//! The program as its operator meets it: processes, signals, files, several servers.

mod backup;
mod demo;
mod doctor;
mod full_disk;
mod kill9;
mod metrics;
pub(crate) mod secrets;
mod servers;
mod shared_jobs;
mod stop;
mod upgrade;

use gatehouse_testkit::{Database, Kind};

/// Runs each named test, an `async fn(Database)`, once on SQLite and once on PostgreSQL.
macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => { $(
        mod $name {
            use super::super::{Database, Kind};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(Database::fresh(Kind::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(Database::fresh(Kind::Postgres).await).await;
            }
        }
    )* };
}
use on_both_databases;
