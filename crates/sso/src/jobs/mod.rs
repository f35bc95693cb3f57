//! Background work of single sign-on.

mod sweep;

pub use sweep::Sweep;
