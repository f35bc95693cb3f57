//! Authorizing a connector: the workspace's own consent, begun here and ended at its own callback.

use gatehouse_catalogue::AuthKind;
use gatehouse_identity::require;
use gatehouse_types::{Actor, ConnectorId, Error, Permission, Result};
use url::Url;

use super::connectors::{not_found, object};
use super::guards::only_theirs;
use super::spec::Ready;
use super::view::own_owner;
use crate::connectors::model::connector::Connector;
use crate::connectors::store::connectors;
use crate::{Asked, Connect, Holder, Owner};

impl Connect {
    /// The address that the browser goes to, so that somebody consents for the connector itself.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for one that needs nobody's consent; `Authorization` without the right.
    pub(crate) async fn authorize_connector(
        &self,
        actor: &Actor,
        id: &ConnectorId,
        return_to: String,
    ) -> Result<Url> {
        let workspace = require(&self.0.store, actor, Permission::ManageConnectors, object(id)).await?;
        let ready = self.ready(workspace, id).await?;
        only_theirs(actor, &ready.connector)?;
        let owner = own_owner(&ready.connector);
        self.by_hand(actor)?;
        let asked = Asked { return_to, ..Asked::default() };
        self.begin(actor, &ready, owner, Permission::ManageConnectors, asked).await
    }

    /// Begins an authorization; who calls has checked the right, which must hold at the end too, and that it is not tried too
    /// often.
    pub(crate) async fn begin(
        &self,
        actor: &Actor,
        ready: &Ready,
        owner: Owner,
        right: Permission,
        asked: Asked,
    ) -> Result<Url> {
        if ready.auth()?.kind != AuthKind::Oauth2Code {
            return Err(Error::conflict(
                "This connector authenticates with its own values: there is nothing that a person could authorize.",
            ));
        }
        let spec = self.client_spec(ready)?;
        let holder = Holder::Connector(ready.connector.id.clone());
        let url = self.0.broker.begin(actor, (holder, owner), right, &spec, asked).await?;
        // a change ends what is under way: what it could not see yet leads nowhere, for nobody learns its address
        let Connector { workspace_id, id, version, .. } = &ready.connector;
        let now = connectors::find(&mut self.0.store.reader(), workspace_id, id).await?;
        match now {
            Some(now) if now.version == *version => Ok(url),
            Some(_) => Err(Error::conflict("The connector was changed just now. Try again.")),
            None => Err(not_found()),
        }
    }

    /// A connector on which each person authenticates for themselves, for such a person.
    pub(crate) async fn ready_for_people(&self, actor: &Actor, id: &ConnectorId) -> Result<Ready> {
        let workspace = require(&self.0.store, actor, Permission::ReadWorkspace, object(id)).await?;
        let ready = self.ready(workspace, id).await?;
        if ready.connector.is_of_another(actor.user().ok()) {
            return Err(not_found());
        }
        Ok(ready)
    }
}
