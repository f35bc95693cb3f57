//! A logout message as it came, before it is judged.

use super::detached::Detached;
use crate::error::{Reason, Rejection, quote};
use crate::query::{RawQuery, bytes_of};
use crate::redirect::{RedirectError, decode_component, inflate};
use crate::xml::{self, ns};
use crate::{decode_post_binding, limits};
use roxmltree::{Document, Node};

/// The only encoding of the HTTP-Redirect binding (bindings §3.4.4).
const DEFLATE: &str = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";

/// Which of the two messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoutKind {
    /// A `samlp:LogoutRequest`, in the parameter `SAMLRequest`.
    Request,
    /// A `samlp:LogoutResponse`, in the parameter `SAMLResponse`.
    Response,
}

impl LogoutKind {
    /// The parameter or form field it travels in.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Request => "SAMLRequest",
            Self::Response => "SAMLResponse",
        }
    }

    /// Its element.
    pub(super) const fn element(self) -> &'static str {
        match self {
            Self::Request => "LogoutRequest",
            Self::Response => "LogoutResponse",
        }
    }
}

/// A received message within the bounds of [`crate::limits`]. Nothing in it is verified.
#[derive(Debug, Clone)]
pub struct LogoutMessage {
    pub(super) kind: LogoutKind,
    pub(super) bytes: Vec<u8>,
    relay_state: Option<String>,
    /// The signature beside the message; `None` for HTTP-POST, where it is inside.
    pub(super) detached: Option<Detached>,
}

/// Unverified hints, only for finding the connection and the pending request that a message may belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutPeek {
    /// The issuer.
    pub issuer: Option<String>,
    /// The request answered.
    pub in_response_to: Option<String>,
    /// The message's ID.
    pub id: Option<String>,
    /// Whom a request names, when it does so in clear.
    pub name: Option<String>,
}

impl LogoutMessage {
    /// Reads the raw query string of the HTTP-Redirect binding, as it was received: its signature is over exactly
    /// these characters (bindings §3.4.4.1).
    ///
    /// # Errors
    /// When it holds no message, two of them, a parameter twice, or is not properly encoded or too large.
    pub fn from_redirect(query: &str) -> Result<Self, Rejection> {
        if query.len() > limits::REDIRECT_QUERY_BYTES {
            return Err(too_large(limits::REDIRECT_QUERY_BYTES));
        }
        let twice = |name| malformed(format!("The query has the parameter {name} twice."));
        let raw = RawQuery::read(query).map_err(twice)?;
        let (kind, value) = match (raw.request, raw.response) {
            (Some(request), None) => (LogoutKind::Request, request),
            (None, Some(response)) => (LogoutKind::Response, response),
            _ => return Err(malformed("The query must hold either SAMLRequest or SAMLResponse.")),
        };
        let named = kind.parameter();
        if raw.encoding.is_some_and(|e| decode_component(e).as_deref() != Some(DEFLATE)) {
            return Err(malformed("The only encoding of messages in a query is DEFLATE."));
        }
        let bytes =
            bytes_of(value).ok_or_else(|| malformed(format!("The parameter {named} is not base64.")))?;
        let bytes = inflate(&bytes).map_err(|e| match e {
            RedirectError::TooLarge => too_large(limits::REDIRECT_REQUEST_BYTES),
            _ => malformed(format!("The parameter {named} is not deflated (RFC 1951).")),
        })?;
        let relay_state = match raw.relay_state {
            Some(text) => {
                Some(decode_component(text).ok_or_else(|| malformed("RelayState is not URL-encoded."))?)
            }
            None => None,
        };
        let detached = Some(Detached::of(&raw, named, value));
        Self { kind, bytes, relay_state: relay_state.map(Into::into), detached }.within_bounds()
    }

    /// Reads the form field of the HTTP-POST binding (bindings §3.5.4), named by [`LogoutKind::parameter`].
    ///
    /// # Errors
    /// When it is not base64 or too large.
    pub fn from_post(kind: LogoutKind, field: &str, relay_state: Option<&str>) -> Result<Self, Rejection> {
        let bytes = decode_post_binding(field)?;
        if bytes.len() > limits::LOGOUT_BYTES {
            return Err(too_large(limits::LOGOUT_BYTES));
        }
        Self { kind, bytes, relay_state: relay_state.map(str::to_owned), detached: None }.within_bounds()
    }

    fn within_bounds(self) -> Result<Self, Rejection> {
        if self.relay_state.as_ref().is_some_and(|r| r.len() > limits::RELAY_STATE_BYTES) {
            let limit = limits::RELAY_STATE_BYTES;
            return Err(malformed(format!("The relay state has more than {limit} bytes.")));
        }
        Ok(self)
    }

    /// Which of the two messages it claims to be.
    pub fn kind(&self) -> LogoutKind {
        self.kind
    }

    /// The message itself, as XML.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// To be returned as it is with the answer (bindings §3.4.3).
    pub fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }

    /// What the message says about itself. Unverified.
    ///
    /// # Errors
    /// The reason why the bytes are no such message.
    pub fn peek(&self) -> Result<LogoutPeek, Rejection> {
        let document = self.document()?;
        let root = document.root_element();
        let own = |name| xml::attribute(root, name).map(str::to_owned);
        Ok(LogoutPeek {
            issuer: xml::named(root, ns::SAML, "Issuer").next().and_then(|i| xml::text(i).ok()),
            in_response_to: own("InResponseTo"),
            id: own("ID"),
            name: xml::named(root, ns::SAML, "NameID").next().and_then(|n| xml::text(n).ok()),
        })
    }

    /// The tree, within the bounds, with the root that belongs into the parameter.
    pub(super) fn document(&self) -> Result<Document<'_>, Rejection> {
        let document = xml::parse(&self.bytes)?;
        has_root(document.root_element(), self.kind)?;
        Ok(document)
    }
}

fn has_root(root: Node<'_, '_>, kind: LogoutKind) -> Result<(), Rejection> {
    if xml::is(root, ns::SAMLP, kind.element()) {
        return Ok(());
    }
    Err(Rejection::new(
        Reason::UnexpectedRoot,
        format!(
            "The root element is {}; expected a SAML 2.0 {}.",
            quote(root.tag_name().name()),
            kind.element()
        ),
    ))
}

fn malformed(detail: impl Into<String>) -> Rejection {
    Rejection::new(Reason::RedirectMalformed, detail)
}

fn too_large(limit: usize) -> Rejection {
    Rejection::new(Reason::MessageTooLarge, format!("The message has more than {limit} bytes."))
}
