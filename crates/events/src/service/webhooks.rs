//! Webhooks: made, changed, tested, and what they were told.

use gatehouse_identity::require;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event, heads};
use gatehouse_types::{
    Actor, DeliveryId, Error, Id, Page, PageRequest, Permission, Result, Secret, WebhookId, WorkspaceId,
};
use serde_json::{Value as Json, json};

use crate::Events;
use crate::model::{Delivery, State, Status, Webhook, checked_description, checked_events, checked_url};
use crate::signature::new_secret;
use crate::store::{deliveries, webhooks};

/// Webhooks of a workspace at most.
const MAX_WEBHOOKS: u64 = 20;
/// How long a secret signs beside its follower, in seconds (a day).
const OVERLAP_SECONDS: i64 = 86_400;
/// The event of a test.
pub(crate) const TEST: &str = "webhook.test";

/// What to make, or to change; only what is given changes.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) url: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) events: Option<Vec<String>>,
    pub(crate) status: Option<Status>,
}

fn not_found() -> Error {
    Error::not_found("Webhook")
}

fn object(id: &WebhookId) -> Option<String> {
    Some(format!("webhook:{id}"))
}

async fn record(tx: &mut Tx, actor: &Actor, event: &'static str, w: &Webhook) -> Result<()> {
    let details = json!({"host": host(&w.url), "events": w.events, "status": w.status});
    Ok(audit::record(tx, actor, Event::success(event, ("webhook", w.id.as_str()), details)).await?)
}

/// Of an address only the host: the rest may hold a secret.
pub(crate) fn host(url: &str) -> Option<String> {
    url::Url::parse(url).ok()?.host_str().map(str::to_owned)
}

