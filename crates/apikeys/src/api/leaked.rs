use axum::extract::State;
use axum::http::StatusCode;
use gatehouse_identity::Anybody;
use gatehouse_types::Error;
use gatehouse_web::{ApiResult, ErrorBody, Json};
use serde::{Deserialize, Serialize};

use crate::ApiKeys;
use crate::service::leaks::MAX_AT_ONCE;

/// Keys that were found in the open.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = LeakedApiKeys)]
pub(crate) struct LeakedIn {
    /// A key.
    key: Option<String>,
    /// Or several, at most 20.
    keys: Option<Vec<String>>,
    /// Where they were found; the owners are told.
    place: Option<String>,
}

/// Taken note of.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = LeakedApiKeysTold)]
pub(crate) struct LeakedOut {
    accepted: bool,
}

/// Tell of keys that were found in the open: those that are any end at once, and their owners are told.
///
/// Needs no sign-in: whoever holds a key can end it. The answer is the same whether a text was a key or not.
#[utoipa::path(post, operation_id = "reportLeakedApiKeys", path = "/api/v1/leaked", tag = "API apps", security(()), request_body = LeakedIn, responses(
    (status = 202, body = LeakedOut), (status = 400, body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn report(
    State(keys): State<ApiKeys>,
    Anybody(actor): Anybody,
    Json(input): Json<LeakedIn>,
) -> ApiResult<(StatusCode, Json<LeakedOut>)> {
    let mut all = input.keys.unwrap_or_default();
    all.extend(input.key);
    if all.is_empty() {
        return Err(Error::validation("key", "key is required.").into());
    }
    if all.len() > MAX_AT_ONCE {
        return Err(Error::validation("keys", "Tell of at most 20 keys at once.").into());
    }
    keys.found_in_the_open(&actor, &all, input.place.as_deref()).await?;
    Ok((StatusCode::ACCEPTED, Json(LeakedOut { accepted: true })))
}
