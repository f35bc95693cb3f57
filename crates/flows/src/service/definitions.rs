//! Flows: made, listed, changed, removed.

use gatehouse_identity::require;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, Error, FlowId, Id, Page, PageRequest, Permission, Result, WorkspaceId};
use serde_json::{Value, json};

use super::{by, not_found, object};
use crate::Flows;
use crate::model::definition::{digest_of, empty, judged};
use crate::model::flow::{
    Flow, Listed, ListedVersion, Missing, Stub, Version, checked_description, checked_name,
};
use crate::store::flows::{self, Wanted};
use crate::store::{executions, triggers, versions};

/// Flows of a workspace at most.
const MAX_FLOWS: i64 = 1000;
/// The longest search, in characters.
const MAX_SEARCH: usize = 100;

/// A flow to make.
#[derive(Debug, Default)]
pub(crate) struct New {
    pub(crate) name: String,
    pub(crate) description: String,
    /// `None`: one that begins and ends.
    pub(crate) definition: Option<Value>,
    /// What an import could not find.
    pub(crate) stubs: Vec<Stub>,
}

/// What to change; only what is given changes.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) definition: Option<Value>,
    /// The version that the change is made of; another one is a conflict.
    pub(crate) version: Option<i64>,
}

/// A flow with what it lacks.
#[derive(Clone, Debug)]
pub(crate) struct Detailed {
    pub(crate) flow: Flow,
    pub(crate) missing: Vec<Missing>,
}

pub(crate) async fn record(
    tx: &mut Tx,
    actor: &Actor,
    event: &'static str,
    f: &Flow,
    more: Value,
) -> Result<()> {
    let mut details = json!({"name": f.name, "sha256": f.digest});
    if let (Some(all), Value::Object(more)) = (details.as_object_mut(), more) {
        all.extend(more);
    }
    Ok(audit::record(tx, actor, Event::success(event, ("flow", f.id.as_str()), details)).await?)
}

/// A name that is no other flow's.
pub(crate) async fn free(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    name: &str,
    but: Option<&FlowId>,
) -> Result<()> {
    match flows::is_taken(tx, workspace, name, but).await? {
        true => Err(Error::conflict("There is a flow with this name. Choose another one.").on_field("name")),
        false => Ok(()),
    }
}

impl Flows {
    /// Makes a flow.
    ///
    /// # Errors
    /// `Validation` names the field, or the place in the definition; `Conflict` for a name that is taken or too many.
    pub(crate) async fn make_flow(&self, actor: &Actor, new: New) -> Result<Detailed> {
        let workspace = require(&self.0.store, actor, Permission::EditFlows, None).await?;
        self.make_in(actor, workspace, new).await
    }

    /// The same for somebody whose right was looked at.
    pub(crate) async fn make_in(&self, actor: &Actor, workspace: &WorkspaceId, new: New) -> Result<Detailed> {
        let store = &self.0.store;
        let definition = new.definition.unwrap_or_else(empty);
        judged(&definition)?;
        let now = store.now();
        let flow = Flow {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            version: 1,
            name: checked_name(&new.name)?,
            description: checked_description(&new.description)?,
            digest: digest_of(&definition),
            definition,
            stubs: new.stubs,
            deployed: None,
            created_by: Some(by(actor)),
            created_at: now,
            updated_by: Some(by(actor)),
            updated_at: now,
        };
        let mut tx = store.begin(&actor.origin).await?;
        if flows::count(&mut tx, workspace).await? >= MAX_FLOWS {
            return Err(Error::conflict("A workspace has at most 1000 flows. Delete one that is not used."));
        }
        free(&mut tx, workspace, &flow.name, None).await?;
        flows::insert(&mut tx, &flow).await?;
        record(&mut tx, actor, "flow.created", &flow, json!({})).await?;
        tx.commit().await?;
        self.detailed(flow).await
    }

