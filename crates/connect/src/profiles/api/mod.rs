//! The API of profiles.

pub(crate) mod authorize;
pub(crate) mod grants;
pub(crate) mod profiles;
pub(crate) mod request;
pub(crate) mod test;
