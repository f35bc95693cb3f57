//! What was granted is kept, if everything that it was granted for still is as it was when the question went out. Else nobody
//! will use it, and the provider takes it back.

use gatehouse_store::audit::{self, Event};
use gatehouse_store::{Store, Tx};
use gatehouse_types::{Actor, Error, GrantId, Id, Result, Timestamp};
use serde_json::json;

use super::finish::Callback;
use super::model::{Asked, GrantState, Kept};
use super::requests::Waiting;
use super::store::{self, Fresh};
use super::{answer, end, notices};
use crate::holders::{self, About};
use crate::oauth::answer::Tokens;
use crate::{ClientSpec, Connect};

/// An authorization that went well.
#[derive(Debug)]
pub(crate) struct Landed {
    pub(crate) about: About,
    /// Where the browser goes.
    pub(crate) return_to: String,
    /// What is good to know: no refresh token came.
    pub(crate) warning: Option<&'static str>,
}

/// What is said when tokens cannot be refreshed.
pub(super) const NO_REFRESH: &str = "The provider gave no refresh token: when the access token ends, it must be authorized again. Many providers need a \
     scope such as offline_access, or a parameter such as access_type=offline in the authorization URL.";

/// What a server granted, and all that it was granted for.
pub(super) struct Granted {
    pub(super) waiting: Waiting,
    /// What the person was asked for.
    pub(super) asked: Asked,
    /// Who was asked, and as whom.
    pub(super) spec: ClientSpec,
    pub(super) about: About,
    pub(super) tokens: Tokens,
    pub(super) there: There,
    /// The reconnect link by which it began.
    pub(super) link: Option<String>,
}

/// Which grant was there before the server was asked, and when somebody authorized it.
pub(super) struct There(Option<(GrantId, Option<Timestamp>)>);

impl There {
    pub(super) async fn of(db: &Store, waiting: &Waiting) -> Result<Self> {
        let Waiting { workspace, holder, owner, .. } = waiting;
        let found = store::look(&mut db.reader(), workspace, holder, owner).await?;
        Ok(Self(found.map(|grant| (grant.id, grant.facts.authorized_at))))
    }
}

/// Why what was granted is not kept.
struct Overtaken {
    check: &'static str,
    error: Error,
}

impl Overtaken {
    fn by(check: &'static str, why: &'static str) -> Self {
        Self { check, error: Error::conflict(format!("Nothing was connected. {why}")) }
    }
}

impl Connect {
    /// Keeps it.
    ///
    /// # Errors
    /// `Conflict` when something overtook it; `Authorization` when the person lost the right meanwhile.
    pub(super) async fn keep(&self, actor: &Actor, granted: Granted, callback: &Callback) -> Result<Landed> {
        let db = &self.0.store;
        let Granted { waiting, asked, spec, tokens, .. } = &granted;
        let Waiting { workspace, holder, owner, user, .. } = waiting;
        let mut kept = answer::kept(tokens, None);
        let more = spec.callback_values.iter();
        kept.values
            .extend(more.filter_map(|(name, param)| Some((name.clone(), callback.more.get(param)?.clone()))));
        let ends = answer::ends(tokens, db.now());
        let asked_for = Some(spec.scopes.as_str()).filter(|s| !s.is_empty());
        let fresh = Fresh {
            tokens: &kept,
            expires_at: ends.access,
            refresh_expires_at: ends.refresh,
            end_told_days: ends.told_at_first(db.now()),
            scope: tokens.scope.as_deref().or(asked_for),
        };
        let mut tx = db.begin_always().await?;
        if let Some(overtaken) = self.overtaken(&mut tx, &granted).await? {
            return self.give_back(tx, actor, &granted, kept, overtaken).await;
        }
        if let Some(link) = &granted.link
            && !holders::use_link(&mut tx, actor, holder, link).await?
        {
            let why = "The reconnect link was used, taken back or ended while you consented. Ask whoever sent it for a new one.";
            return self.give_back(tx, actor, &granted, kept, Overtaken::by("link", why)).await;
        }
        let (id, before) =
            store::authorize(&mut tx, &self.0.memory, workspace, (holder, owner), (user, asked), &fresh)
                .await?;
        let details = json!({"holder": holder.object(), "owner": owner.kind(), "personId": owner.person(),
            "scope": fresh.scope, "refreshable": kept.refresh_token.is_some()});
        let event = Event::success("grant.authorized", ("grant", id.as_str()), details);
        audit::record(&mut tx, actor, event).await?;
        crate::wake::enqueue(&mut tx, workspace, holder, owner).await?;
        if let Some(before) = before.filter(|b| b.facts.told_at.is_some() && b.state != GrantState::Ok) {
            notices::recovered(&self.0.broker.0, &mut tx, &before).await?;
        }
        tx.commit().await?;
        let warning = (kept.refresh_token.is_none() && ends.access.is_some()).then_some(NO_REFRESH);
        let Granted { waiting, about, .. } = granted;
        let return_to = match waiting.return_to.is_empty() {
            true => about.page.clone(),
            false => waiting.return_to,
        };
        Ok(Landed { about, return_to, warning })
    }

