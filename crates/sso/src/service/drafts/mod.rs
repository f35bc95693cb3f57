//! Drafts: a change to a connection that is proved by recorded sign-ins before it counts.

mod activate;
mod judge;
mod openid;
mod replay;

use gatehouse_identity::require;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{
    Actor, ConnectionId, DraftId, Error, Id, Kind, Page, PageRequest, Permission, Principal, Result,
    WorkspaceId,
};
use serde_json::json;

pub use replay::{Replay, ReplayedPerson};

use super::connections::{ConnectionPatch, not_found, object};
use crate::Sso;
use crate::model::{Connection, Draft};
use crate::store::{connections, drafts};

/// Drafts of one connection at most.
const MAX_DRAFTS: i64 = 20;
/// Drafts that nobody put in use are forgotten after this many days.
pub(crate) const DRAFT_DAYS: i64 = 30;

/// A draft beside the connection that it changes.
#[derive(Clone, Debug)]
pub struct DraftView {
    /// The draft.
    pub draft: Draft,
    /// The connection as it is.
    pub connection: Connection,
    /// The connection as it would be.
    pub proposed: Connection,
}

fn draft_not_found() -> Error {
    Error::not_found("Draft")
}

impl Sso {
    /// Keeps a change to a connection as a draft; nothing that people sign in with changes.
    ///
    /// # Errors
    /// As [`Sso::update_connection`]; `Validation` for a change of the name or the description, which need no proof, and
    /// for one that changes nothing; `Conflict` for too many drafts.
    pub async fn create_draft(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        patch: ConnectionPatch,
    ) -> Result<DraftView> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSso, Some(object(id))).await?;
        for (field, given) in [("name", &patch.name), ("description", &patch.description)] {
            if given.is_some() {
                let message = format!(
                    "The {field} decides no sign-in and needs no draft: change the connection itself."
                );
                return Err(Error::validation(field, message));
            }
        }
        let imported = self.imported_by(workspace, id, &patch).await?;
        let secret = patch.client_secret.clone();
        let mut tx = store.begin(&actor.origin).await?;
        let before = connections::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let proposed = self.changed(workspace, &before, patch, imported.as_ref())?;
        let draft = Draft {
            id: store.ids().make(),
            connection_id: id.clone(),
            base_version: before.version,
            provider: proposed.provider,
            config: proposed.config.clone(),
            has_client_secret: secret.is_some(),
            client_secret_expires_at: proposed.client_secret_expires_at,
            certificates: proposed.certificates.iter().map(|c| c.pem.clone()).collect(),
            jit_provisioning: proposed.jit_provisioning,
            default_role: proposed.default_role,
            role_mapping: proposed.role_mapping.clone(),
            created_by: actor.user().ok().cloned(),
            created_at: store.now(),
            replayed_at: None,
        };
        if draft.changes(&before).is_empty() {
            return Err(Error::new(Kind::Validation, "This draft changes nothing."));
        }
        if matches!(actor.principal, Principal::SetupLink { .. }) {
            // the newest word of whoever holds the link; the administrator's own drafts keep their places
            drafts::delete_of_links(&mut tx, id).await?;
        }
        if drafts::list(&mut tx, id, PageRequest::new(1, 1)?).await?.1 >= MAX_DRAFTS {
            return Err(Error::conflict("A connection has at most 20 drafts. Discard one first."));
        }
        drafts::insert(&mut tx, workspace, &draft, secret.as_ref()).await?;
        record(&mut tx, actor, "sso.draft-created", &draft, json!({"changes": draft.changes(&before)}))
            .await?;
        tx.commit().await?;
        Ok(DraftView { draft, connection: before, proposed })
    }

    /// One page of a connection's drafts, the latest first.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn drafts(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        page: PageRequest,
    ) -> Result<Page<DraftView>> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let db = &mut self.0.store.reader();
        let connection = connections::find(db, workspace, id).await?.ok_or_else(not_found)?;
        let (found, total) = drafts::list(db, id, page).await?;
        let now = self.0.store.now();
        let view = |draft: Draft| {
            let proposed = draft.applied_to(&connection, now)?;
            Ok(DraftView { draft, connection: connection.clone(), proposed })
        };
        Ok(Page::new(found.into_iter().map(view).collect::<Result<_>>()?, page, total))
    }

    /// One draft.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn draft(&self, actor: &Actor, id: &ConnectionId, draft: &DraftId) -> Result<DraftView> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        self.draft_of(workspace, id, draft).await
    }

    async fn draft_of(
        &self,
        workspace: &WorkspaceId,
        id: &ConnectionId,
        draft: &DraftId,
    ) -> Result<DraftView> {
        let db = &mut self.0.store.reader();
        let connection = connections::find(db, workspace, id).await?.ok_or_else(not_found)?;
        let draft = drafts::find(db, id, draft).await?.ok_or_else(draft_not_found)?;
        let proposed = draft.applied_to(&connection, self.0.store.now())?;
        Ok(DraftView { draft, connection, proposed })
    }

    /// Throws a draft away.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn discard_draft(&self, actor: &Actor, id: &ConnectionId, draft: &DraftId) -> Result<()> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let view = self.draft_of(workspace, id, draft).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        if drafts::delete(&mut tx, draft).await? == 0 {
            return Err(draft_not_found());
        }
        record(&mut tx, actor, "sso.draft-discarded", &view.draft, json!({})).await?;
        Ok(tx.commit().await?)
    }
}

/// Writes the audit entry of what happened to a draft.
async fn record(
    tx: &mut gatehouse_store::Tx,
    actor: &Actor,
    event: &'static str,
    draft: &Draft,
    mut details: serde_json::Value,
) -> Result<()> {
    details["draftId"] = json!(draft.id);
    let target = ("connection", draft.connection_id.as_str());
    Ok(audit::record(tx, actor, Event::success(event, target, details)).await?)
}
