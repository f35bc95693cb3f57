//! Bodies with files: `multipart/form-data` taken in piece by piece, or JSON where no file comes.

use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use gatehouse_types::{Error, Result, WorkspaceId};
use serde::de::DeserializeOwned;

use crate::Scripts;
use crate::multipart::{MAX_TEXTS, Multipart, too_large};
use crate::service::projects::Received;

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

/// Reads a body to its end. `most`: the largest file, in bytes.
///
/// # Errors
/// `InvalidRequest` for what is no such body; `Validation` for wrong settings; `PayloadTooLarge`; `Unavailable` when the
/// workspace has as many uploads on their way as it may.
pub(crate) async fn read<T: DeserializeOwned>(
    scripts: &Scripts,
    workspace: &WorkspaceId,
    request: Request,
    most: u64,
) -> Result<Parts<T>> {
    let mut parts = Parts { settings: None, file: None, language: None };
    let kind = request.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") {
        let body = axum::body::to_bytes(request.into_body(), MAX_TEXTS).await.map_err(|_| too_large())?;
        parts.settings = Some(gatehouse_web::parse_json(&body)?);
        return Ok(parts);
    }
    let mut place = Some(scripts.upload_place(workspace)?);
    let mut body = Multipart::new(request).await?;
    for _ in 0..MAX_PARTS {
        let Some(mut part) = body.next().await? else { return Ok(parts) };
        match part.name() {
            "file" => {
                let place = place.take().ok_or_else(twice)?;
                let mut incoming = scripts.incoming(place, part.file_name(), most).await?;
                while let Some(piece) = part.piece().await? {
                    incoming.take(&piece).await?;
                }
                parts.file = Some(incoming.done().await?);
            }
            "settings" if parts.settings.is_none() => {
                parts.settings = Some(gatehouse_web::parse_json(&part.text().await?)?);
            }
            "settings" => return Err(twice()),
            "language" => parts.language = Some(String::from_utf8_lossy(&part.text().await?).into_owned()),
            _ => drop(part.text().await?),
        }
    }
    Err(Error::invalid_request("The body has too many parts."))
}

fn twice() -> Error {
    Error::invalid_request("A part of the body came twice.")
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
