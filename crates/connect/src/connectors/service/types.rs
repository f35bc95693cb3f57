//! Types of connectors: the catalogue, and what a workspace made of OpenAPI documents.

use std::sync::Arc;

use gatehouse_catalogue::openapi::{self, OpenApiError, Options};
use gatehouse_catalogue::{Slug, limits};
use gatehouse_identity::require;
use gatehouse_store::Queries;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, Error, Page, PageRequest, Permission, Result, WorkspaceId};
use serde_json::{Value, json};

use crate::Connect;
use crate::connectors::model::known::{Known, OwnType, built_in, catalogue, own_id};
use crate::connectors::store::{connectors, types};

/// Types that a workspace makes at most.
const MAX_OWN: i64 = 50;
/// The longest search, in characters.
const MAX_SEARCH: usize = 200;

/// Which types to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct WantedTypes {
    /// Words in name or description, in any case.
    pub(crate) search: String,
    /// A group of the catalogue, by its name in JSON.
    pub(crate) category: Option<String>,
    /// `built-in` or `workspace`.
    pub(crate) source: Option<String>,
}

/// A document to make a type of.
#[derive(Debug)]
pub(crate) struct NewType {
    /// OpenAPI 3.0 or 3.1, in JSON or YAML.
    pub(crate) document: Vec<u8>,
    /// Instead of its title.
    pub(crate) name: Option<String>,
}

pub(crate) fn not_found() -> Error {
    Error::not_found("Connector type")
}

/// A type by its id.
pub(crate) async fn known<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &str,
) -> Result<Option<Known>> {
    if let Some(definition) = built_in(id)? {
        return Ok(Some(Known::BuiltIn(definition)));
    }
    Ok(types::find(db, workspace, id).await?.map(Known::Own))
}

/// A category's name, as JSON has it.
pub(crate) fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

impl Connect {
    /// One page of the types, by name.
    ///
    /// # Errors
    /// `Authorization` without the right; `Validation` for a search that is too long.
    pub(crate) async fn connector_types(
        &self,
        actor: &Actor,
        wanted: &WantedTypes,
        page: PageRequest,
    ) -> Result<Page<Known>> {
        let workspace = require(&self.0.store, actor, Permission::ReadWorkspace, None).await?;
        if wanted.search.chars().count() > MAX_SEARCH {
            return Err(Error::validation("search", "A search has at most 200 characters."));
        }
        if !matches!(wanted.source.as_deref(), None | Some("built-in" | "workspace")) {
            return Err(Error::validation("source", "source must be built-in or workspace."));
        }
        let own = types::all(&mut self.0.store.reader(), workspace).await?;
        let mut found: Vec<Known> = catalogue()?.types().iter().map(Known::BuiltIn).collect();
        found.extend(own.into_iter().map(Known::Own));
        found.retain(|known| fits(known, wanted));
        found.sort_by_cached_key(|known| known.name.to_lowercase());
        let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
        let (from, most) = (usize::try_from(page.offset()), usize::try_from(page.limit()));
        let shown =
            found.into_iter().skip(from.unwrap_or(usize::MAX)).take(most.unwrap_or_default()).collect();
        Ok(Page::new(shown, page, total))
    }

