use axum::extract::State;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{ApiAppId, Page, Permission, Timestamp, UserId};
use gatehouse_web::{ApiResult, Created, Deleted, ErrorBody, Json, PageParams, Paging, Path, Query};
use serde::{Deserialize, Deserializer, Serialize};

use crate::ApiKeys;
use crate::model::{App, AppStatus, Quota, Rate};
use crate::service::apps::{AppChange, LimitsChange};
use crate::service::usage::{AppUsage, DAYS};
use crate::store::usage::Sum;

/// A value that may be given as null: taken away, or left as it is when it is not given.
#[expect(clippy::option_option, reason = "not given, given as null, given")]
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    d: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(d).map(Some)
}

/// An API app to make.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiAppIn)]
pub(crate) struct AppIn {
    /// One line of 1 to 100 characters, unlike every other app's.
    name: String,
    /// What its keys may; see `GET /api/v1/api-scopes`.
    #[serde(default)]
    scopes: Vec<String>,
    /// Networks that calls may come from, like `203.0.113.0/24`; anywhere when empty.
    networks: Option<Vec<String>>,
    rate_limit: Option<Rate>,
    quota: Option<Quota>,
}

/// What to change of an API app; only what is given changes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiAppChange)]
pub(crate) struct ChangeIn {
    name: Option<String>,
    scopes: Option<Vec<String>>,
    /// Scopes that are to go: they still open, and uses of them are told apart, so that nothing breaks unseen.
    watched_scopes: Option<Vec<String>>,
    /// `active` or `disabled`.
    status: Option<String>,
    /// Who answers for it from now on: the id of a member whose role may manage API apps.
    #[schema(value_type = Option<String>)]
    responsible: Option<UserId>,
    networks: Option<Vec<String>>,
    /// null takes it away.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Rate>)]
    rate_limit: Option<Option<Rate>>,
    /// null takes it away.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Quota>)]
    quota: Option<Option<Quota>>,
}

/// A program that calls, and what its keys may.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiApp)]
pub(crate) struct AppOut {
    #[schema(value_type = String)]
    id: ApiAppId,
    name: String,
    scopes: Vec<String>,
    watched_scopes: Vec<String>,
    status: AppStatus,
    networks: Vec<String>,
    rate_limit: Option<Rate>,
    quota: Option<Quota>,
    /// Always `service`: an app is the company's.
    owner_kind: &'static str,
    /// Who answers for it.
    responsible: Option<String>,
    version: i64,
    /// How many keys it has.
    key_count: i64,
    created_by: Option<String>,
    /// The name of who made it.
    created_by_name: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// When one of its keys was last used.
    last_used_at: Option<Timestamp>,
}

impl From<App> for AppOut {
    fn from(a: App) -> Self {
        Self {
            id: a.id,
            name: a.name,
            scopes: a.scopes,
            watched_scopes: a.watched,
            status: a.status,
            networks: a.limits.networks.iter().map(ToString::to_string).collect(),
            rate_limit: a.limits.rate,
            quota: a.limits.quota,
            owner_kind: "service",
            responsible: a.responsible,
            version: a.version,
            key_count: a.keys,
            created_by: a.created_by,
            created_by_name: a.created_by_name,
            created_at: a.created_at,
            updated_at: a.updated_at,
            last_used_at: a.last_used_at,
        }
    }
}

/// Make an API app.
#[utoipa::path(post, operation_id = "createApiApp", path = "/api/v1/api-apps", tag = "API apps", request_body = AppIn, responses(
    (status = 201, body = AppOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn create(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Json(input): Json<AppIn>,
) -> ApiResult<Created<AppOut>> {
    let limits = LimitsChange {
        networks: input.networks,
        rate: input.rate_limit.map(Some),
        quota: input.quota.map(Some),
    };
    let new =
        AppChange { name: Some(input.name), scopes: Some(input.scopes), limits, ..AppChange::default() };
    Ok(Created(keys.make_app(&actor, new).await?.into()))
}

/// Which apps to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListIn {
    /// A part of the name.
    name: Option<String>,
}

/// List the workspace's API apps, the latest first.
#[utoipa::path(get, operation_id = "listApiApps", path = "/api/v1/api-apps", tag = "API apps", params(ListIn, PageParams), responses(
    (status = 200, body = Page<AppOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Paging(page): Paging<25>,
    Query(input): Query<ListIn>,
) -> ApiResult<Json<Page<AppOut>>> {
    Ok(Json(keys.apps(&actor, input.name.as_deref(), page).await?.map(Into::into)))
}

