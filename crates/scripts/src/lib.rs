//! Customers' code: projects that are uploaded, deployed and called.

pub mod archive;
pub mod model;
pub mod scaling;
