//! What is kept, and the rules that need no database.

pub(crate) mod token;

pub(crate) use token::{ScimToken, TokenStatus, Wanted};
