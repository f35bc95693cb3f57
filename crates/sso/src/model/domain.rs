use std::str::FromStr;

use gatehouse_types::{ConnectionId, Domain, DomainId, Error, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

/// The word in the TXT record's name, in its value and in the file's name.
pub const VERIFY_PREFIX: &str = "gatehouse";
/// A claim that nobody proves expires after this many days.
pub const DOMAIN_PENDING_DAYS: i64 = 14;
/// A verified domain whose proof is missing this many days lapses.
pub const DOMAIN_GRACE_DAYS: i64 = 7;
/// A proof must be missing this many hours before somebody else's proof takes the domain over.
pub const DOMAIN_TRANSFER_HOURS: i64 = 24;

/// How control of a domain is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerificationMethod {
    /// A TXT record.
    DnsTxt,
    /// A file on the domain's web server.
    HttpsFile,
}

impl VerificationMethod {
    /// The name, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DnsTxt => "dns-txt",
            Self::HttpsFile => "https-file",
        }
    }
}

impl FromStr for VerificationMethod {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let found = [Self::DnsTxt, Self::HttpsFile].into_iter().find(|m| m.as_str() == text);
        found.ok_or_else(|| {
            Error::validation("verificationMethod", "verificationMethod must be dns-txt or https-file.")
        })
    }
}

/// How far the proof is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DomainStatus {
    /// Claimed, not looked at yet.
    Pending,
    /// Proved.
    Verified,
    /// Looked at and not found.
    Failed,
    /// Claimed too long ago without proof, or its proof is gone for good.
    Expired,
}

impl DomainStatus {
    /// The name, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Verified => "verified",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

impl FromStr for DomainStatus {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let found = [Self::Pending, Self::Verified, Self::Failed, Self::Expired]
            .into_iter()
            .find(|s| s.as_str() == text);
        found.ok_or_else(|| {
            Error::validation("status", "status must be pending, verified, failed or expired.")
        })
    }
}

/// A domain claimed for a connection.
#[derive(Clone, Debug)]
pub struct DomainClaim {
    /// Its id.
    pub id: DomainId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The connection.
    pub connection_id: ConnectionId,
    /// The name.
    pub domain: Domain,
    /// How far the proof is.
    pub status: DomainStatus,
    /// How it is proved.
    pub method: VerificationMethod,
    /// What must be found, `gatehouse-verify=…`.
    pub token: String,
    /// Whether it is the default for people made at their first sign-in.
    pub is_primary: bool,
    /// When it was claimed.
    pub created_at: Timestamp,
    /// When it was proved.
    pub verified_at: Option<Timestamp>,
    /// When it was last looked at.
    pub checked_at: Option<Timestamp>,
    /// Whether its addresses sign in through the provider. A domain can be proved and stay apart.
    pub federated: bool,
    /// Since when the proof of the verified domain is missing.
    pub failing_since: Option<Timestamp>,
    /// What the last look missed, or why it saw nothing.
    pub last_error: Option<String>,
}

/// What a look at the proof saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// The proof is there.
    Found,
    /// The domain answered, and the proof is not there.
    Missing(String),
    /// Nothing can be said: no server answered, or none that we may ask. It counts neither way.
    Unknown(String),
}

impl Look {
    /// What is missing, or why nothing was seen.
    pub(crate) fn trouble(&self) -> Option<&str> {
        match self {
            Self::Found => None,
            Self::Missing(why) | Self::Unknown(why) => Some(why),
        }
    }
}

/// What follows from a look at the proof of a verified domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// All is well, as before.
    Stands,
    /// The proof is back.
    Returned,
    /// The proof is missing for the first time.
    BeganToFail,
    /// It is missing still, or nothing was seen.
    Waiting,
    /// It was missing for too long.
    Lapsed,
}

impl DomainClaim {
    /// What a look at the proof means for this verified domain.
    pub(crate) fn after(&self, look: &Look, now: Timestamp) -> Standing {
        let gone = |since: Timestamp| now >= since.plus_seconds(DOMAIN_GRACE_DAYS * 86_400);
        match (look, self.failing_since) {
            (Look::Found, None) => Standing::Stands,
            (Look::Found, Some(_)) => Standing::Returned,
            (Look::Unknown(_), _) => Standing::Waiting,
            (Look::Missing(_), None) => Standing::BeganToFail,
            (Look::Missing(_), Some(since)) if gone(since) => Standing::Lapsed,
            (Look::Missing(_), Some(_)) => Standing::Waiting,
        }
    }

    /// Whether the proof is missing for so long that somebody else's takes the domain over.
    pub(crate) fn can_be_taken_over(&self, now: Timestamp) -> bool {
        self.failing_since.is_some_and(|since| now >= since.plus_seconds(DOMAIN_TRANSFER_HOURS * 3600))
    }

    /// The name of the TXT record.
    pub fn record_name(&self) -> String {
        format!("_{VERIFY_PREFIX}-verify.{}", self.domain)
    }

    /// The address of the file.
    pub fn file_url(&self) -> String {
        format!("https://{}/.well-known/{VERIFY_PREFIX}-verify.txt", self.domain)
    }
}

impl DomainClaim {
    /// Whether the provider speaks for the domain's addresses.
    pub(crate) fn speaks(&self) -> bool {
        self.status == DomainStatus::Verified && self.federated
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_types::Id;

    use super::*;

    fn claim(failing_since: Option<i64>) -> DomainClaim {
        DomainClaim {
            id: DomainId::from_stored("dom_1".into()),
            workspace_id: WorkspaceId::from_stored("ws_1".into()),
            connection_id: ConnectionId::from_stored("con_1".into()),
            domain: Domain::from_stored("example.test".into()),
            status: DomainStatus::Verified,
            method: VerificationMethod::DnsTxt,
            token: "gatehouse-verify=x".into(),
            is_primary: true,
            created_at: Timestamp::from_seconds(0),
            verified_at: None,
            checked_at: None,
            federated: true,
            failing_since: failing_since.map(Timestamp::from_seconds),
            last_error: None,
        }
    }

    #[test]
    fn only_a_proof_that_is_missing_for_the_whole_grace_lapses() {
        const GRACE: i64 = DOMAIN_GRACE_DAYS * 86_400;
        let (missing, unknown) = (Look::Missing("none".into()), Look::Unknown("no answer".into()));
        let after = |since, look: &Look, now| claim(since).after(look, Timestamp::from_seconds(now));
        let table = [
            (None, &Look::Found, 10, Standing::Stands),
            (Some(5), &Look::Found, 5 + GRACE, Standing::Returned),
            (None, &missing, 10, Standing::BeganToFail),
            (Some(5), &missing, 4 + GRACE, Standing::Waiting),
            (Some(5), &missing, 5 + GRACE, Standing::Lapsed),
            (None, &unknown, 10, Standing::Waiting),
            (Some(5), &unknown, 5 + 10 * GRACE, Standing::Waiting),
        ];
        for (since, look, now, expected) in table {
            assert_eq!(after(since, look, now), expected, "{since:?} {look:?} {now}");
        }
    }

    #[test]
    fn a_domain_is_taken_over_after_a_day_without_proof() {
        const DAY: i64 = DOMAIN_TRANSFER_HOURS * 3600;
        assert!(!claim(None).can_be_taken_over(Timestamp::from_seconds(10 * DAY)));
        assert!(!claim(Some(5)).can_be_taken_over(Timestamp::from_seconds(4 + DAY)));
        assert!(claim(Some(5)).can_be_taken_over(Timestamp::from_seconds(5 + DAY)));
    }
}
