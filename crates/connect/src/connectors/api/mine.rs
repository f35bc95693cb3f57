use axum::Extension;
use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_types::{ConnectorId, Page, Timestamp};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, NeverStored, PageParams, Paging, Path, Query};
use serde::Serialize;

use super::calls::{AuthorizeIn, AuthorizeOut};
use super::connector_id;
use crate::Connect;
use crate::connectors::service::people::Mine;

/// A connector as one person sees it.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OwnConnection)]
pub(crate) struct MineOut {
    #[schema(value_type = String)]
    connector_id: ConnectorId,
    /// What the connector is called.
    name: String,
    /// The id of its type.
    #[serde(rename = "type")]
    kind: String,
    type_name: String,
    /// `connected`, `not_connected`, `failing` or `needs_reauthorization`.
    status: &'static str,
    /// Whether people authenticate for themselves there. If not, what one authorized is not used, and can only be ended.
    enabled: bool,
    /// Why it stands like that.
    status_detail: Option<String>,
    /// What was granted.
    scope: Option<String>,
    authorized_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    /// When it must be authorized again, where that is known.
    ends_at: Option<Timestamp>,
}

impl From<Mine> for MineOut {
    fn from(mine: Mine) -> Self {
        let c = mine.view.connector;
        Self {
            status: status(mine.grant.as_ref()),
            enabled: c.user_authentication,
            status_detail: mine.grant.as_ref().and_then(|g| g.reason.clone()),
            scope: mine.grant.as_ref().and_then(|g| g.scope.clone()),
            authorized_at: mine.grant.as_ref().and_then(|g| g.authorized_at),
            last_used_at: mine.grant.as_ref().and_then(|g| g.last_used_at),
            ends_at: mine.grant.as_ref().and_then(|g| g.refresh_expires_at),
            type_name: mine.view.known.name.clone(),
            connector_id: c.id,
            name: c.name,
            kind: c.type_id,
        }
    }
}

/// How a person's own authorization stands, in a word.
pub(crate) fn status(grant: Option<&crate::GrantView>) -> &'static str {
    use crate::GrantState;
    match grant.map(|g| g.state) {
        None => "not_connected",
        Some(GrantState::Ok) => "connected",
        Some(GrantState::Failing) => "failing",
        Some(GrantState::NeedsReauthorization) => "needs_reauthorization",
    }
}

/// List the connectors that one may authorize for oneself, with what one authorized; also those on which that was switched off
/// since.
#[utoipa::path(get, operation_id = "listOwnConnections", path = "/api/v1/me/connections", tag = "Connectors", params(PageParams), responses(
    (status = 200, body = Page<MineOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
))]
pub(crate) async fn list(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Paging(page): Paging<50>,
) -> ApiResult<Json<Page<MineOut>>> {
    Ok(Json(connect.my_connections(&actor, page).await?.map(Into::into)))
}

/// Begin to authorize a connector for oneself, in the session that asks for it.
#[utoipa::path(post, operation_id = "authorizeOwnConnection", path = "/api/v1/me/connections/{connector_id}/authorize", tag = "Connectors", params(("connector_id" = String, Path), AuthorizeIn), responses(
    (status = 200, body = AuthorizeOut), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "People do not authenticate for themselves there", body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn authorize(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Query(input): Query<AuthorizeIn>,
) -> ApiResult<(Extension<NeverStored>, Json<AuthorizeOut>)> {
    let return_to = input.return_to.unwrap_or_default();
    let url = connect.authorize_mine(&actor, &connector_id(&id)?, return_to).await?;
    Ok((Extension(NeverStored), Json(AuthorizeOut { redirect_url: url.into() })))
}

/// End what one authorized for oneself; it is taken back at the provider, where that is offered.
#[utoipa::path(delete, operation_id = "endOwnConnection", path = "/api/v1/me/connections/{connector_id}", tag = "Connectors", params(("connector_id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn disconnect(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Deleted> {
    connect.disconnect_mine(&actor, &connector_id(&id)?).await?;
    Ok(Deleted::done())
}
