//! Connectors changed and removed, with everything that ends by it: what was authorized or is under way, links, sessions.

use std::collections::BTreeSet;

use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, ConnectorId, Id, OwnerKind, Result};
use serde_json::{Value, json};

use super::connectors::{chosen, free, names, owner};
use super::guards::{kept_at_home, only_theirs, origins};
use super::spec::{Ready, spec_of};
use super::view::{View, own_owner, way};
use crate::connectors::model::connector::{Connector, checked_name};
use crate::connectors::model::fields::{Given, Values, spoken};
use crate::connectors::model::known::{Known, no_user_authentication};
use crate::connectors::store::{connectors, links, values};
use crate::grants::requests;
use crate::{Connect, Holder, Owner, uses};

/// What to change; only what is given changes.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) auth_id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) owner_kind: Option<OwnerKind>,
    pub(crate) given: Given,
}

/// What an entry of the audit log tells: no value of any field.
pub(crate) async fn record(
    tx: &mut Tx,
    actor: &Actor,
    event: &'static str,
    c: &Connector,
    more: &Value,
) -> Result<()> {
    let mut details =
        json!({"name": c.name, "type": c.type_id, "authType": c.auth_id, "ownerKind": c.owner_kind});
    for (key, value) in more.as_object().into_iter().flatten() {
        details[key] = value.clone();
    }
    Ok(audit::record(tx, actor, Event::success(event, ("connector", c.id.as_str()), details)).await?)
}

impl Connect {
    /// Changes a connector. What was authorized as another client ends.
    ///
    /// # Errors
    /// `Validation` names the field, also a secret that would go to another host; `NotFound`; `Conflict` for a name that is
    /// taken and for another person's own.
    pub(crate) async fn change_connector(
        &self,
        actor: &Actor,
        id: &ConnectorId,
        change: Change,
    ) -> Result<View> {
        let (mut tx, mut connector, known) = self.lock_connector(actor, id).await?;
        self.change_in(&mut tx, actor, &mut connector, &known, change).await?;
        tx.commit().await?;
        self.sessions_end(id);
        self.view(connector).await
    }

    /// The change itself, in the caller's transaction.
    pub(crate) async fn change_in(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        connector: &mut Connector,
        known: &Known,
        change: Change,
    ) -> Result<()> {
        only_theirs(actor, connector)?;
        let before = self.values_of(tx, connector).await?;
        let former = connector.clone();
        if let Some(auth_id) = &change.auth_id {
            connector.auth_id = chosen(known, Some(auth_id))?.id.to_string();
        }
        let auth = way(known, connector)?;
        let values = before.with(known, auth, &change.given)?;
        let old = origins(known, way(known, &former)?, &before);
        let new = origins(known, auth, &values);
        kept_at_home((&old, &before), (&new, &values), (known, auth), &change.given)?;
        if let Some(name) = &change.name {
            connector.name = checked_name(name)?;
            free(tx, &connector.workspace_id, &connector.name, Some(&connector.id)).await?;
        }
        if let Some(kind) = change.owner_kind.filter(|kind| *kind != connector.owner_kind) {
            let user = actor.user().ok().cloned();
            connector.owner_kind = kind;
            connector.owner_id = owner(kind, user.as_ref())?;
            connector.responsible = user.filter(|_| kind == OwnerKind::Service);
        }
        if no_user_authentication(auth).is_some() {
            connector.user_authentication = false;
        }
        let mut details = json!({"changed": changed((&former, &before), (connector, &values)),
            "hosts": new});
        let is_other = former.auth_id != connector.auth_id || before.is_other_client(&values);
        if is_other || own_owner(&former) != own_owner(connector) {
            // what was authorized is taken back as the client that it was
            self.end_grants(tx, actor, &former, known, &before, "the connector was changed").await?;
            let revoked = links::revoke_of(tx, &connector.id).await?;
            if revoked > 0 {
                details["reconnectLinksRevoked"] = json!(revoked);
            }
        }
        values::forget(tx, &connector.id, None).await?;
        connector.updated_at = self.0.store.now();
        connectors::update(tx, connector, &values).await?;
        connector.version += 1;
        connector.tested = None;
        connector.plain.clone_from(&values.plain);
        connector.secret_names = names(&values);
        connector.expiry.clone_from(&values.expiry);
        record(tx, actor, "connector.updated", connector, &details).await
    }

    /// Removes a connector; what was authorized through it ends. Another person's own may be removed by those who manage
    /// connectors, and that is all they may.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn remove_connector(&self, actor: &Actor, id: &ConnectorId) -> Result<()> {
        let uses = self.uses_of(actor.workspace()?, &Holder::Connector(id.clone())).await?;
        let (mut tx, connector, known) = self.lock_connector(actor, id).await?;
        let values = self.values_of(&mut tx, &connector).await?;
        self.end_grants(&mut tx, actor, &connector, &known, &values, "the connector was deleted").await?;
        connectors::delete(&mut tx, &connector.id).await?;
        let more = json!({"flows": uses::details(&uses)});
        record(&mut tx, actor, "connector.deleted", &connector, &more).await?;
        tx.commit().await?;
        if actor.origin.dry_run.is_none() {
            self.sessions_end(id);
        }
        Ok(())
    }

    /// Ends everything that was authorized through a connector, the workspace's own and people's, and what is under way.
    async fn end_grants(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        connector: &Connector,
        known: &Known,
        values: &Values,
        why: &'static str,
    ) -> Result<()> {
        let holder = Holder::Connector(connector.id.clone());
        requests::forget_for(tx, &holder).await?;
        let grants = self.0.broker.states(tx, &connector.workspace_id, &holder).await?;
        if grants.is_empty() {
            return Ok(());
        }
        let ready = Ready { connector: connector.clone(), known: known.clone(), values: values.clone() };
        // without an address nothing is revoked there, and it ends here all the same
        let spec = spec_of(&self.0.store, &self.0.public_url, &ready).ok().flatten();
        for grant in grants {
            let owner = grant.person_id.map_or(Owner::Service, Owner::Person);
            let place = (&holder, &owner);
            self.0.broker.end(tx, actor, &connector.workspace_id, place, spec.as_ref(), why).await?;
        }
        Ok(())
    }

    /// Forgets the session of a connector that is another one now.
    fn sessions_end(&self, id: &ConnectorId) {
        drop(self.0.sessions.forget(id));
    }
}

/// The names of what changed, as the API calls them.
fn changed(
    (former, before): (&Connector, &Values),
    (connector, values): (&Connector, &Values),
) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut note = |differs: bool, name: &str| all.extend(differs.then(|| name.to_owned()));
    note(former.name != connector.name, "name");
    note(former.auth_id != connector.auth_id, "authType");
    note(former.owner_kind != connector.owner_kind, "ownerKind");
    let keys = |of: &Values| of.plain.keys().chain(of.secret.keys()).cloned().collect::<BTreeSet<_>>();
    for key in &keys(before) | &keys(values) {
        note(before.get(&key) != values.get(&key), &format!("fields.{}", spoken(&key)));
    }
    let keys = |of: &Values| of.expiry.keys().cloned().collect::<BTreeSet<_>>();
    for key in &keys(before) | &keys(values) {
        note(before.expiry.get(&key) != values.expiry.get(&key), &format!("expiry.{}", spoken(&key)));
    }
    all
}
