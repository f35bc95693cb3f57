//! The HTTP-Redirect binding (bindings §3.4): deflating, query strings, and reading a request in the lab's
//! identity provider.

use crate::authn_request::{AuthnRequest, RequestError};
use crate::certificate::Certificate;
use crate::error::Rejection;
use crate::keys::{SignatureAlgorithm, SigningKey};
use crate::limits;
use crate::query::{RawQuery, bytes_of, rsa_sha2};
use crate::xml::{self, ns};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use std::borrow::Cow;
use std::io::{Read, Write};

/// A request as the identity provider received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedRequest {
    /// The request's ID, to be repeated as InResponseTo.
    pub id: String,
    /// The service provider's entity id.
    pub issuer: String,
    /// Where it wants the response.
    pub acs_url: Option<String>,
    /// Where it was sent.
    pub destination: Option<String>,
    /// To be returned as it is.
    pub relay_state: Option<String>,
    /// Whether the person must sign in again.
    pub force_authn: bool,
    /// Whether a signature was there and the given certificate verified it. `false` when there was none or no
    /// certificate was given; a wrong signature is an error.
    pub signature_verified: bool,
}

/// Why a query holds no acceptable request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectError {
    /// The query or what it inflates to is too large.
    #[error("the request is too large")]
    TooLarge,
    /// No `SAMLRequest`.
    #[error("the query has no SAMLRequest")]
    Missing,
    /// A parameter is there twice.
    #[error("the query has the parameter {0} twice")]
    Repeated(&'static str),
    /// Percent-encoding, base64 or deflate is broken.
    #[error("the parameter {0} is not properly encoded")]
    Encoding(&'static str),
    /// The signature algorithm is not RSA with SHA-2.
    #[error("the signature algorithm is not allowed")]
    AlgorithmForbidden,
    /// The signature is wrong.
    #[error("the signature of the request is wrong")]
    SignatureInvalid,
    /// The inflated bytes are no request.
    #[error("not a SAML 2.0 AuthnRequest: {0}")]
    NotARequest(String),
}

impl From<Rejection> for RedirectError {
    fn from(refused: Rejection) -> Self {
        Self::NotARequest(refused.detail)
    }
}

impl AuthnRequest {
    /// Reads a request from the raw query string, as it was received, and verifies its signature when a
    /// certificate is given.
    ///
    /// # Errors
    /// When there is no request, or it is too large, or its signature is wrong.
    pub fn from_redirect_query(
        query: &str,
        sp_certificate: Option<&Certificate>,
    ) -> Result<ReceivedRequest, RedirectError> {
        if query.len() > limits::REDIRECT_QUERY_BYTES {
            return Err(RedirectError::TooLarge);
        }
        let raw = RawQuery::read(query).map_err(RedirectError::Repeated)?;
        let request = raw.request.ok_or(RedirectError::Missing)?;
        let signature_verified = verified(&raw, request, sp_certificate)?;
        let deflated = bytes_of(request).ok_or(RedirectError::Encoding("SAMLRequest"))?;
        let bytes = inflate(&deflated)?;
        let relay_state = raw
            .relay_state
            .map(|r| decode_component(r).ok_or(RedirectError::Encoding("RelayState")))
            .transpose()?
            .map(Cow::into_owned);
        read_request(&bytes, relay_state, signature_verified)
    }
}

impl AuthnRequest {
    /// Reads a request from the form field of the HTTP-POST binding (bindings §3.5) and verifies its enveloped
    /// signature when certificates, at most two, are given.
    ///
    /// # Errors
    /// When there is no request, or it is too large, or its signature is wrong.
    pub fn from_post_field(
        field: &str,
        relay_state: Option<String>,
        sp_certificates: &[Certificate],
        now: i64,
    ) -> Result<ReceivedRequest, RedirectError> {
        if field.len() > limits::REDIRECT_QUERY_BYTES {
            return Err(RedirectError::TooLarge);
        }
        let packed: Vec<u8> = field.bytes().filter(|c| !c.is_ascii_whitespace()).collect();
        let bytes = xml::decode_base64(&packed).ok_or(RedirectError::Encoding("SAMLRequest"))?;
        let document = xml::parse(&bytes)?;
        let signed = !sp_certificates.is_empty() && {
            let by = crate::dsig::verify_root(&document, sp_certificates, now);
            by.map_err(|_| RedirectError::SignatureInvalid)?.is_some()
        };
        read_request(&bytes, relay_state, signed)
    }
}

fn read_request(
    bytes: &[u8],
    relay_state: Option<String>,
    signature_verified: bool,
) -> Result<ReceivedRequest, RedirectError> {
    let document = xml::parse(bytes)?;
    let root = document.root_element();
    if !xml::is(root, ns::SAMLP, "AuthnRequest") {
        return Err(RedirectError::NotARequest("the root is another element".to_owned()));
    }
    let issuer = xml::at_most_one(root, ns::SAML, "Issuer")?
        .ok_or_else(|| RedirectError::NotARequest("no issuer".to_owned()))?;
    let own = |name| xml::attribute(root, name).map(str::to_owned);
    Ok(ReceivedRequest {
        id: xml::required_attribute(root, "ID")?.to_owned(),
        issuer: xml::text(issuer)?,
        acs_url: own("AssertionConsumerServiceURL"),
        destination: own("Destination"),
        relay_state,
        force_authn: matches!(xml::attribute(root, "ForceAuthn"), Some("true" | "1")),
        signature_verified,
    })
}

/// Whether the signature of a request is there and right; `false` without a signature or a certificate.
fn verified(
    raw: &RawQuery<'_>,
    request: &str,
    certificate: Option<&Certificate>,
) -> Result<bool, RedirectError> {
    let (Some(certificate), Some(signature)) = (certificate, raw.signature) else { return Ok(false) };
    let algorithm = raw.algorithm.ok_or(RedirectError::AlgorithmForbidden)?;
    let algorithm = decode_component(algorithm).ok_or(RedirectError::Encoding("SigAlg"))?;
    let how = rsa_sha2(&algorithm).ok_or(RedirectError::AlgorithmForbidden)?;
    let value = bytes_of(signature).ok_or(RedirectError::Encoding("Signature"))?;
    if certificate.verifies(how, raw.signed("SAMLRequest", request).as_bytes(), &value) {
        Ok(true)
    } else {
        Err(RedirectError::SignatureInvalid)
    }
}

/// The URL that carries a message in its query: deflated, with the relay state and, with a key, the RSA-SHA256
/// signature of both (bindings §3.4.4.1). The destination may have a query of its own.
pub(crate) fn address(
    destination: &str,
    parameter: &str,
    message: &str,
    relay_state: Option<&str>,
    signing: Option<&SigningKey>,
) -> Result<String, RequestError> {
    if relay_state.is_some_and(|r| r.len() > limits::RELAY_STATE_BYTES) {
        return Err(RequestError::RelayStateTooLong);
    }
    let packed = xml::encode_base64(deflate(message.as_bytes()));
    let mut query = format!("{parameter}={}", encode_component(&packed));
    if let Some(relay_state) = relay_state {
        query.push_str("&RelayState=");
        query.push_str(&encode_component(relay_state));
    }
    if let Some(key) = signing {
        let algorithm = SignatureAlgorithm::RsaSha256;
        query.push_str("&SigAlg=");
        query.push_str(&encode_component(algorithm.uri()));
        let signature = key.sign(algorithm, query.as_bytes())?;
        query.push_str("&Signature=");
        query.push_str(&encode_component(&xml::encode_base64(signature)));
    }
    let (url, fragment) = match destination.split_once('#') {
        Some((url, fragment)) => (url, Some(fragment)),
        None => (destination, None),
    };
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, own)) if own.is_empty() || own.ends_with('&') => "",
        Some(_) => "&",
    };
    let fragment = fragment.map(|f| format!("#{f}")).unwrap_or_default();
    Ok(format!("{url}{joint}{query}{fragment}"))
}

/// Raw DEFLATE (RFC 1951).
pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(bytes.len()), Compression::default());
    // Writing into a vector has no way to fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// Inflates at most [`limits::REDIRECT_REQUEST_BYTES`].
pub(crate) fn inflate(bytes: &[u8]) -> Result<Vec<u8>, RedirectError> {
    let limit = limits::REDIRECT_REQUEST_BYTES;
    let mut out = Vec::new();
    DeflateDecoder::new(bytes)
        .take(limit as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|_| RedirectError::Encoding("SAMLRequest"))?;
    if out.len() > limit { Err(RedirectError::TooLarge) } else { Ok(out) }
}

/// Percent-encodes all but the unreserved characters (RFC 3986 §2.3).
pub(crate) fn encode_component(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len() * 5 / 4);
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(b));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(b >> 4)]));
            out.push(char::from(DIGITS[usize::from(b & 15)]));
        }
    }
    out
}

/// Undoes percent-encoding, with “+” for a space as forms write it.
pub(crate) fn decode_component(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        out.push(match b {
            b'+' => b' ',
            b'%' => {
                let digit = |b: Option<u8>| char::from(b?).to_digit(16);
                let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
                u8::try_from(value).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}
