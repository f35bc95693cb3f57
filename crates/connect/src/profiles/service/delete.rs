//! The end of a profile, and of single grants.

use gatehouse_identity::require;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::{Queries, Tx};
use gatehouse_types::{Actor, AuthProfileId, Error, GrantId, Id, Permission, Result, WorkspaceId};
use serde_json::json;

use super::change::Change;
use super::spec::spec_of;
use super::values::is_elsewhere;
use super::{not_found, object};
use crate::grants::{requests, store as grants};
use crate::profiles::model::{AuthorizationType, Profile, Secrets};
use crate::profiles::store;
use crate::{Connect, Holder, Owner, uses};

/// What the end of a profile hits.
struct Hits {
    /// How many people authorized it for themselves.
    people: usize,
    /// How many grants are the workspace's own.
    workspace: usize,
    /// What made calls with it lately.
    used_by: Vec<String>,
}

impl Connect {
    /// Deletes a profile with everything that was granted for it. What uses it fails from then on.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn delete_profile(&self, actor: &Actor, id: &AuthProfileId) -> Result<()> {
        let db = &self.0.store;
        let workspace = require(db, actor, Permission::ManageAuthProfiles, object(id)).await?;
        let holder = Holder::Profile(id.clone());
        let uses = self.uses_of(workspace, &holder).await?;
        let mut tx = db.begin(&actor.origin).await?;
        let (profile, secrets) = store::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let Hits { people, used_by, .. } = self.hits(&mut tx, workspace, &holder).await?;
        self.end_all(&mut tx, actor, (&profile, &secrets), "the profile was deleted").await?;
        requests::forget_for(&mut tx, &holder).await?;
        store::delete(&mut tx, &self.0.memory, id).await?;
        let details = json!({"name": profile.name, "usedBy": used_by, "people": people,
            "flows": uses::details(&uses)});
        audit::record(
            &mut tx,
            actor,
            Event::success("auth-profile.deleted", ("auth-profile", id.as_str()), details),
        )
        .await?;
        Ok(tx.commit().await?)
    }

    /// Ends every grant of a profile in the caller's transaction; how many there were.
    pub(super) async fn end_all(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        (profile, secrets): (&Profile, &Secrets),
        why: &'static str,
    ) -> Result<usize> {
        let holder = Holder::Profile(profile.id.clone());
        let all = grants::of_holder(tx, &profile.workspace, &holder).await?;
        for listed in &all {
            self.end_one(tx, actor, (profile, secrets), &listed.owner, why).await?;
        }
        Ok(all.len())
    }

    async fn end_one(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        (profile, secrets): (&Profile, &Secrets),
        owner: &Owner,
        why: &'static str,
    ) -> Result<()> {
        let holder = Holder::Profile(profile.id.clone());
        let grant = grants::find(&self.0.store, tx, &profile.workspace, &holder, owner).await?;
        let asked = grant.map(|grant| grant.asked).unwrap_or_default();
        // without the tenant that it once had there is nobody to tell
        let spec = spec_of(&self.0.public_url, profile, secrets, &asked).ok();
        let whose = (&holder, owner);
        self.0.broker.end(tx, actor, &profile.workspace, whose, spec.as_ref(), why).await.map(drop)
    }

    /// Ends one grant: who manages the profile any of them, others their own.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn disconnect(&self, actor: &Actor, id: &AuthProfileId, grant: &GrantId) -> Result<()> {
        let db = &self.0.store;
        let workspace = require(db, actor, Permission::UseAuthProfiles, object(id)).await?;
        let mut tx = db.begin(&actor.origin).await?;
        let (profile, secrets) = store::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let all = grants::of_holder(&mut tx, workspace, &Holder::Profile(id.clone())).await?;
        let own = actor.user().ok();
        let mine = |owner: &Owner| owner.person().is_some() && owner.person() == own;
        let found = all.into_iter().find(|g| g.id == *grant);
        let found = found.filter(|g| actor.may(Permission::ManageAuthProfiles) || mine(&g.owner));
        let found = found.ok_or_else(|| Error::not_found("Grant"))?;
        self.end_one(&mut tx, actor, (&profile, &secrets), &found.owner, "it was disconnected").await?;
        Ok(tx.commit().await?)
    }

    /// What the end of a profile would hit, in a sentence or two.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn deletion_hits(&self, actor: &Actor, id: &AuthProfileId) -> Result<String> {
        let db = &self.0.store;
        let workspace = require(db, actor, Permission::ManageAuthProfiles, object(id)).await?;
        let holder = Holder::Profile(id.clone());
        let hits = self.hits(&mut db.reader(), workspace, &holder).await?;
        let people = match hits.people {
            0 => "No person has authorized it for themselves.".to_owned(),
            1 => "The authorization of one person ends with it.".to_owned(),
            n => format!("The authorizations of {n} people end with it."),
        };
        Ok(format!("{people} {}", self.users_of(workspace, &holder, hits.used_by).await?))
    }

    /// What a change would end, in a sentence or two; `None` when it ends nothing that was authorized.
    ///
    /// # Errors
    /// As [`Connect::update_profile`].
    pub(crate) async fn change_ends(
        &self,
        actor: &Actor,
        id: &AuthProfileId,
        change: Change,
    ) -> Result<Option<String>> {
        let db = &self.0.store;
        let workspace = require(db, actor, Permission::ManageAuthProfiles, object(id)).await?;
        let found = store::find(db, &mut db.reader(), workspace, id).await?;
        let (before, secrets) = found.ok_or_else(not_found)?;
        let (profile, _) = self.changed(before.clone(), secrets, change)?;
        let holder = Holder::Profile(id.clone());
        let hits = self.hits(&mut db.reader(), workspace, &holder).await?;
        // client credentials are asked for anew by themselves
        let needs_nobody = profile.kind == AuthorizationType::ClientCredentials;
        if needs_nobody || !is_elsewhere(&before, &profile) || hits.people + hits.workspace == 0 {
            return Ok(None);
        }
        let whose = match (hits.workspace, hits.people) {
            (0, 1) => "the authorization of one person ends".to_owned(),
            (0, n) => format!("the authorizations of {n} people end"),
            (_, 0) => "the workspace's authorization ends".to_owned(),
            (_, 1) => "the workspace's authorization ends, and that of one person".to_owned(),
            (_, n) => format!("the workspace's authorization ends, and those of {n} people"),
        };
        let users = self.users_of(workspace, &holder, hits.used_by).await?;
        Ok(Some(format!(
            "With another client, or at another host, {whose} at once, and must be authorized again. {users}"
        )))
    }

    /// Who fails without it: flows by their definitions, and what else made calls with it lately.
    async fn users_of(
        &self,
        workspace: &WorkspaceId,
        holder: &Holder,
        used_by: Vec<String>,
    ) -> Result<String> {
        let flows = uses::sentence(&self.uses_of(workspace, holder).await?);
        let others: Vec<_> = used_by.into_iter().filter(|cause| !cause.starts_with("flow:")).collect();
        Ok(match others.is_empty() {
            true => format!("{flows} Nothing else used it in the last 30 days."),
            false => format!("{flows} Used besides in the last 30 days by: {}.", others.join(", ")),
        })
    }

    async fn hits<Q: Queries>(&self, db: &mut Q, workspace: &WorkspaceId, holder: &Holder) -> Result<Hits> {
        let grants = self.0.broker.states(db, workspace, holder).await?;
        let people = grants.iter().filter(|grant| grant.person_id.is_some()).count();
        let workspace = grants.len() - people;
        let mut used_by: Vec<String> = grants.into_iter().flat_map(|grant| grant.used_by).collect();
        used_by.sort();
        used_by.dedup();
        Ok(Hits { people, workspace, used_by })
    }
}
