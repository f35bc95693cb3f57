use std::str::FromStr;

use gatehouse_types::{Error, Result, ScimScopes, ScimTokenId, Secret, Timestamp, UserId, WorkspaceId};
use serde::Serialize;

use super::rhythm::SILENT_SECONDS;
use super::{Dialect, Rhythm};

/// What every token begins with.
pub(crate) const PREFIX: &str = "scim_";
/// Random characters that are shown of a token afterwards.
const SHOWN: usize = 4;
/// The longest name, in characters.
const MAX_NAME: usize = 128;
/// The longest lifetime, in days (ten years).
const MAX_DAYS: i64 = 3_650;

/// A token, without its value.
#[derive(Clone, Debug)]
pub(crate) struct ScimToken {
    pub(crate) id: ScimTokenId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) name: String,
    pub(crate) scopes: ScimScopes,
    /// The beginning of the value, for recognizing it.
    pub(crate) masked: String,
    pub(crate) created_by: Option<String>,
    /// The person who answers for it; `None`: nobody in particular. It is the company's either way, and outlives both.
    pub(crate) responsible: Option<UserId>,
    pub(crate) created_at: Timestamp,
    /// `None`: it does not expire.
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
    /// Which provider was heard with it; `None`: nobody yet.
    pub(crate) dialect: Option<Dialect>,
    /// On which days it was used lately.
    pub(crate) rhythm: Rhythm,
}

/// Whether a token opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ScimTokenStatus)]
pub(crate) enum TokenStatus {
    /// It does.
    Active,
    /// It was taken back.
    Revoked,
    /// Its time is over.
    Expired,
}

impl FromStr for TokenStatus {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "active" => Ok(Self::Active),
            "revoked" => Ok(Self::Revoked),
            "expired" => Ok(Self::Expired),
            _ => Err(Error::validation("status", "The status must be one of active, revoked, expired.")),
        }
    }
}

impl ScimToken {
    /// Whether it opens something and was used, but not for two days.
    pub(crate) fn is_silent(&self, now: Timestamp) -> bool {
        let before = now.plus_seconds(-SILENT_SECONDS);
        self.status(now) == TokenStatus::Active && self.last_used_at.is_some_and(|at| at < before)
    }

    /// The status at a moment; who took it back has the last word.
    pub(crate) fn status(&self, now: Timestamp) -> TokenStatus {
        if self.revoked_at.is_some() {
            TokenStatus::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            TokenStatus::Expired
        } else {
            TokenStatus::Active
        }
    }
}

/// Which tokens to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) status: Option<TokenStatus>,
    /// A part of the name.
    pub(crate) name: Option<String>,
}

/// What is shown of a value after its creation.
pub(crate) fn masked(value: &Secret) -> String {
    let shown: String = value.expose().chars().take(PREFIX.len() + SHOWN).collect();
    format!("{shown}...****")
}

/// The name of a token, trimmed.
///
/// # Errors
/// `Validation` when it is empty, too long or no line of text.
pub(crate) fn checked_name(name: &str) -> Result<&str> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Error::validation("name", "Token name is required"));
    }
    if name.chars().count() > MAX_NAME {
        return Err(Error::validation("name", "Token name must not be longer than 128 characters"));
    }
    if name.chars().any(char::is_control) {
        return Err(Error::validation("name", "Token name must be one line of text"));
    }
    Ok(name)
}

/// When a token made now ends.
///
/// # Errors
/// `Validation` outside 1 to 3650 days.
pub(crate) fn checked_expiry(days: Option<i64>, now: Timestamp) -> Result<Option<Timestamp>> {
    let Some(days) = days else { return Ok(None) };
    if !(1..=MAX_DAYS).contains(&days) {
        let message = "expiresInDays must be between 1 and 3650, or null for a token that does not expire.";
        return Err(Error::validation("expiresInDays", message));
    }
    Ok(Some(now.plus_seconds(days * 86_400)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_value_shows_its_beginning_alone() {
        assert_eq!(masked(&Secret::new("scim_abc1def2ghi3jkl4")), "scim_abc1...****");
    }

    #[test]
    fn a_token_ends_within_ten_years_or_never() {
        let now = Timestamp::from_seconds(0);
        assert_eq!(checked_expiry(None, now).unwrap(), None);
        assert_eq!(checked_expiry(Some(1), now).unwrap(), Some(Timestamp::from_seconds(86_400)));
        for odd in [0, -1, 3_651, i64::MAX] {
            assert!(checked_expiry(Some(odd), now).is_err(), "{odd}");
        }
    }
}
