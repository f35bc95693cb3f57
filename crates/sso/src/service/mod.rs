//! What can be done with single sign-on.

pub(crate) mod attempts;
pub(crate) mod certificates;
pub(crate) mod connections;
pub(crate) mod domains;
pub(crate) mod drafts;
pub(crate) mod identities;
pub(crate) mod import;
pub(crate) mod intake;
pub(crate) mod key_ring;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod logout_start;
pub(crate) mod metadata;
pub(crate) mod page;
pub(crate) mod page_metadata;
pub(crate) mod person;
pub(crate) mod proof;
pub(crate) mod recheck;
pub(crate) mod restored;
pub(crate) mod settings;
pub(crate) mod setup_links;
pub(crate) mod shared_key;
pub(crate) mod shares;
pub(crate) mod sp_keys;
pub(crate) mod start;
pub(crate) mod status;
