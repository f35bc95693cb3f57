//! Flows from the outside.

mod curl;
mod examples;
mod filling;
mod machine;
mod made;
mod problems;
mod properties;
mod schema;
mod support;
