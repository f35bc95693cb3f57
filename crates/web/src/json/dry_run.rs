use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gatehouse_types::{DryRun, Error, Origin};
use http_body_util::BodyExt;
use serde::de::IgnoredAny;

use super::error::ApiError;
use super::query::query_flag;

/// Middleware for `?dryRun=true` on mutating methods under `/api/`: puts a collector into the request's `Origin` and
/// wraps a successful answer, without its cookies. Failures pass as they are. [`crate::edge()`] includes it.
pub async fn dry_run(mut request: Request, next: Next) -> Response {
    if request.method().is_safe() || !request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    match query_flag(request.uri().query(), "dryRun") {
        Ok(false) => next.run(request).await,
        Err(e) => ApiError(e).into_response(),
        Ok(true) => {
            let trial = DryRun::default();
            match request.extensions_mut().get_mut::<Origin>() {
                Some(origin) => origin.dry_run = Some(trial.clone()),
                // without the collector the change would take place
                None => return ApiError(Error::internal("dryRun outside the edge")).into_response(),
            }
            wrap(next.run(request).await, &trial).await
        }
    }
}

async fn wrap(response: Response, trial: &DryRun) -> Response {
    if !response.status().is_success() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(e) => return ApiError(Error::internal(e)).into_response(),
    };
    match wrapped(&bytes, trial) {
        Ok(body) => {
            parts.status = StatusCode::OK;
            for name in [header::SET_COOKIE, header::CONTENT_LENGTH, header::LOCATION, header::ETAG] {
                parts.headers.remove(name);
            }
            parts.headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
            Response::from_parts(parts, Body::from(body))
        }
        Err(e) => ApiError(Error::internal(e)).into_response(),
    }
}

/// The body is spliced in as it is, so that its fields keep their order.
fn wrapped(body: &[u8], trial: &DryRun) -> serde_json::Result<String> {
    let effects = serde_json::to_string(&trial.effects())?;
    let result = if body.is_empty() { b"null" } else { body };
    serde_json::from_slice::<IgnoredAny>(result)?;
    Ok(format!(r#"{{"dryRun":true,"result":{},"effects":{effects}}}"#, String::from_utf8_lossy(result)))
}
