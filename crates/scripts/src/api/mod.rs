pub(crate) mod call;
pub(crate) mod deploy;
pub(crate) mod endpoint;
pub(crate) mod files;
pub(crate) mod keys;
pub(crate) mod projects;
pub(crate) mod runs;
pub(crate) mod scripts;
pub(crate) mod upload;

use gatehouse_types::{Result, ScriptId};

/// The id of a path; what is none is of no script.
pub(crate) fn script_id(text: &str) -> Result<ScriptId> {
    text.parse().map_err(|_| crate::service::not_found())
}