    /// A type.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn connector_type(&self, actor: &Actor, id: &str) -> Result<Known> {
        let workspace = require(&self.0.store, actor, Permission::ReadWorkspace, None).await?;
        self.known(&mut self.0.store.reader(), workspace, id).await?.ok_or_else(not_found)
    }

    /// A type by its id, as it was read before or anew.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn known<Q: Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
        id: &str,
    ) -> Result<Option<Known>> {
        self.0.types.known(db, workspace, id).await
    }

    /// Who may make a type, for which there is room, and not too often: looked at before a large document is.
    async fn admit_type(&self, actor: &Actor) -> Result<()> {
        let workspace = require(&self.0.store, actor, Permission::ManageConnectors, None).await?;
        self.by_hand(actor)?;
        room(&mut self.0.store.reader(), workspace).await
    }

    /// Makes a type of an OpenAPI document, which is read only when it could be taken at all.
    ///
    /// # Errors
    /// `Validation` tells what of the document cannot be taken; `Conflict` for a name that is taken or too many types;
    /// `RateLimited`.
    pub(crate) async fn make_connector_type(
        &self,
        actor: &Actor,
        document: impl FnOnce() -> Result<NewType> + Send,
    ) -> Result<Known> {
        self.admit_type(actor).await?;
        let (store, workspace) = (&self.0.store, actor.workspace()?);
        let new = document()?;
        let json = as_json(new.document).await?;
        let name = new.name.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty());
        if name
            .as_ref()
            .is_some_and(|n| n.chars().count() > limits::LABEL_CHARS || n.chars().any(char::is_control))
        {
            return Err(Error::validation("name", "The name must be one line of at most 120 characters."));
        }
        let options = Options { name, ..Options::default() };
        let imported = apart(move || openapi::import(&json, &options)).await?.map_err(|e| refused(&e))?;
        let mut definition = imported.connector;
        definition.id = own_id(&definition.id)?;
        let own = Arc::new(OwnType {
            left_out: imported.left_out.into_iter().map(|l| (l.at, l.what)).collect(),
            left_out_more: i64::try_from(imported.left_out_more).unwrap_or(i64::MAX),
            created_by: actor.user().ok().map(ToString::to_string),
            created_at: store.now(),
            definition,
        });
        let kept = serde_json::to_string(&own.definition).map_err(Error::internal)?;
        let mut tx = store.begin(&actor.origin).await?;
        room(&mut tx, workspace).await?;
        if types::find(&mut tx, workspace, own.definition.id.as_str()).await?.is_some() {
            return Err(Error::conflict(
                "There is a connector type of this name already. Give another name, or delete that one first.",
            )
            .on_field("name"));
        }
        types::insert(&mut tx, workspace, &own, kept).await?;
        let details = json!({"name": own.definition.name, "actions": own.definition.actions.len(),
            "leftOut": own.left_out.len()});
        let event =
            Event::success("connector-type.created", ("connector-type", own.definition.id.as_str()), details);
        audit::record(&mut tx, actor, event).await?;
        tx.commit().await?;
        Ok(Known::Own(own))
    }

    /// Removes a type that no connector uses.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` while connectors use it, and for the catalogue's own.
    pub(crate) async fn remove_connector_type(&self, actor: &Actor, id: &str) -> Result<()> {
        let store = &self.0.store;
        let object = Some(format!("connector-type:{id}"));
        let workspace = require(store, actor, Permission::ManageConnectors, object).await?;
        if built_in(id)?.is_some() {
            return Err(Error::conflict("This type comes with Gatehouse and cannot be deleted."));
        }
        let mut tx = store.begin(&actor.origin).await?;
        let Some(own) = types::find(&mut tx, workspace, id).await? else { return Err(not_found()) };
        types::lock(&mut tx, workspace, id).await?;
        let used = connectors::count(&mut tx, workspace, Some(id)).await?;
        if used > 0 {
            let connectors =
                if used == 1 { "1 connector uses".to_owned() } else { format!("{used} connectors use") };
            return Err(Error::conflict(format!("{connectors} this type. Delete them first.")));
        }
        types::delete(&mut tx, workspace, id).await?;
        let details = json!({"name": own.definition.name});
        audit::record(
            &mut tx,
            actor,
            Event::success("connector-type.deleted", ("connector-type", id), details),
        )
        .await?;
        Ok(tx.commit().await?)
    }
}

async fn room<Q: Queries>(db: &mut Q, workspace: &WorkspaceId) -> Result<()> {
    if types::count(db, workspace).await? < MAX_OWN {
        return Ok(());
    }
    Err(Error::conflict("A workspace makes at most 50 connector types. Delete one that is not used."))
}

fn fits(known: &Known, wanted: &WantedTypes) -> bool {
    let text = format!("{} {}", known.name, known.description).to_lowercase();
    wanted.search.split_whitespace().all(|w| text.contains(w.to_lowercase().as_str()))
        && wanted.category.as_ref().is_none_or(|c| word(&known.category) == *c)
        && wanted.source.as_ref().is_none_or(|s| known.source() == s)
}

fn refused(error: &OpenApiError) -> Error {
    Error::validation("document", format!("The document cannot be taken: {error}."))
}

/// Work on a large document, beside the requests of others.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// The document as JSON: YAML is read within bounds, and without anything but plain values.
async fn as_json(document: Vec<u8>) -> Result<Vec<u8>> {
    if document.len() > limits::DOCUMENT_BYTES {
        return Err(refused(&OpenApiError::Large));
    }
    if document.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{') {
        return Ok(document);
    }
    apart(move || from_yaml(&document)).await?
}

fn from_yaml(document: &[u8]) -> Result<Vec<u8>> {
    let wrong = |what: String| {
        Error::validation("document", format!("The document is neither JSON nor YAML: {what}."))
    };
    let text = std::str::from_utf8(document).map_err(|_| wrong("it is no UTF-8 text".to_owned()))?;
    let value: Value = serde_saphyr::from_str(text).map_err(|e| {
        let line = e.to_string().lines().next().unwrap_or_default().to_owned();
        wrong(line.chars().take(200).collect())
    })?;
    serde_json::to_vec(&value).map_err(Error::internal)
}

/// Whether a text could be the id of a type at all.
pub(crate) fn is_id(text: &str) -> bool {
    Slug::try_from(text.to_owned()).is_ok()
}
