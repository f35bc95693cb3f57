//! Keys of scripts: each calls the functions of one script.

use gatehouse_apikeys::{fresh_key, stored_digest};
use gatehouse_identity::require;
use gatehouse_store::decisions::principal_of;
use gatehouse_types::{Actor, Error, Page, PageRequest, Permission, Result, ScriptId, ScriptKeyId, Secret};
use serde_json::json;

use super::definitions::record;
use super::{not_found, object, search};
use crate::Scripts;
use crate::model::names;
use crate::store::keys::{self, Key};
use crate::store::scripts;

/// Keys of a script at most.
const MAX_KEYS: i64 = 50;

impl Scripts {
    /// Makes a key; its value is in the answer and never again.
    ///
    /// # Errors
    /// `NotFound`; `Validation`; `Conflict` for a name that is taken or too many.
    pub(crate) async fn make_key(
        &self,
        actor: &Actor,
        id: &ScriptId,
        name: Option<&str>,
    ) -> Result<(Key, Secret)> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageScripts, object(id)).await?;
        let name = names::checked_name("name", name.unwrap_or(names::DEFAULT_KEY_NAME))?;
        let mut tx = store.begin(&actor.origin).await?;
        let script = scripts::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        match keys::count(&mut tx, id, &name).await? {
            (_, true) => {
                let message = "There is a key with this name. Choose another one.";
                return Err(Error::conflict(message).on_field("name"));
            }
            (n, _) if n >= MAX_KEYS => {
                return Err(Error::conflict("A script has at most 50 keys. Delete one that is not used."));
            }
            _ => {}
        }
        let fresh = fresh_key(&**store.random());
        let key = Key {
            id: store.ids().make(),
            workspace: workspace.clone(),
            script: id.clone(),
            version: 1,
            name,
            masked: fresh.masked,
            created_by: principal_of(actor),
            created_at: store.now(),
            last_used_at: None,
        };
        keys::insert(&mut tx, &key, &stored_digest(&fresh.digest)).await?;
        let details = json!({"key": key.id, "keyName": key.name});
        record(&mut tx, actor, "script.key-created", &script, details).await?;
        tx.commit().await?;
        Ok((key, fresh.text))
    }

    /// One page of a script's keys, by name.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn keys(
        &self,
        actor: &Actor,
        id: &ScriptId,
        text: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Key>> {
        let workspace = require(&self.0.store, actor, Permission::ManageScripts, object(id)).await?;
        let text = search(text)?;
        self.found(workspace, id).await?;
        let (found, total) = keys::page(&mut self.0.store.reader(), id, text.as_deref(), page).await?;
        Ok(Page::new(found, page, total))
    }

    /// Removes a key; it opens nothing from this moment on.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn delete_key(&self, actor: &Actor, id: &ScriptId, key: &ScriptKeyId) -> Result<()> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageScripts, object(id)).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let script = scripts::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let found = keys::find(&mut tx, id, key).await?.ok_or_else(|| Error::not_found("Key"))?;
        keys::delete(&mut tx, key).await?;
        let details = json!({"key": found.id, "keyName": found.name});
        record(&mut tx, actor, "script.key-deleted", &script, details).await?;
        tx.commit().await?;
        Ok(())
    }
}
