//! Sign-in over OpenID Connect: the way to the provider, its answer, its tokens, and signing out.

pub(crate) mod callback;
pub(crate) mod claims;
pub(crate) mod exchange;
pub(crate) mod leave;
pub(crate) mod logout;
mod page;
pub(crate) mod provider;
pub(crate) mod start;
pub(crate) mod test;

pub(crate) use page::OidcPageInput;

use gatehouse_types::{ConnectionId, Result};
use serde_json::Value;

use super::connections::not_found;
use crate::Sso;
use crate::model::{Connection, Provider};
use crate::oidc::client_auth::key_set;
use crate::store::connections;

impl Sso {
    /// Where a provider sends the browser with its answer; it is registered there. The operator's client has one address
    /// for all connections, so that it is registered once.
    pub(crate) fn redirect_uri(&self, connection: &Connection) -> String {
        match connection.config.oidc() {
            Some(config) if config.is_of_operator() && connection.provider == Provider::Google => {
                self.operator_redirect_uri()
            }
            _ => self.own_redirect_uri(&connection.id),
        }
    }

    /// The redirect URI of the operator's client.
    pub(crate) fn operator_redirect_uri(&self) -> String {
        self.0.public_url.join("/oidc/callback")
    }

    /// The redirect URI of a connection with a client of its own.
    pub(crate) fn own_redirect_uri(&self, connection: &ConnectionId) -> String {
        self.0.public_url.join(&format!("/oidc/callback/{connection}"))
    }

    /// Where a provider may send the browser after it signed somebody out; it is registered there.
    pub fn post_logout_redirect_uri(&self, connection: &ConnectionId) -> String {
        self.0.public_url.join(&format!("/oidc/logged-out/{connection}"))
    }

    /// Where a provider tells that somebody left (OpenID Connect Back-Channel Logout 1.0 §2.2).
    pub fn backchannel_logout_uri(&self, connection: &ConnectionId) -> String {
        self.0.public_url.join(&format!("/oidc/backchannel-logout/{connection}"))
    }

    /// Where the keys are with which we authenticate at a connection's provider (RFC 7591 §2, `jwks_uri`).
    pub(crate) fn client_keys_url(&self, connection: &ConnectionId) -> String {
        self.0.public_url.join(&format!("/oidc/jwks/{connection}"))
    }

    /// The public halves of the keys with which we authenticate at a connection's provider, the next one included.
    ///
    /// # Errors
    /// `NotFound` for an unknown connection and for one of another protocol.
    pub async fn client_key_set(&self, id: &ConnectionId) -> Result<Value> {
        let found = connections::find_anywhere(&mut self.0.store.reader(), id).await?;
        let connection = found.filter(|c| c.config.oidc().is_some()).ok_or_else(not_found)?;
        Ok(key_set(&self.key_ring(&connection.workspace_id).await?.published()))
    }
}
