//! What the judge hands back.

use crate::error::Rejection;
use std::collections::BTreeMap;

/// One rule of the policy, as it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The rule in plain words.
    pub check: &'static str,
    /// Whether it held.
    pub ok: bool,
    /// What was found, and when it did not hold, what was expected and what to do.
    pub detail: String,
}

/// The outcome, with every rule looked at, in order, up to and including the first that did not hold.
///
/// The details are for administrators. An answer to the browser must not tell decryption failures from
/// later ones (the reasons after [`crate::Reason::DecryptionFailed`]), or it becomes a decryption oracle.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// The rules in the order they were looked at.
    pub checks: Vec<Check>,
    /// The assertion, or why it is refused.
    pub outcome: Result<VerifiedAssertion, Rejection>,
}

/// Collects checks while judging.
#[derive(Default)]
pub(crate) struct Checks(pub(crate) Vec<Check>);

impl Checks {
    pub(crate) fn pass(&mut self, check: &'static str, detail: impl Into<String>) {
        self.0.push(Check { check, ok: true, detail: detail.into() });
    }

    /// Records a rule and hands its result on.
    pub(crate) fn run<T>(
        &mut self,
        check: &'static str,
        result: Result<T, Rejection>,
        detail: impl FnOnce(&T) -> String,
    ) -> Result<T, Rejection> {
        let (ok, detail) = match &result {
            Ok(value) => (true, detail(value)),
            Err(refused) => (false, refused.detail.clone()),
        };
        self.0.push(Check { check, ok, detail });
        result
    }
}

/// The name of the person, as the identity provider gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameId {
    /// The name; never empty.
    pub value: String,
    /// The format URI.
    pub format: Option<String>,
    /// The qualifying domain.
    pub name_qualifier: Option<String>,
    /// The qualifying service provider; SAML 2.0 only.
    pub sp_name_qualifier: Option<String>,
}

/// Claims that passed every rule. Only [`crate::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAssertion {
    pub(crate) claims: Claims,
    pub(crate) response_id: Option<String>,
    pub(crate) certificate_fingerprint: String,
    pub(crate) used_fallback: bool,
    pub(crate) decrypted_with: Option<usize>,
    pub(crate) replay_until: i64,
}

/// What is read from the signed element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) assertion_id: String,
    pub(crate) issue_instant: i64,
    pub(crate) issuer: String,
    pub(crate) name_id: NameId,
    pub(crate) session_index: Option<String>,
    pub(crate) session_not_on_or_after: Option<i64>,
    pub(crate) not_on_or_after: i64,
    pub(crate) attributes: BTreeMap<String, Vec<String>>,
    pub(crate) in_response_to: Option<String>,
    pub(crate) authn_context: Option<String>,
}

impl VerifiedAssertion {
    /// The assertion's ID: what the replay guard remembers, together with the issuer.
    pub fn assertion_id(&self) -> &str {
        &self.claims.assertion_id
    }

    /// When the provider made it, microseconds since the Unix epoch.
    pub fn issue_instant(&self) -> i64 {
        self.claims.issue_instant
    }

    /// The place, in the policy's list, of the key that decrypted it; `None` when it was not encrypted.
    pub fn decrypted_with(&self) -> Option<usize> {
        self.decrypted_with
    }

    /// The ID of the response around it; `None` in WS-Federation.
    pub fn response_id(&self) -> Option<&str> {
        self.response_id.as_deref()
    }

    /// The issuer, equal to the configured one.
    pub fn issuer(&self) -> &str {
        &self.claims.issuer
    }

    /// The subject's name.
    pub fn name_id(&self) -> &NameId {
        &self.claims.name_id
    }

    /// The identity provider's name of its session, for single logout.
    pub fn session_index(&self) -> Option<&str> {
        self.claims.session_index.as_deref()
    }

    /// When the identity provider wants our session to end, microseconds since the Unix epoch.
    pub fn session_not_on_or_after(&self) -> Option<i64> {
        self.claims.session_not_on_or_after
    }

    /// The earliest end among the conditions and the confirmation, microseconds since the Unix epoch.
    pub fn not_on_or_after(&self) -> i64 {
        self.claims.not_on_or_after
    }

    /// Until when the same assertion could be accepted again: how long the replay guard must remember it.
    pub fn replay_until(&self) -> i64 {
        self.replay_until
    }

    /// Attribute names and their values in the order of the message.
    pub fn attributes(&self) -> &BTreeMap<String, Vec<String>> {
        &self.claims.attributes
    }

    /// The request this answers.
    pub fn in_response_to(&self) -> Option<&str> {
        self.claims.in_response_to.as_deref()
    }

    /// How the person was authenticated, by the identity provider's word.
    pub fn authn_context(&self) -> Option<&str> {
        self.claims.authn_context.as_deref()
    }

    /// SHA-256 of the pinned certificate that verified the signature, as hexadecimal digits.
    pub fn certificate_fingerprint(&self) -> &str {
        &self.certificate_fingerprint
    }

    /// Whether another than the first pinned certificate was needed: time to remove the old one.
    pub fn used_fallback(&self) -> bool {
        self.used_fallback
    }
}
