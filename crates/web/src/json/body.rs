use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Error, Kind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::error::ApiError;
use super::fields::wrong_field;
use super::object::Root;

/// A JSON body, in or out.
///
/// Coming in: the content type must be JSON (400 `invalid_request_error`), the text must be JSON (the same, with line
/// and column), the values must fit `T` (400 `validation_error` with the field's path), and the body must keep the
/// limit (413).
#[derive(Clone, Copy, Debug, Default)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            let hint = "The body must be JSON: send it with Content-Type: application/json.";
            return Err(Error::invalid_request(hint).into());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|r| unread_body(&r))?;
        Ok(Self(parse(&bytes)?))
    }
}

/// Why a body could not be read: too large, or broken off.
pub(crate) fn unread_body(rejection: &BytesRejection) -> Error {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        too_large()
    } else {
        Error::invalid_request("The body could not be read to its end.")
    }
}

pub(crate) fn too_large() -> Error {
    Error::new(Kind::PayloadTooLarge, "The body is larger than this address takes.")
}

/// Reads JSON that came another way than as a body, with the same words about what is wrong.
///
/// # Errors
/// `InvalidRequest` for what is no JSON; `Validation` with the field's path.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let Root(value) = serde_path_to_error::deserialize(&mut reader)
        .map_err(|e| refuse(&e.path().to_string(), e.inner(), bytes.is_empty()))?;
    reader.end().map_err(|e| refuse("", &e, false))?;
    Ok(value)
}

fn refuse(path: &str, error: &serde_json::Error, empty: bool) -> Error {
    match error.classify() {
        Category::Data => wrong_field(path, &error.to_string()),
        _ if empty => Error::invalid_request("The body is empty, but JSON is expected."),
        _ => Error::invalid_request(format!(
            "The body is not valid JSON: look at line {}, column {}.",
            error.line(),
            error.column()
        )),
    }
}

/// `application/json` or any `+json` suffix (RFC 6839 §3.1), whatever its parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its reading matters")]
        port: u16,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Input {
        #[expect(dead_code, reason = "only its reading matters")]
        display_name: String,
        #[serde(default)]
        #[expect(dead_code, reason = "only its reading matters")]
        inner: Vec<Inner>,
    }

    async fn read(content_type: &str, body: &str) -> Result<Json<Input>, Error> {
        let request = Request::post("/")
            .header("content-type", content_type)
            .body(Body::from(body.to_owned()))
            .unwrap();
        Json::from_request(request, &()).await.map_err(|e| e.0)
    }

    async fn refused(body: &str) -> (Kind, String, String) {
        let e = read("application/json", body).await.unwrap_err();
        (e.kind(), e.field().unwrap_or("-").to_owned(), e.message().to_owned())
    }

    #[tokio::test]
    async fn only_json_is_read_as_json() {
        let good = r#"{"displayName":"a"}"#;
        for fine in ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"] {
            assert!(read(fine, good).await.is_ok(), "{fine}");
        }
        for odd in ["text/plain", "application/x-www-form-urlencoded", "", "text/json+x"] {
            assert_eq!(read(odd, good).await.unwrap_err().kind(), Kind::InvalidRequest, "{odd}");
        }
    }

    #[tokio::test]
    async fn broken_json_is_told_with_its_place() {
        let (kind, _, message) = refused("{\n  \"displayName\": oops}").await;
        assert_eq!(kind, Kind::InvalidRequest);
        assert!(message.contains("line 2, column 18"), "{message}");
        assert_eq!(refused("").await.0, Kind::InvalidRequest);
        assert_eq!(refused(r#"{"displayName":"a"} x"#).await.0, Kind::InvalidRequest);
    }

    #[tokio::test]
    async fn a_wrong_value_names_its_field_by_path() {
        let cases = [
            ("{}", "displayName", "displayName is required."),
            (r#"{"displayName":5}"#, "displayName", "displayName must be a string."),
            (r#"{"displayName":"a","x":1}"#, "x", "There is no field x here."),
            (r#"{"displayName":"a","inner":[{}]}"#, "inner[0].port", "inner[0].port is required."),
            (
                r#"{"displayName":"a","inner":[{"port":"s3cret"}]}"#,
                "inner[0].port",
                "inner[0].port must be a whole number of 0 or more.",
            ),
            (r#"{"displayName":"a","inner":[{"y":1}]}"#, "inner[0].y", "There is no field inner[0].y here."),
            ("[]", "body", "body must be an object."),
            (r#"["a", []]"#, "body", "body must be an object."),
        ];
        for (body, field, message) in cases {
            assert_eq!(
                refused(body).await,
                (Kind::Validation, field.to_owned(), message.to_owned()),
                "{body}"
            );
        }
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_413() {
        use tower::ServiceExt;
        let app = axum::Router::new()
            .route("/", axum::routing::post(|_: Json<Input>| async { "ok" }))
            .layer(axum::extract::DefaultBodyLimit::max(10));
        let request = Request::post("/")
            .header("content-type", "application/json")
            .body(Body::from(r#"{"displayName":"a"}"#))
            .unwrap();
        assert_eq!(app.oneshot(request).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
