//! Asking for new tokens: one at a time in the process by a lock, one among all servers by a lease in the row, and written
//! only over what was read.

use std::time::Duration;

use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, Id, Origin, Secret};
use serde_json::json;
use tokio::time::Instant;

use super::broker::{Broker, Order, still_good, token_of, usable};
use super::model::{AccessToken, Grant, GrantState, Kept, Unavailable};
use super::store::{self, Failed, Fresh};
use super::{answer, end, notices};
use crate::oauth::answer::Tokens;
use crate::oauth::ask::{Wanted, ask};
use crate::oauth::{AskError, GrantKind};
use crate::{ClientSpec, holders};

/// How long one server may ask before another takes over, in seconds; longer than a question and its writing take.
const LEASE_SECONDS: i64 = 15;
/// How long one waits for another server that asks.
const PATIENCE: Duration = Duration::from_secs(18);
/// How often it is looked whether that one is done.
const LOOK: Duration = Duration::from_millis(100);
/// The pause after the first failure, in seconds; it doubles.
const FIRST_PAUSE: i64 = 5;
/// The longest pause, in seconds.
const LONGEST_PAUSE: i64 = 600;
/// Tries to write what a server gave: it gives it once.
const WRITES: u32 = 20;

/// How it came to a question that failed.
#[derive(Clone, Copy)]
struct Way {
    /// It was about a refresh token.
    refreshing: bool,
    /// Another server had the turn before and never wrote.
    after_another: bool,
}

impl Broker {
    /// A new token, or the one that somebody else came by meanwhile.
    pub(super) async fn renew(&self, order: &Order, spec: &ClientSpec) -> Result<AccessToken, Unavailable> {
        let turn = self.turn(order);
        let _mine = turn.lock().await;
        let began = Instant::now();
        loop {
            let grant = self.found(order, spec).await?;
            let spec = &self.still(order, &grant, spec).await?;
            let now = self.0.store.now();
            if let Some(token) = usable(&grant, order.refused.as_ref(), now) {
                return Ok(token);
            }
            if let Some(wait) = self.must_wait(&grant, order) {
                return wait;
            }
            if spec.grant == GrantKind::AuthorizationCode && grant.tokens.refresh_token.is_none() {
                return self.ends_here(&grant, order).await;
            }
            let former = grant.facts.lease_by.clone().filter(|by| *by != self.0.me);
            if !self.lease(&grant).await? {
                if began.elapsed() > PATIENCE {
                    let reason = "Another server of ours asks the provider for a token and is not done yet."
                        .to_owned();
                    return Err(Unavailable::Failing { reason, retry_after: 5 });
                }
                tokio::time::sleep(LOOK).await;
                continue;
            }
            let refresh = grant.tokens.refresh_token.as_deref().map(Secret::new);
            let wanted = match &refresh {
                Some(token) if spec.grant == GrantKind::AuthorizationCode => Wanted::Refresh { token },
                _ => Wanted::Client,
            };
            let concluded = match ask(&self.0.http, spec, wanted).await {
                Ok(tokens) => self.keep(&grant, spec, &tokens).await?,
                Err(error) => {
                    let way = Way {
                        refreshing: matches!(spec.grant, GrantKind::AuthorizationCode),
                        after_another: former.is_some(),
                    };
                    self.give_up(&grant, order, &error, way).await?
                }
            };
            if let Some(concluded) = concluded {
                return concluded;
            }
            // somebody else wrote meanwhile: what they wrote counts
        }
    }

    /// The authorization server as it is by now; a grant that was read before it was given by none but this one. What began
    /// under another one stops: no server gets what another one gave.
    async fn still(
        &self,
        order: &Order,
        grant: &Grant,
        spec: &ClientSpec,
    ) -> Result<ClientSpec, Unavailable> {
        let (db, place) = (&self.0.store, (&order.workspace, &order.holder));
        let now = holders::spec(db, &mut db.reader(), &self.0.public_url, place, &grant.asked).await?;
        now.filter(|now| now.server() == spec.server()).ok_or_else(Unavailable::changed)
    }

