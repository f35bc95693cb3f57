use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use gatehouse_types::{Error, Id, RequestId};
use url::Url;

/// Lets the forms of one answer lead to another host, for instance a SAML POST page (an extension of the response).
///
/// Browsers also check `form-action` on the redirect that answers a form, so a form whose handler redirects to another
/// host needs this too: or let the handler answer [`crate::RedirectAway`].
#[derive(Clone, Debug)]
pub struct AllowFormAction(String);

impl AllowFormAction {
    /// Towards the origin of this `http(s)` URL.
    ///
    /// # Errors
    /// `Validation` when it is no such URL.
    pub fn to(url: &str) -> Result<Self, Error> {
        let parsed = Url::parse(url).ok().filter(|u| matches!(u.scheme(), "http" | "https"));
        let origin = parsed.map(|u| u.origin().ascii_serialization());
        origin.map(Self).ok_or_else(|| Error::validation("url", "This is not an http or https URL."))
    }
}

/// Lets pages of one other origin show an answer in a frame or as a picture (an extension of the response): only for
/// what shows nothing of ours, like the answer to a provider's sign-off.
#[derive(Clone, Debug)]
pub struct EmbeddableBy(pub String);

/// Says that an answer is for a program and has nothing that a browser could show or run (an extension of the response):
/// it goes without what only pages need.
#[derive(Clone, Copy, Debug)]
pub struct ForPrograms;

/// Says that an answer's body is somebody else's (an extension of the response): whatever it claims to be, a browser that
/// shows it runs nothing of it and loads nothing for it.
#[derive(Clone, Copy, Debug)]
pub struct OfAnother;

/// What a browser may do with somebody else's body.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'");

pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The headers every answer carries, whatever it is.
const ALWAYS: [(HeaderName, HeaderValue); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // not no-referrer: with that, browsers send `Origin: null` with our own forms
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// One year, the span the browsers' preload rules ask for.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

pub(super) fn secure(response: &mut Response, request_id: &RequestId, https: bool) {
    if response.extensions_mut().remove::<ForPrograms>().is_some() {
        let headers = response.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        if let Ok(id) = HeaderValue::from_str(request_id.as_str()) {
            headers.insert(X_REQUEST_ID, id);
        }
        return;
    }
    let allowed = response.extensions_mut().remove::<AllowFormAction>();
    let embedding = response.extensions_mut().remove::<EmbeddableBy>();
    let of_another = response.extensions_mut().remove::<OfAnother>().is_some();
    let headers = response.headers_mut();
    // an answer may keep its address even from ourselves
    let silent = headers.get(header::REFERRER_POLICY).is_some_and(|v| v == "no-referrer");
    for (name, value) in ALWAYS {
        // a page whose address is a secret says less of where one came from
        if name == header::REFERRER_POLICY && headers.get(&name).is_some_and(|v| v == "strict-origin") {
            continue;
        }
        headers.insert(name, value);
    }
    if silent {
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let ancestors = embedding.as_ref().map_or("'none'", |by| by.0.as_str());
    if let Ok(policy) = HeaderValue::from_str(&content_security_policy(allowed.as_ref(), ancestors)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if of_another {
        headers.insert(header::CONTENT_SECURITY_POLICY, NOTHING);
    }
    if embedding.is_some() {
        headers.remove(header::X_FRAME_OPTIONS);
        let anywhere = HeaderValue::from_static("cross-origin");
        headers.insert(HeaderName::from_static("cross-origin-resource-policy"), anywhere);
    }
    if let Ok(id) = HeaderValue::from_str(request_id.as_str()) {
        headers.insert(X_REQUEST_ID, id);
    }
}

fn content_security_policy(allowed: Option<&AllowFormAction>, ancestors: &str) -> String {
    let form_action = allowed.map(|a| format!(" {}", a.0)).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; form-action 'self'{form_action}; frame-ancestors {ancestors}; base-uri 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_origin_is_added_for_forms() {
        let allowed = AllowFormAction::to("https://idp.test:8443/sso?x=1;script-src%20*").unwrap();
        let policy = content_security_policy(Some(&allowed), "'none'");
        assert!(policy.contains("form-action 'self' https://idp.test:8443; frame-ancestors"), "{policy}");
        assert!(AllowFormAction::to("javascript:alert(1)").is_err());
        assert!(!content_security_policy(None, "'none'").contains("unsafe"));
    }

    #[test]
    fn an_answer_may_be_framed_by_the_one_origin_that_it_names() {
        let mut response = Response::new(axum::body::Body::empty());
        response.extensions_mut().insert(EmbeddableBy("https://idp.test".to_owned()));
        secure(&mut response, &RequestId::from_stored("req_1".to_owned()), true);
        let of = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok());
        assert!(of("content-security-policy").unwrap().contains("; frame-ancestors https://idp.test; "));
        assert_eq!((of("x-frame-options"), of("cross-origin-resource-policy")), (None, Some("cross-origin")));
        assert_eq!(of("x-content-type-options"), Some("nosniff"));
    }
}
