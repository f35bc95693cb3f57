//! SQL of flows.

pub(crate) mod deployments;
pub(crate) mod files;
pub(crate) mod flows;
pub(crate) mod versions;
