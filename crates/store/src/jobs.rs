//! Background work: a queue in the database, filled in the caller's transaction, claimed with a lease by any
//! server, retried with back-off.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use gatehouse_types::{JobId, Result as TypesResult, TRACES, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tracing::Instrument;

use crate::{Queries, Query, Result, Row, Store, Tx, Value, numbers, sql};

/// How long a worker may hold a job; afterwards another takes it, seconds.
const LEASE_SECONDS: i64 = 60;
/// How long one run may take; shorter than the lease.
const RUN_TIMEOUT: Duration = Duration::from_secs(50);
/// How long a job may go on after the signal to stop; as long as requests may.
const STOP_GRACE: Duration = Duration::from_secs(25);
/// How often an idle worker looks, beside being woken.
const POLL: Duration = Duration::from_secs(2);
/// The pause after the first failure; it doubles, seconds.
const FIRST_RETRY_SECONDS: i64 = 5;
/// The longest pause between two tries, seconds.
const LONGEST_RETRY_SECONDS: i64 = 3600;
/// Tries before a job is given up.
const MAX_ATTEMPTS: i64 = 12;

/// One kind of background work: a payload that can be run, more than once if need be.
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// The kind's name, as `area.what`.
    const KIND: &'static str;
    /// What the run needs.
    type Context: Clone + Send + Sync + 'static;
    /// Does the work. It may have been done before by a worker that died: running twice must do no harm.
    fn run(self, context: Self::Context) -> impl Future<Output = TypesResult<()>> + Send;
}

/// When a job is due, and whether there may be two of it.
#[derive(Clone, Debug, Default)]
pub struct When {
    /// Not before this moment; `None`: now.
    pub at: Option<Timestamp>,
    /// While a job with this name waits or runs, no second one is enqueued.
    pub unique: Option<String>,
}

/// Enqueues a job in the caller's transaction.
///
/// # Errors
/// When the database fails.
pub async fn enqueue<J: Job>(tx: &mut Tx, job: &J, when: When) -> Result<()> {
    let now = tx.store().now();
    let id: JobId = tx.store().ids().make();
    let insert =
        sql("INSERT INTO jobs (id, kind, payload, state, run_at, attempts, unique_name, created_at) \
         VALUES ($1, $2, $3, 'ready', $4, 0, $5, $6) ON CONFLICT DO NOTHING")
        .bind(&id)
        .bind(J::KIND)
        .bind(serde_json::to_string(job)?)
        .bind(when.at.unwrap_or(now))
        .bind(when.unique)
        .bind(now);
    tx.execute(insert).await?;
    tx.wake_workers();
    Ok(())
}

/// A job that is due this long and that nobody took means that no worker is at work, in seconds.
const LATE_SECONDS: i64 = 300;

/// Whether some server's workers take what is due.
///
/// # Errors
/// When the database fails.
pub async fn workers_keep_up(store: &Store) -> Result<bool> {
    let late = sql("SELECT id FROM jobs WHERE state = 'ready' AND run_at < $1 AND \
         (lease_until IS NULL OR lease_until < $1) LIMIT 1");
    let before = store.now().plus_seconds(-LATE_SECONDS);
    Ok(store.reader().fetch_optional(late.bind(before)).await?.is_none())
}

type Run = Arc<dyn Fn(&str) -> Pin<Box<dyn Future<Output = TypesResult<()>> + Send>> + Send + Sync>;
type Enqueue =
    Arc<dyn Fn(Store, Timestamp) -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync>;

/// The kinds of work that this process does.
#[derive(Clone, Default)]
pub struct Registry {
    runs: BTreeMap<&'static str, Run>,
    recurring: BTreeMap<&'static str, (i64, Enqueue)>,
    apart: BTreeSet<&'static str>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.runs.keys()).finish()
    }
}

impl Registry {
    /// Adds a kind with what its runs need.
    #[must_use]
    pub fn with<J: Job>(mut self, context: J::Context) -> Self {
        let run: Run = Arc::new(move |payload| match serde_json::from_str::<J>(payload) {
            Ok(job) => Box::pin(job.run(context.clone())),
            Err(e) => Box::pin(std::future::ready(Err(gatehouse_types::Error::internal(e)))),
        });
        self.runs.insert(J::KIND, run);
        self
    }

    /// Adds a kind that runs again and again, `seconds` after its last end.
    #[must_use]
    pub fn every<J: Job + Clone + Sync>(mut self, seconds: i64, job: J, context: J::Context) -> Self {
        let enqueue: Enqueue = Arc::new(move |store, at| {
            let job = job.clone();
            Box::pin(async move {
                let mut tx = store.begin_always().await?;
                enqueue(&mut tx, &job, When { at: Some(at), unique: Some(J::KIND.to_owned()) }).await?;
                tx.commit().await
            })
        });
        self.recurring.insert(J::KIND, (seconds, enqueue));
        self.with::<J>(context)
    }

