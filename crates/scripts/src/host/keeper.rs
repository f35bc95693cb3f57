//! The server's part: deployments that are due, sets that should be here, numbers that are kept.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use gatehouse_types::{Error, Result, ScriptDeploymentId, ScriptId};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::bring_up::room;
use super::set::Set;
use crate::Scripts;
use crate::scaling;
use crate::store::deployments::{self, Deployment, State};
use crate::store::{scripts, usage};

/// Deployments that one server carries out at once.
const AT_ONCE: usize = 4;
/// How often is looked for what is due, beside being woken.
const LOOK: Duration = Duration::from_secs(1);
/// How often a deployment's lease is renewed, and seen that it was called off.
const RENEW: Duration = Duration::from_secs(5);
/// How often runs and logs are written.
const WRITE: Duration = Duration::from_millis(200);
/// How often the time of replicas is metered.
const METER: Duration = Duration::from_secs(60);
/// How long calls that are under way may go on after the signal to stop.
const STOP_GRACE: Duration = Duration::from_secs(20);
/// How long a deployment that did not come up here is left alone before the next try.
const RETRY: Duration = Duration::from_secs(30);

/// Carries deployments out and keeps what is in service, until told to stop.
#[derive(Clone, Debug)]
pub struct Host {
    scripts: Scripts,
    /// This server, as leases name it.
    me: Arc<str>,
}

/// What is under way.
#[derive(Default)]
struct Work {
    deploying: JoinSet<()>,
    bringing: HashSet<ScriptDeploymentId>,
    brought: JoinSet<ScriptDeploymentId>,
    /// When a deployment that did not come up is tried again.
    later: HashMap<ScriptDeploymentId, tokio::time::Instant>,
}

impl Host {
    /// A host over the service.
    pub fn new(scripts: Scripts) -> Self {
        let me = scripts.0.store.ids().uuid().simple().to_string();
        Self { scripts, me: me.into() }
    }

    /// Works until `stop` is done; then calls that are under way may end, and all replicas stop.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        tokio::pin!(stop);
        self.scripts.0.sandbox.sweep().await;
        self.scripts.0.packages.sweep().await;
        let mut work = Work::default();
        let (stopped, stopping) = watch::channel(());
        // beside each other: a database that is slow to take logs holds nothing else up
        let beside = [
            tokio::spawn(self.clone().write_on(stopping.clone())),
            tokio::spawn(self.clone().meter_on(stopping)),
        ];
        let mut scale = tokio::time::interval(Duration::from_millis(scaling::PERIOD_MILLIS));
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // being woken comes last: calls wake, and may be many
            tokio::select! {
                biased;
                () = &mut stop => break,
                _ = scale.tick() => self.scripts.0.fleet.scale(room()),
                _ = look.tick() => self.look(&mut work).await,
                Some(_) = work.deploying.join_next() => self.look(&mut work).await,
                Some(done) = work.brought.join_next() => {
                    if let Ok(id) = done {
                        work.bringing.remove(&id);
                    }
                }
                () = self.scripts.0.wake.notified() => self.look(&mut work).await,
            }
        }
        drop(stopped);
        for done in beside {
            if let Err(e) = done.await {
                tracing::error!(error = %e, "a part of the host of scripts failed");
            }
        }
        self.stop(work).await;
    }

    /// Writes runs and logs until told to stop, and never stops in the middle.
    async fn write_on(self, mut stopping: watch::Receiver<()>) {
        while !over(&mut stopping, WRITE).await {
            self.write().await;
        }
    }

    async fn meter_on(self, mut stopping: watch::Receiver<()>) {
        while !over(&mut stopping, METER).await {
            self.meter().await;
        }
    }

    async fn stop(&self, mut work: Work) {
        work.deploying.abort_all();
        work.brought.abort_all();
        let sets = self.scripts.0.fleet.all();
        let closing: JoinSet<()> =
            sets.iter().map(|set| Arc::clone(set).stop(set.timeout.min(STOP_GRACE))).collect();
        closing.join_all().await;
        self.meter().await;
        for set in sets {
            self.scripts.0.fleet.take(set.script());
        }
        self.write().await;
        if let Err(e) = deployments::give_back(&self.scripts.0.store, &self.me).await {
            tracing::error!(error = %e, "deployments could not be given back; others take them later");
        }
        self.scripts.0.sandbox.sweep().await;
    }

    async fn look(&self, work: &mut Work) {
        while work.deploying.len() < AT_ONCE {
            match deployments::claim(&self.scripts.0.store, &self.me).await {
                Ok(Some(deployment)) => {
                    work.deploying.spawn(self.clone().carry_out(deployment));
                }
                Ok(None) => break,
                Err(e) => {
                    tracing::error!(error = %e, "deployments of scripts could not be claimed");
                    break;
                }
            }
        }
        if let Err(e) = self.reconcile(work).await {
            tracing::error!(error = %e, "what is in service could not be read");
        }
    }

    /// Carries a deployment out, and says how it ended.
    async fn carry_out(self, mut d: Deployment) {
        let scripts = &self.scripts;
        let id = d.id.clone();
        let brought = {
            let bringing = scripts.bring_up(&mut d);
            tokio::pin!(bringing);
            let mut renew = tokio::time::interval(RENEW);
            loop {
                tokio::select! {
                    brought = &mut bringing => break brought,
                    _ = renew.tick() => match deployments::renew(&scripts.0.store, &self.me, &id).await {
                        Ok(true) => {}
                        // it was called off, or is another server's now
                        Ok(false) => return,
                        Err(e) => tracing::error!(error = %e, "a deployment could not be renewed"),
                    },
                }
            }
        };
        let set = brought.as_ref().ok().cloned();
        d.state = if set.is_some() { State::Success } else { State::Failed };
        d.reason = brought.err();
        match scripts.ended(&d).await {
            Ok(true) => {
                if let Some(set) = set {
                    scripts.serve(set).await;
                }
            }
            // it was called off, or another server was quicker
            Ok(false) => self.give_up(set).await,
            Err(e) => {
                tracing::error!(error = %e, deployment = %d.id, "the end of a deployment could not be kept");
                self.give_up(set).await;
            }
        }
        scripts.0.wake.notify_one();
    }

    async fn give_up(&self, set: Option<Arc<Set>>) {
        if let Some(set) = set {
            self.scripts.end(set, Duration::ZERO).await;
        }
    }

    /// Brings up what should be in service here and is not, and stops what should not.
    async fn reconcile(&self, work: &mut Work) -> Result<()> {
        let scripts = &self.scripts;
        let wanted = scripts::in_service(&scripts.0.store).await?;
        let ids: HashMap<&ScriptId, &ScriptDeploymentId> = wanted.iter().map(|(_, id, d)| (id, d)).collect();
        for set in scripts.0.fleet.all() {
            let within = set.timeout;
            if !ids.contains_key(set.script())
                && let Some(set) = scripts.0.fleet.take(set.script())
            {
                let scripts = scripts.clone();
                tokio::spawn(async move { scripts.end(set, within).await });
            }
        }
        let now = tokio::time::Instant::now();
        for (_, script, id) in &wanted {
            let here = scripts.0.fleet.get(script).is_some_and(|set| set.id == *id);
            let is_later = work.later.get(id).is_some_and(|at| *at > now);
            if !here && !is_later && work.bringing.insert(id.clone()) {
                work.later.insert(id.clone(), now + RETRY);
                work.brought.spawn(self.clone().bring_back(id.clone()));
            }
        }
        work.later.retain(|_, at| *at > now);
        Ok(())
    }

    /// Brings up what is in service, after a start or because another server deployed it.
    async fn bring_back(self, id: ScriptDeploymentId) -> ScriptDeploymentId {
        let scripts = &self.scripts;
        let found = deployments::find(&scripts.0.store, &mut scripts.0.store.reader(), &id).await;
        let Ok(Some(mut deployment)) = found else { return id };
        if scripts.0.fleet.get(&deployment.script).is_some_and(|set| set.id == id) {
            return id;
        }
        match scripts.bring_up(&mut deployment).await {
            // another version may have come into service meanwhile
            Ok(set) if scripts.is_in_service(&deployment).await => scripts.serve(set).await,
            Ok(set) => scripts.end(set, Duration::ZERO).await,
            Err(why) => {
                tracing::error!(script = %deployment.script, version = deployment.number, why, "a script in service did not come up here");
            }
        }
        id
    }

    async fn write(&self) {
        if let Err(e) = self.scripts.0.recorder.write(&self.scripts.0.store).await {
            tracing::error!(error = %e, "runs and logs of scripts could not be written yet");
        }
    }

    async fn meter(&self) {
        for set in self.scripts.0.fleet.all() {
            self.scripts.charge(&set).await;
        }
    }
}

