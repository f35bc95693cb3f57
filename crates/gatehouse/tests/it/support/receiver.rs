use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::sync::watch;

/// What a webhook was sent.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// A program of the company's on this machine.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Received>>>,
    answer: Arc<Mutex<StatusCode>>,
    hangs: watch::Sender<bool>,
}

impl Receiver {
    #[expect(clippy::disallowed_methods, reason = "the test is the outside")]
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?key=a-secret-of-theirs", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(StatusCode::OK));
        let receiver = Self { url, got: Arc::default(), answer, hangs: watch::Sender::new(false) };
        let router = Router::new().route("/hook", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    /// What it answers from now on.
    pub(crate) fn answer(&self, status: u16) {
        *self.answer.lock().unwrap() = StatusCode::from_u16(status).unwrap();
    }

    /// Whether it takes what comes and answers nothing from now on; what waits is answered when it does not any more.
    pub(crate) fn hang(&self, hangs: bool) {
        self.hangs.send_replace(hangs);
    }

    /// Waits until something has come, as long as `within`; how long it took.
    pub(crate) async fn until_told(&self, within: Duration) -> Duration {
        let began = Instant::now();
        while self.got.lock().unwrap().is_empty() {
            assert!(began.elapsed() < within, "nothing came");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        began.elapsed()
    }

    /// What came since the last look.
    pub(crate) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.got.lock().unwrap())
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let body = String::from_utf8(body.to_vec()).unwrap();
    receiver.got.lock().unwrap().push(Received { headers, body });
    receiver.hangs.subscribe().wait_for(|hangs| !hangs).await.unwrap();
    *receiver.answer.lock().unwrap()
}
