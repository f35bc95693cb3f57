//! One execution being driven: events in, turns stored, steps out.

mod keep;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use gatehouse_flow::Flow;
use gatehouse_flow::machine::{self, Change, Effect, Event, Run, State, Status};
use gatehouse_store::Tx;
use gatehouse_types::{Error, ExecutionEventId, Result};
use serde_json::Value;
use tokio::task::JoinSet;

use super::bounds::{Timeline, push_warning};
use super::perform::{Performed, perform};
use super::shown::Shown;
use crate::Flows;
use crate::model::execution::{Execution, IDENTITY_ENDED, Warning, Who};
use crate::store::executions::{self, Opened};
use crate::store::{claims, events, waits};

/// How often is looked whether something happened, while steps run.
const LOOK: Duration = Duration::from_millis(500);
/// What is computed where it stands when the flow is a quick one and its state not larger than so many bytes; all else goes
/// to threads of its own.
pub(super) const QUICK_BYTES: usize = 64 * 1024;

/// An execution that this server drives.
pub(super) struct Driving {
    pub(super) flows: Flows,
    pub(super) me: Arc<str>,
    pub(super) execution: Execution,
    pub(super) flow: Arc<Flow>,
    pub(super) state: State,
    pub(super) shown: Shown,
    /// Bytes of the state, as last read or written.
    size: usize,
    /// What happened and was not handled yet.
    queue: VecDeque<Event>,
    /// Events of the database that the next stored turn takes in.
    taken: Vec<ExecutionEventId>,
    /// Steps whose status changed since the last stored turn.
    changed: BTreeMap<String, Change>,
    /// The order in which they changed first.
    order: Vec<String>,
    /// As whom steps ran.
    pub(super) who: BTreeMap<String, Who>,
    attempts: BTreeMap<String, i64>,
    timers: BTreeMap<(String, u32), i64>,
    /// Steps that wait for a person at a connector.
    pub(super) needs: BTreeMap<String, String>,
    to_run: Vec<Run>,
    running: JoinSet<Performed>,
    checkpoint: Option<State>,
    end: Option<(Status, Value, Option<String>)>,
    place: i64,
    timeline: Timeline,
    /// Whether somebody may have written something.
    look: bool,
    /// Whether the database knows of steps that wait for a person.
    waited: bool,
    /// Whether something happened since the last stored turn.
    dirty: bool,
}

impl Driving {
    /// Takes up a claimed execution; nothing when it is over.
    pub(super) async fn open(flows: &Flows, me: &Arc<str>, opened: Opened) -> Result<Option<Self>> {
        let Opened { execution, state, input } = opened;
        let Some(text) = state else { return Ok(None) };
        let flow = flows.flow_of(&execution.version_id).await?;
        let state = State::from_json(&text).map_err(Error::internal)?;
        let first = match (state.status(), input) {
            (Status::Queued, Some(input)) => {
                let input = serde_json::from_str(&input).map_err(Error::internal)?;
                Event::Started { input }
            }
            _ => Event::Resumed,
        };
        let mut driving = Self::new(flows, me, execution, flow, state, first);
        driving.shown = Shown::of(&driving.flow, &driving.state);
        driving.size = text.len();
        Ok(Some(driving))
    }

    /// One that begins now.
    pub(super) fn starting(
        flows: &Flows,
        me: &Arc<str>,
        execution: Execution,
        flow: Arc<Flow>,
        state: State,
        input: Value,
    ) -> Self {
        Self::new(flows, me, execution, flow, state, Event::Started { input })
    }

    fn new(
        flows: &Flows,
        me: &Arc<str>,
        execution: Execution,
        flow: Arc<Flow>,
        state: State,
        first: Event,
    ) -> Self {
        let look = execution.poked > 0;
        let waited = execution.waiting.iter().any(|w| w.status == Status::AuthenticationNeeded.word());
        Self {
            flows: flows.clone(),
            me: Arc::clone(me),
            execution,
            flow,
            state,
            shown: Shown::default(),
            size: 0,
            queue: VecDeque::from([first]),
            taken: Vec::new(),
            changed: BTreeMap::new(),
            order: Vec::new(),
            who: BTreeMap::new(),
            attempts: BTreeMap::new(),
            timers: BTreeMap::new(),
            needs: BTreeMap::new(),
            to_run: Vec::new(),
            running: JoinSet::new(),
            checkpoint: None,
            end: None,
            place: 0,
            timeline: Timeline::default(),
            look,
            waited,
            dirty: true,
        }
    }

    /// Stores the first turn in the transaction that makes the execution; true when it is at rest with that.
    pub(super) async fn first_turn(&mut self, tx: &mut Tx) -> Result<bool> {
        while let Some(event) = self.queue.pop_front() {
            self.happened(event).await?;
        }
        if self.state.status() == Status::Queued {
            return Err(Error::internal("an execution did not begin with what was judged to fit"));
        }
        let (at_rest, now) = (self.is_at_rest(), self.flows.0.store.now());
        let turn = self.turn(now).await?;
        self.write(tx, turn, now, at_rest).await?;
        self.dirty = false;
        Ok(at_rest)
    }

    fn is_at_rest(&self) -> bool {
        self.end.is_some() || (self.to_run.is_empty() && self.running.is_empty())
    }

