//! From an uploaded file to replicas that answer: each step with a reason that its owner understands.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gatehouse_sandbox::{Egress, Interpreter, Limits, Spec};
use gatehouse_types::Id;
use zeroize::Zeroizing;

use super::masks::Masks;
use super::record::level;
use super::runtimes::sandboxed;
use super::set::{CONCURRENCY, LogSink, Set};
use crate::Scripts;
use crate::model::{Egress as Chosen, Exposed, Language, Profile, Settings};
use crate::store::deployments::Deployment;
use crate::store::logs::Line;
use crate::store::scripts;

/// How long the fewest replicas have to get ready.
const READY: Duration = Duration::from_secs(120);
/// The first of the operating system's users that scripts run as; each script has one of its own.
const FIRST_USER: i64 = 700_000;
/// How many of them there are before they begin anew.
const USERS: i64 = 100_000;
/// Memory that is left to the machine, in bytes.
const SPARED: u64 = 1 << 30;
/// Files of a replica in /tmp, in bytes.
const TMP: u64 = 512 * 1024 * 1024;
/// Files of a script in its working directory, in bytes.
const WORKSPACE: u64 = 5 * 1024 * 1024 * 1024;
/// Open files of one process.
const OPEN_FILES: u32 = 1024;
/// Processes and threads of a replica: this, and more for each processor.
const PIDS: (u32, u32) = (64, 16);

/// What a replica of a profile may use up.
pub(crate) fn limits(profile: Profile) -> Limits {
    let cpu_millis = profile.cpu_millis();
    Limits {
        cpu_millis,
        memory_bytes: profile.memory_bytes(),
        pids: PIDS.0 + PIDS.1 * cpu_millis.div_ceil(1000),
        tmp_bytes: TMP.min(profile.memory_bytes() / 2),
        open_files: OPEN_FILES,
        workspace_bytes: Some(WORKSPACE),
    }
}

/// The machine's memory, in bytes; `None` when it does not say.
fn machine_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The memory that scripts may use together on this machine, in bytes.
pub(super) fn room() -> u64 {
    machine_memory().map_or(u64::MAX, |all| all.saturating_sub(SPARED))
}

/// A set on its way up. Whoever gives it up, on failure or because it was called off, stops what it has launched, and charges
/// for it.
struct Starting {
    scripts: Scripts,
    set: Arc<Set>,
    is_ready: bool,
}

impl Starting {
    async fn ready(mut self) -> Result<Arc<Set>, String> {
        match tokio::time::timeout(READY, self.set.start()).await {
            Ok(Ok(())) => self.is_ready = true,
            Ok(Err(why)) => return Err(why),
            Err(_) => {
                return Err(format!("The replicas were not ready within {} seconds.", READY.as_secs()));
            }
        }
        Ok(Arc::clone(&self.set))
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if !self.is_ready
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (scripts, set) = (self.scripts.clone(), Arc::clone(&self.set));
            runtime.spawn(async move { scripts.end(set, Duration::ZERO).await });
        }
    }
}

impl Scripts {
    /// Brings a deployment up on this server, and notes what it found on the way.
    ///
    /// # Errors
    /// Why not, for the owner of the script.
    pub(super) async fn bring_up(&self, d: &mut Deployment) -> Result<Arc<Set>, String> {
        let interpreter = self.interpreter(d).await?;
        let project = self.unpacked(&d.project.sha256).await.map_err(|e| e.message().to_owned())?;
        d.functions = self.functions_of(&interpreter, &project).await?;
        if d.functions.is_empty() {
            return Err(format!(
                "{} defines no function that can be called.",
                d.settings.language().main_file()
            ));
        }
        let packages = self.packages(d, &interpreter, &project).await?;
        let mut spec = self.spec(d, interpreter, project).await.map_err(|e| e.message().to_owned())?;
        spec.dependencies = packages;
        let log = self.log_of(d, &spec);
        let set = Arc::new(Set::new(d, self.0.sandbox.clone(), spec, log));
        self.admit(&set)?;
        Starting { scripts: self.clone(), set, is_ready: false }.ready().await
    }

