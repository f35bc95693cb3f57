//! What the worker says, and how little of it is believed.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc;

use super::Shared;
use super::budget::Budget;
use super::capture::LINE_MAX;
use crate::frames::{FrameError, read_frame};
use crate::outcome::{CallError, Ended, Level, LogLine};

/// Log lines and their bytes that are taken in at full speed, and the rate of both from then on.
const BURST: f64 = 4.0 * 1024.0 * 1024.0;
const RATE: f64 = 1024.0 * 1024.0;
/// What a frame of the log costs besides its text.
const FRAME_COST: usize = 256;
/// The longest message or traceback of an error, in bytes.
const MESSAGE_MAX: usize = 32 * 1024;

/// One frame of the worker.
#[derive(Deserialize)]
pub(super) struct Said<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    /// Present with `null` when the function answered nothing.
    #[serde(borrow, default, deserialize_with = "present")]
    ok: Option<&'a RawValue>,
    #[serde(default)]
    err: Option<Complaint>,
    #[serde(default)]
    log: Option<Written>,
    #[serde(default)]
    pub ready: bool,
    #[serde(default)]
    pub failed: Option<LoadFailure>,
}

fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(value).map(Some)
}

#[derive(Deserialize)]
pub(super) struct LoadFailure {
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub traceback: String,
}

#[derive(Deserialize)]
struct Written {
    level: Level,
    #[serde(default)]
    text: String,
    #[serde(default)]
    dropped: u64,
}

/// Why a call has no result, in the worker's words.
#[derive(Deserialize)]
struct Complaint {
    code: Code,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    traceback: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    bytes: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Code {
    NotFound,
    BadArguments,
    Script,
    NotJson,
    TooLarge,
}

impl Complaint {
    fn into_error(self, functions: &[String]) -> CallError {
        let message = shortened(self.message, MESSAGE_MAX);
        match self.code {
            Code::NotFound => CallError::NotFound { available: functions.to_vec() },
            Code::BadArguments => CallError::BadArguments { message },
            Code::Script => CallError::Script {
                kind: shortened(self.kind, 200),
                message,
                traceback: shortened(self.traceback, MESSAGE_MAX),
            },
            Code::NotJson => CallError::ResultNotJson {
                found: shortened(self.kind, 200),
                path: shortened(self.path, 1000),
            },
            Code::TooLarge => CallError::ResultTooLarge { bytes: self.bytes },
        }
    }
}

/// A text of at most this many bytes, cut between characters.
pub(super) fn shortened(mut text: String, most: usize) -> String {
    if text.len() > most {
        let mut end = most;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Reads until the worker closes or breaks the rules.
pub(super) async fn listen(shared: Arc<Shared>, mut from: OwnedReadHalf, log: Log) {
    let mut pace = Budget::new(RATE, BURST);
    loop {
        let taken = match read_frame(&mut from).await {
            Ok(body) => shared.take_in(&body, &log),
            Err(FrameError::Closed | FrameError::Io(_)) => return shared.conversation_closed().await,
            Err(error) => Err(error.to_string()),
        };
        match taken {
            Ok(bytes) => pace.spend(bytes).await,
            Err(fault) => return shared.end(Ended::Protocol(fault)),
        }
    }
}

impl Shared {
    /// Takes in a frame; answers how much of the log's budget it costs.
    pub(super) fn take_in(&self, body: &[u8], log: &Log) -> Result<usize, String> {
        let said: Said = serde_json::from_slice(body).map_err(|error| format!("no frame: {error}"))?;
        let id = said.id.as_deref().map(parse_id).transpose()?;
        if let Some(written) = said.log {
            let cost = written.text.len() + FRAME_COST;
            log.take(self, id, written);
            return Ok(cost);
        }
        let result = match (said.ok, said.err) {
            (Some(value), None) => Ok(value.to_owned()),
            (None, Some(complaint)) => Err(complaint.into_error(&self.functions)),
            _ => return Err("a frame is neither an answer nor a line of the log".to_owned()),
        };
        let id = id.ok_or("an answer names no call")?;
        match self.state.answer(id, result) {
            true => Ok(0),
            // The answer to a call whose time is over may cross with our giving up.
            false if self.state.is_ending() => Ok(0),
            false => Err("an answer to a call that is not under way".to_owned()),
        }
    }

    /// The worker closed its side: it is about to end, or plays a game.
    async fn conversation_closed(&self) {
        const MOMENT: Duration = Duration::from_millis(500);
        if tokio::time::timeout(MOMENT, self.ending.ended()).await.is_err() {
            self.end(Ended::Protocol("it closed the conversation".to_owned()));
        }
    }
}

fn parse_id(text: &str) -> Result<u64, String> {
    let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(text, 16).ok().filter(|_| digits).ok_or_else(|| "no number of a call".to_owned())
}

/// Where lines of the log go.
#[derive(Clone)]
pub(super) struct Log {
    sender: mpsc::Sender<LogLine>,
    missed: Arc<std::sync::atomic::AtomicU64>,
}

impl Log {
    pub(super) fn new(sender: mpsc::Sender<LogLine>) -> Self {
        Self { sender, missed: Arc::default() }
    }

    fn take(&self, shared: &Shared, call: Option<u64>, written: Written) {
        if written.dropped > 0 {
            if let Some(call) = call {
                shared.state.skip(call, written.dropped);
            }
            let text = format!("… {} bytes dropped …", written.dropped);
            return self.send(shared.line(call, Level::Warning, text));
        }
        self.line(shared, call, written.level, shortened(written.text, LINE_MAX));
    }

    pub(super) fn line(&self, shared: &Shared, call: Option<u64>, level: Level, text: String) {
        self.send(shared.state.write(shared.line(call, level, text)));
    }

    fn send(&self, line: LogLine) {
        use std::sync::atomic::Ordering::Relaxed;
        let missed = self.missed.load(Relaxed);
        if missed > 0 {
            let text = format!("… {missed} lines dropped …");
            let note = LogLine { call: None, level: Level::Warning, text, at_offset: line.at_offset };
            if self.sender.try_send(note).is_ok() {
                self.missed.fetch_sub(missed, Relaxed);
            }
        }
        if self.sender.try_send(line).is_err() {
            self.missed.fetch_add(1, Relaxed);
        }
    }
}

impl Shared {
    fn line(&self, call: Option<u64>, level: Level, text: String) -> LogLine {
        LogLine { call, level, text, at_offset: self.started.elapsed() }
    }
}