    /// One page of the workspace's flows, by name.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn flows(
        &self,
        actor: &Actor,
        mut wanted: Wanted,
        page: PageRequest,
    ) -> Result<Page<Listed>> {
        let workspace = require(&self.0.store, actor, Permission::UseFlows, None).await?;
        if wanted.search.as_ref().is_some_and(|s| s.chars().count() > MAX_SEARCH) {
            return Err(Error::validation("search", "A search has at most 100 characters."));
        }
        wanted.search = wanted.search.map(|s| s.trim().to_lowercase()).filter(|s| !s.is_empty());
        let (found, total) = flows::page(&mut self.0.store.reader(), workspace, &wanted, page).await?;
        Ok(Page::new(found, page, total))
    }

    /// A flow of the workspace, with what it lacks.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn flow(&self, actor: &Actor, id: &FlowId) -> Result<Detailed> {
        let workspace = require(&self.0.store, actor, Permission::UseFlows, object(id)).await?;
        let flow = self.found(workspace, id).await?;
        self.detailed(flow).await
    }

    pub(crate) async fn found(&self, workspace: &WorkspaceId, id: &FlowId) -> Result<Flow> {
        let store = &self.0.store;
        flows::find(store, &mut store.reader(), workspace, id).await?.ok_or_else(not_found)
    }

    pub(crate) async fn detailed(&self, flow: Flow) -> Result<Detailed> {
        let missing = self.missing(&flow.workspace_id, &flow.definition, &flow.stubs).await?;
        Ok(Detailed { flow, missing })
    }

    /// Changes a flow's draft. What is deployed stays as it is until the next deployment.
    ///
    /// # Errors
    /// `Validation` names the field, or the place in the definition; `NotFound`; `Conflict` for a name that is taken, and
    /// when somebody else changed it meanwhile.
    pub(crate) async fn change_flow(&self, actor: &Actor, id: &FlowId, change: Change) -> Result<Detailed> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::EditFlows, object(id)).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let mut flow = flows::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        if change.version.is_some_and(|version| version != flow.version) {
            return Err(Error::conflict("Somebody else changed this flow meanwhile. Load it anew.")
                .on_field("version"));
        }
        if let Some(name) = &change.name {
            flow.name = checked_name(name)?;
            free(&mut tx, workspace, &flow.name, Some(id)).await?;
        }
        if let Some(description) = &change.description {
            flow.description = checked_description(description)?;
        }
        if let Some(definition) = change.definition {
            judged(&definition)?;
            flow.digest = digest_of(&definition);
            flow.definition = definition;
        }
        flow.updated_by = Some(by(actor));
        flow.updated_at = store.now();
        flows::update(&mut tx, &flow).await?;
        flow.version += 1;
        record(&mut tx, actor, "flow.updated", &flow, json!({})).await?;
        tx.commit().await?;
        self.detailed(flow).await
    }

    /// Removes a flow with its versions.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` while it is in service; `Authorization` without the right.
    pub(crate) async fn remove_flow(&self, actor: &Actor, id: &FlowId) -> Result<()> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageFlows, object(id)).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let flow = flows::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        if flow.deployed.is_some() {
            return Err(Error::conflict("This flow is in service. Undeploy it first."));
        }
        if executions::open_of_flow(&mut tx, id).await? > 0 {
            return Err(Error::conflict("Executions of this flow are not over. Cancel them first, or wait."));
        }
        executions::delete_of_flow(&mut tx, id).await?;
        triggers::delete_of_flow(&mut tx, id).await?;
        flows::delete(&mut tx, id).await?;
        record(&mut tx, actor, "flow.deleted", &flow, json!({})).await?;
        Ok(tx.commit().await?)
    }

    /// One page of the versions of a flow that were deployed, the latest first, with their definitions as far as these have no
    /// more than `budget` bytes together.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn versions(
        &self,
        actor: &Actor,
        id: &FlowId,
        page: PageRequest,
        budget: i64,
    ) -> Result<Page<ListedVersion>> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::UseFlows, object(id)).await?;
        self.found(workspace, id).await?;
        let (found, total) = versions::page(store, &mut store.reader(), id, page, budget).await?;
        Ok(Page::new(found, page, total))
    }

    /// A version of a flow that was deployed.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn version(&self, actor: &Actor, id: &FlowId, number: i64) -> Result<Version> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::UseFlows, object(id)).await?;
        self.found(workspace, id).await?;
        let found = versions::numbered(store, &mut store.reader(), id, number).await?;
        found.ok_or_else(|| Error::not_found("Flow version"))
    }
}
