//! Bodies of calls that say everything by their path.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use gatehouse_types::{Error, Result};
use gatehouse_web::ApiError;
use serde_json::Value;

/// A body without values.
pub(crate) struct Bare;

impl<S: Send + Sync> FromRequest<S> for Bare {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> std::result::Result<Self, ApiError> {
        let unread = || Error::invalid_request("The body could not be read to its end.");
        let body = Bytes::from_request(request, state).await.map_err(|_| unread())?;
        no_members(&body)?;
        Ok(Self)
    }
}

/// Takes no body, or an object without members: whoever sends values learns that nobody looks at them.
///
/// # Errors
/// `Validation` names the first member; `InvalidRequest` for what is no object.
fn no_members(body: &[u8]) -> Result<()> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => match members.keys().next() {
            None => Ok(()),
            Some(name) => {
                let message =
                    "This tests what is stored, and takes no values. Save the change, then test it.";
                Err(Error::validation(name.clone(), message))
            }
        },
        _ => Err(Error::invalid_request("The body must be left out, or be an empty object.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nothing_is_taken() {
        for good in ["", " \n", "{}"] {
            assert!(no_members(good.as_bytes()).is_ok(), "{good:?}");
        }
        assert_eq!(no_members(br#"{"clientSecret": "x"}"#).unwrap_err().field(), Some("clientSecret"));
        assert!(no_members(b"[]").is_err() && no_members(b"{").is_err());
    }
}
