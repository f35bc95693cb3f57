use std::str::FromStr;

use gatehouse_types::{ApiAppId, Error, Result, Timestamp, WorkspaceId};
use serde::Serialize;

use super::limits::Limits;

/// The longest name of an app or a key, in characters.
pub(crate) const MAX_NAME: usize = 100;

/// Whether an app's keys open anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ApiAppStatus)]
pub(crate) enum AppStatus {
    /// They do.
    Active,
    /// They do not, until it is switched on again.
    Disabled,
}

impl AppStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

impl FromStr for AppStatus {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "active" => Ok(Self::Active),
            "disabled" => Ok(Self::Disabled),
            _ => Err(Error::validation("status", "The status must be active or disabled.")),
        }
    }
}

/// A program that calls, with what it may.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) id: ApiAppId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) name: String,
    /// Sorted, each once.
    pub(crate) scopes: Vec<String>,
    /// Scopes that are to be taken away: they still open, and each use is told.
    pub(crate) watched: Vec<String>,
    pub(crate) status: AppStatus,
    pub(crate) limits: Limits,
    pub(crate) version: i64,
    /// Who answers for it; the app is the company's.
    pub(crate) responsible: Option<String>,
    pub(crate) created_by: Option<String>,
    /// The name of who made it, as it is now.
    pub(crate) created_by_name: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// Keys that were not deleted.
    pub(crate) keys: i64,
    pub(crate) last_used_at: Option<Timestamp>,
}

/// A name of an app or a key, one line.
pub(crate) fn checked_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Error::validation("name", "The name must be one line of 1 to 100 characters."));
    }
    Ok(name.to_owned())
}

/// A name as it is compared: case does not count.
pub(crate) fn folded(name: &str) -> String {
    name.to_lowercase()
}
