//! A call made ready: an action and its values become method, address, headers and body ([`build`]); an answer
//! becomes the request for the next page ([`next_page`]). The credential is put in afterwards by whoever sends it.
//!
//! Whatever the values are, the address stays on the origin of its base, and a value in the path stays in its
//! segment. Errors name parameters and never repeat values.

mod body;
mod headers;
mod paging;
mod query;
mod values;

use std::fmt;

use serde_json::{Map, Value};
use url::Url;

pub use paging::{Answer, PagingError, next_page};
pub use values::ValueProblem;
pub(crate) use values::fits;

use crate::limits::{REQUEST_BODY_BYTES, REQUEST_URL_BYTES};
use crate::model::{Action, AuthType, ConnectorType, Method, ParameterPlace};
use crate::{Key, UrlError, UrlTemplate};
use values::Given;

/// A request without its credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// What the path of the action was added to.
    pub base: Url,
    /// The whole address, on the origin of `base`.
    pub url: Url,
    /// Names as they were written, each once; without the media type of the body.
    pub headers: Vec<(String, String)>,
    /// The body, if there is one.
    pub body: Option<Content>,
}

/// A body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// For `Content-Type`.
    pub media_type: String,
    /// What is sent.
    pub bytes: Vec<u8>,
}

/// Why a request cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Values that do not fit the action's parameters, all of them at once.
    #[error("{}", Listed(.0))]
    Values(Vec<ValueProblem>),
    /// The address cannot be made: a value of the connection is missing or does not fit.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The action names a base that the connector has not.
    #[error("there is no base {0}")]
    Base(Key),
    /// The action's path would not stay on its base.
    #[error("a path is empty or begins with a slash, and stays on its base")]
    Path,
    /// A header of the connector or the action has a value that no header can carry.
    #[error("the header {0} would hold characters that no header carries, or too many")]
    Header(String),
    /// The address is too long.
    #[error("the address would be longer than {REQUEST_URL_BYTES} bytes")]
    LongUrl,
    /// The body is too large.
    #[error("the body would be larger than {REQUEST_BODY_BYTES} bytes")]
    LargeBody,
}

struct Listed<'a>(&'a [ValueProblem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if index > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl RequestError {
    /// One thing wrong with one value.
    fn value(parameter: &Key, expected: impl Into<String>) -> Self {
        Self::Values(vec![ValueProblem { parameter: parameter.to_string(), what: expected.into() }])
    }
}

/// The request of an action. `values` are its parameters by key (`null` is as good as absent); `connection`
/// gives the values of the connection's fields and variables.
pub fn build(
    connector: &ConnectorType,
    auth: &AuthType,
    action: &Action,
    values: &Map<String, Value>,
    connection: impl Fn(&str) -> Option<String>,
) -> Result<Request, RequestError> {
    let given = Given::of(action, values)?;
    let base = base(connector, auth, action, &connection)?;
    let mut url = address(&base, action, &given, &connection)?;
    query::add(&mut url, action, &given)?;
    if url.as_str().len() > REQUEST_URL_BYTES {
        return Err(RequestError::LongUrl);
    }
    let headers = headers::of(connector, action, &given, &connection)?;
    let body = body::of(action, &given)?;
    if body.as_ref().is_some_and(|body| body.bytes.len() > REQUEST_BODY_BYTES) {
        return Err(RequestError::LargeBody);
    }
    Ok(Request { method: action.method, base, url, headers, body })
}

fn base(
    connector: &ConnectorType,
    auth: &AuthType,
    action: &Action,
    connection: &impl Fn(&str) -> Option<String>,
) -> Result<Url, RequestError> {
    let base = match &action.base {
        Some(key) => connector.bases.get(key).ok_or_else(|| RequestError::Base(key.clone()))?,
        None => auth.base_url.as_ref().unwrap_or(&connector.base_url),
    };
    let filled = base.fill(connection)?;
    if filled.query().is_some() { Err(RequestError::Path) } else { Ok(filled) }
}

/// The base is filled first and is then fixed text: a parameter with the name of a field cannot reach it.
fn address(
    base: &Url,
    action: &Action,
    given: &Given<'_>,
    connection: &impl Fn(&str) -> Option<String>,
) -> Result<Url, RequestError> {
    let path = action.path.source();
    if !path.is_empty() && !path.starts_with('/') {
        return Err(RequestError::Path);
    }
    let fixed = base.as_str().trim_end_matches('/').replace('{', "{{").replace('}', "}}");
    let mut in_path = Vec::new();
    for (parameter, value) in given.at(ParameterPlace::Path) {
        let text = query::joined(value, ",").map_err(|what| RequestError::value(&parameter.key, what))?;
        in_path.push((&parameter.key, text));
    }
    let lookup = |name: &str| {
        let found = in_path.iter().find(|(key, _)| key.as_str() == name);
        found.map(|(_, text)| text.clone()).or_else(|| connection(name))
    };
    let url = UrlTemplate::parse(&format!("{fixed}{path}"))?.fill(lookup).map_err(|error| match error {
        UrlError::Value { name, expected } if in_path.iter().any(|(key, _)| key.as_str() == name) => {
            let what = format!("must be {expected}");
            RequestError::Values(vec![ValueProblem { parameter: name, what }])
        }
        other => RequestError::Url(other),
    })?;
    let stays = url.origin() == base.origin() && url.path().starts_with(base.path().trim_end_matches('/'));
    if stays { Ok(url) } else { Err(RequestError::Path) }
}
