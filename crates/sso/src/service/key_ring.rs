//! The SAML keys of ours that count in a workspace: its own, and those that all workspaces share.

use std::sync::Arc;

use gatehouse_saml::{Certificate, DecryptionKey, SigningKey};
use gatehouse_store::Queries;
use gatehouse_types::{Error, Id, Result, WorkspaceId};

use crate::Sso;
use crate::model::KeyState;
use crate::sso::{OwnKey, SHARED_SCOPE, SP_PURPOSE};
use crate::store::keys::{self, StoredKey};

/// The keys that count in a workspace.
#[derive(Clone, Debug)]
pub(crate) struct KeyRing {
    /// It signs, and providers encrypt for it.
    pub(crate) current: Arc<OwnKey>,
    /// They are published and decrypt already.
    next: Vec<Arc<OwnKey>>,
    /// They only decrypt.
    previous: Vec<Arc<OwnKey>>,
}

impl KeyRing {
    /// All that decrypt, the current one first.
    pub(crate) fn decrypting(&self) -> impl Iterator<Item = &Arc<OwnKey>> {
        [&self.current].into_iter().chain(&self.next).chain(&self.previous)
    }

    /// What metadata publishes: the current certificate first, then those to come.
    pub(crate) fn published(&self) -> Vec<Certificate> {
        [&self.current].into_iter().chain(&self.next).map(|k| k.certificate.clone()).collect()
    }

    /// The place of a decrypting key, in words, when it is not the current one.
    pub(crate) fn note(&self, at: usize) -> Option<&'static str> {
        match at {
            0 => None,
            at if at <= self.next.len() => Some("Encrypted for our next key, which is not in use yet."),
            _ => Some(
                "Encrypted for our previous key: give the provider our current metadata, then retire the key.",
            ),
        }
    }
}

/// A key as it stands in a workspace.
pub(super) struct Standing<'a> {
    pub(super) key: &'a StoredKey,
    pub(super) state: KeyState,
    pub(super) shared: bool,
}

/// The rows behind a workspace's keys.
pub(super) struct Kept {
    own: Vec<StoredKey>,
    shared: Vec<StoredKey>,
    left_shared: bool,
}

impl Kept {
    pub(super) async fn of<Q: Queries>(db: &mut Q, workspace: &WorkspaceId) -> Result<Self> {
        let own = keys::of(db, SP_PURPOSE, workspace.as_str()).await?;
        let shared = keys::of(db, SP_PURPOSE, SHARED_SCOPE).await?;
        // without a key of its own that counts, a workspace cannot have left the shared one
        let left_shared =
            own.iter().any(|k| k.state == KeyState::Current) && keys::left_shared(db, workspace).await?;
        Ok(Self { own, shared, left_shared })
    }

    /// The shared keys alone, as they stand where nobody has own ones.
    pub(super) async fn of_all<Q: Queries>(db: &mut Q) -> Result<Self> {
        let shared = keys::of(db, SP_PURPOSE, SHARED_SCOPE).await?;
        Ok(Self { own: Vec::new(), shared, left_shared: false })
    }

    pub(super) fn own(&self, state: KeyState) -> Option<&StoredKey> {
        self.own.iter().find(|k| k.state == state)
    }

    /// Whether a key of its own is in force in the workspace.
    pub(super) fn owns(&self) -> bool {
        self.own(KeyState::Current).is_some()
    }

    /// Whether the shared keys still open what is encrypted for them, beside an own one that is in force.
    pub(super) fn leaves_shared(&self) -> bool {
        self.owns() && !self.left_shared
    }

    /// All keys that count: next, current, previous.
    pub(super) fn standing(&self) -> Vec<Standing<'_>> {
        let own = self.own.iter().map(|key| Standing { key, state: key.state, shared: false });
        let shared = self.shared.iter().filter(|_| !self.left_shared).map(|key| Standing {
            key,
            state: if self.owns() { KeyState::Previous } else { key.state },
            shared: true,
        });
        let mut all: Vec<_> = own.chain(shared).collect();
        all.sort_by_key(|k| k.state);
        all
    }
}

impl Sso {
    /// The keys that count in a workspace.
    pub(crate) async fn key_ring(&self, workspace: &WorkspaceId) -> Result<KeyRing> {
        self.ensure_shared_key().await?;
        let kept = Kept::of(&mut self.0.store.reader(), workspace).await?;
        self.ring(&kept).await
    }

    /// The keys that all workspaces share.
    pub(crate) async fn shared_key_ring(&self) -> Result<KeyRing> {
        self.ensure_shared_key().await?;
        let kept = Kept::of_all(&mut self.0.store.reader()).await?;
        self.ring(&kept).await
    }

    async fn ring(&self, kept: &Kept) -> Result<KeyRing> {
        let (mut current, mut next, mut previous) = (None, Vec::new(), Vec::new());
        for standing in kept.standing() {
            let key = self.opened(standing.key).await?;
            match standing.state {
                KeyState::Next => next.push(key),
                KeyState::Current => current = Some(key),
                KeyState::Previous => previous.push(key),
            }
        }
        let current = current.ok_or_else(|| Error::internal("no SAML key of ours is in force"))?;
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
}
