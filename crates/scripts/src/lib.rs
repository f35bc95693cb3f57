//! Customers' code: projects that are uploaded, deployed and called.
