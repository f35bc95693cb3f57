//! Driving executions: claimed with a lease by any server, each turn stored before it counts, steps carried out, waits
//! given back to the database where they cost nothing.

mod bounds;
mod claims;
mod lane;
mod pace;
mod people;
mod perform;
mod shown;
mod turn;

pub use claims::Driver;
pub(crate) use lane::Lane;
pub(crate) use perform::{Sender, send};
