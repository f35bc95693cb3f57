//! Tokens for identity providers: made, listed, taken back, deleted.

use std::collections::BTreeMap;

use gatehouse_identity::require;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{
    Actor, Error, Id, Page, PageRequest, Permission, Principal, Result, ScimScope, ScimScopes, ScimTokenId,
    Secret, Timestamp, WorkspaceId, digest, random_token,
};
use serde_json::json;

use crate::Scim;
use crate::model::token::{PREFIX, checked_expiry, checked_name, masked};
use crate::model::{Rhythm, ScimToken, TokenStatus, Wanted};
use crate::store::{activities, tokens};

/// Tokens of a workspace at most, whatever their status.
const MAX_TOKENS: i64 = 100;

/// A token to be made.
#[derive(Debug)]
pub(crate) struct NewToken {
    pub(crate) name: String,
    /// `None`: to read and write users.
    pub(crate) scopes: Option<Vec<String>>,
    /// `None`: it does not expire.
    pub(crate) expires_in_days: Option<i64>,
}

/// A token that was just made; its value is told this once.
#[derive(Debug)]
pub(crate) struct MadeToken {
    pub(crate) token: ScimToken,
    pub(crate) value: Secret,
}

fn not_found() -> Error {
    Error::not_found("SCIM token")
}

fn object(id: &ScimTokenId) -> Option<String> {
    Some(format!("scim-token:{id}"))
}

fn checked_scopes(scopes: Option<Vec<String>>) -> Result<ScimScopes> {
    let Some(scopes) = scopes else {
        return Ok(ScimScopes::of([ScimScope::UsersRead, ScimScope::UsersWrite]));
    };
    if scopes.is_empty() {
        return Err(Error::validation("scopes", "A token needs at least one scope."));
    }
    let parsed = scopes.iter().map(|s| s.parse::<ScimScope>()).collect::<Result<Vec<_>>>()?;
    Ok(ScimScopes::of(parsed))
}

