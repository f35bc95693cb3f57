use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

/// The hosts that are outside; all of them are this one server.
const HOSTS: [&str; 18] = [
    "login.microsoftonline.com",
    "acme-api.icertis.com",
    "acme-business-api.icertis.com",
    "login.salesforce.com",
    "acme.my.salesforce.com",
    "account.docusign.com",
    "na3.docusign.net",
    "oauth2.googleapis.com",
    "www.googleapis.com",
    "sheets.googleapis.com",
    "api.twitter.com",
    "api.x.com",
    "api.trello.com",
    "vcenter.acme.example",
    "polly.eu-west-1.amazonaws.com",
    "petstore.example",
    "edirapi.acme.example",
    "sharepoint.acme.example",
];

/// What came to an outside server.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The members of a form.
    pub(crate) fn form(&self) -> HashMap<String, String> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

type Answer = (u16, Vec<(String, String)>, String);

#[derive(Default)]
struct Said {
    seen: Vec<Seen>,
    /// What a place (`host/path`) answers; the last answer stays.
    answers: HashMap<String, Vec<Answer>>,
    /// Tokens that token endpoints gave.
    given: usize,
    /// The claims of tokens; `null`: an opaque token.
    claims: Value,
    /// Bearer tokens that are refused.
    refused: Vec<String>,
    /// Places that answer with so many pieces of 64 KiB, and whether the answer ends well.
    flows: HashMap<String, (usize, bool)>,
}

/// The world outside: https servers of many names behind a proxy, among them a fake Entra ID and a fake ICI.
#[derive(Clone)]
pub(crate) struct Outside {
    /// The proxy that leads to all of them.
    pub(crate) proxy: String,
    /// The authority that their certificates are of.
    pub(crate) ca: PathBuf,
    said: Arc<Mutex<Said>>,
}

/// Connections that have passed the proxy and TLS.
struct Inside(mpsc::Receiver<TlsStream<TcpStream>>);

impl axum::serve::Listener for Inside {
    type Io = TlsStream<TcpStream>;
    type Addr = ();

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.0.recv().await {
            Some(stream) => (stream, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Outside {
    /// Starts it; its authority's certificate is kept in a folder.
    #[expect(clippy::disallowed_methods, reason = "the test is the outside")]
    pub(crate) async fn start(folder: &std::path::Path) -> Self {
        let (acceptor, ca) = certificates();
        let file = folder.join("outside-ca.pem");
        std::fs::write(&file, ca).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://{}", listener.local_addr().unwrap());
        let outside = Self { proxy, ca: file, said: Arc::default() };
        let (to, inside) = mpsc::channel(64);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, to) = (acceptor.clone(), to.clone());
                tokio::spawn(async move {
                    if let Some(stream) = connected(stream, acceptor).await {
                        let _ = to.send(stream).await;
                    }
                });
            }
        });
        let router = Router::new().fallback(answer).with_state(outside.clone());
        tokio::spawn(async move { axum::serve(Inside(inside), router).await.unwrap() });
        outside
    }

    fn with<T>(&self, what: impl FnOnce(&mut Said) -> T) -> T {
        what(&mut self.said.lock().unwrap())
    }

    /// What a place answers from now on, in this order; the last answer stays.
    pub(crate) fn answer(&self, place: &str, status: u16, body: &Value) {
        self.answer_with(place, status, &[], &body.to_string());
    }

    /// The same with headers and any text.
    pub(crate) fn answer_with(&self, place: &str, status: u16, headers: &[(&str, &str)], body: &str) {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        self.with(|said| {
            said.answers.entry(place.to_owned()).or_default().push((status, headers, body.to_owned()))
        });
    }

    /// A place answers with so many pieces of 64 KiB from now on, with a cookie; then it ends, well or not.
    pub(crate) fn flows(&self, place: &str, pieces: usize, well: bool) {
        self.with(|said| said.flows.insert(place.to_owned(), (pieces, well)));
    }

    /// Forgets what a place answers.
    pub(crate) fn forget(&self, place: &str) {
        self.with(|said| drop(said.answers.remove(place)));
    }

    /// The claims of the tokens that Entra ID gives from now on; `null`: opaque tokens.
    pub(crate) fn claims(&self, claims: Value) {
        self.with(|said| said.claims = claims);
    }

    /// No server takes this token any more.
    pub(crate) fn refuse(&self, token: &str) {
        self.with(|said| said.refused.push(token.to_owned()));
    }

    /// What came since the last look.
    pub(crate) fn take(&self) -> Vec<Seen> {
        self.with(|said| std::mem::take(&mut said.seen))
    }

    /// What came to a host since the last look.
    pub(crate) fn take_at(&self, host: &str) -> Vec<Seen> {
        self.take().into_iter().filter(|seen| seen.host == host).collect()
    }
}

