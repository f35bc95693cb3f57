//! From what a provider says to a person of ours: the identity key first, the e-mail address only where its domain
//! is proved for the connection.

use std::collections::BTreeMap;

use gatehouse_identity::model::{CreatedVia, User};
use gatehouse_store::decisions::Reason;
use gatehouse_store::{Queries, Tx};
use gatehouse_types::{Actor, Domain, Email, Result, Role, Timestamp};

use crate::Sso;
use crate::model::{Connection, DomainStatus};
use crate::store::identities::{self, Identity};
use crate::store::logout::{self, Called};
use crate::store::{connections, domains};

/// The code of a refusal that must not tell who the person is.
const DOMAIN_NOT_VERIFIED: &str = "domain_not_verified";
/// The same for a domain whose proof is gone: it may be another company's by now.
const DOMAIN_EXPIRED: &str = "domain_expired";
/// The code of a refusal of somebody at a domain that is kept apart from single sign-on.
const DOMAIN_NOT_FEDERATED: &str = "domain_not_federated";

/// Whether a refusal for this reason must not tell who the person is.
pub(crate) fn may_be_foreign(code: &str) -> bool {
    matches!(code, DOMAIN_NOT_VERIFIED | DOMAIN_EXPIRED)
}

/// Why a person is not let in: the code of the check, and what an administrator is told.
#[derive(Debug)]
pub(crate) struct NotThisPerson {
    pub(crate) code: &'static str,
    pub(crate) check: &'static str,
    pub(crate) detail: String,
}

pub(crate) fn no(code: &'static str, check: &'static str, detail: String) -> NotThisPerson {
    NotThisPerson { code, check, detail }
}

/// What a provider's verified message says about a person.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    /// The identity's key beside the connection.
    pub(crate) subject: String,
    /// The kind of name that the provider gave.
    pub(crate) format: Option<String>,
    pub(crate) email: Email,
    /// Whether the provider vouches that the address is the person's. Only then does it lead to an account.
    pub(crate) email_verified: bool,
    /// What else the provider said, by attribute (SAML, WS-Federation) or claim (OpenID Connect; texts and lists of texts).
    pub(crate) attributes: BTreeMap<String, Vec<String>>,
    pub(crate) name: Option<String>,
}

/// A person found or made.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) user: User,
    pub(crate) role: Role,
}

impl Sso {
    /// The person of the claims when everything is as it was the last time: linked, a member, at a domain that the
    /// connection speaks for, in a session that the provider did not end. `None` when more must be asked.
    pub(crate) async fn known(
        &self,
        tx: &mut Tx,
        connection: &Connection,
        claims: &Claims,
        called: &Called,
        checks: &mut Vec<Reason>,
    ) -> Result<Option<Found>> {
        let (domain, marks) = (claims.email.domain(), logout::marks(called));
        let identity = identities::undisputed(tx, &connection.id, &claims.subject, &domain, marks).await?;
        let Some(identity) = identity else { return Ok(None) };
        let member = self.0.identity.user_with_role(tx, &connection.workspace_id, &identity.user_id).await?;
        let Some((user, role)) = member.filter(|(user, _)| user.email.domain() == domain) else {
            return Ok(None);
        };
        checks.push(speaks_for(&domain));
        checks.push(is_linked());
        identities::touch(tx, &identity.id, claims.format.as_deref());
        connections::touch(tx, connection);
        Ok(Some(Found { user, role }))
    }

    /// Finds the person of the claims, or makes it just in time; in the caller's transaction.
    pub(crate) async fn person(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        connection: &Connection,
        claims: &Claims,
        checks: &mut Vec<Reason>,
    ) -> Result<Result<Found, NotThisPerson>> {
        if let Some(no) = outside_domains(tx, connection, &claims.email).await? {
            return Ok(Err(no));
        }
        checks.push(speaks_for(&claims.email.domain()));
        let known = identities::find(tx, &connection.id, &claims.subject).await?;
        let found = match known {
            Some(identity) => {
                identities::touch(tx, &identity.id, claims.format.as_deref());
                checks.push(is_linked());
                match self.0.identity.user(tx, &identity.user_id).await? {
                    Some(user) => Ok(user),
                    None => Err(no(
                        "account_gone",
                        "identity",
                        "The linked account does not exist any more.".into(),
                    )),
                }
            }
            None => self.link(tx, actor, connection, claims, checks).await?,
        };
        let user = match found {
            Ok(user) => user,
            Err(refused) => return Ok(Err(refused)),
        };
        // the account's own address counts too: a link outlives the proof of its domain
        if user.email.domain() != claims.email.domain()
            && let Some(no) = outside_domains(tx, connection, &user.email).await?
        {
            return Ok(Err(no));
        }
        let role = self.membership(tx, actor, connection, &user).await?;
        if role.is_ok() {
            connections::touch(tx, connection);
        }
        Ok(role.map(|role| Found { user, role }))
    }

