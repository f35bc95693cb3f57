//! Our own SAML keys: one that all workspaces share, and from it on the keys that a workspace makes for itself.
//!
//! A workspace that rolls over leaves the shared key: its first own key is published as `next`, becomes `current`, and
//! the shared one is `previous` until the workspace retires it. So nobody breaks another workspace, and what is
//! encrypted for a workspace is in the end opened by it alone.

use std::sync::Arc;

use gatehouse_identity::require;
use gatehouse_saml::{Certificate, DecryptionKey, SigningKey};
use gatehouse_store::audit::{self, Event};
use gatehouse_store::{Queries, Tx};
use gatehouse_types::{Actor, Error, Id, Permission, Result, SigningKeyId, Timestamp, WorkspaceId};
use serde_json::json;

use crate::Sso;
use crate::model::{KeyState, SpKey};
use crate::sso::{OwnKey, SP_PURPOSE, make_key};
use crate::store::keys::{self, NewKey, StoredKey};

/// The keys that count in a workspace.
#[derive(Clone, Debug)]
pub(crate) struct KeyRing {
    /// It signs, and providers encrypt for it.
    pub(crate) current: Arc<OwnKey>,
    /// It is published and decrypts already.
    pub(crate) next: Option<Arc<OwnKey>>,
    /// They only decrypt.
    pub(crate) previous: Vec<Arc<OwnKey>>,
}

impl KeyRing {
    /// All that decrypt, the current one first.
    pub(crate) fn decrypting(&self) -> impl Iterator<Item = &Arc<OwnKey>> {
        [&self.current].into_iter().chain(&self.next).chain(&self.previous)
    }

    /// What metadata publishes: the current certificate first, then the next one.
    pub(crate) fn published(&self) -> Vec<Certificate> {
        [&self.current].into_iter().chain(&self.next).map(|k| k.certificate.clone()).collect()
    }

    /// The place of a decrypting key, in words, when it is not the current one.
    pub(crate) fn note(&self, at: usize) -> Option<&'static str> {
        match (at, &self.next) {
            (0, _) => None,
            (1, Some(_)) => Some("Encrypted for our next key, which is not in use yet."),
            _ => Some(
                "Encrypted for our previous key: give the provider our current metadata, then retire the key.",
            ),
        }
    }
}

/// The rows behind a workspace's keys.
struct Kept {
    own: Vec<StoredKey>,
    left_shared: bool,
}

impl Kept {
    async fn of<Q: Queries>(db: &mut Q, workspace: &WorkspaceId) -> Result<Self> {
        let own = keys::of(db, SP_PURPOSE, workspace.as_str()).await?;
        // without a key of its own that counts, a workspace cannot have left the shared one
        let left_shared =
            own.iter().any(|k| k.state == KeyState::Current) && keys::left_shared(db, workspace).await?;
        Ok(Self { own, left_shared })
    }

    fn own(&self, state: KeyState) -> Option<&StoredKey> {
        self.own.iter().find(|k| k.state == state)
    }

    /// Where the shared key stands; `None` when it is retired here.
    fn shared(&self) -> Option<KeyState> {
        match (self.own(KeyState::Current), self.left_shared) {
            (None, _) => Some(KeyState::Current),
            (Some(_), false) => Some(KeyState::Previous),
            (Some(_), true) => None,
        }
    }
}

impl Sso {
    /// The keys that count in a workspace.
    pub(crate) async fn key_ring(&self, workspace: &WorkspaceId) -> Result<KeyRing> {
        let kept = Kept::of(&mut self.0.store.reader(), workspace).await?;
        let mut previous = Vec::new();
        if let Some(key) = kept.own(KeyState::Previous) {
            previous.push(self.opened(key).await?);
        }
        let current = match kept.own(KeyState::Current) {
            Some(key) => self.opened(key).await?,
            None => self.own_key().await?,
        };
        if kept.shared() == Some(KeyState::Previous) {
            previous.push(self.own_key().await?);
        }
        let next = match kept.own(KeyState::Next) {
            Some(key) => Some(self.opened(key).await?),
            None => None,
        };
        Ok(KeyRing { current, next, previous })
    }

    /// A key ready for use. Opened ones are remembered: parsing costs more than using, and a key never changes.
    pub(crate) async fn opened(&self, key: &StoredKey) -> Result<Arc<OwnKey>> {
        if let Some(known) = self.0.opened_keys.get(&key.id) {
            return Ok(known);
        }
        let private = keys::private_pem(&self.0.store, &key.id).await?;
        let private =
            private.ok_or_else(|| Error::unavailable("A key was retired at this moment. Try again."))?;
        let signing = SigningKey::from_pem(private.expose()).map_err(Error::internal)?;
        let opened = Arc::new(OwnKey {
            id: key.id.clone(),
            decryption: DecryptionKey::from_signing_key(&signing).map_err(Error::internal)?,
            certificate: Certificate::from_pem_or_base64(&key.certificate).map_err(Error::internal)?,
            signing,
        });
        self.0.opened_keys.insert(key.id.clone(), Arc::clone(&opened));
        Ok(opened)
    }

    /// The keys of the workspace: next, current, previous.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub async fn sp_keys(&self, actor: &Actor) -> Result<Vec<SpKey>> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, None).await?;
        self.own_key().await?;
        self.list_keys(&mut self.0.store.reader(), workspace).await
    }

    async fn list_keys<Q: Queries>(&self, db: &mut Q, workspace: &WorkspaceId) -> Result<Vec<SpKey>> {
        let kept = Kept::of(db, workspace).await?;
        let mut all: Vec<SpKey> = kept.own.iter().map(|k| view(k, k.state, false)).collect::<Result<_>>()?;
        if let Some(state) = kept.shared() {
            let shared = keys::of(db, SP_PURPOSE, crate::sso::SHARED_SCOPE).await?;
            let shared = shared.iter().take(1).map(|k| view(k, state, true));
            all.extend(shared.collect::<Result<Vec<_>>>()?);
        }
        all.sort_by_key(|k| k.state);
        Ok(all)
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
        let kept = Kept::of(&mut tx, workspace).await?;
        if kept.own(KeyState::Previous).is_some() || kept.shared() == Some(KeyState::Previous) {
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

    /// Retires the previous key, or withdraws the next one. An own key is destroyed; the shared one is no longer used
    /// for this workspace.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for the current key.
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

fn view(key: &StoredKey, state: KeyState, shared: bool) -> Result<SpKey> {
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
