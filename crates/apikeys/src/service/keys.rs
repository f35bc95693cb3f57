//! Keys: made, replaced, switched off, deleted. Never changed: what a key is stays what it was.

use std::collections::BTreeSet;

use gatehouse_identity::require;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::{Queries, Tx};
use gatehouse_types::{
    Actor, ApiAppId, ApiKeyId, Error, Id, OwnerKind, Page, PageRequest, Permission, Result, Secret, Timestamp,
};
use serde_json::{Value as Json, json};

use super::apps::{LimitsChange, not_found as no_app, object};
use crate::ApiKeys;
use crate::model::app::checked_name;
use crate::model::key::{MAX_OVERLAP_HOURS, checked_end, gives_keys};
use crate::model::limits::Limits;
use crate::model::secret::{self, FreshKey, stored};
use crate::model::{App, Key, KeyStatus};
use crate::service::usage::Impact;
use crate::store::changes::Change;
use crate::store::{apps, keys};

/// Keys of an app at most.
const MAX_KEYS: i64 = 10_000;
/// What is said of a name that another key of the app has.
const TAKEN: &str = "A key with this name exists in this app.";

/// A key to be made.
#[derive(Debug)]
pub(crate) struct NewKey {
    pub(crate) name: String,
    pub(crate) owner_kind: OwnerKind,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) expires_in_days: Option<i64>,
    pub(crate) limits: LimitsChange,
}

/// A key that was just made; its value is told this once.
#[derive(Debug)]
pub(crate) struct MadeKey {
    pub(crate) key: Key,
    pub(crate) value: Secret,
}

fn not_found() -> Error {
    Error::not_found("API key")
}

fn told(key: &Key, app: &App) -> Json {
    json!({
        "name": key.name, "app": app.id, "appName": app.name, "maskedValue": key.masked,
        "ownerKind": key.owner_kind, "expiresAt": key.expires_at,
    })
}

async fn record(tx: &mut Tx, actor: &Actor, event: &'static str, key: &Key, details: Json) -> Result<()> {
    Ok(audit::record(tx, actor, Event::success(event, ("api-key", key.id.as_str()), details)).await?)
}

impl ApiKeys {
    fn fresh_key(&self, app: &App, name: String, of: Owned, limits: Limits) -> (Key, FreshKey) {
        let store = &self.0.store;
        let fresh = secret::fresh(&**store.random());
        let key = Key {
            id: store.ids().make(),
            app_id: app.id.clone(),
            workspace_id: app.workspace_id.clone(),
            name,
            masked: fresh.masked.clone(),
            owner_kind: of.kind,
            owner_id: of.id,
            limits,
            version: 1,
            expires_at: of.expires_at,
            disabled_at: None,
            deleted_at: None,
            replaced_by: None,
            created_by: of.creator,
            created_at: store.now(),
            last_used_at: None,
            last_ip: None,
            last_scope: None,
            is_suspended: false,
        };
        (key, fresh)
    }

    /// Makes a key. It is the company's unless it is asked to be the caller's own, which ends with the person.
    ///
    /// # Errors
    /// `Validation`; `Conflict` for a name that is taken, and for too many keys; `NotFound`; `Authorization` without the
    /// right.
    pub(crate) async fn make_key(&self, actor: &Actor, app: &ApiAppId, new: NewKey) -> Result<MadeKey> {
        let name = checked_name(&new.name);
        let (mut tx, app) = self.hold_app(actor, Permission::ManageApps, app).await?;
        let expires_at = checked_end(new.expires_at, new.expires_in_days, self.0.store.now())?;
        let limits = new.limits.applied(&Limits::default())?;
        if keys::count(&mut tx, &app.id).await? >= MAX_KEYS {
            return Err(Error::conflict("An app has at most 10000 keys. Delete one that is not used."));
        }
        let creator = actor.user().ok().map(ToString::to_string);
        if new.owner_kind == OwnerKind::Person && creator.is_none() {
            return Err(Error::validation("ownerKind", "Only a person makes a key of their own."));
        }
        let of = Owned { kind: new.owner_kind, id: creator.clone(), expires_at, creator };
        let (key, fresh) = self.fresh_key(&app, name?, of, limits);
        keys::insert(&mut tx, &key, &fresh.digest).await.map_err(|e| e.or_conflict(TAKEN))?;
        self.changed(&mut tx, &[Change::Key(stored(&fresh.digest))]).await?;
        record(&mut tx, actor, "api-key.created", &key, told(&key, &app)).await?;
        tx.commit().await?;
        Ok(MadeKey { key, value: fresh.text })
    }

