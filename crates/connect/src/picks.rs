//! What a person can choose in a flow: connectors with their actions, and authorization profiles.

use gatehouse_types::{Actor, AuthProfileId, ConnectorId, PageRequest, Permission, Result};

use crate::Connect;
use crate::connectors::store::connectors::Wanted;

/// How many of each are offered; the others are entered by their ids.
const OFFERED: u32 = 100;

/// A connector that can be chosen.
#[derive(Clone, Debug)]
pub struct ConnectorPick {
    /// Its id.
    pub id: ConnectorId,
    /// What people call it.
    pub name: String,
    /// What it can do.
    pub actions: Vec<ActionPick>,
}

/// An action that can be chosen.
#[derive(Clone, Debug)]
pub struct ActionPick {
    /// Its id.
    pub id: String,
    /// What people choose.
    pub name: String,
    /// One line more; may be empty.
    pub description: String,
    /// What it is given.
    pub parameters: Vec<ParameterPick>,
}

/// A parameter of an action.
#[derive(Clone, Debug)]
pub struct ParameterPick {
    /// Its key.
    pub name: String,
    /// What is written beside the input.
    pub label: String,
    /// Whether it must be given.
    pub required: bool,
    /// One line; may be empty.
    pub help: String,
}

impl Connect {
    /// The connectors that this person may use, by name; none for who may use none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn connector_picks(&self, actor: &Actor) -> Result<Vec<ConnectorPick>> {
        if !actor.may(Permission::UseConnectors) {
            return Ok(Vec::new());
        }
        let found = self.connectors(actor, Wanted::default(), PageRequest::new(1, OFFERED)?).await?;
        let picks = found.data.into_iter().map(|view| {
            let actions = view.known.actions.iter().map(|action| ActionPick {
                id: action.id.to_string(),
                name: action.label.clone(),
                description: action.description.clone().unwrap_or_default(),
                parameters: action.parameters.iter().map(parameter).collect(),
            });
            ConnectorPick {
                actions: actions.collect(),
                id: view.connector.id.clone(),
                name: view.connector.name.clone(),
            }
        });
        Ok(picks.collect())
    }

    /// The authorization profiles that this person may use, by name; none for who may use none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_picks(&self, actor: &Actor) -> Result<Vec<(AuthProfileId, String)>> {
        if !actor.may(Permission::UseAuthProfiles) {
            return Ok(Vec::new());
        }
        let found = self.profiles(actor, None, PageRequest::new(1, OFFERED)?).await?;
        Ok(found.data.into_iter().map(|seen| (seen.profile.id, seen.profile.name)).collect())
    }
}

fn parameter(of: &gatehouse_catalogue::Parameter) -> ParameterPick {
    ParameterPick {
        name: of.key.to_string(),
        label: of.label.clone().unwrap_or_else(|| of.key.to_string()),
        required: of.required,
        help: of.help.clone().unwrap_or_default(),
    }
}
