//! What is kept, and the rules that need no database.

pub(crate) mod activity;
pub(crate) mod asked;
pub(crate) mod dialect;
pub(crate) mod entry;
pub(crate) mod rhythm;
pub(crate) mod role;
pub(crate) mod token;

pub(crate) use activity::{Activity, Operation, Resource};
pub(crate) use asked::{Asked, Precondition};
pub(crate) use dialect::Dialect;
pub(crate) use entry::{GroupEntry, Member, UserEntry, etag};
pub(crate) use rhythm::Rhythm;
pub(crate) use token::{ScimToken, TokenStatus, Wanted};
