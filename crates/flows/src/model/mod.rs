//! What flows are made of, as they are kept.

pub(crate) mod definition;
pub(crate) mod execution;
pub(crate) mod flow;
pub(crate) mod package;
pub(crate) mod secrets;
pub(crate) mod trigger;
