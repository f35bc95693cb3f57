use std::fmt;
use std::str::FromStr;

use gatehouse_types::{Error, Result, SigningKeyId, Timestamp};
use serde::Serialize;

/// Where a key of ours stands between its making and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Published, so that providers learn it; it decrypts already, and does not sign yet.
    Next,
    /// It signs, and providers encrypt for it.
    Current,
    /// It still decrypts, for providers that have not read our new metadata.
    Previous,
}

impl KeyState {
    /// The name, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Previous => "previous",
        }
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyState {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let found = [Self::Next, Self::Current, Self::Previous].into_iter().find(|s| s.as_str() == text);
        found.ok_or_else(|| Error::internal(format!("{text} is no state of a key")))
    }
}

/// A key of ours, as administrators see it: never its private half.
#[derive(Clone, Debug)]
pub struct SpKey {
    /// Its id.
    pub id: SigningKeyId,
    /// Where it stands in this workspace.
    pub state: KeyState,
    /// Whether all workspaces share it.
    pub shared: bool,
    /// Counts the keys of a workspace.
    pub version: i64,
    /// The certificate in PEM.
    pub certificate: String,
    /// SHA-256 over the certificate, in hex.
    pub fingerprint: String,
    /// The certificate is not valid before.
    pub not_before: Timestamp,
    /// The certificate is not valid after.
    pub not_after: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last signed or decrypted, to the minute; not told of the shared one, which others use too.
    pub last_used_at: Option<Timestamp>,
}
