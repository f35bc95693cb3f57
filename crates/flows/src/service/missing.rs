//! What a flow needs and does not find: it may be kept, and not deployed.

use gatehouse_types::{Error, Result, WorkspaceId};
use serde_json::Value;

use crate::Flows;
use crate::model::definition::{Outside, Use, judged, uses};
use crate::model::flow::{Missing, Stub};
use crate::model::secrets;

impl Flows {
    /// Everything that blocks a deployment of this definition.
    ///
    /// # Errors
    /// `Validation` for a definition that cannot run; when the database fails.
    pub(crate) async fn missing(
        &self,
        workspace: &WorkspaceId,
        definition: &Value,
        stubs: &[Stub],
    ) -> Result<Vec<Missing>> {
        let flow = judged(definition)?;
        let mut missing = Vec::new();
        for ((outside, id), used) in uses(&flow) {
            match outside {
                Outside::Connector => self.of_connector(workspace, &id, &used, stubs, &mut missing).await?,
                Outside::Profile => {
                    if self.0.connect.profile_named(workspace, &id).await?.is_none() {
                        missing.push(lacks(outside, &id, &used, stubs));
                    }
                }
                // a step that calls it says so when it runs
                Outside::Script => {}
            }
        }
        for stub in stubs.iter().filter(|s| s.kind == "value" && !secrets::is_there(definition, &s.id)) {
            missing.push(Missing {
                kind: stub.kind.clone(),
                id: stub.id.clone(),
                name: None,
                type_id: None,
                nodes: Vec::new(),
                message: format!(
                    "A secret was left out when the flow was exported. Enter it at {}.",
                    stub.id
                ),
            });
        }
        Ok(missing)
    }

    async fn of_connector(
        &self,
        workspace: &WorkspaceId,
        id: &str,
        used: &[Use],
        stubs: &[Stub],
        missing: &mut Vec<Missing>,
    ) -> Result<()> {
        let Some(found) = self.0.connect.connector_named(workspace, id).await? else {
            missing.push(lacks(Outside::Connector, id, used, stubs));
            return Ok(());
        };
        for one in used {
            let action = one.action.as_deref().unwrap_or_default();
            if found.actions.iter().any(|known| known == action) {
                continue;
            }
            missing.push(Missing {
                kind: "action".to_owned(),
                id: action.to_owned(),
                name: Some(found.name.clone()),
                type_id: Some(found.type_id.clone()),
                nodes: vec![one.node.clone()],
                message: format!(
                    "The connector {} has no action {action}. Choose one that it has.",
                    found.name
                ),
            });
        }
        Ok(())
    }

    /// Whether a definition may be deployed.
    ///
    /// # Errors
    /// `Conflict` names what is missing.
    pub(crate) async fn complete(
        &self,
        workspace: &WorkspaceId,
        definition: &Value,
        stubs: &[Stub],
    ) -> Result<()> {
        let missing = self.missing(workspace, definition, stubs).await?;
        if missing.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = missing.iter().take(10).map(|m| m.message.clone()).collect();
        Err(Error::conflict(format!("The flow is not complete. {}", named.join(" "))).on_field("definition"))
    }
}

fn lacks(outside: Outside, id: &str, used: &[Use], stubs: &[Stub]) -> Missing {
    let stub = stubs.iter().find(|s| s.kind == outside.word() && s.id == id);
    let nodes: Vec<_> = used.iter().map(|u| u.node.clone()).collect();
    let what = match outside {
        Outside::Connector => "connector",
        Outside::Profile => "authorization profile",
        Outside::Script => "script",
    };
    let called = stub.map_or_else(|| id.to_owned(), |s| s.name.clone());
    Missing {
        kind: outside.word().to_owned(),
        id: id.to_owned(),
        name: stub.map(|s| s.name.clone()),
        type_id: stub.and_then(|s| s.type_id.clone()),
        message: format!("There is no {what} {called} here. Choose one in {}.", nodes.join(", ")),
        nodes,
    }
}
