use gatehouse_identity::require;
use gatehouse_saml::redact;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{
    Actor, ConnectionId, DecisionId, Error, Id, Page, PageRequest, Permission, Result, SsoAttemptId,
    WorkspaceId,
};
use serde_json::json;

use super::connections::{not_found, object};
use crate::Sso;
use crate::model::{Attempt, Trace};
use crate::store::attempts::{self, Wanted};
use crate::store::connections;

/// The longest text that is searched for, in characters.
const MAX_SEARCH: usize = 200;

pub(super) fn attempt_not_found() -> Error {
    Error::not_found("SSO attempt")
}

impl Sso {
    /// One page of a connection's sign-in attempts, newest first; without a connection those of the whole workspace.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right; `Validation` for a search that is too long.
    pub async fn attempts(
        &self,
        actor: &Actor,
        connection: Option<&ConnectionId>,
        wanted: &Wanted,
        page: PageRequest,
    ) -> Result<Page<Attempt>> {
        let about = connection.map(object);
        let workspace = require(&self.0.store, actor, Permission::ManageSso, about).await?;
        if wanted.search.as_ref().is_some_and(|s| s.chars().count() > MAX_SEARCH) {
            return Err(Error::validation("search", "search has at most 200 characters."));
        }
        let db = &mut self.0.store.reader();
        if let Some(id) = connection {
            connections::find(db, workspace, id).await?.ok_or_else(not_found)?;
        }
        let (found, total) = attempts::list(db, workspace, connection, wanted, page).await?;
        Ok(Page::new(found, page, total))
    }

    /// The attempt that a decision refused.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub async fn attempt_of_decision(
        &self,
        actor: &Actor,
        decision: &DecisionId,
    ) -> Result<Option<SsoAttemptId>> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, None).await?;
        Ok(attempts::of_decision(&mut self.0.store.reader(), workspace, decision).await?)
    }

    /// An attempt of the workspace, and of the connection when one is given.
    pub(super) async fn attempt_in(
        &self,
        workspace: &WorkspaceId,
        connection: Option<&ConnectionId>,
        id: &SsoAttemptId,
    ) -> Result<Attempt> {
        let db = &mut self.0.store.reader();
        if let Some(id) = connection {
            connections::find(db, workspace, id).await?.ok_or_else(not_found)?;
        }
        let found = attempts::find(db, workspace, id).await?;
        let ours = found.filter(|a| connection.is_none_or(|c| *c == a.connection_id));
        ours.ok_or_else(attempt_not_found)
    }

    /// One attempt with its checks, and its message without the person.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn trace(
        &self,
        actor: &Actor,
        connection: Option<&ConnectionId>,
        id: &SsoAttemptId,
    ) -> Result<Trace> {
        let about = connection.map(object);
        let workspace = require(&self.0.store, actor, Permission::ManageSso, about).await?;
        let attempt = self.attempt_in(workspace, connection, id).await?;
        let message = self.message_of(id, false).await?;
        Ok(Trace { message, ..Trace::of(attempt) })
    }

    /// One attempt with what its message says of the person; the look leaves an entry in the audit log.
    ///
    /// # Errors
    /// `NotFound`, also when no message is kept; `Authorization` without the right.
    pub async fn reveal_trace(
        &self,
        actor: &Actor,
        connection: Option<&ConnectionId>,
        id: &SsoAttemptId,
    ) -> Result<Trace> {
        let about = connection.map(object);
        let workspace = require(&self.0.store, actor, Permission::ManageSso, about).await?;
        let attempt = self.attempt_in(workspace, connection, id).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let details = json!({"connectionId": attempt.connection_id, "decision": attempt.decision_id});
        audit::record(
            &mut tx,
            actor,
            Event::success("sso.trace-revealed", ("attempt", id.as_str()), details),
        )
        .await?;
        tx.commit().await?;
        let message = self.message_of(id, true).await?;
        Ok(Trace { message, ..Trace::of(attempt) })
    }

    /// The text of the sealed message, without the person unless `reveal` is set.
    pub(super) async fn message_of(&self, id: &SsoAttemptId, reveal: bool) -> Result<Option<String>> {
        let sealed = attempts::message(&self.0.store, &mut self.0.store.reader(), id).await?;
        Ok(sealed.and_then(|bytes| match bytes.first() {
            Some(b'{') => crate::oidc::message::redact(&bytes, reveal),
            _ => redact(&bytes, reveal),
        }))
    }
}
