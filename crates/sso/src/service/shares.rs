//! Links that show one attempt to the administrator of the provider, who has no account here.

use gatehouse_identity::require;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{
    Actor, ConnectionId, Error, Id, Permission, Result, Secret, SsoAttemptId, TraceShareId, digest,
    random_token,
};
use serde_json::json;

use super::attempts::attempt_not_found;
use super::connections::object;
use crate::Sso;
use crate::model::{LinkLife, Share, Trace};
use crate::store::{attempts, shares};

/// A link lives this many days when nothing else is said.
const DEFAULT_DAYS: i64 = 7;
/// A link lives this many days at most, and never longer than its attempt.
const MAX_DAYS: i64 = 14;
/// Live links of one attempt at most.
const MAX_LIVE: usize = 20;
/// Links of one attempt at most, those that are over included.
const MAX_ALL: usize = 100;
/// Where links lead.
pub(crate) const SHARED_PATH: &str = "/trace";
/// The length of a token: 32 random bytes in base64url.
const TOKEN_LENGTH: usize = 43;

/// A link that was just made; its address is told this once.
#[derive(Debug)]
pub struct NewShare {
    /// The link.
    pub share: Share,
    /// The address with the token.
    pub url: Secret,
}

fn gone() -> Error {
    Error::new(
        gatehouse_types::Kind::NotFound,
        "This link shows nothing: it is mistyped, over, or was taken back. Ask whoever sent it for a new one.",
    )
}

impl Sso {
    /// Makes a link to an attempt.
    ///
    /// # Errors
    /// `NotFound`; `Validation` for a time outside 1 to 14 days; `Conflict` for too many live links.
    pub async fn share_trace(
        &self,
        actor: &Actor,
        connection: Option<&ConnectionId>,
        id: &SsoAttemptId,
        days: Option<i64>,
    ) -> Result<NewShare> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSso, connection.map(object)).await?;
        let attempt = self.attempt_in(workspace, connection, id).await?;
        let days = days.unwrap_or(DEFAULT_DAYS);
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(Error::validation("expiresInDays", "expiresInDays must be between 1 and 14."));
        }
        let now = store.now();
        let token = random_token(&**store.random());
        let share = Share {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            attempt_id: id.clone(),
            life: LinkLife::new(actor, now, now.plus_seconds(days * 86_400).min(attempt.expires_at)),
        };
        let mut tx = store.begin(&actor.origin).await?;
        attempts::lock(&mut tx, id).await?.ok_or_else(attempt_not_found)?;
        let all = shares::of(&mut tx, id).await?;
        let live = all.iter().filter(|s| s.life.status(now) == "active").count();
        if live >= MAX_LIVE || all.len() >= MAX_ALL {
            return Err(Error::conflict("This attempt has too many links. Use one of them, or revoke one."));
        }
        shares::insert(&mut tx, &share, &digest(token.expose())).await?;
        record(&mut tx, actor, "sso.trace-shared", &share).await?;
        tx.commit().await?;
        let url = self.0.public_url.join(&format!("{SHARED_PATH}/{}", token.expose()));
        Ok(NewShare { share, url: Secret::new(url) })
    }

    /// The links of an attempt, the latest first.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn trace_shares(
        &self,
        actor: &Actor,
        connection: Option<&ConnectionId>,
        id: &SsoAttemptId,
    ) -> Result<Vec<Share>> {
        let about = connection.map(object);
        let workspace = require(&self.0.store, actor, Permission::ManageSso, about).await?;
        self.attempt_in(workspace, connection, id).await?;
        Ok(shares::of(&mut self.0.store.reader(), id).await?)
    }

    /// Takes a link back: it shows nothing any more. One that was taken back before stays so.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn revoke_share(
        &self,
        actor: &Actor,
        connection: Option<&ConnectionId>,
        id: &SsoAttemptId,
        share: &TraceShareId,
    ) -> Result<()> {
        let about = connection.map(object);
        let workspace = require(&self.0.store, actor, Permission::ManageSso, about).await?;
        self.attempt_in(workspace, connection, id).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let found = shares::find(&mut tx, id, share).await?.ok_or_else(|| Error::not_found("Trace share"))?;
        if shares::revoke(&mut tx, share, workspace).await? {
            record(&mut tx, actor, "sso.trace-share-revoked", &found).await?;
        }
        Ok(tx.commit().await?)
    }

    /// What a link shows, to whoever has it: the attempt without people. Each opening is counted, the first one leaves
    /// an entry in the audit log.
    ///
    /// # Errors
    /// `NotFound`, the same for a wrong, an expired and a revoked link; `RateLimited`.
    pub async fn shared_trace(&self, actor: &Actor, token: &str) -> Result<(Trace, Share)> {
        let store = &self.0.store;
        self.0.openings.require(&actor.origin.network())?;
        if token.len() != TOKEN_LENGTH {
            return Err(gone());
        }
        let share = shares::open(&mut store.reader(), &digest(token), store.now()).await?.ok_or_else(gone)?;
        let attempt =
            self.attempt_in(&share.workspace_id, None, &share.attempt_id).await.map_err(|_| gone())?;
        let mut tx = store.begin_always().await?;
        let first = shares::count_opening(&mut tx, &share.id).await?.ok_or_else(gone)?;
        if first {
            let details = json!({"attemptId": share.attempt_id, "expiresAt": share.life.expires_at});
            let event = Event::success("sso.trace-opened", ("trace-share", share.id.as_str()), details);
            audit::record_in(&mut tx, actor, Some(&share.workspace_id), event).await?;
        }
        tx.commit().await?;
        let message = self.message_of(&share.attempt_id, false).await?;
        let trace = Trace { message, ..Trace::of(attempt) };
        Ok((trace.without_people(), share))
    }
}

async fn record(
    tx: &mut gatehouse_store::Tx,
    actor: &Actor,
    event: &'static str,
    share: &Share,
) -> Result<()> {
    let details = json!({"attemptId": share.attempt_id, "expiresAt": share.life.expires_at, "opened": share.life.opened});
    let event = Event::success(event, ("trace-share", share.id.as_str()), details);
    Ok(audit::record(tx, actor, event).await?)
}
