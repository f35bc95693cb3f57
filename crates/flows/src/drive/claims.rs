//! The server's part: what is claimed, how long it is held, when it stops.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gatehouse_types::{ExecutionId, Result};
use tokio::task::{AbortHandle, Id as TaskId, JoinError, JoinSet};
use tokio::time::MissedTickBehavior;

use super::lane::Handed;
use super::pace::Pace;
use super::turn::Driving;
use crate::Flows;
use crate::store::claims;
use crate::store::executions::Opened;

/// Executions that one server claims and drives at once.
const AT_ONCE: usize = 64;
/// How often leases are renewed; a quarter of them.
const RENEW: Duration = Duration::from_secs(5);
/// How long what is driven may go on after the signal to stop.
const STOP_GRACE: Duration = Duration::from_secs(25);

/// Which task drives which execution: a task that panics tells nothing else of itself.
type Ids = Arc<Mutex<HashMap<TaskId, ExecutionId>>>;

/// What one server drives at the moment.
#[derive(Default)]
struct Running {
    tasks: JoinSet<()>,
    ids: Ids,
}

impl Running {
    fn begin(&mut self, id: ExecutionId, task: impl Future<Output = ()> + Send + 'static) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.insert(self.tasks.spawn(task).id(), id);
    }

    /// The next one that is done; false when nothing runs.
    async fn next(&mut self) -> bool {
        let done = self.tasks.join_next_with_id().await;
        self.forget(done)
    }

    /// Forgets all that are done, and says how many those were.
    fn tidy(&mut self) -> usize {
        let mut count = 0;
        while let done @ Some(_) = self.tasks.try_join_next_with_id() {
            self.forget(done);
            count += 1;
        }
        count
    }

    fn forget(&mut self, done: Option<Result<(TaskId, ()), JoinError>>) -> bool {
        let Some(done) = done else { return false };
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let task = match done {
            Ok((task, ())) => task,
            Err(e) => {
                tracing::error!(execution = ?ids.get(&e.id()), error = %e, "driving an execution broke off");
                e.id()
            }
        };
        ids.remove(&task);
        true
    }
}

/// Ends a task when it is dropped.
struct Ends(AbortHandle);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Drives executions until told to stop.
#[derive(Clone, Debug)]
pub struct Driver {
    flows: Flows,
    /// This server, as leases name it.
    me: Arc<str>,
    renew: Duration,
}

impl Driver {
    /// A driver over the service.
    pub fn new(flows: Flows) -> Self {
        let me = flows.0.store.ids().uuid().simple().to_string();
        Self { flows, me: me.into(), renew: RENEW }
    }

    /// The same with another pause between two renewals of what it holds.
    #[must_use]
    pub fn renewing_every(self, renew: Duration) -> Self {
        Self { renew, ..self }
    }

    /// Drives what is due until `stop` is done. What is driven then may go on for a while; what does not end is given back
    /// to other servers, which do its steps again under the keys they had.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        tokio::pin!(stop);
        let mut running = Running::default();
        let renewing = tokio::spawn(self.clone().renewing(Arc::clone(&running.ids)));
        let _renewing = Ends(renewing.abort_handle());
        if let Err(e) = claims::forget_predecessor(&self.flows.0.store).await {
            tracing::error!(error = %e, "leases of the server before could not be ended; they end by themselves");
        }
        let mut handed = self.flows.0.lane.open(&self.me);
        let mut pace = Pace::default();
        loop {
            pace.ended(running.tidy());
            if pace.is_time(running.tasks.len()) {
                let wanted = AT_ONCE.saturating_sub(running.tasks.len());
                let claimed = self.claim_or_tell(wanted).await;
                pace.claimed(claimed.len(), wanted);
                self.begin(&mut running, claimed);
            }
            let rest = pace.rest(running.tasks.len());
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(one) = handed.recv() => self.take_up(&mut running, one),
                // a place is free
                true = running.next() => pace.ended(1),
                () = self.flows.0.wake.notified() => pace.woken(),
                () = tokio::time::sleep(rest) => pace.looked(),
            }
        }
        self.flows.0.lane.close();
        while let Ok(one) = handed.try_recv() {
            self.take_up(&mut running, one);
        }
        self.finish(running).await;
    }

    /// Lets what is driven come to rest, and gives back what does not.
    async fn finish(&self, mut running: Running) {
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

    /// Keeps what is really driven, as long as it is.
    async fn renewing(self, ids: Ids) {
        let mut tick = tokio::time::interval(self.renew);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let held: Vec<_> = ids.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
            if let Err(e) = claims::renew(&self.flows.0.store, &self.me, held.into_iter()).await {
                tracing::error!(error = %e, "leases of executions could not be renewed");
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
            let claimed = claims::claim(&self.flows.0.store, &self.me, AT_ONCE).await?;
            if claimed.is_empty() {
                return Ok(count);
            }
            count += claimed.len();
            let mut running = Running::default();
            self.begin(&mut running, claimed);
            while running.next().await {}
        }
    }

    async fn claim_or_tell(&self, wanted: usize) -> Vec<Claimed> {
        match claims::claim(&self.flows.0.store, &self.me, wanted).await {
            Ok(claimed) => claimed,
            Err(e) => {
                tracing::error!(error = %e, "due executions could not be claimed");
                Vec::new()
            }
        }
    }

    fn begin(&self, running: &mut Running, claimed: Vec<Claimed>) {
        for (id, opened) in claimed {
            let driver = self.clone();
            running.begin(id.clone(), async move { driver.drive(id, opened).await });
        }
    }

    async fn drive(&self, id: ExecutionId, opened: gatehouse_store::Result<Opened>) {
        let driven = async {
            match Driving::open(&self.flows, &self.me, opened?).await? {
                Some(driving) => driving.on().await,
                None => Ok(()),
            }
        };
        self.or_put_off(id, driven).await;
    }

    /// Drives on what began with its start.
    fn take_up(&self, running: &mut Running, one: Handed) {
        let (driver, id) = (self.clone(), one.id());
        running.begin(id.clone(), async move { driver.or_put_off(id, one.on()).await });
    }

    async fn or_put_off(&self, id: ExecutionId, driven: impl Future<Output = Result<()>>) {
        if let Err(e) = driven.await {
            tracing::error!(execution = %id, error = %e, cause = ?e.cause(), "an execution could not be driven");
            // if that fails too, the lease ends by itself: it is not renewed any more
            if let Err(e) = claims::put_off(&self.flows.0.store, &self.me, &id).await {
                tracing::error!(execution = %id, error = %e, "an execution could not be given back");
            }
        }
    }
}

type Claimed = (ExecutionId, gatehouse_store::Result<Opened>);
