pub(crate) mod build;
pub(crate) mod deploy;
pub(crate) mod flows;
pub(crate) mod maybe;
pub(crate) mod package;
pub(crate) mod public;
pub(crate) mod schema;
pub(crate) mod versions;
