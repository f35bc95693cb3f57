use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// 201 with the new object. (Paths under `/api/v1/sso` and `/api/v1/scim` answer 200: use `Json` there.)
#[derive(Clone, Copy, Debug)]
pub struct Created<T>(pub T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, axum::Json(self.0)).into_response()
    }
}

/// 200 `{"deleted": true}`.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub struct Deleted {
    deleted: bool,
}

impl Deleted {
    /// It is gone.
    pub const fn done() -> Self {
        Self { deleted: true }
    }
}

impl IntoResponse for Deleted {
    fn into_response(self) -> Response {
        axum::Json(self).into_response()
    }
}
