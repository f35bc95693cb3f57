//! The SQL of connections, domains, identities, requests, attempts and settings.

pub(crate) mod attempts;
pub(crate) mod certificates;
pub(crate) mod connections;
pub(crate) mod domains;
pub(crate) mod drafts;
pub(crate) mod expiry;
pub(crate) mod identities;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod logout;
pub(crate) mod metadata;
pub(crate) mod requests;
pub(crate) mod settings;
pub(crate) mod setup_links;
pub(crate) mod shares;
pub(crate) mod social;
