//! A credential that is a member of the body.

use gatehouse_catalogue::request::{Content, Request};
use gatehouse_types::{Error, Result};
use serde_json::{Map, Value};
use url::form_urlencoded;

/// Adds a member to a body of JSON or a form; a request without a body gets one of JSON.
pub(super) fn add(request: &mut Request, name: &str, text: &str) -> Result<()> {
    let body = request
        .body
        .get_or_insert_with(|| Content { media_type: "application/json".to_owned(), bytes: b"{}".to_vec() });
    if body.media_type.starts_with("application/x-www-form-urlencoded") {
        let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, text).finish();
        if !body.bytes.is_empty() {
            body.bytes.push(b'&');
        }
        body.bytes.extend_from_slice(pair.as_bytes());
        return Ok(());
    }
    let parsed: Option<Map<String, Value>> = serde_json::from_slice(&body.bytes).ok();
    let Some(mut members) = parsed else {
        return Err(Error::conflict("The credential goes into the body, but this body is no object."));
    };
    members.insert(name.to_owned(), text.into());
    body.bytes = serde_json::to_vec(&members).map_err(Error::internal)?;
    Ok(())
}
