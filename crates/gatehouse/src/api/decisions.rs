use axum::extract::State;
use gatehouse_identity::{Caller, require};
use gatehouse_store::decisions::{self, Decision};
use gatehouse_types::{DecisionId, Error, Permission};
use gatehouse_web::{ApiResult, ErrorBody, Json, Path};

use crate::App;

/// Explain a refusal: the checks that passed, the one that failed, and what to do.
#[utoipa::path(get, operation_id = "getDecision", path = "/api/v1/decisions/{id}", tag = "Decisions", params(("id" = String, Path)), responses(
    (status = 200, body = Decision), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<DecisionId>,
) -> ApiResult<Json<Decision>> {
    let object = Some(format!("decision:{id}"));
    let workspace = require(app.store(), &actor, Permission::ExplainDecisions, object).await?;
    let found = decisions::find(app.store(), workspace, &id).await.map_err(Error::from)?;
    Ok(Json(found.ok_or_else(|| Error::not_found("Decision"))?))
}
