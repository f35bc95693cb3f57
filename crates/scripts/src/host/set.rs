//! The replicas of one deployment: calls go to the one with the fewest, those that end are replaced.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gatehouse_sandbox::{CallError, CallFailure, Level, LogLine, Outcome, Replica, Sandbox, Spec};
use gatehouse_types::{Error, Result, ScriptDeploymentId, ScriptId, WorkspaceId};
use serde_json::value::RawValue;
use tokio::sync::Notify;

use super::budget::Budget;
use super::masks::Masks;
use crate::model::Profile;
use crate::scaling::{self, History, Load, Policy};
use crate::store::deployments::Deployment;

/// Calls that one replica takes at a time.
pub(crate) const CONCURRENCY: u16 = 8;
/// Calls that wait for a place, a replica that may be.
const WAITING_PER_REPLICA: usize = 100;
/// How long calls wait for a place.
const WAIT: Duration = Duration::from_secs(30);
/// Seconds after which a caller may come again.
const RETRY_SECONDS: u32 = 2;
/// Pauses between two launches after failures: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// The longest reason of a failure, in characters.
const MAX_REASON: usize = 8_000;
/// How long a replica must live for its end not to count as a failure of its start.
const LIVED: Duration = Duration::from_secs(60);

/// One replica.
#[derive(Clone, Debug)]
struct Slot {
    number: u64,
    replica: Replica,
    since: Instant,
    /// The use of processors at the last measurement, in microseconds.
    measured: (Instant, u64),
    /// Until when its time was metered.
    metered: Instant,
}

#[derive(Debug, Default)]
struct State {
    slots: Vec<Slot>,
    next: u64,
    /// How many there should be.
    wanted: usize,
    /// How many are being launched.
    launching: usize,
    /// How many end their calls and then stop.
    draining: usize,
    /// Launches that failed in a row.
    failures: u32,
    /// Why the last one failed or ended.
    trouble: Option<String>,
    history: History,
    /// Metered time of replicas that are gone, in milliseconds.
    metered_millis: u64,
}

/// The replicas of a deployment on this server.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) id: ScriptDeploymentId,
    pub(crate) workspace: WorkspaceId,
    script: ScriptId,
    /// The number of the deployment.
    pub(crate) number: i64,
    /// How long a function may take.
    pub(crate) timeout: Duration,
    profile: Profile,
    policy: Policy,
    min: usize,
    sandbox: Sandbox,
    spec: Spec,
    state: Mutex<State>,
    /// A call ended, or a replica came.
    freed: Notify,
    /// The number of replicas is not what it should be.
    changed: Notify,
    waiting: AtomicUsize,
    closed: AtomicBool,
    began: Instant,
    /// Where lines go that belong to no call.
    log: LogSink,
    /// What hides the values of its variables.
    pub(crate) masks: Masks,
    /// How much it may log.
    budget: Mutex<Budget>,
}

/// Takes the lines of a replica that belong to no call.
#[derive(Clone)]
pub(crate) struct LogSink(pub(crate) Arc<dyn Fn(Vec<LogLine>) + Send + Sync>);

impl std::fmt::Debug for LogSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogSink")
    }
}

impl Set {
    /// A set without replicas yet.
    pub(crate) fn new(d: &Deployment, sandbox: Sandbox, spec: Spec, log: LogSink) -> Self {
        let masks = Masks::of(&spec);
        let s = &d.settings;
        let (min, max) = (u32::from(s.min_replicas()), u32::from(s.max_replicas()));
        Self {
            id: d.id.clone(),
            workspace: d.workspace.clone(),
            script: d.script.clone(),
            number: d.number,
            timeout: s.timeout(),
            profile: s.hardware_profile(),
            policy: Policy::new(min, max, u32::from(s.average_compute_utilization())),
            min: usize::from(s.min_replicas()),
            sandbox,
            spec,
            state: Mutex::new(State { wanted: usize::from(s.min_replicas()), ..State::default() }),
            freed: Notify::new(),
            changed: Notify::new(),
            waiting: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            began: Instant::now(),
            log,
            masks,
            budget: Mutex::new(Budget::new(Instant::now())),
        }
    }

    pub(crate) fn script(&self) -> &ScriptId {
        &self.script
    }

    pub(crate) const fn profile(&self) -> Profile {
        self.profile
    }

