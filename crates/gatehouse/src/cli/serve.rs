use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use gatehouse_server as server;
use gatehouse_types::TRACES;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::api::health::metrics_route;
use crate::app::Parts;
use crate::{App, LogFormat, Server, Settings};

/// Upper bounds of the buckets of measured times, seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// How often measured times are put into their buckets.
const UPKEEP: Duration = Duration::from_secs(5);

pub(crate) fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let runtime = super::runtime()?;
    let ended = runtime.block_on(serve(settings));
    // what was cut off by a second signal is not waited for
    runtime.shutdown_background();
    ended
}

/// A further recipient of what `tracing` hears.
pub(crate) type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Logs as JSON lines, one event a line; people at a terminal get them readable, unless a form is given.
pub(crate) fn init_log(
    filter: &str,
    format: Option<LogFormat>,
    traces: Option<BoxedLayer>,
) -> anyhow::Result<()> {
    // what strangers send is told in answers and decisions, not in the log
    let filter = format!("webauthn_rs=off,webauthn_rs_core=off,{filter}");
    let filter = EnvFilter::try_new(filter).context("log (GATEHOUSE_LOG)")?;
    // spans of traces would stand in every line
    let filter = filter.add_directive(format!("{TRACES}=off").parse()?);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines: BoxedLayer = match format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json }) {
        LogFormat::Text => lines.with_ansi(terminal).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let mut layers = vec![lines];
    layers.extend(traces);
    let set = tracing_subscriber::registry().with(layers).try_init();
    set.map_err(|e| anyhow::anyhow!("the log could not be set up: {e}"))
}

/// The recorder of the numbers; one for the process, made by the command and not by the application.
pub(crate) fn init_metrics() -> anyhow::Result<PrometheusHandle> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(seconds, &BUCKETS);
    let recorder = builder.and_then(PrometheusBuilder::install_recorder);
    recorder.context("the metrics could not be set up")
}

/// Puts measured times into their buckets: between two scrapes, or without any, they would pile up.
async fn keep_up(metrics: PrometheusHandle) {
    let mut tick = tokio::time::interval(UPKEEP);
    loop {
        tick.tick().await;
        metrics.run_upkeep();
    }
}

async fn serve(settings: Settings) -> anyhow::Result<ExitCode> {
    // listened for from the first moment on: a stop during the start is a clean stop too
    let mut signals = Signals::listen()?;
    #[cfg(feature = "otel")]
    let traces = crate::traces::Traces::open(&settings).await?;
    #[cfg(feature = "otel")]
    let layer = traces.as_ref().map(crate::traces::Traces::layer);
    #[cfg(not(feature = "otel"))]
    let layer = None;
    init_log(&settings.log, settings.log_format, layer)?;
    let (server, app) = tokio::select! {
        biased;
        () = signals.next() => return Ok(ExitCode::SUCCESS),
        opened = open(&settings) => opened?,
    };
    let metrics = init_metrics()?;
    tokio::spawn(keep_up(metrics.clone()));
    let (stop, stopped) = watch::channel(false);
    let elsewhere = settings.metrics_listen.is_some();
    let shown = (!elsewhere).then(|| metrics.clone());
    #[cfg(feature = "otel")]
    let routes = match traces.is_some() {
        // every request has its span
        true => crate::traces::around(app.router(shown)).into(),
        false => app.routes(shown),
    };
    #[cfg(not(feature = "otel"))]
    let routes = app.routes(shown);
    if let Some(address) = settings.metrics_listen {
        let listener = Server::bind(address).await;
        let listener = listener.with_context(|| format!("cannot listen on {address} for metrics"))?;
        let routes = Router::new().merge(metrics_route(metrics));
        tokio::spawn(server::serve(listener, routes, until(stopped.clone())));
    }
    tracing::info!(listen = %server.address(), public_url = app.public_url().as_str(), database = app.store().kind(), "ready");
    let worker = tokio::spawn(app.worker().run(until(stopped.clone())));
    let driver = tokio::spawn(app.driver().run(until(stopped.clone())));
    let host = tokio::spawn(app.script_host().run(until(stopped.clone())));
    let serving = tokio::spawn(server::serve(server, routes, until(stopped)));
    signals.next().await;
    tracing::info!(grace_seconds = server::GRACE.as_secs(), "stopping: finishing what is in flight");
    let _ = stop.send(true);
    let finish = async {
        serving.await?;
        worker.await?;
        driver.await?;
        host.await?;
        app.finish().await;
        app.store().close().await;
        anyhow::Ok(())
    };
    tokio::select! {
        finished = finish => finished?,
        () = signals.next() => {
            tracing::warn!("told to stop a second time: what is in flight is cut off");
            return Ok(ExitCode::FAILURE);
        }
    }
    #[cfg(feature = "otel")]
    if let Some(traces) = traces {
        traces.finish().await;
    }
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

async fn open(settings: &Settings) -> anyhow::Result<(Server, App)> {
    let server = Server::bind(settings.listen).await;
    let server = server.with_context(|| format!("cannot listen on {}", settings.listen))?;
    let public_url = settings.public_url_at(server.address())?;
    let app = App::open(settings, public_url, Parts::default()).await?;
    Ok((server, app))
}

/// Done when the channel says so.
pub(crate) async fn until(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|s| *s).await;
}

/// SIGTERM and Ctrl-C.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Both are listened for from the call on.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Done at the next of the two.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
