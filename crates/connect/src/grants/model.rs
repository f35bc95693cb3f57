use std::collections::BTreeMap;
use std::fmt;

use gatehouse_types::{ConnectorLinkId, Error, GrantId, Kind, Secret, Timestamp, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};

use crate::{Holder, Owner};

/// What the end user was asked for when the authorization began; kept sealed beside the tokens.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// The tenancy: one label of a host.
    pub(crate) tenancy: Option<String>,
    /// Further values by their key, such as a PIN.
    pub(crate) fields: BTreeMap<String, String>,
    /// Where the browser goes afterwards: a path on this host; empty: the usual page.
    #[serde(skip)]
    pub(crate) return_to: String,
    /// The reconnect link by which it began; it is used up when the grant is kept.
    #[serde(skip)]
    pub(crate) link: Option<ConnectorLinkId>,
}

impl Asked {
    /// Whether the same was told, wherever the browser goes afterwards.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.tenancy == other.tenancy && self.fields == other.fields
    }
}

impl fmt::Debug for Asked {
    /// Shows no value: they are credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked")
            .field("tenancy", &self.tenancy)
            .field("fields", &self.fields.keys())
            .finish_non_exhaustive()
    }
}

/// How a grant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GrantState {
    /// Tokens come.
    Ok,
    /// The last try failed; it is tried again by itself.
    Failing,
    /// The server takes what we have no more: somebody must authorize again.
    NeedsReauthorization,
}

impl GrantState {
    /// The name, as stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failing => "failing",
            Self::NeedsReauthorization => "needs_reauthorization",
        }
    }
}

impl std::str::FromStr for GrantState {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::Ok, Self::Failing, Self::NeedsReauthorization]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| Error::validation("state", "There is no such state of a grant."))
    }
}

/// The tokens of a grant; sealed in the database.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    pub(crate) access_token: Option<String>,
    pub(crate) refresh_token: Option<String>,
    /// Further values of the answer, by name.
    pub(crate) values: BTreeMap<String, String>,
}

/// A grant as it is stored, its tokens opened.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) id: GrantId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) holder: Holder,
    pub(crate) owner: Owner,
    /// Grows with each writing of tokens: whoever writes says which ones he read (compare and swap).
    pub(crate) version: i64,
    pub(crate) state: GrantState,
    pub(crate) tokens: Kept,
    pub(crate) asked: Asked,
    pub(crate) facts: Facts,
}

/// What is known of a grant without opening its tokens.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) has_access: bool,
    pub(crate) has_refresh: bool,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) refresh_expires_at: Option<Timestamp>,
    pub(crate) scope: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) failures: i64,
    pub(crate) retry_at: Option<Timestamp>,
    pub(crate) told_at: Option<Timestamp>,
    /// So many days ahead somebody was told of the end of the refresh token, or need not be.
    pub(crate) end_told_days: Option<i64>,
    pub(crate) lease_by: Option<String>,
    pub(crate) authorized_by: Option<UserId>,
    pub(crate) authorized_at: Option<Timestamp>,
    pub(crate) refreshed_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
}

/// A token to be sent with one call.
#[derive(Clone)]
pub(crate) struct AccessToken {
    /// The grant it is of.
    pub(crate) grant: GrantId,
    /// Which one of the grant's: what is refused is said of this version.
    pub(crate) version: i64,
    /// The token itself.
    pub(crate) token: Secret,
    /// Further values of the server's answer, by name.
    pub(crate) values: BTreeMap<String, String>,
    /// What the end user was asked for.
    pub(crate) asked: Asked,
    /// When it ends, as far as it is known.
    pub(crate) expires_at: Option<Timestamp>,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("grant", &self.grant)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Why there is no token. The reasons are for whoever administers it, and never repeat a secret.
#[derive(Debug)]
pub(crate) enum Unavailable {
    /// Nobody has authorized it.
    NotAuthorized,
    /// The server takes what we have no more: somebody must authorize again.
    NeedsReauthorization {
        /// What the server said, or what is missing.
        reason: String,
    },
    /// Not at this moment.
    Failing {
        /// What went wrong.
        reason: String,
        /// When it is tried again, in seconds.
        retry_after: u32,
    },
    /// Something of ours failed.
    Ours(Error),
}

impl Unavailable {
    /// The same for people, who are told the name of what is not authorized.
    pub(crate) fn of(self, name: &str) -> Error {
        match self {
            Self::NotAuthorized => Error::conflict(format!(
                "Nobody has authorized {name} yet. Authorize it on its page first, then try again."
            )),
            other => other.into(),
        }
    }

    /// What was asked for is not what it was a moment ago.
    pub(crate) fn changed() -> Self {
        Self::Ours(Error::conflict(
            "This was changed, or authorized with other values, at the same moment. Try again.",
        ))
    }
}

impl From<Error> for Unavailable {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<gatehouse_store::Error> for Unavailable {
    fn from(error: gatehouse_store::Error) -> Self {
        Self::Ours(error.into())
    }
}

impl From<Unavailable> for Error {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::NotAuthorized => {
                Self::conflict("Nobody has authorized this yet. Authorize it first, then try again.")
            }
            Unavailable::NeedsReauthorization { reason } => {
                Self::conflict(format!("This must be authorized again: {reason}"))
            }
            Unavailable::Failing { reason, retry_after } => Self::new(
                Kind::Unavailable,
                format!("{reason} It is tried again in {retry_after} seconds at the earliest."),
            ),
            Unavailable::Ours(error) => error,
        }
    }
}
