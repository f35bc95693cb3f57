use axum::Extension;
use axum::extract::State;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{OwnerKind, Page, Permission, ScimScope, ScimTokenId, Timestamp, UserId};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, NeverStored, PageParams, Paging, Path, Query};
use serde::{Deserialize, Serialize};

use crate::Scim;
use crate::model::{Dialect, ScimToken, TokenStatus, Wanted};
use crate::service::tokens::NewToken;

/// The token to make.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScimTokenIn)]
pub(crate) struct TokenIn {
    /// At most 128 characters, unlike the names of the workspace's other tokens.
    name: String,
    /// Of `users:read`, `users:write`, `groups:read`, `groups:write`; without it the first two.
    scopes: Option<Vec<String>>,
    /// 1 to 3650; without it the token does not expire.
    expires_in_days: Option<i64>,
}

/// A token of an identity provider, without its value.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScimToken)]
pub(crate) struct TokenOut {
    #[schema(value_type = String)]
    id: ScimTokenId,
    name: String,
    /// The beginning of the value.
    #[schema(example = "scim_abc1...****")]
    masked_value: String,
    status: TokenStatus,
    scopes: Vec<&'static str>,
    created_at: Timestamp,
    /// The person who made it.
    created_by: Option<String>,
    /// `service`: it is the company's and stays when people leave.
    owner_kind: &'static str,
    /// The person who answers for it; `null`: nobody in particular.
    #[schema(value_type = Option<String>)]
    responsible_id: Option<UserId>,
    /// `null`: it does not expire.
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    /// To the minute.
    last_used_at: Option<Timestamp>,
    /// When the provider last called with it or changed something; `null`: never.
    last_sync_at: Option<Timestamp>,
    /// When it last changed something, or was refused to, in the last 90 days.
    last_change_at: Option<Timestamp>,
    /// Which provider speaks with it, judged by the name of its client and the form of its requests.
    dialect: Option<Dialect>,
    /// Whether it was used, but not for two days.
    silent: bool,
}

impl TokenOut {
    pub(crate) fn of(token: ScimToken, changed: Option<Timestamp>, now: Timestamp) -> Self {
        Self {
            last_sync_at: token.last_used_at.max(changed),
            last_change_at: changed,
            silent: token.is_silent(now),
            dialect: token.dialect,
            status: token.status(now),
            scopes: token.scopes.iter().map(ScimScope::as_str).collect(),
            id: token.id,
            name: token.name,
            masked_value: token.masked,
            created_at: token.created_at,
            created_by: token.created_by,
            owner_kind: OwnerKind::Service.as_str(),
            responsible_id: token.responsible,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// A new token; its value is told this once.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewScimToken)]
pub(crate) struct NewTokenOut {
    token: TokenOut,
    /// The value for the identity provider. Only its digest is kept.
    plain_value: String,
}

/// Make a token with which an identity provider keeps the directory of this workspace.
#[utoipa::path(post, operation_id = "createScimToken", path = "/api/v1/scim/tokens", tag = "SCIM", request_body = TokenIn, responses(
    (status = 200, body = NewTokenOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn create(
    State(scim): State<Scim>,
    Caller(actor): Caller,
    Json(input): Json<TokenIn>,
) -> ApiResult<(Extension<NeverStored>, Json<NewTokenOut>)> {
    let new = NewToken { name: input.name, scopes: input.scopes, expires_in_days: input.expires_in_days };
    let made = scim.make_token(&actor, new).await?;
    let token = TokenOut::of(made.token, None, scim.0.store.now());
    let plain_value = made.value.expose().to_owned();
    Ok((Extension(NeverStored), Json(NewTokenOut { token, plain_value })))
}

/// Which tokens to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListIn {
    /// `active`, `revoked` or `expired`.
    status: Option<String>,
    /// A part of the name.
    name: Option<String>,
}

/// List the workspace's SCIM tokens, the latest first.
#[utoipa::path(get, operation_id = "listScimTokens", path = "/api/v1/scim/tokens", tag = "SCIM", params(ListIn, PageParams), responses(
    (status = 200, body = Page<TokenOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(scim): State<Scim>,
    Caller(actor): Caller,
    Paging(page): Paging<25>,
    Query(input): Query<ListIn>,
) -> ApiResult<Json<Page<TokenOut>>> {
    // who may not is told so before what is wrong with the values
    require(&scim.0.store, &actor, Permission::ManageScim, None).await?;
    let status = input.status.as_deref().map(str::parse).transpose()?;
    let found = scim.tokens(&actor, Wanted { status, name: input.name }, page).await?;
    let (changes, now) = (scim.last_changes(&actor).await?, scim.0.store.now());
    Ok(Json(found.map(|token| {
        let changed = changes.get(&token.id).copied();
        TokenOut::of(token, changed, now)
    })))
}

/// Get a SCIM token, without its value.
#[utoipa::path(get, operation_id = "getScimToken", path = "/api/v1/scim/tokens/{id}", tag = "SCIM", params(("id" = String, Path)), responses(
    (status = 200, body = TokenOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(scim): State<Scim>,
    Caller(actor): Caller,
    Path(id): Path<ScimTokenId>,
) -> ApiResult<Json<TokenOut>> {
    let token = scim.token(&actor, &id).await?;
    let changed = scim.last_changes(&actor).await?.get(&token.id).copied();
    Ok(Json(TokenOut::of(token, changed, scim.0.store.now())))
}

/// Take a SCIM token back: calls with it are refused at once.
#[utoipa::path(post, operation_id = "revokeScimToken", path = "/api/v1/scim/tokens/{id}/revoke", tag = "SCIM", params(("id" = String, Path)), responses(
    (status = 200, body = TokenOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn revoke(
    State(scim): State<Scim>,
    Caller(actor): Caller,
    Path(id): Path<ScimTokenId>,
) -> ApiResult<Json<TokenOut>> {
    let token = scim.revoke_token(&actor, &id).await?;
    let changed = scim.last_changes(&actor).await?.get(&token.id).copied();
    Ok(Json(TokenOut::of(token, changed, scim.0.store.now())))
}

/// Remove a SCIM token for good.
#[utoipa::path(delete, operation_id = "deleteScimToken", path = "/api/v1/scim/tokens/{id}", tag = "SCIM", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn delete(
    State(scim): State<Scim>,
    Caller(actor): Caller,
    Path(id): Path<ScimTokenId>,
) -> ApiResult<Deleted> {
    scim.delete_token(&actor, &id).await?;
    Ok(Deleted::done())
}
