//! Groups of the directory. Members are kept apart, so that a change of one costs the same however many there are.

use std::collections::{BTreeMap, BTreeSet};

use gatehouse_store::{Condition, Tx};
use gatehouse_types::{Actor, Id, ScimGroupId, ScimScope, WorkspaceId};
use serde_json::{Value, json};

use super::access::taken;
use super::directory::{changed, parsed, record};
use super::users::{TRIES, too_lively};
use crate::Scim;
use crate::model::role::Changes;
use crate::model::{Asked, GroupEntry, Member, Operation, Precondition, Resource};
use crate::protocol::patch::{self, MemberChange, document};
use crate::protocol::project::Projection;
use crate::protocol::test::{typed, typed_of_some};
use crate::protocol::value::Object;
use crate::protocol::{GROUP, ScimError};
use crate::refused::ScimResult;
use crate::store::places::{self, Of};
use crate::store::{compile, groups, roles};

/// How many members came and went.
#[derive(Clone, Debug, Default)]
struct Moved {
    added: u64,
    removed: u64,
    /// Who is in question: those who came or went are among them.
    touched: BTreeSet<String>,
}

fn details(group: &GroupEntry, changed: Option<Vec<String>>, moved: &Moved, people: &Changes) -> Value {
    let mut details = json!({
        "displayName": group.display(), "membersAdded": moved.added, "membersRemoved": moved.removed,
    });
    if let Some(changed) = changed {
        details["changed"] = json!(changed);
    }
    if !people.is_empty() {
        details["people"] = people.counts();
    }
    details
}

