//! People in executions: whether the one it runs for may still, and whom it waits for.

use gatehouse_connect::OWN_CONNECTIONS;
use gatehouse_flow::definition::{Field, Kind};
use gatehouse_flow::machine::Event;
use gatehouse_types::{ConnectorId, Permission, Result};

use super::turn::Driving;
use crate::model::execution::Wait;

/// The fields of a form as they may be told: the default of a secret one stays with the machine, which takes it when
/// nothing is filled in.
fn asked(fields: &[Field]) -> Vec<Field> {
    let told = |field: &Field| match field.secret && field.default.is_some() {
        true => Field { default: None, required: false, ..field.clone() },
        false => field.clone(),
    };
    fields.iter().map(told).collect()
}

impl Driving {
    /// Whether the person in whose name it runs may still run flows.
    pub(super) async fn may_go_on(&self) -> Result<bool> {
        if self.execution.paused.is_some() {
            return Ok(false);
        }
        let Some(person) = &self.execution.person else { return Ok(true) };
        let (identity, db) = (&self.flows.0.identity, &mut self.flows.0.store.reader());
        let found = identity.user_with_role(db, &self.execution.workspace_id, person).await?;
        Ok(found.is_some_and(|(_, role)| role.may(Permission::UseFlows)))
    }

    /// Looks whether those whom steps wait for have authenticated meanwhile, or somebody decided to go on without.
    pub(super) async fn look_at_people(&mut self) -> Result<()> {
        let mut connectors: Vec<String> = self.needs.values().cloned().collect();
        connectors.sort_unstable();
        connectors.dedup();
        for connector_id in connectors {
            let decided = self.execution.fallback.iter().any(|f| f.connector_id == connector_id);
            if decided || self.has_authenticated(&connector_id).await? {
                self.needs.retain(|_, id| *id != connector_id);
                self.happens(Event::Authenticated { connector_id });
            }
        }
        Ok(())
    }

    /// Whether the person has authenticated at a connector, or need not: an exempt person is waited for by those steps alone
    /// that demand the person.
    async fn has_authenticated(&self, connector: &str) -> Result<bool> {
        let (Some(person), Ok(id)) = (&self.execution.person, connector.parse::<ConnectorId>()) else {
            return Ok(false);
        };
        let (connect, workspace) = (&self.flows.0.connect, &self.execution.workspace_id);
        if connect.is_authorized_by(workspace, &id, person).await? {
            return Ok(true);
        }
        let mut waiting = self.needs.iter().filter(|(_, id)| *id == connector).map(|(step, _)| step);
        Ok(waiting.any(|step| !self.demands_the_person(step)) && connect.is_exempt(workspace, person).await?)
    }

    /// Whether a step runs as the person even where its connector does not ask for it.
    fn demands_the_person(&self, step: &str) -> bool {
        let node = step.rsplit_once('/').map_or(step, |(_, node)| node);
        match self.flow.node(node).map(|node| &node.kind) {
            Some(Kind::Connector(connector)) => connector.wish.is_some_and(|wish| wish.required),
            _ => false,
        }
    }

    /// Once it rests: whoever authenticated while that was stored is not overlooked.
    pub(super) async fn afterwards(&self) -> Result<()> {
        let mut connectors: Vec<&String> = self.needs.values().collect();
        connectors.dedup();
        for connector in connectors {
            if self.has_authenticated(connector).await? {
                self.flows.poke(&self.execution.id).await?;
                break;
            }
        }
        Ok(())
    }

    /// What whoever must do something needs to know.
    pub(super) async fn describe(&self, wait: &mut Wait) -> Result<()> {
        match self.flow.node(&wait.node).map(|node| &node.kind) {
            Some(Kind::Input(input)) => {
                wait.title.clone_from(&input.title);
                wait.fields = serde_json::to_value(asked(&input.fields)).ok();
            }
            Some(Kind::Connector(connector)) if wait.status == "Authentication needed" => {
                let workspace = &self.execution.workspace_id;
                let named = self.flows.0.connect.connector_named(workspace, &connector.connector_id).await?;
                wait.connector_name = named.map(|c| c.name);
                wait.connector_id = Some(connector.connector_id.clone());
                wait.user_id = self.execution.person.as_ref().map(ToString::to_string);
                wait.page = self.execution.person.as_ref().map(|_| OWN_CONNECTIONS.to_owned());
            }
            _ => {}
        }
        Ok(())
    }
}
