//! The test of a connection: whether the provider's document and keys can be had and used, and our client is known there,
//! now.

use gatehouse_store::decisions::Reason;
use gatehouse_types::{Result, Timestamp};

use super::provider::{OidcClient, Provider};
use crate::Sso;
use crate::model::{ClientAuthentication, Connection};
use crate::oidc::Flaw;
use crate::service::status::EXPIRY_WARNING_DAYS;

/// What a test found, before it is recorded.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    pub(crate) discovery_valid: bool,
    pub(crate) jwks_valid: bool,
    pub(crate) checks: Vec<Reason>,
}

impl Sso {
    /// Asks the provider now; what was kept of it is replaced by what came.
    pub(crate) async fn try_provider(&self, connection: &Connection) -> Result<Tried> {
        let mut tried = Tried::default();
        let client = match self.oidc_client(connection).await? {
            Ok(client) => client,
            Err(flaw) => {
                tried.checks.push(flaw.reason());
                return Ok(tried);
            }
        };
        let discovery = match self.fetch_discovery(&client).await {
            Ok(discovery) => discovery,
            Err(flaw) => {
                tried.checks.push(flaw.reason());
                return Ok(tried);
            }
        };
        tried.discovery_valid = true;
        tried.checks.push(Reason::passed(
            "discovery",
            format!("The provider describes itself as {}.", client.issuer),
        ));
        match self.fetch_keys(&discovery).await {
            Ok(keys) => {
                let found = keys.count();
                tried.jwks_valid = true;
                tried.checks.push(Reason::passed("keys", format!("{found} keys of the provider count.")));
                let named =
                    client.authentication.or_else(|| discovery.authentication(client.secret.is_some()));
                tried.checks.push(authentication(named, &client));
                tried.checks.extend(secret_end(connection, self.0.store.now()));
                let provider = Provider { discovery, keys };
                if tried.checks.iter().all(|c| c.ok) {
                    tried.checks.push(self.try_client(connection, (&client, &provider)).await?);
                }
                self.keep_provider(&client, provider).await;
            }
            Err(flaw) => tried.checks.push(flaw.reason()),
        }
        Ok(tried)
    }
}

/// A word about a client secret that ends soon; whether it counts still, the provider says.
fn secret_end(connection: &Connection, now: Timestamp) -> Option<Reason> {
    let end = connection.client_secret_expires_at?;
    let soon = end < now.plus_seconds(EXPIRY_WARNING_DAYS * 86_400);
    soon.then(|| {
        let detail = format!("The client secret ends at {end}; enter its successor in time.");
        Reason::passed("client secret expiry", detail)
    })
}

/// How we would authenticate.
fn authentication(named: Option<ClientAuthentication>, client: &OidcClient) -> Reason {
    const CHECK: &str = "client authentication";
    match (named, &client.secret) {
        (Some(ClientAuthentication::Basic | ClientAuthentication::Post), None) => {
            Flaw::new("client_secret_missing", CHECK, "The client secret is missing. Enter it.").reason()
        }
        (Some(ClientAuthentication::Basic), _) => {
            Reason::passed(CHECK, "The client secret goes in the header (client_secret_basic).")
        }
        (Some(ClientAuthentication::Post), _) => {
            Reason::passed(CHECK, "The client secret goes in the form (client_secret_post).")
        }
        (Some(ClientAuthentication::PrivateKeyJwt), _) => {
            Reason::passed(CHECK, "A statement is signed with our key (private_key_jwt).")
        }
        (None, _) => Reason::passed(CHECK, "None: a public client, which PKCE protects."),
    }
}
