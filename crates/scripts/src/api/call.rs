use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Extension, FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode};
use gatehouse_types::{Error, Kind, Origin, Result, ScriptRunId};
use gatehouse_web::{ApiResult, ErrorBody, Json, NeverStored, Path};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::Scripts;

/// What a function returned.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScriptCallResult)]
pub(crate) struct CallOut {
    /// Its result, any JSON.
    #[schema(value_type = Value)]
    result: Box<RawValue>,
    /// The run, to find it again in the list of runs.
    #[schema(value_type = String)]
    run_id: ScriptRunId,
    /// Milliseconds that the function took.
    duration_ms: f64,
}

/// How long the body of a call may take to come.
const BODY: Duration = Duration::from_secs(30);

/// The body, once it is known that it is wanted.
async fn body(request: Request) -> Result<Bytes> {
    let body = tokio::time::timeout(BODY, Bytes::from_request(request, &())).await.map_err(|_| {
        Error::invalid_request(format!("The body did not come within {} seconds.", BODY.as_secs()))
    })?;
    body.map_err(|e| match e.status() == StatusCode::PAYLOAD_TOO_LARGE {
        true => Error::new(Kind::PayloadTooLarge, "The arguments of a call have at most 6 MB."),
        false => Error::invalid_request("The body could not be read to its end."),
    })
}

/// The arguments: a JSON object; an empty body is one without members.
fn arguments(body: &Bytes) -> Result<Box<RawValue>> {
    let text = std::str::from_utf8(body).map_err(|_| Error::invalid_request("The body must be UTF-8."))?;
    let text = if text.trim().is_empty() { "{}" } else { text };
    let value: Box<RawValue> = serde_json::from_str(text).map_err(|e| {
        Error::invalid_request(format!(
            "The body is not valid JSON: look at line {}, column {}.",
            e.line(),
            e.column()
        ))
    })?;
    match value.get().trim_start().starts_with('{') {
        true => Ok(value),
        false => {
            Err(Error::validation("body", "The body must be a JSON object: the arguments by their names."))
        }
    }
}

/// Call a function of a deployed script with one of the script's keys, in the header `X-api-key`.
#[utoipa::path(post, operation_id = "callScriptFunction", path = "/api/public/scripts/{id}/functions/{name}", tag = "Public API",
    params(("id" = String, Path), ("name" = String, Path)), security(()), request_body = Object, responses(
    (status = 200, body = CallOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "It is not deployed", body = ErrorBody), (status = 413, body = ErrorBody),
    (status = 429, description = "The key is tried at another script too often", body = ErrorBody),
    (status = 422, description = "The function failed: `script_error` with its traceback", body = ErrorBody),
    (status = 503, description = "No replica is free", body = ErrorBody),
    (status = 504, description = "It took longer than its execution timeout", body = ErrorBody),
))]
pub(crate) async fn call(
    State(scripts): State<Scripts>,
    Extension(origin): Extension<Origin>,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
    request: Request,
) -> ApiResult<(Extension<NeverStored>, Json<CallOut>)> {
    let key = headers.get("x-api-key").map(|v| v.to_str().unwrap_or_default());
    let admitted = scripts.may_call(&origin, key, &id, &name).await?;
    let called = admitted.call(arguments(&body(request).await?)?).await?;
    let out = CallOut {
        result: called.result,
        run_id: called.run,
        duration_ms: (called.duration.as_secs_f64() * 1e6).round() / 1e3,
    };
    Ok((Extension(NeverStored), Json(out)))
}
