//! People of the directory: made, read, changed, deleted (RFC 7644 §3.3 to §3.6).

use std::collections::BTreeMap;

use gatehouse_identity::LeaveCause;
use gatehouse_store::Condition;
use gatehouse_types::{Actor, Error, Id, ScimGroupId, ScimScope, ScimUserId, WorkspaceId};
use serde_json::{Value, json};

use super::access::{Access, Account, is_taken, taken};
use super::directory::{changed, parsed, record};
use crate::Scim;
use crate::model::asked::changed_meanwhile;
use crate::model::{Asked, Operation, Precondition, Resource, UserEntry};
use crate::protocol::patch::{self, document};
use crate::protocol::project::Projection;
use crate::protocol::test::{typed, typed_of_some};
use crate::protocol::value::Object;
use crate::protocol::{ScimError, USER};
use crate::refused::{Refused, ScimResult};
use crate::store::places::{self, Of};
use crate::store::{compile, users};

/// How often a change is tried that meets others of the same resource.
pub(crate) const TRIES: usize = 8;

/// The refusal when a resource changes faster than one can write to it.
pub(crate) fn too_lively(expected: &Precondition) -> Refused {
    match expected.is_some() {
        true => changed_meanwhile().into(),
        false => Error::unavailable("The resource is being changed by others. Try again in a moment.").into(),
    }
}

fn details(entry: &UserEntry, changed: Option<Vec<String>>, access: Access) -> Value {
    let mut details =
        json!({"userName": entry.user_name(), "active": entry.is_active(), "userId": entry.user_id});
    if let Some(changed) = changed {
        details["changed"] = json!(changed);
    }
    if let Some(access) = access {
        details["access"] = access;
    }
    details
}

/// `active` of a document, taken out of it.
fn take_active(attributes: &mut Object) -> Option<bool> {
    attributes.remove("active").and_then(|v| v.as_bool())
}

