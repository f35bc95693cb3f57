//! Roles that groups of the directory give. Who is in such a group has its role, and nobody changes it by hand; owners are
//! made and unmade by owners alone.

use std::sync::Arc;

use gatehouse_store::audit::{self, Event};
use gatehouse_store::{Queries, Tx};
use gatehouse_types::{Actor, Email, Error, Id, Result, Role, UserId, WorkspaceId};
use serde_json::json;

use crate::Identity;
use crate::rules::Boxed;
use crate::service::invitations::note;
use crate::store::{invitations, members, workspaces};

/// A role that a group of the directory gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenRole {
    /// The role.
    pub role: Role,
    /// The group's name.
    pub group: String,
}

/// The directory as far as it gives roles; the crate above implements it.
pub trait RoleSource: Send + Sync + std::fmt::Debug {
    /// What the groups of a person give, the highest of several; `None` when none of them gives a role.
    fn given<'a>(
        &'a self,
        tx: &'a mut Tx,
        workspace: &'a WorkspaceId,
        user: &'a UserId,
    ) -> Boxed<'a, Result<Option<GivenRole>>>;
}

/// A member who has the role of a group from now on.
#[derive(Clone, Debug)]
pub struct RoleChange {
    /// The person.
    pub user: UserId,
    /// The person's address.
    pub email: Email,
    /// The role so far.
    pub before: Role,
    /// The group's role.
    pub role: Role,
}

impl Identity {
    /// Says who else gives roles.
    pub fn roles_come_from(&self, source: Arc<dyn RoleSource>) {
        *self.0.role_source.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(source);
    }

    /// The role that the directory gives a person, if it gives one.
    pub(crate) async fn given_role(
        &self,
        tx: &mut Tx,
        workspace: &WorkspaceId,
        user: &UserId,
    ) -> Result<Option<GivenRole>> {
        let source = self.0.role_source.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        match source {
            Some(source) => source.given(tx, workspace, user).await,
            None => Ok(None),
        }
    }

    /// Locks the workspace against everything else that decides about its members, until the end of the transaction. Taken
    /// before any other row.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lock_members(&self, tx: &mut Tx, workspace: &WorkspaceId) -> Result<()> {
        Ok(workspaces::lock(tx, workspace).await?)
    }

    /// Whether the directory gives a member's role.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_role_managed<Q: Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
        user: &UserId,
    ) -> Result<bool> {
        Ok(members::is_role_managed(db, workspace, user).await?)
    }

    /// How many members' roles the directory gives.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn managed_members<Q: Queries>(&self, db: &mut Q, workspace: &WorkspaceId) -> Result<i64> {
        Ok(members::count_managed(db, workspace).await?)
    }

    /// Gives members the roles of their groups, in the caller's transaction and under the lock of [`Identity::lock_members`];
    /// owners stay what they are. Costs a few statements for hundreds of people.
    ///
    /// # Errors
    /// `Conflict` for an owner's role, which no group gives; when the database fails.
    pub async fn give_roles(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        changes: &[RoleChange],
    ) -> Result<()> {
        let inside = Actor { workspace_id: Some(workspace.clone()), ..actor.clone() };
        for role in Role::ALL {
            let ids: Vec<_> = changes.iter().filter(|c| c.role == role).map(|c| c.user.to_string()).collect();
            if role == Role::Owner && !ids.is_empty() {
                return Err(Error::conflict("No group of the directory makes owners."));
            }
            members::give_role(tx, workspace, role, &ids).await?;
        }
        let others = changes.iter().filter(|c| c.role != c.before).map(|c| c.user.clone());
        self.roles_changed(tx, workspace, &others.collect::<Vec<_>>()).await?;
        let lowered = changes.iter().filter(|c| c.role < c.before).map(|c| c.email.to_string());
        for invitation in invitations::open_to_any(tx, workspace, &lowered.collect::<Vec<_>>()).await? {
            invitations::revoke(tx, &invitation.id).await?;
            note(tx, &inside, &invitation, "invitation.revoked").await?;
        }
        for c in changes.iter().filter(|c| c.role != c.before) {
            let details = json!({"email": c.email, "role": c.role, "before": c.before, "via": "directory"});
            let event = Event::success("membership.set", ("user", c.user.as_str()), details);
            audit::record(tx, &inside, event).await?;
        }
        Ok(())
    }

    /// Leaves every role of a workspace to its administrators, as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_roles(&self, tx: &mut Tx, workspace: &WorkspaceId) -> Result<()> {
        Ok(members::release_roles(tx, workspace).await?)
    }

    /// Refuses a role given by hand to somebody whose group gives another one.
    pub(crate) async fn not_of_a_group(
        &self,
        tx: &mut Tx,
        workspace: &WorkspaceId,
        user: &UserId,
        role: Role,
    ) -> Result<Option<GivenRole>> {
        if role == Role::Owner {
            return Ok(None);
        }
        let given = self.given_role(tx, workspace, user).await?;
        match given {
            Some(given) if given.role != role => Err(Error::conflict(format!(
                "The group \"{}\" of the directory gives this person the role {}. Change who is in the group at the \
                 identity provider, or what the group gives under Provisioning.",
                given.group, given.role
            ))
            .on_field("role")),
            other => Ok(other),
        }
    }
}
