//! The store's promises, on both databases.

mod audit;
mod group_commit;
mod jobs;
mod schema;
