use aws_lc_rs::hmac;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatehouse_types::Error;

use super::cookies::{CookieKind, Cookies};
use super::public_url::PublicUrl;
use crate::edge::context::Web;
use crate::html::view::HtmlError;

/// The form field that carries the proof.
pub const CSRF_FIELD: &str = "csrf";
/// The header that carries it where there is no form.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// Proves that a change was asked for by one of our own pages: signed double submit.
///
/// A random cookie, and in the form the HMAC-SHA256 of it and of the session it was shown in. Who can plant a cookie
/// still cannot make the proof, and a proof of one session is worth nothing in another.
#[derive(Clone)]
pub struct Csrf {
    key: hmac::Key,
}

impl Csrf {
    /// With this secret key.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key) }
    }

    /// The proof for a CSRF cookie and the session cookie beside it, if any.
    pub fn token(&self, cookie: &str, session: Option<&str>) -> String {
        self.sign(&message(cookie, session))
    }

    /// Whether the proof fits, compared in constant time.
    pub fn verify(&self, cookie: &str, session: Option<&str>, token: &str) -> bool {
        self.verify_signed(&message(cookie, session), token)
    }

    /// Whether the `X-CSRF-Token` header proves the request.
    pub fn verify_header(&self, headers: &HeaderMap, cookies: &Cookies) -> bool {
        let token = headers.get(CSRF_HEADER).and_then(|v| v.to_str().ok());
        token.is_some_and(|t| self.verify_request(headers, cookies, t))
    }

    /// Whether the proof fits the cookies of this request.
    pub fn verify_request(&self, headers: &HeaderMap, cookies: &Cookies, token: &str) -> bool {
        let session = cookies.get(headers, CookieKind::Session);
        cookies.get(headers, CookieKind::Csrf).is_some_and(|cookie| self.verify(cookie, session, token))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, message))
    }

    pub(crate) fn verify_signed(&self, message: &[u8], signature: &str) -> bool {
        URL_SAFE_NO_PAD.decode(signature).is_ok_and(|s| hmac::verify(&self.key, message, &s).is_ok())
    }
}

impl std::fmt::Debug for Csrf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Csrf")
    }
}

/// Lengths stand before the parts, so that no two pairs share a message.
fn message(cookie: &str, session: Option<&str>) -> Vec<u8> {
    let mut bytes = b"csrf\0".to_vec();
    for part in [cookie, session.unwrap_or_default()] {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

/// Whether the browser itself says that one of our own pages asks. `false` also when nothing says so.
///
/// `Sec-Fetch-Site` decides when it is there (no script can set it); else `Origin` must be ours.
pub fn same_origin(headers: &HeaderMap, public_url: &PublicUrl) -> bool {
    match (headers.get("sec-fetch-site"), headers.get(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin.as_bytes() == public_url.origin().as_bytes(),
        (None, None) => false,
    }
}

/// Whether the browser says that somebody else's page asks.
pub(crate) fn foreign_origin(headers: &HeaderMap, public_url: &PublicUrl) -> bool {
    let told = headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN);
    told && !same_origin(headers, public_url)
}

/// The proof to write into this page's forms; asking for it makes sure that the cookie goes along.
#[derive(Clone, Debug)]
pub struct CsrfToken(pub String);

impl<S: Send + Sync> FromRequestParts<S> for CsrfToken {
    type Rejection = HtmlError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HtmlError> {
        Ok(Self(Web::of(&parts.extensions)?.csrf_token(&parts.headers)))
    }
}

pub(crate) fn stale() -> Error {
    Error::authorization(
        "This form is out of date, or did not come from one of our pages. Open the page again and repeat what you did.",
    )
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (n.parse().unwrap(), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn a_proof_is_good_for_its_cookie_and_session_only() {
        let csrf = Csrf::new([7; 32]);
        let token = csrf.token("cookie", Some("session"));
        assert!(csrf.verify("cookie", Some("session"), &token));
        assert!(!csrf.verify("cookie", None, &token));
        assert!(!csrf.verify("cookie2", Some("session"), &token));
        assert!(!csrf.verify("cookies", Some("ession"), &token), "parts do not run into each other");
        assert!(!csrf.verify("cookie", Some("session"), ""));
        assert!(!Csrf::new([8; 32]).verify("cookie", Some("session"), &token));
    }

    #[test]
    fn the_browser_tells_who_asks() {
        let here: PublicUrl = "https://gate.test".parse().unwrap();
        assert!(same_origin(&headers(&[("origin", "https://gate.test")]), &here));
        assert!(same_origin(
            &headers(&[("sec-fetch-site", "same-origin"), ("origin", "http://localhost")]),
            &here
        ));
        for foreign in [
            headers(&[("origin", "https://evil.test")]),
            headers(&[("origin", "null")]),
            headers(&[("sec-fetch-site", "same-site"), ("origin", "https://gate.test")]),
            headers(&[("sec-fetch-site", "cross-site")]),
        ] {
            assert!(!same_origin(&foreign, &here) && foreign_origin(&foreign, &here), "{foreign:?}");
        }
        assert!(!same_origin(&headers(&[]), &here) && !foreign_origin(&headers(&[]), &here));
    }
}
