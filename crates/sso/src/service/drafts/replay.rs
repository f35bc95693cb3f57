//! Recorded sign-ins run against a draft: who would still get in, with which role, and who would not. No session begins.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gatehouse_identity::require;
use gatehouse_types::{
    Actor, ConnectionId, DraftId, Email, Error, Id, Permission, Principal, Result, Role, SsoAttemptId,
    Timestamp, UserId,
};
use serde_json::json;

use super::judge::{Judge, Recorded, Why, Would};
use super::{DraftView, record};
use crate::Sso;
use crate::model::{Attempt, Connection};
use crate::service::connections::object;
use crate::service::person::Claims;
use crate::store::attempts::{self, KEPT_DAYS, KEPT_OF_CONNECTION, Kept};
use crate::store::{drafts, settings};

/// Recorded messages that are in memory at once; each has 1 MiB at most, and 10 KiB as a rule.
const AT_ONCE: i64 = 16;
/// People whose outcome is told one by one, at most; all of them are counted.
pub(super) const MAX_TOLD: usize = 1000;

/// The check that a provider's signature passed.
const SIGNATURE: &str = "signature";

/// Refusals that no configuration decides: the same answer sent twice, another browser, a session that was over.
const NOT_OF_CONFIGURATION: [&str; 5] =
    ["replayed", "request_unknown", "browser_mismatch", "session_logged_out", "connection_inactive"];

/// What the recorded sign-ins of a connection would come to under a draft.
#[derive(Clone, Debug)]
pub struct Replay {
    /// When it was run.
    pub at: Timestamp,
    /// The recorded sign-ins of this long ago and later.
    pub since: Timestamp,
    /// Sign-ins that were run.
    pub replayed: usize,
    /// Of them, those that were good when they were recorded and would be refused now, whoever it was.
    pub would_fail: usize,
    /// Sign-ins that were not run: no message is kept, or they were refused for what no configuration decides.
    pub skipped: usize,
    /// People by their last recorded sign-in: those locked out first, owners before others.
    pub people: Vec<ReplayedPerson>,
    /// How many people there are, beyond what `people` holds too.
    pub total: usize,
    /// People who signed in and would not any more.
    pub locked_out: usize,
    /// Owners among them.
    pub owners_locked_out: usize,
    /// People who were refused and would get in.
    pub let_in: usize,
}

/// One person's last recorded sign-in, then and under the draft.
#[derive(Clone, Debug)]
pub struct ReplayedPerson {
    /// The address that the provider gave; the subject for somebody whose address was not kept.
    pub email: Option<String>,
    /// The account, when there is one.
    pub user_id: Option<UserId>,
    /// The attempt that was run.
    pub attempt_id: SsoAttemptId,
    /// When it was.
    pub at: Timestamp,
    /// Whether it was good then.
    pub before: bool,
    /// Whether it would be good now.
    pub after: bool,
    /// The role that the person would have; `None` for who would not get in.
    pub role: Option<Role>,
    /// The role that the person has.
    pub current_role: Option<Role>,
    /// The code of the check that would fail.
    pub reason: Option<String>,
    /// What it means, in plain words.
    pub detail: Option<String>,
    /// Whether the person owns the workspace.
    pub owner: bool,
    /// Whether the person may sign in by password as well: an owner, excluded, or nobody must use single sign-on.
    pub other_way_in: bool,
}

impl ReplayedPerson {
    /// Whether the person signed in lately and would not any more.
    pub fn is_locked_out(&self) -> bool {
        self.before && !self.after
    }
}

/// One recorded sign-in under the draft.
struct Judged {
    attempt: Attempt,
    outcome: Result<Claims, Why>,
}