    /// Links a new subject to the account with its address, or makes one.
    async fn link(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        connection: &Connection,
        claims: &Claims,
        checks: &mut Vec<Reason>,
    ) -> Result<Result<User, NotThisPerson>> {
        if !claims.email_verified {
            return Ok(Err(unverified_email(&claims.email)));
        }
        let existing = self.0.identity.user_by_email(tx, &claims.email).await?;
        if existing.is_none() && !connection.jit_provisioning {
            return Ok(Err(unknown_person(&claims.email)));
        }
        if let Some(user) = &existing
            && identities::of_user(tx, &connection.id, &user.id).await?.is_some()
        {
            return Ok(Err(identity_conflict(&claims.email)));
        }
        let workspace = &connection.workspace_id;
        let user = match existing {
            Some(user) => {
                checks.push(Reason::passed(
                    "identity",
                    "The address is linked to its account: its domain is verified.",
                ));
                user
            }
            None => {
                checks.push(Reason::passed("identity", "An account is made just in time."));
                self.0
                    .identity
                    .insert_user(tx, actor, workspace, &claims.email, claims.name.as_deref())
                    .await?
            }
        };
        let now = self.0.store.now();
        let identity = Identity {
            id: self.0.store.ids().make(),
            connection_id: connection.id.clone(),
            workspace_id: workspace.clone(),
            user_id: user.id.clone(),
            name_id: claims.subject.clone(),
            name_id_format: claims.format.clone(),
            created_at: now,
            last_used_at: now,
        };
        identities::insert(tx, &identity).await?;
        Ok(Ok(user))
    }

    /// The person's role in the workspace; just in time the default one.
    async fn membership(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        connection: &Connection,
        user: &User,
    ) -> Result<Result<Role, NotThisPerson>> {
        let workspace = &connection.workspace_id;
        if let Some(role) = self.0.identity.role_in(tx, workspace, &user.id).await? {
            return Ok(Ok(role));
        }
        if let Some(since) = self.0.identity.suspended_since(tx, workspace, &user.id).await? {
            return Ok(Err(suspended(&user.email, since)));
        }
        if !connection.jit_provisioning {
            return Ok(Err(unknown_person(&user.email)));
        }
        let role = connection.default_role;
        Ok(Ok(self.0.identity.add_member(tx, actor, workspace, user, role, CreatedVia::Jit).await?))
    }
}

fn speaks_for(domain: &Domain) -> Reason {
    Reason::passed("domain", format!("{domain} is a verified domain."))
}

fn is_linked() -> Reason {
    Reason::passed("identity", "The provider's subject is linked to an account.")
}

/// Why the provider does not speak for an address; `None` when it does. Names the domain and no more: the person may be
/// another company's, sent here by a provider that both believe.
pub(crate) async fn outside_domains<Q: Queries>(
    db: &mut Q,
    connection: &Connection,
    email: &Email,
) -> Result<Option<NotThisPerson>> {
    let domain = email.domain();
    let claim = domains::of_name(db, &connection.id, &domain).await?;
    let (code, detail) = match claim.map(|c| (c.status, c.federated)) {
        Some((DomainStatus::Verified, true)) => return Ok(None),
        Some((DomainStatus::Verified, false)) => (
            DOMAIN_NOT_FEDERATED,
            format!("The address is at {domain}, which is verified, but kept apart from single sign-on."),
        ),
        Some((DomainStatus::Expired, _)) => (
            DOMAIN_EXPIRED,
            format!(
                "The address is at {domain}, whose proof is gone. Publish it again and verify the domain."
            ),
        ),
        _ => (
            DOMAIN_NOT_VERIFIED,
            format!("The address is at {domain}, which is not a verified domain of this connection."),
        ),
    };
    Ok(Some(no(code, "domain", detail)))
}

/// Why an address does not link a second subject of a provider to its account.
pub(crate) fn identity_conflict(email: &Email) -> NotThisPerson {
    let detail = format!(
        "{email} belongs to an account that is linked to another subject of this provider. If the person got a new one \
         there, unlink the old identity first."
    );
    no("identity_conflict", "identity", detail)
}

/// Why somebody whose access ended is not let in again by the provider.
pub(crate) fn suspended(email: &Email, since: Timestamp) -> NotThisPerson {
    let detail = format!("The access of {email} to the workspace is suspended since {since}.");
    no("person_suspended", "membership", detail)
}

pub(crate) fn unverified_email(email: &Email) -> NotThisPerson {
    let detail = format!(
        "The provider does not say that {email} is verified (email_verified), so the address leads to no account. Let \
         the person confirm it at the provider."
    );
    no("email_unverified", "e-mail", detail)
}

pub(crate) fn unknown_person(email: &Email) -> NotThisPerson {
    let detail = format!(
        "{email} is no member of the workspace, and just-in-time provisioning is off. Invite the person, or switch it on."
    );
    no("person_unknown", "membership", detail)
}
