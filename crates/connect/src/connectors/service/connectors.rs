//! Connectors: made, listed, changed, removed.

use std::collections::BTreeSet;

use gatehouse_identity::require;
use gatehouse_store::Tx;
use gatehouse_types::{
    Actor, ConnectorId, Error, OwnerKind, Page, PageRequest, Permission, Result, WorkspaceId,
};
use serde_json::json;

use super::change::record;
use super::types::is_id;
use super::view::{View, gone};
use crate::Connect;
use crate::connectors::model::connector::{Connector, NonInteractive, checked_name};
use crate::connectors::model::fields::{Given, Values};
use crate::connectors::model::known::Known;
use crate::connectors::store::connectors::{self, Wanted};
use crate::grants::callback::is_context;

/// Connectors of a workspace at most.
const MAX_CONNECTORS: i64 = 500;
/// The longest search, in characters.
const MAX_SEARCH: usize = 100;

/// A connector to make.
#[derive(Debug)]
pub(crate) struct New {
    /// A type's id.
    pub(crate) type_id: String,
    /// One of its ways to authenticate; `None`: the first.
    pub(crate) auth_id: Option<String>,
    /// What it is called; `None`: like its type.
    pub(crate) name: Option<String>,
    /// Whose it is.
    pub(crate) owner_kind: OwnerKind,
    /// Its values.
    pub(crate) given: Given,
    /// The unguessable part of its callback, where it was told before: it is registered at the provider first.
    pub(crate) context: Option<String>,
}

pub(crate) fn not_found() -> Error {
    Error::not_found("Connector")
}

pub(crate) fn object(id: &ConnectorId) -> Option<String> {
    Some(format!("connector:{id}"))
}

fn no_type(id: &str) -> Error {
    let hint = if is_id(id) {
        "There is no connector type of this id."
    } else {
        "This is no id of a connector type."
    };
    Error::validation("type", format!("{hint} GET /api/v1/connector-types lists them."))
}

pub(super) fn chosen<'a>(known: &'a Known, id: Option<&str>) -> Result<&'a gatehouse_catalogue::AuthType> {
    known.way(id).ok_or_else(|| {
        let ids: Vec<_> = known.auth.iter().map(|a| a.id.as_str()).collect();
        Error::validation("authType", format!("authType must be one of {}.", ids.join(", ")))
    })
}

