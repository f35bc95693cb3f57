//! Groups of the directory give roles. Who is in a mapped group has the highest role of those groups; who is in none any more
//! loses the access. Only such people are managed: everybody else keeps the role that an administrator gave.

use gatehouse_identity::rules::Boxed;
use gatehouse_identity::{Departing, GivenRole, LeaveCause, RoleChange, RoleSource, require};
use gatehouse_store::audit::{self, Event};
use gatehouse_store::{Store, Tx};
use gatehouse_types::{Actor, Error, Id, Origin, Permission, Result, ScimGroupId, UserId, WorkspaceId};
use serde_json::{Value, json};

use crate::Scim;
use crate::model::role::{Changes, Mapping, NewMapping, PersonChange, checked};
use crate::store::roles;

/// What the groups of a workspace give.
#[derive(Clone, Debug)]
pub(crate) struct RoleMappings {
    /// In their order.
    pub(crate) mappings: Vec<Mapping>,
    /// How many members have the role of a group.
    pub(crate) managed: i64,
}

/// The directory as far as identity asks it about roles.
#[derive(Clone, Copy, Debug)]
pub struct DirectoryRoles;

impl RoleSource for DirectoryRoles {
    fn given<'a>(
        &'a self,
        tx: &'a mut Tx,
        workspace: &'a WorkspaceId,
        user: &'a UserId,
    ) -> Boxed<'a, Result<Option<GivenRole>>> {
        Box::pin(async move {
            let given = roles::of_account(tx, workspace, user).await?;
            Ok(given.map(|(role, group)| GivenRole { role, group }))
        })
    }
}

fn told(mappings: &[Mapping]) -> Value {
    mappings.iter().map(|m| json!({"groupId": m.group, "group": m.name, "role": m.role})).collect()
}

/// Writes into the audit log that what the groups give has changed.
pub(crate) async fn record(
    tx: &mut Tx,
    actor: &Actor,
    workspace: &WorkspaceId,
    (before, after): (&[Mapping], &[Mapping]),
    changes: &Changes,
) -> Result<()> {
    let details = json!({"mappings": told(after), "before": told(before), "people": changes.counts()});
    let event = Event::success("scim.role-mappings-changed", ("workspace", workspace.as_str()), details);
    Ok(audit::record_in(tx, actor, Some(workspace), event).await?)
}

impl Scim {
    /// What the groups of the workspace give.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn role_mappings(&self, actor: &Actor) -> Result<RoleMappings> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageScim, None).await?;
        let db = &mut store.reader();
        let mappings = roles::list(db, workspace).await?;
        Ok(RoleMappings { mappings, managed: self.0.identity.managed_members(db, workspace).await? })
    }

    /// The first so many groups of the workspace, by the alphabet; for a choice.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn groups_to_map(&self, actor: &Actor, most: i64) -> Result<Vec<(ScimGroupId, String)>> {
        let workspace = require(&self.0.store, actor, Permission::ManageScim, None).await?;
        Ok(roles::groups(&mut self.0.store.reader(), workspace, most).await?)
    }

    /// Says what the groups give from now on, and gives it. An empty list leaves everybody's role as it is, to the
    /// administrators.
    ///
    /// # Errors
    /// `Validation`, naming the entry; `Authorization` without the right.
    pub(crate) async fn set_role_mappings(
        &self,
        actor: &Actor,
        wanted: &[NewMapping],
    ) -> Result<(RoleMappings, Changes)> {
        let (store, identity) = (&self.0.store, &self.0.identity);
        let workspace = require(store, actor, Permission::ManageScim, None).await?;
        let list = checked(wanted)?;
        self.adopt(workspace).await?;
        let mut tx = store.begin(&actor.origin).await?;
        identity.lock_members(&mut tx, workspace).await?;
        let known = roles::known(&mut tx, workspace, &list).await?;
        if let Some(at) = list.iter().position(|(group, _)| !known.contains(group)) {
            let message = "There is no such group in the directory.";
            return Err(Error::validation(format!("mappings[{at}].groupId"), message));
        }
        let before = roles::list(&mut tx, workspace).await?;
        roles::replace(&mut tx, workspace, &list).await?;
        let changes = match list.is_empty() {
            true => {
                identity.release_roles(&mut tx, workspace).await?;
                Changes::default()
            }
            false => self.settle_roles(&mut tx, actor, workspace, None).await?,
        };
        let mappings = roles::list(&mut tx, workspace).await?;
        let managed = identity.managed_members(&mut tx, workspace).await?;
        let same = |m: &Mapping| (m.group.clone(), m.role);
        if !changes.is_empty() || !before.iter().map(same).eq(mappings.iter().map(same)) {
            record(&mut tx, actor, workspace, (&before, &mappings), &changes).await?;
        }
        tx.commit().await?;
        Ok((RoleMappings { mappings, managed }, changes))
    }

    /// Where groups give roles, locks the workspace against everything else that decides about its members, and says so.
    /// Before any other row of the transaction.
    pub(crate) async fn hold_roles(&self, tx: &mut Tx, workspace: &WorkspaceId) -> Result<bool> {
        let gives = roles::any(tx, workspace).await?;
        if gives {
            self.0.identity.lock_members(tx, workspace).await?;
        }
        Ok(gives)
    }

    /// Gives people what their groups say, in the caller's transaction, which holds the workspace: roles, the end of access,
    /// and access back. `entries` are those in question; `None`: everybody.
    pub(crate) async fn settle_roles(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        entries: Option<&[String]>,
    ) -> Result<Changes> {
        let identity = &self.0.identity;
        let (mut given, mut people, mut newly_managed) = (Vec::new(), Vec::new(), 0);
        let (mut leave, mut back) = (Vec::new(), Vec::new());
        for due in roles::due(tx, workspace, entries).await? {
            let before = match (due.role, due.kept) {
                (Some(role), _) | (None, Some(role)) => role,
                (None, None) => continue,
            };
            match due.given {
                None => {
                    let (user, email) = (due.user.clone(), due.email.clone());
                    leave.push(Departing { user, email, name: due.name, role: before });
                }
                Some(role) => {
                    if due.role.is_none() {
                        back.push((due.user.clone(), before));
                    }
                    let (user, email) = (due.user.clone(), due.email.clone());
                    given.push(RoleChange { user, email, before, role });
                }
            }
            match due.role == due.given {
                true => newly_managed += 1,
                false => people.push(PersonChange {
                    user_id: due.user,
                    email: due.email.to_string(),
                    from: due.role,
                    to: due.given,
                }),
            }
        }
        identity.take_out_all(tx, actor, workspace, &leave, LeaveCause::NoGroupLeft).await?;
        identity.bring_in_all(tx, actor, workspace, &back).await?;
        identity.give_roles(tx, actor, workspace, &given).await?;
        Ok(Changes::of(people, newly_managed))
    }

    /// Gives everybody of a workspace what the groups say. What came about side by side and saw nothing of each other is put
    /// right here.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn settle_workspace(&self, workspace: &WorkspaceId) -> Result<Changes> {
        let store = &self.0.store;
        self.adopt(workspace).await?;
        let mut tx = store.begin_always().await?;
        let changes = match self.hold_roles(&mut tx, workspace).await? {
            true => self.settle_roles(&mut tx, &machine(store, workspace), workspace, None).await?,
            false => Changes::default(),
        };
        tx.commit().await?;
        Ok(changes)
    }
}

/// The product itself, in a workspace.
pub(crate) fn machine(store: &Store, workspace: &WorkspaceId) -> Actor {
    Actor::system(Origin::machine(store.ids().make()), Some(workspace.clone()))
}
