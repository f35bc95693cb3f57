//! Into service and out of it.

use gatehouse_identity::require;
use gatehouse_store::decisions::principal_of;
use gatehouse_types::{
    Actor, Error, Origin, Page, PageRequest, Permission, Result, ScriptDeploymentId, ScriptId, WorkspaceId,
};
use serde_json::json;

use super::definitions::{Detailed, record};
use super::projects::Received;
use super::{not_found, object};
use crate::Scripts;
use crate::model::{Event, Given, Settings, names};
use crate::store::deployments::{self, Deployment, State};
use crate::store::scripts::{self, Script};

impl Scripts {
    /// Begins to take a script into service; its status tells how that goes.
    ///
    /// # Errors
    /// `NotFound`; `Validation` without the terms accepted; `Conflict` in a status where that cannot be, and without credits.
    pub(crate) async fn deploy(&self, actor: &Actor, id: &ScriptId, accepts_terms: bool) -> Result<Detailed> {
        if !accepts_terms {
            let message =
                "Deploying takes that the terms and conditions are accepted: acceptTerms must be true.";
            return Err(Error::validation("acceptTerms", message));
        }
        let workspace = require(&self.0.store, actor, Permission::EditScripts, object(id)).await?;
        self.begin(actor, workspace, id, Event::Deploy, None).await
    }

    /// The same for what is in service or was, with changes. The version in service stays there until the new one is ready.
    ///
    /// # Errors
    /// As [`Scripts::deploy`]; `Validation` for a change of what cannot change.
    pub(crate) async fn redeploy(
        &self,
        actor: &Actor,
        id: &ScriptId,
        change: impl FnOnce(&Settings) -> Given + Send,
        file: Option<Received>,
    ) -> Result<Detailed> {
        let workspace = require(&self.0.store, actor, Permission::EditScripts, object(id)).await?;
        let before = self.found(workspace, id).await?;
        before.status.next(Event::Redeploy)?;
        let settings = Settings::new(change(&before.settings))?;
        settings.may_follow(&before.settings, before.status)?;
        let file = self.judged_file(file, &settings).await?;
        self.begin(actor, workspace, id, Event::Redeploy, Some((settings, file.as_deref()))).await
    }

    async fn begin(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        id: &ScriptId,
        event: Event,
        change: Option<(Settings, Option<&Received>)>,
    ) -> Result<Detailed> {
        let store = &self.0.store;
        self.has_credits(workspace).await?;
        let (now, by) = (store.now(), principal_of(actor));
        let mut tx = store.begin(&actor.origin).await?;
        let mut script = scripts::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let next = script.status.next(event)?;
        if let Some((settings, file)) = change {
            self.apply(&mut tx, actor, &mut script, settings, file).await?;
        }
        script.status = next;
        script.reason = None;
        (script.updated_by, script.updated_at) = (by.clone(), now);
        let number = deployments::newest(store, &mut tx, id).await?.map_or(0, |newest| newest.number) + 1;
        let deployment = Deployment {
            id: store.ids().make(),
            workspace: workspace.clone(),
            script: id.clone(),
            number,
            name: names::default_version_name(u32::try_from(number).unwrap_or(u32::MAX)),
            settings: script.settings.clone(),
            project: script.project.clone(),
            state: State::Deploying,
            reason: None,
            interpreter: None,
            functions: Vec::new(),
            deployed_by: by,
            started_at: now,
            ended_at: None,
            undeployed_by: None,
            undeployed_at: None,
        };
        deployments::insert(&mut tx, &deployment).await?;
        scripts::update(&mut tx, &script).await?;
        let name = if event == Event::Deploy { "script.deploying" } else { "script.redeploying" };
        record(&mut tx, actor, name, &script, json!({"version": number})).await?;
        self.wake_after(&mut tx);
        tx.commit().await?;
        self.detailed(script).await
    }

    fn wake_after(&self, tx: &mut gatehouse_store::Tx) {
        let scripts = self.clone();
        tx.afterwards(async move { scripts.0.wake.notify_one() });
    }

