//! Use cases of profiles.

mod authorize;
pub(crate) mod belongings;
mod body;
pub(crate) mod change;
mod delete;
pub(crate) mod draft;
mod look;
pub(crate) mod request;
mod spec;
pub(crate) mod steps;
pub(crate) mod test;
mod values;

pub(crate) use authorize::{Authorize, Way};
pub(crate) use look::{Seen, Status};
pub(crate) use spec::{about, lock, spec};

use gatehouse_types::{AuthProfileId, Error};

/// Where the pages of profiles are.
pub(crate) const PAGES: &str = "/integrations/auth-profiles";

fn not_found() -> Error {
    Error::not_found("Authorization profile")
}

fn object(id: &AuthProfileId) -> Option<String> {
    Some(format!("auth-profile:{id}"))
}
