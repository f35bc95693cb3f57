//! Use cases and rules.

pub(crate) mod access;
pub(crate) mod access_token;
pub(crate) mod activities;
pub(crate) mod authenticate;
pub(crate) mod belongings;
pub(crate) mod directory;
pub(crate) mod groups;
pub(crate) mod restored;
pub(crate) mod roles;
pub(crate) mod tokens;
pub(crate) mod users;