    async fn interpreter(&self, d: &mut Deployment) -> Result<Interpreter, String> {
        let probe = self.0.runtimes.probe().await;
        if !probe.is_usable() {
            let missing: Vec<_> = probe.missing.iter().map(|m| format!("{}: {}", m.what, m.remedy)).collect();
            return Err(format!(
                "Scripts cannot be isolated on this machine, so none is run. {}",
                missing.join(" ")
            ));
        }
        let runtime = self.0.runtimes.of(d.settings.language()).await;
        d.interpreter = Some(runtime.label());
        runtime.found.clone()
    }

    /// Refuses what the machine's memory does not hold.
    fn admit(&self, set: &Arc<Set>) -> Result<(), String> {
        const GIB: f64 = (1u64 << 30) as f64;
        let room = room();
        self.0.fleet.admit(set, room).map_err(|full| {
            format!(
                "Scripts may use {:.1} GB of this machine's memory; those in service or on their way have {:.1} GB of it, and \
                 this one asks for {:.1} GB. Choose a smaller hardware profile or fewer replicas, or undeploy another script.",
                room as f64 / GIB,
                full.used as f64 / GIB,
                full.wanted as f64 / GIB,
            )
        })
    }

    /// The functions that a project offers, read without running it.
    pub(crate) async fn functions_of(
        &self,
        interpreter: &Interpreter,
        project: &Path,
    ) -> Result<Vec<Exposed>, String> {
        let found = self.0.sandbox.functions(interpreter, project).await.map_err(|e| e.to_string())?;
        Ok(found.into_iter().map(|f| Exposed { name: f.name, parameters: f.parameters }).collect())
    }

    async fn spec(
        &self,
        d: &Deployment,
        interpreter: Interpreter,
        project: PathBuf,
    ) -> gatehouse_types::Result<Spec> {
        let store = &self.0.store;
        let script = scripts::find(store, &mut store.reader(), &d.workspace, &d.script).await?;
        let number = script.ok_or_else(crate::service::not_found)?.number;
        let variables = d.settings.environment().iter();
        Ok(Spec {
            name: d.id.as_str().to_lowercase(),
            uid: u32::try_from(FIRST_USER + number % USERS).unwrap_or(u32::MAX),
            interpreter,
            project,
            dependencies: None,
            workspace: self.0.places.workspace(&d.script)?,
            uploads: self.0.places.uploads(&d.workspace)?,
            environment: variables
                .map(|(k, v)| (k.to_owned(), Zeroizing::new(v.expose().to_owned())))
                .collect(),
            functions: d.functions.iter().map(|f| f.name.clone()).collect(),
            limits: limits(d.settings.hardware_profile()),
            egress: self.egress(&d.settings),
            concurrency: CONCURRENCY,
        })
    }

    /// What of the network a script reaches; nothing where there is no way out.
    fn egress(&self, settings: &Settings) -> Egress {
        match settings.egress() {
            _ if !self.0.sandbox.has_dial() => Egress::None,
            Chosen::None => Egress::None,
            Chosen::AllowList(hosts) => Egress::AllowList(hosts.clone()),
            Chosen::Public => Egress::Public,
        }
    }

    /// Keeps what replicas write outside of calls, without the values of secret variables.
    fn log_of(&self, d: &Deployment, spec: &Spec) -> LogSink {
        let (workspace, script, masks) = (d.workspace.clone(), d.script.clone(), Masks::of(spec));
        // a set must not keep the service that keeps it
        let inner = Arc::downgrade(&self.0);
        LogSink(Arc::new(move |lines| {
            let Some(inner) = inner.upgrade() else { return };
            let at = inner.store.now();
            let kept = lines.iter().map(|line| Line {
                id: inner.store.ids().make(),
                workspace: workspace.clone(),
                script: script.clone(),
                run: None,
                level: level(line.level).to_owned(),
                message: masks.hide(&line.text),
                at,
            });
            inner.recorder.lines(kept.collect());
        }))
    }

    /// What runs a language here, for reading a project.
    pub(crate) async fn reader_of(&self, language: Language) -> Option<Interpreter> {
        debug_assert_eq!(sandboxed(language).name(), language.label());
        if !self.0.runtimes.probe().await.is_usable() {
            return None;
        }
        self.0.runtimes.of(language).await.found.clone().ok()
    }
}