impl Connect {
    /// Makes a connector.
    ///
    /// # Errors
    /// `Validation` names the field; `Conflict` for a name that is taken or too many.
    pub(crate) async fn make_connector(&self, actor: &Actor, new: New) -> Result<View> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageConnectors, None).await?;
        let known = self.known(&mut store.reader(), workspace, &new.type_id).await?;
        let known = known.ok_or_else(|| no_type(&new.type_id))?;
        let auth = chosen(&known, new.auth_id.as_deref())?;
        let values = Values::default().with(&known, auth, &new.given)?;
        let user = actor.user().ok().cloned();
        let owner_id = owner(new.owner_kind, user.as_ref())?;
        let connector = Connector {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            version: 1,
            type_id: known.id.to_string(),
            auth_id: auth.id.to_string(),
            name: checked_name(new.name.as_deref().unwrap_or(&known.name))?,
            owner_kind: new.owner_kind,
            responsible: user.clone().filter(|_| new.owner_kind == OwnerKind::Service),
            owner_id,
            plain: values.plain.clone(),
            secret_names: names(&values),
            expiry: values.expiry.clone(),
            context: match new.context.filter(|context| is_context(context)) {
                Some(context) => context,
                None => self.new_context(),
            },
            user_authentication: false,
            mode: NonInteractive::Fallback,
            tested: None,
            created_by: user.map(|u| u.to_string()),
            created_at: store.now(),
            updated_at: store.now(),
            last_used_at: None,
        };
        let mut tx = store.begin(&actor.origin).await?;
        if connectors::count(&mut tx, workspace, None).await? >= MAX_CONNECTORS {
            return Err(Error::conflict(
                "A workspace has at most 500 connectors. Delete one that is not used.",
            ));
        }
        free(&mut tx, workspace, &connector.name, None).await?;
        if connectors::context_is_taken(&mut tx, &connector.context).await? {
            return Err(Error::conflict(
                "This form was sent before. Open it anew to make another connector.",
            ));
        }
        // its type cannot go while it comes
        if known.own().is_some()
            && super::super::store::types::lock(&mut tx, workspace, &connector.type_id).await?.is_none()
        {
            return Err(no_type(&connector.type_id));
        }
        connectors::insert(&mut tx, &connector, &values).await?;
        record(&mut tx, actor, "connector.created", &connector, &json!({})).await?;
        tx.commit().await?;
        self.0.offered.used(&connector.context);
        self.view(connector).await
    }

    /// One page of the workspace's connectors, by name. Whoever only uses them sees the company's and their own.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn connectors(
        &self,
        actor: &Actor,
        mut wanted: Wanted,
        page: PageRequest,
    ) -> Result<Page<View>> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::UseConnectors, None).await?;
        if wanted.search.as_ref().is_some_and(|s| s.chars().count() > MAX_SEARCH) {
            return Err(Error::validation("search", "A search has at most 100 characters."));
        }
        wanted.search = wanted.search.map(|s| s.trim().to_lowercase()).filter(|s| !s.is_empty());
        if !actor.may(Permission::ManageConnectors) {
            wanted.seen_by = Some(actor.user()?.clone());
        }
        let (found, total) = connectors::page(&mut store.reader(), workspace, &wanted, page).await?;
        let mut views = Vec::with_capacity(found.len());
        for connector in found {
            views.push(self.view(connector).await?);
        }
        Ok(Page::new(views, page, total))
    }

    /// A connector of the workspace.
    ///
    /// # Errors
    /// `NotFound`, also for another person's own; `Authorization` without the right.
    pub(crate) async fn connector(&self, actor: &Actor, id: &ConnectorId) -> Result<View> {
        let workspace = require(&self.0.store, actor, Permission::UseConnectors, object(id)).await?;
        let found =
            connectors::find(&mut self.0.store.reader(), workspace, id).await?.ok_or_else(not_found)?;
        self.sees(actor, &found)?;
        self.view(found).await
    }

    /// Another person's own connector is for administrators alone.
    pub(crate) fn sees(&self, actor: &Actor, connector: &Connector) -> Result<()> {
        let hidden = connector.is_of_another(actor.user().ok()) && !actor.may(Permission::ManageConnectors);
        if hidden { Err(not_found()) } else { Ok(()) }
    }

    /// A connector for somebody who manages it, its row locked.
    pub(crate) async fn lock_connector(
        &self,
        actor: &Actor,
        id: &ConnectorId,
    ) -> Result<(Tx, Connector, Known)> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageConnectors, object(id)).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let found = connectors::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let known = self.known(&mut tx, workspace, &found.type_id).await?.ok_or_else(gone)?;
        Ok((tx, found, known))
    }

    /// The values of a connector, secret ones too.
    pub(crate) async fn values_of<Q: gatehouse_store::Queries>(
        &self,
        db: &mut Q,
        c: &Connector,
    ) -> Result<Values> {
        let secret = connectors::secrets(db, &self.0.store, &c.id).await?;
        Ok(Values { plain: c.plain.clone(), secret, expiry: c.expiry.clone() })
    }
}

pub(super) fn owner(
    kind: OwnerKind,
    user: Option<&gatehouse_types::UserId>,
) -> Result<Option<gatehouse_types::UserId>> {
    match (kind, user) {
        (OwnerKind::Service, _) => Ok(None),
        (OwnerKind::Person, Some(user)) => Ok(Some(user.clone())),
        (OwnerKind::Person, None) => {
            Err(Error::validation("ownerKind", "Only a person who is signed in can own a connector."))
        }
    }
}

pub(super) fn names(values: &Values) -> BTreeSet<String> {
    values.secret.keys().cloned().collect()
}

pub(super) async fn free(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    name: &str,
    but: Option<&ConnectorId>,
) -> Result<()> {
    if connectors::is_taken(tx, workspace, name, but).await? {
        let message = "There is a connector of this name already. Give it another name.";
        return Err(Error::conflict(message).on_field("name"));
    }
    Ok(())
}
