//! The JSON kit: what API handlers take in and give back.

pub(crate) mod body;
pub(crate) mod dry_run;
pub(crate) mod error;
pub(crate) mod fields;
pub(crate) mod idempotency;
pub(crate) mod object;
pub(crate) mod paging;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod reply;
