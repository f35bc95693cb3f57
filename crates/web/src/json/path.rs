use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use gatehouse_types::{Error, Kind};
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// Path parameters. A text that is no id of the wanted kind answers like an id that does not exist: 404 in the words
/// of `Error::not_found("Connection")` for a `ConnectionId`.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(Error::new(Kind::NotFound, format!("{} not found", noun::<T>())).into()),
        }
    }
}

/// What the last id type inside `T` is about: `ConnectionId` is about a "Connection", `SigningKeyId` a "Signing key".
fn noun<T>() -> String {
    let name = std::any::type_name::<T>();
    let words = name.split(|c: char| !c.is_alphanumeric() && c != '_');
    let Some(kind) = words.rev().find_map(|w| w.strip_suffix("Id").filter(|k| !k.is_empty())) else {
        return "Page".to_owned();
    };
    let mut said = String::with_capacity(kind.len() + 2);
    for (at, c) in kind.char_indices() {
        if at > 0 && c.is_ascii_uppercase() {
            said.push(' ');
            said.push(c.to_ascii_lowercase());
        } else {
            said.push(c);
        }
    }
    said.replace("Sso ", "SSO ").replace("Scim ", "SCIM ")
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::{Request, StatusCode};
    use axum::routing::get;
    use gatehouse_types::{ConnectionId, DomainId, SigningKeyId, SsoAttemptId};
    use tower::ServiceExt;

    use super::*;
    use crate::edge::testing::body_text;

    #[tokio::test]
    async fn what_is_no_id_answers_like_an_id_that_does_not_exist() {
        let app = Router::new()
            .route("/c/{id}", get(|Path(id): Path<ConnectionId>| async move { id.to_string() }))
            .route(
                "/c/{id}/d/{domain}",
                get(|_: Path<(ConnectionId, DomainId)>| async {
                    Err::<(), _>(ApiError(Error::not_found("Domain")))
                }),
            );
        let ask = |uri: &'static str| {
            let app = app.clone();
            async move { app.oneshot(Request::get(uri).body(axum::body::Body::empty()).unwrap()).await.unwrap() }
        };
        let odd = ask("/c/ws_1").await;
        assert_eq!(odd.status(), StatusCode::NOT_FOUND);
        assert_eq!(
            body_text(odd).await,
            r#"{"error":{"type":"not_found","message":"Connection not found"}}"#
        );
        assert_eq!(ask("/c/con_1").await.status(), StatusCode::OK);
        let missing = body_text(ask("/c/con_1/d/dom_1").await).await;
        assert_eq!(body_text(ask("/c/con_1/d/'").await).await, missing);
        assert_eq!(ask("/c/con_%FF").await.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn an_id_type_says_what_it_is_about() {
        assert_eq!(noun::<SigningKeyId>(), "Signing key");
        assert_eq!(noun::<(ConnectionId, DomainId)>(), "Domain");
        assert_eq!(noun::<SsoAttemptId>(), "SSO attempt");
        assert_eq!(noun::<String>(), "Page");
    }
}
