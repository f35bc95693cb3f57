use axum::Router;
use axum::routing::get;
use gatehouse_web::Json;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

#[derive(OpenApi)]
#[openapi(
    info(title = "Gatehouse", description = "The self-hosted security and integration control plane: the API of its administration.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")),
    security(("bearer" = []), ("session" = [])),
)]
struct Base;

/// The document before any route is in it.
pub(crate) fn base() -> utoipa::openapi::OpenApi {
    let mut document = Base::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let cookie = ApiKey::Cookie(ApiKeyValue::new("gatehouse_session"));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    document
}

/// `GET /api/v1/openapi.json`.
pub(crate) fn document_route(document: utoipa::openapi::OpenApi) -> Router {
    Router::new().route("/api/v1/openapi.json", get(move || async move { Json(document) }))
}
