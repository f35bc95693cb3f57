//! What authorization servers granted, and the broker of it: tokens fresh when they are used, asked for once however
//! many want them, never lost between two servers, and ended everywhere at once.

mod answer;
pub(crate) mod api;
mod begin;
mod broker;
mod end;
pub(crate) mod finish;
pub(crate) mod model;
mod notices;
mod refresh;
pub(crate) mod requests;
pub(crate) mod servers;
pub(crate) mod store;
mod view;

pub use broker::Broker;
pub(crate) use end::{give_up_revocations, revoke};
pub use model::{AccessToken, Asked, GrantState, Unavailable};
pub use view::GrantView;
