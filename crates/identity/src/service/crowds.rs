//! The leaver switch and its way back for many at once: a group of thousands is a few statements for hundreds of people. Who
//! has something that ends or stays is asked for of all together, and goes the way of a single leaver.

use std::collections::BTreeSet;
use std::time::Instant;

use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, Email, Id, Result, Role, UserId, WorkspaceId};
use serde_json::json;

use crate::Identity;
use crate::model::EndReason;
use crate::service::leavers::{Crowd, LeaveCause, Parted};
use crate::service::receipt::Gone;
use crate::store::{crowds, workspaces};

/// People who are asked about together.
const CHUNK: usize = 500;

/// A member who is no owner and whose access ends.
#[derive(Clone, Debug)]
pub struct Departing {
    /// The person.
    pub user: UserId,
    /// The person's address.
    pub email: Email,
    /// The person's shown name.
    pub name: String,
    /// The role that ends.
    pub role: Role,
}

impl Identity {
    /// As [`Identity::take_out`] for many who are no owners, in the caller's transaction. Takes the workspace's lock.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_out_all(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        people: &[Departing],
        cause: LeaveCause,
    ) -> Result<()> {
        workspaces::lock(tx, workspace).await?;
        let inside = Actor { workspace_id: Some(workspace.clone()), ..actor.clone() };
        for chunk in people.chunks(CHUNK) {
            let began = Instant::now();
            let with_things = self.with_things(tx, workspace, chunk, cause).await?;
            let (some, none): (Vec<_>, Vec<_>) =
                chunk.iter().partition(|p| with_things.contains(p.user.as_str()));
            for person in some {
                self.take_out(tx, actor, workspace, &person.user, cause).await?;
            }
            let until = cause.keep_until(self.0.store.now());
            let ids: Vec<_> = none.iter().map(|p| p.user.to_string()).collect();
            crowds::set_aside(tx, workspace, &ids, cause.as_str(), until).await?;
            for person in none {
                let Departing { user, email, name, role } = person;
                let gone = Gone { user, email, name, role: *role, cause, reason: None, is_kept: true, began };
                self.write_receipt(tx, &inside, workspace, gone, Parted::default()).await?;
            }
        }
        Ok(())
    }

    /// Who of these people has anything here that ends or stays with the access.
    async fn with_things(
        &self,
        tx: &mut Tx,
        workspace: &WorkspaceId,
        people: &[Departing],
        cause: LeaveCause,
    ) -> Result<BTreeSet<String>> {
        let ids: Vec<_> = people.iter().map(|p| p.user.clone()).collect();
        let texts: Vec<_> = ids.iter().map(ToString::to_string).collect();
        let emails: Vec<_> = people.iter().map(|p| p.email.to_string()).collect();
        let mut all = crowds::with_own_things(tx, workspace, &texts, &emails).await?;
        let parts = self.0.belongings.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        for part in parts {
            all.extend(
                part.owners(tx, Crowd { workspace, people: &ids, cause })
                    .await?
                    .into_iter()
                    .map(|id| id.to_string()),
            );
        }
        Ok(all)
    }

    /// As [`Identity::bring_in`] for many whose access is kept, with their roles as they were, in the caller's transaction.
    /// Takes the workspace's lock.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bring_in_all(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        people: &[(UserId, Role)],
    ) -> Result<()> {
        workspaces::lock(tx, workspace).await?;
        for chunk in people.chunks(CHUNK) {
            let ids: Vec<_> = chunk.iter().map(|(user, _)| user.to_string()).collect();
            // whatever was under way when access ended does not come to life now
            for user in crowds::with_sessions(tx, workspace, &ids).await? {
                self.end_sessions(tx, actor, &user, Some(workspace), None, EndReason::MemberRemoved).await?;
            }
            crowds::put_back(tx, workspace, &ids).await?;
            for (user, role) in chunk {
                let event =
                    Event::success("user.reactivated", ("user", user.as_str()), json!({"role": role}));
                audit::record_in(tx, actor, Some(workspace), event).await?;
            }
        }
        Ok(())
    }
}