impl Sso {
    /// Runs the recorded sign-ins of the last 14 days against a draft, with the clock as it was.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn replay_draft(&self, actor: &Actor, id: &ConnectionId, draft: &DraftId) -> Result<Replay> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let view = self.draft_of(workspace, id, draft).await?;
        let replay = self.replay_of(actor, &view).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        drafts::note_replay(&mut tx, draft, replay.at).await?;
        let details = json!({"replayed": replay.replayed, "lockedOut": replay.locked_out,
            "ownersLockedOut": replay.owners_locked_out});
        record(&mut tx, actor, "sso.draft-replayed", &view.draft, details).await?;
        tx.commit().await?;
        Ok(replay)
    }

    /// The same for a draft that the caller was shown already; nothing is noted.
    ///
    /// # Errors
    /// `RateLimited`.
    pub(crate) async fn replay_of(&self, actor: &Actor, view: &DraftView) -> Result<Replay> {
        // whoever holds a link uses up no turns of the administrators
        self.0.replays.require(match &actor.principal {
            Principal::SetupLink { link_id, .. } => link_id.as_str(),
            _ => view.connection.workspace_id.as_str(),
        })?;
        let judge = Arc::new(Judge::of(self, &view.proposed).await?);
        let now = self.0.store.now();
        let since = now.plus_seconds(-KEPT_DAYS * 86_400);
        let (mut skipped, mut replayed, mut would_fail) = (0, 0, 0);
        // the newest comes first: it decides what a person is told as, a good one before a refused one
        let mut newest: BTreeMap<String, Judged> = BTreeMap::new();
        let mut after = None;
        // as many that were let in as were refused, at most
        for _ in 0..=2 * KEPT_OF_CONNECTION / AT_ONCE {
            let db = &mut self.0.store.reader();
            let kept = attempts::kept(&self.0.store, db, &view.connection.id, since, after.as_ref(), AT_ONCE)
                .await?;
            let Some(last) = kept.last() else { break };
            after = Some((last.attempt.at, last.attempt.id.clone()));
            let found = kept.len();
            let judged = judge_all(Arc::clone(&judge), kept).await?;
            skipped += found - judged.len();
            replayed += judged.len();
            for one in judged {
                would_fail += usize::from(one.attempt.success && one.outcome.is_err());
                match newest.entry(key_of(&one)) {
                    Entry::Vacant(place) => drop(place.insert(one)),
                    // who was let in and then mistyped something was let in
                    Entry::Occupied(mut place) if !place.get().attempt.success && one.attempt.success => {
                        drop(place.insert(one));
                    }
                    Entry::Occupied(_) => {}
                }
            }
        }
        let mut replay = Replay {
            at: now,
            since,
            replayed,
            would_fail,
            skipped,
            people: Vec::with_capacity(newest.len()),
            total: newest.len(),
            locked_out: 0,
            owners_locked_out: 0,
            let_in: 0,
        };
        let ways = self.ways_in(&view.connection).await?;
        for (_, judged) in newest {
            let person = self.told(&view.proposed, &ways, judged).await?;
            replay.count(&person);
            replay.people.push(person);
        }
        replay.people.sort_by_key(|p| (!p.is_locked_out(), !p.owner, p.after == p.before, p.email.clone()));
        replay.people.truncate(MAX_TOLD);
        Ok(replay)
    }

    async fn ways_in(&self, connection: &Connection) -> Result<WaysIn> {
        let db = &mut self.0.store.reader();
        let workspace = &connection.workspace_id;
        let mandatory = settings::enforced(db, workspace).await?.is_some();
        let excluded = settings::find(db, workspace).await?.excluded.into_iter().collect();
        let owners = self.0.identity.owners(db, workspace).await?.into_iter().collect();
        Ok(WaysIn { mandatory, excluded, owners })
    }

    /// What becomes of one person.
    async fn told(&self, proposed: &Connection, ways: &WaysIn, judged: Judged) -> Result<ReplayedPerson> {
        let Judged { attempt, outcome } = judged;
        let db = &mut self.0.store.reader();
        let known: Option<Email> = attempt.email.as_deref().and_then(|e| e.parse().ok());
        let email = outcome.as_ref().ok().map(|c| c.email.clone()).or(known);
        let would: Result<Would, Why> = match outcome {
            Ok(claims) => self.would_enter(db, proposed, &claims).await?.map_err(Into::into),
            Err(why) => Err(why),
        };
        let user = match (&would, &email) {
            (Ok(would), _) if would.user.is_some() => would.user.clone(),
            (_, Some(email)) => self.0.identity.user_by_email(db, email).await?.map(|u| u.id),
            _ => None,
        };
        let current_role = match &user {
            Some(user) => self.0.identity.role_in(db, &proposed.workspace_id, user).await?,
            None => None,
        };
        let owner = current_role == Some(Role::Owner);
        let excluded = email.as_ref().is_some_and(|e| ways.excluded.contains(e) || ways.owners.contains(e));
        let (role, why) = match would {
            Ok(would) => (Some(would.role), None),
            Err(why) => (None, Some(why)),
        };
        Ok(ReplayedPerson {
            email: email.map(|e| e.to_string()).or(attempt.subject),
            user_id: user,
            attempt_id: attempt.id,
            at: attempt.at,
            before: attempt.success,
            after: role.is_some(),
            role,
            current_role,
            reason: why.as_ref().map(|w| w.code.clone()),
            detail: why.map(|w| w.detail),
            owner,
            other_way_in: owner || excluded || !ways.mandatory,
        })
    }
}

/// Who may sign in without the provider.
struct WaysIn {
    mandatory: bool,
    excluded: BTreeSet<Email>,
    owners: BTreeSet<Email>,
}

impl Replay {
    fn count(&mut self, person: &ReplayedPerson) {
        if person.is_locked_out() {
            self.locked_out += 1;
            self.owners_locked_out += usize::from(person.owner);
        }
        self.let_in += usize::from(!person.before && person.after);
    }
}

/// Who an attempt is of: the subject that was recorded, else the one that the draft finds; a refused message that names
/// nobody whom we may keep stands for itself.
fn key_of(judged: &Judged) -> String {
    let recorded = judged.attempt.subject.as_deref();
    let found = judged.outcome.as_ref().ok().map(|c| c.subject.as_str());
    match found.or(recorded) {
        Some(subject) => format!("subject {subject}"),
        None => format!("attempt {}", judged.attempt.id.as_str()),
    }
}

/// Judges messages beside the async runtime: signatures cost time.
async fn judge_all(judge: Arc<Judge>, kept: Vec<Kept>) -> Result<Vec<Judged>> {
    let work = move || {
        let recorded = kept.into_iter().filter_map(|Kept { attempt, message }| {
            if attempt.reason.as_deref().is_some_and(|r| NOT_OF_CONFIGURATION.contains(&r)) {
                return None;
            }
            let expected = attempt.facts.as_ref().map(|f| &f.expected)?;
            let recorded = Recorded {
                at: attempt.at,
                flow: attempt.flow,
                acs_url: expected.acs_url.clone(),
                request: expected.request.clone(),
                verified: attempt.checks.iter().any(|c| c.check == SIGNATURE && c.ok),
                message: message?,
            };
            if !judge.can_judge(&recorded) {
                return None;
            }
            Some((attempt, recorded))
        });
        recorded.map(|(attempt, recorded)| Judged { outcome: judge.believes(&recorded), attempt }).collect()
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}
