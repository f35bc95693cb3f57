//! Redirects, followed by hand so that each one passes the same checks as the first call (RFC 9110 §15.4).

use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION};
use reqwest::{Method, StatusCode};
use url::Url;

use super::{Error, OutboundRequest, Refusal, guard};

/// What another origin may see of the caller's headers; keys and tokens hide under any name.
const HARMLESS: [HeaderName; 2] = [ACCEPT, ACCEPT_LANGUAGE];

/// The request that follows this answer, or `None` when the answer is final.
pub(super) fn next(
    request: &OutboundRequest,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<OutboundRequest>, Error> {
    let Some(location) = headers.get(LOCATION).filter(|_| follows(status)) else { return Ok(None) };
    let target = location.to_str().ok().and_then(|text| request.url.join(text).ok()).ok_or_else(|| {
        Error::Protocol {
            origin: guard::origin(&request.url),
            detail: "it redirects to no web address".to_owned(),
        }
    })?;
    let refuse = |reason| Err(Error::refused(guard::origin(&target), reason));
    if request.url.scheme() == "https" && target.scheme() != "https" {
        return refuse(Refusal::Downgrade);
    }
    if request.limits.same_host_only && !same_host(&request.url, &target) {
        return refuse(Refusal::OtherHost);
    }
    let mut next = OutboundRequest { url: target.clone(), ..request.clone() };
    if becomes_get(status, &request.method) {
        next.method = Method::GET;
        next.body.clear();
        next.headers.remove(CONTENT_TYPE);
    }
    if request.url.origin() != target.origin() && !same_host(&request.url, &target) {
        if !next.body.is_empty() {
            return refuse(Refusal::BodyElsewhere);
        }
        let (old, mut kept) = (std::mem::take(&mut next.headers), HeaderMap::new());
        for name in HARMLESS {
            kept.extend(old.get(&name).map(|value| (name, value.clone())));
        }
        next.headers = kept;
    }
    Ok(Some(next))
}

fn follows(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// 303 always asks for the other document; after 301 and 302 every client turns POST into GET.
fn becomes_get(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        303 => method != Method::HEAD,
        301 | 302 => method == Method::POST,
        _ => false,
    }
}

/// Same name and port; another port may belong to somebody else. The step from http to https at their own ports
/// counts as the same.
fn same_host(from: &Url, to: &Url) -> bool {
    let upgrade =
        from.scheme() == "http" && to.scheme() == "https" && from.port().is_none() && to.port().is_none();
    from.host() == to.host() && (upgrade || from.origin() == to.origin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    fn go(
        method: Method,
        from: &str,
        status: u16,
        to: &str,
        same_host_only: bool,
    ) -> Result<Option<OutboundRequest>, Error> {
        let body = if method == Method::GET { vec![] } else { b"client_secret=x".to_vec() };
        let mut request = OutboundRequest { body, ..OutboundRequest::new(method, Url::parse(from).unwrap()) };
        request.limits = Limits { same_host_only, ..Limits::default() };
        for name in ["authorization", "x-api-key", "accept", "content-type"] {
            request.headers.insert(HeaderName::from_static(name), "v".parse().unwrap());
        }
        let headers = HeaderMap::from_iter([(LOCATION, to.parse().unwrap())]);
        next(&request, StatusCode::from_u16(status).unwrap(), &headers)
    }

    fn refusal(result: Result<Option<OutboundRequest>, Error>) -> Refusal {
        match result {
            Err(Error::Refused { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn encryption_is_gained_but_never_given_up() {
        assert!(go(Method::GET, "http://a.example/", 301, "https://a.example/", true).unwrap().is_some());
        assert_eq!(
            refusal(go(Method::GET, "https://a.example/", 301, "http://a.example/", false)),
            Refusal::Downgrade
        );
        assert_eq!(
            refusal(go(Method::GET, "https://a.example/", 301, "ftp://a.example/", false)),
            Refusal::Downgrade
        );
    }

    #[test]
    fn the_same_host_means_the_same_name_and_port() {
        for elsewhere in [
            "https://b.example/",
            "https://www.a.example/",
            "https://a.example:8443/",
            "//b.example/",
            "https://a.example.b.example/",
        ] {
            assert_eq!(
                refusal(go(Method::GET, "https://a.example/", 302, elsewhere, true)),
                Refusal::OtherHost,
                "{elsewhere}"
            );
        }
        let next = go(Method::GET, "https://a.example/x/y", 302, "../z", true).unwrap().unwrap();
        assert_eq!(next.url.as_str(), "https://a.example/z");
    }

    #[test]
    fn only_harmless_headers_go_to_another_origin() {
        let same = go(Method::GET, "https://a.example/", 302, "/next", false).unwrap().unwrap();
        assert!(same.headers.contains_key("authorization"));
        let other = go(Method::GET, "https://a.example/", 302, "https://b.example/", false).unwrap().unwrap();
        let names: Vec<_> = other.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["accept"]);
    }

    #[test]
    fn a_body_never_goes_to_another_origin() {
        assert_eq!(
            refusal(go(Method::POST, "https://a.example/", 307, "https://b.example/", false)),
            Refusal::BodyElsewhere
        );
        let kept = go(Method::POST, "https://a.example/", 308, "/next", false).unwrap().unwrap();
        assert_eq!((kept.method, kept.body.is_empty()), (Method::POST, false));
        let turned =
            go(Method::POST, "https://a.example/", 303, "https://b.example/", false).unwrap().unwrap();
        assert_eq!((turned.method, turned.body.is_empty()), (Method::GET, true));
    }

    #[test]
    fn other_statuses_are_answers() {
        for status in [200, 201, 300, 304, 404] {
            assert!(
                go(Method::GET, "https://a.example/", status, "/next", false).unwrap().is_none(),
                "{status}"
            );
        }
    }
}
