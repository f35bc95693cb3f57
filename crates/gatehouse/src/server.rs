//! Connections in: bounded in number, in the time and size of their heads; stopped cleanly.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

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

/// Serves until `stop` is done, then finishes what is in flight and takes nothing new.
pub async fn serve(server: Server, router: Router, stop: impl Future<Output = ()> + Send) {
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
                let connection = carry(stream, peer, router.clone(), stopped.clone());
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

async fn carry(stream: TcpStream, peer: SocketAddr, router: Router, mut stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(axum::body::Body::new)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
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
