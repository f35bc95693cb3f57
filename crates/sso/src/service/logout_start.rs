//! Signing out at the provider too: our session has ended, the browser carries a signed request there.

use gatehouse_saml::{LogoutRequest, LogoutResponse};
use gatehouse_types::{Error, Result, SigningKeyId, digest};

use crate::Sso;
use crate::model::{Connection, SloBinding};
use crate::store::connections;
use crate::store::keys;
use crate::store::logout::{self, PendingLogout};

/// How long a logout request waits for its answer, in seconds.
pub(crate) const LOGOUT_SECONDS: i64 = 15 * 60;
/// How long the provider may take a logout request for good, in microseconds.
const REQUEST_MICROS: i64 = 5 * 60 * 1_000_000;

/// How the browser carries a message to the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leave {
    /// To this address.
    Redirect(String),
    /// With a form of these fields to this address.
    Post {
        /// Where to.
        action: String,
        /// Names and values.
        fields: Vec<(String, String)>,
    },
}

/// The id of the request that a ticket leads to: an xs:ID starts with a letter or underscore.
pub(crate) fn request_id(ticket: &str) -> String {
    format!("_{}", digest(ticket))
}

impl Sso {
    /// Where the browser of a finished sign-out goes with its ticket; `None` when the ticket is unknown or too old, or
    /// the connection has no single logout any more.
    ///
    /// # Errors
    /// When the database fails or our key cannot sign.
    pub async fn leave(&self, ticket: &str) -> Result<Option<Leave>> {
        let (store, asked) = (&self.0.store, request_id(ticket));
        // a stranger's guess takes no turn of the writer
        let known = logout::connection_of(&mut store.reader(), &asked, store.now()).await?;
        let Some(known) = known else { return Ok(None) };
        let Some(known) = connections::find_anywhere(&mut store.reader(), &known).await? else {
            return Ok(None);
        };
        if let Some(config) = known.config.wsfed() {
            return self.leave_wsfed(&known, config, &asked).await;
        }
        if known.config.oidc().is_some() {
            let mut tx = store.begin_always().await?;
            let Some(pending) = logout::find(&mut tx, &asked).await? else { return Ok(None) };
            return self.leave_openid(&known, &pending.called, ticket);
        }
        // before the transaction: the first look at our key may write it
        let key = self.key_ring(&known.workspace_id).await?.current;
        let mut tx = store.begin_always().await?;
        let Some(PendingLogout { id, connection_id, called, .. }) = logout::find(&mut tx, &asked).await?
        else {
            return Ok(None);
        };
        let connection = connections::find_anywhere(&mut tx, &connection_id).await?;
        let told = connection.as_ref().and_then(|c| {
            let saml = c.config.saml()?;
            Some((saml, saml.slo_url.clone()?))
        });
        let Some((saml, destination)) = told else { return Ok(None) };
        let now = store.now().micros();
        let request = LogoutRequest {
            id,
            issue_instant: now,
            not_on_or_after: Some(now + REQUEST_MICROS),
            destination: destination.clone(),
            issuer: self.entity_id(),
            name_id: called.name_id(),
            session_indexes: called.session_index.into_iter().collect(),
        };
        let leave = match saml.slo_binding {
            SloBinding::Redirect => {
                Leave::Redirect(request.redirect_url(None, &key.signing).map_err(Error::internal)?)
            }
            SloBinding::Post => {
                let field = request.post_field(&key.signing, &key.certificate).map_err(Error::internal)?;
                Leave::Post { action: destination, fields: vec![("SAMLRequest".to_owned(), field)] }
            }
        };
        keys::touch(&mut tx, &key.id);
        tx.commit().await?;
        Ok(Some(leave))
    }

    /// The signed answer to a provider's logout request, on its binding; `None` when the connection says no address.
    pub(crate) async fn answer_logout(
        &self,
        connection: &Connection,
        mut response: LogoutResponse,
        relay_state: Option<&str>,
    ) -> Result<Option<(Leave, SigningKeyId)>> {
        let Some(saml) = connection.config.saml() else { return Ok(None) };
        let Some(destination) = saml.slo_response_url.clone().or(saml.slo_url.clone()) else {
            return Ok(None);
        };
        response.destination.clone_from(&destination);
        let key = self.key_ring(&connection.workspace_id).await?.current;
        let leave = match saml.slo_binding {
            SloBinding::Redirect => {
                Leave::Redirect(response.redirect_url(relay_state, &key.signing).map_err(Error::internal)?)
            }
            SloBinding::Post => {
                let field = response.post_field(&key.signing, &key.certificate).map_err(Error::internal)?;
                let mut fields = vec![("SAMLResponse".to_owned(), field)];
                fields.extend(relay_state.map(|r| ("RelayState".to_owned(), r.to_owned())));
                Leave::Post { action: destination, fields }
            }
        };
        Ok(Some((leave, key.id.clone())))
    }
}
