use std::path::PathBuf;
use std::sync::Arc;

use gatehouse_identity::Identity;
use gatehouse_sandbox::{CgroupVersion, Dial, Mode, Probe, Sandbox};
use gatehouse_store::Store;
use gatehouse_web::{Limiter, PublicUrl};
use tokio::sync::Notify;

use crate::host::fleet::Fleet;
use crate::host::packages::{self, Packages, Source};
use crate::host::record::Recorder;
use crate::host::runtimes::Runtimes;
use crate::model::{Credits, Language};
use crate::places::Places;
use crate::service::projects::Uploads;

/// Tries of one key at other scripts that are told why they are refused: so many at once, then one in so many seconds.
const REFUSALS: (u32, u32) = (20, 3);

/// What the operator decides.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of our files.
    pub data_dir: PathBuf,
    /// The program with the subcommand that becomes a sandbox: our own.
    pub program: PathBuf,
    /// The Python interpreter; `None`: the first one that is found.
    pub python: Option<PathBuf>,
    /// The Node.js interpreter; `None`: the first one that is found.
    pub node: Option<PathBuf>,
    /// Where packages of projects come from, and what installs them.
    pub packages: Source,
    /// Credits that each workspace has altogether.
    pub allocation: Credits,
    /// The way out of the sandbox; `None`: scripts reach nothing outside.
    pub dial: Option<Dialer>,
}

/// How scripts reach the outside: resolved, judged and connected by whoever owns the one way out.
#[derive(Clone)]
pub struct Dialer(pub Arc<dyn Dial>);

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dialer")
    }
}

/// The sandbox of an installation.
fn sandbox(program: PathBuf, places: &Places, dial: Option<Dialer>) -> Sandbox {
    let settings = gatehouse_sandbox::Settings { program, scratch: places.scratch() };
    match dial {
        Some(Dialer(dial)) => Sandbox::with_dial(settings, dial),
        None => Sandbox::new(settings),
    }
}

/// Custom scripts: what they are, and how they run.
#[derive(Clone, Debug)]
pub struct Scripts(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) identity: Identity,
    pub(crate) public_url: PublicUrl,
    pub(crate) places: Places,
    pub(crate) sandbox: Sandbox,
    pub(crate) runtimes: Runtimes,
    pub(crate) packages: Packages,
    pub(crate) allocation: Credits,
    /// What is in service on this server.
    pub(crate) fleet: Fleet,
    /// Runs and logs on their way into the database.
    pub(crate) recorder: Recorder,
    /// Uploads under way, by workspace.
    pub(crate) uploads: Uploads,
    /// Whoever changes what scripts may read: one at a time, so that names and files stay together.
    pub(crate) filing: tokio::sync::Mutex<()>,
    /// Something is to be done by the host.
    pub(crate) wake: Notify,
    /// Keys that are tried at scripts of others: each such try leaves a decision.
    pub(crate) refusals: Limiter,
}

/// What scripts find on this machine: how they are isolated and what runs them.
#[derive(Clone, Debug)]
pub struct OnThisMachine {
    /// In words.
    pub found: Vec<String>,
    /// What is missing, and what to do.
    pub missing: Vec<String>,
}

/// Looks without a database, for `gatehouse doctor`.
pub async fn on_this_machine(options: Options) -> OnThisMachine {
    let places = Places::below(&options.data_dir);
    let sandbox = sandbox(options.program, &places, options.dial);
    let runtimes = Runtimes::new(sandbox.clone(), options.python, options.node);
    let probe = runtimes.probe().await;
    let mut seen = OnThisMachine { found: vec![isolation(probe)], missing: Vec::new() };
    seen.missing.extend(probe.missing.iter().map(|m| format!("{}: {}", m.what, m.remedy)));
    if !probe.is_usable() {
        return seen;
    }
    for language in Language::ALL {
        let runtime = runtimes.of(language).await;
        match &runtime.found {
            Ok(interpreter) => {
                seen.found.push(runtime.label());
                match packages::installer(&sandbox, &options.packages.programs, interpreter).await {
                    Ok(installer) => seen.found.push(installer),
                    Err(why) => seen.missing.push(why),
                }
            }
            Err(why) => seen.missing.push(format!("{}: {why}", language.label())),
        }
    }
    seen
}

/// How scripts are isolated, in words.
fn isolation(probe: &Probe) -> String {
    let mode = match probe.mode {
        Mode::Privileged => "privileged mode",
        Mode::Rootless => "rootless mode",
    };
    let groups = match probe.cgroup {
        Some(CgroupVersion::V1) => "control groups v1",
        Some(CgroupVersion::V2) => "control groups v2",
        None => "no control groups",
    };
    let landlock = probe.landlock.map_or_else(|| "no Landlock".to_owned(), |abi| format!("Landlock {abi}"));
    format!("{mode}, {groups}, {landlock}")
}

impl Scripts {
    /// The service over identity's store.
    pub fn new(identity: Identity, public_url: PublicUrl, options: Options) -> Self {
        let places = Places::below(&options.data_dir);
        let sandbox = sandbox(options.program, &places, options.dial);
        let store = identity.store().clone();
        let refusals = Limiter::new(Arc::clone(store.clock()), REFUSALS.0, REFUSALS.1);
        Self(Arc::new(Inner {
            packages: Packages::new(store.ids().clone(), sandbox.clone(), places.clone(), options.packages),
            store,
            identity,
            public_url,
            places,
            runtimes: Runtimes::new(sandbox.clone(), options.python, options.node),
            sandbox,
            allocation: options.allocation,
            fleet: Fleet::default(),
            recorder: Recorder::default(),
            uploads: Uploads::default(),
            filing: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            refusals,
        }))
    }
}
