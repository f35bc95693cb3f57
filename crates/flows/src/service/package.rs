//! Flows in and out: exported without secrets, imported with stubs for what is not there.

use std::collections::BTreeMap;

use gatehouse_identity::require;
use gatehouse_types::{Actor, Error, FlowFileId, FlowId, Permission, Result, WorkspaceId};
use serde_json::{Value, json};

use super::definitions::{Detailed, New, record};
use super::{by, not_found, object};
use crate::Flows;
use crate::model::definition::{Outside, judged, replace, uses};
use crate::model::flow::{Stub, checked_name};
use crate::model::package::{FORMAT, Package, Packed, Required};
use crate::model::secrets;
use crate::store::files::{self, File};
use crate::store::flows;

/// Names that are tried for an imported flow whose name is taken.
const NAMES: u32 = 50;
/// Files of a workspace that wait for their import at most.
const MAX_FILES: i64 = 100;
/// How long a file waits, in seconds (a day).
const FILE_SECONDS: i64 = 86_400;
/// The largest file, in bytes.
pub(crate) const FILE_BYTES: usize = 1024 * 1024;

impl Flows {
    /// A flow without its secrets, with what it needs by name.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn export(&self, actor: &Actor, id: &FlowId) -> Result<Package> {
        let workspace = require(&self.0.store, actor, Permission::ManageFlows, object(id)).await?;
        self.export_in(actor, workspace, id).await
    }

    /// The same for a program whose scope was looked at.
    pub(crate) async fn export_in(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        id: &FlowId,
    ) -> Result<Package> {
        let store = &self.0.store;
        let mut tx = store.begin(&actor.origin).await?;
        let flow = flows::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let (definition, left_out) = secrets::without(&flow.definition);
        let mut requires = Vec::new();
        for ((outside, id), used) in uses(&judged(&flow.definition)?) {
            let (name, type_id) = self.called(workspace, outside, &id, &flow.stubs).await?;
            let nodes = used.into_iter().map(|u| u.node).collect();
            requires.push(Required { kind: outside.word().to_owned(), id, name, type_id, nodes });
        }
        record(&mut tx, actor, "flow.exported", &flow, json!({"secretsLeftOut": left_out.len()})).await?;
        tx.commit().await?;
        Ok(Package {
            format: FORMAT.to_owned(),
            flow: Packed { name: flow.name, description: flow.description, definition },
            requires,
            left_out,
            name: None,
            mapping: BTreeMap::new(),
        })
    }

    async fn called(
        &self,
        workspace: &WorkspaceId,
        outside: Outside,
        id: &str,
        stubs: &[Stub],
    ) -> Result<(String, Option<String>)> {
        let connect = &self.0.connect;
        let found = match outside {
            Outside::Connector => {
                connect.connector_named(workspace, id).await?.map(|c| (c.name, Some(c.type_id)))
            }
            Outside::Profile => connect.profile_named(workspace, id).await?.map(|name| (name, None)),
            Outside::Script => None,
        };
        let stub = || {
            let stub = stubs.iter().find(|s| s.kind == outside.word() && s.id == id);
            stub.map(|s| (s.name.clone(), s.type_id.clone())).unwrap_or_default()
        };
        Ok(found.unwrap_or_else(stub))
    }

    /// Makes a flow of a package. What it needs and is not here, by id, by the mapping or by name, is a stub: it blocks a
    /// deployment, not the import.
    ///
    /// # Errors
    /// `Validation` names the field, or the place in the definition; `Conflict` for a name that is taken.
    pub(crate) async fn import(&self, actor: &Actor, package: Package) -> Result<Detailed> {
        let workspace = require(&self.0.store, actor, Permission::EditFlows, None).await?;
        self.import_in(actor, workspace, package).await
    }

    /// The same for a program whose scope was looked at.
    pub(crate) async fn import_in(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        package: Package,
    ) -> Result<Detailed> {
        package.check()?;
        let mut definition = package.flow.definition;
        let used = judged(&definition)?;
        let mut ids = BTreeMap::new();
        let mut stubs = Vec::new();
        for (outside, id) in uses(&used).into_keys() {
            let required = package.requires.iter().find(|r| r.kind == outside.word() && r.id == id);
            match self.here(workspace, outside, &id, required, &package.mapping).await? {
                Some(other) => drop(ids.insert((outside, id), other)),
                None => stubs.push(Stub {
                    kind: outside.word().to_owned(),
                    name: required
                        .map(|r| r.name.clone())
                        .filter(|n| !n.is_empty())
                        .unwrap_or_else(|| id.clone()),
                    type_id: required.and_then(|r| r.type_id.clone()),
                    id,
                }),
            }
        }
        replace(&mut definition, &ids);
        let values = package.left_out.into_iter().filter(|pointer| !secrets::is_there(&definition, pointer));
        stubs.extend(values.map(|id| Stub { kind: "value".to_owned(), name: id.clone(), type_id: None, id }));
        let name = match &package.name {
            Some(name) => checked_name(name)?,
            None => self.free_name(workspace, &checked_name(&package.flow.name)?).await?,
        };
        let description = package.flow.description;
        self.make_in(actor, workspace, New { name, description, definition: Some(definition), stubs }).await
    }

    /// The id here of something that an imported flow needs.
    async fn here(
        &self,
        workspace: &WorkspaceId,
        outside: Outside,
        id: &str,
        required: Option<&Required>,
        mapping: &BTreeMap<String, String>,
    ) -> Result<Option<String>> {
        let connect = &self.0.connect;
        let id = mapping.get(id).map_or(id, String::as_str);
        match outside {
            Outside::Connector => {
                if let Some(found) = connect.connector_named(workspace, id).await? {
                    return Ok(Some(found.id.to_string()));
                }
                let Some((Some(type_id), name)) = required.map(|r| (r.type_id.as_deref(), &r.name)) else {
                    return Ok(None);
                };
                Ok(connect.connector_called(workspace, name, type_id).await?.map(|id| id.to_string()))
            }
            Outside::Profile => {
                if connect.profile_named(workspace, id).await?.is_some() {
                    return Ok(Some(id.to_owned()));
                }
                let Some(required) = required.filter(|r| !r.name.is_empty()) else { return Ok(None) };
                Ok(connect.profile_called(workspace, &required.name).await?.map(|id| id.to_string()))
            }
            Outside::Script => Ok(None),
        }
    }

    /// The name, or the first free one like it.
    async fn free_name(&self, workspace: &WorkspaceId, name: &str) -> Result<String> {
        let db = &mut self.0.store.reader();
        let mut tried = name.to_owned();
        for n in 2..NAMES {
            if !flows::is_taken(db, workspace, &tried, None).await? {
                break;
            }
            let short: String = name.chars().take(90).collect();
            tried = format!("{short} ({n})");
        }
        Ok(tried)
    }

    /// Keeps a file for an import, for a day.
    ///
    /// # Errors
    /// `Validation` when it is too large or no JSON; `Conflict` for too many.
    pub(crate) async fn bring_file(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        name: &str,
        content: &Value,
    ) -> Result<File> {
        let store = &self.0.store;
        let content = content.to_string();
        if content.len() > FILE_BYTES {
            return Err(Error::validation("file", "The file has at most 1 MiB."));
        }
        let file = File {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            name: checked_name(name)?,
            content,
            created_by: by(actor),
            created_at: store.now(),
            expires_at: store.now().plus_seconds(FILE_SECONDS),
        };
        let mut tx = store.begin(&actor.origin).await?;
        if files::count(&mut tx, workspace).await? >= MAX_FILES {
            return Err(Error::conflict("At most 100 files wait for their import; each waits for a day."));
        }
        files::insert(&mut tx, &file).await?;
        tx.commit().await?;
        Ok(file)
    }

    /// The package in a file that was brought in.
    ///
    /// # Errors
    /// `NotFound`; `Validation` when it holds no package.
    pub(crate) async fn filed(&self, workspace: &WorkspaceId, id: &FlowFileId) -> Result<Package> {
        let content = files::content(&self.0.store, workspace, id).await?;
        let content = content.ok_or_else(|| Error::not_found("File"))?;
        serde_json::from_str(&content).map_err(|_| {
            Error::validation(
                "flowDataFileId",
                "The file holds no exported flow. Export one, and bring that in.",
            )
        })
    }
}
