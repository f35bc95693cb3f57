//! The directory of a workspace as a whole: its members belong to it however they came.

use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, Id, Result, WorkspaceId};
use serde_json::{Value, json};

use crate::Scim;
use crate::model::{UserEntry, activity};
use crate::protocol::value::Object;
use crate::store::{activities, users};

/// Members taken in by one transaction.
const BATCH: i64 = 200;
/// How far back arrivals are looked for again, in microseconds: a transaction commits within it.
pub(super) const SLACK: i64 = 60 * 1_000_000;

impl Scim {
    /// Gives every member of a workspace an entry who has none yet: those who came by invitation, by signing in, or who
    /// made the workspace. Costs one look at the recent arrivals when there is none.
    pub(crate) async fn adopt(&self, workspace: &WorkspaceId) -> Result<()> {
        let store = &self.0.store;
        while !users::arrivals(&mut store.reader(), workspace, SLACK, 1).await?.is_empty() {
            let until = store.now();
            let mut tx = store.begin_always().await?;
            let gives = self.hold_roles(&mut tx, workspace).await?;
            let mut linked = Vec::new();
            let arrived = users::arrivals(&mut tx, workspace, SLACK, BATCH).await?;
            let mut is_last = i64::try_from(arrived.len()).is_ok_and(|n| n < BATCH);
            let mut taken_in = 0;
            for (user, email, name) in arrived {
                let attributes = json!({
                    "userName": email, "displayName": name,
                    "emails": [{"value": email, "type": "work", "primary": true}],
                });
                let entry = UserEntry {
                    id: store.ids().make(),
                    workspace_id: workspace.clone(),
                    user_id: Some(user),
                    active: true,
                    has_access: true,
                    is_adopted: true,
                    attributes: object(attributes),
                    version: 1,
                    created_at: store.now(),
                    updated_at: store.now(),
                };
                // or somebody whom the provider named before; a name that is another account's stays that one's
                let is_in =
                    users::insert_if_new(&mut tx, &entry).await? || users::link(&mut tx, &entry).await?;
                if is_in {
                    taken_in += 1;
                    linked.push(entry.user_name_key());
                }
            }
            // who was in a group before coming in by another way has its role from here on
            if gives {
                let ids = users::ids_of_names(&mut tx, workspace, &linked).await?;
                let machine = super::roles::machine(store, workspace);
                self.settle_roles(&mut tx, &machine, workspace, Some(&ids)).await?;
            }
            is_last |= taken_in == 0;
            if is_last {
                users::set_adopted_until(&mut tx, workspace, until).await?;
            }
            tx.commit().await?;
            if is_last {
                break;
            }
        }
        Ok(())
    }
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(members) => members,
        _ => Object::new(),
    }
}

/// Writes what was done into the audit log and among the activities.
pub(crate) async fn record(
    tx: &mut Tx,
    actor: &Actor,
    (operation, resource): (activity::Operation, activity::Resource),
    id: &str,
    details: Value,
) -> Result<()> {
    use activity::{Operation as O, Resource as R};
    let (event, target) = match (resource, operation) {
        (R::User, O::Create) => ("scim.user-created", "scim-user"),
        (R::User, O::Update) => ("scim.user-changed", "scim-user"),
        (R::User, O::Delete) => ("scim.user-deleted", "scim-user"),
        (R::Group, O::Create) => ("scim.group-created", "scim-group"),
        (R::Group, O::Update) => ("scim.group-changed", "scim-group"),
        (R::Group, O::Delete) => ("scim.group-deleted", "scim-group"),
    };
    audit::record(tx, actor, Event::success(event, (target, id), details.clone())).await?;
    let (workspace, token_id) = (actor.workspace()?.clone(), super::activities::token_of(actor)?);
    let activity = activity::Activity {
        id: tx.store().ids().make(),
        token_id,
        at: tx.store().now(),
        operation,
        resource,
        resource_id: Some(id.to_owned()),
        error: None,
        details,
    };
    activities::insert(tx, &workspace, &activity);
    Ok(())
}

/// The names of the attributes that differ.
pub(crate) fn changed(before: &Object, after: &Object) -> Vec<String> {
    let mut names: Vec<_> = before
        .keys()
        .chain(after.keys())
        .filter(|name| before.get(*name) != after.get(*name))
        .cloned()
        .collect();
    names.sort();
    names.dedup();
    names
}

/// An id in the words of a refusal.
pub(crate) fn parsed<I: Id>(what: &str, id: &str) -> Result<I, crate::protocol::ScimError> {
    id.parse().map_err(|_| crate::protocol::ScimError::not_found(what, id))
}
