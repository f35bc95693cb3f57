//! An answer of the outside, handed on: its body as it is, and of its headers what concerns nobody's browser or connection.

use std::io;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use gatehouse_types::{Error, Result};
use gatehouse_web::{NeverStored, OfAnother};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::stream::Flowing;

/// Headers that end here: of the connection (RFC 9110 §7.6.1), of its framing and caching, and those that would tell a
/// browser or a proxy in front of us something in our name.
const END_HERE: [&str; 34] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "date",
    "server",
    "age",
    "cache-control",
    "expires",
    "pragma",
    "vary",
    "set-cookie",
    "set-cookie2",
    "alt-svc",
    "clear-site-data",
    "content-security-policy",
    "content-security-policy-report-only",
    "nel",
    "origin-agent-cluster",
    "permissions-policy",
    "refresh",
    "report-to",
    "reporting-endpoints",
    "service-worker-allowed",
    "set-login",
    "sourcemap",
    "strict-transport-security",
    "www-authenticate",
];
/// Beginnings of further ones; the last are our own words.
const END_HERE_BY_BEGINNING: [&str; 10] = [
    "access-control-",
    "cross-origin-",
    "cdn-",
    "surrogate-",
    "x-accel-",
    "x-lighttpd-",
    "x-litespeed-",
    "x-reproxy-",
    "x-sendfile",
    "gatehouse-",
];

/// The headers that go on.
fn going_on(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let ends = |name: &str| {
        END_HERE.contains(&name)
            || END_HERE_BY_BEGINNING.iter().any(|beginning| name.starts_with(beginning))
            || named.iter().any(|other| other == name)
    };
    let all = headers.iter().filter(|(name, _)| !ends(name.as_str()));
    all.map(|(name, value)| (name.clone(), value.clone())).fold(
        HeaderMap::new(),
        |mut kept, (name, value)| {
            kept.append(name, value);
            kept
        },
    )
}

/// Whether a request may have its answer handed on: what is not kept could not be given again.
///
/// # Errors
/// `Validation` for one with a key by which answers are kept.
pub(crate) fn not_kept(request: &HeaderMap) -> Result<()> {
    if !request.contains_key("idempotency-key") {
        return Ok(());
    }
    let message = "An answer that is streamed is not kept: leave Idempotency-Key out, or stream out.";
    Err(Error::validation("stream", message))
}

/// The answer as it goes on. It is always 200 of ours: the outside's status is in a header, so that nobody takes its 401 for
/// the end of a session here.
pub(crate) fn handed_on(flowing: Flowing) -> Response {
    let mut headers = going_on(&flowing.headers);
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/octet-stream"));
    // whatever it is, it is no page of this host
    let is_file = headers.get(CONTENT_DISPOSITION).is_some_and(|v| v.as_bytes().starts_with(b"attachment"));
    if !is_file {
        headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let mut say = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    say("gatehouse-status", flowing.status.as_u16().to_string());
    say("gatehouse-call-id", flowing.id.to_string());
    say("gatehouse-credential-version", flowing.version.to_string());
    say("gatehouse-retried", flowing.retried.to_string());
    let body = tokio_stream::iter(flowing.first).chain(ReceiverStream::new(flowing.rest));
    // asked when all pieces were read: a part must not end like a whole
    let whole = flowing.whole;
    let broken = || io::Error::other("the answer broke off");
    let end = std::iter::once_with(move || (!whole.load(Ordering::Acquire)).then(|| Err(broken())));
    let body = body.chain(tokio_stream::iter(end.flatten()));
    let mut response = Response::new(Body::from_stream(body));
    *response.headers_mut() = headers;
    response.extensions_mut().insert(OfAnother);
    // an answer of any size is kept for no second request with the same key
    response.extensions_mut().insert(NeverStored);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_connections_and_browsers_ends_here() {
        let all = [
            ("connection", "keep-alive, X-Hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("set-cookie", "a=b"),
            ("access-control-allow-origin", "*"),
            ("gatehouse-status", "200"),
            ("x-accel-redirect", "/internal"),
            ("x-sendfile", "/etc/passwd"),
            ("content-type", "text/html"),
            ("link", "<https://a.test/?page=2>; rel=next"),
            ("link", "<https://a.test/?page=9>; rel=last"),
            ("x-ratelimit-remaining", "7"),
        ];
        let headers =
            all.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let kept = going_on(&headers.into_iter().fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        }));
        let names: Vec<_> = kept.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["content-type", "link", "link", "x-ratelimit-remaining"]);
    }

    /// What came over, and whether it ended like a whole.
    async fn read(is_whole: bool) -> (usize, bool) {
        let (pieces, rest) = tokio::sync::mpsc::channel(2);
        pieces.send(Ok(b"piece".to_vec())).await.unwrap();
        drop(pieces);
        let flowing = Flowing {
            id: gatehouse_types::Id::from_stored("obc_1".to_owned()),
            status: gatehouse_outbound::StatusCode::OK,
            headers: HeaderMap::new(),
            first: vec![Ok(b"first ".to_vec())],
            rest,
            whole: std::sync::Arc::new(std::sync::atomic::AtomicBool::new(is_whole)),
            retried: false,
            version: 1,
        };
        let mut body = handed_on(flowing).into_body().into_data_stream();
        let (mut bytes, mut ends_well) = (0, true);
        while let Some(piece) = body.next().await {
            match piece {
                Ok(piece) => bytes += piece.len(),
                Err(_) => ends_well = false,
            }
        }
        (bytes, ends_well)
    }

    #[tokio::test]
    async fn a_part_does_not_end_like_a_whole() {
        assert_eq!(read(true).await, (11, true));
        assert_eq!(read(false).await, (11, false));
    }
}
