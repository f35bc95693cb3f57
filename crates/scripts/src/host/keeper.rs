//! The server's part: deployments that are due, sets that should be here, numbers that are kept.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use gatehouse_types::{Error, Result, ScriptDeploymentId, ScriptId};
use tokio::task::JoinSet;

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
        let mut work = Work::default();
        let (mut write, mut meter) = (tokio::time::interval(WRITE), tokio::time::interval(METER));
        let mut scale = tokio::time::interval(Duration::from_millis(scaling::PERIOD_MILLIS));
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = self.scripts.0.wake.notified() => self.look(&mut work).await,
                _ = look.tick() => self.look(&mut work).await,
                Some(_) = work.deploying.join_next() => self.look(&mut work).await,
                Some(done) = work.brought.join_next() => {
                    if let Ok(id) = done {
                        work.bringing.remove(&id);
                    }
                }
                _ = write.tick() => self.write().await,
                _ = scale.tick() => self.scripts.0.fleet.all().iter().for_each(|set| set.scale()),
                _ = meter.tick() => self.meter().await,
            }
        }
        self.stop(work).await;
    }

    async fn stop(&self, mut work: Work) {
        work.deploying.abort_all();
        work.brought.abort_all();
        let sets = self.scripts.0.fleet.all();
        let closing: JoinSet<()> = sets.iter().map(|set| Arc::clone(set).close()).collect();
        if tokio::time::timeout(STOP_GRACE, closing.join_all()).await.is_err() {
            tracing::warn!("calls of scripts that did not end in time were cut off");
        }
        for set in &sets {
            Arc::clone(set).abort().await;
        }
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
            Ok(false) => stop(set).await,
            Err(e) => {
                tracing::error!(error = %e, deployment = %d.id, "the end of a deployment could not be kept");
                stop(set).await;
            }
        }
        scripts.0.wake.notify_one();
    }

    /// Brings up what should be in service here and is not, and stops what should not.
    async fn reconcile(&self, work: &mut Work) -> Result<()> {
        let scripts = &self.scripts;
        let wanted = scripts::in_service(&scripts.0.store).await?;
        let ids: HashMap<&ScriptId, &ScriptDeploymentId> = wanted.iter().map(|(_, id, d)| (id, d)).collect();
        for set in scripts.0.fleet.all() {
            if !ids.contains_key(set.script())
                && let Some(set) = scripts.0.fleet.take(set.script())
            {
                tokio::spawn(self.clone().retire(set));
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

    async fn retire(self, set: Arc<Set>) {
        Arc::clone(&set).close().await;
        if let Err(e) = self.scripts.charge(&set).await {
            tracing::error!(error = %e, "the use of a script could not be kept");
        }
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
            Ok(set) => scripts.serve(set).await,
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
            if let Err(e) = self.scripts.charge(&set).await {
                tracing::error!(error = %e, "the use of a script could not be kept");
            }
        }
    }
}

async fn stop(set: Option<Arc<Set>>) {
    if let Some(set) = set {
        set.abort().await;
    }
}

impl Scripts {
    /// Puts a set into service here; the one before it ends its calls and stops.
    pub(super) async fn serve(&self, set: Arc<Set>) {
        tokio::spawn(Arc::clone(&set).keep());
        if let Some(before) = self.0.fleet.put(set) {
            let scripts = self.clone();
            tokio::spawn(async move {
                Arc::clone(&before).close().await;
                if let Err(e) = scripts.charge(&before).await {
                    tracing::error!(error = %e, "the use of a script could not be kept");
                }
            });
        }
    }

    /// Adds the time of a set's replicas to what its workspace used.
    pub(super) async fn charge(&self, set: &Set) -> Result<()> {
        let millis = set.meter();
        if millis == 0 {
            return Ok(());
        }
        let used = usage::Used { script: set.script().clone(), profile: set.profile(), millis };
        let mut tx = self.0.store.begin_always().await?;
        usage::add(&mut tx, &set.workspace, &used).await?;
        tx.commit().await.map_err(Error::from)
    }
}
