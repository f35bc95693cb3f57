use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use gatehouse_identity::{Caller, require};
use gatehouse_types::{Error, Permission, Result};
use gatehouse_web::{ApiResult, ErrorBody, Json, NeverStored, Path};
use serde::Serialize;
use tokio::io::AsyncReadExt;

use super::script_id;
use super::scripts::SettingsIn;
use super::upload::{needed, read};
use crate::Scripts;
use crate::archive::{Code, Finding, MAX_ARCHIVE_BYTES};
use crate::model::{Exposed, Language};

/// Bytes of an exported file that are read at once.
const PIECE: usize = 64 * 1024;

/// A project to judge.
#[derive(utoipa::ToSchema)]
#[schema(as = ScriptValidationIn)]
#[expect(dead_code, reason = "it is read part by part")]
pub(crate) struct ValidateIn {
    /// The project: `.zip`, `.gz` or `.tar`, at most 1 GB.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
    /// `python` or `javascript`.
    language: Option<String>,
    /// Or settings that name the language.
    settings: Option<SettingsIn>,
}

/// Something that was found in a project.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ScriptFinding)]
pub(crate) struct FindingOut {
    /// A stable word for programs.
    #[schema(value_type = String)]
    code: Code,
    /// What is wrong, and what would do.
    message: String,
    /// The entry of the archive.
    entry: Option<String>,
}

impl From<&Finding> for FindingOut {
    fn from(f: &Finding) -> Self {
        Self { code: f.code, message: f.message.to_string(), entry: f.entry.clone() }
    }
}

/// What is to be said of a project.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ScriptValidation)]
pub(crate) struct ValidationOut {
    /// Whether it can be deployed as it is.
    valid: bool,
    errors: Vec<FindingOut>,
    warnings: Vec<FindingOut>,
    /// The functions that can be called.
    functions: Vec<Exposed>,
    /// How many files it has.
    files: u64,
    /// Their bytes, unpacked.
    bytes: u64,
}

/// Judge a project without keeping it.
#[utoipa::path(post, operation_id = "validateScript", path = "/api/v1/scripts/validate", tag = "Scripts",
    request_body(content = ValidateIn, content_type = "multipart/form-data"), responses(
    (status = 200, body = ValidationOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 413, body = ErrorBody),
))]
pub(crate) async fn validate(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    request: Request,
) -> ApiResult<Json<ValidationOut>> {
    require(&scripts.0.store, &actor, Permission::EditScripts, None).await?;
    let parts = read::<SettingsIn>(&scripts, actor.workspace()?, request, MAX_ARCHIVE_BYTES).await?;
    let said = parts.settings.as_ref().and_then(SettingsIn::language).or(parts.language.as_deref());
    let language = said.and_then(Language::parse);
    let language = language
        .ok_or_else(|| Error::validation("language", "The language must be python or javascript."))?;
    let judged = scripts.judge(Arc::new(needed(parts.file)?), language).await?;
    Ok(Json(ValidationOut {
        valid: judged.is_good(),
        errors: judged.report.errors.iter().map(Into::into).collect(),
        warnings: judged.report.warnings.iter().map(Into::into).collect(),
        functions: judged.functions,
        files: judged.report.files,
        bytes: judged.report.bytes,
    }))
}

/// A file as a download.
fn download(name: &str, kind: &'static str, length: u64, body: Body) -> Response {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    let head = [(CONTENT_TYPE, HeaderValue::from_static(kind)), (CONTENT_LENGTH, HeaderValue::from(length))];
    let mut response = (head, body).into_response();
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{plain}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    response.extensions_mut().insert(NeverStored);
    response
}

/// Download a sample project, as a `.zip`.
#[utoipa::path(get, operation_id = "getScriptSample", path = "/api/v1/scripts/samples/{language}", tag = "Scripts", params(("language" = String, Path)), responses(
    (status = 200, description = "The project", content_type = "application/zip", body = Vec<u8>), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn sample(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(language): Path<String>,
) -> ApiResult<Response> {
    require(&scripts.0.store, &actor, Permission::ReadScripts, None).await?;
    let language = Language::parse(&language).ok_or_else(|| Error::not_found("Sample"))?;
    let zip = crate::samples::archive(language).map_err(Error::internal)?;
    let name = crate::samples::file_name(language);
    Ok(download(&name, "application/zip", zip.len() as u64, Body::from(zip)))
}

/// A file's bytes, piece by piece.
async fn pieces(path: &std::path::Path) -> Result<(u64, Body)> {
    let file = tokio::fs::File::open(path).await.map_err(Error::internal)?;
    let length = file.metadata().await.map_err(Error::internal)?.len();
    let (sender, receiver) = tokio::sync::mpsc::channel::<std::io::Result<Vec<u8>>>(2);
    tokio::spawn(async move {
        let mut file = file;
        loop {
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece).await;
            let is_last = !matches!(read, Ok(n) if n > 0);
            let item = read.map(|n| {
                piece.truncate(n);
                piece
            });
            let is_end = matches!(&item, Ok(piece) if piece.is_empty());
            // whoever downloads may go away: then it ends
            if is_end || sender.send(item).await.is_err() || is_last {
                return;
            }
        }
    });
    Ok((length, Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver))))
}

/// Download the project of a script, as it was uploaded.
#[utoipa::path(get, operation_id = "exportScript", path = "/api/v1/scripts/{id}/export", tag = "Scripts", params(("id" = String, Path)), responses(
    (status = 200, description = "The file", content_type = "application/octet-stream", body = Vec<u8>),
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody),
))]
pub(crate) async fn export(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let (path, script) = scripts.export(&actor, &script_id(&id)?).await?;
    let (length, body) = pieces(&path).await?;
    let mut response = download(&script.project.name, "application/octet-stream", length, body);
    if let Ok(value) = HeaderValue::try_from(format!("sha-256=:{}:", script.project.sha256)) {
        response.headers_mut().insert(HeaderName::from_static("gatehouse-digest"), value);
    }
    Ok(response)
}
