//! Background work of single sign-on.

mod recheck;
mod sweep;

pub(crate) use recheck::Recheck;
pub(crate) use sweep::Sweep;
