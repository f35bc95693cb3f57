//! What those are called who did something.

use gatehouse_types::{Id, Result, UserId, WorkspaceId};

use crate::Flows;

impl Flows {
    /// What `kind:id` is called.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn name_of(&self, workspace: &WorkspaceId, by: Option<&str>) -> Result<String> {
        let Some((kind, id)) = by.and_then(|by| by.split_once(':')) else { return Ok(String::new()) };
        match kind {
            "user" => {
                let id = UserId::from_stored(id.to_owned());
                let db = &mut self.0.store.reader();
                let found = self.0.identity.name_and_role(db, workspace, &id).await?;
                Ok(found.map_or_else(|| "a former member".to_owned(), |(name, _)| name))
            }
            "api-key" => Ok("an API key".to_owned()),
            _ => Ok("Gatehouse".to_owned()),
        }
    }
}
