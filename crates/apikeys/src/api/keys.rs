use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{ApiAppId, ApiKeyId, Error, OwnerKind, Page, Permission, Timestamp};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, NeverStored, PageParams, Paging, Path};
use serde::{Deserialize, Serialize};

use crate::ApiKeys;
use crate::model::{Key, KeyStatus, Quota, Rate};
use crate::service::apps::LimitsChange;
use crate::service::keys::{MadeKey, NewKey};

/// A key to make.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKeyIn)]
pub(crate) struct KeyIn {
    /// One line of 1 to 100 characters, unlike every other key's of the app.
    name: String,
    /// `service` (the company's; it stays when people leave) or `person` (the caller's own; it ends with them).
    owner_kind: Option<String>,
    /// When it ends.
    expires_at: Option<Timestamp>,
    /// Or in how many days, 1 to 3650.
    expires_in_days: Option<i64>,
    /// Networks that calls may come from; anywhere when empty.
    networks: Option<Vec<String>>,
    rate_limit: Option<Rate>,
    quota: Option<Quota>,
}

/// A key, without its value.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKey)]
pub(crate) struct KeyOut {
    #[schema(value_type = String)]
    id: ApiKeyId,
    #[schema(value_type = String)]
    app_id: ApiAppId,
    name: String,
    /// Its end, which is of its checksum.
    masked_value: String,
    status: KeyStatus,
    /// `service` or `person`.
    #[schema(value_type = String)]
    owner_kind: OwnerKind,
    /// The person it ends with, or who answers for it.
    owner_id: Option<String>,
    networks: Vec<String>,
    rate_limit: Option<Rate>,
    quota: Option<Quota>,
    version: i64,
    expires_at: Option<Timestamp>,
    /// The key that took its place.
    replaced_by: Option<String>,
    created_by: Option<String>,
    created_at: Timestamp,
    /// To the second; a moment behind.
    last_used_at: Option<Timestamp>,
    last_used_ip: Option<String>,
    last_used_scope: Option<String>,
}

impl KeyOut {
    fn of(key: Key, now: Timestamp) -> Self {
        Self {
            status: key.status(now),
            id: key.id,
            app_id: key.app_id,
            name: key.name,
            masked_value: key.masked,
            owner_kind: key.owner_kind,
            owner_id: key.owner_id,
            networks: key.limits.networks.iter().map(ToString::to_string).collect(),
            rate_limit: key.limits.rate,
            quota: key.limits.quota,
            version: key.version,
            expires_at: key.expires_at,
            replaced_by: key.replaced_by,
            created_by: key.created_by,
            created_at: key.created_at,
            last_used_at: key.last_used_at,
            last_used_ip: key.last_ip,
            last_used_scope: key.last_scope,
        }
    }
}

/// A new key; its value is told this once.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewApiKey)]
pub(crate) struct NewKeyOut {
    key: KeyOut,
    /// `gh_…`, for the header `X-API-KEY`. Only its digest is kept.
    plain_value: String,
}

type Once = (StatusCode, Extension<NeverStored>, Json<NewKeyOut>);

fn once(made: MadeKey, now: Timestamp) -> Once {
    let plain_value = made.value.expose().to_owned();
    let out = NewKeyOut { key: KeyOut::of(made.key, now), plain_value };
    (StatusCode::CREATED, Extension(NeverStored), Json(out))
}

fn owner_kind(text: Option<&str>) -> Result<OwnerKind, Error> {
    match text {
        None | Some("service") => Ok(OwnerKind::Service),
        Some("person") => Ok(OwnerKind::Person),
        Some(_) => Err(Error::validation("ownerKind", "The owner kind must be service or person.")),
    }
}

