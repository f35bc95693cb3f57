//! The corpus: hostile messages, each refused for its own reason, and honest ones of many shapes, accepted.
#![allow(clippy::unwrap_used)] // helpers outside test functions

mod support;

mod attacks_claims;
mod attacks_encryption;
mod attacks_signature;
mod attacks_wrapping;
mod attacks_wsfed;
mod attacks_xml;
mod benign;
mod canonical;
mod faults;
mod fuzz;
mod keys;
mod logout;
mod logout_attacks;
mod metadata;
mod request_posted;
mod requests;
mod rollover;
mod xmlsec;
