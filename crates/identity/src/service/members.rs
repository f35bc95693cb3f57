//! The members of a workspace: listed, their role changed, removed. The last owner stays one.

use std::collections::{BTreeSet, HashMap};

use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_store::{Queries, Tx};
use gatehouse_types::{
    Actor, Error, Id, Page, PageRequest, Permission, Result, Role, Timestamp, UserId, WorkspaceId,
};
use serde_json::json;

use crate::Identity;
use crate::model::User;
use crate::service::access::require;
use crate::service::leavers::{Leave, LeaveCause};
use crate::store::{leavers, members, users, workspaces};

/// Somebody in a workspace.
#[derive(Clone, Debug)]
pub struct Member {
    /// The person.
    pub user: User,
    /// The role here.
    pub role: Role,
    /// Since when a member.
    pub since: Timestamp,
    /// The last sign-in here.
    pub last_sign_in: Option<Timestamp>,
    /// Whether there is a password.
    pub has_password: bool,
    /// Whether a sign-in through a provider took place here.
    pub uses_sso: bool,
    /// Since when access is suspended; `None` for members.
    pub suspended_at: Option<Timestamp>,
    /// Whether a group of the directory gives the role: nobody changes it by hand.
    pub role_managed: bool,
}

/// Which members are wanted.
#[derive(Clone, Debug, Default)]
pub struct WantedMembers {
    /// With this role.
    pub role: Option<Role>,
    /// Whose address contains this.
    pub email: Option<String>,
    /// Those whose access is suspended, instead of the members.
    pub suspended: bool,
}