impl Scim {
    /// Makes a token.
    ///
    /// # Errors
    /// `Validation` for a value out of bounds; `Conflict` for a name that is taken, and for too many tokens.
    pub(crate) async fn make_token(&self, actor: &Actor, new: NewToken) -> Result<MadeToken> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageScim, None).await?;
        let (name, scopes) = (checked_name(&new.name)?.to_owned(), checked_scopes(new.scopes)?);
        let now = store.now();
        let expires_at = checked_expiry(new.expires_in_days, now)?;
        let value = Secret::new(format!("{PREFIX}{}", random_token(&**store.random()).expose()));
        let token = ScimToken {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            name,
            scopes,
            masked: masked(&value),
            created_by: actor.user().ok().map(ToString::to_string),
            responsible: actor.user().ok().cloned(),
            created_at: now,
            expires_at,
            revoked_at: None,
            last_used_at: None,
            dialect: None,
            rhythm: Rhythm::default(),
        };
        let mut tx = store.begin(&actor.origin).await?;
        if tokens::count(&mut tx, workspace).await? >= MAX_TOKENS {
            return Err(Error::conflict(
                "A workspace has at most 100 SCIM tokens. Delete one that is not used.",
            ));
        }
        let taken = "A SCIM token with this name exists.";
        tokens::insert(&mut tx, &token, &digest(value.expose())).await.map_err(|e| e.or_conflict(taken))?;
        record(&mut tx, actor, "scim.token-created", &token).await?;
        tx.commit().await?;
        Ok(MadeToken { token, value })
    }

    /// Makes a token that reads and writes people and groups for the holder of a setup link, in the place of the one of
    /// the same name. Whoever calls has seen that the link was made for it.
    ///
    /// # Errors
    /// `Authorization` for anybody else; `Conflict` for too many tokens.
    pub async fn make_link_token(&self, actor: &Actor, name: &str) -> Result<Secret> {
        let store = &self.0.store;
        if !matches!(actor.principal, Principal::SetupLink { .. }) {
            return Err(Error::authorization("Only a setup link makes its token."));
        }
        let workspace = actor.workspace()?;
        let value = Secret::new(format!("{PREFIX}{}", random_token(&**store.random()).expose()));
        let token = ScimToken {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            name: checked_name(name)?.to_owned(),
            scopes: ScimScopes::of(ScimScope::ALL),
            masked: masked(&value),
            created_by: None,
            responsible: None,
            created_at: store.now(),
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
            dialect: None,
            rhythm: Rhythm::default(),
        };
        let mut tx = store.begin(&actor.origin).await?;
        if let Some(former) = tokens::by_name(&mut tx, workspace, name).await? {
            remove(&mut tx, actor, &former).await?;
        }
        if tokens::count(&mut tx, workspace).await? >= MAX_TOKENS {
            return Err(Error::conflict(
                "The workspace has 100 SCIM tokens already. Ask whoever sent you this link.",
            ));
        }
        tokens::insert(&mut tx, &token, &digest(value.expose())).await?;
        record(&mut tx, actor, "scim.token-created", &token).await?;
        tx.commit().await?;
        Ok(value)
    }

    /// Whether a workspace has a token of this name that opens something, and when it was last used.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token_use(&self, workspace: &WorkspaceId, name: &str) -> Result<Option<Option<Timestamp>>> {
        let found = tokens::by_name(&mut self.0.store.reader(), workspace, name).await?;
        let now = self.0.store.now();
        Ok(found.filter(|t| t.status(now) == TokenStatus::Active).map(|t| t.last_used_at))
    }

    /// Where providers' provisioning calls.
    pub fn base_url(&self) -> String {
        self.0.public_url.join("/scim/v2")
    }

    /// One page of the workspace's tokens, the latest first.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn tokens(
        &self,
        actor: &Actor,
        wanted: Wanted,
        page: PageRequest,
    ) -> Result<Page<ScimToken>> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageScim, None).await?;
        let (found, total) = tokens::page(&mut store.reader(), workspace, &wanted, store.now(), page).await?;
        Ok(Page::new(found, page, total))
    }

    /// A token of the workspace.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn token(&self, actor: &Actor, id: &ScimTokenId) -> Result<ScimToken> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageScim, object(id)).await?;
        tokens::find(&mut store.reader(), workspace, id).await?.ok_or_else(not_found)
    }

    /// When each of the workspace's tokens last did something, or was refused something.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn last_changes(&self, actor: &Actor) -> Result<BTreeMap<ScimTokenId, Timestamp>> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageScim, None).await?;
        Ok(tokens::last_changes(&mut store.reader(), workspace).await?)
    }

    /// Takes a token back: it opens nothing from this moment on. One that was taken back before stays so.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn revoke_token(&self, actor: &Actor, id: &ScimTokenId) -> Result<ScimToken> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageScim, object(id)).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let found = tokens::find(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        if tokens::revoke(&mut tx, id).await? {
            record(&mut tx, actor, "scim.token-revoked", &found).await?;
        }
        let found = tokens::find(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        tx.commit().await?;
        Ok(found)
    }

    /// Removes a token for good, with the activities that it did; the audit log keeps their number and a digest over them.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn delete_token(&self, actor: &Actor, id: &ScimTokenId) -> Result<()> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageScim, object(id)).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let found = tokens::find(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        remove(&mut tx, actor, &found).await?;
        Ok(tx.commit().await?)
    }
}

/// Removes a token with what was done with it.
async fn remove(tx: &mut Tx, actor: &Actor, found: &ScimToken) -> Result<()> {
    let (count, hash) = activities::delete_of(tx, &found.id).await?;
    tokens::delete(tx, &found.id).await?;
    let mut details = told(found);
    details["activities"] = json!(count);
    details["activitiesDigest"] = json!(hash);
    let event = Event::success("scim.token-deleted", ("scim-token", found.id.as_str()), details);
    Ok(audit::record(tx, actor, event).await?)
}

fn told(token: &ScimToken) -> serde_json::Value {
    json!({
        "name": token.name, "scopes": token.scopes.to_string(), "maskedValue": token.masked,
        "expiresAt": token.expires_at,
    })
}

async fn record(tx: &mut Tx, actor: &Actor, event: &'static str, token: &ScimToken) -> Result<()> {
    let event = Event::success(event, ("scim-token", token.id.as_str()), told(token));
    Ok(audit::record(tx, actor, event).await?)
}
