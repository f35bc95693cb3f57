//! User authentications: whether each person authenticates for themselves on a connector, and what a person authorized.

use gatehouse_identity::require;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, ConnectorId, Error, Id, Page, PageRequest, Permission, Result};
use serde_json::json;
use url::Url;

use super::connectors::{not_found, object};
use super::guards::only_theirs;
use super::view::{View, way};
use crate::connectors::model::connector::{Connector, NonInteractive};
use crate::connectors::model::known::no_user_authentication;
use crate::connectors::store::connectors::{self, Wanted};
use crate::connectors::store::values;
use crate::grants::requests;
use crate::{Asked, Connect, GrantView, Holder, Owner};

/// Whether and how people authenticate for themselves.
#[derive(Clone, Debug)]
pub(crate) struct UserAuthentications {
    pub(crate) enabled: bool,
    pub(crate) mode: NonInteractive,
    /// Why it cannot be switched on.
    pub(crate) refused: Option<&'static str>,
    /// People who have authorized it.
    pub(crate) people: usize,
}

/// A connector as one person sees it.
#[derive(Clone, Debug)]
pub(crate) struct Mine {
    pub(crate) view: View,
    /// What the person authorized.
    pub(crate) grant: Option<GrantView>,
}

impl Connect {
    /// How people authenticate on a connector.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn user_authentications(
        &self,
        actor: &Actor,
        id: &ConnectorId,
    ) -> Result<UserAuthentications> {
        let workspace = require(&self.0.store, actor, Permission::ManageConnectors, object(id)).await?;
        let ready = self.ready(workspace, id).await?;
        Ok(UserAuthentications {
            enabled: ready.connector.user_authentication,
            mode: ready.connector.mode,
            refused: no_user_authentication(ready.auth()?),
            people: self.people_of(&ready.connector).await?,
        })
    }

    /// How many people have authorized a connector for themselves.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn people_of(&self, connector: &Connector) -> Result<usize> {
        let holder = Holder::Connector(connector.id.clone());
        let grants =
            self.0.broker.states(&mut self.0.store.reader(), &connector.workspace_id, &holder).await?;
        Ok(grants.iter().filter(|g| g.person_id.is_some()).count())
    }

    /// Switches user authentications, and says what flows do without one.
    ///
    /// # Errors
    /// `Validation` where the type does not allow them; `NotFound`; `Conflict` for another person's own; `Authorization`
    /// without the right.
    pub(crate) async fn set_user_authentications(
        &self,
        actor: &Actor,
        id: &ConnectorId,
        enabled: Option<bool>,
        mode: Option<NonInteractive>,
    ) -> Result<UserAuthentications> {
        let (mut tx, mut connector, known) = self.lock_connector(actor, id).await?;
        only_theirs(actor, &connector)?;
        let refused = no_user_authentication(way(&known, &connector)?);
        let wanted = enabled.unwrap_or(connector.user_authentication);
        if let (true, Some(why)) = (wanted, refused) {
            return Err(Error::validation("enabled", why));
        }
        if connector.user_authentication && !wanted {
            // who is at the provider at this moment comes back too late
            requests::forget_for(&mut tx, &Holder::Connector(id.clone())).await?;
        }
        connector.user_authentication = wanted;
        connector.mode = mode.unwrap_or(connector.mode);
        connector.updated_at = self.0.store.now();
        connectors::set_user_authentication(&mut tx, &connector).await?;
        let details =
            json!({"name": connector.name, "enabled": wanted, "nonInteractiveMode": connector.mode});
        let event = Event::success("connector.user-authentications-set", ("connector", id.as_str()), details);
        audit::record(&mut tx, actor, event).await?;
        tx.commit().await?;
        let people = self.people_of(&connector).await?;
        Ok(UserAuthentications { enabled: wanted, mode: connector.mode, refused, people })
    }

    /// One page of the connectors that a person may authorize for themselves, with what the person authorized; also of those
    /// on which that was switched off since, so that the person can end it.
    ///
    /// # Errors
    /// `Authentication` for who is no person.
    pub(crate) async fn my_connections(&self, actor: &Actor, page: PageRequest) -> Result<Page<Mine>> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ReadWorkspace, None).await?;
        let user = actor.user()?.clone();
        let wanted = Wanted { mine: Some(user.clone()), seen_by: Some(user.clone()), ..Wanted::default() };
        let (found, total) = connectors::page(&mut store.reader(), workspace, &wanted, page).await?;
        let owner = Owner::Person(user);
        let mut mine = Vec::with_capacity(found.len());
        for connector in found {
            let holder = Holder::Connector(connector.id.clone());
            let grant = self.0.broker.state(&mut store.reader(), workspace, &holder, &owner).await?;
            mine.push(Mine { view: self.view(connector).await?, grant });
        }
        Ok(Page::new(mine, page, total))
    }

    /// The address that a person's browser goes to, to authorize a connector for themselves.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` where user authentications are off.
    pub(crate) async fn authorize_mine(
        &self,
        actor: &Actor,
        id: &ConnectorId,
        return_to: String,
    ) -> Result<Url> {
        let ready = self.ready_for_people(actor, id).await?;
        let user = actor.user()?.clone();
        if !ready.connector.user_authentication {
            return Err(Error::conflict(
                "On this connector people do not authenticate for themselves. An administrator can switch that on.",
            ));
        }
        self.by_hand(actor)?;
        let return_to = if return_to.is_empty() { super::super::console::MINE.to_owned() } else { return_to };
        let asked = Asked { return_to, ..Asked::default() };
        self.begin(actor, &ready, Owner::Person(user), Permission::ReadWorkspace, asked).await
    }

    /// Ends what a person authorized; it is taken back at the provider, where that is offered.
    ///
    /// # Errors
    /// `NotFound`, also when there is nothing to end.
    pub(crate) async fn disconnect_mine(&self, actor: &Actor, id: &ConnectorId) -> Result<()> {
        let ready = self.ready_for_people(actor, id).await?;
        let owner = Owner::Person(actor.user()?.clone());
        let holder = Holder::Connector(id.clone());
        let spec = self.client_spec(&ready).ok();
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let place = (&holder, &owner);
        let workspace = &ready.connector.workspace_id;
        let ended =
            self.0.broker.end(&mut tx, actor, workspace, place, spec.as_ref(), "disconnected").await?;
        if ended.is_none() {
            return Err(not_found());
        }
        values::forget(&mut tx, id, Some(&owner)).await?;
        Ok(tx.commit().await?)
    }
}
