//! HTTP: extract, call one service function, answer.

pub(crate) mod activities;
pub(crate) mod answer;
mod bulk;
pub(crate) mod discovery;
pub(crate) mod endpoint;
pub(crate) mod oauth;
mod resources;
pub(crate) mod roles;
pub(crate) mod tokens;
