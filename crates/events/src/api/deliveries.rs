use axum::extract::State;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{DeliveryId, Page, Permission, Timestamp, WebhookId};
use gatehouse_web::{ApiResult, ErrorBody, Json, PageParams, Paging, Path, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Events;
use crate::model::{Delivery, State as DeliveryState};

/// One event on its way to a webhook.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookDelivery)]
pub(crate) struct DeliveryOut {
    #[schema(value_type = String)]
    id: DeliveryId,
    /// The `webhook-id` of the request: the same for every try, and for a redelivery.
    event_id: String,
    /// The kind of event.
    event: String,
    state: DeliveryState,
    attempts: i64,
    /// When it is tried next.
    next_attempt_at: Option<Timestamp>,
    /// The status of the last answer.
    last_status: Option<i64>,
    /// Why there was no answer.
    last_error: Option<String>,
    /// How long the last try took, in milliseconds.
    took_ms: Option<i64>,
    created_at: Timestamp,
    ended_at: Option<Timestamp>,
}

impl From<Delivery> for DeliveryOut {
    fn from(d: Delivery) -> Self {
        Self {
            id: d.id,
            event_id: d.event_id,
            event: d.event,
            state: d.state,
            attempts: d.attempts,
            next_attempt_at: d.next_at,
            last_status: d.last_status,
            last_error: d.last_error,
            took_ms: d.took_ms,
            created_at: d.created_at,
            ended_at: d.ended_at,
        }
    }
}

/// Which deliveries to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListIn {
    /// `pending`, `delivered` or `failed`.
    state: Option<String>,
}

/// List what a webhook was told during the last 30 days, the latest first.
#[utoipa::path(get, operation_id = "listWebhookDeliveries", path = "/api/v1/webhooks/{id}/deliveries", tag = "Webhooks", params(("id" = String, Path), ListIn, PageParams), responses(
    (status = 200, body = Page<DeliveryOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(events): State<Events>,
    Caller(actor): Caller,
    Path(id): Path<WebhookId>,
    Paging(page): Paging<25>,
    Query(input): Query<ListIn>,
) -> ApiResult<Json<Page<DeliveryOut>>> {
    // who may not is told so before what is wrong with the values
    require(&events.0.store, &actor, Permission::ManageWebhooks, Some(format!("webhook:{id}"))).await?;
    let state = input.state.as_deref().map(str::parse).transpose()?;
    Ok(Json(events.deliveries(&actor, &id, state, page).await?.map(Into::into)))
}

/// A delivery with what is sent.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookDeliveryDetails)]
pub(crate) struct DetailsOut {
    #[serde(flatten)]
    delivery: DeliveryOut,
    /// The body of the request; without its `details` for whoever does not read the audit log, `null` when there is
    /// nothing to send any more.
    #[schema(value_type = Option<Object>)]
    payload: Option<Value>,
}

/// Get a delivery with what is sent.
#[utoipa::path(get, operation_id = "getWebhookDelivery", path = "/api/v1/webhooks/{id}/deliveries/{delivery_id}", tag = "Webhooks",
    params(("id" = String, Path), ("delivery_id" = String, Path)), responses(
    (status = 200, body = DetailsOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(events): State<Events>,
    Caller(actor): Caller,
    Path((id, delivery)): Path<(WebhookId, DeliveryId)>,
) -> ApiResult<Json<DetailsOut>> {
    let (delivery, payload) = events.delivery(&actor, &id, &delivery).await?;
    Ok(Json(DetailsOut { delivery: delivery.into(), payload }))
}

/// Send an event once more, now; the answer tells how it went.
#[utoipa::path(post, operation_id = "redeliverWebhook", path = "/api/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver", tag = "Webhooks",
    params(("id" = String, Path), ("delivery_id" = String, Path)), responses(
    (status = 200, body = DeliveryOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "It is switched off", body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn redeliver(
    State(events): State<Events>,
    Caller(actor): Caller,
    Path((id, delivery)): Path<(WebhookId, DeliveryId)>,
) -> ApiResult<Json<DeliveryOut>> {
    Ok(Json(events.redeliver(&actor, &id, &delivery).await?.into()))
}
