use axum::Extension;
use axum::extract::State;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{Page, Permission, Timestamp, UserId, WebhookId};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, NeverStored, PageParams, Paging, Path};
use serde::{Deserialize, Serialize};

use super::deliveries::DeliveryOut;
use crate::Events;
use crate::model::{Status, Webhook};
use crate::service::webhooks::Change;

/// A webhook to make.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = WebhookIn)]
pub(crate) struct WebhookIn {
    /// Where events are posted; https.
    url: String,
    /// Kinds of events as the audit log names them: `user.offboarded`, `membership.*`, `*`.
    events: Vec<String>,
    /// One line of at most 200 characters.
    description: Option<String>,
}

/// What to change of a webhook; only what is given changes.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = WebhookChange)]
pub(crate) struct ChangeIn {
    /// Where events are posted; https.
    url: Option<String>,
    /// Kinds of events.
    events: Option<Vec<String>>,
    /// One line of at most 200 characters.
    description: Option<String>,
    /// `active` or `disabled`.
    status: Option<String>,
}

/// A program of the company's that is told of events.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub(crate) struct WebhookOut {
    #[schema(value_type = String)]
    id: WebhookId,
    url: String,
    description: String,
    events: Vec<String>,
    status: Status,
    /// Why it was switched off by itself.
    disabled_reason: Option<String>,
    /// Since when every delivery failed.
    failing_since: Option<Timestamp>,
    /// Until when the secret before signs beside the new one.
    former_secret_until: Option<Timestamp>,
    version: i64,
    created_by: Option<String>,
    /// The person who answers for it; `null`: nobody in particular. It stays when people leave.
    #[schema(value_type = Option<String>)]
    responsible_id: Option<UserId>,
    created_at: Timestamp,
    /// The last try.
    last_used_at: Option<Timestamp>,
}

impl From<Webhook> for WebhookOut {
    fn from(w: Webhook) -> Self {
        Self {
            id: w.id,
            url: w.url,
            description: w.description,
            events: w.events,
            status: w.status,
            disabled_reason: w.disabled_reason,
            failing_since: w.failing_since,
            former_secret_until: w.former_until,
            version: w.version,
            created_by: w.created_by,
            responsible_id: w.responsible,
            created_at: w.created_at,
            last_used_at: w.last_used_at,
        }
    }
}

/// A webhook with its secret, which is told this once.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = NewWebhook)]
pub(crate) struct NewWebhookOut {
    webhook: WebhookOut,
    /// `whsec_…`, for checking signatures (Standard Webhooks).
    secret: String,
}

type Once = (Extension<NeverStored>, Json<NewWebhookOut>);

/// Make a webhook. It is told of what happens from now on.
#[utoipa::path(post, operation_id = "createWebhook", path = "/api/v1/webhooks", tag = "Webhooks", request_body = WebhookIn, responses(
    (status = 200, body = NewWebhookOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn create(
    State(events): State<Events>,
    Caller(actor): Caller,
    Json(input): Json<WebhookIn>,
) -> ApiResult<Once> {
    let new = Change {
        url: Some(input.url),
        description: input.description,
        events: Some(input.events),
        status: None,
    };
    let (webhook, secret) = events.make(&actor, new).await?;
    let out = NewWebhookOut { webhook: webhook.into(), secret: secret.expose().to_owned() };
    Ok((Extension(NeverStored), Json(out)))
}

/// List the workspace's webhooks, the latest first.
#[utoipa::path(get, operation_id = "listWebhooks", path = "/api/v1/webhooks", tag = "Webhooks", params(PageParams), responses(
    (status = 200, body = Page<WebhookOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(events): State<Events>,
    Caller(actor): Caller,
    Paging(page): Paging<25>,
) -> ApiResult<Json<Page<WebhookOut>>> {
    Ok(Json(events.webhooks(&actor, page).await?.map(Into::into)))
}

/// Get a webhook, without its secret.
#[utoipa::path(get, operation_id = "getWebhook", path = "/api/v1/webhooks/{id}", tag = "Webhooks", params(("id" = String, Path)), responses(
    (status = 200, body = WebhookOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(events): State<Events>,
    Caller(actor): Caller,
    Path(id): Path<WebhookId>,
) -> ApiResult<Json<WebhookOut>> {
    Ok(Json(events.webhook(&actor, &id).await?.into()))
}

/// Change a webhook. One that is switched on again is told of what happens from then on.
#[utoipa::path(put, operation_id = "updateWebhook", path = "/api/v1/webhooks/{id}", tag = "Webhooks", params(("id" = String, Path)), request_body = ChangeIn, responses(
    (status = 200, body = WebhookOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn update(
    State(events): State<Events>,
    Caller(actor): Caller,
    Path(id): Path<WebhookId>,
    Json(input): Json<ChangeIn>,
) -> ApiResult<Json<WebhookOut>> {
    // who may not is told so before what is wrong with the values
    require(&events.0.store, &actor, Permission::ManageWebhooks, Some(format!("webhook:{id}"))).await?;
    let status = input.status.as_deref().map(str::parse).transpose()?;
    let change = Change { url: input.url, description: input.description, events: input.events, status };
    Ok(Json(events.change(&actor, &id, change).await?.into()))
}

/// Delete a webhook with its deliveries.
#[utoipa::path(delete, operation_id = "deleteWebhook", path = "/api/v1/webhooks/{id}", tag = "Webhooks", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn delete(
    State(events): State<Events>,
    Caller(actor): Caller,
    Path(id): Path<WebhookId>,
) -> ApiResult<Deleted> {
    events.remove(&actor, &id).await?;
    Ok(Deleted::done())
}

/// Send a made-up event (`webhook.test`) now; the answer tells how it went.
#[utoipa::path(post, operation_id = "testWebhook", path = "/api/v1/webhooks/{id}/test", tag = "Webhooks", params(("id" = String, Path)), responses(
    (status = 200, body = DeliveryOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "It is switched off", body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn test(
    State(events): State<Events>,
    Caller(actor): Caller,
    Path(id): Path<WebhookId>,
) -> ApiResult<Json<DeliveryOut>> {
    Ok(Json(events.test(&actor, &id).await?.into()))
}

/// Give a webhook a new secret. The one before signs beside it for a day, so that nothing is refused meanwhile.
#[utoipa::path(post, operation_id = "rollWebhookSecret", path = "/api/v1/webhooks/{id}/roll-secret", tag = "Webhooks", params(("id" = String, Path)), responses(
    (status = 200, body = NewWebhookOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn rotate(
    State(events): State<Events>,
    Caller(actor): Caller,
    Path(id): Path<WebhookId>,
) -> ApiResult<Once> {
    let (webhook, secret) = events.roll_secret(&actor, &id).await?;
    let out = NewWebhookOut { webhook: webhook.into(), secret: secret.expose().to_owned() };
    Ok((Extension(NeverStored), Json(out)))
}
