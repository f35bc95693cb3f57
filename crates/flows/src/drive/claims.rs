//! The server's part: what is claimed, how long it is held, when it stops.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use gatehouse_types::{ExecutionId, Result};
use tokio::task::{Id as TaskId, JoinError, JoinSet};

use super::turn::Driving;
use crate::Flows;
use crate::store::claims;

/// Executions that one server drives at once.
const AT_ONCE: usize = 64;
/// How often is looked for what is due, beside being woken.
const LOOK: Duration = Duration::from_secs(1);
/// How often leases are renewed; a third of them.
const RENEW: Duration = Duration::from_secs(20);
/// How long what is driven may go on after the signal to stop.
const STOP_GRACE: Duration = Duration::from_secs(25);

/// What one server drives at the moment.
#[derive(Default)]
struct Running {
    tasks: JoinSet<()>,
    /// Which task drives which: a task that panics tells nothing else of itself.
    ids: HashMap<TaskId, ExecutionId>,
}

impl Running {
    fn begin(&mut self, driver: Driver, id: ExecutionId) {
        let task = self.tasks.spawn(driver.drive(id.clone())).id();
        self.ids.insert(task, id);
    }

    /// The next one that is done; false when nothing runs.
    async fn next(&mut self) -> bool {
        let done = self.tasks.join_next_with_id().await;
        self.forget(done)
    }

    /// Forgets all that are done.
    fn tidy(&mut self) {
        while let done @ Some(_) = self.tasks.try_join_next_with_id() {
            self.forget(done);
        }
    }

    fn forget(&mut self, done: Option<Result<(TaskId, ()), JoinError>>) -> bool {
        let Some(done) = done else { return false };
        let task = match done {
            Ok((task, ())) => task,
            Err(e) => {
                tracing::error!(execution = ?self.ids.get(&e.id()), error = %e, "driving an execution broke off");
                e.id()
            }
        };
        self.ids.remove(&task);
        true
    }
}

/// Drives executions until told to stop.
#[derive(Clone, Debug)]
pub struct Driver {
    flows: Flows,
    /// This server, as leases name it.
    me: Arc<str>,
}

impl Driver {
    /// A driver over the service.
    pub fn new(flows: Flows) -> Self {
        let me = flows.0.store.ids().uuid().simple().to_string();
        Self { flows, me: me.into() }
    }

    /// Drives what is due until `stop` is done. What is driven then may go on for a while; what does not end is given back
    /// to other servers, which do its steps again under the keys they had.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        tokio::pin!(stop);
        let mut running = Running::default();
        let mut renew = tokio::time::interval(RENEW);
        loop {
            running.tidy();
            let claimed = match self.claim(AT_ONCE.saturating_sub(running.tasks.len())).await {
                Ok(claimed) => claimed,
                Err(e) => {
                    tracing::error!(error = %e, "due executions could not be claimed");
                    Vec::new()
                }
            };
            let more = !claimed.is_empty();
            for id in claimed {
                running.begin(self.clone(), id);
            }
            tokio::select! {
                biased;
                () = &mut stop => break,
                _ = renew.tick() => {
                    if let Err(e) = claims::renew(&self.flows.0.store, &self.me, running.ids.values().cloned()).await {
                        tracing::error!(error = %e, "leases of executions could not be renewed");
                    }
                }
                // a place is free
                true = running.next() => {}
                () = self.flows.0.wake.notified() => {}
                () = tokio::time::sleep(LOOK), if !more => {}
                () = std::future::ready(()), if more && running.tasks.len() < AT_ONCE => {}
            }
        }
        let rest = async { while running.next().await {} };
        if tokio::time::timeout(STOP_GRACE, rest).await.is_err() {
            running.tasks.abort_all();
        }
        match claims::give_back(&self.flows.0.store, &self.me).await {
            Ok(0) => {}
            Ok(given) => {
                tracing::warn!(given, "executions that did not come to rest in time were given back")
            }
            Err(e) => {
                tracing::error!(error = %e, "executions could not be given back; others take them later")
            }
        }
    }

    /// Drives everything that is due at this moment until nothing is; says how many turns that took.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn work(&self) -> Result<usize> {
        let mut count = 0;
        loop {
            let claimed = self.claim(AT_ONCE).await?;
            if claimed.is_empty() {
                return Ok(count);
            }
            count += claimed.len();
            let mut running = Running::default();
            for id in claimed {
                running.begin(self.clone(), id);
            }
            while running.next().await {}
        }
    }

    async fn claim(&self, wanted: usize) -> Result<Vec<ExecutionId>> {
        Ok(claims::claim(&self.flows.0.store, &self.me, wanted).await?)
    }

    async fn drive(self, id: ExecutionId) {
        let driven = async {
            match Driving::open(&self.flows, &self.me, &id).await? {
                Some(driving) => driving.on().await,
                None => Ok(()),
            }
        };
        if let Err(e) = driven.await {
            tracing::error!(execution = %id, error = %e, cause = ?e.cause(), "an execution could not be driven");
            // if that fails too, the lease ends by itself: it is not renewed any more
            if let Err(e) = claims::put_off(&self.flows.0.store, &self.me, &id).await {
                tracing::error!(execution = %id, error = %e, "an execution could not be given back");
            }
        }
    }
}
