//! Executions: started, looked at, decided on.

use std::sync::Arc;

use gatehouse_flow::Flow as Engine;
use gatehouse_flow::machine::{self, Event, State};
use gatehouse_identity::require;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event as Entry};
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_types::{
    Actor, Error, ExecutionId, FlowId, FlowVersionId, Id, Page, PageRequest, Permission, Principal, Result,
    UserId, WorkspaceId,
};
use serde_json::{Value, json};

use super::{by, not_found, object};
use crate::Flows;
use crate::model::definition::{judged, refused};
use crate::model::execution::{Execution, StepRow, Via};
use crate::model::flow::{Flow, Version};
use crate::store::executions::{self, Wanted};
use crate::store::{events, flows, steps, versions};

/// Steps that one execution shows at once.
const STEPS_SHOWN: i64 = 500;

/// What to start.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) via: Via,
    pub(crate) input: Value,
    /// The person in whose name it runs; `None`: the company itself.
    pub(crate) person: Option<UserId>,
    /// The draft instead of what is in service.
    pub(crate) draft: bool,
}

/// An execution that can begin.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) execution: Execution,
    pub(crate) input: Value,
}

/// An execution with its timeline.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) execution: Execution,
    pub(crate) steps: Vec<StepRow>,
    pub(crate) output: Option<Value>,
}

pub(crate) fn no_execution() -> Error {
    Error::not_found("Execution")
}

impl Flows {
    /// The flow of a version, read once and kept in memory.
    pub(crate) async fn flow_of(&self, id: &FlowVersionId) -> Result<Arc<Engine>> {
        if let Some(flow) = self.0.read.get(id.as_str()) {
            return Ok(flow);
        }
        let version = versions::by_id(&self.0.store, id).await?.ok_or_else(not_found)?;
        let flow = Arc::new(judged(&version.definition)?);
        self.0.read.insert(id.to_string(), Arc::clone(&flow));
        Ok(flow)
    }

    /// Starts a flow for somebody whose right was looked at.
    ///
    /// # Errors
    /// `Validation` names the input that does not fit; `NotFound`; `Conflict` when it is not in service.
    pub(crate) async fn begin(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        id: &FlowId,
        start: Start,
    ) -> Result<Execution> {
        let ready = self.ready(actor, workspace, id, start).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let execution = self.keep(&mut tx, actor, ready).await?;
        tx.commit().await?;
        Ok(execution)
    }

    /// Everything of a start that needs no transaction.
    pub(crate) async fn ready(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        id: &FlowId,
        start: Start,
    ) -> Result<Ready> {
        let store = &self.0.store;
        let flow = self.found(workspace, id).await?;
        let (version, number) = match (&flow.deployed, start.draft) {
            // in a trial nothing is kept, the version neither
            (_, true) if actor.origin.dry_run.is_some() => {
                self.complete(&flow.workspace_id, &flow.definition, &flow.stubs).await?;
                (store.ids().make(), None)
            }
            (_, true) => (self.tried_out(actor, &flow).await?, None),
            (Some(deployed), false) => (deployed.id.clone(), Some(deployed.number)),
            (None, false) => {
                return Err(Error::conflict("This flow is not in service. Deploy it first."));
            }
        };
        let engine = match (start.draft, &actor.origin.dry_run) {
            (true, Some(_)) => Arc::new(judged(&flow.definition)?),
            _ => self.flow_of(&version).await?,
        };
        no_parameter_in(&engine, &start)?;
        machine::start_input(&engine, &start.input).map_err(|problems| refused("input", &problems))?;
        self.room_for_one(workspace, id).await?;
        let execution = Execution {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            flow_id: id.clone(),
            flow_name: flow.name,
            version_id: version,
            number,
            via: start.via.as_str().to_owned(),
            started_by: by(actor),
            person: start.person,
            interactive: start.via == Via::Run,
            status: "Queued".to_owned(),
            percentage: 0,
            message: None,
            warnings: Vec::new(),
            waiting: Vec::new(),
            paused: None,
            fallback: Vec::new(),
            can_retry: false,
            poked: 0,
            claims: 0,
            created_at: store.now(),
            started_at: None,
            ended_at: None,
        };
        Ok(Ready { execution, input: start.input })
    }

    /// Keeps an execution that is ready, in the caller's transaction; it begins with it, or is due at once.
    pub(crate) async fn keep(&self, tx: &mut Tx, actor: &Actor, ready: Ready) -> Result<Execution> {
        let Ready { execution, input } = ready;
        let state = State::queued(execution.id.as_str(), execution.interactive);
        let text = serde_json::to_string(&state).map_err(Error::internal)?;
        executions::insert(tx, &execution, &text, &input)?;
        let details = json!({"flow": execution.flow_name, "flowId": execution.flow_id, "number": execution.number,
            "via": execution.via, "startedBy": execution.started_by, "personId": execution.person});
        record(tx, actor, "flow-execution.started", &execution, details).await?;
        self.begin_or_wake(tx, execution, state, input).await
    }

