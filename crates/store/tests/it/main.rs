//! The store's promises, on both databases.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where its expectation does")]

mod audit;
mod audit_export;
mod backup;
mod group_commit;
mod jobs;
mod keyring;
mod schema;
