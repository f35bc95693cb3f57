//! Which calls are under way, and why there may be no more.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;
use tokio::sync::{Notify, oneshot};

use super::capture::Capture;
use crate::outcome::{CallError, Ended, LogLine};

/// How a call came out.
pub(super) struct Answer {
    pub result: Result<Box<RawValue>, CallError>,
    pub logs: Vec<LogLine>,
}

struct Pending {
    reply: oneshot::Sender<Answer>,
    log: Capture,
}

#[derive(Default)]
struct Inner {
    calls: HashMap<u64, Pending>,
    begun: u64,
    draining: bool,
    reason: Option<Ended>,
    over: bool,
}

#[derive(Default)]
pub(super) struct State {
    inner: Mutex<Inner>,
    /// Keys the numbers of calls: what is inside cannot guess one that it was not given.
    keys: RandomState,
    changed: Notify,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for a call.
    pub(super) fn begin(&self, concurrency: usize) -> Result<(u64, oneshot::Receiver<Answer>), CallError> {
        let mut inner = self.lock();
        if inner.over || inner.draining || inner.reason.is_some() {
            return Err(CallError::Ended(inner.reason.clone().unwrap_or(Ended::TimedOut)));
        }
        if inner.calls.len() >= concurrency {
            return Err(CallError::Busy);
        }
        let id = loop {
            inner.begun += 1;
            let id = self.keys.hash_one(inner.begun);
            if !inner.calls.contains_key(&id) {
                break id;
            }
        };
        let (reply, answer) = oneshot::channel();
        inner.calls.insert(id, Pending { reply, log: Capture::default() });
        Ok((id, answer))
    }

    pub(super) fn in_flight(&self) -> usize {
        self.lock().calls.len()
    }

    pub(super) fn is_free(&self, concurrency: usize) -> bool {
        let inner = self.lock();
        !inner.over && !inner.draining && inner.reason.is_none() && inner.calls.len() < concurrency
    }

    /// Hands over an answer; `false` when no such call is under way.
    pub(super) fn answer(&self, id: u64, result: Result<Box<RawValue>, CallError>) -> bool {
        let Some(pending) = self.lock().calls.remove(&id) else { return false };
        // Nobody may be waiting any more; that is no fault of the worker.
        let _ = pending.reply.send(Answer { result, logs: pending.log.finish() });
        self.changed.notify_waiters();
        true
    }

    /// Takes a call out whose time is over; what it wrote until now.
    pub(super) fn give_up(&self, id: u64) -> Vec<LogLine> {
        let pending = self.lock().calls.remove(&id);
        self.changed.notify_waiters();
        pending.map(|pending| pending.log.finish()).unwrap_or_default()
    }

    /// Keeps a line with its call. Without a call it belongs to the only one under way, if there is just one.
    pub(super) fn write(&self, mut line: LogLine) -> LogLine {
        let mut inner = self.lock();
        let call =
            line.call.or_else(|| inner.calls.keys().copied().next().filter(|_| inner.calls.len() == 1));
        line.call = call;
        if let Some(pending) = call.and_then(|call| inner.calls.get_mut(&call)) {
            pending.log.push(line.clone());
        }
        line
    }

    pub(super) fn skip(&self, call: u64, bytes: u64) {
        if let Some(pending) = self.lock().calls.get_mut(&call) {
            pending.log.skip(bytes);
        }
    }

    /// Takes no new calls; answers whether none is under way.
    pub(super) fn drain(&self) -> bool {
        let mut inner = self.lock();
        inner.draining = true;
        inner.calls.is_empty()
    }

    pub(super) async fn until_idle(&self) {
        loop {
            let changed = self.changed.notified();
            if self.in_flight() == 0 {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn end_because(&self, reason: Ended) {
        self.lock().reason.get_or_insert(reason);
    }

    /// Whether answers to forgotten calls are no fault: some were given up.
    pub(super) fn is_ending(&self) -> bool {
        let inner = self.lock();
        inner.draining || inner.reason.is_some()
    }

    pub(super) fn reason(&self) -> Option<Ended> {
        self.lock().reason.clone()
    }

    /// The replica is no more: every call under way is told.
    pub(super) fn close(&self, reason: &Ended) {
        let mut inner = self.lock();
        inner.reason = Some(reason.clone());
        inner.over = true;
        let calls: Vec<_> = inner.calls.drain().collect();
        drop(inner);
        for (_, pending) in calls {
            let _ = pending.reply.send(Answer { result: Err(error_of(reason)), logs: pending.log.finish() });
        }
        self.changed.notify_waiters();
    }

    pub(super) fn as_error(&self) -> CallError {
        error_of(&self.reason().unwrap_or(Ended::Stopped))
    }
}

fn error_of(reason: &Ended) -> CallError {
    match reason {
        Ended::OutOfMemory { limit, peak } => CallError::OutOfMemory { limit: *limit, peak: *peak },
        Ended::Protocol(text) => CallError::Protocol(text.clone()),
        other => CallError::Ended(other.clone()),
    }
}
