//! Use cases of custom scripts.

pub(crate) mod calls;
pub(crate) mod credits;
pub(crate) mod definitions;
pub(crate) mod deploy;
pub(crate) mod endpoint;
pub(crate) mod files;
pub(crate) mod held;
pub(crate) mod keys;
pub(crate) mod mails;
pub(crate) mod names;
pub(crate) mod projects;
pub(crate) mod runs;
pub(crate) mod sweep;

use gatehouse_types::{Error, ScriptId};

pub(crate) fn not_found() -> Error {
    Error::not_found("Script")
}

pub(crate) fn object(id: &ScriptId) -> Option<String> {
    Some(format!("script:{id}"))
}

/// A search as lists take it.
///
/// # Errors
/// `Validation` when it is too long.
pub(crate) fn search(text: Option<&str>) -> gatehouse_types::Result<Option<String>> {
    const LONGEST: usize = 100;
    let text = text.map(|t| t.trim().to_lowercase()).filter(|t| !t.is_empty());
    match text.as_ref().is_some_and(|t| t.chars().count() > LONGEST) {
        true => Err(Error::validation("search", "A search has at most 100 characters.")),
        false => Ok(text),
    }
}
