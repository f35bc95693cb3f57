//! Where answers to authorizations come: one address for each holder, whose end nobody guesses. One address for all is how
//! one provider's answer is passed off as another's.

use gatehouse_types::{Actor, random_token};
use gatehouse_web::PublicUrl;

use crate::Connect;

/// The length of the unguessable end: 256 bits in base64url.
pub(crate) const CONTEXT_LEN: usize = 43;

/// The whole address of an end; of an empty one the beginning that all have.
pub(crate) fn address(public_url: &PublicUrl, context: &str) -> String {
    public_url.join(&format!("/oauth/callback/{context}"))
}

/// Whether a text is as unguessable an end as we make them.
pub(crate) fn is_context(text: &str) -> bool {
    text.len() == CONTEXT_LEN && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

impl Connect {
    /// Where answers to the authorizations of a holder with this end come.
    pub(crate) fn callback_url(&self, context: &str) -> String {
        address(&self.0.public_url, context)
    }

    /// The end that a form proposes to a person for a type: the same for some hours, until it is used.
    pub(crate) fn offered_context(&self, actor: &Actor, of: &str) -> String {
        match actor.user() {
            Ok(user) => self.0.offered.get(user, of, self.0.store.now(), || self.new_context()),
            Err(_) => self.new_context(),
        }
    }

    /// A new one, 256 random bits.
    pub(crate) fn new_context(&self) -> String {
        random_token(&**self.0.store.random()).expose().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_as_long_as_those_that_are_made() {
        assert!(is_context(&"a-_9".repeat(11)[..CONTEXT_LEN]));
        for bad in ["", "short", &"a".repeat(CONTEXT_LEN + 1), &"/".repeat(CONTEXT_LEN)] {
            assert!(!is_context(bad), "{bad}");
        }
    }
}