    async fn lease(&self, grant: &Grant) -> Result<bool, Unavailable> {
        let until = self.0.store.now().plus_seconds(LEASE_SECONDS);
        let mut tx = self.0.store.begin_always().await?;
        let is_mine = store::lease(&mut tx, grant, &self.0.me, until).await?;
        tx.commit().await?;
        Ok(is_mine)
    }

    /// What is answered without asking: the server said no for good, or it is too early to ask again.
    fn must_wait(&self, grant: &Grant, order: &Order) -> Option<Result<AccessToken, Unavailable>> {
        let reason = || grant.facts.reason.clone().unwrap_or_default();
        if grant.state == GrantState::NeedsReauthorization {
            return Some(Err(Unavailable::NeedsReauthorization { reason: reason() }));
        }
        let now = self.0.store.now();
        let retry = grant.facts.retry_at.filter(|at| grant.state == GrantState::Failing && *at > now)?;
        if let Some(token) = still_good(grant, order.refused.as_ref(), now) {
            return Some(Ok(token));
        }
        let seconds = (retry.micros() - now.micros()) / 1_000_000 + 1;
        Some(Err(Unavailable::Failing { reason: reason(), retry_after: u32::try_from(seconds).unwrap_or(1) }))
    }

    /// There is no refresh token: a token that is over needs a person, and so does one that is refused.
    async fn ends_here(&self, grant: &Grant, order: &Order) -> Result<AccessToken, Unavailable> {
        let now = self.0.store.now();
        if let Some(token) = still_good(grant, order.refused.as_ref(), now) {
            return Ok(token);
        }
        if grant.facts.expires_at.is_none_or(|end| end > now) {
            let reason =
                "The service refuses the token, and the provider gave no refresh token with it.".to_owned();
            return Err(Unavailable::NeedsReauthorization { reason });
        }
        let reason = "The access token ended, and the provider gave no refresh token with it.".to_owned();
        self.needs_somebody(grant, &reason).await?;
        Err(Unavailable::NeedsReauthorization { reason })
    }

    /// Writes new tokens. `None` when the grant is another one by now.
    async fn keep(
        &self,
        grant: &Grant,
        spec: &ClientSpec,
        tokens: &Tokens,
    ) -> Result<Option<Result<AccessToken, Unavailable>>, Unavailable> {
        let kept = answer::kept(tokens, Some(grant));
        let mut tries = 0;
        let written = loop {
            match self.write(grant, tokens, &kept).await {
                Ok(written) => break written,
                // the server gives a rotating token once: it is not thrown away because the database is away for a moment
                Err(error) if tries < WRITES => {
                    tries += 1;
                    tracing::warn!(grant = %grant.id, %error, "new tokens could not be written; trying again");
                    tokio::time::sleep(Duration::from_millis(u64::from(tries) * 100)).await;
                }
                Err(error) => return Err(error.into()),
            }
        };
        if written {
            let ends = answer::ends(tokens, self.0.store.now());
            let mut fresh = grant.clone();
            (fresh.version, fresh.tokens, fresh.state) = (grant.version + 1, kept, GrantState::Ok);
            fresh.facts.expires_at = ends.access;
            return Ok(token_of(&fresh).map(Ok));
        }
        // it was authorized anew or ended while we asked: nobody will use what we hold now
        self.orphaned(grant, spec, tokens).await?;
        Ok(None)
    }

    async fn write(&self, grant: &Grant, tokens: &Tokens, kept: &Kept) -> gatehouse_types::Result<bool> {
        let ends = answer::ends(tokens, self.0.store.now());
        let scope = tokens.scope.as_deref().or(grant.facts.scope.as_deref());
        let refresh_end =
            ends.refresh.or(grant.facts.refresh_expires_at.filter(|_| tokens.refresh_token.is_none()));
        let fresh = Fresh {
            tokens: kept,
            expires_at: ends.access,
            refresh_expires_at: refresh_end,
            end_told_days: ends.told_after(&grant.facts, self.0.store.now()),
            scope,
        };
        let mut tx = self.0.store.begin_always().await?;
        let written = store::renew(&mut tx, &self.0.memory, grant, &fresh).await?;
        if written && grant.state != GrantState::Ok {
            let event = Event::success("grant.recovered", ("grant", grant.id.as_str()), end::details(grant));
            audit::record_in(&mut tx, &self.machine(grant), Some(&grant.workspace), event).await?;
            if grant.facts.told_at.is_some() {
                notices::recovered(&self.0, &mut tx, grant).await?;
            }
        }
        tx.commit().await?;
        Ok(written)
    }

