pub(crate) mod belongings;
pub(crate) mod deliver;
pub(crate) mod webhooks;