/// Waits; true when it is time to stop.
async fn over(stopping: &mut watch::Receiver<()>, pause: Duration) -> bool {
    tokio::time::timeout(pause, stopping.changed()).await.is_ok()
}

impl Scripts {
    /// Puts a set into service here; the one before it ends its calls and stops.
    pub(super) async fn serve(&self, set: Arc<Set>) {
        tokio::spawn(Arc::clone(&set).keep());
        if let Some(before) = self.0.fleet.put(set) {
            let (scripts, within) = (self.clone(), before.timeout);
            tokio::spawn(async move { scripts.end(before, within).await });
        }
    }

    /// Stops a set, once its calls have ended or the time is over, and charges for it.
    pub(super) async fn end(&self, set: Arc<Set>, within: Duration) {
        Arc::clone(&set).stop(within).await;
        self.charge(&set).await;
    }

    /// Whether a deployment is what is in service of its script.
    async fn is_in_service(&self, d: &Deployment) -> bool {
        let store = &self.0.store;
        let found = scripts::find(store, &mut store.reader(), &d.workspace, &d.script).await;
        found.is_ok_and(|script| script.is_some_and(|script| script.deployed.as_ref() == Some(&d.id)))
    }

    /// Adds the time of a set's replicas to what its workspace used. When the database fails, the set keeps it for later.
    pub(super) async fn charge(&self, set: &Set) {
        let millis = set.meter();
        if millis == 0 {
            return;
        }
        if let Err(e) = self.add(set, millis).await {
            set.unmetered(millis);
            tracing::error!(error = %e, "the use of a script could not be kept yet");
        }
    }

    async fn add(&self, set: &Set, millis: u64) -> Result<()> {
        let used = usage::Used { script: set.script().clone(), profile: set.profile(), millis };
        let mut tx = self.0.store.begin_always().await?;
        usage::add(&mut tx, &set.workspace, &used).await?;
        tx.commit().await.map_err(Error::from)
    }
}
