//! From what a provider says to a person of ours: the identity key first, the e-mail address only where its domain
//! is proved for the connection.

use gatehouse_identity::model::{CreatedVia, User};
use gatehouse_saml::VerifiedAssertion;
use gatehouse_store::decisions::Reason;
use gatehouse_store::{Queries, Tx};
use gatehouse_types::{Actor, Domain, Email, Result, Role};

use crate::Sso;
use crate::model::{Connection, DomainStatus, SamlConfig};
use crate::store::identities::{self, Identity};
use crate::store::{connections, domains, logout};

/// NameIDs of this format change with every sign-in and identify nobody (SAML 2.0 core §8.3.8).
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
/// The longest NameID (SAML 2.0 core §8.3.7 bounds persistent ones to 256).
const MAX_NAME_ID: usize = 512;
/// The longest name of a format that is kept, in bytes.
const MAX_FORMAT: usize = 512;

/// Attribute names that carry an e-mail address when no mapping says which.
const EMAIL_ATTRIBUTES: [&str; 6] = [
    "email",
    "mail",
    "emailaddress",
    "emailAddress",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "urn:oid:0.9.2342.19200300.100.1.3",
];
/// Attribute names that carry a person's shown name when no mapping says which.
const NAME_ATTRIBUTES: [&str; 5] = [
    "name",
    "displayName",
    "http://schemas.microsoft.com/identity/claims/displayname",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
    "urn:oid:2.16.840.1.113730.3.1.241",
];

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

fn no(code: &'static str, check: &'static str, detail: String) -> NotThisPerson {
    NotThisPerson { code, check, detail }
}

/// What the verified assertion says about a person.
#[derive(Debug)]
pub(crate) struct Claims {
    /// The identity's key beside the connection.
    pub(crate) subject: String,
    /// The kind of name that the provider gave.
    pub(crate) format: Option<String>,
    pub(crate) email: Email,
    pub(crate) name: Option<String>,
}

/// A person found or made.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) user: User,
    pub(crate) role: Role,
}

/// Reads the person's claims.
pub(crate) fn claims(saml: &SamlConfig, assertion: &VerifiedAssertion) -> Result<Claims, NotThisPerson> {
    let name_id = assertion.name_id();
    let transient = name_id.format.as_deref() == Some(TRANSIENT);
    let email = email(saml, assertion)?;
    if name_id.value.len() > MAX_NAME_ID {
        return Err(no(
            "name_id_too_long",
            "name id",
            format!("The NameID is longer than {MAX_NAME_ID} bytes."),
        ));
    }
    let subject = if transient { format!("transient:{email}") } else { name_id.value.clone() };
    let name = one_of(assertion, saml.attribute_mapping.get("name"), &NAME_ATTRIBUTES);
    let format = name_id.format.clone().filter(|f| f.len() <= MAX_FORMAT);
    Ok(Claims { subject, format, email, name: name.map(str::to_owned) })
}

fn one_of<'a>(assertion: &'a VerifiedAssertion, mapped: Option<&String>, usual: &[&str]) -> Option<&'a str> {
    let values = |name: &str| assertion.attributes().get(name).and_then(|v| v.first()).map(String::as_str);
    match mapped {
        Some(name) => values(name),
        None => usual.iter().find_map(|name| values(name)),
    }
}

fn email(saml: &SamlConfig, assertion: &VerifiedAssertion) -> Result<Email, NotThisPerson> {
    let mapped = saml.attribute_mapping.get("email");
    let names: Vec<&str> = mapped.map_or_else(|| EMAIL_ATTRIBUTES.to_vec(), |name| vec![name.as_str()]);
    let given = names.iter().find_map(|name| assertion.attributes().get(*name));
    let text = match (given, mapped) {
        (Some(values), _) if values.len() == 1 => values[0].as_str(),
        (Some(values), _) => {
            let detail = format!("The e-mail attribute has {} values; exactly one is needed.", values.len());
            return Err(no("email_ambiguous", "e-mail", detail));
        }
        (None, Some(name)) => {
            let detail = format!(
                "The attribute {name}, mapped to the e-mail address, is missing. Release it at the provider, or change the mapping."
            );
            return Err(no("email_missing", "e-mail", detail));
        }
        (None, None) => assertion.name_id().value.as_str(),
    };
    text.parse().map_err(|_| {
        let detail = "No attribute carries an e-mail address and the NameID is none. Release the e-mail attribute at the provider, or set attributeMapping.email.";
        no("email_missing", "e-mail", detail.to_owned())
    })
}

impl Sso {
    /// The person of the claims when everything is as it was the last time: linked, a member, at a domain that the
    /// connection speaks for, in a session that the provider did not end. `None` when more must be asked.
    pub(crate) async fn known(
        &self,
        tx: &mut Tx,
        connection: &Connection,
        claims: &Claims,
        assertion: &VerifiedAssertion,
        checks: &mut Vec<Reason>,
    ) -> Result<Option<Found>> {
        let (domain, marks) = (claims.email.domain(), logout::marks(assertion));
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
        if !connection.jit_provisioning {
            return Ok(Err(unknown_person(&user.email)));
        }
        let role = connection.default_role;
        self.0.identity.add_member(tx, actor, workspace, user, role, CreatedVia::Jit).await?;
        Ok(Ok(role))
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

pub(crate) fn unknown_person(email: &Email) -> NotThisPerson {
    let detail = format!(
        "{email} is no member of the workspace, and just-in-time provisioning is off. Invite the person, or switch it on."
    );
    no("person_unknown", "membership", detail)
}