/// Ids without repetition.
fn once(ids: &[String]) -> Vec<String> {
    ids.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

impl Scim {
    /// Makes a group.
    ///
    /// # Errors
    /// 409 `uniqueness`; `invalidValue`, also for members who are not there.
    pub(crate) async fn create_group(&self, actor: &Actor, body: &Value) -> ScimResult<GroupEntry> {
        self.require_scope(actor, ScimScope::GroupsWrite).await?;
        let (store, workspace) = (&self.0.store, actor.workspace()?);
        let (attributes, members) = document(&GROUP, body)?;
        GroupEntry::check(&attributes)?;
        let now = store.now();
        let group = GroupEntry {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            attributes,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let mut tx = store.begin(&actor.origin).await?;
        groups::insert(&mut tx, &group).await.map_err(taken("displayName"))?;
        let moved = move_members(&mut tx, &group, &members).await?;
        // no group gives a role before somebody says so
        let told = details(&group, None, &moved, &Changes::default());
        record(&mut tx, actor, (Operation::Create, Resource::Group), group.id.as_str(), told).await?;
        tx.commit().await?;
        self.0.places.moved(store);
        Ok(group)
    }

    /// One group, without its members.
    ///
    /// # Errors
    /// 404.
    pub(crate) async fn group(&self, actor: &Actor, id: &str) -> ScimResult<GroupEntry> {
        self.require_scope(actor, ScimScope::GroupsRead).await?;
        let known: ScimGroupId = parsed("Group", id)?;
        let found =
            groups::find(&self.0.store, &mut self.0.store.reader(), actor.workspace()?, &known).await?;
        found.ok_or_else(|| ScimError::not_found("Group", id).into())
    }

    /// Replaces a group by a document (RFC 7644 §3.5.1). Without `members` they stay: what is not named does not leave.
    ///
    /// # Errors
    /// 404, 412, 409 `uniqueness`, `invalidValue`.
    pub(crate) async fn replace_group(
        &self,
        actor: &Actor,
        id: &str,
        expected: &Precondition,
        body: &Value,
    ) -> ScimResult<GroupEntry> {
        let (attributes, members) = document(&GROUP, body)?;
        let named = body.as_object().and_then(|b| patch::member(b, "members"));
        let members: Vec<_> = match (named, members.into_iter().next()) {
            (_, Some(MemberChange::Add(ids))) => vec![MemberChange::Set(ids)],
            (Some(_), _) => vec![MemberChange::Clear],
            (None, _) => Vec::new(),
        };
        let change = |_: &GroupEntry| Ok((attributes.clone(), members.clone()));
        self.change_group(actor, id, expected, change).await
    }

    /// Changes a group by operations (RFC 7644 §3.5.2).
    ///
    /// # Errors
    /// As [`Scim::replace_group`], and what operations are refused for.
    pub(crate) async fn patch_group(
        &self,
        actor: &Actor,
        id: &str,
        expected: &Precondition,
        body: &Value,
    ) -> ScimResult<GroupEntry> {
        self.require_scope(actor, ScimScope::GroupsWrite).await?;
        let operations = patch::parse(body)?;
        let change = |before: &GroupEntry| patch::apply(&GROUP, before.attributes.clone(), &operations);
        self.change_group(actor, id, expected, change).await
    }

    async fn change_group(
        &self,
        actor: &Actor,
        id: &str,
        expected: &Precondition,
        change: impl Fn(&GroupEntry) -> Result<(Object, Vec<MemberChange>), ScimError>,
    ) -> ScimResult<GroupEntry> {
        self.require_scope(actor, ScimScope::GroupsWrite).await?;
        let (store, workspace) = (&self.0.store, actor.workspace()?);
        let known: ScimGroupId = parsed("Group", id)?;
        for _ in 0..TRIES {
            let mut tx = store.begin(&actor.origin).await?;
            let gives = self.hold_roles(&mut tx, workspace).await?;
            let before = groups::find(store, &mut tx, workspace, &known).await?;
            let before = before.ok_or_else(|| ScimError::not_found("Group", id))?;
            expected.check(before.version)?;
            let (attributes, members) = change(&before)?;
            GroupEntry::check(&attributes)?;
            let (version, updated_at) = (before.version + 1, store.now());
            let after = GroupEntry { attributes, version, updated_at, ..before.clone() };
            let differs = changed(&before.attributes, &after.attributes);
            // the group's row first: changes of one group's members take place one after the other
            if (!differs.is_empty() || !members.is_empty())
                && !groups::update(&mut tx, &after, before.version).await.map_err(taken("displayName"))?
            {
                tx.rollback().await?;
                continue;
            }
            let moved = move_members(&mut tx, &after, &members).await?;
            if differs.is_empty() && moved.added + moved.removed == 0 {
                tx.rollback().await?;
                return Ok(before);
            }
            let people = match gives && roles::is_mapped(&mut tx, &after.id).await? {
                true => {
                    let touched: Vec<_> = moved.touched.iter().cloned().collect();
                    self.settle_roles(&mut tx, actor, workspace, Some(&touched)).await?
                }
                false => Changes::default(),
            };
            let told = details(&after, Some(differs), &moved, &people);
            record(&mut tx, actor, (Operation::Update, Resource::Group), after.id.as_str(), told).await?;
            tx.commit().await?;
            return Ok(after);
        }
        Err(too_lively(expected))
    }

    /// Deletes a group; its members stay in the directory. What the group gave goes with it.
    ///
    /// # Errors
    /// 404, 412.
    pub(crate) async fn delete_group(
        &self,
        actor: &Actor,
        id: &str,
        expected: &Precondition,
    ) -> ScimResult<()> {
        self.require_scope(actor, ScimScope::GroupsWrite).await?;
        let (store, workspace) = (&self.0.store, actor.workspace()?);
        let known: ScimGroupId = parsed("Group", id)?;
        for _ in 0..TRIES {
            let mut tx = store.begin(&actor.origin).await?;
            let gives = self.hold_roles(&mut tx, workspace).await?;
            let group = groups::find(store, &mut tx, workspace, &known).await?;
            let group = group.ok_or_else(|| ScimError::not_found("Group", id))?;
            expected.check(group.version)?;
            let is_mapped = gives && roles::is_mapped(&mut tx, &group.id).await?;
            let (mut before, mut members) = (Vec::new(), Vec::new());
            if is_mapped {
                before = roles::list(&mut tx, workspace).await?;
                members = groups::member_ids(&mut tx, &group.id).await?.into_iter().collect();
                roles::delete(&mut tx, &group.id).await?;
            }
            if !groups::delete(&mut tx, &group).await? {
                tx.rollback().await?;
                continue;
            }
            let mut people = Changes::default();
            if is_mapped {
                people = self.settle_roles(&mut tx, actor, workspace, Some(&members)).await?;
                let after = roles::list(&mut tx, workspace).await?;
                super::roles::record(&mut tx, actor, workspace, (&before, &after), &people).await?;
            }
            let told = details(&group, None, &Moved::default(), &people);
            record(&mut tx, actor, (Operation::Delete, Resource::Group), group.id.as_str(), told).await?;
            tx.commit().await?;
            self.0.places.moved(store);
            return Ok(());
        }
        Err(too_lively(expected))
    }

    /// The groups that a search finds, as clients see them, and how many there are.
    ///
    /// # Errors
    /// `invalidFilter`, `invalidValue`.
    pub(crate) async fn search_groups(
        &self,
        actor: &Actor,
        asked: &Asked,
        is_over_all: bool,
    ) -> ScimResult<(Vec<Object>, i64)> {
        self.require_scope(actor, ScimScope::GroupsRead).await?;
        let (store, workspace) = (&self.0.store, actor.workspace()?);
        if asked.is_of_all() {
            return self.page_of_groups(workspace, asked).await;
        }
        let meaning = if is_over_all { typed_of_some } else { typed };
        let passes = match &asked.filter {
            None => Condition::fixed("TRUE"),
            Some(filter) => compile::condition(&GROUP, &meaning(filter, &GROUP)?)?,
        };
        let order = compile::order(&GROUP, asked.sort_by.as_deref(), asked.descends)?;
        let (limit, offset) = (asked.count, asked.offset());
        let found = match limit {
            0 => Vec::new(),
            _ => {
                groups::search(store, &mut store.reader(), workspace, passes.clone(), order, (limit, offset))
                    .await?
            }
        };
        let total = match i64::try_from(found.len()).unwrap_or(limit) {
            n if n < limit && (n > 0 || offset == 0) => offset + n,
            _ => groups::count(store, &mut store.reader(), workspace, passes).await?,
        };
        Ok((self.shown_groups(&found, &asked.projection).await?, total))
    }

    /// A page of all groups, and how many there are.
    async fn page_of_groups(&self, workspace: &WorkspaceId, asked: &Asked) -> ScimResult<(Vec<Object>, i64)> {
        let (store, bounds) = (&self.0.store, (asked.offset(), asked.count));
        let slice =
            self.0.places.slice(&mut store.reader(), Of::Groups, workspace, bounds, asked.descends).await?;
        let order = Condition::fixed(" ORDER BY e.id");
        let mut found = match slice.limit {
            0 => Vec::new(),
            limit => {
                groups::search(store, &mut store.reader(), workspace, slice.passes, order, (limit, 0)).await?
            }
        };
        if asked.descends {
            found.reverse();
        }
        if slice.is_unsettled {
            places::settle_later(store, Of::Groups, workspace);
        }
        Ok((self.shown_groups(&found, &asked.projection).await?, slice.total))
    }

    /// Groups as clients see them, with their members where these are wanted.
    pub(crate) async fn shown_groups(
        &self,
        found: &[GroupEntry],
        projection: &Projection,
    ) -> ScimResult<Vec<Object>> {
        let store = &self.0.store;
        let base = crate::api::discovery::base(self);
        let mut members: BTreeMap<String, Vec<Member>> = BTreeMap::new();
        if projection.shows(&GROUP, "members") {
            let ids: Vec<_> = found.iter().map(|g| g.id.to_string()).collect();
            let with_names = projection.asks_for(&GROUP, "members", "display");
            for (group, mut member) in groups::members_of(store, &mut store.reader(), &ids).await? {
                member.display = member.display.filter(|_| with_names);
                members.entry(group).or_default().push(member);
            }
        }
        let of = |id: &ScimGroupId| members.get(id.as_str()).map(Vec::as_slice);
        Ok(found.iter().map(|g| projection.apply(&GROUP, g.resource(&base, of(&g.id)))).collect())
    }
}

/// Carries changes of members out, in their order.
async fn move_members(tx: &mut Tx, group: &GroupEntry, changes: &[MemberChange]) -> ScimResult<Moved> {
    let mut moved = Moved::default();
    for change in changes {
        match change {
            MemberChange::Add(ids) => {
                moved.added += join(tx, group, ids).await?;
                moved.touched.extend(ids.iter().cloned());
            }
            MemberChange::Remove(ids) => {
                moved.removed += groups::remove(tx, &group.id, &once(ids)).await?;
                moved.touched.extend(ids.iter().cloned());
            }
            MemberChange::RemoveWhere(test) => {
                let passes = compile::member(test)?;
                let gone = groups::members_where(tx, &group.id, passes).await?;
                moved.removed += groups::remove(tx, &group.id, &gone).await?;
                moved.touched.extend(gone);
            }
            MemberChange::Clear => {
                let all: Vec<_> = groups::member_ids(tx, &group.id).await?.into_iter().collect();
                moved.removed += groups::remove(tx, &group.id, &all).await?;
                moved.touched.extend(all);
            }
            MemberChange::Set(ids) => {
                let (before, after) = (groups::member_ids(tx, &group.id).await?, once(ids));
                let gone: Vec<_> =
                    before.iter().filter(|id| after.binary_search(id).is_err()).cloned().collect();
                let new: Vec<_> = after.into_iter().filter(|id| !before.contains(id)).collect();
                moved.removed += groups::remove(tx, &group.id, &gone).await?;
                moved.added += join(tx, group, &new).await?;
                moved.touched.extend(gone.into_iter().chain(new));
            }
        }
    }
    Ok(moved)
}

async fn join(tx: &mut Tx, group: &GroupEntry, ids: &[String]) -> ScimResult<u64> {
    let ids = once(ids);
    let unknown = groups::unknown(tx, &group.workspace_id, &ids).await?;
    if let Some(id) = unknown.first() {
        let shown: String = id.chars().take(80).collect();
        return Err(
            ScimError::invalid_value(format!("There is no user or group {shown} to be a member.")).into()
        );
    }
    if ids.iter().any(|id| id == group.id.as_str()) {
        return Err(ScimError::invalid_value("A group is no member of itself.").into());
    }
    Ok(groups::add(tx, &group.id, &ids).await?)
}
