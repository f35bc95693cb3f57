//! The seams to the crates above: single sign-on (who may sign in with a password, and where an address belongs), and
//! the keys of programs.

use std::future::Future;
use std::pin::Pin;

use gatehouse_store::Tx;
use gatehouse_types::{
    Actor, ApiKeyId, ConnectionId, Domain, Email, Origin, Result, Role, SessionId, Timestamp, UserId,
    WorkspaceId,
};

/// A boxed future, so that the rules can be a trait object.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whether a person must use single sign-on in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SsoRule {
    /// Signing in without it is fine.
    Open,
    /// It must be used; the address leads to the provider.
    Required {
        /// The path on this host that starts it.
        start_path: String,
    },
}

/// Where an e-mail address signs in; the same answer for known and unknown people of a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// Single sign-on is mandatory for the domain.
    pub sso_required: bool,
    /// Single sign-on is possible.
    pub sso_optional: bool,
    /// The path on this host that starts it.
    pub start_path: Option<String>,
    /// The workspace whose domain it is.
    pub workspace: Option<WorkspaceId>,
}

/// Somebody about to act in a workspace.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// The person.
    pub user: &'a UserId,
    /// The person's address.
    pub email: &'a Email,
    /// The person's role there.
    pub role: Role,
    /// The connection through which the asking session began, if it began by single sign-on.
    pub via: Option<&'a ConnectionId>,
}

/// How a provider knows a person, as the person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedIdentity {
    /// The workspace of the connection.
    pub workspace: WorkspaceId,
    /// The name of the connection.
    pub connection: String,
    /// The kind of name that the provider uses, a URI; `None` when it did not say.
    pub name_id_format: Option<String>,
    /// When the person first signed in through it.
    pub since: Timestamp,
    /// When the person last did.
    pub last_used: Timestamp,
}

/// What single sign-on has to say; the crate above implements it.
pub trait SignInRules: Send + Sync + std::fmt::Debug {
    /// Whether the person must use single sign-on there.
    fn rule<'a>(&'a self, candidate: Candidate<'a>) -> Boxed<'a, Result<SsoRule>>;
    /// A session ends because its person signs out, in the caller's transaction. The answer is the path on this host
    /// that signs out at the provider too, when the session began at one that wants to know.
    fn signing_out<'a>(&'a self, tx: &'a mut Tx, session: &'a SessionId)
    -> Boxed<'a, Result<Option<String>>>;
    /// A session goes on as another one, in another workspace: what the provider says of the one is said of both.
    fn goes_on_as<'a>(
        &'a self,
        tx: &'a mut Tx,
        old: &'a SessionId,
        new: &'a SessionId,
    ) -> Boxed<'a, Result<()>>;
    /// Whether the workspace proved that the domain is its own, in the caller's transaction.
    fn proved<'a>(
        &'a self,
        tx: &'a mut Tx,
        workspace: &'a WorkspaceId,
        domain: &'a Domain,
    ) -> Boxed<'a, Result<bool>>;
    /// Where the address signs in.
    fn discover<'a>(&'a self, email: &'a Email) -> Boxed<'a, Result<Discovery>>;
    /// The person's identities at providers, in all workspaces, oldest first and so many at most.
    fn linked<'a>(&'a self, user: &'a UserId, most: u32) -> Boxed<'a, Result<Vec<LinkedIdentity>>>;
}

/// What the crate above knows of programs that call with a key.
pub trait ProgramKeys: Send + Sync + std::fmt::Debug {
    /// The actor of a key's value.
    ///
    /// # Errors
    /// `Authentication` with a recorded decision for a value that opens nothing.
    fn by_value<'a>(&'a self, origin: Origin, value: &'a str) -> Boxed<'a, Result<Actor>>;
    /// The actor of a key that was exchanged for a token; `None` when the key opens nothing any more.
    fn by_id<'a>(&'a self, origin: Origin, key: &'a ApiKeyId) -> Boxed<'a, Result<Option<Actor>>>;
}

/// No single sign-on at all; for tests of this crate.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSso;

impl SignInRules for NoSso {
    fn rule<'a>(&'a self, _: Candidate<'a>) -> Boxed<'a, Result<SsoRule>> {
        Box::pin(std::future::ready(Ok(SsoRule::Open)))
    }

    fn signing_out<'a>(&'a self, _: &'a mut Tx, _: &'a SessionId) -> Boxed<'a, Result<Option<String>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn goes_on_as<'a>(&'a self, _: &'a mut Tx, _: &'a SessionId, _: &'a SessionId) -> Boxed<'a, Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn proved<'a>(&'a self, _: &'a mut Tx, _: &'a WorkspaceId, _: &'a Domain) -> Boxed<'a, Result<bool>> {
        Box::pin(std::future::ready(Ok(false)))
    }

    fn linked<'a>(&'a self, _: &'a UserId, _: u32) -> Boxed<'a, Result<Vec<LinkedIdentity>>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn discover<'a>(&'a self, _: &'a Email) -> Boxed<'a, Result<Discovery>> {
        Box::pin(std::future::ready(Ok(Discovery::default())))
    }
}
