//! Authorizing a connector: the workspace's own consent, begun here and ended at its own callback.

use gatehouse_catalogue::AuthKind;
use gatehouse_identity::require;
use gatehouse_types::{Actor, ConnectorId, Error, Id, Permission, Result};
use url::Url;

use super::connectors::{not_found, object};
use super::spec::Ready;
use super::view::own_owner;
use crate::connectors::store::values;
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
        let owner = own_owner(&ready.connector);
        if owner.person().is_some_and(|person| Some(person) != actor.user().ok()) {
            return Err(Error::conflict(
                "This connector is a person's own: only that person can authorize it.",
            ));
        }
        self.begin(actor, &ready, owner, Permission::ManageConnectors, return_to).await
    }

    /// Begins an authorization; who calls has checked the right, which must hold at the end too.
    pub(crate) async fn begin(
        &self,
        actor: &Actor,
        ready: &Ready,
        owner: Owner,
        right: Permission,
        return_to: String,
    ) -> Result<Url> {
        self.by_hand(actor)?;
        if ready.auth()?.kind != AuthKind::Oauth2Code {
            return Err(Error::conflict(
                "This connector authenticates with its own values: there is nothing that a person could authorize.",
            ));
        }
        let spec = self.client_spec(ready)?;
        let holder = Holder::Connector(ready.connector.id.clone());
        // what was told to the authorization before may not be true of the next one
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let key = owner.person().map_or_else(|| "service".to_owned(), |user| user.as_str().to_owned());
        values::forget(&mut tx, &ready.connector.id, Some(&key)).await?;
        tx.commit().await?;
        let asked = Asked { return_to, ..Asked::default() };
        self.0.broker.begin(actor, (holder, owner), right, &spec, asked).await
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
