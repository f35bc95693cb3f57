use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use gatehouse_types::{Error, Kind};

use super::lab;
use crate::ApiError;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn logged(uri: &str) -> (String, String) {
    let lines = Lines::default();
    let sink = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || sink.clone()).finish();
    let routes = Router::new()
        .route("/broken/{id}", get(async || ApiError(Error::internal("disk full"))))
        .route("/refused", get(async || ApiError(Error::new(Kind::Conflict, "Taken.").caused_by("row 7"))));
    let response = {
        let _guard = tracing::subscriber::set_default(subscriber);
        lab(routes).get(uri).await
    };
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    (text, id)
}

#[tokio::test]
async fn a_cause_is_logged_once_with_the_request_id() {
    let (text, id) = logged("/broken/con_1?code=s3cret").await;
    assert_eq!(text.matches("disk full").count(), 1, "{text}");
    let line = text.lines().find(|l| l.contains("disk full")).unwrap();
    assert!(line.contains("ERROR") && line.contains(&id), "{line}");
    assert_eq!(logged("/refused").await.0.matches("row 7").count(), 1);
}

#[tokio::test]
async fn the_access_log_names_the_route_and_never_the_query() {
    let (text, id) = logged("/broken/con_1?code=s3cret").await;
    let line = text.lines().find(|l| l.contains("gatehouse::http")).unwrap();
    for part in ["method=\"GET\"", "route=\"/broken/{id}\"", "status=500", "ms=", &id] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(!text.contains("s3cret") && !text.contains("con_1"), "{text}");
}