/// A certificate for all hosts, and the authority's own.
fn certificates() -> (TlsAcceptor, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = HOSTS.iter().map(|h| (*h).to_owned()).collect();
    let own = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![own.der().clone()], key);
    (TlsAcceptor::from(Arc::new(config.unwrap())), ca_pem)
}

/// The proxy's part: takes CONNECT to one of the hosts, then speaks TLS.
async fn connected(mut stream: TcpStream, acceptor: TlsAcceptor) -> Option<TlsStream<TcpStream>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let host = head.strip_prefix("CONNECT ")?.split(':').next()?.to_owned();
    if !HOSTS.contains(&host.as_str()) {
        stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await.ok()?;
        return None;
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
    acceptor.accept(stream).await.ok()
}

async fn answer(State(outside): State<Outside>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let host = headers.get("host").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let seen = Seen {
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
        headers,
        host,
    };
    let place = format!("{}{}", seen.host, seen.path);
    outside.with(|said| said.seen.push(seen.clone()));
    if let Some((pieces, well)) = outside.with(|said| said.flows.get(&place).copied()) {
        let pieces = (0..pieces).map(|_| Ok(vec![b'x'; 64 * 1024]));
        let end = (!well).then(|| Err(std::io::Error::other("broken")));
        let body = tokio_stream::iter(pieces.chain(end));
        // what came before the end is on its way by then
        let body = tokio_stream::StreamExt::then(body, |piece: std::io::Result<Vec<u8>>| async move {
            if piece.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            }
            piece
        });
        let body = axum::body::Body::from_stream(body);
        return ([("content-type", "text/csv"), ("set-cookie", "a=b")], body).into_response();
    }
    let wanted = outside.with(|said| {
        let queue = said.answers.get_mut(&place)?;
        if queue.len() > 1 { Some(queue.remove(0)) } else { queue.first().cloned() }
    });
    let (status, headers, body) = wanted.unwrap_or_else(|| usual(&outside, &seen));
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        let name = HeaderName::try_from(name).unwrap();
        if name == "content-type" {
            response.headers_mut().remove(&name);
        }
        response.headers_mut().append(name, HeaderValue::try_from(value).unwrap());
    }
    response
}

/// What is answered when the test has said nothing: Entra ID gives tokens, ICI knows its credentials.
fn usual(outside: &Outside, seen: &Seen) -> Answer {
    let json = |status: u16, value: Value| (status, Vec::new(), value.to_string());
    match seen.host.as_str() {
        "login.microsoftonline.com" if seen.path.ends_with("/token") => {
            let (number, claims) = outside.with(|said| {
                said.given += 1;
                (said.given, said.claims.clone())
            });
            let token = match &claims {
                Value::Null => format!("opaque-{number}"),
                claims => jwt(claims, number),
            };
            json(
                200,
                json!({"token_type": "Bearer", "access_token": token, "expires_in": 3600,
                    "refresh_token": format!("rt-{number}"), "scope": "api://x/.default"}),
            )
        }
        host if host.ends_with(".icertis.com") => {
            let bearer = seen.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
            let refused = outside.with(|said| said.refused.iter().any(|t| t == bearer));
            let key = seen.header("icmauthtoken");
            if (!bearer.is_empty() && !refused) || key == "ici-key" {
                json(200, json!({"data": [{"name": "Ada"}]}))
            } else {
                json(401, json!({"message": "The token is not accepted."}))
            }
        }
        _ => json(404, json!({"error": "nothing here"})),
    }
}

/// A token that nobody can verify: what it says counts here.
fn jwt(claims: &Value, number: usize) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let mut claims = claims.clone();
    claims["uti"] = json!(number);
    format!("{}.{}.c2ln", part(&json!({"alg": "RS256", "typ": "JWT"})), part(&claims))
}
