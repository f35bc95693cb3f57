//! Packages of projects: installed in a sandbox of their own that reaches the indexes and nothing else, kept under the
//! digest of all that makes a difference to them, and shown to replicas read-only.
//!
//! What is found and in which order stands in `dependencies`; here it is carried out. The same packages are installed once;
//! what was installed once needs no network any more.

mod run;
mod tools;
mod work;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use gatehouse_sandbox::{Interpreter, Sandbox};
use gatehouse_types::Ids;
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};
use tokio::sync::Semaphore;

use crate::Scripts;
use crate::archive::Manifests;
use crate::dependencies::{self, Indexes, Lock, Places as Seen, Wanted};
use crate::model::Language;
use crate::places::Places;
use crate::store::deployments::Deployment;
use crate::store::packages::{self as kept, Packages as Kept};
use run::Budget;
use tools::{Tool, Tools};
use work::Work;

pub use tools::Programs;

/// Installations that one server carries out at once; each may use a gigabyte of memory.
const AT_ONCE: usize = 2;
/// The file beside `package.json` that a project may bring along.
const NPM_LOCK: &str = "package-lock.json";
/// Where a sandbox sees the folder of an installation; no machine has its programs there.
const SEEN: &str = "/installation";

/// Where packages come from, and what installs them: what the operator decides.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The indexes.
    pub indexes: Indexes,
    /// The installers.
    pub programs: Programs,
    /// Certificates (PEM) of authorities that installers trust besides the system's.
    pub authorities: Option<String>,
}

/// What installs packages on this server.
#[derive(Debug)]
pub(crate) struct Packages {
    ids: Ids,
    sandbox: Sandbox,
    places: Places,
    indexes: Indexes,
    /// Certificates (PEM) of all authorities that the installers trust; `None`: those that they bring along.
    authorities: Option<String>,
    tools: Tools,
    at_once: Semaphore,
    /// Who installs the packages of a key, or waits for that.
    busy: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

impl Packages {
    pub(crate) fn new(ids: Ids, sandbox: Sandbox, places: Places, source: Source) -> Self {
        Self {
            ids,
            tools: Tools::new(sandbox.clone(), source.programs),
            sandbox,
            places,
            indexes: source.indexes,
            authorities: run::authorities(source.authorities.as_deref()),
            at_once: Semaphore::new(AT_ONCE),
            busy: Mutex::default(),
        }
    }

    /// Where packages come from.
    pub(crate) const fn indexes(&self) -> &Indexes {
        &self.indexes
    }

    /// One at a time for each key.
    fn turn(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.retain(|_, one| one.strong_count() > 0);
        if let Some(one) = busy.get(key).and_then(Weak::upgrade) {
            return one;
        }
        let one = Arc::new(tokio::sync::Mutex::new(()));
        busy.insert(key.to_owned(), Arc::downgrade(&one));
        one
    }

    /// The folder of what a project asks for, and what it was resolved to; installed now if it is not there.
    async fn install(
        &self,
        wanted: &Wanted,
        tool: &Tool,
        known: Option<Lock>,
    ) -> Result<(PathBuf, String, Lock), String> {
        // kept in one folder, so that what was fetched to find versions is not fetched again
        let (mut work, mut budget) = (None, Budget::default());
        let lock = match wanted.lock().cloned().or(known) {
            Some(lock) => lock,
            None => {
                let work = work.insert(self.begin()?);
                self.resolve(wanted, tool, work, &mut budget).await?
            }
        };
        let key = lock.key(&tool.installer, &self.indexes);
        let turn = self.turn(&key);
        let _turn = turn.lock().await;
        let place = self.places.packages(&key).map_err(|e| work::disk(&e))?;
        if is_there(&place) {
            return Ok((place, key, lock));
        }
        let work = match work {
            Some(work) => work,
            None => self.begin()?,
        };
        let seen =
            Seen { target: format!("{SEEN}/{}", work::TARGET), cache: format!("{SEEN}/{}", work::CACHE) };
        let step = wanted.install(&lock, &tool.installer, &self.indexes, &seen);
        let hosts = wanted.plan(&tool.installer, &self.indexes, &seen).hosts;
        self.carry_out(&step, hosts, tool, &work, &mut budget).await?;
        work.publish(&step, place.clone()).await?;
        Ok((place, key, lock))
    }

    /// A name that nobody has.
    fn name(&self) -> String {
        self.ids.uuid().simple().to_string()
    }

    fn begin(&self) -> Result<Work, String> {
        Work::begin(&self.places, self.sandbox.mode(), &self.name()).map_err(|e| work::disk(&e))
    }

