//! Putting flows into service and taking them out, at once or in the background.

use gatehouse_identity::require;
use gatehouse_store::Tx;
use gatehouse_store::jobs::{When, enqueue};
use gatehouse_types::{
    Actor, Error, FlowDeploymentId, FlowId, Kind, Origin, Permission, Result, UserId, WorkspaceId,
};
use serde_json::json;

use super::definitions::record;
use super::{by, not_found, object};
use crate::Flows;
use crate::jobs::deploy::Deploy;
use crate::model::flow::{Deployed, Flow, Version};
use crate::model::trigger::FLOW_CHANGED;
use crate::store::deployments::{self, Deployment};
use crate::store::{flows, triggers, versions};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The draft becomes a version, which is run from then on.
    Deploy,
    /// Nothing is run any more.
    Undeploy,
}

impl Action {
    /// The word of the interface.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "DEPLOY",
            Self::Undeploy => "UNDEPLOY",
        }
    }

    fn of(text: &str) -> Result<Self> {
        let found = [Self::Deploy, Self::Undeploy].into_iter().find(|action| action.as_str() == text);
        found.ok_or_else(|| Error::internal("a deployment of an unknown kind"))
    }

    const fn right(self) -> Permission {
        match self {
            Self::Deploy => Permission::EditFlows,
            Self::Undeploy => Permission::ManageFlows,
        }
    }
}

impl Flows {
    /// Deploys a flow or takes it out of service.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` names what is missing; `Authorization` without the right.
    pub(crate) async fn deploy(
        &self,
        actor: &Actor,
        id: &FlowId,
        action: Action,
        in_background: bool,
    ) -> Result<Deployment> {
        let workspace = require(&self.0.store, actor, action.right(), object(id)).await?;
        self.deploy_in(actor, workspace, id, action, in_background).await
    }

    /// The same for a program whose scope was looked at.
    pub(crate) async fn deploy_in(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        id: &FlowId,
        action: Action,
        in_background: bool,
    ) -> Result<Deployment> {
        let store = &self.0.store;
        let flow = self.found(workspace, id).await?;
        if action == Action::Deploy {
            // what is missing is told at once, even to who does not wait
            self.complete(workspace, &flow.definition, &flow.stubs).await?;
        }
        let now = store.now();
        let mut deployment = Deployment {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            flow_id: id.clone(),
            action: action.as_str().to_owned(),
            status: "IN_PROGRESS".to_owned(),
            message: None,
            number: None,
            created_by: by(actor),
            created_at: now,
            ended_at: None,
        };
        let mut tx = store.begin(&actor.origin).await?;
        if in_background {
            deployments::insert(&mut tx, &deployment).await?;
            enqueue(&mut tx, &Deploy { id: deployment.id.clone() }, When::default()).await?;
        } else {
            let by = deployment.created_by.clone();
            deployment.number = self.apply(&mut tx, actor, workspace, id, action, &by).await?;
            deployment.status = "SUCCESS".to_owned();
            deployment.ended_at = Some(now);
            deployments::insert(&mut tx, &deployment).await?;
        }
        tx.commit().await?;
        Ok(deployment)
    }

    /// The change itself: the number of the version that is in service afterwards.
    async fn apply(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        id: &FlowId,
        action: Action,
        by: &str,
    ) -> Result<Option<i64>> {
        let mut flow = flows::lock(tx, workspace, id).await?.ok_or_else(not_found)?;
        match action {
            Action::Undeploy => {
                if flow.deployed.take().is_some() {
                    flows::set_deployed(tx, id, None).await?;
                    record(tx, actor, "flow.undeployed", &flow, json!({"by": by})).await?;
                }
                Ok(None)
            }
            Action::Deploy => {
                let before = flow.deployed.as_ref().map(|deployed| deployed.digest.clone());
                let deployed = self.versioned(tx, &flow, by).await?;
                flows::set_deployed(tx, id, Some(&deployed)).await?;
                let stopped = match before.as_ref() == Some(&deployed.digest) {
                    true => 0,
                    false => self.stop_for_others(tx, &flow, by).await?,
                };
                let details = json!({"number": deployed.number, "by": by, "triggersStopped": stopped});
                record(tx, actor, "flow.deployed", &flow, details).await?;
                Ok(Some(deployed.number))
            }
        }
    }

