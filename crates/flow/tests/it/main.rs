//! Flows from the outside.
#![allow(clippy::unwrap_used)] // helpers outside test functions

mod bounds;
mod branches;
mod curl;
mod examples;
mod filling;
mod machine;
mod made;
mod problems;
mod properties;
mod schema;
mod support;
