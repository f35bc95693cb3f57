pub(crate) mod app;
pub(crate) mod key;
pub(crate) mod limits;
pub(crate) mod scope;
pub(crate) mod secret;

pub(crate) use app::{App, AppStatus};
pub(crate) use key::{Key, KeyStatus};
pub(crate) use limits::{Quota, Rate};
pub(crate) use secret::{KeyDigest, KeyText};
