//! OpenID Connect as a relying party: what providers publish and what they say, judged without database or network.

pub(crate) mod client_auth;
pub(crate) mod discovery;
pub(crate) mod id_token;
pub(crate) mod jws;
pub(crate) mod keys;
pub(crate) mod logout_token;
pub(crate) mod message;

use gatehouse_store::decisions::Reason;

use crate::service::entry::Refused;

/// How far clocks may differ, in seconds; as for SAML.
pub(crate) const CLOCK_SKEW_SECONDS: i64 = 60;
/// The longest token that is read, in bytes.
pub(crate) const MAX_TOKEN: usize = 64 * 1024;
/// The longest piece of a provider's words in a message of ours, in characters.
const MAX_QUOTE: usize = 200;

/// What is wrong with something a provider published or said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// The stable code of the refusal.
    pub(crate) code: &'static str,
    /// The check that fails.
    pub(crate) check: &'static str,
    /// What was found, for an administrator.
    pub(crate) detail: String,
}

impl Flaw {
    pub(crate) fn new(code: &'static str, check: &'static str, detail: impl Into<String>) -> Self {
        Self { code, check, detail: detail.into() }
    }

    /// The failed check.
    pub(crate) fn reason(&self) -> Reason {
        Reason::failed(self.check, self.detail.clone())
    }

    /// The refusal, after the checks that passed.
    pub(crate) fn after(self, checks: Vec<Reason>) -> Refused {
        Refused::new(checks, self.code, self.check, self.detail)
    }
}

/// A provider's words as they may stand in a message of ours: short, on one line.
pub(crate) fn quote(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = plain.take(MAX_QUOTE).collect();
    if text.chars().count() > MAX_QUOTE {
        short.push('…');
    }
    short
}
