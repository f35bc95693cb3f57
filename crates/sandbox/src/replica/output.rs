//! What is written past the worker: by libraries, by processes that the script starts, by a dying interpreter.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};

use super::Shared;
use super::budget::Budget;
use super::capture::Lines;
use super::conversation::Log;
use crate::outcome::Level;

/// Bytes that are taken in at full speed, and each second from then on; a flood of output then waits for us.
const BURST: f64 = 32.0 * 1024.0 * 1024.0;
const RATE: f64 = 16.0 * 1024.0 * 1024.0;
/// Bytes of lines that are looked at in each second; what is more is dropped without being cut into lines.
const LINES_RATE: f64 = 1024.0 * 1024.0;
const LINES_BURST: f64 = 2.0 * 1024.0 * 1024.0;
/// How much of the end of the standard error is told when a worker has crashed.
const LAST_LINES: usize = 20;
const LAST_LINE_MAX: usize = 1000;

/// The last lines of the standard error.
#[derive(Clone, Default)]
pub(super) struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl LastLines {
    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LAST_LINES {
            lines.pop_front();
        }
        lines.push_back(super::conversation::shortened(line.to_owned(), LAST_LINE_MAX));
    }

    pub(super) fn get(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Reads one output to its end.
pub(super) async fn drain(
    shared: Arc<Shared>,
    mut from: impl AsyncRead + Unpin,
    level: Level,
    log: Log,
    last: Option<LastLines>,
) {
    let mut buffer = vec![0u8; 64 * 1024];
    let mut lines = Lines::default();
    let mut pace = Budget::new(RATE, BURST);
    let mut looked_at = Budget::new(LINES_RATE, LINES_BURST);
    let mut dropped = 0usize;
    let take = |line: String| {
        if let Some(last) = &last {
            last.push(&line);
        }
        log.line(&shared, None, level, line);
    };
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 {
            break;
        }
        if looked_at.take(read) {
            if dropped > 0 {
                lines.rest();
                take(format!("… {} bytes dropped …", std::mem::take(&mut dropped)));
            }
            lines.push(&buffer[..read]).into_iter().for_each(&take);
        } else {
            dropped += read;
        }
        pace.spend(read).await;
    }
    if dropped > 0 {
        take(format!("… {dropped} bytes dropped …"));
    }
    lines.rest().into_iter().for_each(&take);
}
