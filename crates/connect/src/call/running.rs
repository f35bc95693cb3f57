//! Calls that are under way: a server that stops waits until each of them is in the ledger.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// Calls that are under way.
#[derive(Debug)]
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    count: watch::Sender<usize>,
}

impl Default for Running {
    fn default() -> Self {
        Self { stop: watch::Sender::new(false), count: watch::Sender::new(0) }
    }
}

/// One of them, until it is dropped.
pub(super) struct UnderWay(Arc<Running>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.count.send_modify(|n| *n -= 1);
    }
}

impl Running {
    /// A call begins.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.count.send_modify(|n| *n += 1);
        UnderWay(Arc::clone(self))
    }

    /// Done when calls are told to end.
    pub(super) async fn stopped(&self) {
        // the sender lives as long as this
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// Tells all calls to end, and waits until they did; says how many did not in that time.
    pub(crate) async fn end(&self, patience: Duration) -> usize {
        self.stop.send_replace(true);
        let mut count = self.count.subscribe();
        let _ = tokio::time::timeout(patience, count.wait_for(|n| *n == 0)).await;
        *count.borrow()
    }
}
