//! The scopes that a workspace gives its own product.

use gatehouse_identity::require;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, Error, PageRequest, Permission, Result};
use serde_json::json;

use crate::ApiKeys;
use crate::model::scope::{OwnScope, checked_own};
use crate::store::{apps, scopes};

/// Scopes of a workspace's own at most.
const MAX_OWN: usize = 200;

impl ApiKeys {
    /// The workspace's own scopes, by id.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn own_scopes(&self, actor: &Actor) -> Result<Vec<OwnScope>> {
        let workspace = require(&self.0.store, actor, Permission::ManageApps, None).await?;
        Ok(scopes::all(&mut self.0.store.reader(), workspace).await?)
    }

    /// Makes a scope of the workspace's own.
    ///
    /// # Errors
    /// `Validation`; `Conflict` for one that is there, and for too many; `Authorization` without the right.
    pub(crate) async fn make_scope(
        &self,
        actor: &Actor,
        id: &str,
        name: &str,
        description: &str,
    ) -> Result<OwnScope> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageApps, None).await?;
        let (id, name, description) = checked_own(id, name, description)?;
        let mut tx = store.begin(&actor.origin).await?;
        if scopes::all(&mut tx, workspace).await?.len() >= MAX_OWN {
            return Err(Error::conflict("A workspace has at most 200 scopes of its own."));
        }
        let created_by = actor.user().ok().map(ToString::to_string);
        let scope = OwnScope { id, name, description, created_at: store.now(), created_by };
        let taken = "A scope with this id exists.";
        scopes::insert(&mut tx, workspace, &scope).await.map_err(|e| e.or_conflict(taken))?;
        let details = json!({"name": scope.name, "description": scope.description});
        let event = Event::success("api-scope.created", ("api-scope", &scope.id), details);
        audit::record(&mut tx, actor, event).await?;
        tx.commit().await?;
        Ok(scope)
    }

    /// Removes a scope that no app has.
    ///
    /// # Errors
    /// `Conflict` while an app has it; `NotFound`; `Authorization` without the right.
    pub(crate) async fn delete_scope(&self, actor: &Actor, id: &str) -> Result<()> {
        let store = &self.0.store;
        let workspace =
            require(store, actor, Permission::ManageApps, Some(format!("api-scope:{id}"))).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let mut page = 1;
        loop {
            let request = PageRequest::new(page, PageRequest::MAX_PAGE_SIZE)?;
            let (some, total) = apps::page(&mut tx, workspace, None, request).await?;
            if let Some(app) = some.iter().find(|a| a.scopes.iter().any(|s| s == id)) {
                let message = format!("The app {} has this scope. Take it away there first.", app.name);
                return Err(Error::conflict(message));
            }
            if request.offset() + request.limit() >= total {
                break;
            }
            page += 1;
        }
        if !scopes::delete(&mut tx, workspace, id).await? {
            return Err(Error::not_found("API scope"));
        }
        audit::record(&mut tx, actor, Event::success("api-scope.deleted", ("api-scope", id), json!({})))
            .await?;
        Ok(tx.commit().await?)
    }
}
