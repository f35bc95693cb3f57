use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// What a member is in a workspace; ordered, each role may all that the lower ones may.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks, changes nothing.
    Viewer,
    /// Works with flows and scripts.
    Member,
    /// Administers the workspace.
    Admin,
    /// Answers for the workspace; the only one who deletes apps and manages exclusions.
    Owner,
}

impl Role {
    /// All roles, lowest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Member, Self::Admin, Self::Owner];

    /// The name, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Whether this role carries the permission: the matrix of the product, in one place.
    pub const fn may(self, permission: Permission) -> bool {
        use Permission as P;
        match permission {
            P::ReadWorkspace | P::ReadScripts => true,
            P::ManageSso
            | P::ManageScim
            | P::ManageWebhooks
            | P::ReadAudit
            | P::ReadOutbox
            | P::ReadMembers
            | P::ManageMembers
            | P::ManageApps
            | P::VerifyKeys
            | P::ManageAuthProfiles
            | P::ManageConnectors
            | P::ManageFlows
            | P::RunFlowsForOthers
            | P::ManageScripts
            | P::ExplainDecisions => {
                matches!(self, Self::Admin | Self::Owner)
            }
            P::UseAuthProfiles | P::UseConnectors | P::UseFlows | P::EditFlows | P::EditScripts => {
                matches!(self, Self::Member | Self::Admin | Self::Owner)
            }
            P::ManageSsoExclusions | P::ManageSecuritySettings | P::DeleteApps | P::DeleteScripts => {
                matches!(self, Self::Owner)
            }
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|r| r.as_str() == text)
            .ok_or_else(|| Error::validation("role", "The role must be one of owner, admin, member, viewer."))
    }
}

/// One right. Checks name the right, never the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See that the workspace exists and who one is in it.
    ReadWorkspace,
    /// See the members.
    ReadMembers,
    /// Invite and remove members, change their roles, end their sessions here.
    ManageMembers,
    /// Set up, test, switch single sign-on.
    ManageSso,
    /// Make and take back the tokens of directory provisioning (SCIM), and read what was done with them.
    ManageScim,
    /// Decide which programs are told of events.
    ManageWebhooks,
    /// Make and change API apps, make and delete their keys.
    ManageApps,
    /// Delete API apps.
    DeleteApps,
    /// Ask whether an API key of the workspace opens something.
    VerifyKeys,
    /// Make, change and delete authorization profiles, authorize them for the workspace, read every outbound call.
    ManageAuthProfiles,
    /// Authorize a profile for oneself, send requests with one's own authorization.
    UseAuthProfiles,
    /// Make, change, test and delete connectors and connector types, authorize them for the workspace.
    ManageConnectors,
    /// See connectors and carry out their actions.
    UseConnectors,
    /// See flows, run those that are deployed, see one's own executions.
    UseFlows,
    /// Make, change, import and deploy flows, and try drafts out.
    EditFlows,
    /// Take flows out of service, export and delete them, let them start by themselves; see and decide on everybody's
    /// executions.
    ManageFlows,
    /// Run a flow on behalf of another person.
    RunFlowsForOthers,
    /// See custom scripts, their versions, runs and logs.
    ReadScripts,
    /// Import custom scripts, change and deploy them, bring in files for them.
    EditScripts,
    /// Take custom scripts out of service, export them, make and delete their keys.
    ManageScripts,
    /// Delete custom scripts.
    DeleteScripts,
    /// Decide who may sign in without single sign-on.
    ManageSsoExclusions,
    /// Decide what signing in demands here.
    ManageSecuritySettings,
    /// Read the audit log.
    ReadAudit,
    /// Read recorded reasons of refusals.
    ExplainDecisions,
    /// Read the mails that wait in the outbox.
    ReadOutbox,
}

impl Permission {
    /// All rights.
    pub const ALL: [Self; 26] = [
        Self::ReadWorkspace,
        Self::ReadMembers,
        Self::ManageMembers,
        Self::ManageSso,
        Self::ManageScim,
        Self::ManageWebhooks,
        Self::ManageApps,
        Self::DeleteApps,
        Self::VerifyKeys,
        Self::ManageAuthProfiles,
        Self::UseAuthProfiles,
        Self::ManageConnectors,
        Self::UseConnectors,
        Self::UseFlows,
        Self::EditFlows,
        Self::ManageFlows,
        Self::RunFlowsForOthers,
        Self::ReadScripts,
        Self::EditScripts,
        Self::ManageScripts,
        Self::DeleteScripts,
        Self::ManageSsoExclusions,
        Self::ManageSecuritySettings,
        Self::ReadAudit,
        Self::ExplainDecisions,
        Self::ReadOutbox,
    ];

    /// The name, as decisions show it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadWorkspace => "workspace:read",
            Self::ReadMembers => "members:read",
            Self::ManageMembers => "members:manage",
            Self::ManageSso => "sso:manage",
            Self::ManageScim => "scim:manage",
            Self::ManageWebhooks => "webhooks:manage",
            Self::ManageApps => "api-apps:manage",
            Self::DeleteApps => "api-apps:delete",
            Self::VerifyKeys => "keys:verify",
            Self::ManageAuthProfiles => "auth-profiles:manage",
            Self::UseAuthProfiles => "auth-profiles:use",
            Self::ManageConnectors => "connectors:manage",
            Self::UseConnectors => "connectors:use",
            Self::UseFlows => "flows:use",
            Self::EditFlows => "flows:edit",
            Self::ManageFlows => "flows:manage",
            Self::RunFlowsForOthers => "flows:run-for-others",
            Self::ReadScripts => "scripts:read",
            Self::EditScripts => "scripts:edit",
            Self::ManageScripts => "scripts:manage",
            Self::DeleteScripts => "scripts:delete",
            Self::ManageSsoExclusions => "sso-exclusions:manage",
            Self::ManageSecuritySettings => "security-settings:manage",
            Self::ReadAudit => "audit:read",
            Self::ExplainDecisions => "decisions:read",
            Self::ReadOutbox => "outbox:read",
        }
    }
}

impl FromStr for Permission {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|p| p.as_str() == text);
        found.ok_or_else(|| Error::validation("action", "There is no such right."))
    }
}
