//! The SQL of workspaces, people and sessions.

pub(crate) mod challenges;
pub(crate) mod crowds;
pub(crate) mod devices;
pub(crate) mod factors;
pub(crate) mod invitations;
pub(crate) mod keys;
pub(crate) mod leavers;
pub(crate) mod links;
pub(crate) mod members;
pub(crate) mod passwords;
pub(crate) mod sessions;
pub(crate) mod social;
pub(crate) mod users;
pub(crate) mod workspaces;
