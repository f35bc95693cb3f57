//! Sign-off: the way to the provider after our session has ended, and the provider's own request to clean up.

use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::Reason;
use gatehouse_types::{Actor, ConnectionId, Error, Id, Result, SessionId, digest};
use serde_json::json;

use super::wsfed_of;
use crate::Sso;
use crate::model::{Attempt, Connection, Flow, WsfedConfig};
use crate::service::logout_start::Leave;
use crate::store::{attempts, connections, logout};

/// What came of a provider's request to clean up.
#[derive(Debug)]
pub struct CleanUp {
    /// The provider's address that the browser goes back to, when the request names one.
    pub back: Option<String>,
    /// The origin of the provider, which may frame the answer.
    pub provider: String,
    /// Whether the browser's own session cookie has ended with it.
    pub own: bool,
}

impl Sso {
    /// Ends the sessions of this browser that began through the connection (WS-Federation 1.2 §13.2.4.1). The request is
    /// not signed, so it can do no more: a session of another browser or another connection goes on. A browser that has
    /// none is answered alike.
    ///
    /// # Errors
    /// `NotFound` for an unknown connection.
    pub async fn clean_up(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        browser: Option<&str>,
        session: Option<&str>,
        reply: Option<&str>,
    ) -> Result<CleanUp> {
        let found = connections::find_anywhere(&mut self.0.store.reader(), id).await?;
        let connection = found.ok_or_else(|| Error::not_found("Connection"))?;
        let config = wsfed_of(&connection)?;
        let own = match session {
            Some(cookie) => self.0.identity.by_cookie(actor.origin.clone(), cookie).await?,
            None => None,
        };
        let own = own.and_then(|actor| actor.session().ok().cloned());
        let known = match browser {
            Some(browser) => {
                let reader = &mut self.0.store.reader();
                logout::of_browser(reader, id, &digest(browser)).await?
            }
            None => Vec::new(),
        };
        let own_ended = self.end_here(actor, &connection, own, known).await?;
        Ok(CleanUp {
            back: reply.filter(|url| config.is_at_provider(url)).map(str::to_owned),
            provider: origin(config),
            own: own_ended,
        })
    }

    /// Ends sessions of the connection; says whether the browser's present one was among them.
    async fn end_here(
        &self,
        actor: &Actor,
        connection: &Connection,
        own: Option<SessionId>,
        mut known: Vec<SessionId>,
    ) -> Result<bool> {
        known.extend(own.iter().filter(|id| !known.contains(id)).cloned().collect::<Vec<_>>());
        if known.is_empty() {
            return Ok(false);
        }
        let mut tx = self.0.store.begin_always().await?;
        let (mut ended, mut own_ended) = (0, false);
        for session in &known {
            let through = logout::of_session(&mut tx, session).await?;
            if through.is_none_or(|(of, ..)| of != connection.id) {
                continue;
            }
            if self.0.identity.end_for_provider(&mut tx, actor, session).await? {
                ended += 1;
                own_ended |= own.as_ref() == Some(session);
            }
            logout::forget(&mut tx, session).await?;
        }
        if ended > 0 {
            let detail = format!("The provider asked to clean up; {ended} of this browser's sessions ended.");
            let attempt = Attempt {
                success: true,
                checks: vec![Reason::passed("clean-up", detail)],
                ..self.blank_attempt(actor, connection, Flow::Logout)
            };
            let workspace = &connection.workspace_id;
            attempts::insert(&mut tx, workspace, &attempt, None)?;
            let details = json!({"sessionsEnded": ended, "attemptId": attempt.id});
            let target = ("connection", connection.id.as_str());
            let event = Event::success("sso.logout-received", target, details);
            audit::record_in(&mut tx, actor, Some(workspace), event).await?;
        }
        tx.commit().await?;
        Ok(own_ended)
    }

    /// The sign-off request of a ticket (WS-Federation 1.2 §13.2.4); it is used once.
    pub(crate) async fn leave_wsfed(
        &self,
        connection: &Connection,
        config: &WsfedConfig,
        asked: &str,
    ) -> Result<Option<Leave>> {
        let mut tx = self.0.store.begin_always().await?;
        if !logout::take(&mut tx, &connection.id, asked).await? {
            return Ok(None);
        }
        tx.commit().await?;
        let (realm, reply) = (self.realm(&connection.id, config), self.reply_url(&connection.id));
        config.sign_off_request(&realm, &reply).map(|url| Some(Leave::Redirect(url)))
    }
}

fn origin(config: &WsfedConfig) -> String {
    let url = url::Url::parse(config.sign_on());
    url.map(|u| u.origin().ascii_serialization()).unwrap_or_default()
}
