//! The HTTP API of sign-in: who is calling, and how to become somebody.

pub(crate) mod account;
pub(crate) mod auth;
pub(crate) mod caller;
pub(crate) mod factors;
pub(crate) mod invitations;
pub(crate) mod leavers;
pub(crate) mod me;
pub(crate) mod passkeys;
pub(crate) mod providers;
pub(crate) mod reset;
pub(crate) mod second_step;
pub(crate) mod security;
pub(crate) mod sign_up;
pub(crate) mod users;
