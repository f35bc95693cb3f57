//! The short way: an execution that begins in the transaction that makes it. Its first steps are kept together with it, and
//! this server drives it on at once, when it has room and nothing else waits for its turn.

use std::sync::{Arc, Mutex, PoisonError};

use gatehouse_flow::machine::State;
use gatehouse_store::Tx;
use gatehouse_types::{ExecutionId, Result};
use serde_json::Value;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::turn::{Driving, QUICK_BYTES};
use crate::Flows;
use crate::model::execution::Execution;
use crate::store::claims;

/// Executions that take the short way on one server at once, beside those that it claims.
const PLACES: usize = 16;

/// Where the driver of this process takes executions up; closed while none runs.
#[derive(Debug, Default)]
pub(crate) struct Lane(Mutex<Option<Open>>);

#[derive(Debug)]
struct Open {
    me: Arc<str>,
    sender: Sender<Handed>,
    places: Arc<Semaphore>,
}

/// A place of the driver that runs.
struct Place {
    me: Arc<str>,
    sender: Sender<Handed>,
    permit: OwnedSemaphorePermit,
}

/// An execution that has begun.
pub(super) struct Handed {
    driving: Driving,
    _permit: OwnedSemaphorePermit,
}

impl Handed {
    pub(super) fn id(&self) -> ExecutionId {
        self.driving.execution.id.clone()
    }

    pub(super) async fn on(self) -> Result<()> {
        self.driving.on().await
    }
}

impl Lane {
    /// Lets a driver take up what begins.
    pub(super) fn open(&self, me: &Arc<str>) -> Receiver<Handed> {
        let (sender, receiver) = mpsc::channel(PLACES);
        let open = Open { me: Arc::clone(me), sender, places: Arc::new(Semaphore::new(PLACES)) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(open);
        receiver
    }

    /// Nothing takes the short way any more.
    pub(super) fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn place(&self) -> Option<Place> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref()?;
        let permit = Arc::clone(&open.places).try_acquire_owned().ok()?;
        Some(Place { me: Arc::clone(&open.me), sender: open.sender.clone(), permit })
    }
}

impl Flows {
    /// Begins an execution that the transaction makes, or leaves it due and wakes whoever drives.
    pub(crate) async fn begin_or_wake(
        &self,
        tx: &mut Tx,
        mut execution: Execution,
        state: State,
        input: Value,
    ) -> Result<Execution> {
        // where several servers share the bounds, who claims holds a lock that no start should wait for
        let may = !self.0.store.is_shared() && tx.dry_run().is_none();
        let flow = if may { Some(self.flow_of(&execution.version_id).await?) } else { None };
        // a large input takes its time, which all writers of this database would wait for
        let is_small = || input.to_string().len() <= QUICK_BYTES;
        let flow = flow.filter(|flow| flow.is_quick() && is_small());
        let place = flow.and_then(|flow| Some((flow, self.0.lane.place()?)));
        let Some((flow, place)) = place else {
            self.wake(tx);
            return Ok(execution);
        };
        if !claims::take(tx, &place.me, &execution).await? {
            self.wake(tx);
            return Ok(execution);
        }
        execution.claims += 1;
        let mut driving = Driving::starting(self, &place.me, execution, flow, state, input);
        if driving.first_turn(tx).await? {
            return Ok(driving.execution);
        }
        let execution = driving.execution.clone();
        let handed = Handed { driving, _permit: place.permit };
        let (flows, me) = (self.clone(), place.me);
        tx.afterwards(async move {
            if place.sender.try_send(handed).is_err()
                && let Err(e) = claims::give_back(&flows.0.store, &me).await
            {
                // the driver has just stopped
                tracing::error!(error = %e, "an execution could not be given back; another server takes it later");
            }
        });
        Ok(execution)
    }
}
