//! A connector: a product of the catalogue with the values of one company.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use gatehouse_types::{ConnectorId, Error, OwnerKind, Result, Timestamp, UserId, WorkspaceId};
use serde::Serialize;

/// The longest name, in characters.
const MAX_NAME: usize = 100;

/// What a flow that nobody sits at is to do when the person it runs for has not authorized the connector; kept for flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NonInteractiveMode)]
pub(crate) enum NonInteractive {
    /// It runs as the connector's own identity.
    Fallback,
    /// The same, with a warning on the execution.
    FallbackWithWarning,
    /// It waits until the person has authorized it.
    Pause,
    /// It ends with an error.
    EndWithError,
}

impl NonInteractive {
    /// All of them, in the order of the page.
    pub(crate) const ALL: [Self; 4] =
        [Self::Fallback, Self::FallbackWithWarning, Self::Pause, Self::EndWithError];

    /// The name, as stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Fallback => "fallback",
            Self::FallbackWithWarning => "fallback_with_warning",
            Self::Pause => "pause",
            Self::EndWithError => "end_with_error",
        }
    }

    /// What people choose.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Fallback => "Fallback to connector user",
            Self::FallbackWithWarning => {
                "Fallback to connector user and generate a warning on the flow execution"
            }
            Self::Pause => "Pause flows and wait for the user to authenticate",
            Self::EndWithError => "End flow with error",
        }
    }
}

impl FromStr for NonInteractive {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|m| m.as_str() == text).ok_or_else(|| {
            let message =
                "nonInteractiveMode must be fallback, fallback_with_warning, pause or end_with_error.";
            Error::validation("nonInteractiveMode", message)
        })
    }
}

/// How a connector stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConnectorStatus)]
pub(crate) enum Status {
    /// Somebody must authorize it first.
    NotConnected,
    /// Its values are there, and nothing was tried yet.
    Configured,
    /// It works.
    Connected,
    /// The last try failed.
    Failing,
    /// What was authorized has ended: somebody must authorize it again.
    NeedsReauthorization,
}

impl Status {
    /// In words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::NotConnected => "Not connected",
            Self::Configured => "Not tested yet",
            Self::Connected => "Connected",
            Self::Failing => "Failing",
            Self::NeedsReauthorization => "Needs to be authenticated again",
        }
    }
}

/// How the last test went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tested {
    /// When.
    pub(crate) at: Timestamp,
    /// Whether it works.
    pub(crate) ok: bool,
    /// In plain words.
    pub(crate) message: String,
}

/// A connector without its secrets.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    pub(crate) id: ConnectorId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) version: i64,
    /// A type of the catalogue or of the workspace.
    pub(crate) type_id: String,
    /// One of its ways to authenticate.
    pub(crate) auth_id: String,
    pub(crate) name: String,
    pub(crate) owner_kind: OwnerKind,
    /// The person it ends with.
    pub(crate) owner_id: Option<UserId>,
    /// Who answers for the company's.
    pub(crate) responsible: Option<UserId>,
    /// The values that may be shown.
    pub(crate) plain: BTreeMap<String, String>,
    /// The secret values that are there.
    pub(crate) secret_names: BTreeSet<String>,
    /// When values end.
    pub(crate) expiry: BTreeMap<String, Timestamp>,
    /// The unguessable part of its callback.
    pub(crate) context: String,
    /// Whether each person authorizes it for themselves.
    pub(crate) user_authentication: bool,
    pub(crate) mode: NonInteractive,
    pub(crate) tested: Option<Tested>,
    pub(crate) created_by: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
}

impl Connector {
    /// Whether it is one person's own, and not this person's.
    pub(crate) fn is_of_another(&self, user: Option<&UserId>) -> bool {
        self.owner_kind == OwnerKind::Person && self.owner_id.as_ref() != user
    }
}

/// A name, by which people find it.
pub(crate) fn checked_name(text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_NAME || text.chars().any(char::is_control) {
        return Err(Error::validation("name", "The name must be one line of 1 to 100 characters."));
    }
    Ok(text.to_owned())
}

/// Whose a connector is.
pub(crate) fn checked_owner(text: &str) -> Result<OwnerKind> {
    match text {
        "service" => Ok(OwnerKind::Service),
        "person" => Ok(OwnerKind::Person),
        _ => Err(Error::validation("ownerKind", "ownerKind must be service or person.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_they_are_written() {
        for mode in NonInteractive::ALL {
            assert_eq!(mode.as_str().parse::<NonInteractive>().unwrap(), mode);
        }
        assert_eq!("sleep".parse::<NonInteractive>().unwrap_err().field(), Some("nonInteractiveMode"));
    }

    #[test]
    fn a_name_is_one_line() {
        assert_eq!(checked_name(" CRM ").unwrap(), "CRM");
        for odd in ["", " ", "a\nb", &"x".repeat(101)] {
            assert!(checked_name(odd).is_err(), "{odd:?}");
        }
    }
}