    /// Finds versions, and writes them down.
    async fn resolve(
        &self,
        wanted: &Wanted,
        tool: &Tool,
        work: &Work,
        budget: &mut Budget,
    ) -> Result<Lock, String> {
        let seen =
            Seen { target: format!("{SEEN}/{}", work::RESOLVE), cache: format!("{SEEN}/{}", work::CACHE) };
        let plan = wanted.plan(&tool.installer, &self.indexes, &seen);
        let Some((step, file)) = plan.resolve.and_then(|step| step.writes.map(|file| (step, file))) else {
            return Err("The versions of the packages are not known.".to_owned());
        };
        self.carry_out(&step, plan.hosts, tool, work, budget).await?;
        let written =
            work.read(work::RESOLVE, file).map_err(|e| format!("The installer wrote no {file}: {e}"))?;
        Lock::read(wanted.language(), &written, &self.indexes).map_err(|findings| told(&findings))
    }

    /// Removes what was installed under a key, if it was not used of late.
    pub(crate) async fn remove(&self, key: &str, is_old: impl Fn(&Path) -> bool + Send) {
        let turn = self.turn(key);
        let _turn = turn.lock().await;
        let Ok(place) = self.places.packages(key) else { return };
        if is_old(&place) {
            work::remove(&self.places, &place, &self.name()).await;
        }
    }

    /// Removes what servers left behind that were killed while they installed.
    pub(crate) async fn sweep(&self) {
        let places = self.places.clone();
        if let Err(e) = tokio::task::spawn_blocking(move || work::sweep(&places)).await {
            tracing::warn!(error = %e, "what was left of installations could not be removed");
        }
    }
}

/// What installs packages for an interpreter, for whoever looks at this machine: name and version.
///
/// # Errors
/// What is missing, and what to do.
pub(crate) async fn installer(
    sandbox: &Sandbox,
    programs: &Programs,
    interpreter: &Interpreter,
) -> Result<String, String> {
    Tools::new(sandbox.clone(), programs.clone()).of(interpreter).await.map(|tool| tool.label())
}

/// Whether packages are installed; that they are used now is noted on the folder itself.
fn is_there(place: &Path) -> bool {
    match std::fs::File::open(place) {
        Ok(folder) => {
            // by the disk's clock, by which its age is told
            let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
            if let Err(e) = futimens(&folder, &Timestamps { last_access: now, last_modification: now }) {
                tracing::warn!(error = %e, "the use of installed packages could not be noted");
            }
            true
        }
        Err(_) => false,
    }
}

/// The files of a project that say what it asks for.
fn manifests(language: Language, project: &Path) -> Manifests {
    let names: &[&'static str] = match language {
        Language::Python => &["requirements.txt"],
        Language::JavaScript => &["package.json", NPM_LOCK],
    };
    names.iter().filter_map(|name| Some((*name, std::fs::read(project.join(name)).ok()?))).collect()
}

fn told(findings: &[crate::archive::Finding]) -> String {
    let refusal = dependencies::refusal(findings);
    refusal.map_or_else(String::new, |e| {
        e.fields().map(|(_, message)| message.to_owned()).collect::<Vec<_>>().join(" ")
    })
}

impl Scripts {
    /// The folder of the packages that a deployment asks for; `None`: nothing, or it brings them along.
    ///
    /// # Errors
    /// Why they are not there, for the owner of the script.
    pub(super) async fn packages(
        &self,
        d: &Deployment,
        interpreter: &Interpreter,
        project: &Path,
    ) -> Result<Option<PathBuf>, String> {
        let language = d.settings.language();
        let (packages, store) = (&self.0.packages, &self.0.store);
        let wanted = dependencies::read(language, &manifests(language, project), packages.indexes());
        let Some(wanted) = wanted.map_err(|findings| told(&findings))? else { return Ok(None) };
        if language == Language::JavaScript && project.join("node_modules").is_dir() {
            return Ok(None);
        }
        let tool = packages.tools.of(interpreter).await?;
        let environment = tool.environment(interpreter);
        let earlier = kept::lock_of(store, &d.script, &d.project.sha256, &environment).await;
        let earlier = earlier.map_err(|e| gatehouse_types::Error::from(e).message().to_owned())?;
        // one that does not fit the indexes any more is found anew
        let known = earlier.and_then(|text| Lock::read(language, text.as_bytes(), packages.indexes()).ok());
        let (folder, key, lock) = packages.install(&wanted, &tool, known).await?;
        let noted = Kept { key, environment, lock: String::from_utf8_lossy(lock.bytes()).into_owned() };
        kept::add(store, d, &noted)
            .await
            .map_err(|e| gatehouse_types::Error::from(e).message().to_owned())?;
        Ok(Some(folder))
    }
}
