//! Web servers that count who came: the attacker's own, the one inside, and a proxy.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, pki_types::PrivateKeyDer};

/// What the server inside answers with.
pub(crate) const SECRET: &str = "what only the inside knows";

/// A web server that ends with the test. `/hop/<status>/<hex of a location>` redirects there, also when it is asked as
/// a proxy; everything else is answered with [`SECRET`].
#[derive(Clone)]
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    reached: Arc<AtomicUsize>,
}

impl Web {
    pub(crate) async fn start(at: &str) -> Self {
        Self::over(TcpListener::bind(at).await.unwrap(), None)
    }

    /// One with a certificate of that name; answers the certificate too.
    pub(crate) async fn start_tls(at: &str, name: &str) -> (Self, String) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let tls = ServerConfig::builder().with_no_client_auth();
        let tls = tls.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let listener = TcpListener::bind(at).await.unwrap();
        (Self::over(listener, Some(TlsAcceptor::from(Arc::new(tls)))), made.cert.pem())
    }

    /// The attacker's server at the first address and the one inside at the second, at the same port.
    pub(crate) async fn pair(outside: &str, inside: &str) -> (Self, Self) {
        loop {
            let listener = TcpListener::bind((outside, 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            if let Ok(other) = TcpListener::bind((inside, port)).await {
                return (Self::over(listener, None), Self::over(other, None));
            }
        }
    }

    fn over(listener: TcpListener, tls: Option<TlsAcceptor>) -> Self {
        let address = listener.local_addr().unwrap();
        let web = Self { address, connections: Arc::default(), reached: Arc::default() };
        let counts = web.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counts.connections.fetch_add(1, Ordering::SeqCst);
                let (counts, tls) = (counts.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => counts.converse(stream).await,
                        Some(tls) => counts.converse(tls.accept(stream).await?).await,
                    }
                });
            }
        });
        web
    }

    /// Connections that somebody opened.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Requests for anything but a redirect.
    pub(crate) fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }

    async fn converse(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
        let (mut head, mut buffer) = (String::new(), [0u8; 2048]);
        while !head.contains("\r\n\r\n") {
            match stream.read(&mut buffer).await? {
                0 => return Ok(()),
                length => head.push_str(&String::from_utf8_lossy(&buffer[..length])),
            }
        }
        let asked = head.split(' ').nth(1).unwrap_or_default();
        let path = asked.strip_prefix("http://").and_then(|rest| rest.split_once('/')).map_or(asked, |r| r.1);
        let hop = path.trim_start_matches('/').strip_prefix("hop/").and_then(|rest| rest.split_once('/'));
        let answer = match hop {
            Some((status, location)) => {
                let location = String::from_utf8(unhex(location)).unwrap();
                format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n")
            }
            None => {
                self.reached.fetch_add(1, Ordering::SeqCst);
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", SECRET.len())
            }
        };
        let body = if hop.is_some() { "" } else { SECRET };
        stream.write_all(format!("{answer}Connection: close\r\n\r\n{body}").as_bytes()).await?;
        stream.shutdown().await
    }
}

/// The path at which a server redirects to that location.
pub(crate) fn hop(status: u16, location: &str) -> String {
    let hex: String = location.bytes().map(|b| format!("{b:02x}")).collect();
    format!("/hop/{status}/{hex}")
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}
