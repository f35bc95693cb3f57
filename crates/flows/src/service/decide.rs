//! What people decide on an execution: input, cancel, resume, retry.

use gatehouse_flow::machine::{self, Event, Refused, State, Status};
use gatehouse_identity::require;
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_types::{Actor, Error, ExecutionId, Permission, Result};
use serde_json::{Value, json};

use super::executions::{no_execution, own_person, record};
use crate::Flows;
use crate::model::definition::refused;
use crate::model::execution::Execution;
use crate::store::{events, executions, open, steps, waits};

/// Events that wait for whoever drives an execution at most.
const MAX_EVENTS: i64 = 20;

impl Flows {
    /// Fills in a form that an execution waits for; the one it waits for when no step is named.
    ///
    /// # Errors
    /// `Validation` names the value that does not fit; `NotFound`; `Conflict` when it waits for no form.
    pub(crate) async fn give_input(
        &self,
        actor: &Actor,
        id: &ExecutionId,
        step: Option<&str>,
        values: Value,
    ) -> Result<Execution> {
        let mut execution = self.seen(actor, id).await?;
        if execution.paused.is_some() {
            return Err(Error::conflict("This execution stands still. It must be resumed first."));
        }
        let asked = |w: &&crate::model::execution::Wait| {
            w.status == "User input" && step.is_none_or(|step| step == w.step)
        };
        let Some(step) = execution.waiting.iter().find(asked).map(|w| w.step.clone()) else {
            return Err(Error::conflict("This execution waits for no such form."));
        };
        if execution.person.is_some() && execution.person != own_person(actor) {
            let detail = "The form is for the person in whose name the flow runs.";
            let reasons = vec![Reason::failed("person", detail)];
            let object = Some(format!("flow-execution:{id}"));
            let refusal = Refusal { action: "flows:use", object, reasons };
            let decision = refuse(&self.0.store, actor, Some(&execution.workspace_id), refusal).await?;
            return Err(Error::authorization(detail).decided(decision));
        }
        let event = Event::InputGiven { step: step.clone(), values };
        let next = self.would_be(&execution, &event).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let found = executions::lock(&mut tx, &execution.workspace_id, id).await?.ok_or_else(no_execution)?;
        let is_open = found.waiting.iter().any(|w| w.status == Status::UserInput.word() && w.step == step);
        if !is_open || self.is_answered(id, &step).await? {
            return Err(Error::conflict("This form was filled in already."));
        }
        execution = found;
        if open::events(&mut tx, id).await? >= MAX_EVENTS {
            return Err(Error::conflict("What was filled in before is not taken in yet. Wait a moment."));
        }
        self.tell(&mut tx, &execution, &event).await?;
        record(&mut tx, actor, "flow-execution.input-given", &execution, json!({"step": step})).await?;
        // whoever looks before it is taken in is not asked once more
        execution.waiting.retain(|wait| wait.step != step);
        // the state does not know yet of forms that were filled in just before
        let form = Status::UserInput.word();
        let is_done = next == form && !execution.waiting.iter().any(|wait| wait.status == form);
        execution.status = if is_done { Status::Running.word().to_owned() } else { next };
        executions::set_waiting(&mut tx, &execution).await?;
        tx.commit().await?;
        Ok(execution)
    }

    /// Whether an answer to a form is kept that was not taken in yet.
    async fn is_answered(&self, id: &ExecutionId, form: &str) -> Result<bool> {
        let kept = events::waiting(&self.0.store, id).await?;
        Ok(kept.iter().any(|(_, event)| matches!(event, Event::InputGiven { step, .. } if step == form)))
    }

    /// The status that an event would lead to.
    async fn would_be(&self, execution: &Execution, event: &Event) -> Result<String> {
        let store = &self.0.store;
        let opened =
            executions::open(store, &mut store.reader(), &execution.id).await?.ok_or_else(no_execution)?;
        let over = || Error::conflict("This execution is over.");
        let state = State::from_json(&opened.state.ok_or_else(over)?).map_err(Error::internal)?;
        let flow = self.flow_of(&execution.version_id).await?;
        let (event, now) = (event.clone(), store.now().micros());
        let next = tokio::task::spawn_blocking(move || machine::next(&flow, &state, &event, now)).await;
        match next.map_err(Error::internal)? {
            Ok((state, _)) if state.status().ended() => Ok("Running".to_owned()),
            Ok((state, _)) => Ok(state.status().word().to_owned()),
            Err(Refused::Values(problems)) => Err(refused("values", &problems)),
        }
    }

