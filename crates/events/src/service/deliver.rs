//! From the audit log to the company's programs: collect, send, try again, give up.

use std::time::{Duration, Instant};

use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use gatehouse_identity::SendMail;
use gatehouse_outbound::{Limits, OutboundRequest};
use gatehouse_store::audit::{self, Event, Wanted};
use gatehouse_store::mails::NewMail;
use gatehouse_types::{Actor, AuditEventId, Error, Id, Origin, Result, Secret, WorkspaceId};
use serde_json::{Value as Json, json};
use url::Url;

use super::webhooks::TEST;
use crate::Events;
use crate::model::{Delivery, RETRIES, State, Status, Webhook};
use crate::signature::signatures;
use crate::store::{deliveries, webhooks};

/// Webhooks that are brought up to date in one run.
const BEHIND: i64 = 200;
/// Entries of a log that are looked at in one step.
const AT_ONCE: i64 = 500;
/// Deliveries that are started of one webhook at once; further ones when these have ended.
const EACH: i64 = 4;
/// The same of one that failed the last time: nothing is lost while it is silent.
const EACH_FAILING: i64 = 1;
/// How long one run goes on while something is under way; what has not ended then goes on by itself.
const RUN: Duration = Duration::from_secs(10);
/// How often a run looks for new entries and for what fell due, while something is under way.
const LOOK: Duration = Duration::from_millis(500);
/// How long a program may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a delivery that is under way is left alone by other servers, in seconds.
const TAKEN_SECONDS: i64 = 40;
/// The most that is read of an answer, in bytes.
const MAX_ANSWER: usize = 4 * 1024;
/// After how many seconds of nothing but failures a webhook is switched off (5 days).
const GIVE_UP_SECONDS: i64 = 5 * 86_400;
/// The longest error that is kept, in characters.
const MAX_ERROR: usize = 300;

