//! A change to a connection that is looked at before it counts.

use gatehouse_types::{ConnectionId, DraftId, Result, Role, Timestamp, UserId};

use super::{Config, Connection, OidcConfig, Provider, RoleMapping};

/// What a connection would become. Only what decides a sign-in is in it; the name and the like change at once.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its id.
    pub id: DraftId,
    /// The connection that it changes.
    pub connection_id: ConnectionId,
    /// The version of the connection that it began from.
    pub base_version: i64,
    /// The preset.
    pub provider: Provider,
    /// How to reach and believe the provider.
    pub config: Config,
    /// Whether it brings a client secret of its own.
    pub has_client_secret: bool,
    /// When the client secret ends that would be in use.
    pub client_secret_expires_at: Option<Timestamp>,
    /// The certificates in PEM, latest first.
    pub certificates: Vec<String>,
    /// Whether people unknown so far get an account at their first sign-in.
    pub jit_provisioning: bool,
    /// The role they get.
    pub default_role: Role,
    /// Which of the provider's groups give which role.
    pub role_mapping: Option<RoleMapping>,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the recorded sign-ins were last run against it.
    pub replayed_at: Option<Timestamp>,
}

impl Draft {
    /// The connection as it would be; certificates that stay keep their history.
    ///
    /// # Errors
    /// `Validation` when a certificate cannot be read any more.
    pub(crate) fn applied_to(&self, connection: &Connection, now: Timestamp) -> Result<Connection> {
        // what metadata brought may be more than is given by hand
        let most = super::MAX_TAKEN_OF_SERVICE;
        let certificates = crate::service::certificates::pin_at_most(
            most,
            &self.certificates,
            &connection.certificates,
            now,
        )?;
        let asked = |config: &Config| config.oidc().map(OidcConfig::asked_at);
        let kept = asked(&connection.config) == asked(&self.config);
        let has_client_secret = self.has_client_secret || (connection.has_client_secret && kept);
        Ok(Connection {
            provider: self.provider,
            config: self.config.clone(),
            has_client_secret,
            client_secret_expires_at: self.client_secret_expires_at.filter(|_| has_client_secret),
            certificates,
            jit_provisioning: self.jit_provisioning,
            default_role: self.default_role,
            role_mapping: self.role_mapping.clone(),
            ..connection.clone()
        })
    }

    /// Whether the connection was changed since the draft began; it does not fit any more then.
    pub fn is_stale(&self, connection: &Connection) -> bool {
        connection.version != self.base_version || connection.config.protocol() != self.config.protocol()
    }

    /// The names of what it changes, as the API calls them.
    pub fn changes(&self, connection: &Connection) -> Vec<String> {
        let mut changes = Vec::new();
        let (before, after) = (object_of(&connection.config), object_of(&self.config));
        let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let section = format!("{}Config", self.config.protocol().as_str());
        let differs = keys.into_iter().filter(|k| before.get(*k) != after.get(*k));
        changes.extend(differs.map(|k| format!("{section}.{k}")));
        let pinned = connection.certificates.iter().map(|c| &c.pem);
        if !pinned.eq(self.certificates.iter()) {
            changes.push(format!("{section}.certificates"));
        }
        let others = [
            ("provider", self.provider != connection.provider),
            ("clientSecret", self.has_client_secret),
            ("clientSecretExpiresAt", self.client_secret_expires_at != connection.client_secret_expires_at),
            ("jitProvisioning", self.jit_provisioning != connection.jit_provisioning),
            ("roleMapping", self.role_mapping != connection.role_mapping),
            ("defaultRole", self.default_role != connection.default_role),
        ];
        changes.extend(others.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()));
        changes
    }
}

/// A value that a draft changes, as people compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Its name, as the API calls it.
    pub(crate) name: String,
    /// What it is.
    pub(crate) before: String,
    /// What it would be.
    pub(crate) after: String,
}

/// The longest value that is shown, in characters.
const MAX_SHOWN: usize = 300;

/// A value as text; nothing for one that is absent.
fn shown(value: Option<&serde_json::Value>) -> String {
    let text = match value {
        None | Some(serde_json::Value::Null) => String::new(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match text.char_indices().nth(MAX_SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

impl Draft {
    /// What it changes, with the values before and after; of certificates the fingerprints, of secrets nothing.
    pub(crate) fn values(&self, connection: &Connection, proposed: &Connection) -> Vec<Changed> {
        let (before, after) = (object_of(&connection.config), object_of(&proposed.config));
        let prints = |c: &Connection| {
            c.certificates.iter().map(|p| p.fingerprint.clone()).collect::<Vec<_>>().join(", ")
        };
        let json = |c: &Connection, name: &str| match name {
            "provider" => serde_json::json!(c.provider),
            "clientSecretExpiresAt" => serde_json::json!(c.client_secret_expires_at),
            "jitProvisioning" => serde_json::json!(c.jit_provisioning),
            "roleMapping" => serde_json::json!(c.role_mapping),
            _ => serde_json::json!(c.default_role),
        };
        let changed = |name: String| {
            let (from, to) = match name.split_once('.') {
                Some((_, "certificates")) => (prints(connection), prints(proposed)),
                Some((_, key)) => (shown(before.get(key)), shown(after.get(key))),
                None if name == "clientSecret" => (String::new(), "another one".to_owned()),
                None => (shown(Some(&json(connection, &name))), shown(Some(&json(proposed, &name)))),
            };
            Changed { name, before: from, after: to }
        };
        self.changes(connection).into_iter().map(changed).collect()
    }
}

/// The values of a configuration by name.
fn object_of(config: &Config) -> serde_json::Map<String, serde_json::Value> {
    let value = serde_json::to_value(config).ok();
    let inner = value.and_then(|v| v.as_object().and_then(|o| o.values().next().cloned()));
    inner.and_then(|v| v.as_object().cloned()).unwrap_or_default()
}
