use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gatehouse_store::{Store, jobs};
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

/// The database answers (it opens only migrated), and workers take what is due.
async fn readyz(State(store): State<Store>) -> Result<Response, ApiError> {
    let keep_up = jobs::workers_keep_up(&store).await;
    let keep_up = keep_up.map_err(|e| Error::unavailable("The database does not answer.").caused_by(e))?;
    if !keep_up {
        return Err(Error::unavailable("Background work is due and no worker takes it.").into());
    }
    Ok(Json(json!({"status": "ok", "database": store.kind()})).into_response())
}
