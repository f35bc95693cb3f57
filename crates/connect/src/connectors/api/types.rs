use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use gatehouse_catalogue::limits::DOCUMENT_BYTES;
use gatehouse_identity::Caller;
use gatehouse_types::{Error, Kind, Page, Result};
use gatehouse_web::{ApiResult, Created, Deleted, ErrorBody, Json, PageParams, Paging, Path, Query};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::type_views::{SummaryOut, TypeOut};
use crate::Connect;
use crate::connectors::service::types::{NewType, WantedTypes};

/// The largest body of an upload: a document as a text in JSON is longer than by itself.
const MAX_UPLOAD: usize = DOCUMENT_BYTES * 2;

/// The upload, which may be larger than other bodies.
pub(crate) fn upload() -> OpenApiRouter<Connect> {
    OpenApiRouter::new().routes(routes!(create)).layer(DefaultBodyLimit::max(MAX_UPLOAD))
}

/// Which types to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListIn {
    /// Words that name or description hold, in any case.
    search: Option<String>,
    /// A group: `crm`, `documents`, `contracts`, …
    category: Option<String>,
    /// `built-in` or `workspace`.
    source: Option<String>,
}

/// List the products that can be connected to, by name: those of the catalogue and the workspace's own.
#[utoipa::path(get, operation_id = "listConnectorTypes", path = "/api/v1/connector-types", tag = "Connectors", params(ListIn, PageParams), responses(
    (status = 200, body = Page<SummaryOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
))]
pub(crate) async fn list(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Paging(page): Paging<50>,
    Query(input): Query<ListIn>,
) -> ApiResult<Json<Page<SummaryOut>>> {
    let wanted = WantedTypes {
        search: input.search.unwrap_or_default(),
        category: input.category,
        source: input.source,
    };
    let found = connect.connector_types(&actor, &wanted, page).await?;
    Ok(Json(found.map(|known| SummaryOut::of(&known))))
}

/// Get a product that can be connected to: fields, ways to authenticate, actions, guide.
#[utoipa::path(get, operation_id = "getConnectorType", path = "/api/v1/connector-types/{id}", tag = "Connectors", params(("id" = String, Path)), responses(
    (status = 200, body = TypeOut), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<TypeOut>> {
    Ok(Json(TypeOut::of(&connect.connector_type(&actor, &id).await?)))
}

/// A connector type to make.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = ConnectorTypeIn)]
pub(crate) struct TypeIn {
    /// OpenAPI 3.0 or 3.1: the document itself, or its text in JSON or YAML. At most 8 MiB.
    #[schema(value_type = Object)]
    #[expect(
        dead_code,
        reason = "for the document; the body is read by hand, because it may be the document itself"
    )]
    document: Value,
    /// What it is called, instead of the document's title.
    #[expect(dead_code, reason = "as above")]
    name: Option<String>,
}

/// What the upload says beside its body.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadIn {
    /// What it is called, when the body is the document itself.
    name: Option<String>,
}

/// Make a connector type of an OpenAPI document: in the field `document`, or as the body itself (`application/json`,
/// `application/yaml`). Nothing that it refers to is fetched; what cannot be taken is listed in `leftOut`.
#[utoipa::path(post, operation_id = "createConnectorType", path = "/api/v1/connector-types", tag = "Connectors", params(UploadIn), request_body = TypeIn, responses(
    (status = 201, body = TypeOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody), (status = 413, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn create(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Query(input): Query<UploadIn>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> ApiResult<Created<TypeOut>> {
    // who may not is told so before what is wrong with the document
    let document = move || uploaded(&headers, &body.map_err(|_| too_large())?, input.name);
    Ok(Created(TypeOut::of(&connect.make_connector_type(&actor, document).await?)))
}

/// Delete a connector type of the workspace that no connector uses.
#[utoipa::path(delete, operation_id = "deleteConnectorType", path = "/api/v1/connector-types/{id}", tag = "Connectors", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "Connectors use it, or it comes with Gatehouse", body = ErrorBody),
))]
pub(crate) async fn delete(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Deleted> {
    connect.remove_connector_type(&actor, &id).await?;
    Ok(Deleted::done())
}

fn too_large() -> Error {
    Error::new(Kind::PayloadTooLarge, "The document is larger than 8 MiB.")
}

fn uploaded(headers: &HeaderMap, body: &[u8], name: Option<String>) -> Result<NewType> {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/yaml"
        | "application/x-yaml"
        | "text/yaml"
        | "text/x-yaml"
        | "application/vnd.oai.openapi" => Ok(NewType { document: body.to_vec(), name }),
        "application/json" | "application/vnd.oai.openapi+json" => of_json(body, name),
        _ => Err(Error::invalid_request(
            "Send the document with Content-Type: application/json or application/yaml.",
        )),
    }
}

/// Either the document itself, or an object that holds it.
fn of_json(body: &[u8], name: Option<String>) -> Result<NewType> {
    if body.is_empty() {
        return Err(Error::invalid_request("The body is empty, but JSON is expected."));
    }
    let value: Value = serde_json::from_slice(body).map_err(|e| {
        Error::invalid_request(format!(
            "The body is not valid JSON: look at line {}, column {}.",
            e.line(),
            e.column()
        ))
    })?;
    let Value::Object(mut members) = value else {
        return Err(Error::validation("body", "body must be an object."));
    };
    if members.contains_key("openapi") || members.contains_key("swagger") {
        return Ok(NewType { document: body.to_vec(), name });
    }
    let document = match members.remove("document") {
        Some(Value::String(text)) => text.into_bytes(),
        Some(Value::Object(document)) => serde_json::to_vec(&document).map_err(Error::internal)?,
        Some(_) => return Err(Error::validation("document", "document must be an object or a text.")),
        None => return Err(Error::validation("document", "document is required.")),
    };
    Ok(NewType { document, name: named(&mut members)?.or(name) })
}

fn named(members: &mut Map<String, Value>) -> Result<Option<String>> {
    match members.remove("name") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => Ok(Some(name)),
        Some(_) => Err(Error::validation("name", "name must be a string.")),
    }
}
