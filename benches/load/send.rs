//! Posts made bodies over several connections.

use crate::http::{Client, forwarded};
use clap::Args;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;
use tokio::task::LocalSet;

/// `bench-load send`.
#[derive(Args)]
pub(crate) struct Send {
    /// Host and port.
    address: String,
    /// Where to post.
    path: String,
    /// The bodies.
    file: PathBuf,
    /// Connections at once.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// The first body to send.
    #[arg(long, default_value_t = 0)]
    skip: usize,
    /// How many bodies to send.
    #[arg(long, default_value_t = usize::MAX)]
    count: usize,
}

impl Send {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(&self.file)?;
        let bodies: Rc<Vec<String>> =
            Rc::new(text.lines().skip(self.skip).take(self.count).map(str::to_owned).collect());
        let next = Rc::new(Cell::new(0));
        let statuses: Rc<RefCell<BTreeMap<u16, usize>>> = Rc::default();
        let began = Instant::now();
        let local = LocalSet::new();
        for _ in 0..self.connections {
            let (bodies, next, statuses) = (Rc::clone(&bodies), Rc::clone(&next), Rc::clone(&statuses));
            let (mut client, path, skip) = (Client::new(&self.address), self.path.clone(), self.skip);
            local.spawn_local(async move {
                loop {
                    let at = next.replace(next.get() + 1);
                    let Some(body) = bodies.get(at) else { return };
                    let status = match client.post(&path, &forwarded(skip + at), body).await {
                        Ok(answer) => answer.status,
                        Err(_) => 0,
                    };
                    *statuses.borrow_mut().entry(status).or_default() += 1;
                }
            });
        }
        local.await;
        let seconds = began.elapsed().as_secs_f64();
        println!("{}", json!({"seconds": seconds, "count": bodies.len(), "statuses": *statuses.borrow()}));
        Ok(())
    }
}
