//! What authorization servers granted, and the broker of it: tokens fresh when they are used, asked for once however
//! many want them, never lost between two servers, and ended everywhere at once.

mod answer;
pub(crate) mod api;
mod begin;
mod broker;
pub(crate) mod callback;
mod end;
pub(crate) mod ends;
pub(crate) mod finish;
mod keep;
pub(crate) mod model;
mod notices;
pub(crate) mod offered;
mod refresh;
pub(crate) mod requests;
pub(crate) mod restored;
pub(crate) mod servers;
pub(crate) mod store;
mod view;

pub(crate) use broker::{Broker, Refused};
pub(crate) use end::{give_up_revocations, revoke};
pub(crate) use model::{AccessToken, Asked, GrantState, Unavailable};
pub(crate) use view::GrantView;
