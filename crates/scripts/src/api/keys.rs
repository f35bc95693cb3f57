use axum::extract::{Extension, State};
use gatehouse_identity::{Caller, require};
use gatehouse_types::{Error, Page, Permission, ScriptKeyId, Timestamp};
use gatehouse_web::{
    ApiResult, Created, Deleted, ErrorBody, Json, NeverStored, PageParams, Paging, Path, Query,
};
use serde::{Deserialize, Serialize};

use super::script_id;
use crate::Scripts;
use crate::service::object;
use crate::store::keys::Key;

/// A key to make.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(default)]
#[schema(as = ScriptKeyIn)]
pub(crate) struct KeyIn {
    /// One line of 1 to 100 characters, unlike every other key's of the script; `Secret Key` when nothing is said.
    name: Option<String>,
}

/// A key of a script.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScriptKey)]
pub(crate) struct KeyOut {
    #[schema(value_type = String)]
    id: ScriptKeyId,
    name: String,
    /// Its end, to tell it by.
    masked: String,
    /// Always `service`: it belongs to the script, and stays when people leave.
    owner_kind: &'static str,
    version: i64,
    created_by: String,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

impl From<Key> for KeyOut {
    fn from(k: Key) -> Self {
        Self {
            id: k.id,
            name: k.name,
            masked: k.masked,
            owner_kind: "service",
            version: k.version,
            created_by: k.created_by,
            created_at: k.created_at,
            last_used_at: k.last_used_at,
        }
    }
}

/// A key that was just made.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = NewScriptKey)]
pub(crate) struct NewKeyOut {
    #[serde(flatten)]
    key: KeyOut,
    /// The key itself: told now and never again.
    value: String,
}

/// Which keys to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// In the name, in any case.
    search: Option<String>,
}

/// List a script's keys, by name.
#[utoipa::path(get, operation_id = "listScriptKeys", path = "/api/v1/scripts/{id}/keys", tag = "Scripts", params(("id" = String, Path), PageParams, Asked), responses(
    (status = 200, body = Page<KeyOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Paging(page): Paging<25>,
    Query(asked): Query<Asked>,
) -> ApiResult<Json<Page<KeyOut>>> {
    Ok(Json(scripts.keys(&actor, &script_id(&id)?, asked.search.as_deref(), page).await?.map(Into::into)))
}

/// Make a key that calls the functions of a script. Keys can be made in every status, and work once it is deployed.
#[utoipa::path(post, operation_id = "createScriptKey", path = "/api/v1/scripts/{id}/keys", tag = "Scripts", params(("id" = String, Path)), request_body = KeyIn, responses(
    (status = 201, body = NewKeyOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn create(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Json(input): Json<KeyIn>,
) -> ApiResult<(Extension<NeverStored>, Created<NewKeyOut>)> {
    let (key, value) = scripts.make_key(&actor, &script_id(&id)?, input.name.as_deref()).await?;
    Ok((Extension(NeverStored), Created(NewKeyOut { key: key.into(), value: value.expose().to_owned() })))
}

/// Delete a key; it opens nothing from that moment on.
#[utoipa::path(delete, operation_id = "deleteScriptKey", path = "/api/v1/scripts/{id}/keys/{key_id}", tag = "Scripts", params(("id" = String, Path), ("key_id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn delete(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult<Deleted> {
    let id = script_id(&id)?;
    require(&scripts.0.store, &actor, Permission::ManageScripts, object(&id)).await?;
    let key = key.parse().map_err(|_| Error::not_found("Key"))?;
    scripts.delete_key(&actor, &id, &key).await?;
    Ok(Deleted::done())
}
