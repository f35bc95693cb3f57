use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse;
use axum::routing::any;
use serde_json::json;
use tokio::sync::watch;

/// A request that came.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Heard {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

/// A server on this machine that says what it heard.
#[derive(Clone)]
pub(super) struct Echo {
    base: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    /// The next statuses instead of 200.
    statuses: Arc<Mutex<VecDeque<u16>>>,
    hangs: watch::Sender<bool>,
}

impl Echo {
    #[expect(clippy::disallowed_methods, reason = "the test is the outside")]
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let echo =
            Self { base, heard: Arc::default(), statuses: Arc::default(), hangs: watch::Sender::new(false) };
        let router = Router::new().fallback(any(answer)).with_state(echo.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        echo
    }

    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// It answers these statuses next.
    pub(super) fn answers(&self, statuses: &[u16]) {
        self.statuses.lock().unwrap().extend(statuses);
    }

    /// Whether it hears and says nothing.
    pub(super) fn hang(&self, hangs: bool) {
        self.hangs.send_replace(hangs);
    }

    /// What came since the last look.
    pub(super) fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    /// Waits until something has come.
    pub(super) async fn until_heard(&self) {
        self.until(|heard| !heard.is_empty()).await;
    }

    /// Waits until what came is like this.
    pub(super) async fn until(&self, is_so: impl Fn(&[Heard]) -> bool) {
        for _ in 0..2000 {
            if is_so(&self.heard.lock().unwrap()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it did not come");
    }
}

async fn answer(
    State(echo): State<Echo>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let body = String::from_utf8_lossy(&body).into_owned();
    let path = uri.to_string();
    let content_type = headers.get("content-type").map(|v| v.to_str().unwrap().to_owned());
    let said = json!({"method": method.as_str(), "path": path, "body": body, "contentType": content_type});
    echo.heard.lock().unwrap().push(Heard { method: method.to_string(), path, headers, body });
    echo.hangs.subscribe().wait_for(|hangs| !hangs).await.unwrap();
    let status = echo.statuses.lock().unwrap().pop_front().unwrap_or(200);
    (StatusCode::from_u16(status).unwrap(), axum::Json(said))
}
