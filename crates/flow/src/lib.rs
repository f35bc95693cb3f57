//! Flows: what one is made of, what its expressions mean, and what an execution does next.
//!
//! A pure engine: no clock, no network, no storage. A definition is JSON; [`Flow::read`] reads and judges it,
//! and tells everything that is wrong with its path. [`machine::next`] takes how far an execution has come and
//! what happened, and gives how far it is now and what is to be done; whoever drives it stores the first and
//! does the second. Values of earlier steps stand in `{{ … }}` ([`template`]); where they are filled in, they
//! never become more than the value of the place they stand in.
//!
//! `docs/flows-definition.md` is for who writes a definition; [`SCHEMA`] says the same to machines.
#![forbid(unsafe_code)]

pub mod authentication;
pub mod condition;
pub mod curl;
pub mod definition;
mod flow;
pub mod limits;
pub mod machine;
mod problem;
pub mod redact;
mod size;
pub mod template;
mod validate;
mod work;

pub use definition::Definition;
pub use flow::Flow;
pub use problem::Problem;
pub use work::{ReadyRequest, RunAs, Work, fill_request};

/// The JSON Schema (draft 2020-12) of definitions: what can be said of them without their meaning.
pub const SCHEMA: &str = include_str!("../schema/flow.schema.json");
