//! Our own SAML keys: one that all workspaces share, and from it on the keys that a workspace makes for itself.
//!
//! A workspace that rolls over leaves the shared key: its first own key is published as `next`, becomes `current`, and
//! the shared one is `previous` until the workspace retires it. So nobody breaks another workspace, and what is
//! encrypted for a workspace is in the end opened by it alone.

use gatehouse_identity::require;
use gatehouse_saml::Certificate;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::{Queries, Tx};
use gatehouse_types::{Actor, Error, Id, Permission, Result, SigningKeyId, Timestamp, WorkspaceId};
use serde_json::json;

use super::key_ring::Kept;
use crate::Sso;
use crate::model::{KeyState, SpKey};
use crate::sso::{SP_PURPOSE, make_key};
use crate::store::keys::{self, NewKey, StoredKey};

impl Sso {
    /// The keys of the workspace: next, current, previous.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub async fn sp_keys(&self, actor: &Actor) -> Result<Vec<SpKey>> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, None).await?;
        self.ensure_shared_key().await?;
        self.list_keys(&mut self.0.store.reader(), workspace).await
    }

    async fn list_keys<Q: Queries>(&self, db: &mut Q, workspace: &WorkspaceId) -> Result<Vec<SpKey>> {
        let kept = Kept::of(db, workspace).await?;
        kept.standing().iter().map(|s| view(s.key, s.state, s.shared)).collect()
    }

    /// Makes the workspace's next key. It is published at once and decrypts at once; it signs after its promotion.
    ///
    /// # Errors
    /// `Conflict` when there is one; `Authorization` without the right.
    pub async fn make_sp_key(&self, actor: &Actor) -> Result<SpKey> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSso, None).await?;
        let there = || Error::conflict("There is a next key already. Promote it, or delete it first.");
        let kept = Kept::of(&mut store.reader(), workspace).await?;
        if kept.own(KeyState::Next).is_some() {
            return Err(there());
        }
        self.0.keys_made.require(workspace.as_str())?;
        // outside of the transaction: it takes a while
        let (certificate, private_pem) = make_key(SP_PURPOSE, store.now().micros()).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let newest = keys::of(&mut tx, SP_PURPOSE, workspace.as_str()).await?;
        let version = newest.first().map_or(1, |k| k.version + 1);
        let new = NewKey {
            purpose: SP_PURPOSE,
            scope: workspace.as_str(),
            state: KeyState::Next,
            version,
            certificate: &certificate,
            private_pem: &private_pem,
        };
        let id = keys::insert(&mut tx, &new).await?.ok_or_else(there)?;
        let made = self.list_keys(&mut tx, workspace).await?.into_iter().find(|k| k.id == id);
        let made = made.ok_or_else(|| Error::internal("a key was not kept"))?;
        record(&mut tx, actor, "sso.sp-key-created", &made).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Makes the next key the current one; the current one becomes the previous one.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when the key is not the next one, or a previous one was not retired yet.
    pub async fn promote_sp_key(&self, actor: &Actor, id: &SigningKeyId) -> Result<SpKey> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSso, Some(key_object(id))).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let before = self.find_key(&mut tx, workspace, id).await?;
        if before.state != KeyState::Next {
            return Err(Error::conflict("Only the next key can be promoted."));
        }
        if before.shared {
            return Err(operators());
        }
        let kept = Kept::of(&mut tx, workspace).await?;
        if kept.own(KeyState::Previous).is_some() || kept.leaves_shared() {
            return Err(Error::conflict("Retire the previous key first: one overlap at a time."));
        }
        if let Some(current) = kept.own(KeyState::Current) {
            keys::set_state(&mut tx, &current.id, KeyState::Previous).await?;
        }
        keys::set_state(&mut tx, id, KeyState::Current).await?;
        let after = SpKey { state: KeyState::Current, ..before };
        record(&mut tx, actor, "sso.sp-key-promoted", &after).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Retires the previous key, or withdraws the next one. An own key is destroyed; the shared ones are no longer used
    /// for this workspace.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for the current key, and for shared ones while the workspace has no own one in force.
    pub async fn retire_sp_key(&self, actor: &Actor, id: &SigningKeyId) -> Result<()> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSso, Some(key_object(id))).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let key = self.find_key(&mut tx, workspace, id).await?;
        match (key.state, key.shared) {
            (KeyState::Current, _) => {
                return Err(Error::conflict(
                    "The current key is in use. Make a next key and promote it first.",
                ));
            }
            (_, true) if !Kept::of(&mut tx, workspace).await?.owns() => return Err(operators()),
            (_, true) => keys::leave_shared(&mut tx, workspace).await?,
            (_, false) => keys::delete(&mut tx, id).await?,
        }
        record(&mut tx, actor, "sso.sp-key-retired", &key).await?;
        tx.commit().await?;
        self.0.opened_keys.invalidate(id);
        Ok(())
    }

    async fn find_key(&self, tx: &mut Tx, workspace: &WorkspaceId, id: &SigningKeyId) -> Result<SpKey> {
        let found = self.list_keys(tx, workspace).await?.into_iter().find(|k| k.id == *id);
        found.ok_or_else(|| Error::not_found("Key"))
    }
}

fn operators() -> Error {
    Error::conflict(
        "The operator of the server rolls the shared key. Make a key of the workspace's own instead.",
    )
}

pub(super) fn view(key: &StoredKey, state: KeyState, shared: bool) -> Result<SpKey> {
    let certificate = Certificate::from_pem_or_base64(&key.certificate).map_err(Error::internal)?;
    Ok(SpKey {
        id: key.id.clone(),
        state,
        shared,
        version: key.version,
        fingerprint: certificate.fingerprint().to_owned(),
        not_before: Timestamp::from_micros(certificate.not_before()),
        not_after: Timestamp::from_micros(certificate.not_after()),
        certificate: key.certificate.clone(),
        created_at: key.created_at,
        last_used_at: key.last_used_at.filter(|_| !shared),
    })
}

fn key_object(id: &SigningKeyId) -> String {
    format!("saml-key:{id}")
}

async fn record(tx: &mut Tx, actor: &Actor, event: &'static str, key: &SpKey) -> Result<()> {
    let details = json!({
        "state": key.state, "fingerprint": key.fingerprint, "version": key.version, "shared": key.shared,
    });
    Ok(audit::record(tx, actor, Event::success(event, ("saml-key", key.id.as_str()), details)).await?)
}
