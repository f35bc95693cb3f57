//! Connections in: bounded in number, in the time and size of their heads; stopped cleanly.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use gatehouse_apikeys::HotGate;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;
use tower::util::Oneshot;

/// Connections at once; more wait in the system's queue.
const MAX_CONNECTIONS: usize = 4096;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest head of a request, bytes.
const MAX_HEAD: usize = 64 * 1024;
/// Headers of a request at most.
const MAX_HEADERS: usize = 100;
/// How long what is in flight may take after the signal to stop.
pub(crate) const GRACE: Duration = Duration::from_secs(30);

/// A listener that is ready to serve.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is taken or not allowed.
    pub async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// What a server answers with.
#[derive(Clone, Debug)]
pub struct Routes {
    router: Router,
    /// Is asked before the router.
    gate: Option<Arc<HotGate>>,
}

impl Routes {
    /// All routes, and the gate that answers for API keys ahead of them.
    pub fn new(router: Router, gate: HotGate) -> Self {
        Self { router, gate: Some(Arc::new(gate)) }
    }
}

impl From<Router> for Routes {
    fn from(router: Router) -> Self {
        Self { router, gate: None }
    }
}

/// Serves until `stop` is done, then finishes what is in flight and takes nothing new.
pub async fn serve(server: Server, routes: impl Into<Routes>, stop: impl Future<Output = ()> + Send) {
    let routes = routes.into();
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (stopping, stopped) = watch::channel(false);
    tokio::pin!(stop);
    loop {
        let permit = tokio::select! {
            biased;
            () = &mut stop => break,
            permit = Arc::clone(&permits).acquire_owned() => permit,
        };
        let Ok(permit) = permit else { break };
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = server.listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = carry(stream, peer, routes.clone(), stopped.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            // out of file descriptors, or a client gone before it was greeted: wait a little, go on
            Err(e) => {
                tracing::warn!(error = %e, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(server.listener);
    let _ = stopping.send(true);
    let all = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
    if tokio::time::timeout(GRACE, permits.acquire_many(all)).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
}

/// Answers the requests of one connection.
struct Answering {
    routes: Routes,
    peer: SocketAddr,
}

impl hyper::service::Service<hyper::Request<Incoming>> for Answering {
    type Response = Response;
    type Error = Infallible;
    type Future = Answered;

    fn call(&self, mut request: hyper::Request<Incoming>) -> Self::Future {
        let gate = self.routes.gate.as_ref();
        if let Some(answer) = gate.and_then(|g| g.answer(&mut request, self.peer.ip())) {
            return Answered::Now(ready(Ok(answer)));
        }
        request.extensions_mut().insert(ConnectInfo(self.peer));
        Answered::Later(Box::pin(self.routes.router.clone().oneshot(request.map(Body::new))))
    }
}

/// An answer of the gate, or one that the router is still to give.
enum Answered {
    Now(Ready<Result<Response, Infallible>>),
    Later(Pin<Box<Oneshot<Router, Request>>>),
}

impl Future for Answered {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Now(answer) => Pin::new(answer).poll(context),
            Self::Later(answer) => answer.as_mut().poll(context),
        }
    }
}

async fn carry(stream: TcpStream, peer: SocketAddr, routes: Routes, mut stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), Answering { routes, peer });
    tokio::pin!(connection);
    let told = async move { stopped.wait_for(|s| *s).await.map(drop) };
    let outcome = tokio::select! {
        biased;
        outcome = &mut connection => outcome,
        _ = told => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(e) = outcome {
        tracing::debug!(error = %e, "a connection ended early");
    }
}
