//! What a connection would have said to a recorded response, with the clock as it was; pure but for reading who is who.

use gatehouse_saml::{
    CLOCK_SKEW, Certificate, DecryptionKey, InResponseTo, Message, Policy, Protocol, verify,
};
use gatehouse_store::Queries;
use gatehouse_types::{Result, Role, Timestamp, UserId};
use zeroize::Zeroizing;

use super::super::person::{
    Claims, NotThisPerson, identity_conflict, outside_domains, suspended, unknown_person, unverified_email,
};
use super::super::roles::mapped;
use super::super::saml_claims::claims;
use super::openid::Party;
use crate::Sso;
use crate::model::{Config, Connection, Flow, Mapped, SamlConfig, WsfedConfig};
use crate::store::identities;

/// A sign-in as it was recorded.
pub(super) struct Recorded {
    pub(super) at: Timestamp,
    pub(super) flow: Flow,
    /// The address that was posted to.
    pub(super) acs_url: String,
    /// The request that it answered.
    pub(super) request: Option<String>,
    /// Whether the provider's signature was found good then.
    pub(super) verified: bool,
    pub(super) message: Zeroizing<Vec<u8>>,
}

/// Why somebody would be refused: the code of the check, and its words.
#[derive(Clone, Debug)]
pub(super) struct Why {
    pub(super) code: String,
    pub(super) detail: String,
}

impl From<NotThisPerson> for Why {
    fn from(no: NotThisPerson) -> Self {
        Self { code: no.code.to_owned(), detail: no.detail }
    }
}

/// What decides about messages, read once for all of them.
pub(super) struct Judge {
    spoken: Spoken,
    certificates: Vec<Certificate>,
    decryption_keys: Vec<DecryptionKey>,
}

/// The values of the protocol.
enum Spoken {
    Saml { config: SamlConfig, audiences: Vec<String> },
    Wsfed { config: WsfedConfig, realm: String, reply: String },
    Oidc(Party),
}

/// Who would come in.
#[derive(Clone, Debug)]
pub(super) struct Would {
    pub(super) user: Option<UserId>,
    pub(super) role: Role,
}

impl Judge {
    pub(super) async fn of(sso: &Sso, proposed: &Connection) -> Result<Self> {
        let id = &proposed.id;
        let spoken = match &proposed.config {
            Config::Saml(config) => {
                Spoken::Saml { config: config.clone(), audiences: vec![sso.entity_id(), sso.idp_acs_url(id)] }
            }
            Config::Wsfed(config) => Spoken::Wsfed {
                realm: sso.realm(id, config),
                reply: sso.reply_url(id),
                config: config.clone(),
            },
            Config::Oidc(_) => Spoken::Oidc(Party::of(sso, proposed).await?),
        };
        let certificates = proposed.certificates.iter().map(|c| sso.certificate(&c.pem));
        let ring = sso.key_ring(&proposed.workspace_id).await?;
        Ok(Self {
            spoken,
            certificates: certificates.collect::<Result<_>>()?,
            decryption_keys: ring.decrypting().map(|k| k.decryption.clone()).collect(),
        })
    }

    /// Whether a recorded message says enough. Of an OpenID provider's answer the claims are kept without their
    /// signature: what passed it then counts as what that issuer said, everything else as nobody's word.
    pub(super) fn can_judge(&self, recorded: &Recorded) -> bool {
        recorded.verified || !matches!(self.spoken, Spoken::Oidc(_))
    }

    /// Whether the message would be believed, and whom it names. Single use is left out: each was used once already.
    pub(super) fn believes(&self, recorded: &Recorded) -> Result<Claims, Why> {
        let why = |code: &str, detail: &str| Why { code: code.to_owned(), detail: detail.to_owned() };
        let broken =
            |e: gatehouse_saml::Rejection| Why { code: e.reason.code().to_owned(), detail: e.detail };
        let unasked = recorded.flow == Flow::IdpInitiated;
        let (policy, mapping) = match &self.spoken {
            Spoken::Saml { config, .. } if unasked && config.force_authn => {
                let detail = "The connection would demand a new authentication, which an answer to no request cannot show.";
                return Err(why("authn_not_demanded", detail));
            }
            Spoken::Wsfed { config, .. } if unasked && !config.provider_initiated => {
                return Err(why(
                    "reply_not_asked",
                    "The connection would take only answers to sign-ins that began here.",
                ));
            }
            Spoken::Oidc(party) => return party.believes(&recorded.message),
            Spoken::Saml { config, audiences } => {
                (self.saml_policy(config, audiences, recorded), &config.attribute_mapping)
            }
            Spoken::Wsfed { config, realm, reply } => {
                let issuer = config.expected_issuer().map_err(|e| why(e.code(), e.message()))?;
                (self.wsfed_policy(config, issuer, (realm, reply), recorded), &config.attribute_mapping)
            }
        };
        let message = Message::parse(&recorded.message).map_err(broken)?;
        let assertion = verify(&message, &policy).outcome.map_err(broken)?;
        Ok(claims(mapping, &assertion)?)
    }

