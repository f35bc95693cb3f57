//! Customers' code: projects that are uploaded, deployed and called.

pub mod archive;
pub mod dependencies;
pub mod endpoint;
pub mod model;
pub mod samples;
pub mod scaling;
