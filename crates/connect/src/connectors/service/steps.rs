//! Actions as steps of flows: as the connector's user, or as the person the flow runs for.

use std::time::Duration;

use gatehouse_types::{Actor, ConnectorId, Error, Kind, Origin, Result, UserId, WorkspaceId};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::actions::{known_actions, named};
use super::exchange::{By, StepOf};
use super::spec::Ready;
use super::view::own_owner;
use crate::connectors::model::known::no_user_authentication;
use crate::{Connect, Holder, Owner};

/// What a connector is set to do when a flow has nobody's authorization; the words are those of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeopleMode {
    /// Whether each person authorizes it for themselves.
    pub enabled: bool,
    /// `fallback`, `fallback_with_warning`, `pause` or `end_with_error`.
    pub mode: &'static str,
}

/// One try of a step.
#[derive(Clone, Debug)]
pub struct ConnectorStep {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The connector.
    pub connector: ConnectorId,
    /// One of its actions.
    pub action: String,
    /// The parameters.
    pub parameters: Map<String, Value>,
    /// The person it runs for; `None`: a program or the product itself.
    pub acting: Option<UserId>,
    /// Whether it must run as that person even where the connector does not ask for it.
    pub required: bool,
    /// Whether it was decided that it runs as the connector's user.
    pub as_connector: bool,
    /// What made the call, as the ledger says it: `flow:<id>`.
    pub cause: String,
    /// The same on every try of the step.
    pub idempotency_key: String,
    /// How long all of it may take.
    pub timeout: Duration,
}

/// What a step gave.
#[derive(Clone, Debug)]
pub struct StepDone {
    /// The useful part of the product's answer.
    pub output: Value,
    /// As whom it was done: the person; `None`: the connector's user.
    pub person: Option<UserId>,
    /// What is good to know.
    pub warnings: Vec<String>,
}

/// Why a step gave nothing.
#[derive(Debug)]
pub enum StepFailure {
    /// It should run as the person, and there is no authorization that still works.
    NeedsAuthentication(PeopleMode),
    /// It failed.
    Failed {
        /// In plain words, without secrets.
        message: String,
        /// Whether another try may help.
        retryable: bool,
        /// The seconds to wait before it, where the other side says so.
        retry_after: Option<u32>,
        /// As whom it was tried: the person; `None`: the connector's user.
        person: Option<UserId>,
        /// What the product answered: `{status, headers, body}`, without what is hidden.
        answer: Option<Value>,
    },
}

/// Answers after which another try may help.
fn passes(status: Option<u16>) -> bool {
    matches!(status, Some(408 | 425 | 429 | 500..=599))
}

fn failed(message: impl Into<String>, retryable: bool) -> StepFailure {
    StepFailure::Failed { message: message.into(), retryable, retry_after: None, person: None, answer: None }
}

impl From<Error> for StepFailure {
    fn from(error: Error) -> Self {
        let retryable =
            matches!(error.kind(), Kind::Unavailable | Kind::RateLimited | Kind::Timeout | Kind::Internal);
        let (message, retry_after) = (error.message().to_owned(), error.retry_after());
        Self::Failed { message, retryable, retry_after, person: None, answer: None }
    }
}

impl Connect {
    /// Whether a person has an authorization of their own on a connector that still works.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_authorized_by(
        &self,
        workspace: &WorkspaceId,
        id: &ConnectorId,
        user: &UserId,
    ) -> Result<bool> {
        let (holder, owner) = (Holder::Connector(id.clone()), Owner::Person(user.clone()));
        self.0.broker.stands(&mut self.0.store.reader(), workspace, &holder, &owner).await
    }

    /// Carries out one try of a step. Whoever calls has seen that the person may use connectors.
    ///
    /// # Errors
    /// [`StepFailure`].
    pub async fn run_step(&self, step: ConnectorStep) -> Result<StepDone, StepFailure> {
        let ready = self.ready(&step.workspace, &step.connector).await?;
        if ready.connector.is_of_another(step.acting.as_ref()) {
            return Err(failed(
                "This connector is another person's own. Choose one of the company's.",
                false,
            ));
        }
        let of = ready.known.actions.iter().find(|a| a.id.as_str() == step.action).cloned();
        let Some(of) = of else {
            let (name, known) = (&ready.known.name, known_actions(&ready));
            return Err(failed(format!("{name} has no action {}. {known}", step.action), false));
        };
        let parameters = named(&of, step.parameters.clone())?;
        let owner = self.step_owner(&ready, &step).await?;
        let as_person = owner != own_owner(&ready.connector) || ready.connector.user_authentication;
        let person = owner.person().filter(|_| as_person && !step.as_connector).cloned();
        let actor = Actor::system(Origin::machine(self.0.store.ids().make()), Some(step.workspace.clone()));
        let with = StepOf {
            acting: step.acting.clone(),
            cause: step.cause.clone(),
            idempotency_key: step.idempotency_key.clone(),
            timeout: step.timeout,
        };
        let until = Instant::now() + step.timeout;
        let by = By { step: Some(&with), until, ..By::hand(&actor, &ready, owner, of.id.to_string()) };
        match self.pages(&by, &of, &parameters, 1).await {
            Ok(done) if done.success => Ok(StepDone { output: done.output, person, warnings: done.warnings }),
            Ok(done) => Err(StepFailure::Failed {
                message: done.message.unwrap_or_else(|| "The product did not do it.".to_owned()),
                retryable: passes(done.status),
                retry_after: done.retry_after,
                person,
                answer: done.answer,
            }),
            Err(error) => match (&person, self.lost(&step, person.as_ref()).await?) {
                // the authorization was refused while it was used
                (Some(_), true) => Err(StepFailure::NeedsAuthentication(mode_of(&ready))),
                _ => match StepFailure::from(error) {
                    StepFailure::Failed { message, retryable, retry_after, answer, .. } => {
                        Err(StepFailure::Failed { message, retryable, retry_after, person, answer })
                    }
                    other => Err(other),
                },
            },
        }
    }

    /// Whether the person's authorization has ended.
    async fn lost(&self, step: &ConnectorStep, person: Option<&UserId>) -> Result<bool> {
        match person {
            Some(user) => Ok(!self.is_authorized_by(&step.workspace, &step.connector, user).await?),
            None => Ok(false),
        }
    }

    /// Whose credential the step takes.
    async fn step_owner(&self, ready: &Ready, step: &ConnectorStep) -> Result<Owner, StepFailure> {
        let own = own_owner(&ready.connector);
        let asks = ready.connector.user_authentication || step.required;
        if step.as_connector || !asks {
            return Ok(own);
        }
        // what an administrator decided of a person counts, as far as the step does not demand the person
        if let (Some(user), false) = (&step.acting, step.required)
            && self.is_exempt(&step.workspace, user).await?
        {
            return Ok(own);
        }
        if let Some(why) = no_user_authentication(ready.auth()?) {
            return Err(failed(
                format!("The step must run as the person, and this connector cannot. {why}"),
                false,
            ));
        }
        match &step.acting {
            Some(user) if self.is_authorized_by(&step.workspace, &step.connector, user).await? => {
                Ok(Owner::Person(user.clone()))
            }
            _ => Err(StepFailure::NeedsAuthentication(mode_of(ready))),
        }
    }
}

fn mode_of(ready: &Ready) -> PeopleMode {
    PeopleMode { enabled: ready.connector.user_authentication, mode: ready.connector.mode.as_str() }
}
