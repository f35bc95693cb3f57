//! Asks a gate about keys, as fast as one core can: each request has the next key of a file.

use anyhow::Context;
use clap::Args;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// `bench-load gate`.
#[derive(Args)]
pub(crate) struct Gate {
    /// Host and port.
    address: String,
    /// The keys, one a line; after a tab the status that is expected (200 if nothing is said).
    keys: PathBuf,
    /// What is asked for.
    #[arg(long, default_value = "/authz")]
    path: String,
    /// The scope that is asked for; empty: none.
    #[arg(long, default_value = "")]
    scope: String,
    /// Connections at once.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How many requests.
    #[arg(long, default_value_t = usize::MAX)]
    count: usize,
    /// For how many seconds at most.
    #[arg(long, default_value_t = 3600)]
    seconds: u64,
}

/// What came back, of all requests.
#[derive(Default)]
struct Told {
    statuses: BTreeMap<u16, usize>,
    wrong: usize,
    first_wrong: Option<String>,
    micros: Vec<u32>,
}

/// What a connection sends, and what it wants to hear.
struct Request {
    bytes: Vec<u8>,
    status: u16,
}

/// Answers whose time is kept.
const TIMES: usize = 1_000_000;

impl Gate {
    fn requests(&self) -> anyhow::Result<Vec<Request>> {
        let scope = match self.scope.as_str() {
            "" => String::new(),
            scope => format!("X-Required-Scope: {scope}\r\n"),
        };
        let request = |line: &str| {
            let (key, status) = line.split_once('\t').unwrap_or((line, "200"));
            let head = format!(
                "GET {} HTTP/1.1\r\nHost: {}\r\nX-API-KEY: {key}\r\n{scope}\r\n",
                self.path, self.address
            );
            Ok(Request { bytes: head.into_bytes(), status: status.parse()? })
        };
        std::fs::read_to_string(&self.keys)?.lines().map(request).collect()
    }

    #[expect(clippy::disallowed_methods, reason = "the load comes from outside")]
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let requests = Rc::new(self.requests()?);
        let (next, told) = (Rc::new(Cell::new(0)), Rc::new(RefCell::<Told>::default()));
        let (began, local) = (Instant::now(), LocalSet::new());
        let end = began + Duration::from_secs(self.seconds);
        let mut all = Vec::new();
        for _ in 0..self.connections {
            let (requests, next, told) = (Rc::clone(&requests), Rc::clone(&next), Rc::clone(&told));
            let (address, count) = (self.address.clone(), self.count);
            all.push(local.spawn_local(async move {
                let mut stream = TcpStream::connect(&address).await?;
                stream.set_nodelay(true)?;
                let mut buffer = Vec::with_capacity(4096);
                loop {
                    let at = next.replace(next.get() + 1);
                    if at >= count || Instant::now() >= end {
                        return anyhow::Ok(());
                    }
                    let request = requests.get(at % requests.len()).context("no keys")?;
                    let sent = Instant::now();
                    let status = exchange(&mut stream, &mut buffer, &request.bytes).await?;
                    told.borrow_mut().note(status, request, sent.elapsed());
                }
            }));
        }
        local.await;
        for one in all {
            one.await??;
        }
        let seconds = began.elapsed().as_secs_f64();
        let mut told = told.borrow_mut();
        told.micros.sort_unstable();
        let at =
            |share: usize| told.micros.get((told.micros.len() * share / 1000).saturating_sub(1)).copied();
        let count: usize = told.statuses.values().sum();
        println!(
            "{}",
            json!({"seconds": seconds, "count": count, "statuses": told.statuses, "wrong": told.wrong,
                "firstWrong": told.first_wrong, "p50": at(500), "p99": at(990)})
        );
        Ok(())
    }
}

impl Told {
    fn note(&mut self, status: u16, request: &Request, took: Duration) {
        *self.statuses.entry(status).or_default() += 1;
        if status != request.status {
            self.wrong += 1;
            let text = || format!("{status} instead of {}", request.status);
            self.first_wrong.get_or_insert_with(text);
        }
        if self.micros.len() < TIMES {
            self.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        }
    }
}

/// Sends and reads one answer; answers have a length, as all that is asked here has.
async fn exchange(stream: &mut TcpStream, buffer: &mut Vec<u8>, request: &[u8]) -> anyhow::Result<u16> {
    stream.write_all(request).await?;
    buffer.clear();
    loop {
        anyhow::ensure!(stream.read_buf(buffer).await? > 0, "the server closed the connection");
        let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = buffer.get(..end).unwrap_or_default();
        let wanted = end + 4 + length(head);
        while buffer.len() < wanted {
            anyhow::ensure!(stream.read_buf(buffer).await? > 0, "the server closed within its answer");
        }
        let status = buffer.get(9..12).and_then(|s| std::str::from_utf8(s).ok()).context("no status")?;
        return Ok(status.parse()?);
    }
}

/// The `Content-Length` of a head; 0 without.
fn length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length:";
    let line = head
        .split(|b| *b == b'\n')
        .find(|l| l.len() > NAME.len() && l[..NAME.len()].eq_ignore_ascii_case(NAME));
    let value = line.and_then(|l| std::str::from_utf8(&l[NAME.len()..]).ok());
    value.and_then(|v| v.trim().parse().ok()).unwrap_or(0)
}
