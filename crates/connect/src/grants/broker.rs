//! Tokens for whoever needs one: from memory of the database, else asked for, by one at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use gatehouse_identity::Identity;
use gatehouse_outbound::Http;
use gatehouse_store::Store;
use gatehouse_types::{GrantId, Secret, Timestamp, WorkspaceId};
use gatehouse_web::PublicUrl;
use tokio::sync::Mutex as Turn;

use super::model::{AccessToken, Grant, GrantState, Unavailable};
use super::store;
use crate::memory::Memory;
use crate::oauth::GrantKind;
use crate::{ClientSpec, Holder, Owner, holders};

/// How long before its end a token is replaced, in seconds; a tenth of its life when that is less.
const AHEAD_SECONDS: i64 = 60;

/// Grants, and whose turn it is to ask for their tokens.
#[derive(Clone, Debug)]
pub(crate) struct Broker(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) identity: Identity,
    pub(super) http: Http,
    pub(super) public_url: PublicUrl,
    pub(super) memory: Memory,
    /// This server, as leases name it.
    pub(super) me: String,
    turns: Mutex<HashMap<String, Weak<Turn<()>>>>,
}

/// Which token is wanted.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) workspace: WorkspaceId,
    pub(super) holder: Holder,
    pub(super) owner: Owner,
    /// The token that an outside service refused: another one is wanted.
    pub(super) refused: Option<Refused>,
}

/// Which token was refused: of which grant, in which version. A grant that was ended and given anew is another one, and
/// begins with the first version again.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) grant: GrantId,
    pub(crate) version: i64,
}

impl Refused {
    fn is(&self, grant: &Grant) -> bool {
        self.grant == grant.id && self.version >= grant.version
    }
}

impl From<&AccessToken> for Refused {
    fn from(token: &AccessToken) -> Self {
        Self { grant: token.grant.clone(), version: token.version }
    }
}

impl Broker {
    pub(crate) fn new(identity: Identity, http: Http, public_url: PublicUrl, memory: Memory) -> Self {
        let store = identity.store().clone();
        let me = store.ids().uuid().simple().to_string();
        Self(Arc::new(Inner { store, identity, http, public_url, memory, me, turns: Mutex::default() }))
    }

    /// A token that is good for a while yet: the one that is there, else a new one. However many ask, the server is asked
    /// once.
    ///
    /// # Errors
    /// [`Unavailable`] says why there is none.
    pub(crate) async fn token(
        &self,
        workspace: &WorkspaceId,
        holder: &Holder,
        owner: &Owner,
        spec: &ClientSpec,
    ) -> Result<AccessToken, Unavailable> {
        self.fill(
            Order {
                workspace: workspace.clone(),
                holder: holder.clone(),
                owner: owner.clone(),
                refused: None,
            },
            spec,
        )
        .await
    }

    /// Another token than this one, which an outside service refused. Whoever comes with an old one gets the newer one
    /// without a new question to the server.
    ///
    /// # Errors
    /// As [`Broker::token`].
    pub(crate) async fn refuse(
        &self,
        workspace: &WorkspaceId,
        holder: &Holder,
        owner: &Owner,
        spec: &ClientSpec,
        refused: Refused,
    ) -> Result<AccessToken, Unavailable> {
        let (workspace, holder, owner) = (workspace.clone(), holder.clone(), owner.clone());
        self.fill(Order { workspace, holder, owner, refused: Some(refused) }, spec).await
    }

    /// The token of a grant that was read, when it need not be replaced, and when it must be.
    pub(crate) fn at_hand(&self, grant: &Grant) -> Option<(AccessToken, Option<Timestamp>)> {
        Some((usable(grant, None, self.0.store.now())?, replaced_at(grant)))
    }

    async fn fill(&self, order: Order, spec: &ClientSpec) -> Result<AccessToken, Unavailable> {
        let found = self.found(&order, spec).await?;
        if let Some(token) = usable(&found, order.refused.as_ref(), self.0.store.now()) {
            return Ok(token);
        }
        // in a task of its own: a caller who goes away takes no answer of the server along
        let (broker, spec) = (self.clone(), spec.clone());
        let asked = tokio::spawn(async move { broker.renew(&order, &spec).await }).await;
        asked.unwrap_or_else(|e| Err(Unavailable::Ours(gatehouse_types::Error::internal(e))))
    }

