use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::sync::Notify;
use url::Url;

/// A request of ours.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) form: BTreeMap<String, String>,
}

struct Code {
    challenge: String,
    redirect_uri: String,
    account: String,
}

#[derive(Default)]
struct Said {
    codes: BTreeMap<String, Code>,
    /// Refresh tokens that count, with their account.
    refresh: BTreeMap<String, String>,
    /// Access tokens that count, with their account.
    access: BTreeMap<String, String>,
    used: BTreeSet<String>,
    asked: Vec<Asked>,
    revoked: Vec<String>,
    issued: usize,
    /// The next answers of the token endpoint instead of its own.
    instead: Vec<(u16, Value)>,
    /// What answers hold besides.
    more: Value,
    without_refresh: bool,
    slow: Duration,
    /// The next question to the token endpoint waits for this.
    gate: Option<Arc<Notify>>,
    metadata: Option<Value>,
    iss: Option<String>,
    /// With which status the service refuses a token, and what it says.
    refusal: (u16, String),
}

/// An authorization server and a service on this machine. Each refresh token counts once, as OAuth 2.1 has it for public
/// clients and many do for all.
#[derive(Clone)]
pub(crate) struct Provider {
    base: String,
    said: Arc<Mutex<Said>>,
}

impl Provider {
    #[expect(clippy::disallowed_methods, reason = "the test is the outside")]
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let said = Said { refusal: (401, "token refused".to_owned()), ..Said::default() };
        let provider = Self { base, said: Arc::new(Mutex::new(said)) };
        let router = Router::new()
            .route("/token", post(token))
            .route("/refresh", post(token))
            .route("/revoke", post(revoke))
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/echo/{*path}", any(echo))
            .route("/file/{megabytes}", get(file))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        provider
    }

    fn said<T>(&self, change: impl FnOnce(&mut Said) -> T) -> T {
        change(&mut self.said.lock().unwrap())
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Host and port.
    pub(crate) fn host(&self) -> &str {
        self.base.strip_prefix("http://").unwrap()
    }

    /// Somebody consents at the address that we led to; the path on our host that the browser comes back to.
    pub(crate) fn consent(&self, url: &str) -> String {
        self.consent_as(url, "ada")
    }

    /// The same with an account of one's own at the provider.
    pub(crate) fn consent_as(&self, url: &str, account: &str) -> String {
        let url = Url::parse(url).unwrap();
        assert!(url.as_str().starts_with(&self.at("/authorize")), "{url}");
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["code_challenge_method"], "S256");
        assert!(query["state"].len() >= 43, "{query:?}");
        let mut back = Url::parse(&query["redirect_uri"]).unwrap();
        self.said(|said| {
            let code = format!("code-{}", said.codes.len() + 1);
            back.query_pairs_mut().append_pair("code", &code).append_pair("state", &query["state"]);
            if let Some(iss) = &said.iss {
                back.query_pairs_mut().append_pair("iss", iss);
            }
            let (challenge, redirect_uri) = (query["code_challenge"].clone(), query["redirect_uri"].clone());
            said.codes.insert(code, Code { challenge, redirect_uri, account: account.to_owned() });
        });
        format!("{}?{}", back.path(), back.query().unwrap())
    }

    /// The next answer of the token endpoint is this one.
    pub(crate) fn answers(&self, status: u16, body: Value) {
        self.said(|said| said.instead.push((status, body)));
    }

    /// What answers of the token endpoint hold besides.
    pub(crate) fn adds(&self, more: Value) {
        self.said(|said| said.more = more);
    }

    /// Answers with codes hold no refresh token.
    pub(crate) fn gives_no_refresh_token(&self) {
        self.said(|said| said.without_refresh = true);
    }

    /// Answers of the token endpoint take this long.
    pub(crate) fn is_slow(&self, pause: Duration) {
        self.said(|said| said.slow = pause);
    }

    /// The next question to the token endpoint waits until the gate is opened; later ones do not.
    pub(crate) fn holds_the_next(&self) -> Arc<Notify> {
        let gate = Arc::new(Notify::new());
        self.said(|said| said.gate = Some(gate.clone()));
        gate
    }

    /// The provider publishes who it is, and names itself in its answers.
    pub(crate) fn publishes(&self, iss: &str) {
        let document = json!({"issuer": iss, "authorization_endpoint": self.at("/authorize"),
            "token_endpoint": self.at("/token"), "revocation_endpoint": self.at("/revoke"),
            "authorization_response_iss_parameter_supported": true});
        self.said(|said| said.metadata = Some(document));
    }

    /// The provider publishes where tokens are revoked, and nothing else.
    pub(crate) fn publishes_revocation_at(&self, address: &str) {
        let document = json!({"issuer": self.base, "authorization_endpoint": self.at("/authorize"),
            "revocation_endpoint": address});
        self.said(|said| said.metadata = Some(document));
    }

    /// Whom its answers name as issuer.
    pub(crate) fn says_it_is(&self, iss: Option<&str>) {
        self.said(|said| said.iss = iss.map(str::to_owned));
    }

    /// With what the service refuses tokens.
    pub(crate) fn refuses_with(&self, status: u16, words: &str) {
        self.said(|said| said.refusal = (status, words.to_owned()));
    }

    /// The service takes no access token of before any more.
    pub(crate) fn forgets_access(&self) {
        self.said(|said| said.access.clear());
    }

    /// Nothing that was granted counts any more.
    pub(crate) fn forgets_all(&self) {
        self.said(|said| {
            said.access.clear();
            said.refresh.clear();
        });
    }

    /// What the endpoints were asked since the last look.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.said(|said| std::mem::take(&mut said.asked))
    }

    /// Tokens that were revoked.
    pub(crate) fn revoked(&self) -> Vec<String> {
        self.said(|said| said.revoked.clone())
    }

    /// Access tokens given out.
    pub(crate) fn issued(&self) -> usize {
        self.said(|said| said.issued)
    }
}

