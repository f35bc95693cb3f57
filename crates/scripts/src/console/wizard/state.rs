//! What the wizard carries from step to step: sealed, for one person in one workspace. So nobody skips a step by writing
//! a form, values of variables stay ours, and nothing is kept of a wizard that somebody leaves.

use gatehouse_store::{Binding, Sealed};
use gatehouse_types::{Actor, Error, Id, Result, ScriptId, Secret, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::Step;
use crate::Scripts;
use crate::api::scripts::SettingsIn;
use crate::model::{Given, Settings, Status, stored};
use crate::service::definitions::Detailed;
use crate::store::scripts::Project;

/// How long a wizard goes on, in seconds: not longer than a file is held that belongs to nothing.
const MAX_AGE_SECONDS: i64 = 4 * 3_600;

/// How far a wizard is, and what it was told.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Always settings that hold: what was not asked yet has its default.
    pub(super) settings: Settings,
    pub(super) project: Project,
    /// The last step that is done.
    pub(super) done: Step,
    /// The script that is configured; `None`: a new one.
    pub(super) script: Option<ScriptId>,
    pub(super) name_locked: bool,
    pub(super) language_locked: bool,
    /// Whether the script is in service: then there is nothing to save without deploying.
    pub(super) in_service: bool,
    pub(super) since: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    settings: String,
    project: (String, String, i64),
    done: u8,
    script: Option<ScriptId>,
    locked: (bool, bool),
    in_service: bool,
    since: i64,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.settings.zeroize();
    }
}

fn binding(row: &str) -> Binding<'_> {
    Binding { table: "console", column: "script wizard", row }
}

fn person(actor: &Actor) -> Result<String> {
    Ok(format!("{} {}", actor.workspace()?.as_str(), actor.user()?.as_str()))
}

fn stale() -> Error {
    Error::validation("", "The wizard was open for too long, or is not yours. Begin anew.")
}

impl State {
    /// Of a new script, after the first step.
    pub(super) fn new(scripts: &Scripts, settings: Settings, project: Project) -> Self {
        Self {
            settings,
            project,
            done: Step::General,
            script: None,
            name_locked: false,
            language_locked: false,
            in_service: false,
            since: scripts.0.store.now(),
        }
    }

    /// Of a script that is there: everything was asked once.
    pub(super) fn of(scripts: &Scripts, found: &Detailed) -> Self {
        let s = &found.script;
        Self {
            settings: s.settings.clone(),
            project: s.project.clone(),
            done: Step::Resources,
            script: Some(s.id.clone()),
            name_locked: s.status == Status::Deployed,
            language_locked: s.status != Status::Draft,
            in_service: s.status == Status::Deployed,
            since: scripts.0.store.now(),
        }
    }

    /// The settings as they were given, to be changed.
    pub(super) fn given(&self) -> Given {
        SettingsIn::default().over(&self.settings)
    }

    /// The step that comes next, or `step` when everything before it is done.
    pub(super) fn reachable(&self, step: Step) -> Step {
        step.min(self.done.next())
    }

    /// Notes that a step is done.
    pub(super) fn finish(&mut self, step: Step) {
        self.done = self.done.max(step);
    }

    /// As the forms carry it.
    pub(super) fn seal(&self, scripts: &Scripts, actor: &Actor) -> Result<String> {
        let kept = Kept {
            settings: stored::write(&self.settings).to_string(),
            project: (self.project.sha256.clone(), self.project.name.clone(), self.project.bytes),
            done: self.done as u8,
            script: self.script.clone(),
            locked: (self.name_locked, self.language_locked),
            in_service: self.in_service,
            since: self.since.micros(),
        };
        let text = Secret::new(serde_json::to_string(&kept).map_err(Error::internal)?);
        let sealed = scripts.0.store.keyring().seal(binding(&person(actor)?), &text);
        Ok(sealed.as_str().to_owned())
    }

    /// What a form carried.
    ///
    /// # Errors
    /// `Validation` for what is not this person's, or too old.
    pub(super) fn open(scripts: &Scripts, actor: &Actor, text: &str) -> Result<Self> {
        let person = person(actor)?;
        let sealed = Sealed::from_stored(text.to_owned());
        let text = scripts.0.store.keyring().open_secret(binding(&person), &sealed).map_err(|_| stale())?;
        let kept: Kept = serde_json::from_str(text.expose()).map_err(|_| stale())?;
        let since = Timestamp::from_micros(kept.since);
        if since.plus_seconds(MAX_AGE_SECONDS) < scripts.0.store.now() {
            return Err(stale());
        }
        let (sha256, name, bytes) = kept.project.clone();
        Ok(Self {
            settings: stored::read(&kept.settings).ok_or_else(stale)?,
            project: Project { sha256, name, bytes },
            done: Step::of(kept.done).ok_or_else(stale)?,
            script: kept.script.clone(),
            name_locked: kept.locked.0,
            language_locked: kept.locked.1,
            in_service: kept.in_service,
            since,
        })
    }
}