    /// Goes on until it is over, waits, or somebody else drives it.
    pub(super) async fn on(mut self) -> Result<()> {
        if !self.may_go_on().await? {
            return self.pause().await;
        }
        loop {
            self.take_events().await?;
            while let Some(event) = self.queue.pop_front() {
                self.happened(event).await?;
            }
            self.look_at_people().await?;
            if !self.queue.is_empty() {
                continue;
            }
            if self.fire_due() {
                continue;
            }
            let at_rest = self.is_at_rest();
            if (self.dirty || at_rest) && !self.store_turn(at_rest).await? {
                return Ok(());
            }
            if at_rest {
                self.afterwards().await?;
                return Ok(());
            }
            if !self.to_run.is_empty() && !self.may_go_on().await? {
                return self.pause().await;
            }
            for run in std::mem::take(&mut self.to_run) {
                let task = perform(self.flows.clone(), self.execution.clone(), run);
                self.running.spawn(task);
            }
            if !self.until_something_happens().await? {
                return Ok(());
            }
        }
    }

    /// The machine's answer to an event.
    async fn happened(&mut self, event: Event) -> Result<()> {
        if self.end.is_some() {
            return Ok(());
        }
        let now = self.flows.0.store.now().micros();
        let ran = matches!(event, Event::Failed { .. } | Event::AuthenticationMissing { .. });
        let next = match self.flow.is_quick() && self.size <= QUICK_BYTES {
            true => machine::next(&self.flow, &self.state, &event, now),
            false => {
                let (flow, state) = (Arc::clone(&self.flow), self.state.clone());
                let next =
                    tokio::task::spawn_blocking(move || machine::next(&flow, &state, &event, now)).await;
                next.map_err(Error::internal)?
            }
        };
        // values were checked before they were kept: what does not fit any more changes nothing
        let Ok((state, effects)) = next else { return Ok(()) };
        let before = std::mem::replace(&mut self.state, state);
        self.dirty = true;
        for effect in effects {
            self.effect(effect);
        }
        if ran && matches!(&self.end, Some((Status::Error, ..))) {
            self.checkpoint = Some(before);
        }
        Ok(())
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Run(run) => {
                self.needs.remove(&run.step);
                self.to_run.retain(|other| other.step != run.step);
                self.attempts.insert(run.step.clone(), i64::from(run.attempt));
                self.to_run.push(*run);
            }
            Effect::WaitUntil { step, number, at } => drop(self.timers.insert((step, number), at)),
            Effect::Authenticate { step, connector_id, .. } => drop(self.needs.insert(step, connector_id)),
            Effect::Warn { step, message } => self.warn(step, message),
            Effect::Step(change) => {
                if let Some(output) = &change.output {
                    self.shown.learn(&self.flow, &change.node, output);
                }
                if change.status.ended() {
                    self.needs.remove(&change.step);
                    self.timers.retain(|(step, _), _| *step != change.step);
                }
                if !self.changed.contains_key(&change.step) {
                    self.order.push(change.step.clone());
                }
                self.changed.insert(change.step.clone(), *change);
            }
            Effect::Finish { status, output, message } => {
                self.to_run.clear();
                self.timers.clear();
                self.needs.clear();
                self.end = Some((status, output, message));
            }
            Effect::Ask { .. } => {}
        }
    }

    /// Puts a warning on the execution, once.
    pub(super) fn warn(&mut self, step: String, message: String) {
        let message = self.shown.text(&message);
        push_warning(&mut self.execution.warnings, Warning { step, message });
    }

    pub(super) fn happens(&mut self, event: Event) {
        self.queue.push_back(event);
    }

    /// Takes in what others wrote.
    async fn take_events(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.look) {
            return Ok(());
        }
        for (id, event) in events::waiting(&self.flows.0.store, &self.execution.id).await? {
            if !self.taken.contains(&id) {
                self.taken.push(id);
                self.queue.push_back(event);
            }
        }
        Ok(())
    }

    /// Says of every timer whose time has come that it has.
    fn fire_due(&mut self) -> bool {
        let now = self.flows.0.store.now().micros();
        let due: Vec<_> =
            self.timers.iter().filter(|(_, at)| **at <= now).map(|(key, _)| key.clone()).collect();
        for (step, number) in &due {
            self.timers.remove(&(step.clone(), *number));
            self.queue.push_back(Event::TimerFired { step: step.clone(), number: *number });
        }
        !due.is_empty()
    }

    /// Waits for a step or for others; false when it was stopped, or somebody else drives it: what runs does not count any
    /// more, and ends with this.
    async fn until_something_happens(&mut self) -> Result<bool> {
        tokio::select! {
            Some(done) = self.running.join_next() => {
                let done = done.map_err(Error::internal)?;
                if let Some(who) = done.who {
                    self.who.insert(done.step, who);
                }
                for warning in done.warnings {
                    self.warn(warning.step, warning.message);
                }
                self.queue.push_back(done.event);
            }
            () = tokio::time::sleep(LOOK) => {
                let store = &self.flows.0.store;
                match executions::pokes(store, &self.execution, &self.me).await? {
                    Some((pokes, fallback)) => {
                        self.look = pokes != self.execution.poked;
                        self.execution.poked = pokes;
                        self.execution.fallback = fallback;
                    }
                    None => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    /// The person has lost access: it stands still as it is stored, whatever was about to be done.
    async fn pause(mut self) -> Result<()> {
        self.running.abort_all();
        let mut tx = self.flows.0.store.begin_always().await?;
        if self.execution.paused.is_some() {
            // this one alone stood still, and still does
            claims::let_go(&mut tx, &self.me, &self.execution.id).await?;
        } else if let Some(person) = self.execution.person.take() {
            executions::pause_of(&mut tx, &self.execution.workspace_id, &person, IDENTITY_ENDED).await?;
            waits::end_of(&mut tx, &self.execution.workspace_id, &person).await?;
        }
        Ok(tx.commit().await?)
    }
}