impl Identity {
    /// The members of the actor's workspace, by address.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub async fn members(
        &self,
        actor: &Actor,
        wanted: WantedMembers,
        page: PageRequest,
    ) -> Result<Page<Member>> {
        let workspace = require(&self.0.store, actor, Permission::ReadMembers, None).await?;
        let (rows, total) = members::page(&mut self.0.store.reader(), workspace, &wanted, page).await?;
        Ok(Page::new(rows, page, total))
    }

    /// One member.
    ///
    /// # Errors
    /// `Authorization` without the right; `NotFound` for whoever is no member.
    pub async fn member(&self, actor: &Actor, user: &UserId) -> Result<Member> {
        let object = Some(format!("user:{user}"));
        let workspace = require(&self.0.store, actor, Permission::ReadMembers, object).await?;
        let found = members::find(&mut self.0.store.reader(), workspace, user).await?;
        found.ok_or_else(|| Error::not_found("User"))
    }

    /// Changes a member's role. It counts at once.
    ///
    /// # Errors
    /// `Authorization` without the right, and when an admin would touch or make an owner; `NotFound`; `Conflict` for
    /// the last owner, and for whoever has the role of a group.
    pub async fn set_role(&self, actor: &Actor, user: &UserId, role: Role) -> Result<Member> {
        let (workspace, mut tx, person, old) = self.manage(actor, user, role).await?;
        if old == Role::Owner && role != Role::Owner {
            not_the_last(&mut tx, &workspace).await?;
        }
        // who becomes an owner is taken out of the directory's hands, who was one comes into them
        let given = self.not_of_a_group(&mut tx, &workspace, user, role).await?;
        self.put_role(&mut tx, actor, &workspace, &person, (old, role), None).await?;
        if role != old {
            members::set_role_managed(&mut tx, &workspace, user, given.is_some()).await?;
        }
        let member = members::find(&mut tx, &workspace, user).await?;
        tx.commit().await?;
        member.ok_or_else(|| Error::not_found("User"))
    }

    /// What a member is called, and what they are here; `None` for whoever is no member.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn name_and_role<Q: Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
        user: &UserId,
    ) -> Result<Option<(String, Role)>> {
        let Some(role) = workspaces::role_of(db, workspace, user).await? else { return Ok(None) };
        Ok(users::find(db, user).await?.map(|u| (u.display_name, role)))
    }

    /// What these people are called, as far as they are members.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn names_among<Q: Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
        people: &BTreeSet<UserId>,
    ) -> Result<HashMap<UserId, String>> {
        Ok(members::names_among(&self.0.store, db, workspace, people).await?)
    }

    /// The members with a role: how many, and the first `most` by the alphabet as id and name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn with_role<Q: Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
        role: Role,
        most: i64,
    ) -> Result<(i64, Vec<(String, String)>)> {
        Ok(members::of_role(db, workspace, role, most).await?)
    }

    /// What people are in each workspace that they are members of; whoever is in none is left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn roles_of<Q: Queries>(
        &self,
        db: &mut Q,
        people: &BTreeSet<UserId>,
    ) -> Result<HashMap<(WorkspaceId, UserId), Role>> {
        Ok(members::roles_of(&self.0.store, db, people).await?)
    }

    /// Gives a member the role that the identity provider's groups mean, in the caller's transaction; the caller has seen
    /// that the provider speaks for the person, and that the role is no owner's.
    ///
    /// # Errors
    /// `Conflict` for an owner's role, which no provider gives or takes; when the database fails.
    pub async fn set_role_in(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        person: &User,
        old: Role,
        role: Role,
    ) -> Result<()> {
        if old == Role::Owner || role == Role::Owner {
            return Err(Error::conflict("An identity provider neither makes nor unmakes owners."));
        }
        let inside = Actor { workspace_id: Some(workspace.clone()), ..actor.clone() };
        self.put_role(tx, &inside, workspace, person, (old, role), Some("identity-provider")).await
    }

    async fn put_role(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        person: &User,
        (old, role): (Role, Role),
        via: Option<&str>,
    ) -> Result<()> {
        if role < old {
            self.revoke_open_invitations(tx, actor, workspace, &person.email).await?;
        }
        if role == old {
            return Ok(());
        }
        workspaces::set_role(tx, workspace, &person.id, role).await?;
        self.roles_changed(tx, workspace, std::slice::from_ref(&person.id)).await?;
        let mut details = json!({"email": person.email, "role": role, "before": old});
        if let Some(via) = via {
            details["via"] = json!(via);
        }
        Ok(audit::record(tx, actor, Event::success("membership.set", ("user", person.id.as_str()), details))
            .await?)
    }

    /// Removes a member from the actor's workspace. Everything that the person has here ends; the account stays.
    ///
    /// # Errors
    /// As [`Identity::set_role`].
    pub async fn remove_member(&self, actor: &Actor, user: &UserId) -> Result<()> {
        let (workspace, mut tx, person, old) = self.manage(actor, user, Role::Viewer).await?;
        if old == Role::Owner {
            not_the_last(&mut tx, &workspace).await?;
        }
        let cause = LeaveCause::Removed;
        let leave = Leave { workspace: &workspace, person: &person, role: old, cause, reason: None };
        self.leave(&mut tx, actor, leave).await?;
        let details = json!({"email": person.email, "role": old});
        audit::record(&mut tx, actor, Event::success("membership.removed", ("user", user.as_str()), details))
            .await?;
        Ok(tx.commit().await?)
    }

    /// The checks before a member is changed; the workspace's row is locked, so that owners are counted one at a time.
    pub(crate) async fn manage(
        &self,
        actor: &Actor,
        user: &UserId,
        to: Role,
    ) -> Result<(WorkspaceId, Tx, User, Role)> {
        let object = Some(format!("user:{user}"));
        let workspace = require(&self.0.store, actor, Permission::ManageMembers, object).await?.clone();
        let mut tx = self.0.store.begin(&actor.origin).await?;
        workspaces::lock(&mut tx, &workspace).await?;
        let role = workspaces::role_of(&mut tx, &workspace, user).await?;
        let Some(role) = role else {
            return Err(match leavers::kept(&mut tx, &workspace, user).await? {
                Some(_) => Error::conflict("This person's access is suspended. Reactivate it first."),
                None => Error::not_found("User"),
            });
        };
        if role.max(to) == Role::Owner && actor.role().is_some_and(|r| r < Role::Owner) {
            tx.rollback().await?;
            return Err(self.owners_only(actor, user).await?);
        }
        let person = users::find(&mut tx, user).await?.ok_or_else(|| Error::not_found("User"))?;
        Ok((workspace, tx, person, role))
    }

    /// The refusal of an admin who would act on an owner.
    pub(crate) async fn owners_only(&self, actor: &Actor, user: &UserId) -> Result<Error> {
        let refusal = Refusal {
            action: Permission::ManageMembers.as_str(),
            object: Some(format!("user:{user}")),
            reasons: vec![Reason::failed("role", "Only owners make owners and act on them; ask an owner.")],
        };
        let decision = refuse(&self.0.store, actor, actor.workspace_id.as_ref(), refusal).await?;
        Ok(Error::authorization("Only an owner can do this to an owner, or make one.").decided(decision))
    }
}

/// Refuses to touch the last owner.
pub(crate) async fn not_the_last(tx: &mut Tx, workspace: &WorkspaceId) -> Result<()> {
    if workspaces::emails_of_role(tx, workspace, Role::Owner).await?.len() > 1 {
        return Ok(());
    }
    Err(Error::conflict("This is the last owner of the workspace. Make somebody else an owner first."))
}
