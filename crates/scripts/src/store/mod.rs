//! The SQL of custom scripts.

pub(crate) mod deployments;
pub(crate) mod files;
pub(crate) mod keys;
pub(crate) mod logs;
pub(crate) mod packages;
pub(crate) mod runs;
pub(crate) mod scripts;
pub(crate) mod usage;
