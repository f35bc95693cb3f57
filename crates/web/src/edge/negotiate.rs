use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

/// Where only programs call: failures there are JSON whatever `Accept` says.
const FOR_PROGRAMS: [&str; 7] =
    ["/api", "/authz", "/scim", "/healthz", "/readyz", "/metrics", "/.well-known"];

/// Whether this request is better answered in JSON than with a page.
///
/// `true` under the paths of programs, and where `Accept` prefers `application/json` to `text/html`. `*/*` gets a page.
pub fn wants_json(path: &str, headers: &HeaderMap) -> bool {
    let under =
        |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    FOR_PROGRAMS.into_iter().any(under)
        || accepts(headers, "application/json") > accepts(headers, "text/html")
}

/// The highest quality, in thousandths, that `Accept` gives to exactly this type (RFC 9110 §12.5.1).
fn accepts(headers: &HeaderMap, wanted: &str) -> u16 {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_wanted = parts.next().is_some_and(|t| t.eq_ignore_ascii_case(wanted));
            let quality = parts.find_map(|p| p.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok());
            is_wanted.then(|| thousandths(quality.unwrap_or(1.0)))
        })
        .max()
        .unwrap_or(0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=1000 just before"
)]
fn thousandths(quality: f32) -> u16 {
    (quality.clamp(0.0, 1.0) * 1000.0) as u16
}

/// [`wants_json`] of this request, as an extractor.
#[derive(Clone, Copy, Debug)]
pub struct WantsJson(pub bool);

impl<S: Send + Sync> FromRequestParts<S> for WantsJson {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(wants_json(parts.uri.path(), &parts.headers)))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn programs_get_json_and_people_get_pages() {
        let wants = |path: &str, accept: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            wants_json(path, &headers)
        };
        assert!(wants("/api/v1/me", "text/html"));
        assert!(wants("/api", ""));
        assert!(!wants("/apis", ""));
        assert!(wants("/saml/acs", "application/json"));
        assert!(wants("/saml/acs", "text/html;q=0.5, application/json;q=0.9"));
        assert!(!wants("/saml/acs", "text/html, application/json;q=0.9"));
        assert!(!wants("/saml/acs", "*/*"));
        assert!(!wants("/saml/acs", ""));
    }
}