    /// The names of its functions.
    pub(crate) fn functions(&self) -> &[String] {
        &self.spec.functions
    }

    /// The memory that its replicas may use together, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let state = self.lock();
        let replicas = (state.slots.len() + state.launching + state.draining).max(state.wanted);
        replicas as u64 * self.spec.limits.memory_bytes
    }

    /// Those lines that it may still log, and one that tells of others.
    pub(crate) fn admitted(&self, lines: impl IntoIterator<Item = LogLine>) -> Vec<LogLine> {
        let now = Instant::now();
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken: Vec<_> = lines.into_iter().filter(|line| budget.takes(line.text.len(), now)).collect();
        if let Some(last) = taken.last()
            && let Some(text) = budget.note()
        {
            taken.push(LogLine { level: Level::Warning, text, ..last.clone() });
        }
        taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// How many replicas are ready, and how many there should be.
    pub(crate) fn replicas(&self) -> (usize, usize) {
        let state = self.lock();
        (state.slots.len(), state.wanted)
    }

    /// Launches the fewest replicas; all must get ready.
    ///
    /// # Errors
    /// Why one did not, for people.
    pub(crate) async fn start(self: &Arc<Self>) -> Result<(), String> {
        for _ in 0..self.min {
            self.launch().await?;
        }
        Ok(())
    }

    async fn launch(self: &Arc<Self>) -> Result<(), String> {
        self.lock().launching += 1;
        let launched = self.sandbox.launch(self.spec.clone()).await;
        match self.launched(launched)? {
            None => self.freed.notify_waiters(),
            // the set was closed meanwhile
            Some(replica) => replica.stop().await,
        }
        Ok(())
    }

    /// Takes a new replica in; one that comes too late is given back.
    fn launched(
        self: &Arc<Self>,
        launched: std::result::Result<Replica, gatehouse_sandbox::LaunchError>,
    ) -> Result<Option<Replica>, String> {
        let mut state = self.lock();
        state.launching -= 1;
        let replica = match launched {
            Ok(replica) => replica,
            Err(e) => {
                let why: String = self.masks.hide(&told(&e)).chars().take(MAX_REASON).collect();
                state.failures += 1;
                state.trouble = Some(why.clone());
                return Err(why);
            }
        };
        if self.is_closed() {
            return Ok(Some(replica));
        }
        let (number, now) = (state.next, Instant::now());
        state.next += 1;
        state.slots.push(Slot {
            number,
            replica: replica.clone(),
            since: now,
            measured: (now, 0),
            metered: now,
        });
        drop(state);
        if let Some(lines) = replica.logs() {
            tokio::spawn(pump(Arc::clone(self), lines));
        }
        tokio::spawn(watch(Arc::clone(self), number, replica));
        Ok(None)
    }

    /// Keeps as many replicas as there should be, until the set is closed.
    pub(crate) async fn keep(self: Arc<Self>) {
        while !self.is_closed() {
            let changed = self.changed.notified();
            let (missing, failures) = {
                let state = self.lock();
                (state.slots.len() + state.launching < state.wanted, state.failures)
            };
            if !missing {
                changed.await;
                continue;
            }
            if failures > 0 {
                let pause = PAUSES.0.saturating_mul(1 << failures.min(6).saturating_sub(1)).min(PAUSES.1);
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = self.closing() => return,
                }
            }
            if let Err(why) = self.launch().await {
                tracing::warn!(script = %self.script, version = self.number, why, "a replica did not start");
            }
        }
    }

    async fn closing(&self) {
        loop {
            let changed = self.changed.notified();
            if self.is_closed() {
                return;
            }
            changed.await;
        }
    }

    /// Calls a function on the replica that has the fewest calls.
    ///
    /// # Errors
    /// `Unavailable` without a replica that has a place; else what came of the call.
    pub(crate) async fn call(
        &self,
        function: &str,
        arguments: &RawValue,
    ) -> Result<std::result::Result<Outcome, CallFailure>> {
        let until = tokio::time::Instant::now() + WAIT.min(self.timeout);
        loop {
            let (number, replica) = self.place(until).await?;
            let answer = replica.call(function, arguments.to_owned(), self.timeout).await;
            self.freed.notify_one();
            match answer {
                // it was full, or ended before it began: another one may do it
                Err(CallFailure { error: CallError::Busy, .. }) => {}
                Err(CallFailure { call: None, error: CallError::Ended(_), .. }) => self.forget(number),
                answer => return Ok(answer),
            }
            tokio::task::yield_now().await;
        }
    }

    /// A replica with a place, now or before the time is over. Whoever calls waits for no place any more: what tells of one
    /// must reach those who do.
    async fn place(&self, until: tokio::time::Instant) -> Result<(u64, Replica)> {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // counts from here on, so that no place is missed
            freed.as_mut().enable();
            if self.is_closed() {
                return Err(Error::unavailable("The script just left service.").retry_in(RETRY_SECONDS));
            }
            if let Some(found) = self.freest() {
                return Ok(found);
            }
            self.wait(freed, until).await?;
        }
    }

    async fn wait(&self, freed: impl Future<Output = ()>, until: tokio::time::Instant) -> Result<()> {
        let most = WAITING_PER_REPLICA * self.lock().wanted.max(1);
        let _place =
            Place::take(&self.waiting, most).ok_or_else(|| self.busy("too many calls wait already"))?;
        match tokio::time::timeout_at(until, freed).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.busy("no place became free in time")),
        }
    }

    fn busy(&self, why: &str) -> Error {
        let state = self.lock();
        let ready = format!("{} of {} replicas ready", state.slots.len(), state.wanted);
        let trouble = state.trouble.as_ref().filter(|_| state.slots.len() < state.wanted);
        let last = trouble.map(|t| format!(" The last one ended: {t}")).unwrap_or_default();
        Error::unavailable(format!("The script cannot be called now: {why}; {ready}.{last}"))
            .retry_in(RETRY_SECONDS)
    }

    fn freest(&self) -> Option<(u64, Replica)> {
        let state = self.lock();
        let free = state.slots.iter().map(|slot| (slot.replica.in_flight(), slot));
        let free = free.filter(|(calls, _)| *calls < usize::from(self.spec.concurrency));
        free.min_by_key(|(calls, _)| *calls).map(|(_, slot)| (slot.number, slot.replica.clone()))
    }

    /// A replica that ended takes no more calls, even before its end is seen.
    fn forget(&self, number: u64) {
        self.lock().ended(number, "it ended before a call reached it".to_owned());
        self.changed.notify_waiters();
    }

    /// Decides how many replicas there should be, by their use of processors since the last time. `room`: the bytes of memory
    /// that more of them may use; what they will use is taken off.
    pub(crate) fn scale(self: &Arc<Self>, room: &mut u64) {
        let quota = u64::from(self.spec.limits.cpu_millis);
        let mut state = self.lock();
        let mut loads: Vec<Load> = state.slots.iter_mut().map(|slot| slot.load(quota)).collect();
        loads.extend(std::iter::repeat_n(Load::Starting, state.launching));
        let now = millis(self.began.elapsed());
        let State { history, .. } = &mut *state;
        let decision = scaling::decide(self.policy, history, now, &loads);
        let each = self.spec.limits.memory_bytes.max(1);
        let most = usize::try_from(*room / each).unwrap_or(usize::MAX).saturating_add(state.wanted);
        let wanted = (decision.replicas as usize).min(most);
        *room -= (wanted.saturating_sub(state.wanted) as u64).saturating_mul(each).min(*room);
        if wanted != state.wanted {
            tracing::info!(script = %self.script, from = state.wanted, to = wanted, load = decision.wanted, "scaling");
        }
        state.wanted = wanted;
        let surplus = state.slots.len().saturating_sub(wanted);
        // the youngest go first: older ones are warm
        let at = state.slots.len() - surplus;
        let leaving = state.slots.split_off(at);
        state.draining += leaving.len();
        drop(state);
        for slot in leaving {
            tokio::spawn(drain(Arc::clone(self), slot, self.timeout));
        }
        self.changed.notify_waiters();
    }

    /// The time that replicas ran since the last time, in milliseconds.
    pub(crate) fn meter(&self) -> u64 {
        let mut state = self.lock();
        let now = Instant::now();
        let mut sum = std::mem::take(&mut state.metered_millis);
        for slot in &mut state.slots {
            sum += millis(now.duration_since(slot.metered));
            slot.metered = now;
        }
        sum
    }

    /// Takes time back that could not be charged.
    pub(crate) fn unmetered(&self, millis: u64) {
        self.lock().metered_millis += millis;
    }

    /// Takes no more calls, and stops the replicas once theirs have ended, or the time is over.
    pub(crate) async fn stop(self: Arc<Self>, within: Duration) {
        for drained in self.shut(within) {
            let _ = drained.await;
        }
    }

    fn shut(self: &Arc<Self>, within: Duration) -> Vec<tokio::task::JoinHandle<()>> {
        self.closed.store(true, Ordering::Release);
        let mut state = self.lock();
        let slots = std::mem::take(&mut state.slots);
        state.draining += slots.len();
        drop(state);
        self.freed.notify_waiters();
        self.changed.notify_waiters();
        slots.into_iter().map(|slot| tokio::spawn(drain(Arc::clone(self), slot, within))).collect()
    }
}

