use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gatehouse_store::Store;
use gatehouse_types::Error;
use gatehouse_web::{ApiError, Json};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

/// Alive, ready, and the numbers.
pub(crate) fn routes(store: Store, metrics: Option<PrometheusHandle>) -> Router {
    let router =
        Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).with_state(store);
    match metrics {
        Some(handle) => router.merge(metrics_route(handle)),
        None => router,
    }
}

/// `/metrics` in the text format of Prometheus.
pub(crate) fn metrics_route(handle: PrometheusHandle) -> Router {
    let show = move || {
        let text = handle.render();
        async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response() }
    };
    Router::new().route("/metrics", get(show))
}

async fn healthz() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// The store opens only migrated, and workers start with the server: what can be missing later is the database.
async fn readyz(State(store): State<Store>) -> Result<Response, ApiError> {
    let ready = store.ping().await;
    ready.map_err(|e| Error::unavailable("The database does not answer.").caused_by(e))?;
    Ok(Json(json!({"status": "ok", "database": store.kind(), "migrations": "ok", "workers": "ok"}))
        .into_response())
}
