//! The SQL of directory provisioning.

pub(crate) mod activities;
pub(crate) mod compile;
pub(crate) mod days;
pub(crate) mod groups;
pub(crate) mod places;
pub(crate) mod roles;
pub(crate) mod tokens;
pub(crate) mod users;
