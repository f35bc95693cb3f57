//! The HTTP API of single sign-on: administration, and the ways in and out of a browser.

pub(crate) mod acs;
pub(crate) mod attempts;
pub(crate) mod connections;
pub(crate) mod domains;
pub(crate) mod drafts;
pub(crate) mod identities;
pub(crate) mod intake;
pub(crate) mod oidc;
pub(crate) mod settings;
pub(crate) mod setup_links;
pub(crate) mod shares;
pub(crate) mod slo;
pub(crate) mod social;
pub(crate) mod sp_keys;
pub(crate) mod views;
pub(crate) mod wsfed;
