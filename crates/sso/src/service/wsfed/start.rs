use gatehouse_store::decisions::Reason;
use gatehouse_types::{Actor, ConnectionId, Error, Result, Secret, digest, random_token};
use gatehouse_web::LocalPath;

use super::round_trips::{MAX_ROUND_TRIPS, ROUND_TRIP_SECONDS};
use crate::Sso;
use crate::model::{Connection, Flow, WsfedConfig};
use crate::service::start::{REQUEST_SECONDS, Started, Way};
use crate::store::connections;
use crate::store::requests::{self, Pending};

impl Sso {
    /// Begins a sign-on: the browser goes to the provider with our realm, the reply address and a context that names the
    /// request and cannot be guessed.
    pub(crate) async fn start_wsfed(
        &self,
        connection: &Connection,
        config: &WsfedConfig,
        return_to: &LocalPath,
        browser: Secret,
    ) -> Result<Started> {
        let (store, id) = (&self.0.store, &connection.id);
        let now = store.now();
        let context = format!("_{}", digest(random_token(&**store.random()).expose()));
        let created = gatehouse_types::Timestamp::from_seconds(now.seconds()).to_string();
        let url = config.sign_on_request(&self.realm(id, config), &self.reply_url(id), &context, &created)?;
        let pending = Pending {
            id: context,
            connection_id: id.clone(),
            browser: digest(browser.expose()),
            return_to: return_to.as_str().to_owned(),
            created_at: now,
            expires_at: now.plus_seconds(REQUEST_SECONDS),
            force_authn: false,
        };
        let mut tx = store.begin_always().await?;
        requests::insert(&mut tx, &pending);
        tx.commit().await?;
        self.0.round_trips.count(id, browser.expose(), now);
        Ok(Started { way: Way::Redirect(url), browser })
    }

    /// Stops a browser that goes to the provider and back without being signed in.
    ///
    /// # Errors
    /// `Authentication` with a recorded decision.
    pub(crate) async fn break_loop(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        browser: Option<&str>,
        session: Option<&str>,
    ) -> Result<()> {
        let Some(browser) = browser else { return Ok(()) };
        if !self.0.round_trips.are_many(id, browser, self.0.store.now()) {
            return Ok(());
        }
        if self.is_signed_in(actor, session).await? {
            self.0.round_trips.forget(id, browser);
            return Ok(());
        }
        let found = connections::find_anywhere(&mut self.0.store.reader(), id).await?;
        let Some(connection) = found else { return Ok(()) };
        let detail = format!(
            "This browser went to the provider {MAX_ROUND_TRIPS} times within {ROUND_TRIP_SECONDS} seconds and has no \
             session, so it was not sent there again."
        );
        let check = Reason::failed("round trips", detail);
        let decision =
            self.leave_refusal(actor, &connection, Flow::SpInitiated, "sign_in_loop", check).await?;
        Err(Error::authentication(
            "This browser went to your identity provider and back again and again without being signed in, so it stops \
             here. Allow cookies for this address, wait a minute and begin again; if it happens once more, give your \
             administrator the number below.",
        )
        .decided(decision))
    }

    /// Whether a browser's session cookie is alive.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_signed_in(&self, actor: &Actor, session: Option<&str>) -> Result<bool> {
        let Some(session) = session else { return Ok(false) };
        Ok(self.0.identity.by_cookie(actor.origin.clone(), session).await?.is_some())
    }
}
