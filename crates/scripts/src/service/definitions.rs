//! Scripts: imported, listed, changed, removed.

use std::sync::Arc;

use gatehouse_identity::require;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::principal_of;
use gatehouse_types::{Actor, Error, Id, Page, PageRequest, Permission, Result, ScriptId, WorkspaceId};
use serde_json::{Value, json};

use super::projects::Received;
use super::{not_found, object, search};
use crate::Scripts;
use crate::model::{Event as Change, Given, Settings, Status};
use crate::places::remove;
use crate::store::deployments::{self, Deployment};
use crate::store::scripts::{self, Listed, Script};

/// Scripts of a workspace at most.
const MAX_SCRIPTS: i64 = 200;
/// All project files of a workspace together, in bytes.
const MAX_PROJECTS: i64 = 20 * 1024 * 1024 * 1024;

/// A script with what is in service of it.
#[derive(Clone, Debug)]
pub(crate) struct Detailed {
    pub(crate) script: Script,
    /// What is in service, else the newest version.
    pub(crate) latest: Option<Deployment>,
}

pub(crate) async fn record(
    tx: &mut Tx,
    actor: &Actor,
    event: &'static str,
    s: &Script,
    more: Value,
) -> Result<()> {
    let mut details = json!({"name": s.settings.name(), "project": s.project.sha256});
    if let (Some(all), Value::Object(more)) = (details.as_object_mut(), more) {
        all.extend(more);
    }
    Ok(audit::record(tx, actor, Event::success(event, ("script", s.id.as_str()), details)).await?)
}

async fn free(tx: &mut Tx, workspace: &WorkspaceId, name: &str, but: Option<&ScriptId>) -> Result<()> {
    match scripts::is_taken(tx, workspace, name, but).await? {
        true => {
            Err(Error::conflict("There is a script with this name. Choose another one.").on_field("name"))
        }
        false => Ok(()),
    }
}

/// How many scripts a workspace has. `project`: a file of a new one, or of `but`.
///
/// # Errors
/// `Conflict` when all project files together would be too large.
async fn holds(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    but: Option<&ScriptId>,
    project: &scripts::Project,
) -> Result<i64> {
    let (count, bytes) = scripts::totals(tx, workspace, but).await?;
    match bytes.saturating_add(project.bytes) <= MAX_PROJECTS {
        true => Ok(count),
        false => Err(Error::conflict(
            "The project files of a workspace have at most 20 GB together. Delete a script that is not used.",
        )
        .on_field("file")),
    }
}

