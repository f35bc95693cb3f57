//! Calls against small servers on loopback.

mod server;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use server::{HOST, Server, ok, to};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, pki_types::PrivateKeyDer};

use super::*;
use crate::IpNet;
use crate::lab_dns::DnsStub;

/// A client that may call `allow`, whose names are those of the stub.
async fn config(allow: &[&str], names: &[(&str, &[&str])]) -> (DnsStub, HttpConfig) {
    let stub = DnsStub::start().await.unwrap();
    for (name, addresses) in names {
        stub.set_addresses(name, addresses.iter().map(|a| a.parse::<IpAddr>().unwrap()));
    }
    let allow = allow.iter().map(|n| n.parse::<IpNet>().unwrap()).collect();
    let dns = Dns::server(stub.address());
    (stub, HttpConfig::new(Policy::new(allow), dns))
}

async fn client(allow: &[&str], names: &[(&str, &[&str])]) -> (DnsStub, Http) {
    let (stub, config) = config(allow, names).await;
    (stub, Http::new(config).unwrap())
}

async fn loopback() -> (DnsStub, Http) {
    client(&["127.0.0.1/32"], &[(HOST, &["127.0.0.1"])]).await
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_its_document_comes_without_cookies() {
    let server = Server::start("127.0.0.1:0", None, |_| ok("hello")).await;
    let (stub, http) = loopback().await;
    let response = http.get(&server.url("/a?b=c"), Limits::default()).await.unwrap().success().unwrap();
    assert_eq!((response.text().unwrap(), response.status.as_u16()), ("hello", 200));
    assert_eq!((response.header("content-length"), response.header("set-cookie")), (Some("5"), None));
    assert_eq!(stub.asked(), 2, "one question for A, one for AAAA");
}

#[tokio::test]
async fn a_body_comes_piece_by_piece_within_its_bounds() {
    let text = "x".repeat(300_000);
    let whole = text.clone();
    let server = Server::start("127.0.0.1:0", None, move |head| match head.starts_with("GET /endless") {
        // no length, and more than anybody wants
        true => format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{whole}"),
        false => ok(&whole),
    })
    .await;
    let (_stub, http) = loopback().await;
    let patience = Patience { head: Duration::from_secs(5), piece: Duration::from_secs(5) };
    let open = |path: &str, max_bytes: usize| {
        let limits = Limits { max_bytes, ..Limits::default() };
        http.open(OutboundRequest::get(server.url(path).parse().unwrap()).with_limits(limits), patience)
    };
    let mut answer = open("/", 300_000).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.headers.get("set-cookie")), (200, None));
    let (mut bytes, mut pieces) = (0, 0);
    while let Some(piece) = answer.next().await.unwrap() {
        (bytes, pieces) = (bytes + piece.len(), pieces + 1);
    }
    assert_eq!(bytes, 300_000);
    assert!(pieces > 1, "it is not held whole");
    // what tells its size is refused at once, what does not where it is too much
    assert!(matches!(open("/", 299_999).await, Err(Error::TooLarge { .. })));
    let mut endless = open("/endless", 100_000).await.unwrap();
    let mut got = 0;
    let error = loop {
        match endless.next().await {
            Ok(piece) => got += piece.unwrap().len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::TooLarge { .. }) && got <= 100_000, "{error:?}");
}

