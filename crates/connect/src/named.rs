//! Connectors and profiles as other parts of the product name them: whether they are there, and what they are called.

use gatehouse_types::{AuthProfileId, ConnectorId, Result, UserId, WorkspaceId};

use crate::Connect;
use crate::connectors::store::connectors::{self, Wanted};
use crate::profiles;

/// A connector by its name.
#[derive(Clone, Debug)]
pub struct NamedConnector {
    /// Its id.
    pub id: ConnectorId,
    /// What people call it.
    pub name: String,
    /// The id of its type.
    pub type_id: String,
    /// The person whose own it is; `None`: the company's.
    pub owner: Option<UserId>,
    /// The ids of its actions.
    pub actions: Vec<String>,
}

impl Connect {
    /// A connector of the workspace; `None` for an id that is nobody's here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn connector_named(&self, workspace: &WorkspaceId, id: &str) -> Result<Option<NamedConnector>> {
        let Ok(id) = id.parse::<ConnectorId>() else { return Ok(None) };
        let db = &mut self.0.store.reader();
        let Some(found) = connectors::find(db, workspace, &id).await? else { return Ok(None) };
        let known = crate::connectors::known_type(db, workspace, &found.type_id).await?;
        let actions = known.map(|known| known.actions.iter().map(|a| a.id.to_string()).collect());
        Ok(Some(NamedConnector {
            id: found.id,
            name: found.name,
            type_id: found.type_id,
            owner: found.owner_id,
            actions: actions.unwrap_or_default(),
        }))
    }

    /// The company's connector with this name and type.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn connector_called(
        &self,
        workspace: &WorkspaceId,
        name: &str,
        type_id: &str,
    ) -> Result<Option<ConnectorId>> {
        let wanted = Wanted {
            search: Some(name.trim().to_lowercase()),
            type_id: Some(type_id.to_owned()),
            ..Wanted::default()
        };
        let page = gatehouse_types::PageRequest::new(1, gatehouse_types::PageRequest::MAX_PAGE_SIZE)?;
        let (found, _) = connectors::page(&mut self.0.store.reader(), workspace, &wanted, page).await?;
        let same = found.into_iter().find(|c| c.owner_id.is_none() && c.name == name);
        Ok(same.map(|c| c.id))
    }

    /// What an authorization profile of the workspace is called; `None` for an id that is nobody's here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_named(&self, workspace: &WorkspaceId, id: &str) -> Result<Option<String>> {
        let Ok(id) = id.parse::<AuthProfileId>() else { return Ok(None) };
        let about = profiles::about(&mut self.0.store.reader(), workspace, &id).await?;
        Ok(about.map(|about| about.name))
    }

    /// The profile with this name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_called(&self, workspace: &WorkspaceId, name: &str) -> Result<Option<AuthProfileId>> {
        Ok(profiles::called(&mut self.0.store.reader(), workspace, name).await?)
    }
}
