use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use gatehouse_flow::SCHEMA;

/// The JSON Schema (draft 2020-12) of definitions.
#[utoipa::path(get, operation_id = "getFlowSchema", path = "/api/v1/flows/schema", tag = "Flows", security(()), responses(
    (status = 200, description = "A JSON Schema", body = Object),
))]
pub(crate) async fn schema() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], SCHEMA)
}