    async fn orphaned(&self, grant: &Grant, spec: &ClientSpec, tokens: &Tokens) -> Result<(), Unavailable> {
        let kept = answer::kept(tokens, None);
        let mut tx = self.0.store.begin_always().await?;
        let spec = end::with_known_revocation(&mut tx, &grant.workspace, spec).await?;
        end::enqueue_revocation(&mut tx, &grant.workspace, &grant.holder, &spec, kept).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Notes why there are no tokens. `None` when the grant is another one by now: what was refused is not its token.
    async fn give_up(
        &self,
        grant: &Grant,
        order: &Order,
        error: &AskError,
        way: Way,
    ) -> Result<Option<Result<AccessToken, Unavailable>>, Unavailable> {
        let is_final = matches!(error, AskError::Refused(r) if r.is_final()) && way.refreshing;
        if is_final {
            let mut reason = error.to_string();
            if way.after_another {
                reason.push_str(
                    " A server of ours had asked before and died before it could write the answer: the provider may have \
                     taken the old refresh token back with it.",
                );
            }
            let written = self.needs_somebody(grant, &reason).await?;
            return Ok(written.then_some(Err(Unavailable::NeedsReauthorization { reason })));
        }
        let (reason, now) = (error.to_string(), self.0.store.now());
        let doubled = u32::try_from(grant.facts.failures).unwrap_or(10).min(10);
        let pause = FIRST_PAUSE.saturating_mul(1 << doubled).min(LONGEST_PAUSE);
        // a refusal of our client is for somebody to mend; a network mends itself
        let tell = matches!(error, AskError::Refused(_)) && grant.facts.told_at.is_none();
        let failed = Failed {
            state: GrantState::Failing,
            reason: &reason,
            retry_at: Some(now.plus_seconds(pause)),
            told: tell,
        };
        let mut tx = self.0.store.begin_always().await?;
        let written = store::fail(&mut tx, &self.0.memory, grant, &failed).await?;
        if written && tell {
            notices::failing(&self.0, &mut tx, grant, &reason).await?;
        }
        tx.commit().await?;
        if !written {
            return Ok(None);
        }
        if let Some(token) = still_good(grant, order.refused.as_ref(), now) {
            return Ok(Some(Ok(token)));
        }
        let retry_after = u32::try_from(pause).unwrap_or(1);
        Ok(Some(Err(Unavailable::Failing { reason, retry_after })))
    }

    /// Notes that somebody must authorize again, and tells who answers for it, once.
    async fn needs_somebody(&self, grant: &Grant, reason: &str) -> Result<bool, Unavailable> {
        let failed = Failed { state: GrantState::NeedsReauthorization, reason, retry_at: None, told: true };
        let mut tx = self.0.store.begin_always().await?;
        let written = store::fail(&mut tx, &self.0.memory, grant, &failed).await?;
        if written {
            let mut details = end::details(grant);
            details["reason"] = json!(reason);
            let event =
                Event::failure("grant.needs-reauthorization", Some(("grant", grant.id.as_str())), details);
            audit::record_in(&mut tx, &self.machine(grant), Some(&grant.workspace), event).await?;
            notices::needs_reauthorization(&self.0, &mut tx, grant, reason).await?;
        }
        tx.commit().await?;
        Ok(written)
    }

    fn machine(&self, grant: &Grant) -> Actor {
        Actor::system(Origin::machine(self.0.store.ids().make()), Some(grant.workspace.clone()))
    }
}
