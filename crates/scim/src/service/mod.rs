//! Use cases and rules.

pub(crate) mod authenticate;
pub(crate) mod restored;
pub(crate) mod tokens;
