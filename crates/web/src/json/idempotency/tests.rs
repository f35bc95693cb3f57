use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use gatehouse_types::Error;
use tower::ServiceExt;

use super::*;
use crate::edge::testing::{body_text, edge_config};
use crate::{ApiError, Created};

type Kept = HashMap<(String, String), (String, Option<StoredResponse>)>;

#[derive(Default)]
struct Memory(Mutex<Kept>);

impl IdempotencyStore for Memory {
    fn knows<'a>(&'a self, request: &'a mut axum::http::request::Parts) -> BoxFuture<'a, bool> {
        let stranger = request.headers.get("authorization").is_some_and(|v| v == "Bearer stranger");
        Box::pin(std::future::ready(!stranger))
    }

    fn begin<'a>(
        &'a self,
        scope: &'a str,
        key: &'a str,
        print: &'a str,
    ) -> BoxFuture<'a, Result<Begin, Error>> {
        let mut kept = self.0.lock().unwrap();
        let slot = (scope.to_owned(), key.to_owned());
        let said = match kept.get(&slot) {
            Some((before, _)) if before != print => Begin::Mismatch,
            Some((_, Some(response))) => Begin::Replay(response.clone()),
            Some((_, None)) => Begin::InFlight,
            None => {
                kept.insert(slot, (print.to_owned(), None));
                Begin::Fresh
            }
        };
        Box::pin(async { Ok(said) })
    }

    fn finish<'a>(
        &'a self,
        scope: &'a str,
        key: &'a str,
        r: StoredResponse,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.0.lock().unwrap().get_mut(&(scope.to_owned(), key.to_owned())).unwrap().1 = Some(r);
        Box::pin(async { Ok(()) })
    }

    fn abandon<'a>(&'a self, scope: &'a str, key: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.0.lock().unwrap().remove(&(scope.to_owned(), key.to_owned()));
        Box::pin(async { Ok(()) })
    }
}

struct Lab {
    app: Router,
    store: Arc<Memory>,
    runs: Arc<AtomicUsize>,
}

fn lab() -> Lab {
    let (store, runs) = (Arc::new(Memory::default()), Arc::new(AtomicUsize::new(0)));
    let counted = runs.clone();
    let handler = move |body: String| {
        let n = counted.fetch_add(1, Ordering::SeqCst) + 1;
        async move { answer(&body, n) }
    };
    let routes =
        Router::new().route("/api/v1/things", post(handler.clone())).route("/api/v1/others", post(handler));
    let app = crate::edge(idempotent(routes, store.clone()), edge_config("http://gate.test"));
    Lab { app, store, runs }
}

fn answer(body: &str, n: usize) -> Response {
    match body {
        "busy" => ApiError(Error::rate_limited(3)).into_response(),
        "broken" => ApiError(Error::internal("broken")).into_response(),
        "panic" => panic!("on purpose"),
        "wrong" => ApiError(Error::validation("name", "name is taken.")).into_response(),
        "cookie" => ([(header::SET_COOKIE, HeaderValue::from_static("a=b"))], "in").into_response(),
        "secret" => {
            let mut response = Created(n).into_response();
            response.extensions_mut().insert(NeverStored);
            response
        }
        _ => Created(serde_json::json!({ "n": n })).into_response(),
    }
}

impl Lab {
    async fn send(&self, uri: &str, who: &str, key: &str, body: &'static str) -> Response {
        let mut request = Request::post(uri).header("idempotency-key", key);
        if !who.is_empty() {
            request = request.header("authorization", who);
        }
        self.app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_repeated_post_is_carried_out_once_and_answered_twice() {
    let lab = lab();
    let first = lab.send("/api/v1/things", "Bearer a", "k1", "x").await;
    assert_eq!(first.status(), StatusCode::CREATED);
    assert!(!first.headers().contains_key("idempotent-replayed"));
    let again = lab.send("/api/v1/things", "Bearer a", "k1", "x").await;
    assert_eq!(
        (again.status(), &again.headers()["idempotent-replayed"]),
        (StatusCode::CREATED, &HeaderValue::from_static("true"))
    );
    assert_eq!(again.headers()[header::CONTENT_TYPE], "application/json");
    assert_ne!(first.headers()["x-request-id"], again.headers()["x-request-id"]);
    assert_eq!(body_text(first).await, body_text(again).await);
    assert_eq!(lab.runs(), 1);
}

#[tokio::test]
async fn keys_of_other_callers_and_paths_are_other_keys() {
    let lab = lab();
    for (uri, who) in
        [("/api/v1/things", "Bearer a"), ("/api/v1/things", "Bearer b"), ("/api/v1/others", "Bearer a")]
    {
        assert_eq!(lab.send(uri, who, "k1", "x").await.status(), StatusCode::CREATED);
    }
    lab.send("/api/v1/things", "", "k1", "x").await;
    lab.send("/api/v1/things", "", "k1", "x").await;
    assert_eq!(lab.runs(), 5, "nobody has no keys");
}

#[tokio::test]
async fn a_key_used_for_another_request_is_a_conflict() {
    let lab = lab();
    lab.send("/api/v1/things", "Bearer a", "k1", "x").await;
    for (uri, body) in [("/api/v1/things", "y"), ("/api/v1/things?a=b", "x")] {
        let clash = lab.send(uri, "Bearer a", "k1", body).await;
        assert_eq!(clash.status(), StatusCode::CONFLICT);
        assert!(body_text(clash).await.contains("different request"));
    }
}

#[tokio::test]
async fn a_key_still_in_flight_is_a_conflict() {
    let lab = lab();
    lab.send("/api/v1/things", "Bearer a", "k1", "x").await;
    lab.store.0.lock().unwrap().values_mut().for_each(|v| v.1 = None);
    let clash = lab.send("/api/v1/things", "Bearer a", "k1", "x").await;
    assert_eq!(clash.status(), StatusCode::CONFLICT);
    assert!(body_text(clash).await.contains("still being carried out"));
}

#[tokio::test]
async fn refusals_are_kept_and_failures_of_ours_are_not() {
    let lab = lab();
    for (body, kept) in [
        ("wrong", true),
        ("busy", false),
        ("broken", false),
        ("panic", false),
        ("cookie", false),
        ("secret", false),
    ] {
        let before = lab.runs();
        lab.send("/api/v1/things", "Bearer a", body, body).await;
        if body == "panic" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        lab.send("/api/v1/things", "Bearer a", body, body).await;
        assert_eq!(lab.runs() - before, if kept { 1 } else { 2 }, "{body}");
    }
}

#[tokio::test]
async fn a_trial_run_is_not_kept() {
    let lab = lab();
    let trial = lab.send("/api/v1/things?dryRun=true", "Bearer a", "k1", "x").await;
    assert_eq!(trial.status(), StatusCode::OK);
    assert_eq!(body_text(trial).await, r#"{"dryRun":true,"result":{"n":1},"effects":[]}"#);
    assert!(lab.store.0.lock().unwrap().is_empty());
    assert_eq!(lab.send("/api/v1/things", "Bearer a", "k1", "x").await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn an_odd_key_is_refused() {
    let lab = lab();
    let long = "k".repeat(256);
    for odd in ["", "a b", "ä", &long] {
        let refused = lab.send("/api/v1/things", "Bearer a", odd, "x").await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{odd}");
    }
    assert_eq!(lab.runs(), 0);
}
