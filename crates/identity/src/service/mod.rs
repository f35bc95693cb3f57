//! What can be done with workspaces, people and sessions.

pub(crate) mod access;
pub(crate) mod authenticate;
pub(crate) mod login;
pub(crate) mod people;
pub(crate) mod sessions;
pub(crate) mod switch;
