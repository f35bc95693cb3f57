//! What must not be lost: the database (embedded SQLite or PostgreSQL), the keyring, the audit chain, recorded
//! decisions, the job queue, kept answers to repeated requests, and the mail outbox.
//!
//! * [`Store`] opens and migrates the database; [`Store::begin`] gives a [`Tx`], [`Store::reader`] a [`Reader`].
//! * [`sql`] starts a statement: one text for both databases (`$1`, `RETURNING`, `ON CONFLICT`).
//! * [`Keyring`] seals secrets, bound to their row; [`audit`], [`decisions`], [`jobs`], [`mails`] and
//!   [`idempotency`] write inside the caller's transaction.
//!
//! Whatever differs between the databases lives in `engine` and nowhere else.

pub mod audit;
pub mod backup;
mod condition;
pub mod decisions;
mod engine;
mod error;
pub mod files;
pub mod idempotency;
pub mod jobs;
pub mod keyring;
mod list;
pub mod mails;
mod many;
pub mod migrate;
mod numbers;
mod open;
mod query;
mod reader;
mod row;
pub mod server;
mod tx;

pub use condition::Condition;
pub use error::Error;
pub use keyring::{Binding, Keyring, MasterKey, SEALED, Sealed, SealedColumn};
pub use list::Filter;
pub use open::{DatabaseUrl, Options, Store};
pub use query::{Query, Value, sql};
pub use reader::{Queries, Reader};
pub use row::Row;
pub use tx::Tx;

/// `Result` with the store's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
