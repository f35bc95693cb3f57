//! Reconnect links: a member without the right to manage connectors connects one of them anew, once.

use gatehouse_catalogue::{AuthKind, Field};
use gatehouse_identity::require;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{
    Actor, ConnectorId, ConnectorLinkId, Error, Id, Kind, Page, PageRequest, Permission, Result, Secret,
    digest, random_token,
};
use serde_json::json;
use url::Url;

use super::change::Change;
use super::connectors::{not_found, object};
use super::spec::Ready;
use super::view::{View, gone as type_gone, own_owner};
use crate::connectors::model::connector::Connector;
use crate::connectors::model::fields::Given;
use crate::connectors::model::known::fields;
use crate::connectors::store::connectors;
use crate::connectors::store::links::{self, Link};
use crate::{Asked, Connect, Owner};

/// A link lives this many days when nothing else is said.
const DEFAULT_DAYS: i64 = 7;
/// A link lives this many days at most.
const MAX_DAYS: i64 = 30;
/// Live links of one connector at most.
const MAX_LIVE: i64 = 10;
/// Where links lead.
pub(crate) const PATH: &str = "/reconnect";
/// The length of a token: 32 random bytes in base64url.
const TOKEN_LENGTH: usize = 43;

/// A link that was just made; its address is told this once.
#[derive(Debug)]
pub(crate) struct NewLink {
    pub(crate) link: Link,
    pub(crate) url: Secret,
}

/// What a link's holder does with it.
#[derive(Debug)]
pub(crate) enum Reconnected {
    /// The browser goes there to consent.
    Consent(Url),
    /// The new values are kept.
    Kept(Box<View>),
}

fn gone() -> Error {
    let message = "This link opens nothing: it is mistyped, over, used, or was taken back. Ask whoever sent it for a new one.";
    Error::new(Kind::NotFound, message)
}

async fn record(tx: &mut Tx, actor: &Actor, event: &'static str, link: &Link) -> Result<()> {
    let details = json!({"linkId": link.id, "expiresAt": link.expires_at});
    let event = Event::success(event, ("connector", link.connector_id.as_str()), details);
    Ok(audit::record(tx, actor, event).await?)
}

/// Uses a link up in the transaction that keeps what was consented to, its connector locked before; says whether it still
/// opened something: of two consents by one link the first counts.
pub(crate) async fn use_up(tx: &mut Tx, actor: &Actor, connector: &ConnectorId, link: &str) -> Result<bool> {
    let Ok(id) = link.parse::<ConnectorLinkId>() else { return Ok(false) };
    if !links::take(tx, &id).await? {
        return Ok(false);
    }
    let event = Event::success(
        "connector.reconnect-link-used",
        ("connector", connector.as_str()),
        json!({"linkId": id}),
    );
    audit::record(tx, actor, event).await?;
    Ok(true)
}

