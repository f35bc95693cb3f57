use gatehouse_identity::require;
use gatehouse_types::{Actor, ConnectionId, Error, Page, PageRequest, Permission, Result, SsoAttemptId};

use super::connections::{not_found, object};
use crate::Sso;
use crate::model::Attempt;
use crate::store::{attempts, connections};

impl Sso {
    /// One page of a connection's sign-in attempts, newest first.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn attempts(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        outcome: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Attempt>> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let db = &mut self.0.store.reader();
        connections::find(db, workspace, id).await?.ok_or_else(not_found)?;
        let (found, total) = attempts::list(db, id, outcome, page).await?;
        Ok(Page::new(found, page, total))
    }

    /// One attempt. Its message stays sealed: it holds what the provider says of a person.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn attempt(&self, actor: &Actor, id: &ConnectionId, attempt: &SsoAttemptId) -> Result<Attempt> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let db = &mut self.0.store.reader();
        connections::find(db, workspace, id).await?.ok_or_else(not_found)?;
        attempts::find(db, id, attempt).await?.ok_or_else(|| Error::not_found("SSO attempt"))
    }
}