impl Scripts {
    /// Imports a script as a draft.
    ///
    /// # Errors
    /// `Validation` names the field, or what is wrong about the file; `Conflict` for a name that is taken or too many.
    pub(crate) async fn import(&self, actor: &Actor, given: Given, file: Received) -> Result<Detailed> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::EditScripts, None).await?;
        let settings = Settings::new(given)?;
        let file = Arc::new(file);
        self.judge(Arc::clone(&file), settings.language()).await?.good()?;
        let (now, by) = (store.now(), principal_of(actor));
        let mut script = Script {
            id: store.ids().make(),
            workspace: workspace.clone(),
            version: 1,
            number: 0,
            settings,
            status: Status::Draft,
            reason: None,
            project: file.project.clone(),
            deployed: None,
            created_by: by.clone(),
            created_at: now,
            updated_by: by,
            updated_at: now,
        };
        let mut tx = store.begin(&actor.origin).await?;
        if holds(&mut tx, workspace, None, &script.project).await? >= MAX_SCRIPTS {
            return Err(Error::conflict("A workspace has at most 200 scripts. Delete one that is not used."));
        }
        free(&mut tx, workspace, script.settings.name(), None).await?;
        scripts::insert(&mut tx, &mut script).await?;
        record(&mut tx, actor, "script.saved-as-draft", &script, json!({})).await?;
        if actor.origin.dry_run.is_none() {
            self.keep(&file).await?;
        }
        tx.commit().await?;
        Ok(Detailed { script, latest: None })
    }

    /// Changes what is not in service: settings, the file, or both.
    ///
    /// # Errors
    /// `NotFound`; `Validation`; `Conflict` while it is in service or on its way there.
    pub(crate) async fn change(
        &self,
        actor: &Actor,
        id: &ScriptId,
        change: impl FnOnce(&Settings) -> Given + Send,
        file: Option<Received>,
    ) -> Result<Detailed> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::EditScripts, object(id)).await?;
        let before = self.found(workspace, id).await?;
        before.status.next(Change::Edit)?;
        let settings = Settings::new(change(&before.settings))?;
        let file = self.judged_file(file, &settings).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let mut script = scripts::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        script.status = script.status.next(Change::Edit)?;
        self.apply(&mut tx, actor, &mut script, settings, file.as_deref()).await?;
        scripts::update(&mut tx, &script).await?;
        record(&mut tx, actor, "script.changed", &script, json!({"file": file.is_some()})).await?;
        tx.commit().await?;
        self.detailed(script).await
    }

    /// Judges a file that comes with settings; without one, the present file must fit them.
    pub(crate) async fn judged_file(
        &self,
        file: Option<Received>,
        settings: &Settings,
    ) -> Result<Option<Arc<Received>>> {
        let Some(file) = file.map(Arc::new) else { return Ok(None) };
        self.judge(Arc::clone(&file), settings.language()).await?.good()?;
        Ok(Some(file))
    }

    /// Puts new settings and a new file into a locked script.
    pub(crate) async fn apply(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        script: &mut Script,
        settings: Settings,
        file: Option<&Received>,
    ) -> Result<()> {
        settings.may_follow(&script.settings, script.status)?;
        if file.is_none() && settings.language() != script.settings.language() {
            return Err(Error::validation("language", "Another language takes another project file."));
        }
        free(tx, &script.workspace, settings.name(), Some(&script.id)).await?;
        script.settings = settings;
        if let Some(file) = file {
            holds(tx, &script.workspace, Some(&script.id), &file.project).await?;
            script.project = file.project.clone();
            if actor.origin.dry_run.is_none() {
                self.keep(file).await?;
            }
        }
        script.updated_by = principal_of(actor);
        script.updated_at = self.0.store.now();
        Ok(())
    }

    pub(crate) async fn found(&self, workspace: &WorkspaceId, id: &ScriptId) -> Result<Script> {
        let store = &self.0.store;
        scripts::find(store, &mut store.reader(), workspace, id).await?.ok_or_else(not_found)
    }

    pub(crate) async fn detailed(&self, script: Script) -> Result<Detailed> {
        let store = &self.0.store;
        let db = &mut store.reader();
        let latest = match &script.deployed {
            Some(id) => deployments::find(store, db, id).await?,
            None => deployments::newest(store, db, &script.id).await?,
        };
        Ok(Detailed { script, latest })
    }

    /// A script of the workspace.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn script(&self, actor: &Actor, id: &ScriptId) -> Result<Detailed> {
        let workspace = require(&self.0.store, actor, Permission::ReadScripts, object(id)).await?;
        let script = self.found(workspace, id).await?;
        self.detailed(script).await
    }

    /// One page of the workspace's scripts, by name.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn scripts(
        &self,
        actor: &Actor,
        text: Option<&str>,
        status: Option<Status>,
        page: PageRequest,
    ) -> Result<Page<Listed>> {
        let workspace = require(&self.0.store, actor, Permission::ReadScripts, None).await?;
        let text = search(text)?;
        let (found, total) =
            scripts::page(&mut self.0.store.reader(), workspace, text.as_deref(), status, page).await?;
        Ok(Page::new(found, page, total))
    }

    /// Removes a script that is not in service, with its keys, versions, runs, logs and files. It cannot be brought back.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` while it is in service.
    pub(crate) async fn delete(&self, actor: &Actor, id: &ScriptId) -> Result<()> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::DeleteScripts, object(id)).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let script = scripts::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        if script.deployed.is_some() {
            return Err(Error::conflict("A script that is deployed cannot be deleted. Undeploy it first."));
        }
        scripts::delete(&mut tx, id).await?;
        record(&mut tx, actor, "script.deleted", &script, json!({})).await?;
        let (scripts, gone) = (self.clone(), id.clone());
        tx.afterwards(async move {
            scripts.0.wake.notify_one();
            if let Ok(place) = scripts.0.places.workspace(&gone) {
                remove(&place).await;
            }
        });
        tx.commit().await?;
        Ok(())
    }

    /// The uploaded file of a script, as it came: its place and its name.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn export(&self, actor: &Actor, id: &ScriptId) -> Result<(std::path::PathBuf, Script)> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageScripts, object(id)).await?;
        let script = self.found(workspace, id).await?;
        let place = self.0.places.project(&script.project.sha256)?;
        if !place.is_file() {
            return Err(Error::conflict("The project's file is not on this server."));
        }
        let mut tx = store.begin(&actor.origin).await?;
        record(&mut tx, actor, "script.exported", &script, json!({})).await?;
        tx.commit().await?;
        Ok((place, script))
    }
}
