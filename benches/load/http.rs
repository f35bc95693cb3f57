//! HTTP/1.1 over one kept connection, as little as a load generator needs.

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first header of this (lower-case) name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|l| l.split_once(':'))
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.trim())
    }
}

/// One connection; it is opened again when the server closed it.
pub(crate) struct Client {
    address: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), stream: None, buffer: Vec::with_capacity(16 * 1024) }
    }

    /// Sends a form.
    pub(crate) async fn post(&mut self, path: &str, headers: &str, body: &str) -> anyhow::Result<Answer> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n{headers}\r\n",
            self.address,
            body.len()
        );
        self.exchange(&head, body).await
    }

    /// Sends any request.
    pub(crate) async fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> anyhow::Result<Answer> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n{headers}\r\n",
            self.address,
            body.len()
        );
        self.exchange(&head, body).await
    }

    /// Asks.
    pub(crate) async fn get(&mut self, path: &str, headers: &str) -> anyhow::Result<Answer> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", self.address);
        self.exchange(&head, "").await
    }

    #[expect(clippy::disallowed_methods, reason = "the load comes from outside")]
    async fn exchange(&mut self, head: &str, body: &str) -> anyhow::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(open) => open,
            None => {
                let stream = TcpStream::connect(&self.address).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        let request = [head.as_bytes(), body.as_bytes()].concat();
        // a server may refuse before it read everything
        let sent = stream.write_all(&request).await;
        let answer = match self.read(&mut stream).await {
            Ok(answer) => answer,
            Err(error) => {
                sent?;
                return Err(error);
            }
        };
        let closes = answer.head.starts_with("HTTP/1.0")
            || answer.header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
        if sent.is_ok() && !closes {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    async fn read(&mut self, stream: &mut TcpStream) -> anyhow::Result<Answer> {
        self.buffer.clear();
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at;
            }
            if stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection before it answered");
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        let status = head.get(9..12).and_then(|s| s.parse().ok()).context("no status line")?;
        let mut answer = Answer { status, head, body: self.buffer.split_off(end + 4) };
        if answer.header("transfer-encoding").is_some_and(|v| v.contains("chunked")) {
            while !answer.body.ends_with(b"0\r\n\r\n") {
                if stream.read_buf(&mut answer.body).await? == 0 {
                    break;
                }
            }
        } else {
            let length: usize = answer.header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
            while answer.body.len() < length {
                if stream.read_buf(&mut answer.body).await? == 0 {
                    bail!("the server closed the connection within its answer");
                }
            }
        }
        Ok(answer)
    }
}

/// A network of its own for each request, so that limits by network do not bend the figures.
pub(crate) fn forwarded(number: usize) -> String {
    let n = number + 1;
    format!("X-Forwarded-For: 10.{}.{}.{}\r\n", (n >> 16) & 255, (n >> 8) & 255, n & 255)
}
