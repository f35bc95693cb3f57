//! The page's connection gives way to one of another protocol.

use gatehouse_types::{Actor, ConnectionId, Result};

use super::connections::{not_found, record};
use super::import::fill_new;
use super::settings::no_longer_mandatory;
use crate::Sso;
use crate::model::{Connection, MetadataState, NewConnection};
use crate::store::{connections, domains, drafts, settings, setup_links};

impl Sso {
    /// Makes the page's connection, in the place of the present one if there is one. That one goes in the same
    /// transaction, so nothing of it is left: nobody comes in through it any more, its links to accounts do not count for
    /// the new provider, and single sign-on is not mandatory until the new connection is tested and active. Its domains
    /// move along with their proofs: they belong to the workspace.
    pub(crate) async fn make_page_connection(
        &self,
        actor: &Actor,
        id: ConnectionId,
        new: NewConnection,
        present: Option<Connection>,
    ) -> Result<ConnectionId> {
        let Some(present) = present else {
            return Ok(self.create_connection_as(actor, id, new).await?.connection.id);
        };
        let (workspace, now) = (actor.workspace()?, self.0.store.now());
        let secret = new.client_secret.clone();
        let mut connection = self.unsaved(actor, workspace, id.clone(), new)?;
        match self.imported_by_new(&connection, None).await {
            Ok(Some(imported)) => fill_new(&mut connection, &imported, now)?,
            Ok(None) => {}
            Err(e) if Self::may_wait(&connection, &e) => {
                connection.metadata = Some(MetadataState::failed(e.message(), now));
            }
            Err(e) => return Err(e),
        }
        self.check_whole(workspace, &connection)?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let old = connections::lock(&mut tx, workspace, &present.id).await?.ok_or_else(not_found)?;
        connections::delete(&mut tx, &old.id).await?;
        drafts::delete_all(&mut tx, &old.id).await?;
        setup_links::revoke_of(&mut tx, &old.id).await?;
        connections::insert(&mut tx, &connection, secret.as_ref()).await?;
        domains::move_all(&mut tx, &old.id, &id).await?;
        no_longer_mandatory(&mut tx, actor, workspace, &old.id).await?;
        let mut now_set = settings::find(&mut tx, workspace).await?;
        now_set.connection_id = Some(id.clone());
        settings::save(&mut tx, workspace, &now_set).await?;
        record(&mut tx, actor, "sso.connection-deleted", &old).await?;
        record(&mut tx, actor, "sso.connection-created", &connection).await?;
        tx.commit().await?;
        Ok(id)
    }
}
