use axum::Extension;
use axum::extract::State;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{ConnectorId, ConnectorLinkId, Error, Page, Permission, Timestamp};
use gatehouse_web::{ApiResult, Created, Deleted, ErrorBody, Json, NeverStored, PageParams, Paging, Path};
use serde::{Deserialize, Serialize};

use super::connector_id;
use crate::Connect;
use crate::connectors::store::links::Link;

/// How long a link lives.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReconnectLinkIn)]
pub(crate) struct LinkIn {
    /// 1 to 30, default 7.
    expires_in_days: Option<i64>,
}

/// A link with which any member of the workspace connects one connector anew, once.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReconnectLink)]
pub(crate) struct LinkOut {
    #[schema(value_type = String)]
    id: ConnectorLinkId,
    #[schema(value_type = String)]
    connector_id: ConnectorId,
    /// `active`, `used`, `revoked` or `expired`.
    status: &'static str,
    created_by: Option<String>,
    created_at: Timestamp,
    expires_at: Timestamp,
    used_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

impl LinkOut {
    fn of(link: Link, now: Timestamp) -> Self {
        let status = match (link.used_at, link.revoked_at) {
            (Some(_), _) => "used",
            (None, Some(_)) => "revoked",
            (None, None) if link.expires_at <= now => "expired",
            (None, None) => "active",
        };
        Self {
            id: link.id,
            connector_id: link.connector_id,
            status,
            created_by: link.created_by,
            created_at: link.created_at,
            expires_at: link.expires_at,
            used_at: link.used_at,
            revoked_at: link.revoked_at,
        }
    }
}

/// A new link; its address is told this once.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = NewReconnectLink)]
pub(crate) struct NewLinkOut {
    link: LinkOut,
    /// The address to send. Any member of the workspace who has it can connect this one connector anew, once.
    url: String,
}

/// Make a link with which any member of the workspace connects one connector anew, once: by consent, or with new secrets.
#[utoipa::path(post, operation_id = "createReconnectLink", path = "/api/v1/connectors/{id}/reconnect-links", tag = "Connectors", params(("id" = String, Path)), request_body = LinkIn, responses(
    (status = 201, body = NewLinkOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn create(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Json(input): Json<LinkIn>,
) -> ApiResult<(Extension<NeverStored>, Created<NewLinkOut>)> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, Some(format!("connector:{id}"))).await?;
    let made = connect.make_reconnect_link(&actor, &connector_id(&id)?, input.expires_in_days).await?;
    let link = LinkOut::of(made.link, connect.0.store.now());
    let out = NewLinkOut { link, url: made.url.expose().to_owned() };
    Ok((Extension(NeverStored), Created(out)))
}

/// List a connector's reconnect links, the latest first, without their addresses.
#[utoipa::path(get, operation_id = "listReconnectLinks", path = "/api/v1/connectors/{id}/reconnect-links", tag = "Connectors", params(("id" = String, Path), PageParams), responses(
    (status = 200, body = Page<LinkOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Paging(page): Paging<25>,
) -> ApiResult<Json<Page<LinkOut>>> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, Some(format!("connector:{id}"))).await?;
    let now = connect.0.store.now();
    let found = connect.reconnect_links(&actor, &connector_id(&id)?, page).await?;
    Ok(Json(found.map(|link| LinkOut::of(link, now))))
}

/// Take a reconnect link back. One that was taken back before stays so.
#[utoipa::path(delete, operation_id = "revokeReconnectLink", path = "/api/v1/connectors/{id}/reconnect-links/{link_id}", tag = "Connectors", params(("id" = String, Path), ("link_id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn revoke(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path((id, link)): Path<(String, String)>,
) -> ApiResult<Deleted> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, Some(format!("connector:{id}"))).await?;
    let id = connector_id(&id)?;
    connect.connector(&actor, &id).await?;
    let link = link.parse().map_err(|_| Error::not_found("Reconnect link"))?;
    connect.revoke_reconnect_link(&actor, &id, &link).await?;
    Ok(Deleted::done())
}
