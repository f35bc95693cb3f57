//! SQL of flows.

pub(crate) mod claims;
pub(crate) mod days;
pub(crate) mod deployments;
pub(crate) mod events;
pub(crate) mod executions;
pub(crate) mod files;
pub(crate) mod flows;
pub(crate) mod open;
pub(crate) mod steps;
pub(crate) mod triggers;
pub(crate) mod versions;
pub(crate) mod waits;

/// The most that one answer holds of what may be large (definitions, outputs of steps), in bytes as they are stored.
pub(crate) const ANSWER_BYTES: i64 = 4 * 1024 * 1024;
