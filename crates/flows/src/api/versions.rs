use axum::extract::State;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{Error, Page, Permission, Timestamp};
use gatehouse_web::{ApiResult, ErrorBody, Json, PageParams, Paging, Path};
use serde::Serialize;
use serde_json::Value;

use super::flows::flow_id;
use crate::Flows;
use crate::model::flow::{ListedVersion, Version};
use crate::store::ANSWER_BYTES;

/// A definition as it was deployed.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FlowVersion)]
pub(crate) struct VersionOut {
    /// From 1.
    number: Option<i64>,
    /// `null` in a list whose definitions would have more than 4 MiB together: ask for fewer at once, or for this one.
    #[schema(value_type = Option<Object>)]
    definition: Option<Value>,
    /// SHA-256 of the definition in canonical JSON.
    sha256: String,
    created_by: Option<String>,
    created_at: Timestamp,
}

impl From<Version> for VersionOut {
    fn from(v: Version) -> Self {
        Self {
            number: v.number,
            definition: Some(v.definition),
            sha256: v.digest,
            created_by: v.created_by,
            created_at: v.created_at,
        }
    }
}

impl From<ListedVersion> for VersionOut {
    fn from(v: ListedVersion) -> Self {
        Self {
            number: Some(v.number),
            definition: v.definition,
            sha256: v.digest,
            created_by: v.created_by,
            created_at: v.created_at,
        }
    }
}

/// List the versions of a flow that were deployed, the latest first.
#[utoipa::path(get, operation_id = "listFlowVersions", path = "/api/v1/flows/{id}/versions", tag = "Flows", params(("id" = String, Path), PageParams), responses(
    (status = 200, body = Page<VersionOut>), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Paging(page): Paging<25>,
) -> ApiResult<Json<Page<VersionOut>>> {
    require(&flows.0.store, &actor, Permission::UseFlows, Some(format!("flow:{id}"))).await?;
    Ok(Json(flows.versions(&actor, &flow_id(&id)?, page, ANSWER_BYTES).await?.map(Into::into)))
}

/// Get a version of a flow that was deployed.
#[utoipa::path(get, operation_id = "getFlowVersion", path = "/api/v1/flows/{id}/versions/{number}", tag = "Flows", params(("id" = String, Path), ("number" = String, Path)), responses(
    (status = 200, body = VersionOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Path((id, number)): Path<(String, String)>,
) -> ApiResult<Json<VersionOut>> {
    require(&flows.0.store, &actor, Permission::UseFlows, Some(format!("flow:{id}"))).await?;
    let unknown = || Error::not_found("Flow version");
    let id = flow_id(&id).map_err(|_| unknown())?;
    let number = number.parse().map_err(|_| unknown())?;
    Ok(Json(flows.version(&actor, &id, number).await?.into()))
}