impl Events {
    /// Everything that is due. Each delivery ends by itself: a program that does not answer keeps no other waiting.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn deliver_due(&self) -> Result<()> {
        let (began, under_way) = (Instant::now(), &self.0.under_way);
        loop {
            for webhook in webhooks::behind(&mut self.0.store.reader(), BEHIND).await? {
                self.collect(&webhook).await?;
            }
            let started = self.start_due(false).await? | self.start_due(true).await?;
            if !started && under_way.is_empty() || began.elapsed() >= RUN {
                return Ok(());
            }
            tokio::select! {
                () = under_way.one_ended() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Starts what is due of programs that answer, or of those that fail, as far as there are places; says whether there
    /// was anything.
    async fn start_due(&self, failing: bool) -> Result<bool> {
        let under_way = &self.0.under_way;
        let (busy, free) = under_way.look(failing);
        if free == 0 {
            return Ok(false);
        }
        let each = if failing { EACH_FAILING } else { EACH };
        let (reader, now) = (&mut self.0.store.reader(), self.0.store.now());
        let (most, mut due) = (i64::try_from(free).unwrap_or(1), Vec::new());
        for webhook in webhooks::with_due(reader, failing, &busy, most, now).await? {
            due.extend(deliveries::due(reader, &webhook, each, now).await?);
        }
        due.truncate(free);
        if due.is_empty() {
            return Ok(false);
        }
        let until = now.plus_seconds(TAKEN_SECONDS);
        let mut tx = self.0.store.begin_always().await?;
        let mut taken = Vec::new();
        for (workspace, delivery) in due {
            if deliveries::take(&mut tx, &delivery, until).await? {
                taken.push((workspace, delivery));
            }
        }
        tx.commit().await?;
        for (workspace, delivery) in taken {
            let (events, place) = (self.clone(), under_way.begin(&delivery.webhook_id, failing));
            tokio::spawn(async move {
                if let Err(error) = events.send(&workspace, delivery).await {
                    tracing::warn!(?error, cause = ?error.cause(), "how a delivery went could not be stored");
                }
                drop(place);
            });
        }
        Ok(true)
    }

    /// Puts what a webhook wants of the log's new entries on its way, and moves its position on, in one transaction.
    async fn collect(&self, webhook: &Webhook) -> Result<()> {
        let chain = webhook.workspace_id.as_str();
        let mut reader = self.0.store.reader();
        let entries = audit::after(&mut reader, chain, &Wanted::default(), webhook.position, AT_ONCE).await?;
        let Some(last) = entries.last() else { return Ok(()) };
        let mut tx = self.0.store.begin_always().await?;
        if !webhooks::move_on(&mut tx, &webhook.id, webhook.position, last.sequence).await? {
            // another server did
            return Ok(tx.rollback().await?);
        }
        for entry in entries.iter().filter(|e| webhook.wants(&e.event)) {
            let id = entry.id.as_str();
            deliveries::insert(&mut tx, &webhook.workspace_id, &webhook.id, id, &entry.event).await?;
        }
        Ok(tx.commit().await?)
    }

    /// One try, and what follows from it.
    pub(crate) async fn send(&self, workspace: &WorkspaceId, mut delivery: Delivery) -> Result<()> {
        let store = &self.0.store;
        let found = webhooks::find(&mut store.reader(), workspace, &delivery.webhook_id).await?;
        let Some(webhook) = found else { return Ok(()) };
        let Some(payload) = self.payload(workspace, &delivery).await? else { return Ok(()) };
        let body = payload.to_string();
        let began = Instant::now();
        let answer = self.post(&webhook, &delivery, &body).await;
        delivery.took_ms = Some(i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX));
        delivery.attempts += 1;
        let now = store.now();
        let is_gone = matches!(answer, Ok(410));
        (delivery.last_status, delivery.last_error) = match answer {
            Ok(status) => (Some(i64::from(status)), None),
            Err(why) => (None, Some(why.chars().take(MAX_ERROR).collect())),
        };
        let good = delivery.last_status.is_some_and(|s| (200..300).contains(&s));
        let next = usize::try_from(delivery.attempts - 1).ok().and_then(|done| RETRIES.get(done));
        // somebody waits for the answer of a test
        let next = next.filter(|_| delivery.event != TEST && !is_gone);
        (delivery.state, delivery.next_at) = match (good, next) {
            (true, _) => (State::Delivered, None),
            (false, Some(pause)) => (State::Pending, Some(now.plus_seconds(*pause))),
            (false, None) => (State::Failed, None),
        };
        delivery.ended_at = (delivery.state != State::Pending).then_some(now);
        let mut tx = store.begin_always().await?;
        deliveries::conclude(&mut tx, &delivery).await?;
        webhooks::note(&mut tx, &webhook.id, good).await?;
        let long = webhook.failing_since.is_some_and(|since| since.plus_seconds(GIVE_UP_SECONDS) <= now);
        if !good && (long || is_gone) {
            let why = if is_gone { "It answered 410: it is gone." } else { "It failed for five days." };
            self.give_up(&mut tx, &webhook, why).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Switches a webhook off and tells the owners.
    async fn give_up(&self, tx: &mut gatehouse_store::Tx, webhook: &Webhook, why: &str) -> Result<()> {
        if !webhooks::give_up(tx, &webhook.id, why).await? {
            return Ok(());
        }
        let workspace = &webhook.workspace_id;
        let origin = Origin::machine(self.0.store.ids().make());
        let actor = Actor::system(origin, Some(workspace.clone()));
        let details = json!({"reason": why, "status": Status::Disabled});
        let event = Event::failure("webhook.disabled", Some(("webhook", webhook.id.as_str())), details);
        audit::record(tx, &actor, event).await?;
        let host =
            Url::parse(&webhook.url).ok().and_then(|u| u.host_str().map(str::to_owned)).unwrap_or_default();
        for owner in self.0.identity.owners(tx, workspace).await? {
            let mail = NewMail {
                to: owner,
                subject: format!("The webhook to {host} was switched off"),
                body: Secret::new(format!(
                    "The webhook to {host} is told of events no more. {why} When it works again, switch it on: what \
                     happens from then on is delivered, and what failed can be delivered again from its log.\n"
                )),
            };
            SendMail::enqueue(tx, Some(workspace), &mail).await?;
        }
        Ok(())
    }

    /// What is sent: type, time and data (Standard Webhooks, "Payload structure"). `None` when the entry is not there.
    pub(crate) async fn payload(&self, workspace: &WorkspaceId, delivery: &Delivery) -> Result<Option<Json>> {
        if delivery.event == TEST {
            let data = json!({"workspaceId": workspace, "message": "Somebody tests this webhook."});
            return Ok(Some(payload(TEST, &delivery.created_at.to_string(), data)));
        }
        let id = AuditEventId::from_stored(delivery.event_id.clone());
        let entry = audit::find(&mut self.0.store.reader(), workspace, &id).await?;
        Ok(entry.map(|e| {
            let data = json!({
                "workspaceId": workspace, "outcome": e.outcome, "details": e.details, "requestId": e.request_id,
                "actor": {"kind": e.actor_kind, "id": e.actor_id},
                "target": {"kind": e.target_kind, "id": e.target_id}, "sequence": e.sequence,
            });
            payload(&e.event, &e.at.to_string(), data)
        }))
    }

    /// One signed POST: the status, or why there is none.
    async fn post(&self, webhook: &Webhook, delivery: &Delivery, body: &str) -> Result<u16, String> {
        let plain = |e: Error| e.to_string();
        let secrets = webhooks::secrets(&self.0.store, &webhook.id).await.map_err(|e| plain(e.into()))?;
        let seconds = self.0.store.now().seconds();
        let signature = signatures(&secrets, &delivery.event_id, seconds, body);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("Gatehouse-Webhooks/1"));
        for (name, value) in [
            ("webhook-id", delivery.event_id.clone()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signature),
        ] {
            let value = HeaderValue::from_str(&value).map_err(|e| e.to_string())?;
            headers.insert(HeaderName::from_static(name), value);
        }
        let url = Url::parse(&webhook.url).map_err(|e| e.to_string())?;
        let limits = Limits {
            max_bytes: MAX_ANSWER,
            timeout: TIMEOUT,
            // what is signed for one address is not carried to another
            max_redirects: 0,
            ..Limits::default()
        };
        let request = OutboundRequest::post(url, body.as_bytes()).with_headers(headers).with_limits(limits);
        match self.0.http.send(request).await {
            Ok(answer) => Ok(answer.status.as_u16()),
            Err(e) => Err(e.to_string()),
        }
    }
}

fn payload(kind: &str, at: &str, data: Json) -> Json {
    json!({"type": kind, "timestamp": at, "data": data})
}
