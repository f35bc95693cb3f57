//! A form of the console that brings a file: read part by part, the proof that it is ours first.

use std::collections::BTreeMap;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::ORIGIN;
use gatehouse_types::{Error, Kind, Result, WorkspaceId};
use gatehouse_web::{CSRF_FIELD, PageContext, Web, same_origin};

use crate::Scripts;
use crate::archive::MAX_ARCHIVE_BYTES;
use crate::multipart::Multipart;
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
        let mut place = Some(scripts.upload_place(workspace)?);
        let mut body = Multipart::new(request).await?;
        let mut read = Self::default();
        let mut admitted = false;
        for _ in 0..MAX_FIELDS {
            let Some(mut part) = body.next().await? else {
                return if admitted { Ok(read) } else { admit(None).map(|()| read) };
            };
            let name = part.name().to_owned();
            if name == CSRF_FIELD {
                admit(Some(&String::from_utf8_lossy(&part.text().await?)))?;
                admitted = true;
                continue;
            }
            if !admitted {
                admit(None)?;
                admitted = true;
            }
            if name != "file" {
                read.fields.insert(name, String::from_utf8_lossy(&part.text().await?).into_owned());
                continue;
            }
            // a browser sends an empty part where no file was chosen
            let chosen = part.file_name().is_some_and(|name| !name.is_empty());
            let Some(place) = place.take() else {
                return Err(Error::invalid_request("The form brings more than one file."));
            };
            let mut incoming = scripts.incoming(place, part.file_name(), MAX_ARCHIVE_BYTES).await?;
            while let Some(piece) = part.piece().await? {
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
