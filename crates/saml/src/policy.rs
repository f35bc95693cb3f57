//! What a connection accepts.

use crate::certificate::Certificate;
use crate::keys::DecryptionKey;
use std::time::Duration;

/// The clock skew of the acceptance policy.
pub const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// The protocol of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// SAML 2.0 Web Browser SSO.
    Saml2,
    /// WS-Federation passive requestor with a SAML 1.1 or SAML 2.0 token (rule 14).
    WsFed {
        /// Our realm (`wtrealm`): the one accepted audience.
        realm: String,
        /// Our reply URL (`wreply`): the one accepted recipient, when a token names one.
        reply: String,
    },
}

/// Which request a response must answer (rule 12). WS-Federation has no such thing and ignores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InResponseTo {
    /// The answer to the request with this id.
    Expect(String),
    /// An answer to no request: the identity provider began.
    Unsolicited,
}

/// Everything [`crate::verify`] judges a message by. Where a list of accepted values is given, any one of
/// them must match exactly.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The protocol spoken.
    pub protocol: Protocol,
    /// The one accepted issuer.
    pub idp_entity_id: String,
    /// Accepted audiences (SAML 2.0; WS-Federation has its realm).
    pub audiences: Vec<String>,
    /// Accepted destinations and recipients (SAML 2.0; WS-Federation has its reply URL).
    pub acs_urls: Vec<String>,
    /// Pinned certificates, the newest first; at most [`crate::limits::CERTIFICATES`], or for
    /// WS-Federation [`crate::limits::TOKEN_SERVICE_CERTIFICATES`].
    pub certificates: Vec<Certificate>,
    /// Keys that encrypted assertions may be encrypted for, the newest first.
    pub decryption_keys: Vec<DecryptionKey>,
    /// The request that must be answered.
    pub in_response_to: InResponseTo,
    /// The time of judgement, microseconds since the Unix epoch.
    pub now: i64,
    /// How far clocks may differ; [`CLOCK_SKEW`] by policy.
    pub clock_skew: Duration,
    /// With `ForceAuthn`: when the request was made. A person who authenticated before is refused (core §3.4.1).
    /// Microseconds since the Unix epoch.
    pub authenticated_since: Option<i64>,
    /// The authentication contexts that the request demanded; none: any will do (core §3.3.2.2.1).
    pub authn_contexts: Vec<String>,
    /// Accept SHA-1 in signatures and digests: the one relaxation there is, with a warning to the
    /// administrator. Off by policy.
    pub allow_sha1: bool,
}

impl Policy {
    pub(crate) fn skew_micros(&self) -> i64 {
        i64::try_from(self.clock_skew.as_micros()).unwrap_or(i64::MAX)
    }

    /// Whether the end of a validity period has passed, skew granted.
    pub(crate) fn is_past(&self, not_on_or_after: i64) -> bool {
        self.now >= not_on_or_after.saturating_add(self.skew_micros())
    }

    /// Whether a time has not come yet, skew granted.
    pub(crate) fn is_future(&self, time: i64) -> bool {
        time > self.now.saturating_add(self.skew_micros())
    }
}
