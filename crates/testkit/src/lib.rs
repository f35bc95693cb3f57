//! What tests of every crate share: fresh databases of both kinds, a clock they turn, actors.
//!
//! `GATEHOUSE_TEST_POSTGRES_URL` names the PostgreSQL server (default: `postgres://postgres@127.0.0.1:5432/postgres`);
//! a missing server fails the test, it is never skipped.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot prepare itself must fail at once"
)]

mod database;
#[cfg(test)]
mod direction;

use std::sync::Arc;

use gatehouse_store::{Options, Store};
use gatehouse_types::{
    Actor, AuthMethod, Clock, Ids, Origin, OsRandom, Principal, Role, SessionId, SystemClock, TestClock,
    UserId, WorkspaceId,
};

pub use database::{Database, Kind};

/// A store on a fresh database, with the clock it looks at.
#[derive(Debug)]
pub struct TestStore {
    /// The store.
    pub store: Store,
    /// Its clock.
    pub clock: Arc<TestClock>,
    /// The database under it; dropped with it.
    pub database: Database,
}

impl TestStore {
    /// A store on a fresh database of a kind.
    pub async fn new(kind: Kind) -> Self {
        let database = Database::with_schema(kind).await;
        let clock = Arc::new(TestClock::new(SystemClock.now()));
        let store = open(&database, clock.clone()).await;
        Self { store, clock, database }
    }

    /// A second store on the same database: another server.
    pub async fn again(&self) -> Store {
        open(&self.database, self.clock.clone()).await
    }

    /// The origin of a test's request.
    pub fn origin(&self) -> Origin {
        origin(self.store.ids())
    }

    /// Somebody with a role in a workspace; no rows are written.
    pub fn actor(&self, workspace: &WorkspaceId, role: Role) -> Actor {
        let ids = self.store.ids();
        Actor {
            principal: Principal::User {
                user_id: ids.make::<UserId>(),
                session_id: ids.make::<SessionId>(),
                role,
                method: AuthMethod::Password,
                since: self.store.now(),
            },
            workspace_id: Some(workspace.clone()),
            origin: self.origin(),
        }
    }
}

/// The origin of a test's request.
pub fn origin(ids: &Ids) -> Origin {
    Origin { ip: Some([127, 0, 0, 1].into()), ..Origin::machine(ids.make()) }
}

async fn open(database: &Database, clock: Arc<TestClock>) -> Store {
    let options = Options {
        database: database.url(),
        data_dir: database.data_dir().to_owned(),
        master_key_file: None,
        clock,
        random: Arc::new(OsRandom),
    };
    Store::open(options).await.unwrap()
}

/// Runs the body once on each kind of database: `on_both!(my_test, |t: TestStore| async move { … });`
#[macro_export]
macro_rules! on_both {
    ($name:ident, $body:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "bodies use what their file imports")]
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let t = $crate::TestStore::new($crate::Kind::Sqlite).await;
                ($body)(t).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                let t = $crate::TestStore::new($crate::Kind::Postgres).await;
                ($body)(t).await;
            }
        }
    };
}