/// Make a key of an app. Its value is told this once. A key cannot be changed afterwards.
#[utoipa::path(post, operation_id = "createApiKey", path = "/api/v1/api-apps/{id}/keys", tag = "API apps", params(("id" = String, Path)), request_body = KeyIn, responses(
    (status = 201, body = NewKeyOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn create(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Path(id): Path<ApiAppId>,
    Json(input): Json<KeyIn>,
) -> ApiResult<Once> {
    // who may not is told so before what is wrong with the values
    let object = Some(format!("api-app:{id}"));
    require(&keys.0.store, &actor, Permission::ManageApps, object).await?;
    let new = NewKey {
        name: input.name,
        owner_kind: owner_kind(input.owner_kind.as_deref())?,
        expires_at: input.expires_at,
        expires_in_days: input.expires_in_days,
        limits: LimitsChange {
            networks: input.networks,
            rate: input.rate_limit.map(Some),
            quota: input.quota.map(Some),
        },
    };
    let made = keys.make_key(&actor, &id, new).await?;
    Ok(once(made, keys.0.store.now()))
}

/// List an app's keys, the latest first.
#[utoipa::path(get, operation_id = "listApiKeys", path = "/api/v1/api-apps/{id}/keys", tag = "API apps", params(("id" = String, Path), PageParams), responses(
    (status = 200, body = Page<KeyOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Path(id): Path<ApiAppId>,
    Paging(page): Paging<25>,
) -> ApiResult<Json<Page<KeyOut>>> {
    let now = keys.0.store.now();
    Ok(Json(keys.keys(&actor, &id, page).await?.map(|k| KeyOut::of(k, now))))
}

/// Get a key, without its value.
#[utoipa::path(get, operation_id = "getApiKey", path = "/api/v1/api-apps/{id}/keys/{key_id}", tag = "API apps",
    params(("id" = String, Path), ("key_id" = String, Path)), responses(
    (status = 200, body = KeyOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Path((id, key)): Path<(ApiAppId, ApiKeyId)>,
) -> ApiResult<Json<KeyOut>> {
    Ok(Json(KeyOut::of(keys.key(&actor, &id, &key).await?, keys.0.store.now())))
}

/// Delete a key; it stops at once.
#[utoipa::path(delete, operation_id = "deleteApiKey", path = "/api/v1/api-apps/{id}/keys/{key_id}", tag = "API apps",
    params(("id" = String, Path), ("key_id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn delete(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Path((id, key)): Path<(ApiAppId, ApiKeyId)>,
) -> ApiResult<Deleted> {
    keys.delete_key(&actor, &id, &key).await?;
    Ok(Deleted::done())
}

/// How a key gives way to a new one.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKeyRotation)]
pub(crate) struct RotateIn {
    /// For how many hours both open, 0 to 720.
    #[schema(minimum = 0, maximum = 720)]
    overlap_hours: i64,
    /// The new one's days, 1 to 3650; without it as many as the old one was made for.
    expires_in_days: Option<i64>,
}

/// Make a key in the place of another one, which goes on for some hours beside it.
#[utoipa::path(post, operation_id = "rotateApiKey", path = "/api/v1/api-apps/{id}/keys/{key_id}/rotate", tag = "API apps",
    params(("id" = String, Path), ("key_id" = String, Path)), request_body = RotateIn, responses(
    (status = 201, body = NewKeyOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn rotate(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Path((id, key)): Path<(ApiAppId, ApiKeyId)>,
    Json(input): Json<RotateIn>,
) -> ApiResult<Once> {
    let made = keys.rotate_key(&actor, &id, &key, input.overlap_hours, input.expires_in_days).await?;
    Ok(once(made, keys.0.store.now()))
}

/// Switch a key off: it opens nothing until it is switched on again.
#[utoipa::path(post, operation_id = "disableApiKey", path = "/api/v1/api-apps/{id}/keys/{key_id}/disable", tag = "API apps",
    params(("id" = String, Path), ("key_id" = String, Path)), responses(
    (status = 200, body = KeyOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn disable(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Path((id, key)): Path<(ApiAppId, ApiKeyId)>,
) -> ApiResult<Json<KeyOut>> {
    Ok(Json(KeyOut::of(keys.switch_key(&actor, &id, &key, false).await?, keys.0.store.now())))
}

/// Switch a key on again.
#[utoipa::path(post, operation_id = "enableApiKey", path = "/api/v1/api-apps/{id}/keys/{key_id}/enable", tag = "API apps",
    params(("id" = String, Path), ("key_id" = String, Path)), responses(
    (status = 200, body = KeyOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn enable(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Path((id, key)): Path<(ApiAppId, ApiKeyId)>,
) -> ApiResult<Json<KeyOut>> {
    Ok(Json(KeyOut::of(keys.switch_key(&actor, &id, &key, true).await?, keys.0.store.now())))
}