fn form(body: &Bytes) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

/// The client by the header or the body; both at once are refused.
fn client(headers: &HeaderMap, form: &BTreeMap<String, String>) -> bool {
    let known = |id: &str, secret: &str| id == "client" && secret == "s3cret of ours";
    let basic =
        headers.get("authorization").and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Basic "));
    match (basic, form.get("client_secret")) {
        (Some(basic), None) => {
            let pair = String::from_utf8(BASE64_STANDARD.decode(basic).unwrap()).unwrap();
            let (id, secret) = pair.split_once(':').unwrap();
            let plain = |text: &str| {
                let pair = format!("x={text}");
                url::form_urlencoded::parse(pair.as_bytes()).next().unwrap().1.into_owned()
            };
            known(&plain(id), &plain(secret))
        }
        (None, Some(secret)) => known(form.get("client_id").map_or("", String::as_str), secret),
        _ => false,
    }
}

fn refused(status: u16, error: &str) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(json!({"error": error}))).into_response()
}

async fn token(State(p): State<Provider>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let form = form(&body);
    let (path, slow) = (uri.path().to_owned(), p.said(|said| said.slow));
    p.said(|said| said.asked.push(Asked { path, form: form.clone() }));
    tokio::time::sleep(slow).await;
    let gate = p.said(|said| said.gate.take());
    if let Some(gate) = gate {
        gate.notified().await;
    }
    p.said(|said| {
        if !said.instead.is_empty() {
            let (status, body) = said.instead.remove(0);
            return (StatusCode::from_u16(status).unwrap(), Json(body)).into_response();
        }
        if !client(&headers, &form) {
            let words =
                format!("no client with the secret {}", form.get("client_secret").map_or("", String::as_str));
            let body = json!({"error": "invalid_client", "error_description": words});
            return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
        }
        let value = |name: &str| form.get(name).cloned().unwrap_or_default();
        let (account, refreshes) = match value("grant_type").as_str() {
            "client_credentials" => ("machine".to_owned(), false),
            "authorization_code" => {
                let Some(code) = said.codes.remove(&value("code")) else {
                    return refused(400, "invalid_grant");
                };
                let challenge =
                    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, value("code_verifier").as_bytes()));
                if code.challenge != challenge || code.redirect_uri != value("redirect_uri") {
                    return refused(400, "invalid_grant");
                }
                (code.account, !said.without_refresh)
            }
            "refresh_token" => {
                let token = value("refresh_token");
                match said.refresh.remove(&token) {
                    Some(account) => {
                        said.used.insert(token);
                        (account, true)
                    }
                    None => return refused(400, "invalid_grant"),
                }
            }
            _ => return refused(400, "unsupported_grant_type"),
        };
        said.issued += 1;
        let (n, mut answer) = (said.issued, json!({"token_type": "Bearer", "expires_in": 3600}));
        let access = format!("access-{n}");
        said.access.insert(access.clone(), account.clone());
        answer["access_token"] = access.into();
        if refreshes {
            let refresh = format!("refresh-{n}");
            said.refresh.insert(refresh.clone(), account);
            answer["refresh_token"] = refresh.into();
        }
        if let Some(more) = said.more.as_object() {
            answer.as_object_mut().unwrap().extend(more.clone());
        }
        Json(answer).into_response()
    })
}

async fn revoke(State(p): State<Provider>, headers: HeaderMap, body: Bytes) -> Response {
    let form = form(&body);
    p.said(|said| {
        if !said.instead.is_empty() {
            let (status, body) = said.instead.remove(0);
            return (StatusCode::from_u16(status).unwrap(), Json(body)).into_response();
        }
        if !client(&headers, &form) {
            return refused(401, "invalid_client");
        }
        let token = form["token"].clone();
        said.refresh.remove(&token);
        said.access.remove(&token);
        said.revoked.push(token);
        StatusCode::OK.into_response()
    })
}

async fn metadata(State(p): State<Provider>) -> Response {
    match p.said(|said| said.metadata.clone()) {
        Some(document) => Json(document).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What came, to whoever comes with a token that counts.
async fn echo(
    State(p): State<Provider>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let bearer =
        headers.get("authorization").and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let bearer = bearer.or_else(|| headers.get("x-token").and_then(|v| v.to_str().ok()));
    let account = bearer.and_then(|token| p.said(|said| said.access.get(token).cloned()));
    let Some(account) = account else {
        let (status, words) = p.said(|said| said.refusal.clone());
        return (StatusCode::from_u16(status).unwrap(), words).into_response();
    };
    let names = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()));
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    Json(json!({"method": method.as_str(), "path": uri.path(), "query": query, "account": account,
        "headers": Value::Object(names.collect()), "body": String::from_utf8_lossy(&body)}))
    .into_response()
}

/// So many megabytes that call themselves a page, with a cookie; the size is not told.
async fn file(State(p): State<Provider>, Path(megabytes): Path<usize>, headers: HeaderMap) -> Response {
    let bearer =
        headers.get("authorization").and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    if !bearer.is_some_and(|token| p.said(|said| said.access.contains_key(token))) {
        let (status, words) = p.said(|said| said.refusal.clone());
        return (StatusCode::from_u16(status).unwrap(), words).into_response();
    }
    let pieces = tokio_stream::iter((0..megabytes).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 1024 * 1024])));
    let headers = [("content-type", "text/html"), ("set-cookie", "a=b"), ("x-mine", "m")];
    (StatusCode::PARTIAL_CONTENT, headers, axum::body::Body::from_stream(pieces)).into_response()
}
