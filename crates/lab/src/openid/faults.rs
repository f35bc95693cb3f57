//! What the lab's OpenID provider can do wrong, by stable codes.

use gatehouse_types::{Error, Result};
use gatehouse_web::Choice;

use crate::faults::NO_FAULT;

/// A way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenIdFault {
    /// A nonce of another sign-in.
    WrongNonce,
    /// An ID token for another client.
    WrongAudience,
    /// An ID token of another issuer.
    WrongIssuer,
    /// An ID token without a signature.
    AlgNone,
    /// An ID token signed with the public key as a shared secret.
    PublicKeyAsSecret,
    /// An ID token of two hours ago.
    Expired,
    /// An ID token of the future.
    Future,
    /// A changed ID token.
    BadSignature,
    /// An ID token signed with a key that is not published.
    UnknownKey,
    /// An ID token that another client asked for.
    WrongParty,
    /// An ID token with the hash of another access token.
    WrongTokenHash,
    /// No ID token.
    NoIdToken,
    /// An answer that does not say who answers.
    MissingIssuer,
    /// An answer in the name of another issuer.
    MixedUp,
    /// An address that is not verified.
    UnverifiedEmail,
    /// No address anywhere.
    NoEmail,
    /// A userinfo endpoint that speaks of somebody else.
    OtherUserinfo,
    /// A refusal.
    Denied,
    /// A code that is refused.
    RefusedCode,
}

impl OpenIdFault {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::WrongNonce,
        Self::WrongAudience,
        Self::WrongIssuer,
        Self::AlgNone,
        Self::PublicKeyAsSecret,
        Self::Expired,
        Self::Future,
        Self::BadSignature,
        Self::UnknownKey,
        Self::WrongParty,
        Self::WrongTokenHash,
        Self::NoIdToken,
        Self::MissingIssuer,
        Self::MixedUp,
        Self::UnverifiedEmail,
        Self::NoEmail,
        Self::OtherUserinfo,
        Self::Denied,
        Self::RefusedCode,
    ];

    /// What forms send.
    pub const fn code(self) -> &'static str {
        self.told().0
    }

    /// The reason for which Gatehouse refuses it.
    pub const fn expected_reason(self) -> &'static str {
        self.told().1
    }

    /// What it does, in plain words.
    pub const fn label(self) -> &'static str {
        self.told().2
    }

    const fn told(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::WrongNonce => ("wrong_nonce", "nonce_mismatch", "Send the nonce of another sign-in"),
            Self::WrongAudience => {
                ("wrong_audience", "audience_mismatch", "Make the ID token for another client")
            }
            Self::WrongIssuer => ("wrong_issuer", "issuer_mismatch", "Make the ID token as another issuer"),
            Self::AlgNone => ("alg_none", "algorithm_refused", "Do not sign the ID token (alg none)"),
            Self::PublicKeyAsSecret => {
                ("hs256_public_key", "algorithm_refused", "Sign with HS256 and the public key")
            }
            Self::Expired => ("expired", "expired", "Send an ID token of two hours ago"),
            Self::Future => ("future", "issued_in_future", "Send an ID token of the future"),
            Self::BadSignature => ("bad_signature", "signature_invalid", "Change the ID token after signing"),
            Self::UnknownKey => ("unknown_key", "key_unknown", "Sign with a key that is not published"),
            Self::WrongParty => (
                "wrong_party",
                "authorized_party_mismatch",
                "Let another client have asked for the ID token (azp)",
            ),
            Self::WrongTokenHash => (
                "wrong_token_hash",
                "access_token_mismatch",
                "Send the hash of another access token (at_hash)",
            ),
            Self::NoIdToken => ("no_id_token", "token_missing", "Send no ID token"),
            Self::MissingIssuer => ("missing_iss", "issuer_mixed_up", "Do not say who answers (iss)"),
            Self::MixedUp => {
                ("mixed_up_iss", "issuer_mixed_up", "Answer in the name of another issuer (iss)")
            }
            Self::UnverifiedEmail => {
                ("unverified_email", "email_unverified", "Do not vouch for the e-mail address")
            }
            Self::NoEmail => ("no_email", "email_missing", "Give no e-mail address"),
            Self::OtherUserinfo => (
                "other_userinfo",
                "userinfo_subject_mismatch",
                "Tell of somebody else at the userinfo endpoint",
            ),
            Self::Denied => ("denied", "access_denied", "Refuse the sign-in"),
            Self::RefusedCode => ("refused_code", "token_refused", "Refuse the code"),
        }
    }

    /// The fault of that code; nothing at all means an honest answer.
    ///
    /// # Errors
    /// `Validation` on the field `fault` for a code that is none.
    pub(crate) fn parse(code: &str) -> Result<Option<Self>> {
        if matches!(code, "" | NO_FAULT) {
            return Ok(None);
        }
        let found = Self::ALL.into_iter().find(|f| f.code() == code);
        found.map(Some).ok_or_else(|| Error::validation("fault", "The lab knows no such misbehaviour."))
    }

    /// Every way to answer, the honest one first.
    pub(crate) fn choices() -> Vec<Choice> {
        let honest = Choice::new(NO_FAULT, "Behave (no fault)");
        std::iter::once(honest).chain(Self::ALL.map(|f| Choice::new(f.code(), f.label()))).collect()
    }
}

