//! SAML in depth: own keys that roll over, posted requests, demanded authentication, metadata that is fetched again.

mod certificates;
mod keys;
mod metadata;
mod pages;
pub(crate) mod provider;
mod requests;
mod shared_key;