impl Connect {
    /// Makes a link with which any member of the workspace connects one connector anew, once.
    ///
    /// # Errors
    /// `NotFound`; `Validation` for a time outside 1 to 30 days; `Conflict` for a person's own connector or too many links.
    pub(crate) async fn make_reconnect_link(
        &self,
        actor: &Actor,
        id: &ConnectorId,
        days: Option<i64>,
    ) -> Result<NewLink> {
        let store = &self.0.store;
        let (mut tx, connector, _) = self.lock_connector(actor, id).await?;
        let days = days.unwrap_or(DEFAULT_DAYS);
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(Error::validation("expiresInDays", "expiresInDays must be between 1 and 30."));
        }
        company(&connector)?;
        let now = store.now();
        if links::live(&mut tx, id, now).await? >= MAX_LIVE {
            return Err(Error::conflict("A connector has at most 10 live reconnect links. Revoke one."));
        }
        let token = random_token(&**store.random());
        let link = Link {
            id: store.ids().make(),
            workspace_id: connector.workspace_id.clone(),
            connector_id: id.clone(),
            created_by: actor.user().ok().map(ToString::to_string),
            created_at: now,
            expires_at: now.plus_seconds(days * 86_400),
            revoked_at: None,
            used_at: None,
        };
        links::insert(&mut tx, &link, &digest(token.expose())).await?;
        record(&mut tx, actor, "connector.reconnect-link-created", &link).await?;
        tx.commit().await?;
        let url = self.0.public_url.join(&format!("{PATH}/{}", token.expose()));
        Ok(NewLink { link, url: Secret::new(url) })
    }

    /// One page of a connector's links, the latest first.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn reconnect_links(
        &self,
        actor: &Actor,
        id: &ConnectorId,
        page: PageRequest,
    ) -> Result<Page<Link>> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageConnectors, object(id)).await?;
        let mut reader = store.reader();
        connectors::find(&mut reader, workspace, id).await?.ok_or_else(not_found)?;
        let (found, total) = links::page(&mut reader, workspace, id, page).await?;
        Ok(Page::new(found, page, total))
    }

    /// Takes a link back. One that was taken back before stays so.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn revoke_reconnect_link(
        &self,
        actor: &Actor,
        id: &ConnectorId,
        link: &ConnectorLinkId,
    ) -> Result<()> {
        let (mut tx, connector, _) = self.lock_connector(actor, id).await?;
        let was_live = links::revoke(&mut tx, &connector.workspace_id, id, link).await?;
        if was_live.ok_or_else(|| Error::not_found("Reconnect link"))? {
            let details = json!({"linkId": link});
            let event =
                Event::success("connector.reconnect-link-revoked", ("connector", id.as_str()), details);
            audit::record(&mut tx, actor, event).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The connector that a link opens for a member of its workspace, and the secret fields that are asked when nobody's
    /// consent is.
    ///
    /// # Errors
    /// `NotFound`, the same for a wrong, an expired, a used and a revoked link, and for members of other workspaces.
    pub(crate) async fn by_reconnect_link(
        &self,
        actor: &Actor,
        token: &str,
    ) -> Result<(Link, Ready, Vec<Field>)> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ReadWorkspace, None).await?;
        if token.len() != TOKEN_LENGTH {
            return Err(gone());
        }
        let found = links::open(&mut store.reader(), &digest(token), store.now()).await?;
        let link = found.filter(|link| link.workspace_id == *workspace).ok_or_else(gone)?;
        let ready = self.ready(workspace, &link.connector_id).await?;
        let auth = ready.auth()?;
        let asked = match auth.kind {
            AuthKind::Oauth2Code => Vec::new(),
            _ => fields(&ready.known, auth).filter(|f| f.secret).cloned().collect(),
        };
        Ok((link, ready, asked))
    }

    /// Uses a link: the browser leaves to consent, and the link is used up when what was consented to is kept; or the new
    /// secrets are kept.
    ///
    /// # Errors
    /// As [`Connect::by_reconnect_link`]; `Validation` names the field; `RateLimited` and `Conflict`, which use nothing up.
    pub(crate) async fn use_reconnect_link(
        &self,
        actor: &Actor,
        token: &str,
        given: Vec<(String, Secret)>,
    ) -> Result<Reconnected> {
        let (link, ready, asked) = self.by_reconnect_link(actor, token).await?;
        self.by_hand(actor)?;
        if ready.auth()?.kind == AuthKind::Oauth2Code {
            company(&ready.connector)?;
            // whoever holds the link may end what it began; what does not come to its end uses nothing up
            let right = Permission::ReadWorkspace;
            let asked = Asked { return_to: "/".to_owned(), link: Some(link.id), ..Asked::default() };
            let url = self.begin(actor, &ready, Owner::Service, right, asked).await?;
            return Ok(Reconnected::Consent(url));
        }
        // a blank one stays as it is
        let values = given
            .into_iter()
            .filter(|(key, value)| !value.is_empty() && asked.iter().any(|field| field.key.as_str() == key));
        let values = values.map(|(key, value)| (key, Some(value))).collect::<Vec<_>>();
        if values.is_empty() {
            return Err(Error::validation("fields", "Enter the new values."));
        }
        let (mut tx, mut connector) = self.take_link(actor, &link).await?;
        let known =
            self.known(&mut tx, &link.workspace_id, &connector.type_id).await?.ok_or_else(type_gone)?;
        let change = Change { given: Given { values, expiry: Vec::new() }, ..Change::default() };
        self.change_in(&mut tx, actor, &mut connector, &known, change).await?;
        tx.commit().await?;
        self.view(connector).await.map(Box::new).map(Reconnected::Kept)
    }

    /// A link used up in a transaction of its own, its connector locked first: a change meanwhile may have taken it back.
    async fn take_link(&self, actor: &Actor, link: &Link) -> Result<(Tx, Connector)> {
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let connector = connectors::lock(&mut tx, &link.workspace_id, &link.connector_id).await?;
        let connector = connector.ok_or_else(gone)?;
        company(&connector)?;
        if !links::take(&mut tx, &link.id).await? {
            return Err(gone());
        }
        record(&mut tx, actor, "connector.reconnect-link-used", link).await?;
        Ok((tx, connector))
    }
}

/// Links are for the company's connectors alone.
fn company(connector: &Connector) -> Result<()> {
    match own_owner(connector).person() {
        None => Ok(()),
        Some(_) => Err(Error::conflict("This connector is a person's own: only that person connects it.")),
    }
}
