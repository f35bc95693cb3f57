//! Traces for OpenTelemetry (cargo feature `otel`): one span a request, its database writes and outbound calls below
//! it, and one a job, sent in batches over OTLP (HTTP, protobuf). A collector that is down costs nobody an answer: the
//! queue is bounded, and what does not fit is dropped.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Response as HttpResponse};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use gatehouse_outbound::{Dns, Http, HttpConfig, IpNet, Limits, OutboundRequest, egress};
use gatehouse_types::TRACES;
use gatehouse_web::TraceId;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::{Instrument, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::Targets};
use url::Url;

use crate::cli::BoxedLayer;
use crate::{SettingError, Settings};

/// Where a collector takes traces (OTLP specification, "OTLP/HTTP request").
const PATH: &str = "v1/traces";
/// Spans that wait to be sent; further ones are dropped.
const MAX_QUEUE: usize = 4096;
/// Spans of one message at most.
const MAX_BATCH: usize = 512;
/// How long spans wait for others.
const DELAY: Duration = Duration::from_secs(2);
/// How long the collector may take for a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// The most of a collector's answer that is read, bytes.
const MAX_ANSWER: usize = 64 * 1024;
/// How long the last spans may take when the server stops.
const FLUSH: Duration = Duration::from_secs(5);

/// The way to the collector.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Prepares the way; `None` without the setting. The collector is not called yet: it may come later.
    ///
    /// # Errors
    /// When the setting or the DNS server cannot be used.
    pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let Some(endpoint) = &settings.otlp_endpoint else { return Ok(None) };
        let dns = Dns::from_setting(settings.dns_server.as_deref()).await;
        let dns = dns.map_err(|e| SettingError::named("dns_server", e))?;
        // the collector is the operator's own choice, wherever it is
        let everywhere: [IpNet; 2] = ["0.0.0.0/0".parse()?, "::/0".parse()?];
        let http = Http::new(HttpConfig::new(egress::Policy::new(everywhere.to_vec()), dns))?;
        let collector = Collector { http, runtime: Handle::current(), failing: AtomicBool::new(false) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            .with_endpoint(address(endpoint).as_str())
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(SEND_TIMEOUT)
            .build()
            .context("the traces could not be set up")?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(MAX_QUEUE)
            .with_max_export_batch_size(MAX_BATCH)
            .with_scheduled_delay(DELAY)
            .build();
        let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("gatehouse").with_attribute(version).build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let provider = SdkTracerProvider::builder().with_resource(resource).with_span_processor(processor);
        Ok(Some(Self(provider.build())))
    }

    /// What the spans go through; events are the log's.
    pub(crate) fn layer(&self) -> BoxedLayer {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("gatehouse"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(TRACES, tracing::Level::INFO))
            .boxed()
    }

    /// Sends what waits, for a bounded time.
    pub(crate) async fn finish(self) {
        let sent = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FLUSH)).await;
        if !matches!(sent, Ok(Ok(()))) {
            tracing::warn!("the last traces were not delivered");
        }
    }
}

fn address(endpoint: &Url) -> Url {
    let mut url = endpoint.clone();
    let path = endpoint.path().trim_end_matches('/');
    if !path.ends_with(PATH) {
        url.set_path(&format!("{path}/{PATH}"));
    }
    url
}

/// Puts a span around each request. Outermost: everything that the request causes is below it.
pub(crate) fn around(router: Router) -> Router {
    router.layer(from_fn(traced))
}

async fn traced(mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_owned());
    let method = gatehouse_web::known_method(request.method());
    let name = route.as_ref().map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
    // never the path, the query or a header: they carry secrets
    let span = tracing::info_span!(
        target: TRACES, parent: None, "request",
        otel.kind = "server", otel.name = name, otel.status_code = Empty,
        http.request.method = method, http.route = route, http.response.status_code = Empty,
        gatehouse.request_id = Empty, gatehouse.workspace_id = Empty,
    );
    // a header that is no trace context begins a trace of its own
    let _ = span.set_parent(TraceContextPropagator::new().extract(&Headers(request.headers())));
    let trace = span.context().span().span_context().trace_id().to_string();
    request.extensions_mut().insert(TraceId(trace));
    let response = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", response.status().as_u16());
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    if let Some(id) = response.headers().get("x-request-id").and_then(|id| id.to_str().ok()) {
        span.record("gatehouse.request_id", id);
    }
    response
}

/// The headers of W3C Trace Context.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}

/// The web client of all outbound calls, for a thread that is none of the runtime's.
#[derive(Debug)]
struct Collector {
    http: Http,
    runtime: Handle,
    /// Whether the last message did not arrive: told once, and once when it does again.
    failing: AtomicBool,
}

type Sent<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Collector {
    fn send_bytes<'a, 'sent>(&'a self, request: axum::http::Request<Bytes>) -> Sent<'sent>
    where
        'a: 'sent,
        Self: 'sent,
    {
        Box::pin(async move {
            let sent = self.send(request).await;
            let arrived = sent.as_ref().is_ok_and(|answer| answer.status().is_success());
            if self.failing.swap(!arrived, Ordering::Relaxed) == arrived {
                match &sent {
                    Ok(answer) if arrived => {
                        tracing::info!(status = answer.status().as_u16(), "traces are delivered again")
                    }
                    Ok(answer) => tracing::warn!(status = answer.status().as_u16(), "traces are not taken"),
                    Err(e) => tracing::warn!(error = %e, "traces are not delivered"),
                }
            }
            sent
        })
    }
}

impl Collector {
    async fn send(&self, request: axum::http::Request<Bytes>) -> Result<HttpResponse<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string())?;
        let limits =
            Limits { timeout: SEND_TIMEOUT, max_bytes: MAX_ANSWER, max_redirects: 0, same_host_only: true };
        let outbound = OutboundRequest::post(url, body).with_headers(parts.headers).with_limits(limits);
        let http = self.http.clone();
        let answer = self.runtime.spawn(async move { http.send(outbound).await }).await??;
        let mut response = HttpResponse::new(Bytes::from(answer.body));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_traces_is_added_once() {
        for (given, called) in [
            ("http://c:4318", "http://c:4318/v1/traces"),
            ("http://c:4318/", "http://c:4318/v1/traces"),
            ("https://c/otlp", "https://c/otlp/v1/traces"),
            ("https://c/v1/traces", "https://c/v1/traces"),
        ] {
            assert_eq!(address(&Url::parse(given).unwrap()).as_str(), called);
        }
    }
}
