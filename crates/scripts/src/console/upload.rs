//! A form of the console that brings a file: read part by part, the proof that it is ours first.

use std::collections::BTreeMap;

use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};
use gatehouse_types::{Error, Kind, Result, WorkspaceId};
use gatehouse_web::{CSRF_FIELD, PageContext, Web, same_origin};

use super::MAX_FORM;
use crate::Scripts;
use crate::archive::MAX_ARCHIVE_BYTES;
use crate::service::projects::Received;

/// Fields of a form at most.
const MAX_FIELDS: usize = 20;

/// What was filled in.
#[derive(Debug, Default)]
pub(super) struct Upload {
    fields: BTreeMap<String, String>,
    pub(super) file: Option<Received>,
    /// The file was larger than is taken; what stood behind it was not read.
    pub(super) too_large: bool,
}

impl Upload {
    /// What was filled in there.
    pub(super) fn text(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }

    /// Reads a form to its end. The field `csrf` stands first in our forms, so nothing of a stranger's is kept.
    ///
    /// # Errors
    /// `Authorization` for a form that is not ours; `InvalidRequest` for what is none.
    pub(super) async fn read(
        scripts: &Scripts,
        workspace: &WorkspaceId,
        context: &PageContext,
        request: Request,
    ) -> Result<Self> {
        let headers = request.headers().clone();
        let admit = |proof: Option<&str>| admit(context.web(), &headers, proof);
        let no_form = || Error::invalid_request("This address takes a form (multipart/form-data).");
        let mut body = Multipart::from_request(request, &()).await.map_err(|_| no_form())?;
        let mut read = Self::default();
        let mut admitted = false;
        for _ in 0..MAX_FIELDS {
            let Some(mut field) = body.next_field().await.map_err(|e| broken(&e))? else {
                return if admitted { Ok(read) } else { admit(None).map(|()| read) };
            };
            let name = field.name().unwrap_or_default().to_owned();
            if name == CSRF_FIELD {
                admit(Some(&field.text().await.map_err(|e| broken(&e))?))?;
                admitted = true;
                continue;
            }
            if !admitted {
                admit(None)?;
                admitted = true;
            }
            if name != "file" {
                let mut text = Vec::new();
                while let Some(piece) = field.chunk().await.map_err(|e| broken(&e))? {
                    if text.len() + piece.len() > MAX_FORM {
                        return Err(Error::new(
                            Kind::PayloadTooLarge,
                            "The form is larger than this address takes.",
                        ));
                    }
                    text.extend_from_slice(&piece);
                }
                read.fields.insert(name, String::from_utf8_lossy(&text).into_owned());
                continue;
            }
            // a browser sends an empty part where no file was chosen
            let chosen = field.file_name().is_some_and(|name| !name.is_empty());
            let mut incoming = scripts.incoming(workspace, field.file_name(), MAX_ARCHIVE_BYTES).await?;
            while let Some(piece) = field.chunk().await.map_err(|e| broken(&e))? {
                match incoming.take(&piece).await {
                    Ok(()) => {}
                    Err(e) if e.kind() == Kind::PayloadTooLarge => {
                        read.too_large = true;
                        return Ok(read);
                    }
                    Err(e) => return Err(e),
                }
            }
            if chosen {
                read.file = Some(incoming.done().await?);
            }
        }
        Err(Error::invalid_request("The form has too many fields."))
    }
}

/// Admits a form of one of our own pages: by the proof in its field, or by that of the header.
fn admit(web: &Web, headers: &HeaderMap, proof: Option<&str>) -> Result<()> {
    let told = headers.contains_key("sec-fetch-site") || headers.contains_key(ORIGIN);
    let foreign = told && !same_origin(headers, web.public_url());
    let by_field = proof.is_some_and(|p| web.csrf().verify_request(headers, web.cookies(), p));
    match !foreign && (by_field || web.csrf().verify_header(headers, web.cookies())) {
        true => Ok(()),
        false => Err(Error::authorization(
            "This form is out of date, or did not come from one of our pages. Open the page again and repeat what you did.",
        )),
    }
}

fn broken(e: &MultipartError) -> Error {
    match e.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Error::new(Kind::PayloadTooLarge, "The project file is larger than 1 GB, the most that is taken.")
        }
        _ => Error::invalid_request("The form could not be read to its end."),
    }
}
