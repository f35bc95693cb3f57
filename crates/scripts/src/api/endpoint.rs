use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_web::{ApiResult, ErrorBody, Json, Path, Query};
use serde::{Deserialize, Serialize};

use super::script_id;
use crate::Scripts;
use crate::model::Exposed;

/// For which function.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// The function; the first one when nothing is said.
    function: Option<String>,
}

/// Code that calls a function, to copy. In place of the key stands `YOUR_API_KEY`.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ScriptEndpoint)]
pub(crate) struct EndpointOut {
    /// The address of the function.
    url: String,
    /// The function that the code calls.
    function: String,
    curl: String,
    javascript: String,
    python: String,
    /// All functions that can be called.
    functions: Vec<Exposed>,
}

/// Get the code that calls a deployed script.
#[utoipa::path(get, operation_id = "getScriptEndpoint", path = "/api/v1/scripts/{id}/endpoint", tag = "Scripts", params(("id" = String, Path), Asked), responses(
    (status = 200, body = EndpointOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "Endpoint not activated", body = ErrorBody),
))]
pub(crate) async fn endpoint(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> ApiResult<Json<EndpointOut>> {
    let code = scripts.code(&actor, &script_id(&id)?, asked.function.as_deref()).await?;
    Ok(Json(EndpointOut {
        url: code.url,
        function: code.function,
        curl: code.snippets.curl,
        javascript: code.snippets.javascript,
        python: code.snippets.python,
        functions: code.functions,
    }))
}
