//! Single logout (core §3.7, profiles §4.4): requests and responses, made and judged, by both front-channel bindings.
//!
//! The way of a received message: [`LogoutMessage::from_redirect`] or [`LogoutMessage::from_post`] →
//! [`LogoutMessage::peek`] to find the connection → [`verify_logout`] with the connection's policy. Every message
//! must be signed: by the query string's signature (HTTP-Redirect) or by an enveloped one (HTTP-POST).

mod detached;
mod judge;
mod make;
mod name;
mod receive;

pub use judge::verify_logout;
pub use make::{LogoutError, LogoutRequest, LogoutResponse};
pub use receive::{LogoutKind, LogoutMessage, LogoutPeek};

use crate::error::Rejection;
use crate::judgement::{Check, NameId};

/// How a provider reports a finished logout (core §3.2.2.2, §3.7.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogoutStatus {
    /// Every session ended.
    Success,
    /// The session at the answering side ended, but not all elsewhere.
    Partial,
    /// Nothing was done; the status code says why.
    Failed(String),
}

/// A logout request that passed every rule. Only [`verify_logout`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedLogoutRequest {
    pub(crate) id: String,
    pub(crate) name_id: NameId,
    pub(crate) session_indexes: Vec<String>,
    pub(crate) replay_until: i64,
    pub(crate) certificate_fingerprint: String,
}

impl VerifiedLogoutRequest {
    /// Its ID: what the answer repeats, and what the replay guard remembers.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whose sessions end.
    pub fn name_id(&self) -> &NameId {
        &self.name_id
    }

    /// Which sessions end; none named means all of them (core §3.7.1).
    pub fn session_indexes(&self) -> &[String] {
        &self.session_indexes
    }

    /// Until when the same request could be accepted again, microseconds since the Unix epoch.
    pub fn replay_until(&self) -> i64 {
        self.replay_until
    }

    /// SHA-256 of the pinned certificate that verified it, as hexadecimal digits.
    pub fn certificate_fingerprint(&self) -> &str {
        &self.certificate_fingerprint
    }
}

/// A logout response that passed every rule. Only [`verify_logout`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedLogoutResponse {
    pub(crate) id: String,
    pub(crate) in_response_to: String,
    pub(crate) status: LogoutStatus,
    pub(crate) certificate_fingerprint: String,
}

impl VerifiedLogoutResponse {
    /// Its ID.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The request it answers, equal to the expected one.
    pub fn in_response_to(&self) -> &str {
        &self.in_response_to
    }

    /// What the provider reports.
    pub fn status(&self) -> &LogoutStatus {
        &self.status
    }

    /// SHA-256 of the pinned certificate that verified it, as hexadecimal digits.
    pub fn certificate_fingerprint(&self) -> &str {
        &self.certificate_fingerprint
    }
}

/// Either message, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifiedLogout {
    /// Sessions shall end.
    Request(VerifiedLogoutRequest),
    /// What became of a request of ours.
    Response(VerifiedLogoutResponse),
}

/// The outcome, with every rule looked at, in order, up to and including the first that did not hold.
#[derive(Debug, Clone)]
pub struct LogoutJudgement {
    /// The rules in the order they were looked at.
    pub checks: Vec<Check>,
    /// The message's content, or why it is refused.
    pub outcome: Result<VerifiedLogout, Rejection>,
}
