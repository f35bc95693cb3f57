//! What those are called who did something: asked for once for a whole page.

use std::collections::{BTreeSet, HashMap};

use gatehouse_types::{Id, Result, UserId, WorkspaceId};

use crate::Flows;

/// What somebody is called who is no member any more.
pub(crate) const FORMER: &str = "a former member";

/// The names of people.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<UserId, String>);

impl Names {
    /// What a person is called.
    pub(crate) fn of(&self, user: &UserId) -> String {
        self.0.get(user).cloned().unwrap_or_else(|| FORMER.to_owned())
    }

    /// What `kind:id` is called.
    pub(crate) fn by(&self, by: Option<&str>) -> String {
        match by.and_then(|by| by.split_once(':')) {
            None => String::new(),
            Some(("user", id)) => self.of(&UserId::from_stored(id.to_owned())),
            Some(("api-key", _)) => "an API key".to_owned(),
            Some(_) => "Gatehouse".to_owned(),
        }
    }
}

/// The person of `kind:id`.
pub(crate) fn person_of(by: Option<&str>) -> Option<UserId> {
    let (kind, id) = by?.split_once(':')?;
    (kind == "user").then(|| UserId::from_stored(id.to_owned()))
}

impl Flows {
    /// The names of people, as far as they are members.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn names(
        &self,
        workspace: &WorkspaceId,
        people: impl IntoIterator<Item = UserId>,
    ) -> Result<Names> {
        let people: BTreeSet<UserId> = people.into_iter().collect();
        if people.is_empty() {
            return Ok(Names::default());
        }
        let db = &mut self.0.store.reader();
        Ok(Names(self.0.identity.names_among(db, workspace, &people).await?))
    }

    /// What `kind:id` is called.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn name_of(&self, workspace: &WorkspaceId, by: Option<&str>) -> Result<String> {
        Ok(self.names(workspace, person_of(by)).await?.by(by))
    }
}
