//! Who did something, by name.

use gatehouse_types::{Id, Result, UserId, WorkspaceId};

use crate::Scripts;

impl Scripts {
    /// The name of who did something, kept as `kind:id`.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn name_of(&self, workspace: &WorkspaceId, by: &str) -> Result<String> {
        match by.split_once(':') {
            Some(("user", id)) => {
                let id = UserId::from_stored(id.to_owned());
                let db = &mut self.0.store.reader();
                let found = self.0.identity.name_and_role(db, workspace, &id).await?;
                Ok(found.map_or_else(|| "a former member".to_owned(), |(name, _)| name))
            }
            Some(("api-key", _)) => Ok("an API key".to_owned()),
            _ => Ok("Gatehouse".to_owned()),
        }
    }
}
