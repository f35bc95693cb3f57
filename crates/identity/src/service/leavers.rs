//! The leaver switch: one signal ends everything that a person had in a workspace, in one transaction, and leaves a
//! receipt. What it takes to give access back is kept; what was ended stays ended.

use std::sync::Arc;
use std::time::Instant;

use gatehouse_store::audit::{self, Event};
use gatehouse_store::{Queries, Tx};
use gatehouse_types::{Actor, DryRun, Error, Id, Permission, Result, Role, Timestamp, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Identity;
use crate::model::{EndReason, SocialIdentity, User};
use crate::rules::Boxed;
use crate::service::access::require;
use crate::service::managed::RoleChange;
use crate::service::members::{Member, not_the_last};
use crate::service::receipt::{Gone, Receipt, SignedReceipt, sign};
use crate::store::{invitations, leavers, links, members, sessions, social, users, workspaces};

/// How long the membership of somebody whom the provider deleted is kept for a wrong termination, in days.
pub const KEEP_DAYS: i64 = 30;
/// The longest reason, in characters.
const MAX_REASON: usize = 500;
/// How many things of a kind a receipt names; it counts all.
const MAX_NAMED: usize = 100;

/// Why somebody's access ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LeaveCause {
    /// An administrator suspended the person.
    Suspended,
    /// An administrator removed the person from the workspace.
    Removed,
    /// The directory says over SCIM that the person is not active.
    ScimInactive,
    /// The directory deleted the person over SCIM.
    ScimDeleted,
    /// The person is in none of the groups any more that give a role.
    NoGroupLeft,
}

impl LeaveCause {
    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspended => "suspended",
            Self::Removed => "removed",
            Self::ScimInactive => "scim-inactive",
            Self::ScimDeleted => "scim-deleted",
            Self::NoGroupLeft => "no-group-left",
        }
    }

    /// Whether the directory said so: it knows of the leaver already.
    pub const fn is_of_directory(self) -> bool {
        matches!(self, Self::ScimInactive | Self::ScimDeleted | Self::NoGroupLeft)
    }

    /// Whether the membership is set aside, so that it can be put back and nothing brings the person in meanwhile.
    const fn keeps(self) -> bool {
        !matches!(self, Self::Removed)
    }

    pub(crate) fn keep_until(self, now: Timestamp) -> Option<Timestamp> {
        (self == Self::ScimDeleted).then(|| now.plus_seconds(KEEP_DAYS * 86_400))
    }
}

/// One thing that ended, stays, or is still to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Item {
    /// A thing without a name of its own.
    pub fn new(id: impl ToString) -> Self {
        Self { id: id.to_string(), name: None }
    }

    /// A thing with a name.
    pub fn named(id: impl ToString, name: impl ToString) -> Self {
        Self { id: id.to_string(), name: Some(name.to_string()) }
    }
}

/// Things of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Things {
    /// `session`, `invitation`, `setup-link`, …
    pub kind: String,
    /// How many.
    pub count: usize,
    /// The first hundred of them.
    pub items: Vec<Item>,
}

impl Things {
    /// Things of a kind; `None` when there are none.
    pub fn of(kind: &str, mut items: Vec<Item>) -> Option<Self> {
        let count = items.len();
        items.truncate(MAX_NAMED);
        (count > 0).then(|| Self { kind: kind.to_owned(), count, items })
    }
}

/// What a part of the product has to say about a leaver.
#[derive(Clone, Debug, Default)]
pub struct Parted {
    /// What ended in the transaction.
    pub ended: Vec<Things>,
    /// What belongs to the company and stays; somebody else should answer for it.
    pub stays: Vec<Things>,
    /// What lies outside and is still to be ended.
    pub pending: Vec<Things>,
}

/// Who leaves.
#[derive(Clone, Copy, Debug)]
pub struct Leaver<'a> {
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// The person.
    pub user: &'a UserId,
    /// Why.
    pub cause: LeaveCause,
}

/// Many who leave at once.
#[derive(Clone, Copy, Debug)]
pub struct Crowd<'a> {
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// The people; a few hundred at most.
    pub people: &'a [UserId],
    /// Why.
    pub cause: LeaveCause,
}

/// Members whose role is another one than before.
#[derive(Clone, Copy, Debug)]
pub struct NewRoles<'a> {
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// The people; a few hundred at most.
    pub people: &'a [UserId],
}