    /// Triggers that run in another person's name stand still until somebody who may act for others has looked at what the
    /// flow does now: else whoever may change a flow would act as everybody it runs for. How many.
    async fn stop_for_others(&self, tx: &mut Tx, flow: &Flow, by: &str) -> Result<u64> {
        let deployer: Option<UserId> = by.strip_prefix("user:").and_then(|id| id.parse().ok());
        if let Some(user) = &deployer {
            let found = self.0.identity.user_with_role(tx, &flow.workspace_id, user).await?;
            if found.is_some_and(|(_, role)| role.may(Permission::RunFlowsForOthers)) {
                return Ok(0);
            }
        }
        Ok(triggers::stop_of_others(tx, &flow.id, deployer.as_ref(), FLOW_CHANGED).await?)
    }

    /// The draft as a version: the newest one when nothing changed since.
    async fn versioned(&self, tx: &mut Tx, flow: &Flow, by: &str) -> Result<Deployed> {
        let now = self.0.store.now();
        let newest = versions::newest(tx, &flow.id).await?;
        let (number, id) = match newest {
            Some((number, id, digest)) if digest == flow.digest => (number, id),
            newest => {
                let number = newest.map_or(0, |(number, ..)| number) + 1;
                let version = Version {
                    id: self.0.store.ids().make(),
                    flow_id: flow.id.clone(),
                    number: Some(number),
                    definition: flow.definition.clone(),
                    digest: flow.digest.clone(),
                    created_by: Some(by.to_owned()),
                    created_at: now,
                };
                versions::insert(tx, &flow.workspace_id, &version).await?;
                (number, version.id)
            }
        };
        Ok(Deployed { id, number, digest: flow.digest.clone(), at: now, by: Some(by.to_owned()) })
    }

    /// Carries out what somebody did not wait for; once, however often it is asked.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn carry_out(&self, id: &FlowDeploymentId) -> Result<()> {
        let store = &self.0.store;
        let Some(mut deployment) = deployments::find(&mut store.reader(), None, id).await? else {
            return Ok(());
        };
        if deployment.status != "IN_PROGRESS" {
            return Ok(());
        }
        let workspace = deployment.workspace_id.clone();
        let actor = Actor::system(Origin::machine(store.ids().make()), Some(workspace.clone()));
        match self.try_out(&actor, &deployment).await {
            Ok(number) => {
                deployment.number = number;
                deployment.status = "SUCCESS".to_owned();
            }
            // it may go better in a while
            Err(e) if matches!(e.kind(), Kind::Internal | Kind::Unavailable) => return Err(e),
            Err(e) => {
                deployment.status = "FAILED".to_owned();
                deployment.message = Some(e.message().to_owned());
            }
        }
        deployment.ended_at = Some(store.now());
        let mut tx = store.begin_always().await?;
        deployments::end(&mut tx, &deployment).await?;
        Ok(tx.commit().await?)
    }

    async fn try_out(&self, actor: &Actor, deployment: &Deployment) -> Result<Option<i64>> {
        let (workspace, id) = (&deployment.workspace_id, &deployment.flow_id);
        let action = Action::of(&deployment.action)?;
        if action == Action::Deploy {
            let flow = self.found(workspace, id).await?;
            self.complete(workspace, &flow.definition, &flow.stubs).await?;
        }
        let mut tx = self.0.store.begin_always().await?;
        let number = self.apply(&mut tx, actor, workspace, id, action, &deployment.created_by).await?;
        tx.commit().await?;
        Ok(number)
    }

    /// How a deployment goes.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn deployment(&self, actor: &Actor, id: &FlowDeploymentId) -> Result<Deployment> {
        let workspace = require(&self.0.store, actor, Permission::UseFlows, None).await?;
        self.deployment_in(workspace, id).await
    }

    /// The same for a program whose key was looked at.
    pub(crate) async fn deployment_in(
        &self,
        workspace: &WorkspaceId,
        id: &FlowDeploymentId,
    ) -> Result<Deployment> {
        let found = deployments::find(&mut self.0.store.reader(), Some(workspace), id).await?;
        found.ok_or_else(|| Error::not_found("Job"))
    }
}
