//! Signing out at the provider too (OpenID Connect RP-Initiated Logout 1.0 §2): our session has ended, the browser
//! carries the request there and may come back.

use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, ConnectionId, Error, Id, Result};
use serde_json::json;
use url::Url;

use crate::Sso;
use crate::model::{Connection, Flow};
use crate::service::logout_start::{Leave, request_id};
use crate::store::logout::{self, Called};
use crate::store::{attempts, connections};

impl Sso {
    /// Where the browser of a finished sign-out goes; `None` when the provider named no address for it. The request is
    /// found again by `state`, which is the ticket.
    pub(crate) fn leave_openid(
        &self,
        connection: &Connection,
        called: &Called,
        ticket: &str,
    ) -> Result<Option<Leave>> {
        let (Some(endpoint), Some(config)) = (&called.end_session, connection.config.oidc()) else {
            return Ok(None);
        };
        let client_id = match (&self.0.options.google, config.is_of_operator()) {
            (Some(google), true) => google.client_id.as_str(),
            _ => config.client_id.as_str(),
        };
        let mut url = Url::parse(endpoint).map_err(Error::internal)?;
        {
            let mut query = url.query_pairs_mut();
            if let Some(hint) = &called.id_token {
                query.append_pair("id_token_hint", hint);
            }
            query.append_pair("client_id", client_id);
            query.append_pair("post_logout_redirect_uri", &self.post_logout_redirect_uri(&connection.id));
            query.append_pair("state", ticket);
        }
        Ok(Some(Leave::Redirect(url.into())))
    }

    /// The browser is back from the provider; says whether it was sent there. It is told so once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn back_from_logout(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        state: Option<&str>,
    ) -> Result<bool> {
        let Some(asked) = state.map(request_id) else { return Ok(false) };
        let store = &self.0.store;
        // a stranger's guess takes no turn of the writer
        if logout::connection_of(&mut store.reader(), &asked, store.now()).await?.as_ref() != Some(id) {
            return Ok(false);
        }
        let Some(connection) = connections::find_anywhere(&mut store.reader(), id).await? else {
            return Ok(false);
        };
        let mut tx = store.begin_always().await?;
        if !logout::take(&mut tx, id, &asked).await? {
            return Ok(false);
        }
        let attempt =
            crate::model::Attempt { success: true, ..self.blank_attempt(actor, &connection, Flow::Logout) };
        let details = json!({"status": "success", "attemptId": attempt.id});
        attempts::insert(&mut tx, &connection.workspace_id, &attempt, None)?;
        let event = Event::success("sso.logout-answered", ("connection", id.as_str()), details);
        audit::record_in(&mut tx, actor, Some(&connection.workspace_id), event).await?;
        tx.commit().await?;
        Ok(true)
    }
}