    /// Makes a key in the place of another one, which goes on for some hours beside it.
    ///
    /// # Errors
    /// `Validation` for more than 720 hours; `Conflict` for a key that has ended, or gave way already; `NotFound`;
    /// `Authorization` without the right.
    pub(crate) async fn rotate_key(
        &self,
        actor: &Actor,
        app: &ApiAppId,
        id: &ApiKeyId,
        overlap_hours: i64,
        expires_in_days: Option<i64>,
    ) -> Result<MadeKey> {
        let (mut tx, app, old) = self.hold_key(actor, app, id).await?;
        if !(0..=MAX_OVERLAP_HOURS).contains(&overlap_hours) {
            return Err(Error::validation("overlapHours", "The overlap must be 0 to 720 hours."));
        }
        let now = self.0.store.now();
        if old.replaced_by.is_some() || matches!(old.status(now), KeyStatus::Expired) {
            return Err(Error::conflict("This key has ended, or gave way to another one already."));
        }
        let days = expires_in_days.map(|d| checked_end(None, Some(d), now)).transpose()?.flatten();
        // without a word the new one lives as long as the old one was made for
        let as_before = old
            .expires_at
            .map(|end| Timestamp::from_micros(now.micros() + (end.micros() - old.created_at.micros())));
        let of = Owned {
            kind: old.owner_kind,
            id: old.owner_id.clone(),
            expires_at: days.or(as_before),
            creator: actor.user().ok().map(ToString::to_string),
        };
        let (key, fresh) = self.fresh_key(&app, old.name.clone(), of, old.limits.clone());
        let until = now.plus_seconds(overlap_hours * 3_600);
        keys::yield_to(&mut tx, &old.id, &key.id, until).await?;
        keys::insert(&mut tx, &key, &fresh.digest).await.map_err(|e| e.or_conflict(TAKEN))?;
        let old_digest = keys::digest(&mut tx, &old.id).await?;
        self.changed(&mut tx, &[Change::Key(stored(&fresh.digest)), Change::Key(old_digest)]).await?;
        let mut details = told(&key, &app);
        details["replaces"] = json!(old.id);
        details["overlapHours"] = json!(overlap_hours);
        record(&mut tx, actor, "api-key.rotated", &key, details).await?;
        tx.commit().await?;
        Ok(MadeKey { key, value: fresh.text })
    }

    /// One page of an app's keys, the latest first.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn keys(&self, actor: &Actor, app: &ApiAppId, page: PageRequest) -> Result<Page<Key>> {
        self.app(actor, app).await?;
        let mut db = self.0.store.reader();
        let (found, total) = keys::page(&mut db, app, page).await?;
        Ok(Page::new(self.with_standing(&mut db, found).await?, page, total))
    }

    /// Notes which keys open nothing because of the role of their person.
    async fn with_standing<Q: Queries>(&self, db: &mut Q, mut keys: Vec<Key>) -> Result<Vec<Key>> {
        let people: BTreeSet<_> = keys.iter().filter_map(Key::person).collect();
        if people.is_empty() {
            return Ok(keys);
        }
        let roles = self.0.identity.roles_of(db, &people).await?;
        for key in &mut keys {
            if let Some(person) = key.person() {
                key.is_suspended = !gives_keys(roles.get(&(key.workspace_id.clone(), person)).copied());
            }
        }
        Ok(keys)
    }

    /// One key as it stands.
    async fn standing<Q: Queries>(&self, db: &mut Q, app: &ApiAppId, id: &ApiKeyId) -> Result<Key> {
        let key = keys::find(db, app, id).await?.ok_or_else(not_found)?;
        self.with_standing(db, vec![key]).await?.pop().ok_or_else(not_found)
    }

    /// A key of an app, without its value.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn key(&self, actor: &Actor, app: &ApiAppId, id: &ApiKeyId) -> Result<Key> {
        let workspace = require(&self.0.store, actor, Permission::ManageApps, object(app)).await?;
        let mut db = self.0.store.reader();
        apps::find(&mut db, workspace, app).await?.ok_or_else(no_app)?;
        self.standing(&mut db, app, id).await
    }

    async fn hold_key(&self, actor: &Actor, app: &ApiAppId, id: &ApiKeyId) -> Result<(Tx, App, Key)> {
        let (mut tx, app) = self.hold_app(actor, Permission::ManageApps, app).await?;
        let key = self.standing(&mut tx, &app.id, id).await?;
        Ok((tx, app, key))
    }

    /// Switches a key off, or on again.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn switch_key(
        &self,
        actor: &Actor,
        app: &ApiAppId,
        id: &ApiKeyId,
        on: bool,
    ) -> Result<Key> {
        let (mut tx, app, key) = self.hold_key(actor, app, id).await?;
        if key.disabled_at.is_none() == on {
            return Ok(key);
        }
        keys::set_disabled(&mut tx, id, (!on).then(|| self.0.store.now())).await?;
        let digest = keys::digest(&mut tx, id).await?;
        self.changed(&mut tx, &[Change::Key(digest)]).await?;
        let event = if on { "api-key.enabled" } else { "api-key.disabled" };
        let mut details = told(&key, &app);
        if !on {
            details["impact"] = Impact::of_key(&mut tx, id, self.0.store.now()).await?.told();
        }
        record(&mut tx, actor, event, &key, details).await?;
        let found = self.standing(&mut tx, &app.id, id).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Deletes a key; it opens nothing from this moment on.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn delete_key(&self, actor: &Actor, app: &ApiAppId, id: &ApiKeyId) -> Result<()> {
        let (mut tx, app, key) = self.hold_key(actor, app, id).await?;
        let mut details = told(&key, &app);
        details["impact"] = Impact::of_key(&mut tx, id, self.0.store.now()).await?.told();
        self.end_key(&mut tx, &key.id, "deleted").await?;
        record(&mut tx, actor, "api-key.deleted", &key, details).await?;
        Ok(tx.commit().await?)
    }

    /// Ends a key in the caller's transaction.
    pub(crate) async fn end_key(&self, tx: &mut Tx, id: &ApiKeyId, why: &str) -> Result<()> {
        let digest = keys::digest(tx, id).await?;
        keys::delete(tx, id, why).await?;
        self.changed(tx, &[Change::Key(digest)]).await
    }
}

/// Whose a new key is, and how long it lives.
struct Owned {
    kind: OwnerKind,
    id: Option<String>,
    expires_at: Option<Timestamp>,
    creator: Option<String>,
}