    /// Says how a deployment ended; false when it had ended before. Mails go with it.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn ended(&self, d: &Deployment) -> Result<bool> {
        let store = &self.0.store;
        let actor = Actor::system(Origin::machine(store.ids().make()), Some(d.workspace.clone()));
        let mut tx = store.begin_always().await?;
        let Some(mut script) = scripts::lock(&mut tx, &d.workspace, &d.script).await? else {
            return Ok(false);
        };
        let ended = Deployment { ended_at: Some(store.now()), ..d.clone() };
        if !deployments::end(&mut tx, &ended).await? {
            return Ok(false);
        }
        let serving = script.deployed.is_some();
        let succeeded = d.state == State::Success;
        script.status =
            script.status.next(if succeeded { Event::Succeeded } else { Event::Failed { serving } })?;
        script.reason = d.reason.clone();
        if succeeded {
            script.deployed = Some(d.id.clone());
        }
        script.updated_at = store.now();
        scripts::update(&mut tx, &script).await?;
        let details = json!({"version": d.number, "by": d.deployed_by, "reason": d.reason});
        if succeeded {
            record(&mut tx, &actor, "script.deployed", &script, details).await?;
            self.mail_of_deployment(&mut tx, &script).await?;
        } else {
            record(&mut tx, &actor, "script.deployment-failed", &script, details).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Takes a script out of service. Its keys, versions and working directory stay for when it is deployed again.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it is not in service.
    pub(crate) async fn undeploy(&self, actor: &Actor, id: &ScriptId) -> Result<Detailed> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageScripts, object(id)).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let mut script = scripts::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        script.status = script.status.next(Event::Undeploy)?;
        let by = principal_of(actor);
        if let Some(deployed) = script.deployed.take() {
            deployments::undeployed(&mut tx, &deployed, &by).await?;
        }
        (script.updated_by, script.updated_at) = (by, store.now());
        scripts::update(&mut tx, &script).await?;
        record(&mut tx, actor, "script.undeployed", &script, json!({})).await?;
        self.mail_of_undeployment(&mut tx, &script).await?;
        self.wake_after(&mut tx);
        tx.commit().await?;
        self.detailed(script).await
    }

    /// Calls a deployment off; what was in service before stays there.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when none is on its way.
    pub(crate) async fn cancel(&self, actor: &Actor, id: &ScriptId) -> Result<Detailed> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::EditScripts, object(id)).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let mut script = scripts::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let serving = script.deployed.is_some();
        script.status = script.status.next(Event::Cancelled { serving })?;
        if let Some(newest) = deployments::newest(store, &mut tx, id).await? {
            let reason = Some("Somebody called it off.".to_owned());
            let ended = Deployment { state: State::Canceled, reason, ended_at: Some(store.now()), ..newest };
            deployments::end(&mut tx, &ended).await?;
        }
        (script.updated_by, script.updated_at) = (principal_of(actor), store.now());
        scripts::update(&mut tx, &script).await?;
        record(&mut tx, actor, "script.deployment-canceled", &script, json!({})).await?;
        self.wake_after(&mut tx);
        tx.commit().await?;
        self.detailed(script).await
    }

    /// One page of a script's versions, newest first.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn deployments(
        &self,
        actor: &Actor,
        id: &ScriptId,
        page: PageRequest,
    ) -> Result<(Script, Page<Deployment>)> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ReadScripts, object(id)).await?;
        let script = self.found(workspace, id).await?;
        let (found, total) = deployments::page(store, &mut store.reader(), id, page).await?;
        Ok((script, Page::new(found, page, total)))
    }

    /// Gives a version another name.
    ///
    /// # Errors
    /// `NotFound`; `Validation` for a name that breaks the convention.
    pub(crate) async fn rename_version(
        &self,
        actor: &Actor,
        id: &ScriptId,
        number: i64,
        name: &str,
    ) -> Result<(Script, Deployment)> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::EditScripts, object(id)).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let script = scripts::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let found = deployments::numbered(store, &mut tx, id, number).await?;
        let mut found = found.ok_or_else(|| Error::not_found("Version"))?;
        let before = found.name;
        found.name = names::checked_version_name(name, u32::try_from(number).unwrap_or(u32::MAX))?;
        deployments::rename(&mut tx, &found.id, &found.name).await?;
        let details = json!({"version": number, "from": before, "to": found.name});
        record(&mut tx, actor, "script.version-renamed", &script, details).await?;
        tx.commit().await?;
        Ok((script, found))
    }

    /// What is in service of a script, for its endpoint.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when nothing is.
    pub(crate) async fn served(&self, actor: &Actor, id: &ScriptId) -> Result<(Script, Deployment)> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ReadScripts, object(id)).await?;
        let script = self.found(workspace, id).await?;
        let Some(deployed) = &script.deployed else { return Err(not_activated()) };
        let found = deployments::find(store, &mut store.reader(), deployed).await?;
        let found = found.ok_or_else(|| missing(deployed))?;
        Ok((script, found))
    }
}

fn missing(id: &ScriptDeploymentId) -> Error {
    Error::internal(format!("the deployment {id} in service is not there"))
}

/// The endpoint of a script that is not in service.
pub(crate) fn not_activated() -> Error {
    Error::conflict("Endpoint not activated: the script is not deployed. Deploy it first.")
}
