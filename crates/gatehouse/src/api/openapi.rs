use axum::Router;
use axum::routing::get;
use gatehouse_types::PageRequest;
use gatehouse_web::Json;
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::schema::{KnownFormat, Object, Schema, SchemaFormat, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, ObjectBuilder, Ref, RefOr, ResponseBuilder};

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

/// What holds for every operation, said once: any other failure has the form of [`ErrorBody`], pages have bounds,
/// addresses their format.
pub(crate) fn complete(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    for item in document.paths.paths.values_mut() {
        let operations =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch, &mut item.head];
        operations.into_iter().flatten().for_each(complete_operation);
    }
    for schema in document.components.iter_mut().flat_map(|c| c.schemas.values_mut()) {
        if let RefOr::T(Schema::Object(object)) = schema {
            complete_object(object);
        }
    }
    document
}

fn complete_operation(operation: &mut Operation) {
    let failure = Content::new(Some(Ref::from_schema_name("ErrorBody")));
    let failure = ResponseBuilder::new()
        .description("Any other failure, in the same form")
        .content("application/json", failure)
        .build();
    operation.responses.responses.entry("default".to_owned()).or_insert_with(|| failure.into());
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            complete_parameter(parameter);
        }
    }
}

fn complete_parameter(parameter: &mut Parameter) {
    let whole = |max: Option<u32>| {
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1_u32)).maximum(max).build()
    };
    parameter.schema = match parameter.name.as_str() {
        "page" => Some(whole(Some(PageRequest::MAX_PAGE)).into()),
        "pageSize" => Some(whole(Some(PageRequest::MAX_PAGE_SIZE)).into()),
        _ => return,
    };
}

fn complete_object(object: &mut Object) {
    for (name, property) in &mut object.properties {
        if let ("email", RefOr::T(Schema::Object(text))) = (name.as_str(), property)
            && text.format.is_none()
        {
            text.format = Some(SchemaFormat::KnownFormat(KnownFormat::Email));
        }
    }
}

/// `GET /api/v1/openapi.json`.
pub(crate) fn document_route(document: utoipa::openapi::OpenApi) -> Router {
    Router::new().route("/api/v1/openapi.json", get(move || async move { Json(document) }))
}
