//! Background work of single sign-on.

mod expiry;
mod metadata;
mod recheck;
mod sweep;

pub(crate) use expiry::ExpiryWarnings;
pub(crate) use metadata::{DueMetadata, RefreshMetadata};
pub(crate) use recheck::Recheck;
pub(crate) use sweep::Sweep;
