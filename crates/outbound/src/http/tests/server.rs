use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The name under which the servers are reached.
pub(super) const HOST: &str = "idp.example.test";

/// A web server that stops with its test.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) calls: Arc<AtomicUsize>,
}

impl Server {
    /// Answers every request with what `answer` makes of its head.
    #[expect(clippy::disallowed_methods, reason = "the test is the outside")]
    pub(super) async fn start(
        at: &str,
        tls: Option<TlsAcceptor>,
        answer: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let (address, calls) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let (counter, answer) = (calls.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let (tls, answer) = (tls.clone(), answer.clone());
                tokio::spawn(async move {
                    match tls {
                        None => converse(stream, &*answer).await,
                        Some(tls) => converse(tls.accept(stream).await?, &*answer).await,
                    }
                });
            }
        });
        Self { address, calls }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{HOST}:{}{path}", self.address.port())
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &(dyn Fn(&str) -> String + Sync),
) -> std::io::Result<()> {
    let (mut head, mut buffer) = (String::new(), [0u8; 2048]);
    // the first byte of a TLS handshake needs no complete request to be answered with nonsense
    while !head.contains("\r\n\r\n") && !head.starts_with('\u{16}') {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            length => head.push_str(&String::from_utf8_lossy(&buffer[..length])),
        }
    }
    let text = answer(&head);
    stream.write_all(text.as_bytes()).await?;
    if text.is_empty() {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    stream.shutdown().await
}

pub(super) fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\nSet-Cookie: a=b\r\n\r\n{body}",
        body.len()
    )
}

pub(super) fn to(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: {location}\r\n\r\n")
}
