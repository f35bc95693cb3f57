//! The SQL of directory provisioning.

pub(crate) mod tokens;