impl Scim {
    /// Makes an entry, and gives the access that it stands for.
    ///
    /// # Errors
    /// 409 `uniqueness` for a name or an account that another entry has; `invalidValue`.
    pub(crate) async fn create_user(&self, actor: &Actor, body: &Value) -> ScimResult<UserEntry> {
        self.require_scope(actor, ScimScope::UsersWrite).await?;
        let (store, workspace) = (&self.0.store, actor.workspace()?);
        let (mut attributes, _) = document(&USER, body)?;
        let active = take_active(&mut attributes).unwrap_or(true);
        UserEntry::check(&attributes)?;
        let now = store.now();
        let mut entry = UserEntry {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            user_id: None,
            active,
            has_access: false,
            is_adopted: false,
            attributes,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let mut tx = store.begin(&actor.origin).await?;
        let account = match active {
            true => self.account(&mut tx, actor, &entry).await,
            false => Ok(Account::None),
        };
        // where there is an account already, the name is looked for; of what is new, the database says it at the end
        let is_known =
            matches!(account, Ok(Account::Own(_) | Account::Adopted(..)) | Err(Refused::Protocol(_)));
        if is_known && users::is_taken(&mut tx, workspace, entry.user_name()).await? {
            return Err(is_taken("userName").into());
        }
        let mut replaced = None;
        let access = match account? {
            Account::None => None,
            Account::New(user) => Some(self.admit_new(&mut tx, actor, &mut entry, user).await?),
            Account::Own(user) => Some(self.admit(&mut tx, actor, &mut entry, user).await?),
            Account::Adopted(user, other) => {
                entry.id = other.id.clone();
                entry.version = other.version + 1;
                entry.created_at = other.created_at;
                replaced = Some(other);
                Some(self.admit(&mut tx, actor, &mut entry, user).await?)
            }
        };
        match &replaced {
            None => users::insert(&mut tx, &entry),
            Some(other) => {
                if !users::update(&mut tx, &entry, other).await.map_err(taken("userName"))? {
                    return Err(too_lively(&Precondition::default()));
                }
            }
        }
        let told = details(&entry, None, access);
        record(&mut tx, actor, (Operation::Create, Resource::User), entry.id.as_str(), told).await?;
        tx.commit().await.map_err(taken("userName"))?;
        self.0.places.moved(store);
        Ok(entry)
    }

    /// One entry.
    ///
    /// # Errors
    /// 404.
    pub(crate) async fn user(&self, actor: &Actor, id: &str) -> ScimResult<UserEntry> {
        self.require_scope(actor, ScimScope::UsersRead).await?;
        let workspace = actor.workspace()?;
        let known: ScimUserId = parsed("User", id)?;
        let found = users::find(&self.0.store, &mut self.0.store.reader(), workspace, &known).await?;
        found.ok_or_else(|| ScimError::not_found("User", id).into())
    }

    /// Replaces an entry by a document (RFC 7644 §3.5.1). Without `active` the access stays as it is.
    ///
    /// # Errors
    /// 404, 412, 409 `uniqueness`, `invalidValue`.
    pub(crate) async fn replace_user(
        &self,
        actor: &Actor,
        id: &str,
        expected: &Precondition,
        body: &Value,
    ) -> ScimResult<UserEntry> {
        self.require_scope(actor, ScimScope::UsersWrite).await?;
        let (mut attributes, _) = document(&USER, body)?;
        let active = take_active(&mut attributes);
        self.change_user(actor, id, expected, |_| Ok((attributes.clone(), active))).await
    }

    /// Changes an entry by operations (RFC 7644 §3.5.2).
    ///
    /// # Errors
    /// As [`Scim::replace_user`], and what operations are refused for.
    pub(crate) async fn patch_user(
        &self,
        actor: &Actor,
        id: &str,
        expected: &Precondition,
        body: &Value,
    ) -> ScimResult<UserEntry> {
        self.require_scope(actor, ScimScope::UsersWrite).await?;
        let operations = patch::parse(body)?;
        let apply = |before: &UserEntry| {
            // what comes out the same on either is what the operations say of it, and not what was there
            let (mut attributes, _) = patch::apply(&USER, before.document(true), &operations)?;
            let (mut other, _) = patch::apply(&USER, before.document(false), &operations)?;
            let active = match (take_active(&mut attributes), take_active(&mut other)) {
                (Some(true), Some(false)) => None,
                // who clears it says that there is no access
                (said, _) => Some(said.unwrap_or(false)),
            };
            Ok((attributes, active))
        };
        self.change_user(actor, id, expected, apply).await
    }

    async fn change_user(
        &self,
        actor: &Actor,
        id: &str,
        expected: &Precondition,
        change: impl Fn(&UserEntry) -> Result<(Object, Option<bool>), ScimError>,
    ) -> ScimResult<UserEntry> {
        self.require_scope(actor, ScimScope::UsersWrite).await?;
        let (store, workspace) = (&self.0.store, actor.workspace()?);
        let known: ScimUserId = parsed("User", id)?;
        for _ in 0..TRIES {
            let mut tx = store.begin(&actor.origin).await?;
            let before = users::find(store, &mut tx, workspace, &known).await?;
            let before = before.ok_or_else(|| ScimError::not_found("User", id))?;
            expected.check(before.version)?;
            let (attributes, active) = change(&before)?;
            UserEntry::check(&attributes)?;
            let mut after = UserEntry {
                attributes,
                active: active.unwrap_or(before.active),
                is_adopted: false,
                ..before.clone()
            };
            // who was removed here stays so until the provider speaks of it
            let access = match active.is_some() || before.user_id.is_none() {
                true => {
                    let cause = LeaveCause::ScimInactive;
                    self.settle_access(&mut tx, actor, &before, &mut after, cause).await?
                }
                false => None,
            };
            let mut differs = changed(&before.attributes, &after.attributes);
            if (before.active, before.is_active()) != (after.active, after.is_active()) {
                differs.push("active".to_owned());
            }
            let same_access = (&before.user_id, before.has_access) == (&after.user_id, after.has_access);
            if differs.is_empty() && same_access {
                return Ok(before);
            }
            (after.version, after.updated_at) = (before.version + 1, store.now());
            if !users::update(&mut tx, &after, &before).await.map_err(taken("userName"))? {
                tx.rollback().await?;
                continue;
            }
            let told = details(&after, Some(differs), access);
            record(&mut tx, actor, (Operation::Update, Resource::User), after.id.as_str(), told).await?;
            tx.commit().await?;
            return Ok(after);
        }
        Err(too_lively(expected))
    }

    /// Deletes an entry; the access that it stood for ends with it.
    ///
    /// # Errors
    /// 404, 412.
    pub(crate) async fn delete_user(
        &self,
        actor: &Actor,
        id: &str,
        expected: &Precondition,
    ) -> ScimResult<()> {
        self.require_scope(actor, ScimScope::UsersWrite).await?;
        let (store, workspace) = (&self.0.store, actor.workspace()?);
        let known: ScimUserId = parsed("User", id)?;
        for _ in 0..TRIES {
            let mut tx = store.begin(&actor.origin).await?;
            let entry = users::find(store, &mut tx, workspace, &known).await?;
            let entry = entry.ok_or_else(|| ScimError::not_found("User", id))?;
            expected.check(entry.version)?;
            let mut gone = UserEntry { active: false, ..entry.clone() };
            let cause = LeaveCause::ScimDeleted;
            let access = self.settle_access(&mut tx, actor, &entry, &mut gone, cause).await?;
            if !users::delete(&mut tx, &entry).await? {
                tx.rollback().await?;
                continue;
            }
            let told = details(&entry, None, access);
            record(&mut tx, actor, (Operation::Delete, Resource::User), entry.id.as_str(), told).await?;
            tx.commit().await?;
            self.0.places.moved(store);
            return Ok(());
        }
        Err(too_lively(expected))
    }

    /// The entries that a search finds, as clients see them, and how many there are. Of a search over all kinds of
    /// resources, attributes may be another kind's.
    ///
    /// # Errors
    /// `invalidFilter`, `invalidValue`.
    pub(crate) async fn search_users(
        &self,
        actor: &Actor,
        asked: &Asked,
        is_over_all: bool,
    ) -> ScimResult<(Vec<Object>, i64)> {
        self.require_scope(actor, ScimScope::UsersRead).await?;
        let (store, workspace) = (&self.0.store, actor.workspace()?);
        if asked.is_of_all() {
            return self.page_of_users(workspace, asked).await;
        }
        let meaning = if is_over_all { typed_of_some } else { typed };
        let passes = match &asked.filter {
            None => Condition::fixed("TRUE"),
            Some(filter) => compile::condition(&USER, &meaning(filter, &USER)?)?,
        };
        let order = compile::order(&USER, asked.sort_by.as_deref(), asked.descends)?;
        let (limit, offset) = (asked.count, asked.offset());
        let found = match limit {
            0 => Vec::new(),
            _ => {
                users::search(store, &mut store.reader(), workspace, passes.clone(), order, (limit, offset))
                    .await?
            }
        };
        let total = match i64::try_from(found.len()).unwrap_or(limit) {
            n if n < limit && (n > 0 || offset == 0) => offset + n,
            _ => users::count(store, &mut store.reader(), workspace, passes).await?,
        };
        Ok((self.shown_users(&found, &asked.projection).await?, total))
    }

    /// A page of all users, and how many there are.
    async fn page_of_users(&self, workspace: &WorkspaceId, asked: &Asked) -> ScimResult<(Vec<Object>, i64)> {
        let (store, bounds) = (&self.0.store, (asked.offset(), asked.count));
        let slice =
            self.0.places.slice(&mut store.reader(), Of::Users, workspace, bounds, asked.descends).await?;
        let order = Condition::fixed(" ORDER BY e.id");
        let mut found = match slice.limit {
            0 => Vec::new(),
            limit => {
                users::search(store, &mut store.reader(), workspace, slice.passes, order, (limit, 0)).await?
            }
        };
        if asked.descends {
            found.reverse();
        }
        if slice.is_unsettled {
            places::settle_later(store, Of::Users, workspace);
        }
        Ok((self.shown_users(&found, &asked.projection).await?, slice.total))
    }

    /// An entry as clients see it that was just made, and is in no group.
    pub(crate) fn shown_new_user(&self, entry: &UserEntry, projection: &Projection) -> Object {
        projection.apply(&USER, entry.resource(&crate::api::discovery::base(self), None))
    }

    /// Entries as clients see them, with their groups where these are wanted.
    pub(crate) async fn shown_users(
        &self,
        found: &[UserEntry],
        projection: &Projection,
    ) -> ScimResult<Vec<Object>> {
        let store = &self.0.store;
        let base = crate::api::discovery::base(self);
        let mut groups: BTreeMap<String, Vec<(ScimGroupId, String)>> = BTreeMap::new();
        if projection.shows(&USER, "groups") {
            let ids: Vec<_> = found.iter().map(|e| e.id.to_string()).collect();
            for (member, group) in users::groups_of(store, &mut store.reader(), &ids).await? {
                groups.entry(member).or_default().push(group);
            }
        }
        let of = |id: &ScimUserId| groups.get(id.as_str()).map(Vec::as_slice);
        Ok(found.iter().map(|e| projection.apply(&USER, e.resource(&base, of(&e.id)))).collect())
    }
}
