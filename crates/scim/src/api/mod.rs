//! HTTP: extract, call one service function, answer.

pub(crate) mod answer;
pub(crate) mod discovery;
pub(crate) mod endpoint;
pub(crate) mod tokens;
