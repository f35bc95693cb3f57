//! Triggers: webhooks and schedules that start a flow in an explicit name.

use gatehouse_identity::require;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{
    Actor, Error, FlowId, FlowTriggerId, Id, Origin, Page, PageRequest, Permission, Result, Secret, UserId,
    WorkspaceId, digest, random_token,
};
use serde_json::{Value, json};

use super::executions::{Start, own_person};
use super::{by, not_found, object};
use crate::Flows;
use crate::model::execution::{Execution, Via};
use crate::model::flow::checked_name;
use crate::model::trigger::{HANDED_OVER, IDENTITY_ENDED, Kind, Outcome, Schedule, Trigger};
use crate::store::{executions, flows, triggers};

/// Triggers of one flow at most.
const MAX_TRIGGERS: i64 = 20;
/// Schedules that one look starts at most; the others are started by the next.
const STARTED: i64 = 200;
/// The largest input of a trigger, in bytes of its JSON.
const MAX_INPUT: usize = 64 * 1024;

/// In whose name a trigger runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// The company's own.
    Service,
    /// This person's.
    Person(UserId),
}

/// A trigger to make.
#[derive(Debug)]
pub(crate) struct NewTrigger {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) run_as: Name,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) input: Value,
}

/// What to change; only what is given changes.
#[derive(Debug, Default)]
pub(crate) struct TriggerChange {
    pub(crate) name: Option<String>,
    pub(crate) enabled: Option<bool>,
    pub(crate) run_as: Option<Name>,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) input: Option<Value>,
}

fn no_trigger() -> Error {
    Error::not_found("Trigger")
}

async fn record(tx: &mut Tx, actor: &Actor, event: &'static str, t: &Trigger) -> Result<()> {
    let details = json!({"name": t.name, "kind": t.kind, "flowId": t.flow_id, "personId": t.person, "enabled": t.enabled});
    Ok(audit::record(tx, actor, Event::success(event, ("flow-trigger", t.id.as_str()), details)).await?)
}

fn checked_input(input: &Value) -> Result<()> {
    if input.to_string().len() > MAX_INPUT {
        return Err(Error::validation("input", "The input of a trigger has at most 64 KiB."));
    }
    if input.is_object() || input.is_null() {
        Ok(())
    } else {
        Err(Error::validation("input", "input must be an object."))
    }
}

impl Flows {
    /// In whose name a trigger may run: one's own, the company's, or with the right for it another member's.
    async fn may_name(&self, actor: &Actor, workspace: &WorkspaceId, id: &FlowId, name: &Name) -> Result<()> {
        let Name::Person(user) = name else { return Ok(()) };
        let (identity, db) = (&self.0.identity, &mut self.0.store.reader());
        let role = identity.user_with_role(db, workspace, user).await?.map(|(_, role)| role);
        if !role.is_some_and(|role| role.may(Permission::UseFlows)) {
            return Err(Error::validation("personId", "The person is no member who may run flows."));
        }
        if own_person(actor).as_ref() != Some(user) {
            require(&self.0.store, actor, Permission::RunFlowsForOthers, object(id)).await?;
        }
        Ok(())
    }

