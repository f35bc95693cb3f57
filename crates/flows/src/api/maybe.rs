use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use gatehouse_types::Error;
use gatehouse_web::{ApiError, Json};
use serde::de::DeserializeOwned;

/// A JSON body that may be left out: then the default counts.
pub(crate) struct Maybe<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for Maybe<T> {
    type Rejection = ApiError;
    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let again = Request::from_parts(parts.clone(), body);
        let bytes = Bytes::from_request(again, state).await.map_err(|rejection| {
            match rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
                true => Error::new(
                    gatehouse_types::Kind::PayloadTooLarge,
                    "The body is larger than this address takes.",
                ),
                false => Error::invalid_request("The body could not be read to its end."),
            }
        })?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        let Json(value) =
            Json::<T>::from_request(Request::from_parts(parts, Body::from(bytes)), state).await?;
        Ok(Self(value))
    }
}