    fn saml_policy(&self, config: &SamlConfig, audiences: &[String], recorded: &Recorded) -> Policy {
        Policy {
            idp_entity_id: config.entity_id.clone(),
            audiences: audiences.to_vec(),
            acs_urls: vec![recorded.acs_url.clone()],
            in_response_to: recorded.request.clone().map_or(InResponseTo::Unsolicited, InResponseTo::Expect),
            authn_contexts: config.authn_context.clone(),
            allow_sha1: config.allow_sha1,
            ..self.policy(Protocol::Saml2, recorded)
        }
    }

    fn wsfed_policy(
        &self,
        config: &WsfedConfig,
        issuer: String,
        (realm, reply): (&String, &String),
        recorded: &Recorded,
    ) -> Policy {
        let protocol = Protocol::WsFed { realm: realm.clone(), reply: reply.clone() };
        Policy { idp_entity_id: issuer, allow_sha1: config.allow_sha1, ..self.policy(protocol, recorded) }
    }

    /// What both protocols have in common.
    fn policy(&self, protocol: Protocol, recorded: &Recorded) -> Policy {
        Policy {
            protocol,
            idp_entity_id: String::new(),
            audiences: Vec::new(),
            acs_urls: Vec::new(),
            certificates: self.certificates.clone(),
            decryption_keys: self.decryption_keys.clone(),
            in_response_to: InResponseTo::Unsolicited,
            now: recorded.at.micros(),
            clock_skew: CLOCK_SKEW,
            // whether the provider would have asked anew is not to be seen in an answer to another request
            authenticated_since: None,
            authn_contexts: Vec::new(),
            allow_sha1: false,
        }
    }
}

impl Sso {
    /// Who would come in with these claims, as things are now; nothing is written.
    pub(super) async fn would_enter<Q: Queries>(
        &self,
        db: &mut Q,
        proposed: &Connection,
        claims: &Claims,
    ) -> Result<Result<Would, NotThisPerson>> {
        if let Some(no) = outside_domains(db, proposed, &claims.email).await? {
            return Ok(Err(no));
        }
        let linked = identities::find(db, &proposed.id, &claims.subject).await?;
        let user = match &linked {
            Some(identity) => self.0.identity.user(db, &identity.user_id).await?,
            None => self.0.identity.user_by_email(db, &claims.email).await?,
        };
        let Some(user) = user else {
            let made = linked.is_none() && proposed.jit_provisioning;
            let role = with_groups(proposed, claims, proposed.default_role);
            return Ok(if made {
                Ok(Would { user: None, role })
            } else {
                Err(unknown_person(&claims.email))
            });
        };
        if linked.is_none() && !claims.email_verified {
            return Ok(Err(unverified_email(&claims.email)));
        }
        if linked.is_none() && identities::of_user(db, &proposed.id, &user.id).await?.is_some() {
            return Ok(Err(identity_conflict(&claims.email)));
        }
        if user.email.domain() != claims.email.domain()
            && let Some(no) = outside_domains(db, proposed, &user.email).await?
        {
            return Ok(Err(no));
        }
        let workspace = &proposed.workspace_id;
        if let Some(since) = self.0.identity.suspended_since(db, workspace, &user.id).await? {
            return Ok(Err(suspended(&claims.email, since)));
        }
        let role = self.0.identity.role_in(db, workspace, &user.id).await?;
        let role = role.or(proposed.jit_provisioning.then_some(proposed.default_role));
        Ok(match role {
            Some(role) => Ok(Would { user: Some(user.id), role: with_groups(proposed, claims, role) }),
            None => Err(unknown_person(&claims.email)),
        })
    }
}

/// The role after the provider's groups had their say.
fn with_groups(proposed: &Connection, claims: &Claims, role: Role) -> Role {
    match mapped(proposed, claims, role) {
        Some(Mapped::Role(role)) => role,
        _ => role,
    }
}
