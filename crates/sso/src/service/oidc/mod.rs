//! Sign-in over OpenID Connect: the way to the provider, its answer, its tokens, and signing out.

pub(crate) mod callback;
pub(crate) mod claims;
pub(crate) mod exchange;
pub(crate) mod leave;
pub(crate) mod logout;
pub(crate) mod provider;
pub(crate) mod start;
pub(crate) mod test;

use gatehouse_types::{ConnectionId, Result};
use serde_json::Value;

use super::connections::not_found;
use crate::Sso;
use crate::oidc::client_auth::key_set;
use crate::store::connections;

impl Sso {
    /// Where a provider sends the browser with its answer; it is registered there.
    pub fn redirect_uri(&self, connection: &ConnectionId) -> String {
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
