//! Connections in: bounded in number, in the time and size of their heads; stopped cleanly.
//!
//! A crate of its own, so that what every request walks through is built for speed and the application for size.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
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
pub const GRACE: Duration = Duration::from_secs(30);

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
    #[expect(clippy::disallowed_methods, reason = "this is where connections come in")]
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

/// What is asked before the router: it answers, or lets the request go on.
type Ahead = dyn Fn(&mut hyper::Request<Incoming>, IpAddr) -> Option<Response> + Send + Sync;

/// What a server answers with.
#[derive(Clone)]
pub struct Routes {
    router: Router,
    ahead: Option<Arc<Ahead>>,
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").field("ahead", &self.ahead.is_some()).finish_non_exhaustive()
    }
}

impl Routes {
    /// All routes, and who is asked ahead of them; it is told the address of the peer.
    pub fn new(
        router: Router,
        ahead: impl Fn(&mut hyper::Request<Incoming>, IpAddr) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        Self { router, ahead: Some(Arc::new(ahead)) }
    }
}

impl From<Router> for Routes {
    fn from(router: Router) -> Self {
        Self { router, ahead: None }
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
        let ahead = self.routes.ahead.as_ref();
        if let Some(answer) = ahead.and_then(|ahead| ahead(&mut request, self.peer.ip())) {
            return Answered::Now(ready(Ok(answer)));
        }
        request.extensions_mut().insert(ConnectInfo(self.peer));
        Answered::Later(Box::pin(self.routes.router.clone().oneshot(request.map(Body::new))))
    }
}

/// An answer given ahead, or one that the router is still to give.
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