/// What stays of somebody goes to somebody else.
#[derive(Clone, Copy, Debug)]
pub struct HandOver<'a> {
    /// Who says so; the workspace is the actor's too.
    pub actor: &'a Actor,
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// Who answered for the things so far.
    pub from: &'a UserId,
    /// The member who answers for them from now on; `None`: nobody in particular, they are the company's alone.
    pub to: Option<&'a UserId>,
}

/// A part of the product in which people own something: it ends what the person owned there, in the transaction.
pub trait Belongings: Send + Sync + std::fmt::Debug {
    /// Ends what the leaver owned; what is the company's stays and is named.
    fn part<'a>(&'a self, tx: &'a mut Tx, leaver: Leaver<'a>) -> Boxed<'a, Result<Parted>>;

    /// Who of these people has anything here that [`Belongings::part`] would end or name; of many who leave at once the
    /// others are not asked about. Anybody may, unless a part knows better.
    fn owners<'a>(&'a self, tx: &'a mut Tx, crowd: Crowd<'a>) -> Boxed<'a, Result<Vec<UserId>>> {
        let _ = tx;
        Box::pin(std::future::ready(Ok(crowd.people.to_vec())))
    }

    /// Members have another role from now on: what they own here opens no more than that role may give, in the
    /// transaction.
    fn roles_changed<'a>(&'a self, tx: &'a mut Tx, changed: NewRoles<'a>) -> Boxed<'a, Result<()>> {
        let (_, _) = (tx, changed);
        Box::pin(std::future::ready(Ok(())))
    }

    /// Makes somebody else answer for what [`Belongings::part`] names as staying, in the transaction, with an audit entry
    /// for each thing. Answers what changed hands; said again, that is nothing.
    fn hand_over<'a>(&'a self, tx: &'a mut Tx, hand_over: HandOver<'a>) -> Boxed<'a, Result<Vec<Things>>> {
        let (_, _) = (tx, hand_over);
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

/// The person's own of identity: sessions, invitations, reset links, accounts at providers.
async fn own(tx: &mut Tx, leaver: Leaver<'_>, live: &[String]) -> Result<Parted> {
    let sent = invitations::open_by(tx, leaver.workspace, leaver.user).await?;
    for invitation in &sent {
        invitations::revoke(tx, &invitation.id).await?;
    }
    // somebody with a place elsewhere keeps the way to the own account
    let elsewhere = workspaces::memberships(tx, leaver.user).await?;
    let (resets, accounts) = match elsewhere.iter().any(|m| m.workspace.id != *leaver.workspace) {
        true => (Vec::new(), Vec::new()),
        false => (links::end_resets(tx, leaver.user).await?, social::of_user(tx, leaver.user).await?),
    };
    for account in &accounts {
        social::delete(tx, leaver.user, account.provider).await?;
    }
    let account = |a: &SocialIdentity| {
        Item::named(a.provider.as_str(), a.email.as_deref().unwrap_or(a.provider.name()))
    };
    let ended = [
        Things::of("session", live.iter().map(Item::new).collect()),
        Things::of("invitation", sent.iter().map(|i| Item::named(&i.id, &i.email)).collect()),
        Things::of("reset-link", resets.iter().map(Item::new).collect()),
        Things::of("sign-in-provider", accounts.iter().map(account).collect()),
    ];
    Ok(Parted { ended: ended.into_iter().flatten().collect(), ..Parted::default() })
}

impl Identity {
    /// Adds a part of the product that the leaver switch asks.
    pub fn also_ends(&self, part: Arc<dyn Belongings>) {
        self.0.belongings.write().unwrap_or_else(std::sync::PoisonError::into_inner).push(part);
    }

    /// Tells the other parts of the product of members whose role is another one, in the caller's transaction.
    pub(crate) async fn roles_changed(
        &self,
        tx: &mut Tx,
        workspace: &WorkspaceId,
        people: &[UserId],
    ) -> Result<()> {
        if people.is_empty() {
            return Ok(());
        }
        let parts = self.0.belongings.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        for part in parts {
            part.roles_changed(tx, NewRoles { workspace, people }).await?;
        }
        Ok(())
    }

