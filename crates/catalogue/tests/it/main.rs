//! The catalogue as it stands, and files that must be refused.
#![allow(clippy::unwrap_used)] // helpers outside test functions

mod catalogue;
mod icertis;
mod openapi;
mod paging;
mod properties;
mod refused;
mod request;
