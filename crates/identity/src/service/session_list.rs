//! Sessions, listed and ended one by one: one's own everywhere, those of members in one's workspace.

use gatehouse_types::{Actor, Error, Page, PageRequest, Permission, Result, Role, SessionId, UserId};

use crate::Identity;
use crate::model::{EndReason, Session};
use crate::service::access::require;
use crate::store::{sessions, workspaces};

/// A live session with the name of its workspace.
#[derive(Clone, Debug)]
pub struct ListedSession {
    /// The session.
    pub session: Session,
    /// The name of its workspace.
    pub workspace: String,
}

fn listed(found: (Vec<(Session, String)>, i64), page: PageRequest) -> Page<ListedSession> {
    let rows = found.0.into_iter().map(|(session, workspace)| ListedSession { session, workspace });
    Page::new(rows.collect(), page, found.1)
}

impl Identity {
    /// The live sessions of the acting person in all workspaces, newest first.
    ///
    /// # Errors
    /// `Authentication` when nobody is signed in.
    pub async fn my_sessions(&self, actor: &Actor, page: PageRequest) -> Result<Page<ListedSession>> {
        let (db, now) = (&mut self.0.store.reader(), self.0.store.now());
        Ok(listed(sessions::page(db, actor.user()?, None, now, page).await?, page))
    }

    /// Ends one of the acting person's sessions, in whichever workspace: it is refused at once.
    ///
    /// # Errors
    /// `NotFound` for anybody else's, and for one that is over.
    pub async fn end_my_session(&self, actor: &Actor, id: &SessionId) -> Result<()> {
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let live = sessions::live_ids(&mut tx, actor.user()?, None, self.0.store.now()).await?;
        let found = live.into_iter().find(|(of, _)| of == id);
        let (_, workspace) = found.ok_or_else(|| Error::not_found("Session"))?;
        let there = Actor { workspace_id: Some(workspace), ..actor.clone() };
        self.end_session(&mut tx, &there, id, EndReason::EndedByPerson).await?;
        Ok(tx.commit().await?)
    }

    /// Ends all sessions of the acting person but the one that asks; says how many.
    ///
    /// # Errors
    /// `Authentication` when nobody is signed in.
    pub async fn end_my_other_sessions(&self, actor: &Actor) -> Result<usize> {
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let (user, own) = (actor.user()?, actor.session()?);
        let ended =
            self.end_sessions(&mut tx, actor, user, None, Some(own), EndReason::EndedByPerson).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// The live sessions of a member in the actor's workspace.
    ///
    /// # Errors
    /// `Authorization` without the right; `NotFound` for whoever is no member.
    pub async fn member_sessions(
        &self,
        actor: &Actor,
        user: &UserId,
        page: PageRequest,
    ) -> Result<Page<ListedSession>> {
        let object = Some(format!("user:{user}"));
        let workspace = require(&self.0.store, actor, Permission::ReadMembers, object).await?;
        let (db, now) = (&mut self.0.store.reader(), self.0.store.now());
        let role = workspaces::role_of(db, workspace, user).await?;
        role.ok_or_else(|| Error::not_found("User"))?;
        Ok(listed(sessions::page(db, user, Some(workspace), now, page).await?, page))
    }

    /// Ends a member's session in the actor's workspace.
    ///
    /// # Errors
    /// As [`Identity::member_sessions`]; `Authorization` when an admin would end an owner's.
    pub async fn end_member_session(&self, actor: &Actor, user: &UserId, id: &SessionId) -> Result<()> {
        let object = Some(format!("user:{user}"));
        let workspace = require(&self.0.store, actor, Permission::ManageMembers, object).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let role = workspaces::role_of(&mut tx, workspace, user).await?;
        let role = role.ok_or_else(|| Error::not_found("User"))?;
        if role == Role::Owner && actor.role().is_some_and(|r| r < Role::Owner) {
            drop(tx);
            return Err(self.owners_only(actor, user).await?);
        }
        let live = sessions::live_ids(&mut tx, user, Some(workspace), self.0.store.now()).await?;
        if !live.iter().any(|(of, _)| of == id) {
            return Err(Error::not_found("Session"));
        }
        self.end_session(&mut tx, actor, id, EndReason::EndedByAdmin).await?;
        Ok(tx.commit().await?)
    }
}
