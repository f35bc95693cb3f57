use gatehouse_types::{ConnectionId, Error, Result, Role, Timestamp, UserId, WorkspaceId};

use super::{Config, ConnectionStatus, MetadataState, Provider, RoleMapping};

/// The longest name, in characters.
const MAX_NAME: usize = 128;

/// A link between a workspace and an identity provider.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// The workspace it signs people into.
    pub workspace_id: WorkspaceId,
    /// Its name, unique in the workspace.
    pub name: String,
    /// What the administrator noted.
    pub description: Option<String>,
    /// The preset.
    pub provider: Provider,
    /// Where it stands.
    pub status: ConnectionStatus,
    /// How to reach and believe the provider.
    pub config: Config,
    /// Whether a client secret is kept.
    pub has_client_secret: bool,
    /// When the client secret ends, as the administrator was told at the provider.
    pub client_secret_expires_at: Option<Timestamp>,
    /// The pinned certificates, latest first.
    pub certificates: Vec<PinnedCertificate>,
    /// How the refresh of its metadata goes; `None` without a metadata address.
    pub metadata: Option<MetadataState>,
    /// Whether people unknown so far get an account at their first sign-in.
    pub jit_provisioning: bool,
    /// The role they get.
    pub default_role: Role,
    /// Which of the provider's groups give which role; `None`: roles are given here.
    pub role_mapping: Option<RoleMapping>,
    /// The version; each change of what is believed counts it up.
    pub version: i64,
    /// When somebody last signed in through it, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When its configuration last passed a test, if not edited since.
    pub tested_at: Option<Timestamp>,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A certificate pinned to a connection: a key that is believed, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedCertificate {
    /// In PEM.
    pub pem: String,
    /// SHA-256 over the DER, in hex.
    pub fingerprint: String,
    /// Not valid before.
    pub not_before: Timestamp,
    /// Not valid after.
    pub not_after: Timestamp,
    /// When it was added.
    pub created_at: Timestamp,
    /// When a sign-in last relied on it, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl PinnedCertificate {
    /// Whether it is valid at a moment.
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        self.not_before <= at && at <= self.not_after
    }
}

/// A connection to be made, checked.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// Its name.
    pub name: String,
    /// What the administrator notes.
    pub description: Option<String>,
    /// The preset.
    pub provider: Provider,
    /// How to reach and believe the provider.
    pub config: Config,
    /// The client secret of OpenID Connect.
    pub client_secret: Option<gatehouse_types::Secret>,
    /// When that secret ends.
    pub client_secret_expires_at: Option<Timestamp>,
    /// Certificates as given, latest first; PEM or the base64 text between its lines.
    pub certificates: Vec<String>,
    /// The provider's metadata, which fills what is not given.
    pub metadata_xml: Option<String>,
    /// Whether people unknown so far get an account.
    pub jit_provisioning: bool,
    /// The role they get.
    pub default_role: Role,
    /// Which of the provider's groups give which role.
    pub role_mapping: Option<RoleMapping>,
}

/// The name of a connection, trimmed.
///
/// # Errors
/// `Validation` when it is empty or too long.
pub fn checked_name(name: &str) -> Result<&str> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Error::validation("name", "Connection name is required"));
    }
    if name.chars().count() > MAX_NAME {
        return Err(Error::validation("name", "Connection name must not be longer than 128 characters"));
    }
    if name.chars().any(char::is_control) {
        return Err(Error::validation("name", "Connection name must be one line of text"));
    }
    Ok(name)
}
