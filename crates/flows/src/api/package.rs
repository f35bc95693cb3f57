use axum::extract::State;
use gatehouse_identity::{Caller, require};
use gatehouse_types::Permission;
use gatehouse_web::{ApiResult, Created, ErrorBody, Json, Path};

use super::flows::{FlowOut, flow_id};
use crate::Flows;
use crate::model::package::Package;

/// Export a flow: its draft without secrets, and what it needs by name.
#[utoipa::path(post, operation_id = "exportFlow", path = "/api/v1/flows/{id}/export", tag = "Flows", params(("id" = String, Path)), responses(
    (status = 200, body = Package), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn export(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<Package>> {
    require(&flows.0.store, &actor, Permission::ManageFlows, Some(format!("flow:{id}"))).await?;
    Ok(Json(flows.export(&actor, &flow_id(&id)?).await?))
}

/// Make a flow of an exported one. What it needs and is not here, by id, by `mapping` or by name, is told as `missing` and
/// blocks a deployment.
#[utoipa::path(post, operation_id = "importFlow", path = "/api/v1/flows/import", tag = "Flows", request_body = Package, responses(
    (status = 201, body = FlowOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn import(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Json(package): Json<Package>,
) -> ApiResult<Created<FlowOut>> {
    Ok(Created(flows.import(&actor, package).await?.into()))
}