/// What the lab can do wrong when it tells of a logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutTokenFault {
    /// No signature.
    AlgNone,
    /// A key that is not published.
    UnknownKey,
    /// Another client's.
    WrongAudience,
    /// Another issuer's.
    WrongIssuer,
    /// Of two hours ago.
    Expired,
    /// A nonce, as an ID token has it.
    WithNonce,
    /// No event.
    NoEvent,
    /// Nobody is named.
    Nobody,
}

impl LogoutTokenFault {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::AlgNone,
        Self::UnknownKey,
        Self::WrongAudience,
        Self::WrongIssuer,
        Self::Expired,
        Self::WithNonce,
        Self::NoEvent,
        Self::Nobody,
    ];

    /// What forms send.
    pub const fn code(self) -> &'static str {
        self.told().0
    }

    /// The reason for which Gatehouse refuses it.
    pub const fn expected_reason(self) -> &'static str {
        self.told().1
    }

    const fn told(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::AlgNone => ("alg_none", "algorithm_refused", "Do not sign the token (alg none)"),
            Self::UnknownKey => ("unknown_key", "key_unknown", "Sign with a key that is not published"),
            Self::WrongAudience => {
                ("wrong_audience", "audience_mismatch", "Make the token for another client")
            }
            Self::WrongIssuer => ("wrong_issuer", "issuer_mismatch", "Make the token as another issuer"),
            Self::Expired => ("expired", "expired", "Send a token of two hours ago"),
            Self::WithNonce => ("with_nonce", "nonce_forbidden", "Add a nonce"),
            Self::NoEvent => ("no_event", "logout_event_missing", "Tell of no event"),
            Self::Nobody => ("nobody", "subject_missing", "Name nobody"),
        }
    }

    /// The fault of that code; nothing at all means an honest token.
    ///
    /// # Errors
    /// `Validation` on the field `fault` for a code that is none.
    pub(crate) fn parse(code: &str) -> Result<Option<Self>> {
        if matches!(code, "" | NO_FAULT) {
            return Ok(None);
        }
        let found = Self::ALL.into_iter().find(|f| f.code() == code);
        found.map(Some).ok_or_else(|| Error::validation("fault", "The lab knows no such misbehaviour."))
    }

    /// Every way to tell, the honest one first.
    pub(crate) fn choices() -> Vec<Choice> {
        let honest = Choice::new(NO_FAULT, "Behave (no fault)");
        std::iter::once(honest).chain(Self::ALL.map(|f| Choice::new(f.told().0, f.told().2))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_has_a_code_and_words_of_its_own() {
        for fault in OpenIdFault::ALL {
            assert_eq!(OpenIdFault::parse(fault.code()).unwrap(), Some(fault));
        }
        let labels: BTreeSet<_> = OpenIdFault::choices().into_iter().map(|c| c.label).collect();
        assert_eq!(labels.len(), OpenIdFault::ALL.len() + 1);
        for fault in LogoutTokenFault::ALL {
            assert_eq!(LogoutTokenFault::parse(fault.code()).unwrap(), Some(fault));
        }
        assert_eq!(OpenIdFault::parse("none").unwrap(), None);
        assert_eq!(OpenIdFault::parse("x").unwrap_err().field(), Some("fault"));
    }
}