    /// Makes a trigger; a webhook's token is told this once.
    ///
    /// # Errors
    /// `Validation` names the field; `NotFound`; `Conflict` for too many; `Authorization` without the right.
    pub(crate) async fn make_trigger(
        &self,
        actor: &Actor,
        flow: &FlowId,
        new: NewTrigger,
    ) -> Result<(Trigger, Option<Secret>)> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageFlows, object(flow)).await?;
        self.may_name(actor, workspace, flow, &new.run_as).await?;
        checked_input(&new.input)?;
        match (new.kind, &new.schedule) {
            (Kind::Schedule, Some(schedule)) => schedule.check()?,
            (Kind::Schedule, None) => {
                return Err(Error::validation(
                    "schedule",
                    "A schedule needs to know when: schedule is missing.",
                ));
            }
            (Kind::Webhook, Some(_)) => {
                return Err(Error::validation("schedule", "A webhook has no schedule."));
            }
            (Kind::Webhook, None) => {}
        }
        let now = store.now();
        let trigger = Trigger {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            flow_id: flow.clone(),
            version: 1,
            kind: new.kind,
            name: checked_name(&new.name)?,
            enabled: true,
            stopped: None,
            responsible: actor.user().ok().filter(|_| new.run_as == Name::Service).cloned(),
            person: match new.run_as {
                Name::Service => None,
                Name::Person(user) => Some(user),
            },
            next_at: new.schedule.as_ref().map(|schedule| schedule.after(now)),
            schedule: new.schedule,
            created_by: Some(by(actor)),
            created_at: now,
            last_used_at: None,
            last_execution: None,
            last_error: None,
            last_outcome: None,
        };
        let token = (trigger.kind == Kind::Webhook).then(|| random_token(&**store.random()));
        let kept = token.as_ref().map(|token| digest(token.expose()));
        let mut tx = store.begin(&actor.origin).await?;
        flows::lock(&mut tx, workspace, flow).await?.ok_or_else(not_found)?;
        if triggers::page(&mut tx, flow, PageRequest::ONE).await?.1 >= MAX_TRIGGERS {
            return Err(Error::conflict("A flow has at most 20 triggers. Delete one that is not used."));
        }
        triggers::insert(&mut tx, &trigger, kept.as_deref(), &new.input).await?;
        record(&mut tx, actor, "flow-trigger.created", &trigger).await?;
        tx.commit().await?;
        Ok((trigger, token))
    }

    /// One page of a flow's triggers.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn triggers(
        &self,
        actor: &Actor,
        flow: &FlowId,
        page: PageRequest,
    ) -> Result<Page<Trigger>> {
        let workspace = require(&self.0.store, actor, Permission::ManageFlows, object(flow)).await?;
        self.found(workspace, flow).await?;
        let db = &mut self.0.store.reader();
        let (mut found, total) = triggers::page(db, flow, page).await?;
        for trigger in &mut found {
            trigger.last_outcome = self.last_outcome(trigger).await?;
        }
        Ok(Page::new(found, page, total))
    }

    /// A trigger of a flow.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn trigger(&self, actor: &Actor, flow: &FlowId, id: &FlowTriggerId) -> Result<Trigger> {
        let workspace = require(&self.0.store, actor, Permission::ManageFlows, object(flow)).await?;
        let found = triggers::find(&mut self.0.store.reader(), workspace, flow, id).await?;
        let mut trigger = found.ok_or_else(no_trigger)?;
        trigger.last_outcome = self.last_outcome(&trigger).await?;
        Ok(trigger)
    }

    /// How it stands with the last execution of a trigger; nothing once that is forgotten.
    async fn last_outcome(&self, trigger: &Trigger) -> Result<Option<Outcome>> {
        let Some(id) = &trigger.last_execution else { return Ok(None) };
        let found = executions::find(&mut self.0.store.reader(), &trigger.workspace_id, id).await?;
        Ok(found.map(|e| Outcome { status: e.status, message: e.message }))
    }

    /// Changes a trigger. One that is switched on again must run in the name of somebody who may.
    ///
    /// # Errors
    /// `Validation` names the field; `NotFound`; `Authorization` without the right.
    pub(crate) async fn change_trigger(
        &self,
        actor: &Actor,
        flow: &FlowId,
        id: &FlowTriggerId,
        change: TriggerChange,
    ) -> Result<Trigger> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageFlows, object(flow)).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let mut trigger = triggers::lock(&mut tx, workspace, flow, id).await?.ok_or_else(no_trigger)?;
        if let Some(name) = &change.name {
            trigger.name = checked_name(name)?;
        }
        if let Some(input) = &change.input {
            checked_input(input)?;
        }
        let gives_name = change.run_as.is_some();
        match change.run_as {
            Some(Name::Person(user)) => (trigger.person, trigger.responsible) = (Some(user), None),
            Some(Name::Service) => (trigger.person, trigger.responsible) = (None, actor.user().ok().cloned()),
            None => {}
        }
        if gives_name && trigger.stopped.as_deref() == Some(IDENTITY_ENDED) {
            trigger.stopped = Some(HANDED_OVER.to_owned());
        }
        if let Some(schedule) = change.schedule {
            if trigger.kind == Kind::Webhook {
                return Err(Error::validation("schedule", "A webhook has no schedule."));
            }
            schedule.check()?;
            trigger.next_at = Some(schedule.after(store.now()));
            trigger.schedule = Some(schedule);
        }
        let was_on = trigger.enabled;
        trigger.enabled = change.enabled.unwrap_or(trigger.enabled);
        if trigger.enabled {
            let name = trigger.person.clone().map_or(Name::Service, Name::Person);
            self.may_name(actor, workspace, flow, &name).await?;
            trigger.stopped = None;
            if !was_on {
                trigger.next_at = trigger.schedule.as_ref().map(|schedule| schedule.after(store.now()));
            }
        }
        triggers::update(&mut tx, &trigger, change.input.as_ref()).await?;
        trigger.version += 1;
        record(&mut tx, actor, "flow-trigger.updated", &trigger).await?;
        tx.commit().await?;
        trigger.last_outcome = self.last_outcome(&trigger).await?;
        Ok(trigger)
    }

    /// Removes a trigger.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn remove_trigger(
        &self,
        actor: &Actor,
        flow: &FlowId,
        id: &FlowTriggerId,
    ) -> Result<()> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageFlows, object(flow)).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let trigger = triggers::lock(&mut tx, workspace, flow, id).await?.ok_or_else(no_trigger)?;
        triggers::delete(&mut tx, id).await?;
        record(&mut tx, actor, "flow-trigger.deleted", &trigger).await?;
        Ok(tx.commit().await?)
    }

    /// A program outside starts the flow of a webhook.
    ///
    /// # Errors
    /// `Authentication` for a token that is none of this webhook, and where there is none; `RateLimited`; else as any start.
    pub(crate) async fn hooked(
        &self,
        origin: &Origin,
        id: Option<&FlowTriggerId>,
        token: &str,
        input: Value,
    ) -> Result<Execution> {
        let store = &self.0.store;
        self.0.hooks.require(&origin.network())?;
        let told = digest(token);
        let found = match id {
            Some(id) => triggers::webhook(&mut store.reader(), id).await?,
            None => None,
        };
        // one that is not there answers like one whose token is another: nobody learns which there are
        let Some((trigger, _)) = found.filter(|(_, kept)| *kept == told) else {
            return Err(Error::authentication("This token starts nothing here."));
        };
        let id = &trigger.id;
        if !trigger.enabled {
            return Err(Error::conflict("This webhook is switched off."));
        }
        let actor = Actor::system(origin.clone(), Some(trigger.workspace_id.clone()));
        let fixed = triggers::input(store, id).await?;
        let fired = self.fire(&actor, &trigger, merged(fixed, input), Via::Webhook, None).await;
        if let (Err(e), None) = (&fired, &origin.dry_run) {
            // whoever looks at the trigger sees why nothing began
            let mut tx = store.begin_always().await?;
            triggers::used(&mut tx, id, None, Some(e.message())).await?;
            tx.commit().await?;
        }
        fired?.ok_or_else(|| Error::internal("a webhook has no time that another server could take"))
    }

    /// Starts what schedules say.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn start_due(&self) -> Result<()> {
        let store = &self.0.store;
        for trigger in triggers::due(store, STARTED).await? {
            let Some(schedule) = &trigger.schedule else { continue };
            let next = schedule.after(store.now());
            let origin = Origin::machine(store.ids().make());
            let actor = Actor::system(origin, Some(trigger.workspace_id.clone()));
            let fired = match triggers::input(store, &trigger.id).await {
                Ok(input) => self.fire(&actor, &trigger, input, Via::Schedule, Some(next)).await,
                Err(e) => Err(e.into()),
            };
            match fired {
                Ok(_) => {}
                Err(e) => {
                    // one that is broken keeps nobody else's waiting
                    if e.kind() == gatehouse_types::Kind::Internal {
                        tracing::error!(trigger = %trigger.id, error = %e, cause = ?e.cause(), "a schedule started nothing");
                    }
                    // its time is taken all the same, and whoever looks sees why nothing began
                    let mut tx = store.begin_always().await?;
                    if triggers::take(&mut tx, &trigger, next).await? {
                        triggers::used(&mut tx, &trigger.id, None, Some(e.message())).await?;
                    }
                    tx.commit().await?;
                }
            }
        }
        Ok(())
    }

    /// Starts a trigger's flow in its name; of a schedule the time is taken in the same transaction. `None`: another server
    /// took it, or it was switched off.
    async fn fire(
        &self,
        actor: &Actor,
        trigger: &Trigger,
        input: Value,
        via: Via,
        next: Option<gatehouse_types::Timestamp>,
    ) -> Result<Option<Execution>> {
        let store = &self.0.store;
        if let Some(person) = &trigger.person {
            let found =
                self.0.identity.user_with_role(&mut store.reader(), &trigger.workspace_id, person).await?;
            if !found.is_some_and(|(_, role)| role.may(Permission::UseFlows)) {
                return Err(Error::conflict("The person in whose name it runs may run no flows any more."));
            }
        }
        let start = Start { via, input, person: trigger.person.clone(), draft: false };
        let mut ready = self.ready(actor, &trigger.workspace_id, &trigger.flow_id, start).await?;
        ready.execution.started_by = format!("trigger:{}", trigger.id);
        let mut tx = store.begin(&actor.origin).await?;
        if let Some(next) = next
            && !triggers::take(&mut tx, trigger, next).await?
        {
            // another server was quicker, or it was switched off
            tx.rollback().await?;
            return Ok(None);
        }
        let execution = self.keep(&mut tx, actor, ready).await?;
        triggers::used(&mut tx, &trigger.id, Some(&execution.id), None).await?;
        tx.commit().await?;
        Ok(Some(execution))
    }
}

/// What a webhook brings, over what the trigger is set to.
fn merged(fixed: Value, given: Value) -> Value {
    match (fixed, given) {
        (Value::Object(mut fixed), Value::Object(given)) => {
            fixed.extend(given);
            Value::Object(fixed)
        }
        (fixed, Value::Null) => fixed,
        (_, given) => given,
    }
}
