//! Bodies with files: `multipart/form-data` taken in piece by piece, or JSON where no file comes.

use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use gatehouse_types::{Error, Kind, Result, WorkspaceId};
use gatehouse_web::Json;
use serde::de::DeserializeOwned;

use crate::Scripts;
use crate::service::projects::Received;

/// The longest text beside a file, in bytes: settings with a full environment.
const MAX_TEXT: usize = 3 * 1024 * 1024;
/// Parts of a body at most.
const MAX_PARTS: usize = 8;

/// What came in.
#[derive(Debug)]
pub(crate) struct Parts<T> {
    pub(crate) settings: Option<T>,
    pub(crate) file: Option<Received>,
    /// The part `language`, where a file is only judged.
    pub(crate) language: Option<String>,
}

fn broken(e: &MultipartError) -> Error {
    match e.status() {
        axum::http::StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => Error::invalid_request("The body is not readable multipart/form-data."),
    }
}

fn too_large() -> Error {
    Error::new(Kind::PayloadTooLarge, "The body is larger than this address takes.")
}

/// Reads a body to its end. `most`: the largest file, in bytes.
///
/// # Errors
/// `InvalidRequest` for what is no such body; `Validation` for wrong settings; `PayloadTooLarge`.
pub(crate) async fn read<T: DeserializeOwned>(
    scripts: &Scripts,
    workspace: &WorkspaceId,
    request: Request,
    most: u64,
) -> Result<Parts<T>> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") {
        let Json(settings) = Json::<T>::from_request(request, &()).await.map_err(|e| e.0)?;
        return Ok(Parts { settings: Some(settings), file: None, language: None });
    }
    let body = Multipart::from_request(request, &()).await;
    let mut body = body.map_err(|_| {
        Error::invalid_request(
            "The body must be multipart/form-data: with a part file, and a part settings as JSON.",
        )
    })?;
    let mut parts = Parts { settings: None, file: None, language: None };
    for _ in 0..MAX_PARTS {
        let Some(field) = body.next_field().await.map_err(|e| broken(&e))? else { return Ok(parts) };
        match field.name().unwrap_or_default() {
            "file" if parts.file.is_none() => {
                parts.file = Some(received(scripts, workspace, field, most).await?)
            }
            "settings" if parts.settings.is_none() => {
                let text = text(field).await?;
                parts.settings = Some(gatehouse_web::parse_json(&text)?);
            }
            "language" => {
                let text = text(field).await?;
                parts.language = Some(String::from_utf8_lossy(&text).into_owned());
            }
            "file" | "settings" => return Err(Error::invalid_request("A part of the body came twice.")),
            _ => drop(text(field).await?),
        }
    }
    Err(Error::invalid_request("The body has too many parts."))
}

async fn received(
    scripts: &Scripts,
    workspace: &WorkspaceId,
    mut field: Field<'_>,
    most: u64,
) -> Result<Received> {
    let mut incoming = scripts.incoming(workspace, field.file_name(), most).await?;
    while let Some(piece) = field.chunk().await.map_err(|e| broken(&e))? {
        incoming.take(&piece).await?;
    }
    incoming.done().await
}

async fn text(mut field: Field<'_>) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|e| broken(&e))? {
        if all.len() + piece.len() > MAX_TEXT {
            return Err(too_large());
        }
        all.extend_from_slice(&piece);
    }
    Ok(all)
}

/// The file, which must be there.
///
/// # Errors
/// `Validation` without one.
pub(crate) fn needed(file: Option<Received>) -> Result<Received> {
    file.ok_or_else(|| {
        Error::validation("file", "A project file is needed: the part file, a .zip, .gz or .tar.")
    })
}