    /// Suspends a member: everything that the person has here ends, and nothing lets the person in until somebody
    /// gives access back.
    ///
    /// # Errors
    /// `Validation` for a long reason; `Authorization` without the right, and when an admin would touch an owner;
    /// `NotFound`; `Conflict` for the last owner, and when access is suspended already.
    pub async fn suspend_member(
        &self,
        actor: &Actor,
        user: &UserId,
        reason: Option<&str>,
    ) -> Result<SignedReceipt> {
        let reason = reason.map(str::trim).filter(|r| !r.is_empty());
        if reason.is_some_and(|r| r.chars().count() > MAX_REASON || r.chars().any(char::is_control)) {
            return Err(Error::validation(
                "reason",
                "The reason must be one line of at most 500 characters.",
            ));
        }
        let (workspace, mut tx, person, old) = self.manage(actor, user, Role::Viewer).await?;
        if old == Role::Owner {
            not_the_last(&mut tx, &workspace).await?;
        }
        let leave =
            Leave { workspace: &workspace, person: &person, role: old, cause: LeaveCause::Suspended, reason };
        let receipt = self.leave(&mut tx, actor, leave).await?;
        tx.commit().await?;
        if actor.origin.dry_run.is_some() {
            return Ok(SignedReceipt { receipt, reversed_at: None, handed_over: None, proof: None });
        }
        sign(&self.0.store, receipt, None, None).await
    }

    /// What a suspension of a member would end, and what would stay: the suspension itself, rolled back.
    ///
    /// # Errors
    /// As [`Identity::suspend_member`].
    pub(crate) async fn suspension_preview(&self, actor: &Actor, user: &UserId) -> Result<Receipt> {
        let mut trial = actor.clone();
        trial.origin.dry_run = Some(DryRun::default());
        Ok(self.suspend_member(&trial, user, None).await?.receipt)
    }

