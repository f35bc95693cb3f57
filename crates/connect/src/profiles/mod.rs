//! Authorization profiles: how requests to an outside service are authorized, set up once and used in many places.

pub(crate) mod api;
pub(crate) mod console;
pub(crate) mod model;
mod service;
pub(crate) mod store;

pub(crate) use service::{about, belongings, lock, spec, steps};
pub(crate) use store::called;