#[tokio::test]
async fn who_says_nothing_is_waited_for_no_longer_than_was_said() {
    let server = Server::start("127.0.0.1:0", None, |_| String::new()).await;
    let (_stub, http) = loopback().await;
    let patience = Patience { head: Duration::from_millis(50), piece: Duration::from_secs(5) };
    let error =
        http.open(OutboundRequest::get(server.url("/").parse().unwrap()), patience).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn a_name_with_only_forbidden_addresses_is_refused_before_any_connection() {
    let server = Server::start("127.0.0.1:0", None, |_| ok("secret")).await;
    let (_stub, http) = client(&[], &[(HOST, &["127.0.0.1", "10.0.0.1"])]).await;
    let error = http.get(&server.url("/p?token=hunter2"), Limits::default()).await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused { reason: Refusal::Address(range), .. } if range.contains("loopback")),
        "{error:?}"
    );
    assert!(error.to_string().contains("GATEHOUSE_EGRESS_ALLOW") && !error.to_string().contains("hunter2"));
    assert_eq!(server.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn of_a_mixed_answer_only_permitted_addresses_are_called() {
    let forbidden = Server::start("127.0.0.2:0", None, |_| ok("forbidden")).await;
    let at = format!("127.0.0.1:{}", forbidden.address.port());
    let permitted = Server::start(&at, None, |_| ok("permitted")).await;
    let (_stub, http) = client(&["127.0.0.1/32"], &[(HOST, &["127.0.0.2", "127.0.0.1"])]).await;
    let response = http.get(&permitted.url("/"), Limits::default()).await.unwrap();
    assert_eq!(response.text().unwrap(), "permitted");
    assert_eq!(forbidden.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn localhost_is_judged_like_any_name() {
    let server = Server::start("127.0.0.1:0", None, |_| ok("x")).await;
    let (_stub, http) = client(&[], &[]).await;
    for host in ["localhost", "localhost.", "sub.localhost"] {
        let url = format!("http://{host}:{}/", server.address.port());
        let error = http.get(&url, Limits::default()).await.unwrap_err();
        assert!(matches!(error, Error::Refused { .. } | Error::NoSuchHost { .. }), "{host}: {error:?}");
    }
    assert_eq!(server.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn every_redirect_is_judged_again() {
    let server = Server::start("127.0.0.1:0", None, |head| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        to(match path {
            "/metadata" => "http://169.254.169.254/latest/meta-data/",
            "/name" => "http://inside.example.test/",
            _ => "file:///etc/passwd",
        })
    })
    .await;
    let names: &[(&str, &[&str])] = &[(HOST, &["127.0.0.1"]), ("inside.example.test", &["192.168.0.1"])];
    let (_stub, http) = client(&["127.0.0.1/32"], names).await;
    for path in ["/metadata", "/name", "/file"] {
        let error = http.get(&server.url(path), Limits::default()).await.unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{path}: {error:?}");
    }
}

#[tokio::test]
async fn redirects_are_followed_to_their_end_and_not_for_ever() {
    let server = Server::start("127.0.0.1:0", None, |head| match head.split(' ').nth(1) {
        Some("/end") => ok("end"),
        Some("/once") => to("/end"),
        _ => to("/loop"),
    })
    .await;
    let (_stub, http) = loopback().await;
    let response = http.get(&server.url("/once"), Limits::default()).await.unwrap();
    assert_eq!(response.final_url.path(), "/end");
    let none = Limits { max_redirects: 0, ..Limits::default() };
    for (path, limits, calls) in [("/once", none, 1), ("/loop", Limits::default(), 4)] {
        let before = server.calls.load(Ordering::SeqCst);
        let error = http.get(&server.url(path), limits).await.unwrap_err();
        assert!(matches!(error, Error::TooManyRedirects { .. }), "{error:?}");
        assert_eq!(server.calls.load(Ordering::SeqCst) - before, calls);
    }
}

#[tokio::test]
async fn a_body_is_read_up_to_its_limit_announced_or_not() {
    let server = Server::start("127.0.0.1:0", None, |head| match head.split(' ').nth(1) {
        Some("/fits") => ok("0123456789"),
        Some("/announced") => ok("0123456789x"),
        _ => format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", "x".repeat(200_000)),
    })
    .await;
    let (_stub, http) = loopback().await;
    let limits = Limits { max_bytes: 10, ..Limits::default() };
    assert_eq!(http.get(&server.url("/fits"), limits).await.unwrap().body.len(), 10);
    for path in ["/announced", "/stream"] {
        assert!(
            matches!(http.get(&server.url(path), limits).await, Err(Error::TooLarge { limit: 10, .. })),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_deadline_holds_for_the_whole_call() {
    let silent = Server::start("127.0.0.1:0", None, |_| String::new()).await;
    let stalls =
        Server::start("127.0.0.1:0", None, |_| "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe".to_owned())
            .await;
    let (_stub, http) = loopback().await;
    let limits = Limits { timeout: Duration::from_millis(300), ..Limits::default() };
    assert!(matches!(http.get(&silent.url("/"), limits).await, Err(Error::Timeout { .. })));
    // a body cut short is no body
    assert!(matches!(http.get(&stalls.url("/"), limits).await, Err(Error::Protocol { .. })));
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn failures_have_their_own_names() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let plain = Server::start("127.0.0.1:0", None, |_| ok("x")).await;
    let noise = Server::start("127.0.0.1:0", None, |_| "SSH-2.0-OpenSSH\r\n".to_owned()).await;
    let (stub, http) = loopback().await;
    stub.fail("broken.example.test");
    for (url, code) in [
        (format!("http://127.0.0.1:{}/", closed.port()), "connect"),
        (format!("https://127.0.0.1:{}/", plain.address.port()), "tls"),
        (noise.url("/"), "protocol"),
        ("not a url".to_owned(), "refused"),
    ] {
        let error = http.get(&url, Limits::default()).await.unwrap_err();
        assert_eq!(error.code(), code, "{url}: {error:?}");
    }
}

#[tokio::test]
async fn a_request_arrives_with_its_method_headers_and_body() {
    let server = Server::start("127.0.0.1:0", None, ok).await;
    let (_stub, http) = loopback().await;
    let mut request = OutboundRequest::post(Url::parse(&server.url("/token")).unwrap(), "grant_type=x");
    request.headers.insert("x-api-key", "k".parse().unwrap());
    let echoed = http.send(request).await.unwrap();
    let text = echoed.text().unwrap();
    assert!(text.starts_with("POST /token HTTP/1.1\r\n"), "{text}");
    assert!(
        text.contains("x-api-key: k")
            && text.contains("user-agent: Gatehouse/")
            && text.contains("content-length: 12")
    );
    assert!(!text.to_lowercase().contains("cookie") && !text.contains("referer"));
}

#[tokio::test]
async fn a_proxy_gets_every_call_that_is_not_known_to_be_forbidden() {
    let proxy = Server::start("127.0.0.1:0", None, |head| ok(head.lines().next().unwrap_or_default())).await;
    let names: &[(&str, &[&str])] = &[
        ("far.example.test", &["1.1.1.1"]),
        ("inside.example.test", &["10.0.0.1"]),
        ("both.example.test", &["1.1.1.1", "10.0.0.1"]),
    ];
    let (_stub, mut config) = config(&[], names).await;
    config.proxy = Some(format!("http://{}", proxy.address).parse().unwrap());
    let http = Http::new(config).unwrap();
    let response = http.get("http://far.example.test/x", Limits::default()).await.unwrap();
    assert_eq!(response.text().unwrap(), "GET http://far.example.test/x HTTP/1.1");
    // it would choose among the addresses of a name for itself
    for inside in ["http://inside.example.test/", "http://127.0.0.1/", "http://both.example.test/"] {
        assert!(matches!(http.get(inside, Limits::default()).await, Err(Error::Refused { .. })), "{inside}");
    }
    let odd = http.get("http://127.0.0.1../", Limits::default()).await;
    assert!(matches!(odd, Err(Error::Resolve { .. })), "{odd:?}");
}

#[tokio::test]
async fn only_certificates_of_trusted_authorities_for_this_name_are_accepted() {
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let tls = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key);
    let server =
        Server::start("127.0.0.1:0", Some(TlsAcceptor::from(Arc::new(tls.unwrap()))), |_| ok("safe")).await;
    let url = |host: &str| format!("https://{host}:{}/", server.address.port());
    let names: &[(&str, &[&str])] = &[(HOST, &["127.0.0.1"]), ("other.example.test", &["127.0.0.1"])];

    let (_stub, mut config) = config(&["127.0.0.1/32"], names).await;
    let stranger = Http::new(config.clone()).unwrap().get(&url(HOST), Limits::default()).await.unwrap_err();
    assert!(
        matches!(&stranger, Error::Tls { detail, .. } if detail.contains("UnknownIssuer")),
        "{stranger:?}"
    );

    config.extra_roots = Some(made.cert.pem());
    let http = Http::new(config).unwrap();
    assert_eq!(http.get(&url(HOST), Limits::default()).await.unwrap().text().unwrap(), "safe");
    let misnamed = http.get(&url("other.example.test"), Limits::default()).await.unwrap_err();
    assert!(matches!(misnamed, Error::Tls { .. }), "{misnamed:?}");
}
