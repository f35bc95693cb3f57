use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_types::{ControlScope, Page, PageInfo, Timestamp};
use gatehouse_web::{ApiResult, Created, Deleted, ErrorBody, Json, PageParams, Paging, Path};
use serde::{Deserialize, Serialize};

use crate::ApiKeys;
use crate::model::scope::{BUILT_IN, OwnScope};

/// Something that an app may be given.
#[derive(Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiScope)]
pub(crate) struct ScopeOut {
    id: String,
    name: String,
    description: String,
    /// `platform`, `workspace` (of your own product) or `control` (of Gatehouse itself).
    kind: &'static str,
    created_at: Option<Timestamp>,
    created_by: Option<String>,
}

fn own(s: OwnScope) -> ScopeOut {
    ScopeOut {
        id: s.id,
        name: s.name,
        description: s.description,
        kind: "workspace",
        created_at: Some(s.created_at),
        created_by: s.created_by,
    }
}

fn fixed(kind: &'static str, id: &str, name: &str, description: &str) -> ScopeOut {
    let [id, name, description] = [id, name, description].map(str::to_owned);
    ScopeOut { id, name, description, kind, created_at: None, created_by: None }
}

/// The scopes of the platform and of the workspace's own product, page by page, and those of Gatehouse itself.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiScopes)]
pub(crate) struct ScopesOut {
    data: Vec<ScopeOut>,
    pagination: PageInfo,
    control_scopes: Vec<ScopeOut>,
}

/// List what apps may be given: the ten scopes of the platform, then those of the workspace's own product.
#[utoipa::path(get, operation_id = "listApiScopes", path = "/api/v1/api-scopes", tag = "API apps", params(PageParams), responses(
    (status = 200, body = ScopesOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Paging(page): Paging<100>,
) -> ApiResult<Json<ScopesOut>> {
    let mut all: Vec<ScopeOut> =
        BUILT_IN.iter().map(|s| fixed("platform", s.id, s.name, s.description)).collect();
    all.extend(keys.own_scopes(&actor).await?.into_iter().map(own));
    let Page { data, pagination } = Page::of_all(all, page);
    let control = ControlScope::ALL.map(|s| fixed("control", s.as_str(), s.label(), ""));
    Ok(Json(ScopesOut { data, pagination, control_scopes: control.to_vec() }))
}

/// A scope to make.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = ApiScopeIn)]
pub(crate) struct ScopeIn {
    /// Like `orders:read`: small letters, digits, dots, dashes, at most 64 characters.
    id: String,
    name: String,
    description: Option<String>,
}

/// Make a scope of your own product, so that keys for it are judged here too.
#[utoipa::path(post, operation_id = "createApiScope", path = "/api/v1/api-scopes", tag = "API apps", request_body = ScopeIn, responses(
    (status = 201, body = ScopeOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn create(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Json(input): Json<ScopeIn>,
) -> ApiResult<Created<ScopeOut>> {
    let description = input.description.unwrap_or_default();
    Ok(Created(own(keys.make_scope(&actor, &input.id, &input.name, &description).await?)))
}

/// Remove a scope of your own product that no app has.
#[utoipa::path(delete, operation_id = "deleteApiScope", path = "/api/v1/api-scopes/{id}", tag = "API apps", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn delete(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Deleted> {
    keys.delete_scope(&actor, &id).await?;
    Ok(Deleted::done())
}
