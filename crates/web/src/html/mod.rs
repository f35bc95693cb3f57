//! The HTML kit: the page shell, its parts, pages of failure, assets. Templates stand in `templates/`.

pub(crate) mod assets;
pub(crate) mod away;
pub(crate) mod components;
pub(crate) mod confirm;
pub(crate) mod error_page;
pub(crate) mod errors;
pub(crate) mod flash;
pub(crate) mod nav;
pub(crate) mod page;
pub(crate) mod parts;
pub(crate) mod view;
