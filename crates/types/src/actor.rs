use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::{
    ApiAppId, ApiKeyId, ConnectionId, ControlScopes, Error, Permission, RequestId, Result, Role, ScimScope,
    ScimScopes, ScimTokenId, SessionId, SetupLinkId, Timestamp, UserId, WorkspaceId,
};

/// Who owns a credential; every credential has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OwnerKind {
    /// It ends when the person leaves.
    Person,
    /// It belongs to the company and stays.
    Service,
}

impl OwnerKind {
    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Service => "service",
        }
    }
}

/// How a session came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMethod {
    /// E-mail and password.
    Password,
    /// A SAML assertion.
    Saml,
    /// A token of WS-Federation.
    Wsfed,
    /// An ID token of OpenID Connect.
    Oidc,
    /// The console of the machine (`gatehouse admin token`).
    Console,
    /// Moved over from a session in another workspace.
    Switch,
    /// An account at Google.
    Google,
    /// An account at Microsoft.
    Microsoft,
}

impl AuthMethod {
    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Saml => "saml",
            Self::Wsfed => "wsfed",
            Self::Oidc => "oidc",
            Self::Console => "console",
            Self::Switch => "switch",
            Self::Google => "google",
            Self::Microsoft => "microsoft",
        }
    }

    /// The method of a stored name; unknown names count as `Switch`, the weakest.
    pub fn from_stored(text: &str) -> Self {
        match text {
            "password" => Self::Password,
            "saml" => Self::Saml,
            "wsfed" => Self::Wsfed,
            "oidc" => Self::Oidc,
            "console" => Self::Console,
            "google" => Self::Google,
            "microsoft" => Self::Microsoft,
            _ => Self::Switch,
        }
    }
}

/// Where a request came from, and how it wants to be carried out.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The id that logs and answers carry.
    pub request_id: RequestId,
    /// The peer's address (behind a trusted proxy: the one it reports).
    pub ip: Option<IpAddr>,
    /// The client's `User-Agent`, cut to 200 characters.
    pub user_agent: Option<String>,
    /// Set when the caller only wants to know what would happen.
    pub dry_run: Option<DryRun>,
}

impl Origin {
    /// The machine itself: command line and background jobs.
    pub fn machine(request_id: RequestId) -> Self {
        Self { request_id, ip: None, user_agent: None, dry_run: None }
    }

    /// The network the peer belongs to, as a key for limits: an IPv4 address, an IPv6 /64.
    pub fn network(&self) -> String {
        match self.ip {
            Some(IpAddr::V6(v6)) => format!("{:x}", u128::from(v6) >> 64),
            Some(IpAddr::V4(v4)) => v4.to_string(),
            None => String::new(),
        }
    }
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Nobody yet.
    Anonymous,
    /// The product itself: jobs, the command line.
    System,
    /// A person in a workspace, through a session.
    User {
        /// The person.
        user_id: UserId,
        /// The session that carries the request.
        session_id: SessionId,
        /// What the person is in the workspace.
        role: Role,
        /// How the session began.
        method: AuthMethod,
        /// When the session began.
        since: Timestamp,
    },
    /// Somebody without an account, by a link that reaches one single sign-on connection.
    SetupLink {
        /// The link.
        link_id: SetupLinkId,
        /// The connection.
        connection_id: ConnectionId,
    },
    /// An identity provider that keeps a workspace's directory, by a token.
    Scim {
        /// The token.
        token_id: ScimTokenId,
        /// What it reaches.
        scopes: ScimScopes,
    },
    /// A program of the company's, by an API key.
    ApiKey {
        /// The key.
        key_id: ApiKeyId,
        /// The app it belongs to.
        app_id: ApiAppId,
        /// The person it ends with; `None` when it is the company's.
        owner: Option<UserId>,
        /// What of this product itself it reaches.
        reach: ControlScopes,
    },
}

/// Who acts, in which workspace, from where. The first argument of every service function.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who.
    pub principal: Principal,
    /// In which workspace; `None` before sign-in.
    pub workspace_id: Option<WorkspaceId>,
    /// From where, and whether only as a trial.
    pub origin: Origin,
}

impl Actor {
    /// Nobody yet.
    pub fn anonymous(origin: Origin) -> Self {
        Self { principal: Principal::Anonymous, workspace_id: None, origin }
    }

    /// The product itself, acting in a workspace.
    pub fn system(origin: Origin, workspace_id: Option<WorkspaceId>) -> Self {
        Self { principal: Principal::System, workspace_id, origin }
    }

    /// The workspace acted in.
    ///
    /// # Errors
    /// `Authentication` when nobody is signed in.
    pub fn workspace(&self) -> Result<&WorkspaceId> {
        self.workspace_id.as_ref().ok_or_else(unauthenticated)
    }

    /// The acting person.
    ///
    /// # Errors
    /// `Authentication` when nobody is signed in.
    pub fn user(&self) -> Result<&UserId> {
        match &self.principal {
            Principal::User { user_id, .. } => Ok(user_id),
            _ => Err(unauthenticated()),
        }
    }

    /// The session that carries the request.
    ///
    /// # Errors
    /// `Authentication` when nobody is signed in.
    pub fn session(&self) -> Result<&SessionId> {
        match &self.principal {
            Principal::User { session_id, .. } => Ok(session_id),
            _ => Err(unauthenticated()),
        }
    }

    /// The role, when a person acts.
    pub fn role(&self) -> Option<Role> {
        match &self.principal {
            Principal::User { role, .. } => Some(*role),
            _ => None,
        }
    }

    /// Whether the actor has the right; the pure rule behind every check.
    pub fn may(&self, permission: Permission) -> bool {
        match &self.principal {
            Principal::System => true,
            // a link has no role: what it reaches is looked at with the object (`identity::require`)
            Principal::Anonymous | Principal::SetupLink { .. } => false,
            // a token has scopes, and no right of a person
            Principal::Scim { .. } => false,
            // so has a key, a few of which stand for rights
            Principal::ApiKey { reach, .. } => reach.may(permission),
            Principal::User { role, .. } => role.may(permission),
        }
    }

    /// Whether the actor is a SCIM token that reaches this much.
    pub fn may_provision(&self, scope: ScimScope) -> bool {
        matches!(&self.principal, Principal::Scim { scopes, .. } if scopes.has(scope))
    }
}

fn unauthenticated() -> Error {
    Error::authentication("Sign in first, or send a bearer token.")
}

/// One thing that would have changed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// The audit event that would have been written.
    pub event: String,
    /// The kind and id of what it is about.
    pub target: Option<String>,
    /// What it would have said.
    pub details: serde_json::Value,
}

/// The collector of a trial run: transactions opened with it roll back and leave their effects here.
#[derive(Clone, Debug, Default)]
pub struct DryRun(Arc<Mutex<Vec<Effect>>>);

impl DryRun {
    /// Notes one effect.
    pub fn note(&self, effect: Effect) {
        if let Ok(mut effects) = self.0.lock() {
            effects.push(effect);
        }
    }

    /// All effects noted so far.
    pub fn effects(&self) -> Vec<Effect> {
        self.0.lock().map(|e| e.clone()).unwrap_or_default()
    }
}
