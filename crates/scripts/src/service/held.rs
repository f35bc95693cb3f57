//! Projects that were judged and are held until somebody decides about them: what the wizard of the console carries.

use gatehouse_identity::require;
use gatehouse_types::{Actor, Error, Permission, Result, ScriptId};

use super::projects::{Judged, Received};
use super::{not_found, object};
use crate::Scripts;
use crate::model::{Action, Language, names};
use crate::service::definitions::Detailed;
use crate::store::scripts::{self, Project};

impl Scripts {
    /// Judges a project and holds its file, if there is nothing to say about it. Nobody needs it yet: it goes with the
    /// sweep unless a script comes of it.
    ///
    /// # Errors
    /// `Authorization` without the right; when the disk fails.
    pub(crate) async fn hold(
        &self,
        actor: &Actor,
        file: Received,
        language: Language,
    ) -> Result<(Project, Judged)> {
        require(&self.0.store, actor, Permission::EditScripts, None).await?;
        let file = std::sync::Arc::new(file);
        let judged = self.judge(std::sync::Arc::clone(&file), language).await?;
        if judged.is_clean() {
            self.keep(&file).await?;
        }
        Ok((file.project.clone(), judged))
    }

    /// A project that is held, as if it came in now.
    ///
    /// # Errors
    /// `Validation` when it is gone.
    pub(crate) fn held(&self, project: Project) -> Result<Received> {
        let place = self.0.places.project(&project.sha256)?;
        match place.is_file() {
            true => Ok(Received::held(place, project)),
            false => Err(Error::validation(
                "file",
                "The project file was held for some hours only. Choose it again.",
            )),
        }
    }

    /// Whether a name can be a script's; `but`: the script that has it already.
    ///
    /// # Errors
    /// `Validation` for what is no name; `Conflict` for one that is taken.
    pub(crate) async fn may_be_named(&self, actor: &Actor, name: &str, but: Option<&ScriptId>) -> Result<()> {
        let workspace = require(&self.0.store, actor, Permission::EditScripts, None).await?;
        let name = names::checked_name("name", name)?;
        match scripts::is_taken(&mut self.0.store.reader(), workspace, &name, but).await? {
            true => {
                Err(Error::conflict("There is a script with this name. Choose another one.").on_field("name"))
            }
            false => Ok(()),
        }
    }

    /// A script that can be configured now: nothing of it is on its way.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right; `Conflict` while it is being deployed.
    pub(crate) async fn configurable(&self, actor: &Actor, id: &ScriptId) -> Result<Detailed> {
        let workspace = require(&self.0.store, actor, Permission::EditScripts, object(id)).await?;
        let store = &self.0.store;
        let found = scripts::find(store, &mut store.reader(), workspace, id).await?.ok_or_else(not_found)?;
        if !found.status.allows(Action::Deploy) && !found.status.allows(Action::Redeploy) {
            return Err(Error::conflict(
                "The script is being deployed. Wait until that is done, or cancel it.",
            ));
        }
        self.detailed(found).await
    }
}