    /// What came in between, looked at under the locks of all who could: the switch for leavers, roles, changes and the end
    /// of the holder.
    async fn overtaken(&self, tx: &mut Tx, granted: &Granted) -> Result<Option<Overtaken>> {
        let (db, Waiting { workspace, holder, owner, user, .. }) = (&self.0.store, &granted.waiting);
        self.0.identity.lock_members(tx, workspace).await?;
        let member = self.0.identity.user_with_role(tx, workspace, user).await?;
        let error = match member {
            Some((_, role)) if role.may(granted.waiting.right) => None,
            Some(_) => Some("Your role does not let you authorize this any more."),
            None => Some("You are no member of this workspace any more."),
        };
        if let Some(why) = error {
            return Ok(Some(Overtaken { check: "person", error: Error::authorization(why) }));
        }
        if !holders::lock(tx, workspace, holder).await? {
            let why = "What was to be authorized has been deleted meanwhile.";
            return Ok(Some(Overtaken::by("holder", why)));
        }
        let place = (workspace, holder);
        let spec = holders::spec(db, tx, &self.0.public_url, place, &granted.asked).await;
        // of one that lost its values there is none
        let spec = spec.ok().flatten().filter(|spec| spec.server() == granted.waiting.server);
        if spec.is_none() {
            let why = "Addresses or client were changed while the authorization was under way. Begin again.";
            return Ok(Some(Overtaken::by("holder", why)));
        }
        let now = store::find(db, tx, workspace, holder, owner).await?;
        let is_anew = now.filter(|now| {
            let is_there = granted
                .there
                .0
                .as_ref()
                .is_some_and(|(id, at)| *id == now.id && *at == now.facts.authorized_at);
            !is_there && !now.asked.is_same(&granted.asked)
        });
        let why = "It was authorized with other values at the same moment, and those count. Begin again to change that.";
        Ok(is_anew.map(|_| Overtaken::by("values", why)))
    }

    /// Has the provider take back what nobody will use.
    async fn give_back(
        &self,
        mut tx: Tx,
        actor: &Actor,
        granted: &Granted,
        kept: Kept,
        Overtaken { check, error }: Overtaken,
    ) -> Result<Landed> {
        let Waiting { workspace, holder, .. } = &granted.waiting;
        let spec = end::with_known_revocation(&mut tx, workspace, &granted.spec).await?;
        let revokes = end::enqueue_revocation(&mut tx, workspace, holder, &spec, kept).await?;
        let revoked = if revokes { "enqueued" } else { "not offered" };
        let details = json!({"check": check, "reason": error.message(), "revokedAtProvider": revoked});
        let event = Event::failure("grant.refused", Some((holder.kind(), holder.id())), details);
        audit::record(&mut tx, actor, event).await?;
        tx.commit().await?;
        Err(error)
    }
}
