//! How much may be done in a time.

use std::time::{Duration, Instant};

/// A budget that fills up with time.
pub(super) struct Budget {
    rate: f64,
    burst: f64,
    left: f64,
    at: Instant,
}

impl Budget {
    pub(super) fn new(rate: f64, burst: f64) -> Self {
        Self { rate, burst, left: burst, at: Instant::now() }
    }

    fn fill(&mut self) {
        let now = Instant::now();
        let gained = now.duration_since(self.at).as_secs_f64() * self.rate;
        self.left = (self.left + gained).min(self.burst);
        self.at = now;
    }

    /// Takes the amount if it is there.
    pub(super) fn take(&mut self, amount: usize) -> bool {
        self.fill();
        let enough = self.left >= amount as f64;
        if enough {
            self.left -= amount as f64;
        }
        enough
    }

    /// Takes the amount, and waits until the budget is balanced again.
    pub(super) async fn spend(&mut self, amount: usize) {
        if amount == 0 {
            return;
        }
        self.fill();
        self.left -= amount as f64;
        if self.left < 0.0 {
            tokio::time::sleep(Duration::from_secs_f64(-self.left / self.rate)).await;
        }
    }
}
