//! Calls a function over a bare socket: a length of four bytes, little-endian, and JSON, there and back.

use anyhow::ensure;
use clap::Args;
use serde_json::json;
use std::path::Path;
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// `bench-load echo`.
#[derive(Args)]
pub(crate) struct Echo {
    /// Host and port, or the absolute path of a socket.
    address: String,
    /// What is sent.
    body: String,
    /// How often, one after the other.
    #[arg(long, default_value_t = 1000)]
    count: usize,
}

impl Echo {
    #[expect(clippy::disallowed_methods, reason = "the load comes from outside")]
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        if Path::new(&self.address).is_absolute() {
            return self.over(UnixStream::connect(&self.address).await?).await;
        }
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        self.over(stream).await
    }

    async fn over(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> anyhow::Result<()> {
        let length = u32::try_from(self.body.len())?;
        let frame = [&length.to_le_bytes()[..], self.body.as_bytes()].concat();
        let (mut took, mut answer) = (Vec::with_capacity(self.count), Vec::new());
        let began = Instant::now();
        for _ in 0..self.count {
            let sent = Instant::now();
            stream.write_all(&frame).await?;
            let length = stream.read_u32_le().await?;
            answer.resize(usize::try_from(length)?, 0);
            stream.read_exact(&mut answer).await?;
            took.push(sent.elapsed().as_nanos());
            ensure!(answer.starts_with(b"{"), "{}", String::from_utf8_lossy(&answer));
        }
        let seconds = began.elapsed().as_secs_f64();
        took.sort_unstable();
        let at = |part: usize| took.get(took.len() * part / 100).copied().unwrap_or_default();
        println!("{}", json!({"seconds": seconds, "count": self.count, "p50_ns": at(50), "p99_ns": at(99)}));
        Ok(())
    }
}