    /// The version of a draft that is tried out.
    async fn tried_out(&self, actor: &Actor, flow: &Flow) -> Result<FlowVersionId> {
        let store = &self.0.store;
        self.complete(&flow.workspace_id, &flow.definition, &flow.stubs).await?;
        if let Some(id) = versions::same(&mut store.reader(), &flow.id, &flow.digest).await? {
            return Ok(id);
        }
        let version = Version {
            id: store.ids().make(),
            flow_id: flow.id.clone(),
            number: None,
            definition: flow.definition.clone(),
            digest: flow.digest.clone(),
            created_by: Some(by(actor)),
            created_at: store.now(),
        };
        let mut tx = store.begin_always().await?;
        if flows::lock(&mut tx, &flow.workspace_id, &flow.id).await?.is_none() {
            return Err(not_found());
        }
        versions::insert(&mut tx, &flow.workspace_id, &version).await?;
        tx.commit().await?;
        Ok(version.id)
    }

    /// Runs a flow as the person who asks, who is there to be asked.
    ///
    /// # Errors
    /// As [`Flows::begin`]; `Authorization` without the right.
    pub(crate) async fn run(
        &self,
        actor: &Actor,
        id: &FlowId,
        input: Value,
        draft: bool,
    ) -> Result<Execution> {
        let right = if draft { Permission::EditFlows } else { Permission::UseFlows };
        let workspace = require(&self.0.store, actor, right, object(id)).await?;
        let person = Some(actor.user()?.clone());
        self.begin(actor, workspace, id, Start { via: Via::Run, input, person, draft }).await
    }

    /// Starts a flow that never asks anybody, for a program or a person whose right was looked at: in the caller's own
    /// name, or on behalf of a person, which takes a right of its own.
    ///
    /// # Errors
    /// As [`Flows::begin`]; `Authorization` with a recorded decision for a person on whose behalf the caller may not.
    pub(crate) async fn start(
        &self,
        actor: &Actor,
        id: &FlowId,
        input: Value,
        on_behalf_of: Option<&str>,
    ) -> Result<Execution> {
        let workspace = actor.workspace()?;
        let person = match on_behalf_of {
            None => own_person(actor),
            Some(whom) => Some(self.on_behalf(actor, workspace, id, whom).await?),
        };
        self.begin(actor, workspace, id, Start { via: Via::Start, input, person, draft: false }).await
    }

    /// The person on whose behalf the caller runs a flow.
    async fn on_behalf(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        id: &FlowId,
        whom: &str,
    ) -> Result<UserId> {
        let store = &self.0.store;
        let found = self.person(workspace, whom).await?;
        if let Some((user, _)) = &found
            && own_person(actor).as_ref() == Some(user)
        {
            return Ok(user.clone());
        }
        require(store, actor, Permission::RunFlowsForOthers, object(id)).await?;
        match found {
            Some((user, role)) if role.may(Permission::UseFlows) => Ok(user),
            _ => {
                let detail = "The person on whose behalf the flow should run is no member who may run flows.";
                let reasons = vec![
                    Reason::passed("right", "The caller may run flows on behalf of others."),
                    Reason::failed("person", detail),
                ];
                let action = Permission::RunFlowsForOthers.as_str();
                let refusal = Refusal { action, object: object(id), reasons };
                let decision = refuse(store, actor, Some(workspace), refusal).await?;
                Err(Error::authorization(detail).on_field("onBehalfOf").decided(decision))
            }
        }
    }

    /// A member by id or address.
    pub(crate) async fn person(
        &self,
        workspace: &WorkspaceId,
        whom: &str,
    ) -> Result<Option<(UserId, gatehouse_types::Role)>> {
        let (identity, db) = (&self.0.identity, &mut self.0.store.reader());
        let id = match (whom.parse::<UserId>(), whom.parse::<gatehouse_types::Email>()) {
            (Ok(id), _) => Some(id),
            (_, Ok(email)) => identity.user_by_email(db, &email).await?.map(|user| user.id),
            _ => None,
        };
        let Some(id) = id else { return Ok(None) };
        Ok(identity.user_with_role(db, workspace, &id).await?.map(|(user, role)| (user.id, role)))
    }

