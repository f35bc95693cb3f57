use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Error, Origin, hex};

use super::store::{Begin, IdempotencyStore, NeverStored, StoredResponse};
use crate::browser::cookies::CookieKind;
use crate::edge::context::Web;
use crate::json::body::too_large;
use crate::json::error::ApiError;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest key.
const MAX_KEY_LEN: usize = 255;
/// The largest request that may carry a key: its fingerprint needs all of it.
const MAX_REQUEST_BODY: usize = 1024 * 1024;
/// The largest answer that is kept; a larger one is given, but not kept.
const MAX_STORED_BODY: usize = 1024 * 1024;
/// The headers that are kept with an answer.
const STORED_HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// Honours `Idempotency-Key` on every POST under `/api/v1`. Lay it around the routes, inside [`crate::edge()`].
///
/// Without a credential that is good now, or in a trial run, the key is not looked at further: there is nobody to remember it for, or
/// nothing to remember. 5xx, 429, 401 (a stranger's) and answers with cookies are not kept.
pub fn idempotent(router: Router, store: Arc<dyn IdempotencyStore>) -> Router {
    router.layer(from_fn(move |request: Request, next: Next| handle(store.clone(), request, next)))
}

async fn handle(store: Arc<dyn IdempotencyStore>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.uri().path().starts_with("/api/v1/") {
        return next.run(request).await;
    }
    let claim = match IdempotencyKey::of(request.headers()) {
        Ok(None) => return next.run(request).await,
        Ok(Some(key)) => IdempotencyScope::of(&request).map(|scope| (scope, key)),
        Err(e) => return ApiError(e).into_response(),
    };
    let trial = request.extensions().get::<Origin>().is_some_and(|o| o.dry_run.is_some());
    match claim {
        Some((scope, key)) if !trial => once(store, scope, key, request, next).await,
        _ => next.run(request).await,
    }
}

async fn once(
    store: Arc<dyn IdempotencyStore>,
    scope: IdempotencyScope,
    key: IdempotencyKey,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    if !store.knows(&mut parts).await {
        // the handler tells the stranger so; a kept answer must not be given to one, nor a row be left by one
        return next.run(Request::from_parts(parts, body)).await;
    }
    let Ok(body) = to_bytes(body, MAX_REQUEST_BODY).await else {
        return ApiError(too_large()).into_response();
    };
    let print = fingerprint(parts.uri.query().unwrap_or_default(), &body);
    let request = Request::from_parts(parts, Body::from(body));
    match store.begin(&scope.0, &key.0, &print).await {
        Ok(Begin::Fresh) => carry_out(Claim { store, scope, key, settled: false }, request, next).await,
        Ok(Begin::Replay(stored)) => replay(stored),
        Ok(Begin::InFlight) => {
            refuse("A request with this Idempotency-Key is still being carried out. Ask again shortly.")
        }
        Ok(Begin::Mismatch) => {
            refuse("This Idempotency-Key was used for a different request. Use a new key.")
        }
        Err(e) => ApiError(e).into_response(),
    }
}

fn refuse(message: &'static str) -> Response {
    ApiError(Error::conflict(message)).into_response()
}

/// Runs as its own task: a caller who hangs up does not leave a change made and its answer lost.
async fn carry_out(claim: Claim, request: Request, next: Next) -> Response {
    let task = tokio::spawn(async move {
        let response = next.run(request).await;
        claim.settle(response).await
    });
    let done = task.await.unwrap_or_else(|e| Err(Error::internal(e)));
    done.unwrap_or_else(|e| ApiError(e).into_response())
}

/// A taken key. Dropped before it is settled (a panic), it gives the key back.
struct Claim {
    store: Arc<dyn IdempotencyStore>,
    scope: IdempotencyScope,
    key: IdempotencyKey,
    settled: bool,
}

