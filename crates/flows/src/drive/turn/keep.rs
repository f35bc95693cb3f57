//! What of an execution is stored after a turn.

use gatehouse_flow::machine::{Change, State, Status};
use gatehouse_store::Tx;
use gatehouse_types::{Error, Result, Timestamp};
use serde_json::Value;

use super::Driving;
use crate::model::execution::{StepRow, Wait};
use crate::store::executions::{self, Left};
use crate::store::{events, steps};

/// An execution after a turn, as it is stored.
pub(super) struct Turn {
    state: Option<String>,
    checkpoint: Option<String>,
    output: Option<Value>,
    /// When it is looked at again by itself.
    next: Option<Timestamp>,
}

impl Driving {
    /// Stores everything since the last turn; false when this server does not drive it any more.
    pub(super) async fn store_turn(&mut self, release: bool) -> Result<bool> {
        let now = self.flows.0.store.now();
        // nothing is read or computed while others wait for the transaction
        let turn = self.turn(now).await?;
        let mut tx = self.flows.0.store.begin_always().await?;
        if !self.write(&mut tx, turn, now, release).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        tx.commit().await?;
        self.dirty = false;
        Ok(true)
    }

    /// What is stored of the execution as a whole.
    pub(super) async fn turn(&mut self, now: Timestamp) -> Result<Turn> {
        self.set_facts(now).await?;
        let is_over = self.end.is_some();
        let text = |state: &State| serde_json::to_string(state).map_err(Error::internal);
        let state = if is_over { None } else { Some(text(&self.state)?) };
        self.size = state.as_ref().map_or(0, String::len);
        let output = self.end.as_ref().filter(|(status, ..)| *status == Status::Success);
        Ok(Turn {
            state,
            checkpoint: self.checkpoint.take().as_ref().map(text).transpose()?,
            output: output.map(|(_, output, _)| self.shown.value(output)),
            next: self.timers.values().min().copied().map(Timestamp::from_micros).filter(|_| !is_over),
        })
    }

    /// Writes a turn; false when this server does not drive it any more.
    pub(super) async fn write(
        &mut self,
        tx: &mut Tx,
        turn: Turn,
        now: Timestamp,
        release: bool,
    ) -> Result<bool> {
        let left = Left {
            execution: &self.execution,
            lease_by: &self.me,
            state: turn.state.as_deref(),
            checkpoint: turn.checkpoint.as_deref(),
            output: turn.output.as_ref(),
            release: release.then_some(turn.next),
        };
        if !executions::save(tx, &left).await? {
            return Ok(false);
        }
        for mut row in self.rows(now) {
            self.place += 1;
            self.timeline.fit(tx, &self.execution.id, &mut row).await?;
            steps::put(tx, &self.execution, self.place, &row);
        }
        events::taken(tx, &std::mem::take(&mut self.taken)).await?;
        let needs: Vec<_> = self.needs.iter().map(|(step, id)| (step.clone(), id.clone())).collect();
        if !needs.is_empty() || std::mem::take(&mut self.waited) {
            self.flows.wait_for_people(tx, &self.execution, &needs).await?;
            self.waited = !needs.is_empty();
        }
        Ok(true)
    }

    /// The steps that changed, as rows of the timeline.
    fn rows(&mut self, now: Timestamp) -> Vec<StepRow> {
        let mut changed = std::mem::take(&mut self.changed);
        let order = std::mem::take(&mut self.order);
        let row = |change: Change| StepRow {
            attempt: self.attempts.get(&change.step).copied().unwrap_or(1),
            who: self.who.get(&change.step).cloned(),
            output: change.output.as_ref().map(|output| self.shown.output(&self.flow, &change.node, output)),
            left_out: false,
            error: change.error.as_deref().map(|error| self.shown.text(error)),
            status: change.status.word().to_owned(),
            started_at: now,
            ended_at: change.status.ended().then_some(now),
            step: change.step,
            node: change.node,
            kind: change.kind,
        };
        order.into_iter().filter_map(|step| changed.remove(&step)).map(row).collect()
    }

    /// What is said of the execution without opening its state.
    async fn set_facts(&mut self, now: Timestamp) -> Result<()> {
        let waiting = self.waits().await?;
        let e = &mut self.execution;
        e.status = self.state.status().word().to_owned();
        e.percentage = i64::from(self.state.percentage(&self.flow));
        e.message = None;
        e.waiting = waiting;
        e.started_at = e.started_at.or(Some(now));
        if let Some((status, _, message)) = &self.end {
            e.status = status.word().to_owned();
            e.percentage = 100;
            e.message = message.as_deref().map(|message| self.shown.text(message));
            e.waiting = Vec::new();
            e.ended_at = Some(now);
        }
        Ok(())
    }

    async fn waits(&self) -> Result<Vec<Wait>> {
        let mut all = Vec::new();
        for waiting in self.state.waiting_for() {
            let mut wait = Wait {
                until: waiting.until.map(|at| Timestamp::from_micros(at).to_string()),
                status: waiting.status.word().to_owned(),
                title: None,
                fields: None,
                connector_id: None,
                connector_name: None,
                user_id: None,
                page: None,
                step: waiting.step,
                node: waiting.node,
            };
            self.describe(&mut wait).await?;
            all.push(wait);
        }
        Ok(all)
    }
}
