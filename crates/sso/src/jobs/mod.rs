//! Background work of single sign-on.

mod sweep;

pub(crate) use sweep::Sweep;