    /// Ends a member's access at the word of the directory, in the caller's transaction; `None` for whoever is no
    /// member. The last owner stays, so that a directory cannot lock a company out: only the sessions end, and the
    /// receipt says what is pending. Takes the workspace's lock, then the person's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_out(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        user: &UserId,
        cause: LeaveCause,
    ) -> Result<Option<Receipt>> {
        workspaces::lock(tx, workspace).await?;
        let Some(role) = workspaces::role_of(tx, workspace, user).await? else { return Ok(None) };
        let Some(person) = users::find(tx, user).await? else { return Ok(None) };
        let leave = Leave { workspace, person: &person, role, cause, reason: None };
        Ok(Some(self.leave(tx, actor, leave).await?))
    }

    /// Gives access back in the caller's transaction, with the role as it was; `None` when none was kept. Sessions,
    /// keys and links that ended stay ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bring_in(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        user: &UserId,
    ) -> Result<Option<Role>> {
        workspaces::lock(tx, workspace).await?;
        let Some(kept) = leavers::kept(tx, workspace, user).await? else { return Ok(None) };
        // whatever was under way when access ended does not come to life now
        self.end_sessions(tx, actor, user, Some(workspace), None, EndReason::MemberRemoved).await?;
        leavers::put_back(tx, workspace, user).await?;
        leavers::reverse(tx, workspace, user).await?;
        let event = Event::success("user.reactivated", ("user", user.as_str()), json!({"role": kept.role}));
        audit::record_in(tx, actor, Some(workspace), event).await?;
        Ok(Some(kept.role))
    }

    /// Gives a suspended person access back, with the role as it was, or with that of the person's groups where the
    /// directory gives one.
    ///
    /// # Errors
    /// `Authorization` without the right, and when an admin would bring an owner back; `NotFound`; `Conflict` when access
    /// is not suspended.
    pub async fn reactivate_member(&self, actor: &Actor, user: &UserId) -> Result<Member> {
        let object = Some(format!("user:{user}"));
        let workspace = require(&self.0.store, actor, Permission::ManageMembers, object).await?.clone();
        let mut tx = self.0.store.begin(&actor.origin).await?;
        workspaces::lock(&mut tx, &workspace).await?;
        let Some(kept) = leavers::kept(&mut tx, &workspace, user).await? else {
            return Err(match workspaces::role_of(&mut tx, &workspace, user).await? {
                Some(_) => Error::conflict("This person's access is not suspended."),
                None => Error::not_found("User"),
            });
        };
        if kept.role == Role::Owner && actor.role().is_some_and(|r| r < Role::Owner) {
            tx.rollback().await?;
            return Err(self.owners_only(actor, user).await?);
        }
        self.bring_in(&mut tx, actor, &workspace, user).await?;
        let given = match kept.role {
            Role::Owner => None,
            _ => self.given_role(&mut tx, &workspace, user).await?,
        };
        match given {
            Some(given) => {
                let person = users::find(&mut tx, user).await?.ok_or_else(|| Error::not_found("User"))?;
                let (user, email) = (person.id, person.email);
                let change = RoleChange { user, email, before: kept.role, role: given.role };
                self.give_roles(&mut tx, actor, &workspace, &[change]).await?;
            }
            // an administrator says so: no group takes the access again that does not give it
            None => members::set_role_managed(&mut tx, &workspace, user, false).await?,
        }
        let member = members::find(&mut tx, &workspace, user).await?;
        tx.commit().await?;
        member.ok_or_else(|| Error::not_found("User"))
    }

    /// The newest receipt of a person of the actor's workspace.
    ///
    /// # Errors
    /// `Authorization` without the right; `NotFound` when the person's access never ended here.
    pub async fn offboarding(&self, actor: &Actor, user: &UserId) -> Result<SignedReceipt> {
        let object = Some(format!("user:{user}"));
        let workspace = require(&self.0.store, actor, Permission::ManageMembers, object).await?;
        let found = leavers::newest(&mut self.0.store.reader(), workspace, user).await?;
        let stored = found.ok_or_else(|| Error::not_found("Offboarding"))?;
        let receipt = serde_json::from_str(&stored.receipt).map_err(Error::internal)?;
        sign(&self.0.store, receipt, stored.reversed_at, stored.handed_over).await
    }

    /// Since when a person's access to a workspace is suspended; `None` for members and strangers.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn suspended_since<Q: Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
        user: &UserId,
    ) -> Result<Option<Timestamp>> {
        Ok(leavers::kept(db, workspace, user).await?.map(|k| k.suspended_at))
    }

    /// Ends everything, in the caller's transaction, under the workspace's lock.
    pub(crate) async fn leave(&self, tx: &mut Tx, actor: &Actor, leave: Leave<'_>) -> Result<Receipt> {
        let began = Instant::now();
        let Leave { workspace, person, role, cause, reason } = leave;
        let leaver = Leaver { workspace, user: &person.id, cause };
        let inside = Actor { workspace_id: Some(workspace.clone()), ..actor.clone() };
        // a directory does not unmake the last owner
        let stays_owner =
            role == Role::Owner && workspaces::emails_of_role(tx, workspace, Role::Owner).await?.len() < 2;
        users::hold(tx, &person.id).await?;
        let now = self.0.store.now();
        let live = sessions::live_ids(tx, &person.id, Some(workspace), now).await?;
        let live: Vec<String> = live.into_iter().map(|(id, _)| id.to_string()).collect();
        self.end_sessions(tx, &inside, &person.id, Some(workspace), None, EndReason::MemberRemoved).await?;
        self.revoke_open_invitations(tx, &inside, workspace, &person.email).await?;
        let mut all = own(tx, leaver, &live).await?;
        let parts = self.0.belongings.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        for part in parts {
            let more = part.part(tx, leaver).await?;
            all.ended.extend(more.ended);
            all.stays.extend(more.stays);
            all.pending.extend(more.pending);
        }
        if stays_owner {
            let item = Item::named(
                &person.id,
                "The last owner stays one: make somebody else an owner, then suspend.",
            );
            all.pending.extend(Things::of("last-owner", vec![item]));
        } else if cause.keeps() {
            leavers::set_aside(tx, workspace, &person.id, cause.as_str(), cause.keep_until(now)).await?;
        } else {
            members::remove(tx, workspace, &person.id).await?;
        }
        let gone = Gone {
            user: &person.id,
            email: &person.email,
            name: &person.display_name,
            role,
            cause,
            reason,
            is_kept: cause.keeps() && !stays_owner,
            began,
        };
        self.write_receipt(tx, &inside, workspace, gone, all).await
    }
}

/// Who leaves, and why.
pub(crate) struct Leave<'a> {
    pub(crate) workspace: &'a WorkspaceId,
    pub(crate) person: &'a User,
    pub(crate) role: Role,
    pub(crate) cause: LeaveCause,
    pub(crate) reason: Option<&'a str>,
}