    /// The grant; one for which nobody is asked is made at its first use.
    pub(super) async fn found(&self, order: &Order, spec: &ClientSpec) -> Result<Grant, Unavailable> {
        let Order { workspace, holder, owner, .. } = order;
        let db = &mut self.0.store.reader();
        if let Some(grant) = store::find(&self.0.store, db, workspace, holder, owner).await? {
            return Ok(grant);
        }
        if spec.grant != GrantKind::ClientCredentials {
            return Err(Unavailable::NotAuthorized);
        }
        let mut tx = self.0.store.begin_always().await?;
        // a call that was under way when it was deleted leaves nothing behind
        if !holders::lock(&mut tx, workspace, holder).await? {
            return Err(Unavailable::NotAuthorized);
        }
        store::prepare(&mut tx, workspace, holder, owner).await?;
        tx.commit().await?;
        let grant = store::find(&self.0.store, db, workspace, holder, owner).await?;
        grant.ok_or(Unavailable::NotAuthorized)
    }

    /// Whose turn it is in this process, by grant.
    pub(super) fn turn(&self, order: &Order) -> Arc<Turn<()>> {
        let key = format!("{} {}", order.holder.object(), order.owner.stored_id());
        let mut turns = self.0.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&key).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(Turn::new(()));
        turns.insert(key, Arc::downgrade(&turn));
        turn
    }
}

/// The token of a grant as it goes out.
pub(super) fn token_of(grant: &Grant) -> Option<AccessToken> {
    let token = grant.tokens.access_token.as_deref()?;
    Some(AccessToken {
        grant: grant.id.clone(),
        version: grant.version,
        token: Secret::new(token),
        values: grant.tokens.values.clone(),
        asked: grant.asked.clone(),
        expires_at: grant.facts.expires_at,
    })
}

/// The token of a grant when it need not be replaced.
pub(super) fn usable(grant: &Grant, refused: Option<&Refused>, now: Timestamp) -> Option<AccessToken> {
    let is_refused = refused.is_some_and(|refused| refused.is(grant));
    if is_refused || grant.state == GrantState::NeedsReauthorization || ends_soon(grant, now) {
        return None;
    }
    token_of(grant)
}

/// The token of a grant that is to be replaced and could not be, while it still counts.
pub(super) fn still_good(grant: &Grant, refused: Option<&Refused>, now: Timestamp) -> Option<AccessToken> {
    let is_refused = refused.is_some_and(|refused| refused.is(grant));
    let is_over = grant.facts.expires_at.is_some_and(|end| end <= now);
    if is_refused || is_over || grant.state == GrantState::NeedsReauthorization {
        return None;
    }
    token_of(grant)
}

/// When a token is replaced; `None`: when it is refused.
fn replaced_at(grant: &Grant) -> Option<Timestamp> {
    let end = grant.facts.expires_at?;
    let began = grant.facts.refreshed_at.unwrap_or(grant.facts.created_at);
    let ahead = AHEAD_SECONDS.min(((end.micros() - began.micros()) / 10_000_000).max(0));
    Some(end.plus_seconds(-ahead))
}

fn ends_soon(grant: &Grant, now: Timestamp) -> bool {
    replaced_at(grant).is_some_and(|at| at <= now)
}

#[cfg(test)]
mod tests {
    use gatehouse_types::Id;

    use super::*;
    use crate::grants::model::{Asked, Facts, Kept};

    fn grant(id: &str, version: i64) -> Grant {
        Grant {
            id: GrantId::from_stored(id.to_owned()),
            workspace: WorkspaceId::from_stored("w".to_owned()),
            holder: Holder::Profile(gatehouse_types::AuthProfileId::from_stored("p".to_owned())),
            owner: Owner::Service,
            version,
            state: GrantState::Ok,
            tokens: Kept { access_token: Some("token".to_owned()), ..Kept::default() },
            asked: Asked::default(),
            facts: Facts {
                has_access: true,
                has_refresh: false,
                expires_at: None,
                refresh_expires_at: None,
                scope: None,
                reason: None,
                failures: 0,
                retry_at: None,
                told_at: None,
                end_told_days: None,
                lease_by: None,
                authorized_by: None,
                authorized_at: None,
                refreshed_at: None,
                last_used_at: None,
                created_at: Timestamp::from_seconds(1),
            },
        }
    }

    #[test]
    fn a_refusal_is_of_one_grants_token_and_of_those_before_it() {
        let now = Timestamp::from_seconds(2);
        let refused =
            |id: &str, version: i64| Refused { grant: GrantId::from_stored(id.to_owned()), version };
        let takes = |grant: &Grant, refused: &Refused| usable(grant, Some(refused), now).is_some();
        assert!(!takes(&grant("a", 2), &refused("a", 2)));
        assert!(takes(&grant("a", 3), &refused("a", 2)));
        // given anew it begins with the first version: the refusal of the former one says nothing of it
        assert!(takes(&grant("b", 1), &refused("a", 7)));
        assert!(still_good(&grant("b", 1), Some(&refused("a", 7)), now).is_some());
    }
}
