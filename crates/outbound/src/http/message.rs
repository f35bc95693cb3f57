use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use url::Url;

use super::{Error, guard};

/// The bounds of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of the answer's body.
    pub max_bytes: usize,
    /// The most time for everything: look-up, connections, redirects, body.
    pub timeout: Duration,
    /// The most redirects followed; with 0 a redirect is an error.
    pub max_redirects: u8,
    /// Whether redirects must stay on the same host and port (from http to https they may).
    pub same_host_only: bool,
}

impl Default for Limits {
    /// For documents such as metadata and key sets: 1 MiB, 10 seconds, 3 redirects.
    fn default() -> Self {
        Self {
            max_bytes: 1024 * 1024,
            timeout: Duration::from_secs(10),
            max_redirects: 3,
            same_host_only: false,
        }
    }
}

/// A request to be sent.
#[derive(Clone)]
pub struct OutboundRequest {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: Url,
    /// Headers besides those of the connection.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// The bounds.
    pub limits: Limits,
}

impl OutboundRequest {
    /// A request without headers and body, within the default limits.
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Vec::new(), limits: Limits::default() }
    }

    /// A GET request.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST request with this body; set its content type among the headers.
    pub fn post(url: Url, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new(Method::POST, url) }
    }

    /// The same request within other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same request with these headers.
    #[must_use]
    pub fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }
}

impl std::fmt::Debug for OutboundRequest {
    /// Shows no path, query, header value or body: they carry secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboundRequest")
            .field("method", &self.method)
            .field("origin", &guard::origin(&self.url))
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A complete answer.
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers without cookies.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// Where the answer came from, after redirects.
    pub final_url: Url,
    /// Names and values of the cookies that it sets; nothing here keeps them.
    pub cookies: Vec<(String, String)>,
}

impl Response {
    /// The first header of this name, when it is plain text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as UTF-8 text.
    ///
    /// # Errors
    /// [`Error::Protocol`] when it is not.
    pub fn text(&self) -> Result<&str, Error> {
        let wrong = |_| Error::Protocol {
            origin: guard::origin(&self.final_url),
            detail: "not UTF-8 text".to_owned(),
        };
        std::str::from_utf8(&self.body).map_err(wrong)
    }

    /// The same answer when its status is a success (2xx).
    ///
    /// # Errors
    /// [`Error::Protocol`] with the status.
    pub fn success(self) -> Result<Self, Error> {
        if self.status.is_success() {
            return Ok(self);
        }
        Err(Error::Protocol {
            origin: guard::origin(&self.final_url),
            detail: format!("status {}", self.status),
        })
    }
}

impl std::fmt::Debug for Response {
    /// Shows no body and no header value: they may carry secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("origin", &guard::origin(&self.final_url))
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