    /// Takes a kind out of the row in which the others wait for each other: for work that waits for strangers. It is
    /// looked for every two seconds, and nothing else waits for it.
    #[must_use]
    pub fn apart<J: Job>(mut self) -> Self {
        self.apart.insert(J::KIND);
        self
    }

    /// Both registries' kinds.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.runs.extend(other.runs);
        self.recurring.extend(other.recurring);
        self.apart.extend(other.apart);
        self
    }
}

/// Does background work until told to stop.
#[derive(Debug)]
pub struct Worker {
    store: Store,
    registry: Registry,
    name: String,
}

/// A row of jobs that wait for each other.
struct Lane {
    /// Whose leases they are.
    owner: String,
    /// Whether these kinds alone are taken, or all but them.
    takes: bool,
    kinds: Vec<&'static str>,
}

impl Lane {
    /// The condition of a claim, whose values come from number `first` on.
    fn place(&self, first: usize) -> String {
        let places: Vec<_> = (first..first + self.kinds.len()).map(|n| format!("${n}")).collect();
        match (self.kinds.is_empty(), self.takes) {
            (true, _) => String::new(),
            (false, true) => format!(" AND kind IN ({})", places.join(", ")),
            (false, false) => format!(" AND kind NOT IN ({})", places.join(", ")),
        }
    }

    fn values<const N: usize>(&self, before: [Value; N]) -> Vec<Value> {
        before.into_iter().chain(self.kinds.iter().map(|kind| Value::from(*kind))).collect()
    }
}

struct Claimed {
    id: JobId,
    kind: String,
    payload: String,
    attempts: i64,
}

impl Worker {
    /// A worker for these kinds.
    pub fn new(store: Store, registry: Registry) -> Self {
        let name = store.ids().uuid().simple().to_string();
        Self { store, registry, name }
    }

    /// All kinds in one row.
    fn whole(&self) -> Lane {
        Lane { owner: self.name.clone(), takes: false, kinds: Vec::new() }
    }

    /// The kinds that are apart, or the others.
    fn lane(&self, apart: bool) -> Lane {
        let owner = if apart { format!("{}-apart", self.name) } else { self.name.clone() };
        Lane { owner, takes: apart, kinds: self.registry.apart.iter().copied().collect() }
    }