/// Get an API app.
#[utoipa::path(get, operation_id = "getApiApp", path = "/api/v1/api-apps/{id}", tag = "API apps", params(("id" = String, Path)), responses(
    (status = 200, body = AppOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Path(id): Path<ApiAppId>,
) -> ApiResult<Json<AppOut>> {
    Ok(Json(keys.app(&actor, &id).await?.into()))
}

/// Change an API app: for all its keys, at once. A trial run (`?dryRun=true`) tells which keys used a scope that goes.
#[utoipa::path(put, operation_id = "updateApiApp", path = "/api/v1/api-apps/{id}", tag = "API apps", params(("id" = String, Path)), request_body = ChangeIn, responses(
    (status = 200, body = AppOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn update(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Path(id): Path<ApiAppId>,
    Json(input): Json<ChangeIn>,
) -> ApiResult<Json<AppOut>> {
    // who may not is told so before what is wrong with the values
    let object = Some(format!("api-app:{id}"));
    require(&keys.0.store, &actor, Permission::ManageApps, object).await?;
    let change = AppChange {
        name: input.name,
        scopes: input.scopes,
        watched: input.watched_scopes,
        status: input.status.as_deref().map(str::parse).transpose()?,
        responsible: input.responsible,
        limits: LimitsChange { networks: input.networks, rate: input.rate_limit, quota: input.quota },
    };
    Ok(Json(keys.change_app(&actor, &id, change).await?.into()))
}

/// Delete an API app with its keys, which stop at once. Owners alone do it.
#[utoipa::path(delete, operation_id = "deleteApiApp", path = "/api/v1/api-apps/{id}", tag = "API apps", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn delete(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Path(id): Path<ApiAppId>,
) -> ApiResult<Deleted> {
    keys.delete_app(&actor, &id).await?;
    Ok(Deleted::done())
}

/// How often something was done during the last 90 days.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiUse)]
pub(crate) struct UseOut {
    /// The scope; absent for calls that asked for none, or for one that the app has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// The key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    allowed: i64,
    refused: i64,
    last_used_at: Timestamp,
}

/// What an app's keys did.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiAppUsage)]
pub(crate) struct UsageOut {
    /// How many days are looked at.
    days: i64,
    by_scope: Vec<UseOut>,
    /// The hundred keys that did most.
    by_key: Vec<UseOut>,
    /// Scopes that no key used: they could go.
    unused_scopes: Vec<String>,
    /// Scopes under watch.
    watched_scopes: Vec<String>,
}

fn of_scope(s: Sum) -> UseOut {
    UseOut {
        scope: Some(s.of).filter(|s| !s.is_empty()),
        key_id: None,
        name: None,
        allowed: s.allowed,
        refused: s.refused,
        last_used_at: s.last_at,
    }
}

fn of_key(s: Sum) -> UseOut {
    UseOut {
        scope: None,
        key_id: Some(s.of),
        name: s.name,
        allowed: s.allowed,
        refused: s.refused,
        last_used_at: s.last_at,
    }
}

impl From<AppUsage> for UsageOut {
    fn from(u: AppUsage) -> Self {
        Self {
            days: DAYS,
            by_scope: u.by_scope.into_iter().map(of_scope).collect(),
            by_key: u.by_key.into_iter().map(of_key).collect(),
            unused_scopes: u.unused,
            watched_scopes: u.watched,
        }
    }
}

/// See what an app's keys did during the last 90 days, and which of its scopes nobody used.
#[utoipa::path(get, operation_id = "getApiAppUsage", path = "/api/v1/api-apps/{id}/usage", tag = "API apps", params(("id" = String, Path)), responses(
    (status = 200, body = UsageOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn usage(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Path(id): Path<ApiAppId>,
) -> ApiResult<Json<UsageOut>> {
    Ok(Json(keys.app_usage(&actor, &id).await?.into()))
}

/// A key that fell silent.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SilentApiKey)]
pub(crate) struct SilentOut {
    key_id: String,
    name: String,
    app_name: String,
    last_used_at: Option<Timestamp>,
}

/// Keys that fell silent.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SilentApiKeys)]
pub(crate) struct SilentsOut {
    data: Vec<SilentOut>,
}

/// List keys that were not used for 30 days, the oldest first; at most a hundred.
#[utoipa::path(get, operation_id = "listSilentApiKeys", path = "/api/v1/silent-api-keys", tag = "API apps", responses(
    (status = 200, body = SilentsOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn silent(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
) -> ApiResult<Json<SilentsOut>> {
    let found = keys.silent_keys(&actor).await?;
    let out = found.into_iter().map(|s| SilentOut {
        key_id: s.key,
        name: s.name,
        app_name: s.app,
        last_used_at: s.last_used_at,
    });
    Ok(Json(SilentsOut { data: out.collect() }))
}