    /// An execution that the caller may see: one's own, one that one started; administrators see all.
    pub(crate) async fn seen(&self, actor: &Actor, id: &ExecutionId) -> Result<Execution> {
        let workspace = actor.workspace()?;
        let found =
            executions::find(&mut self.0.store.reader(), workspace, id).await?.ok_or_else(no_execution)?;
        match may_see(actor, &found) {
            true => Ok(found),
            false => Err(no_execution()),
        }
    }

    /// One page of executions, the latest first: one's own, for administrators all.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn executions(
        &self,
        actor: &Actor,
        mut wanted: Wanted,
        page: PageRequest,
    ) -> Result<Page<Execution>> {
        let workspace = actor.workspace()?;
        if !actor.may(Permission::ManageFlows) {
            match (own_person(actor), &actor.principal) {
                (Some(user), _) => wanted.of = Some(user.clone()),
                _ => wanted.started_by = Some(by(actor)),
            }
        }
        let (found, total) = executions::page(&mut self.0.store.reader(), workspace, &wanted, page).await?;
        Ok(Page::new(found, page, total))
    }

    /// An execution with its timeline.
    ///
    /// # Errors
    /// `NotFound`, also for another person's.
    pub(crate) async fn watch(&self, actor: &Actor, id: &ExecutionId) -> Result<Watched> {
        let execution = self.seen(actor, id).await?;
        let store = &self.0.store;
        let steps = steps::first(store, &mut store.reader(), id, STEPS_SHOWN).await?;
        let output = executions::output(store, id).await?;
        Ok(Watched { execution, steps, output })
    }

    /// One page of the timeline.
    ///
    /// # Errors
    /// `NotFound`, also for another person's.
    pub(crate) async fn timeline(
        &self,
        actor: &Actor,
        id: &ExecutionId,
        page: PageRequest,
    ) -> Result<Page<StepRow>> {
        self.seen(actor, id).await?;
        let store = &self.0.store;
        let (found, total) = steps::page(store, &mut store.reader(), id, page).await?;
        Ok(Page::new(found, page, total))
    }

    /// Has whoever drives an execution look at it.
    pub(crate) async fn poke(&self, id: &ExecutionId) -> Result<()> {
        let mut tx = self.0.store.begin_always().await?;
        executions::poke(&mut tx, id).await?;
        self.wake(&mut tx);
        Ok(tx.commit().await?)
    }

    /// Wakes this server's driver once the transaction counts.
    pub(crate) fn wake(&self, tx: &mut Tx) {
        let flows = self.clone();
        tx.afterwards(async move { flows.0.wake.notify_one() });
    }

    /// Keeps an event for whoever drives the execution.
    pub(crate) async fn tell(&self, tx: &mut Tx, e: &Execution, event: &Event) -> Result<()> {
        events::insert(tx, &e.workspace_id, &e.id, event).await?;
        executions::poke(tx, &e.id).await?;
        self.wake(tx);
        Ok(())
    }
}

/// The parameter of a start that is easily put into the body, where it would only be an input.
const ON_BEHALF_OF: &str = "onBehalfOf";

/// A start in whose body stands in whose name it should run would run in another's, and look well.
fn no_parameter_in(engine: &Engine, start: &Start) -> Result<()> {
    let is_declared =
        || engine.inputs().is_some_and(|all| all.iter().any(|field| field.name == ON_BEHALF_OF));
    if start.via != Via::Start || start.input.get(ON_BEHALF_OF).is_none() || is_declared() {
        return Ok(());
    }
    let message = "onBehalfOf belongs into the address (…/executions/start?flowId=…&onBehalfOf=…): in the body it would be an \
                   input, and the start of this flow declares none of this name.";
    Err(Error::validation(ON_BEHALF_OF, message))
}

/// The person that a caller is, or whose own key it is.
pub(crate) fn own_person(actor: &Actor) -> Option<UserId> {
    match &actor.principal {
        Principal::User { user_id, .. } => Some(user_id.clone()),
        Principal::ApiKey { owner, .. } => owner.clone(),
        _ => None,
    }
}

/// Whether a caller may see an execution.
pub(crate) fn may_see(actor: &Actor, e: &Execution) -> bool {
    let own = own_person(actor);
    let is_own = own.is_some() && e.person == own;
    // who started it for somebody else sees it as long as that right lasts
    let may_for_others = e.person.is_none() || actor.may(Permission::RunFlowsForOthers);
    let has_started =
        e.started_by == by(actor) || own.is_some_and(|user| e.started_by == format!("user:{user}"));
    actor.may(Permission::ManageFlows) || is_own || (has_started && may_for_others)
}

pub(crate) async fn record(
    tx: &mut Tx,
    actor: &Actor,
    event: &'static str,
    e: &Execution,
    details: Value,
) -> Result<()> {
    Ok(audit::record(tx, actor, Entry::success(event, ("flow-execution", e.id.as_str()), details)).await?)
}
