//! Workspaces, people, memberships, sessions: what they are.

use gatehouse_types::{
    AuthMethod, ConnectionId, Email, FactorId, InvitationId, Role, SessionId, Timestamp, UserId, WorkspaceId,
};

/// One company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Its name, unique without regard to case.
    pub name: String,
    /// Whether the built-in lab identity provider may speak for it.
    pub is_lab: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A person; the same in every workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The person's id.
    pub id: UserId,
    /// The address, unique.
    pub email: Email,
    /// What others see.
    pub display_name: String,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// What a person is in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The workspace.
    pub workspace: Workspace,
    /// The role there.
    pub role: Role,
}

/// How a membership came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreatedVia {
    /// At the machine's console.
    Console,
    /// By single sign-on, just in time.
    Jit,
    /// By an invitation.
    Invitation,
    /// By the identity provider, ahead of any sign-in (SCIM).
    Scim,
    /// By signing up: the person who made the workspace.
    SignUp,
}

impl CreatedVia {
    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Jit => "jit",
            Self::Invitation => "invitation",
            Self::Scim => "scim",
            Self::SignUp => "sign-up",
        }
    }
}

/// A sign-in that lasts; the credential behind a cookie and behind every bearer token.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id, named by the tokens that die with it.
    pub id: SessionId,
    /// Where it is valid.
    pub workspace_id: WorkspaceId,
    /// Whose it is.
    pub user_id: UserId,
    /// How it began.
    pub method: AuthMethod,
    /// Through which connection.
    pub connection_id: Option<ConnectionId>,
    /// With which second step.
    pub second_step: Option<FactorKind>,
    /// Whether that was a passkey that its provider may copy between devices.
    pub is_synced: bool,
    /// When the person last proved to be it: at the beginning, or later when asked to.
    pub proven_at: Option<Timestamp>,
    /// From which address.
    pub ip: Option<String>,
    /// With which client.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// A kind of second step.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum FactorKind {
    /// A code of an authenticator app (RFC 6238).
    Totp,
    /// One of the codes on paper.
    RecoveryCode,
    /// A passkey, or a security key (WebAuthn).
    Passkey,
}

impl FactorKind {
    /// The name, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery-code",
            Self::Passkey => "passkey",
        }
    }

    /// The kind of a stored name.
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Totp, Self::RecoveryCode, Self::Passkey].into_iter().find(|k| k.as_str() == text)
    }
}

/// A second step that a person has.
#[derive(Clone, Debug)]
pub struct Factor {
    /// Its id.
    pub id: FactorId,
    /// Whose.
    pub user_id: UserId,
    /// What it is.
    pub kind: FactorKind,
    /// What the person calls it.
    pub name: String,
    /// The last accepted step of an authenticator app, or the signature counter of a passkey.
    pub counter: i64,
    /// Whether it counts: an authenticator app must show one code first.
    pub confirmed: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The person signed out.
    SignedOut,
    /// It went on in another workspace.
    Switched,
    /// A new sign-in in the same browser took its place.
    Replaced,
    /// Its identity provider ended it.
    ProviderSignedOut,
    /// The person ended it from another session.
    EndedByPerson,
    /// Somebody who manages the members ended it.
    EndedByAdmin,
    /// The person's password was set anew.
    PasswordSet,
    /// The person said of a sign-in that it was somebody else.
    Reported,
    /// The person is no member of the workspace any more.
    MemberRemoved,
    /// The database came back from a backup.
    Restored,
}

impl EndReason {
    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::SignedOut => "signed-out",
            Self::Switched => "switched",
            Self::Replaced => "replaced",
            Self::ProviderSignedOut => "provider-signed-out",
            Self::EndedByPerson => "ended-by-person",
            Self::EndedByAdmin => "ended-by-admin",
            Self::PasswordSet => "password-set",
            Self::Reported => "reported",
            Self::MemberRemoved => "member-removed",
        }
    }
}

/// An invitation into a workspace.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// Into which workspace.
    pub workspace_id: WorkspaceId,
    /// Who is invited.
    pub email: Email,
    /// The role there.
    pub role: Role,
    /// Who invited.
    pub invited_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the mail was written last.
    pub sent_at: Timestamp,
    /// Until when it counts.
    pub expires_at: Timestamp,
    /// When it was accepted.
    pub accepted_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// How an invitation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InvitationStatus {
    /// It can be accepted.
    Pending,
    /// It was.
    Accepted,
    /// Nobody did in time.
    Expired,
    /// It was taken back.
    Revoked,
}

impl std::str::FromStr for InvitationStatus {
    type Err = gatehouse_types::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "pending" => Ok(Self::Pending),
            "accepted" => Ok(Self::Accepted),
            "expired" => Ok(Self::Expired),
            "revoked" => Ok(Self::Revoked),
            _ => {
                let message = "The status must be one of pending, accepted, expired, revoked.";
                Err(gatehouse_types::Error::validation("status", message))
            }
        }
    }
}

impl Invitation {
    /// How it stands at a moment.
    pub fn status(&self, now: Timestamp) -> InvitationStatus {
        if self.accepted_at.is_some() {
            InvitationStatus::Accepted
        } else if self.revoked_at.is_some() {
            InvitationStatus::Revoked
        } else if self.expires_at <= now {
            InvitationStatus::Expired
        } else {
            InvitationStatus::Pending
        }
    }
}

/// A provider of accounts for everybody, as opposed to a company's own identity provider. The operator of the server has a
/// client there.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum SocialProvider {
    /// Google.
    Google,
    /// Microsoft: accounts of organisations and private ones.
    Microsoft,
}

impl SocialProvider {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 2] = [Self::Google, Self::Microsoft];

    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Microsoft => "microsoft",
        }
    }

    /// The name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Google => "Google",
            Self::Microsoft => "Microsoft",
        }
    }

    /// How sessions that begin with it are marked.
    pub const fn method(self) -> AuthMethod {
        match self {
            Self::Google => AuthMethod::Google,
            Self::Microsoft => AuthMethod::Microsoft,
        }
    }

    /// The provider of a session's mark, if it began at one.
    pub fn of_method(method: AuthMethod) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.method() == method)
    }
}

impl std::str::FromStr for SocialProvider {
    type Err = gatehouse_types::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|p| p.as_str() == text);
        found.ok_or_else(|| gatehouse_types::Error::not_found("Sign-in provider"))
    }
}

/// An account at a provider that signs a person in. Issuer and subject name it, and nothing else does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocialIdentity {
    /// Who vouches, letter by letter.
    pub issuer: String,
    /// Whom it means.
    pub subject: String,
    /// Which provider that is.
    pub provider: SocialProvider,
    /// Whom it signs in here.
    pub user_id: UserId,
    /// Its address when it was linked, to be told from others; it decides nothing.
    pub email: Option<String>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub last_used_at: Option<Timestamp>,
}
