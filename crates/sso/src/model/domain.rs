use std::str::FromStr;

use gatehouse_types::{ConnectionId, Domain, DomainId, Error, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

/// The word in the TXT record's name, in its value and in the file's name.
pub const VERIFY_PREFIX: &str = "gatehouse";
/// A claim that nobody proves expires after this many days.
pub const DOMAIN_PENDING_DAYS: i64 = 14;

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
    /// Claimed too long ago without proof.
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
}

impl DomainClaim {
    /// The name of the TXT record.
    pub fn record_name(&self) -> String {
        format!("_{VERIFY_PREFIX}-verify.{}", self.domain)
    }

    /// The address of the file.
    pub fn file_url(&self) -> String {
        format!("https://{}/.well-known/{VERIFY_PREFIX}-verify.txt", self.domain)
    }
}
