//! The protocol without a database: schemas, filters, paths, PATCH, projection, bulk.
//!
//! Documents are kept in one canonical form: names in the case of their schema, values of its types, extensions under
//! their URN, nothing empty. [`patch`] makes that form of whatever Entra, Okta and others send.

pub mod bulk;
/// Refusals in SCIM's own form.
pub mod error;
pub mod evaluate;
pub mod filter;
mod groups;
pub mod patch;
pub mod path;
pub mod project;
#[cfg(test)]
mod properties;
pub mod schema;
pub mod search;
pub mod test;
mod users;
pub mod value;

pub use error::{ScimError, ScimType};
pub use schema::{GROUP, ResourceType, USER};

/// Text in its compared form where case does not count.
pub fn folded(text: &str) -> String {
    text.to_lowercase()
}