impl Events {
    /// Makes a webhook. It is told of what happens from now on; the secret is told this once.
    ///
    /// # Errors
    /// `Validation`; `Conflict` for too many; `Authorization` without the right.
    pub(crate) async fn make(&self, actor: &Actor, new: Change) -> Result<(Webhook, Secret)> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageWebhooks, None).await?;
        let secret = new_secret(&**store.random());
        let mut tx = store.begin(&actor.origin).await?;
        let (_, total) = webhooks::page(&mut tx, workspace, PageRequest::new(1, 1)?).await?;
        if u64::try_from(total).unwrap_or_default() >= MAX_WEBHOOKS {
            return Err(Error::conflict("A workspace has at most 20 webhooks. Delete one that is not used."));
        }
        let webhook = Webhook {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            version: 1,
            url: checked_url(new.url.as_deref().unwrap_or_default())?,
            description: checked_description(new.description.as_deref().unwrap_or_default())?,
            events: checked_events(new.events.unwrap_or_default())?,
            status: Status::Active,
            disabled_reason: None,
            position: heads::current(&mut tx, workspace.as_str()).await?.0,
            former_until: None,
            created_by: actor.user().ok().map(ToString::to_string),
            responsible: actor.user().ok().cloned(),
            created_at: store.now(),
            last_used_at: None,
            failing_since: None,
        };
        webhooks::insert(&mut tx, &webhook, &secret).await?;
        record(&mut tx, actor, "webhook.created", &webhook).await?;
        tx.commit().await?;
        Ok((webhook, secret))
    }

    /// One page of the workspace's webhooks, the latest first.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn webhooks(&self, actor: &Actor, page: PageRequest) -> Result<Page<Webhook>> {
        let workspace = require(&self.0.store, actor, Permission::ManageWebhooks, None).await?;
        let (found, total) = webhooks::page(&mut self.0.store.reader(), workspace, page).await?;
        Ok(Page::new(found, page, total))
    }

    /// A webhook of the workspace.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn webhook(&self, actor: &Actor, id: &WebhookId) -> Result<Webhook> {
        let workspace = require(&self.0.store, actor, Permission::ManageWebhooks, object(id)).await?;
        webhooks::find(&mut self.0.store.reader(), workspace, id).await?.ok_or_else(not_found)
    }

    async fn lock(&self, actor: &Actor, id: &WebhookId) -> Result<(WorkspaceId, Tx, Webhook)> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageWebhooks, object(id)).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let found = webhooks::find(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        Ok((workspace.clone(), tx, found))
    }

    /// Changes a webhook. One that is switched on again is told of what happens from then on.
    ///
    /// # Errors
    /// `Validation`; `NotFound`; `Authorization` without the right.
    pub(crate) async fn change(&self, actor: &Actor, id: &WebhookId, change: Change) -> Result<Webhook> {
        let (workspace, mut tx, mut webhook) = self.lock(actor, id).await?;
        if let Some(url) = change.url {
            webhook.url = checked_url(&url)?;
        }
        if let Some(description) = change.description {
            webhook.description = checked_description(&description)?;
        }
        if let Some(events) = change.events {
            webhook.events = checked_events(events)?;
        }
        if let Some(status) = change.status.filter(|s| *s != webhook.status) {
            webhook.status = status;
            webhook.disabled_reason = None;
            webhook.failing_since = None;
            if status == Status::Active {
                webhook.position = heads::current(&mut tx, workspace.as_str()).await?.0;
            }
        }
        webhooks::update(&mut tx, &webhook).await?;
        webhook.version += 1;
        record(&mut tx, actor, "webhook.updated", &webhook).await?;
        tx.commit().await?;
        Ok(webhook)
    }

    /// Gives a webhook a new secret, told this once; the one before signs beside it for a day.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn roll_secret(&self, actor: &Actor, id: &WebhookId) -> Result<(Webhook, Secret)> {
        let (workspace, mut tx, webhook) = self.lock(actor, id).await?;
        let store = &self.0.store;
        let secret = new_secret(&**store.random());
        webhooks::roll(&mut tx, id, &secret, store.now().plus_seconds(OVERLAP_SECONDS)).await?;
        record(&mut tx, actor, "webhook.secret-rolled", &webhook).await?;
        let webhook = webhooks::find(&mut tx, &workspace, id).await?.ok_or_else(not_found)?;
        tx.commit().await?;
        Ok((webhook, secret))
    }

    /// Removes a webhook with what it was told.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn remove(&self, actor: &Actor, id: &WebhookId) -> Result<()> {
        let (_, mut tx, webhook) = self.lock(actor, id).await?;
        webhooks::delete(&mut tx, id).await?;
        record(&mut tx, actor, "webhook.deleted", &webhook).await?;
        Ok(tx.commit().await?)
    }

    /// One page of what a webhook was told, the latest first.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn deliveries(
        &self,
        actor: &Actor,
        id: &WebhookId,
        state: Option<State>,
        page: PageRequest,
    ) -> Result<Page<Delivery>> {
        self.webhook(actor, id).await?;
        let (found, total) = deliveries::page(&mut self.0.store.reader(), id, state, page).await?;
        Ok(Page::new(found, page, total))
    }

    /// A delivery with what was sent, or will be: `None` when there is nothing to send any more. Whoever does not read the
    /// audit log does not read it here either: they see the payload without its `details`.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn delivery(
        &self,
        actor: &Actor,
        id: &WebhookId,
        delivery: &DeliveryId,
    ) -> Result<(Delivery, Option<Json>)> {
        let webhook = self.webhook(actor, id).await?;
        let found = deliveries::find(&mut self.0.store.reader(), id, delivery).await?;
        let found = found.ok_or_else(|| Error::not_found("Delivery"))?;
        let mut payload = self.payload(&webhook.workspace_id, &found).await?;
        if !actor.may(Permission::ReadAudit)
            && let Some(details) = payload.as_mut().and_then(|p| p.pointer_mut("/data/details"))
        {
            *details = json!("[redacted: it takes the right audit:read]");
        }
        Ok((found, payload))
    }

    /// Sends a made-up event at once and tells how it went.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for one that is switched off; `RateLimited`; `Authorization` without the right.
    pub(crate) async fn test(&self, actor: &Actor, id: &WebhookId) -> Result<Delivery> {
        let (workspace, mut tx, webhook) = self.lock(actor, id).await?;
        self.by_hand(&workspace, &webhook)?;
        let event_id = format!("test_{}", self.0.store.ids().uuid().simple());
        let delivery = deliveries::insert(&mut tx, &workspace, id, &event_id, TEST).await?;
        tx.commit().await?;
        self.send_now(actor, &workspace, delivery).await
    }

    /// Sends an event once more, at once, and tells how it went.
    ///
    /// # Errors
    /// As [`Events::test`].
    pub(crate) async fn redeliver(
        &self,
        actor: &Actor,
        id: &WebhookId,
        delivery: &DeliveryId,
    ) -> Result<Delivery> {
        let (workspace, mut tx, webhook) = self.lock(actor, id).await?;
        let found = deliveries::find(&mut tx, id, delivery).await?;
        let found = found.ok_or_else(|| Error::not_found("Delivery"))?;
        self.by_hand(&workspace, &webhook)?;
        let again = deliveries::insert(&mut tx, &workspace, id, &found.event_id, &found.event).await?;
        tx.commit().await?;
        self.send_now(actor, &workspace, again).await
    }

    fn by_hand(&self, workspace: &WorkspaceId, webhook: &Webhook) -> Result<()> {
        if webhook.status != Status::Active {
            return Err(Error::conflict("This webhook is switched off. Switch it on first."));
        }
        self.0.by_hand.require(workspace.as_str())
    }

    /// Sends at once; a trial run sends nothing.
    async fn send_now(&self, actor: &Actor, workspace: &WorkspaceId, d: Delivery) -> Result<Delivery> {
        if actor.origin.dry_run.is_some() {
            return Ok(d);
        }
        let (webhook, id) = (d.webhook_id.clone(), d.id.clone());
        self.send(workspace, d).await?;
        let found = deliveries::find(&mut self.0.store.reader(), &webhook, &id).await?;
        found.ok_or_else(|| Error::not_found("Delivery"))
    }
}
