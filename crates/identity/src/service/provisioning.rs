//! What an identity provider does to people ahead of any sign-in: an account for an entry of its directory, and access given.
//! How access ends is in `leavers`.

use gatehouse_store::Tx;
use gatehouse_types::{Actor, Email, Error, Result, Role, UserId, WorkspaceId};

use crate::Identity;
use crate::model::{CreatedVia, User};
use crate::service::leavers::LeaveCause;
use crate::service::managed::RoleChange;
use crate::service::people::record_member;
use crate::store::{leavers, users, workspaces};

/// What became of somebody who was to have access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetIn {
    /// There is access, with this role.
    With(Role),
    /// An administrator suspended the person; only an administrator gives access back.
    Suspended,
    /// The person had the role of a group and is in none any more that gives one.
    NoGroupLeft,
}

/// An account for an entry of a directory.
#[derive(Clone, Debug)]
pub enum Found {
    /// Made now.
    New(User),
    /// There before.
    Known(User),
}

impl Identity {
    /// The account of an address for a workspace's directory, made if nobody has it. `None` for an account of somebody who
    /// is in another workspace, unless this one proved the domain: nobody is taken over by being named.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn account_for(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        email: &Email,
        display_name: &str,
    ) -> Result<Option<Found>> {
        if let Some(user) = self.insert_user_if_new(tx, actor, workspace, email, display_name).await? {
            return Ok(Some(Found::New(user)));
        }
        let user = users::find_by_email(tx, email).await?.ok_or_else(|| Error::not_found("User"))?;
        let own = workspaces::memberships(tx, &user.id).await?;
        let elsewhere = own.iter().any(|m| m.workspace.id != *workspace)
            || leavers::is_kept_elsewhere(tx, workspace, &user.id).await?;
        if elsewhere && !self.0.rules.proved(tx, workspace, &email.domain()).await? {
            return Ok(None);
        }
        Ok(Some(Found::Known(user)))
    }

    /// Gives an account that was made in this transaction access to the workspace, with the least role: nothing of it needs
    /// to be looked for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn let_in_new(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        user: &User,
    ) -> Result<LetIn> {
        let with = (Role::Viewer, CreatedVia::Scim);
        workspaces::add_new_member(tx, workspace, &user.id, with.0, with.1);
        record_member(tx, actor, workspace, user, with).await?;
        Ok(LetIn::With(Role::Viewer))
    }

    /// Gives an account access to a workspace at the word of its directory: the role that its groups give, else the one that
    /// was kept when the directory took it away, else the least. Takes the workspace's lock when access was kept.
    ///
    /// # Errors
    /// `NotFound` for an account that does not exist.
    pub async fn let_in(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        user: &UserId,
        given: Option<Role>,
    ) -> Result<LetIn> {
        if let Some(kept) = leavers::kept(tx, workspace, user).await? {
            if kept.cause == LeaveCause::Suspended.as_str() {
                return Ok(LetIn::Suspended);
            }
            if kept.role_managed && given.is_none() {
                leavers::set_no_group_left(tx, workspace, user).await?;
                return Ok(LetIn::NoGroupLeft);
            }
            self.bring_in(tx, actor, workspace, user).await?;
        }
        users::hold(tx, user).await?;
        let person = users::find(tx, user).await?.ok_or_else(|| Error::not_found("User"))?;
        let before = match workspaces::role_of(tx, workspace, user).await? {
            Some(role) => role,
            None => self.add_member(tx, actor, workspace, &person, Role::Viewer, CreatedVia::Scim).await?,
        };
        match given.filter(|_| before != Role::Owner) {
            Some(role) => {
                let change = RoleChange { user: person.id, email: person.email, before, role };
                self.give_roles(tx, actor, workspace, &[change]).await?;
                Ok(LetIn::With(role))
            }
            None => Ok(LetIn::With(before)),
        }
    }
}
