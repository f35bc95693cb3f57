//! The SAML key that all workspaces share, as the operator of the server rolls it: at the console of the machine alone.

use gatehouse_store::audit::{self, Event};
use gatehouse_store::{Queries, Tx};
use gatehouse_types::{Actor, Error, Id, Principal, Result, WorkspaceId};
use serde_json::json;

use super::key_ring::Kept;
use super::sp_keys::view;
use crate::Sso;
use crate::model::{KeyState, SpKey};
use crate::sso::{SHARED_SCOPE, SP_PURPOSE, make_key};
use crate::store::keys::{self, NewKey};

/// The shared keys, and how many workspaces with a connection still count on them.
#[derive(Clone, Debug)]
pub struct SharedKeys {
    /// Next, current, previous.
    pub keys: Vec<SpKey>,
    /// Workspaces with a connection that have not retired the shared key.
    pub workspaces: usize,
}

/// What a step did, or would do.
#[derive(Clone, Debug)]
pub struct SharedKeyStep {
    /// The key that the step was about, as it is afterwards; as it was, when it is gone.
    pub key: SpKey,
    /// Workspaces whose audit log tells of it.
    pub workspaces: usize,
}

fn at_the_machine(actor: &Actor) -> Result<()> {
    if actor.principal == Principal::System {
        return Ok(());
    }
    Err(Error::authorization("This is done at the console of the machine."))
}

async fn all<Q: Queries>(db: &mut Q) -> Result<Vec<SpKey>> {
    let kept = Kept::of_all(db).await?;
    kept.standing().iter().map(|s| view(s.key, s.state, true)).collect()
}

fn find(keys: Vec<SpKey>, state: KeyState) -> Option<SpKey> {
    keys.into_iter().find(|k| k.state == state)
}

impl Sso {
    /// The shared keys as they stand, with their last use.
    ///
    /// # Errors
    /// `Authorization` for anybody but the machine.
    pub async fn shared_sp_keys(&self, actor: &Actor) -> Result<SharedKeys> {
        at_the_machine(actor)?;
        self.ensure_shared_key().await?;
        let db = &mut self.0.store.reader();
        let mut keys = all(db).await?;
        for key in &mut keys {
            key.last_used_at = keys::last_use(db, &key.id).await?;
        }
        Ok(SharedKeys { keys, workspaces: keys::relying(db).await?.len() })
    }

    /// Makes the next shared key. It is published and decrypts at once; the owners of the workspaces that count on the
    /// shared key are told to let their providers read the metadata.
    ///
    /// # Errors
    /// `Conflict` when there is one; `Authorization` for anybody but the machine.
    pub async fn make_shared_sp_key(&self, actor: &Actor) -> Result<SharedKeyStep> {
        at_the_machine(actor)?;
        self.ensure_shared_key().await?;
        let store = &self.0.store;
        let there =
            || Error::conflict("There is a next shared key already. Promote it, or withdraw it first.");
        if find(all(&mut store.reader()).await?, KeyState::Next).is_some() {
            return Err(there());
        }
        // outside of the transaction: it takes a while
        let (certificate, private_pem) = make_key(SP_PURPOSE, store.now().micros()).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let newest = keys::of(&mut tx, SP_PURPOSE, SHARED_SCOPE).await?;
        let new = NewKey {
            purpose: SP_PURPOSE,
            scope: SHARED_SCOPE,
            state: KeyState::Next,
            version: newest.first().map_or(1, |k| k.version + 1),
            certificate: &certificate,
            private_pem: &private_pem,
        };
        keys::insert(&mut tx, &new).await?.ok_or_else(there)?;
        let key = find(all(&mut tx).await?, KeyState::Next);
        let key = key.ok_or_else(|| Error::internal("a key was not kept"))?;
        let relying = record(&mut tx, actor, "sso.shared-sp-key-created", &key).await?;
        for workspace in &relying {
            self.tell_of_next(&mut tx, workspace, &key).await?;
        }
        tx.commit().await?;
        Ok(SharedKeyStep { key, workspaces: relying.len() })
    }

    /// Makes the next shared key the current one; the current one becomes the previous one.
    ///
    /// # Errors
    /// `Conflict` without a next key, or when a previous one was not retired yet; `Authorization` for anybody but the
    /// machine.
    pub async fn promote_shared_sp_key(&self, actor: &Actor) -> Result<SharedKeyStep> {
        at_the_machine(actor)?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let known = all(&mut tx).await?;
        let next = find(known.clone(), KeyState::Next);
        let next = next.ok_or_else(|| Error::conflict("There is no next shared key. Make one first."))?;
        if find(known.clone(), KeyState::Previous).is_some() {
            return Err(Error::conflict("Retire the previous shared key first: one overlap at a time."));
        }
        if let Some(current) = find(known, KeyState::Current) {
            keys::set_state(&mut tx, &current.id, KeyState::Previous).await?;
        }
        keys::set_state(&mut tx, &next.id, KeyState::Current).await?;
        let key = SpKey { state: KeyState::Current, ..next };
        let workspaces = record(&mut tx, actor, "sso.shared-sp-key-promoted", &key).await?.len();
        tx.commit().await?;
        Ok(SharedKeyStep { key, workspaces })
    }

    /// Destroys the previous shared key, or the next one (`state`).
    ///
    /// # Errors
    /// `Conflict` when there is none of that state, or for the current one; `Authorization` for anybody but the machine.
    pub async fn retire_shared_sp_key(&self, actor: &Actor, state: KeyState) -> Result<SharedKeyStep> {
        at_the_machine(actor)?;
        if state == KeyState::Current {
            return Err(Error::conflict(
                "The current shared key is in use. Make a next key and promote it first.",
            ));
        }
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let found = find(all(&mut tx).await?, state);
        let key = found.ok_or_else(|| Error::conflict(format!("There is no {state} shared key.")))?;
        keys::delete(&mut tx, &key.id).await?;
        let workspaces = record(&mut tx, actor, "sso.shared-sp-key-retired", &key).await?.len();
        tx.commit().await?;
        self.0.opened_keys.invalidate(&key.id);
        Ok(SharedKeyStep { key, workspaces })
    }

    async fn tell_of_next(&self, tx: &mut Tx, workspace: &WorkspaceId, key: &SpKey) -> Result<()> {
        let subject = "Gatehouse gets a new SAML key: let your provider read our metadata";
        let body = format!(
            "The operator of this server made the next key with which it signs requests and opens encrypted \
             assertions.\n\nIf your identity provider encrypts assertions or checks signed requests, let it read our \
             metadata anew before the operator puts the key in force: {}/{{connection id}}, as Single Sign On > Our keys \
             shows it. The SHA-256 fingerprint of the new certificate is {}. Sign-ins go on as before.\n",
            self.entity_id(),
            key.fingerprint,
        );
        self.mail_owners(tx, workspace, subject, &body).await
    }
}

/// One entry in the log of the machine, and one for each workspace that counts on the shared key.
async fn record(tx: &mut Tx, actor: &Actor, event: &'static str, key: &SpKey) -> Result<Vec<WorkspaceId>> {
    let details = json!({"state": key.state, "fingerprint": key.fingerprint, "version": key.version});
    let entry = || Event::success(event, ("saml-key", key.id.as_str()), details.clone());
    let relying = keys::relying(tx).await?;
    audit::record_in(tx, actor, None, entry()).await?;
    for workspace in &relying {
        audit::record_in(tx, actor, Some(workspace), entry()).await?;
    }
    Ok(relying)
}
