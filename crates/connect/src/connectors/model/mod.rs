//! Pure: what a connector is, whether its values fit, what its token says, what people read of it.

pub(crate) mod claims;
pub(crate) mod connector;
pub(crate) mod exemption;
pub(crate) mod fields;
pub(crate) mod guide;
pub(crate) mod known;
pub(crate) mod outcome;
pub(crate) mod outline;
pub(crate) mod sheets;
