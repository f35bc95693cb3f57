//! Sends any requests over several connections: one a line, method, path and body with tabs between.

use crate::http::Client;
use clap::Args;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;
use tokio::task::LocalSet;

/// `bench-load calls`.
#[derive(Args)]
pub(crate) struct Calls {
    /// Host and port.
    address: String,
    /// The requests.
    file: PathBuf,
    /// The bearer token.
    #[arg(long)]
    token: Option<String>,
    /// An API key.
    #[arg(long, conflicts_with_all = ["token", "tokens"])]
    key: Option<String>,
    /// Bearer tokens, a line for each request, where they are not all of one person.
    #[arg(long, conflicts_with = "token")]
    tokens: Option<PathBuf>,
    /// The media type of bodies.
    #[arg(long, default_value = "application/scim+json")]
    media: String,
    /// Connections at once.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// The first request to send.
    #[arg(long, default_value_t = 0)]
    skip: usize,
    /// How many to send.
    #[arg(long, default_value_t = usize::MAX)]
    count: usize,
    /// Writes the last segment of each `Location` into a file, a line for each request.
    #[arg(long)]
    locations: Option<PathBuf>,
}

/// What came back, of all requests.
#[derive(Default)]
struct Told {
    statuses: BTreeMap<u16, usize>,
    bytes: usize,
    /// How long each took, in microseconds.
    took: Vec<u128>,
    locations: BTreeMap<usize, String>,
}

impl Calls {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let read = |file: &PathBuf| -> anyhow::Result<Vec<String>> {
            let text = std::fs::read_to_string(file)?;
            Ok(text.lines().skip(self.skip).take(self.count).map(str::to_owned).collect())
        };
        let lines = read(&self.file)?;
        let tokens = Rc::new(self.tokens.as_ref().map(read).transpose()?.unwrap_or_default());
        let (lines, next, told) =
            (Rc::new(lines), Rc::new(Cell::new(0)), Rc::new(RefCell::<Told>::default()));
        let token = self.token.as_ref().map(|t| format!("Authorization: Bearer {t}\r\n")).unwrap_or_default();
        let token = self.key.as_ref().map_or(token, |key| format!("X-API-KEY: {key}\r\n"));
        let headers = format!("{token}Accept: application/scim+json, application/json\r\n");
        let with_body = format!("{headers}Content-Type: {}\r\n", self.media);
        let (began, local) = (Instant::now(), LocalSet::new());
        for _ in 0..self.connections {
            let (lines, next, told) = (Rc::clone(&lines), Rc::clone(&next), Rc::clone(&told));
            let tokens = Rc::clone(&tokens);
            let (mut client, headers, with_body) =
                (Client::new(&self.address), headers.clone(), with_body.clone());
            local.spawn_local(async move {
                loop {
                    let at = next.replace(next.get() + 1);
                    let Some(line) = lines.get(at) else { return };
                    let mut parts = line.splitn(3, '\t');
                    let (method, path) = (parts.next().unwrap_or("GET"), parts.next().unwrap_or("/"));
                    let body = parts.next().unwrap_or_default();
                    let headers = if body.is_empty() { &headers } else { &with_body };
                    let own = tokens.get(at).map(|t| format!("Authorization: Bearer {t}\r\n"));
                    let headers = own.map_or_else(|| headers.clone(), |own| format!("{own}{headers}"));
                    let sent = Instant::now();
                    let answer = client.call(method, path, &headers, body).await;
                    let mut told = told.borrow_mut();
                    told.took.push(sent.elapsed().as_micros());
                    match answer {
                        Ok(answer) => {
                            *told.statuses.entry(answer.status).or_default() += 1;
                            told.bytes += answer.body.len();
                            if let Some(place) = answer.header("location").and_then(|l| l.rsplit('/').next())
                            {
                                told.locations.insert(at, place.to_owned());
                            }
                        }
                        Err(_) => *told.statuses.entry(0).or_default() += 1,
                    }
                }
            });
        }
        local.await;
        let seconds = began.elapsed().as_secs_f64();
        let mut told = told.borrow_mut();
        told.took.sort_unstable();
        let at = |part: usize| told.took.get(told.took.len() * part / 100).copied().unwrap_or_default();
        let (p50, p99) = (at(50), at(99));
        let told = &*told;
        if let Some(file) = self.locations {
            let of = |n| told.locations.get(&n).map_or("", String::as_str);
            std::fs::write(file, (0..lines.len()).map(|n| format!("{}\n", of(n))).collect::<String>())?;
        }
        let (count, bytes) = (lines.len(), told.bytes);
        println!(
            "{}",
            json!({"seconds": seconds, "count": count, "statuses": told.statuses, "bytes": bytes, "p50_us": p50, "p99_us": p99})
        );
        Ok(())
    }
}