impl Claim {
    async fn settle(mut self, response: Response) -> Result<Response, Error> {
        if !worth_keeping(&response) {
            self.give_back().await;
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.map_err(Error::internal)?;
        if bytes.len() > MAX_STORED_BODY {
            self.give_back().await;
        } else {
            let (status, headers) = (parts.status.as_u16(), kept_headers(&parts.headers));
            self.keep(StoredResponse { status, headers, body: bytes.to_vec() }).await;
        }
        Ok(Response::from_parts(parts, Body::from(bytes)))
    }

    /// The change is made: when its answer cannot be kept, the key stays taken rather than let it be made twice.
    async fn keep(&mut self, answer: StoredResponse) {
        self.settled = true;
        if let Err(error) = self.store.finish(&self.scope.0, &self.key.0, answer).await {
            tracing::error!(?error, "the answer to an idempotency key could not be kept");
        }
    }

    async fn give_back(&mut self) {
        self.settled = true;
        give_back(&*self.store, &self.scope, &self.key).await;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let (store, scope, key) = (self.store.clone(), self.scope.clone(), self.key.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { give_back(&*store, &scope, &key).await });
        }
    }
}

async fn give_back(store: &dyn IdempotencyStore, scope: &IdempotencyScope, key: &IdempotencyKey) {
    if let Err(error) = store.abandon(&scope.0, &key.0).await {
        tracing::warn!(?error, "an idempotency key could not be given back");
    }
}

fn worth_keeping(response: &Response) -> bool {
    let status = response.status();
    !status.is_server_error()
        && status != StatusCode::TOO_MANY_REQUESTS
        && status != StatusCode::UNAUTHORIZED
        && !response.headers().contains_key(header::SET_COOKIE)
        && response.extensions().get::<NeverStored>().is_none()
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = STORED_HEADERS.iter().filter_map(|name| Some((name, headers.get(name)?.to_str().ok()?)));
    kept.map(|(name, value)| (name.to_string(), value.to_owned())).collect()
}

fn replay(stored: StoredResponse) -> Response {
    let mut response = Response::new(Body::from(stored.body));
    *response.status_mut() = StatusCode::from_u16(stored.status).unwrap_or(StatusCode::OK);
    for (name, value) in stored.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    response
}

/// The key a caller chose.
#[derive(Clone)]
struct IdempotencyKey(String);

impl IdempotencyKey {
    fn of(headers: &HeaderMap) -> Result<Option<Self>, Error> {
        let mut sent = headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(key) = sent.next() else { return Ok(None) };
        let bytes = key.as_bytes();
        let fits = (1..=MAX_KEY_LEN).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        match key.to_str() {
            Ok(text) if fits && sent.next().is_none() => Ok(Some(Self(text.to_owned()))),
            _ => {
                let rule = "Idempotency-Key must be sent once, with 1 to 255 visible ASCII characters.";
                Err(Error::validation("Idempotency-Key", rule))
            }
        }
    }
}

/// Whose key it is, and for what: a digest of the credential, the method and the path.
#[derive(Clone)]
struct IdempotencyScope(String);

impl IdempotencyScope {
    /// `None` without a credential.
    fn of(request: &Request) -> Option<Self> {
        let headers = request.headers();
        let header = |name: &str| headers.get(name).map(|v| v.as_bytes());
        let cookie =
            Web::of(request.extensions()).ok().and_then(|w| w.cookies().get(headers, CookieKind::Session));
        let credential =
            header("authorization").or_else(|| header("x-api-key")).or(cookie.map(str::as_bytes))?;
        Some(Self(digest_of(&[
            credential,
            request.method().as_str().as_bytes(),
            request.uri().path().as_bytes(),
        ])))
    }
}

fn fingerprint(query: &str, body: &[u8]) -> String {
    digest_of(&[query.as_bytes(), body])
}

/// SHA-256 of the parts, each behind its length, in hex.
fn digest_of(parts: &[&[u8]]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    hex(context.finish().as_ref())
}
