//! SQL of flows.

pub(crate) mod claims;
pub(crate) mod days;
pub(crate) mod deployments;
pub(crate) mod events;
pub(crate) mod executions;
pub(crate) mod files;
pub(crate) mod flows;
pub(crate) mod steps;
pub(crate) mod triggers;
pub(crate) mod versions;
pub(crate) mod waits;