    /// Ends an execution; a step that runs is not waited for.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it is over.
    pub(crate) async fn cancel(&self, actor: &Actor, id: &ExecutionId) -> Result<Execution> {
        let mut execution = self.seen(actor, id).await?;
        if execution.ended() {
            return Err(Error::conflict("This execution is over."));
        }
        let mut tx = self.0.store.begin(&actor.origin).await?;
        if !executions::cancel(&mut tx, id).await? {
            return Err(Error::conflict("This execution is over."));
        }
        if let Some(person) = &execution.person {
            waits::forget_told(&mut tx, &execution.workspace_id, person).await?;
        }
        record(&mut tx, actor, "flow-execution.canceled", &execution, json!({})).await?;
        tx.commit().await?;
        if actor.origin.dry_run.is_none() {
            execution = self.seen(actor, id).await?;
        }
        execution.status = "Canceled".to_owned();
        Ok(execution)
    }

    /// Has an execution go on that waits for a person or stands still: rights and authorizations are looked at anew. One
    /// that ended with an error goes on at the step that failed.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when there is nothing to go on with.
    pub(crate) async fn resume(&self, actor: &Actor, id: &ExecutionId) -> Result<Execution> {
        let execution = self.seen(actor, id).await?;
        if execution.status == "Error" {
            return self.retry(actor, id).await;
        }
        if execution.ended() {
            return Err(Error::conflict("This execution is over."));
        }
        self.may_act_for(actor, &execution).await?;
        if execution.paused.is_some() {
            self.still_member(&execution).await?;
        }
        let mut tx = self.0.store.begin(&actor.origin).await?;
        if !executions::unpause(&mut tx, id).await? {
            return Err(Error::conflict("This execution is over."));
        }
        record(&mut tx, actor, "flow-execution.resumed", &execution, json!({})).await?;
        self.wake(&mut tx);
        tx.commit().await?;
        self.seen(actor, id).await
    }

    /// Tries the step once more that failed; what was done before is not done again.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when no step failed.
    pub(crate) async fn retry(&self, actor: &Actor, id: &ExecutionId) -> Result<Execution> {
        let execution = self.seen(actor, id).await?;
        let store = &self.0.store;
        let nothing = || Error::conflict("There is no failed step that could be tried once more.");
        if execution.status != "Error" || !execution.can_retry {
            return Err(nothing());
        }
        self.may_act_for(actor, &execution).await?;
        self.still_member(&execution).await?;
        let flow = self.flow_of(&execution.version_id).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let state = executions::checkpoint(store, &mut tx, id).await?.ok_or_else(nothing)?;
        // the time that the flow has begins anew: what it had is over, which may be why the step failed
        let state = State::from_json(&state).map_err(Error::internal)?;
        let mut failed = steps::failed(store, &mut tx, id).await?;
        failed.retain(|row| state.running().any(|step| step == row.step));
        let again: Vec<&str> = failed.iter().map(|row| row.step.as_str()).collect();
        let state = state.tried_again(&flow, &again, store.now().micros());
        let state = serde_json::to_string(&state).map_err(Error::internal)?;
        if !executions::begin_again(&mut tx, id, &state).await? {
            return Err(nothing());
        }
        let before: Vec<_> = failed
            .iter()
            .map(|row| json!({"step": row.step, "attempt": row.attempt + 1, "earlierError": row.error}))
            .collect();
        let details = json!({"steps": before, "earlierMessage": execution.message});
        record(&mut tx, actor, "flow-execution.retried", &execution, details).await?;
        self.wake(&mut tx);
        tx.commit().await?;
        self.seen(actor, id).await
    }

    /// Who has an execution of another person go on must still have the right to act for others.
    async fn may_act_for(&self, actor: &Actor, execution: &Execution) -> Result<()> {
        let of_another = execution.person.is_some() && execution.person != own_person(actor);
        if of_another && !actor.may(Permission::ManageFlows) {
            let object = Some(format!("flow-execution:{}", execution.id));
            require(&self.0.store, actor, Permission::RunFlowsForOthers, object).await?;
        }
        Ok(())
    }

    /// The person in whose name it runs must still be there.
    async fn still_member(&self, execution: &Execution) -> Result<()> {
        let Some(person) = &execution.person else { return Ok(()) };
        let (identity, db) = (&self.0.identity, &mut self.0.store.reader());
        let found = identity.user_with_role(db, &execution.workspace_id, person).await?;
        match found {
            Some((_, role)) if role.may(Permission::UseFlows) => Ok(()),
            _ => Err(Error::conflict(
                "The person in whose name it runs has no access. Give it back, or cancel the execution.",
            )),
        }
    }
}
