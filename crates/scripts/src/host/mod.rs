//! What is in service on this server: deployments carried out, replicas kept, scaled, metered, and stopped.

mod bring_up;
mod budget;
pub(crate) mod fleet;
mod keeper;
pub(crate) mod masks;
pub(crate) mod packages;
pub(crate) mod record;
pub(crate) mod runtimes;
pub(crate) mod set;

pub use keeper::Host;