    /// Works until `stop` is done. What runs then may finish in the grace time; what does not is given back to other
    /// workers at once, instead of at the end of its lease.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        if let Err(e) = self.schedule_all().await {
            tracing::error!(error = %e, "recurring jobs could not be scheduled");
        }
        let (tell, told) = watch::channel(false);
        let apart = async {
            if !self.registry.apart.is_empty() {
                self.work(&self.lane(true), told.clone()).await;
            }
        };
        let main = self.lane(false);
        tokio::join!(self.work(&main, told.clone()), apart, async {
            stop.await;
            let _ = tell.send(true);
        });
    }

    /// One row's work.
    async fn work(&self, lane: &Lane, mut told: watch::Receiver<bool>) {
        let stop = async move { drop(told.wait_for(|stop| *stop).await) };
        tokio::pin!(stop);
        loop {
            let step = self.step_of(lane);
            tokio::pin!(step);
            let stepped = tokio::select! {
                biased;
                stepped = &mut step => stepped,
                () = &mut stop => {
                    if tokio::time::timeout(STOP_GRACE, step).await.is_err() {
                        self.give_back(lane).await;
                    }
                    return;
                }
            };
            let worked = match stepped {
                Ok(worked) => worked,
                Err(e) => {
                    tracing::error!(error = %e, "the job queue could not be read");
                    false
                }
            };
            let pause = if worked { Duration::ZERO } else { POLL };
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = self.store.jobs_waker().notified(), if !worked && !lane.takes => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Runs one due job of any kind, if there is one; says whether there was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step(&self) -> Result<bool> {
        self.step_of(&self.whole()).await
    }

    async fn step_of(&self, lane: &Lane) -> Result<bool> {
        let Some(job) = self.claim(lane).await? else { return Ok(false) };
        let began = std::time::Instant::now();
        let kind = self.registry.runs.get_key_value(job.kind.as_str()).map_or("unknown", |(kind, _)| *kind);
        let span = tracing::info_span!(target: TRACES, parent: None, "job",
            otel.name = format!("job {kind}"), otel.status_code = tracing::field::Empty);
        let outcome = match self.registry.runs.get(job.kind.as_str()) {
            None => {
                Err(gatehouse_types::Error::unavailable("no server of this version knows this kind of job"))
            }
            Some(run) => {
                match tokio::time::timeout(RUN_TIMEOUT, run(&job.payload)).instrument(span.clone()).await {
                    Ok(outcome) => outcome,
                    Err(_) => Err(gatehouse_types::Error::unavailable("the job took too long")),
                }
            }
        };
        if outcome.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        drop(span);
        let how = match &outcome {
            Ok(()) => "done",
            Err(_) if job.attempts >= MAX_ATTEMPTS => "dead",
            Err(_) => "failed",
        };
        numbers::job(kind, how, began.elapsed());
        self.conclude(lane, &job, outcome).await?;
        Ok(true)
    }

    /// Ends the leases of a row; the tries that were cut off do not count.
    async fn give_back(&self, lane: &Lane) {
        let given = async {
            let mut tx = self.store.begin_always().await?;
            let update =
                sql("UPDATE jobs SET lease_owner = NULL, lease_until = NULL, attempts = attempts - 1 \
                 WHERE lease_owner = $1 AND lease_until IS NOT NULL");
            let jobs = tx.execute(update.bind(lane.owner.as_str())).await?;
            tx.commit().await?;
            Ok::<u64, crate::Error>(jobs)
        };
        match given.await {
            Ok(jobs) => tracing::warn!(jobs, "jobs that did not end in time were given back"),
            Err(e) => {
                tracing::error!(error = %e, "a job could not be given back; another worker takes it later")
            }
        }
    }

    /// Enqueues the recurring work that is not waiting yet; [`Worker::run`] begins with it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn schedule_all(&self) -> Result<()> {
        for (_, enqueue) in self.registry.recurring.values() {
            enqueue(self.store.clone(), self.store.now()).await?;
        }
        Ok(())
    }

    async fn claim(&self, lane: &Lane) -> Result<Option<Claimed>> {
        let now = self.store.now();
        let due = format!("SELECT id FROM jobs WHERE {DUE}{} LIMIT 1", lane.place(2));
        let due = Query::assembled(due, lane.values([now.into()]));
        if self.store.reader().fetch_optional(due).await?.is_none() {
            return Ok(None);
        }
        let mut tx = self.store.begin_always().await?;
        let lock = if tx.is_postgres() { " FOR UPDATE SKIP LOCKED" } else { "" };
        let claim = format!(
            "UPDATE jobs SET lease_until = $2, lease_owner = $3, attempts = attempts + 1 \
             WHERE id = (SELECT id FROM jobs WHERE {DUE}{} ORDER BY run_at, id LIMIT 1{lock}) \
             RETURNING id, kind, payload, attempts",
            lane.place(4)
        );
        let until = now.plus_seconds(LEASE_SECONDS);
        let values = lane.values([now.into(), until.into(), lane.owner.as_str().into()]);
        let row = tx.fetch_optional(Query::assembled(claim, values)).await?;
        tx.commit().await?;
        row.as_ref().map(read_claimed).transpose()
    }

    async fn conclude(&self, lane: &Lane, job: &Claimed, outcome: TypesResult<()>) -> Result<()> {
        let mut tx = self.store.begin_always().await?;
        match outcome {
            Ok(()) => {
                let done = sql("DELETE FROM jobs WHERE id = $1 AND lease_owner = $2");
                tx.execute(done.bind(&job.id).bind(lane.owner.as_str())).await?;
            }
            Err(e) => {
                tracing::warn!(job = %job.id, kind = job.kind, attempts = job.attempts, error = %e,
                    cause = ?e.cause(), "a job failed");
                let state = if job.attempts >= MAX_ATTEMPTS { "dead" } else { "ready" };
                let again =
                    sql("UPDATE jobs SET state = $3, run_at = $4, lease_until = NULL, last_error = $5 \
                     WHERE id = $1 AND lease_owner = $2")
                    .bind(&job.id)
                    .bind(lane.owner.as_str())
                    .bind(state)
                    .bind(self.store.now().plus_seconds(pause_after(job.attempts)))
                    .bind(e.message());
                tx.execute(again).await?;
            }
        }
        tx.commit().await?;
        if let Some((seconds, enqueue)) = self.registry.recurring.get(job.kind.as_str()) {
            enqueue(self.store.clone(), self.store.now().plus_seconds(*seconds)).await?;
        }
        Ok(())
    }
}

/// What a worker may take at the moment `$1`.
const DUE: &str = "state = 'ready' AND run_at <= $1 AND (lease_until IS NULL OR lease_until < $1)";

fn read_claimed(row: &Row) -> Result<Claimed> {
    Ok(Claimed {
        id: row.id("id")?,
        kind: row.text("kind")?,
        payload: row.text("payload")?,
        attempts: row.int("attempts")?,
    })
}

fn pause_after(attempts: i64) -> i64 {
    let doubled = u32::try_from(attempts - 1).ok().and_then(|n| FIRST_RETRY_SECONDS.checked_shl(n.min(20)));
    doubled.unwrap_or(LONGEST_RETRY_SECONDS).min(LONGEST_RETRY_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_between_tries_doubles_up_to_an_hour() {
        assert_eq!([1, 2, 3, 11, 40].map(pause_after), [5, 10, 20, 3600, 3600]);
    }
}
