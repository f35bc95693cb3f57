//! Recorded answers of OpenID providers under a changed connection: what their verified claims would come to.

use gatehouse_types::{Domain, Result};
use serde_json::Value;

use super::super::oidc::claims;
use super::super::person::Claims;
use super::judge::Why;
use crate::Sso;
use crate::model::{Connection, DomainStatus};
use crate::oidc::{Flaw, message, quote};
use crate::store::domains;

/// What a connection believes of an OpenID provider.
pub(super) struct Party {
    /// Who we would be there; the flaw when the operator has no client.
    client: Result<Client, Flaw>,
    /// The domains of which a Google account must be one.
    verified: Vec<Domain>,
}

struct Client {
    issuer: String,
    id: String,
    hosted_domain: bool,
    trust_email: bool,
}

impl From<Flaw> for Why {
    fn from(flaw: Flaw) -> Self {
        Self { code: flaw.code.to_owned(), detail: flaw.detail }
    }
}

impl Party {
    pub(super) async fn of(sso: &Sso, proposed: &Connection) -> Result<Self> {
        let client = sso.oidc_client(proposed).await?.map(|client| Client {
            issuer: client.issuer,
            id: client.client_id,
            hosted_domain: client.hosted_domain,
            trust_email: client.trust_email,
        });
        let found = domains::of(&mut sso.0.store.reader(), &proposed.id).await?;
        let verified = found.into_iter().filter(|d| d.status == DomainStatus::Verified);
        Ok(Self { client, verified: verified.map(|d| d.domain).collect() })
    }

    /// Whether a kept answer would be believed, and whom it names.
    pub(super) fn believes(&self, kept: &[u8]) -> Result<Claims, Why> {
        let client = self.client.as_ref().map_err(|flaw| flaw.clone())?;
        let Some((said, userinfo)) = message::claims_of(kept) else {
            return Err(Flaw::new("token_malformed", "token", "The recorded answer holds no claims.").into());
        };
        let text = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("iss") != client.issuer {
            let detail =
                format!("The sign-in was at “{}”, and the issuer would be another.", quote(text("iss")));
            return Err(Flaw::new("issuer_mismatch", "issuer", detail).into());
        }
        let audience = match said.get("aud") {
            Some(Value::Array(all)) => all.iter().any(|one| *one == client.id),
            one => one.is_some_and(|one| *one == client.id),
        };
        if !audience {
            let detail = "The token was made for another client id.";
            return Err(Flaw::new("audience_mismatch", "audience", detail).into());
        }
        if client.hosted_domain {
            claims::hosted_domain(&said, &self.verified)?;
        }
        let subject = text("sub").to_owned();
        let said = if said.contains_key("email") { said } else { claims::complete(said, userinfo) };
        Ok(claims::read(&subject, &said, client.trust_email)?)
    }
}