impl State {
    /// Takes out a replica that ended: its time is metered, and an early end counts as a failure. `None`: it was out before.
    fn ended(&mut self, number: u64, why: String) -> Option<()> {
        let at = self.slots.iter().position(|slot| slot.number == number)?;
        let slot = self.slots.remove(at);
        self.metered_millis += millis(slot.metered.elapsed());
        self.failures = if slot.since.elapsed() < LIVED { self.failures + 1 } else { 0 };
        self.trouble = Some(why);
        Some(())
    }
}

impl Slot {
    fn load(&mut self, quota: u64) -> Load {
        let now = Instant::now();
        let used = self.replica.usage().cpu_usec;
        let (at, before) = std::mem::replace(&mut self.measured, (now, used));
        if millis(self.since.elapsed()) < scaling::WARM_UP_MILLIS {
            return Load::Starting;
        }
        // thousandths of the quota: microseconds used, of those that were there
        let there = u64::try_from(now.duration_since(at).as_micros()).unwrap_or(u64::MAX) * quota / 1_000;
        let share = used.saturating_sub(before).saturating_mul(1_000).checked_div(there);
        share.map_or(Load::Unknown, |share| Load::Used(u32::try_from(share).unwrap_or(u32::MAX)))
    }
}

/// A place in the queue.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let place = Self(waiting);
        // given back when it is dropped, even when it was one too many
        (waiting.fetch_add(1, Ordering::AcqRel) < most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A failed launch as people read it: with what the script wrote.
fn told(e: &gatehouse_sandbox::LaunchError) -> String {
    use gatehouse_sandbox::LaunchError as E;
    let more = match e {
        E::Load { traceback, stderr, .. } => {
            let lines = stderr.iter().rev().take(20).rev().cloned().collect::<Vec<_>>().join("\n");
            let parts = [traceback.trim(), lines.trim()];
            parts.into_iter().filter(|p| !p.is_empty()).map(|p| format!("\n{p}")).collect()
        }
        _ => String::new(),
    };
    format!("{e}{more}")
}

/// Hands on what a replica writes outside of calls; what calls write comes with their answers.
async fn pump(set: Arc<Set>, mut lines: tokio::sync::mpsc::Receiver<LogLine>) {
    const AT_ONCE: usize = 100;
    let mut some = Vec::new();
    while lines.recv_many(&mut some, AT_ONCE).await > 0 {
        some.retain(|line| line.call.is_none());
        let kept = set.admitted(some.drain(..));
        if !kept.is_empty() {
            (set.log.0)(kept);
        }
    }
}

/// Replaces a replica that ended.
async fn watch(set: Arc<Set>, number: u64, replica: Replica) {
    let ended = set.masks.hide(&replica.ended().await.to_string());
    if set.lock().ended(number, ended.clone()).is_none() {
        return;
    }
    tracing::info!(script = %set.script, version = set.number, why = %ended, "a replica ended");
    set.changed.notify_waiters();
}

/// Stops a replica once its calls have ended, or the time is over. It is metered until then.
async fn drain(set: Arc<Set>, slot: Slot, within: Duration) {
    const LOOK: Duration = Duration::from_millis(50);
    let until = Instant::now() + within;
    while slot.replica.in_flight() > 0 && Instant::now() < until {
        tokio::time::sleep(LOOK).await;
    }
    slot.replica.stop().await;
    let mut state = set.lock();
    state.draining -= 1;
    state.metered_millis += millis(slot.metered.elapsed());
}
