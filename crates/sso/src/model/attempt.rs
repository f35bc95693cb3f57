use gatehouse_store::decisions::Reason;
use gatehouse_types::{ConnectionId, DecisionId, SsoAttemptId, Timestamp};
use serde::Serialize;

use super::trace::Facts;

/// The check that tells of a signature by the older certificate.
pub(crate) const FALLBACK_CHECK: &str = "certificate fallback";

/// Who began a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = SsoAttemptFlow)]
pub enum Flow {
    /// We did, with a request.
    SpInitiated,
    /// The provider did, unasked.
    IdpInitiated,
    /// No sign-in: a logout message of the provider.
    Logout,
}

impl Flow {
    /// The name, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SpInitiated => "sp-initiated",
            Self::IdpInitiated => "idp-initiated",
            Self::Logout => "logout",
        }
    }

    /// The flow of a stored name.
    pub fn from_stored(text: &str) -> Self {
        match text {
            "idp-initiated" => Self::IdpInitiated,
            "logout" => Self::Logout,
            _ => Self::SpInitiated,
        }
    }
}

/// One try to sign in through a connection, with the checks it passed and the one it failed.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its id.
    pub id: SsoAttemptId,
    /// The connection.
    pub connection_id: ConnectionId,
    /// When.
    pub at: Timestamp,
    /// Who began it.
    pub flow: Flow,
    /// Whether the person is signed in.
    pub success: bool,
    /// The code of the check that failed.
    pub reason: Option<String>,
    /// Whom the provider named, when its word was verified.
    pub subject: Option<String>,
    /// The person's address, when the provider's word was verified.
    pub email: Option<String>,
    /// The checks in order.
    pub checks: Vec<Reason>,
    /// What was expected and what was found, when there was a message to look at.
    pub facts: Option<Facts>,
    /// The recorded refusal.
    pub decision_id: Option<DecisionId>,
    /// From which address.
    pub ip: Option<String>,
    /// The browser, as it names itself.
    pub browser: Option<String>,
    /// The request, as logs name it.
    pub request_id: String,
    /// When it is forgotten.
    pub expires_at: Timestamp,
    /// Whether the message itself is kept.
    pub has_message: bool,
}

impl Attempt {
    /// Whether the older certificate had to stand in for the latest one.
    pub fn used_fallback_certificate(&self) -> bool {
        self.checks.iter().any(|c| c.check == FALLBACK_CHECK)
    }
}
