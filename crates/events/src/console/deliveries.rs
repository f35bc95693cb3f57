//! One delivery: how it went, and what was sent.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{DeliveryId, WebhookId};
use gatehouse_web::{HtmlResult, Page, PageContext, Path, SeeOther, Tone, VerifiedForm, View, When};

use super::webhook::refused;
use super::{Nothing, PATH, TITLE, answer, frame, path_of, told, went};
use crate::Events;
use crate::model::{State as DeliveryState, Status};
use crate::service::webhooks::host;

#[derive(askama::Template)]
#[template(path = "events/delivery.html")]
struct DeliveryPage {
    page: Page,
    path: String,
    state: &'static str,
    tone: Tone,
    event: String,
    /// The `webhook-id`.
    event_id: String,
    attempts: i64,
    answer: String,
    took: String,
    at: When,
    ended: Option<When>,
    next: Option<When>,
    payload: String,
    may_send: bool,
}

/// The page.
pub(super) async fn show(
    State(events): State<Events>,
    Visitor(actor): Visitor,
    Path((id, delivery)): Path<(WebhookId, DeliveryId)>,
    context: PageContext,
) -> HtmlResult<Response> {
    let (found, payload) = events.delivery(&actor, &id, &delivery).await?;
    let webhook = events.webhook(&actor, &id).await?;
    let (state, tone) = told(found.state);
    let mut page = frame(&context).under(TITLE, PATH);
    page = page.under(host(&webhook.url).unwrap_or_default(), path_of(&id));
    page.title = format!("Delivery of {}", found.event);
    let view = DeliveryPage {
        page,
        path: format!("{}/deliveries/{delivery}", path_of(&id)),
        state,
        tone,
        answer: answer(&found),
        took: found.took_ms.map(|ms| format!("{ms} ms")).unwrap_or_default(),
        event_id: found.event_id,
        attempts: found.attempts,
        at: found.created_at.into(),
        ended: found.ended_at.map(When::from),
        next: found.next_at.filter(|_| found.state == DeliveryState::Pending).map(When::from),
        event: found.event,
        payload: payload.map(|p| format!("{p:#}")).unwrap_or_default(),
        may_send: webhook.status == Status::Active,
    };
    Ok(View(view).into_response())
}

/// Sends the event once more, and says how it went.
pub(super) async fn redeliver(
    State(events): State<Events>,
    Visitor(actor): Visitor,
    Path((id, delivery)): Path<(WebhookId, DeliveryId)>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    match events.redeliver(&actor, &id, &delivery).await {
        Ok(again) => Ok(SeeOther::to(path_of(&id)).saying(went(&again))),
        Err(e) => refused(&id, e),
    }
}
