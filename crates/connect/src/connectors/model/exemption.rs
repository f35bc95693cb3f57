//! People whom an administrator exempted from user authentications.

use gatehouse_types::{Error, Result, Timestamp, UserId};

/// The longest reason, in characters.
const MAX_REASON: usize = 500;

/// What runs for this person acts as the connector's user, on every connector, unless a step of a flow demands the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exemption {
    pub(crate) user: UserId,
    /// Why, in the words of whoever decided it.
    pub(crate) reason: String,
    /// Who decided it, as `kind:id`.
    pub(crate) by: Option<String>,
    pub(crate) since: Timestamp,
}

/// A reason that fits on one line.
///
/// # Errors
/// `Validation` for none, and for what is too long.
pub fn checked_reason(text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_REASON || text.chars().any(char::is_control) {
        return Err(Error::validation("reason", "The reason must be one line of 1 to 500 characters."));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line() {
        assert_eq!(checked_reason(" The robot of finance. ").unwrap(), "The robot of finance.");
        for odd in ["", "  ", "a\nb", &"x".repeat(MAX_REASON + 1)] {
            assert_eq!(checked_reason(odd).unwrap_err().field(), Some("reason"), "{odd}");
        }
    }
}
