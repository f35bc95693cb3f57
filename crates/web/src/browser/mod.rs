//! What protects a browser's session: cookies, CSRF, forms, return paths.

pub(crate) mod cookies;
pub(crate) mod csrf;
pub(crate) mod form;
pub(crate) mod local_path;
pub(crate) mod public_url;
