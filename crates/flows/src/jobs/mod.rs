//! Background work of flows.

pub(crate) mod deploy;
pub(crate) mod schedules;
pub(crate) mod sweep;
pub(crate) mod wake;
