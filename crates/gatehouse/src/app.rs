use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::http::HeaderName;
use gatehouse_apikeys::{ApiKeys, HotGate, KeyBelongings, Programs};
use gatehouse_connect::{Connect, ConnectBelongings};
use gatehouse_events::{Events, EventsBelongings};
use gatehouse_flows::{Driver, FlowBelongings, FlowUses, Flows};
use gatehouse_identity::{Identity, MailContext, PeopleMail, PeopleSweep, SendMail};
use gatehouse_lab::Lab;
use gatehouse_outbound::{Dns, Http, HttpConfig, Mailer, SmtpConfig, egress};
use gatehouse_scim::{DirectoryRoles, Scim, ScimBelongings};
use gatehouse_scripts::{Host, Scripts};
use gatehouse_server::Routes;
use gatehouse_sso::{Rules, Sso, SsoBelongings};
use gatehouse_store::backup::Ended;
use gatehouse_store::jobs::{Registry, Worker};
use gatehouse_store::{Options, Store};
use gatehouse_types::{Actor, Origin, OsRandom, SharedClock, SharedRandom, SystemClock};
use gatehouse_web::{EdgeConfig, Lane, PublicUrl, asset_routes, component_routes, edge, idempotent};
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa_axum::router::OpenApiRouter;

use crate::idempotency::KeptAnswers;
use crate::{SettingError, Settings, api, console, jobs, scripts};

/// The fact under which the server keeps its address for the command line.
const PUBLIC_URL: &str = "public_url";

/// What an application is made of beside its settings; tests turn the clock.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The clock.
    pub clock: SharedClock,
    /// The randomness.
    pub random: SharedRandom,
    /// Memory of one new password hash, in KiB; tests take less.
    pub password_memory_kib: u32,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            password_memory_kib: gatehouse_identity::PASSWORD_MEMORY_KIB,
        }
    }
}

/// All features over one store. It holds no process-wide state: two can live in one process.
#[derive(Clone, Debug)]
pub struct App {
    store: Store,
    identity: Identity,
    sso: Sso,
    scim: Scim,
    events: Events,
    api_keys: ApiKeys,
    connect: Connect,
    flows: Flows,
    scripts: Scripts,
    lab: Lab,
    mailer: Mailer,
    public_url: PublicUrl,
    trusted_proxies: Vec<ipnet::IpNet>,
}

/// What the settings say about the database.
pub(crate) fn store_options(settings: &Settings, parts: &Parts) -> Options {
    Options {
        database: settings.database.clone(),
        data_dir: settings.data_dir.clone(),
        master_key_file: settings.master_key_file.clone(),
        clock: Arc::clone(&parts.clock),
        random: Arc::clone(&parts.random),
    }
}

/// Opens the database alone; for the command line's smaller errands.
pub(crate) async fn open_store(settings: &Settings, parts: &Parts) -> anyhow::Result<Store> {
    Store::open(store_options(settings, parts)).await.context("the database could not be opened")
}

/// What ends when a database comes back from a backup; see the features.
pub(crate) async fn after_restore(tx: &mut gatehouse_store::Tx) -> gatehouse_store::Result<Ended> {
    gatehouse_sso::after_restore(tx).await?;
    gatehouse_scim::after_restore(tx).await?;
    gatehouse_apikeys::after_restore(tx).await?;
    let grants = gatehouse_connect::after_restore(tx).await?;
    gatehouse_flows::after_restore(tx).await?;
    Ok(Ended { sessions: gatehouse_identity::after_restore(tx).await?, grants })
}

/// How web calls leave.
fn outbound(settings: &Settings, policy: egress::Policy, dns: Dns) -> anyhow::Result<HttpConfig> {
    let mut config = HttpConfig::new(policy, dns);
    config.proxy = settings.egress_proxy.clone();
    if let Some(file) = &settings.egress_ca_file {
        let text = std::fs::read_to_string(file).map_err(|e| SettingError::named("egress_ca_file", e))?;
        config.extra_roots = Some(text);
    }
    Ok(config)
}

pub(crate) fn mailer(settings: &Settings, clock: &SharedClock) -> anyhow::Result<Mailer> {
    let Some(url) = &settings.smtp_url else { return Ok(Mailer::outbox_only()) };
    let config = SmtpConfig { url: url.clone(), from: settings.mail_from.clone(), extra_roots: None };
    Ok(Mailer::smtp(&config, Arc::clone(clock)).map_err(|e| SettingError::named("smtp_url", e))?)
}

impl App {
    /// Opens the store and puts the features together.
    ///
    /// # Errors
    /// When the database, the master key, a key of ours or a setting cannot be used.
    pub async fn open(settings: &Settings, public_url: PublicUrl, parts: Parts) -> anyhow::Result<Self> {
        let store = open_store(settings, &parts).await?;
        store.remember(PUBLIC_URL, public_url.as_str()).await?;
        Self::over(store, settings, public_url, parts).await
    }

    /// Puts the features together for an errand beside the server, under the address that the server goes by.
    ///
    /// # Errors
    /// As [`App::open`].
    pub async fn beside_the_server(settings: &Settings, parts: Parts) -> anyhow::Result<Self> {
        let store = open_store(settings, &parts).await?;
        let known = match &settings.public_url {
            Some(url) => Some(url.clone()),
            None => store.recall(PUBLIC_URL).await?.and_then(|text| text.parse().ok()),
        };
        let public_url = match known {
            Some(url) => url,
            None => settings.public_url_at(settings.listen)?,
        };
        Self::over(store, settings, public_url, parts).await
    }

    async fn over(
        store: Store,
        settings: &Settings,
        public_url: PublicUrl,
        parts: Parts,
    ) -> anyhow::Result<Self> {
        let rules = Arc::new(Rules::new(store.clone()));
        let people = gatehouse_identity::Options {
            sign_up: settings.sign_up,
            google: settings.google.is_some(),
            microsoft: settings.microsoft.is_some(),
            password_memory_kib: parts.password_memory_kib,
        };
        let identity = Identity::open(store.clone(), public_url.as_str(), rules, people).await?;
        identity.also_ends(Arc::new(SsoBelongings));
        identity.also_ends(Arc::new(EventsBelongings));
        identity.also_ends(Arc::new(ScimBelongings));
        identity.roles_come_from(Arc::new(DirectoryRoles));
        let dns = Dns::from_setting(settings.dns_server.as_deref())
            .await
            .map_err(|e| SettingError::named("dns_server", e))?;
        let policy = egress::Policy::new(settings.egress_allow.clone());
        let http = Http::new(outbound(settings, policy.clone(), dns.clone())?)?;
        let options = gatehouse_sso::Options {
            require_domain: settings.require_domain,
            google: settings.google.clone(),
            microsoft: settings.microsoft.clone(),
        };
        let api_keys = ApiKeys::new(identity.clone(), public_url.clone());
        identity.also_ends(Arc::new(KeyBelongings::new(api_keys.clone())));
        identity.admit_programs(Arc::new(Programs::new(api_keys.clone())));
        let events = Events::new(identity.clone(), http.clone());
        let connect = Connect::new(
            identity.clone(),
            http.clone(),
            public_url.clone(),
            settings.outbound_requests_per_minute,
        );
        identity.also_ends(Arc::new(ConnectBelongings::new(connect.clone())));
        let script_options = scripts::options(settings, policy.clone(), dns.clone())?;
        let scripts = Scripts::new(identity.clone(), public_url.clone(), script_options);
        let flows = Flows::new(
            identity.clone(),
            api_keys.clone(),
            connect.clone(),
            scripts.clone(),
            public_url.clone(),
        );
        identity.also_ends(Arc::new(FlowBelongings));
        connect.asks(Arc::new(FlowUses::new(store.clone())));
        let sso = Sso::new(identity.clone(), http, dns, public_url.clone(), options);
        let scim = Scim::new(identity.clone(), public_url.clone(), settings.scim_requests_per_minute);
        sso.reach_directory(Arc::new(crate::directory::ByLink(scim.clone())));
        let lab = Lab::new(sso.clone(), public_url.clone());
        let mailer = mailer(settings, &parts.clock)?;
        let trusted_proxies = settings.trusted_proxies.clone();
        Ok(Self {
            store,
            identity,
            sso,
            scim,
            events,
            api_keys,
            connect,
            flows,
            scripts,
            lab,
            mailer,
            public_url,
            trusted_proxies,
        })
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Identity.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Single sign-on.
    pub fn sso(&self) -> &Sso {
        &self.sso
    }

    /// The address people use.
    pub fn public_url(&self) -> &PublicUrl {
        &self.public_url
    }

    /// Writes what is in memory alone, and ends calls to the outside that are under way; for the end, when nothing is
    /// answered any more.
    pub async fn finish(&self) {
        self.connect.end_calls().await;
        self.api_keys.finish().await;
    }

    /// What programs may call.
    pub fn api_keys(&self) -> &ApiKeys {
        &self.api_keys
    }

    /// Whether mails leave by a mail server; else they wait in the outbox.
    pub fn delivers_mail(&self) -> bool {
        self.mailer.is_configured()
    }

    /// The machine itself as an actor: command line and jobs.
    pub fn machine(&self) -> Actor {
        Actor::system(Origin::machine(self.store.ids().make()), None)
    }

    fn api_router(&self) -> OpenApiRouter {
        OpenApiRouter::with_openapi(api::openapi::base())
            .merge(gatehouse_identity::api(self.identity.clone()))
            .merge(gatehouse_sso::api(self.sso.clone()))
            .merge(gatehouse_scim::api(self.scim.clone()))
            .merge(gatehouse_apikeys::api(self.api_keys.clone()))
            .merge(gatehouse_events::api(self.events.clone()))
            .merge(gatehouse_connect::api(self.connect.clone()))
            .merge(gatehouse_flows::api(self.flows.clone()))
            .merge(gatehouse_scripts::api(self.scripts.clone()))
            .merge(api::routes(self.clone()))
    }

    /// The OpenAPI 3.1 document of the API.
    pub fn openapi(&self) -> utoipa::openapi::OpenApi {
        api::openapi::complete(self.api_router().into_openapi())
    }

    /// Everything that answers over HTTP, behind the edge. `metrics` is what `/metrics` shows, if it is served here.
    pub fn router(&self, metrics: Option<PrometheusHandle>) -> Router {
        self.api_keys.follow();
        self.connect.follow();
        let (routes, document) = self.api_router().split_for_parts();
        let document = api::openapi::complete(document);
        let api = idempotent(
            routes,
            Arc::new(KeptAnswers { store: self.store.clone(), identity: self.identity.clone() }),
        );
        let mut router = Router::new()
            .merge(api)
            .merge(api::openapi::document_route(document))
            .merge(api::health::routes(self.store.clone(), metrics))
            .merge(gatehouse_identity::console(self.identity.clone()))
            .merge(gatehouse_sso::browser(self.sso.clone()))
            .merge(gatehouse_scim::protocol_routes(self.scim.clone()))
            .merge(gatehouse_scim::console(self.scim.clone()))
            .merge(gatehouse_events::console(self.events.clone()))
            .merge(gatehouse_connect::browser(self.connect.clone()))
            .merge(gatehouse_flows::console(self.flows.clone()))
            .merge(gatehouse_scripts::console(self.scripts.clone()))
            .merge(gatehouse_apikeys::gate_routes(self.api_keys.clone()))
            .merge(gatehouse_apikeys::console(self.api_keys.clone()))
            .merge(gatehouse_lab::routes(self.lab.clone()))
            .merge(console::routes(self.clone()))
            .merge(asset_routes());
        if cfg!(debug_assertions) {
            router = router.merge(component_routes());
        }
        edge(router, self.edge_config())
    }

    /// [`App::router`] with the gate for API keys ahead of it.
    pub fn routes(&self, metrics: Option<PrometheusHandle>) -> Routes {
        let lane = |route, names: &[HeaderName]| Lane::new(&self.edge_config(), route, names);
        let gate = HotGate::new(self.api_keys.clone(), lane);
        Routes::new(self.router(metrics), move |request, peer| gate.answer(request, peer))
    }

    /// The edge as this application configures it.
    pub fn edge_config(&self) -> EdgeConfig {
        let csrf_key = self.store.keyring().derive("csrf");
        let mut config = EdgeConfig::new(
            self.public_url.clone(),
            self.store.ids().clone(),
            Arc::clone(self.store.random()),
            csrf_key,
        );
        config.trusted_proxies = self.trusted_proxies.clone();
        config.nav = console::nav();
        config.forms = vec![gatehouse_scim::FAILURES];
        config.patience = gatehouse_scripts::PATIENCE.to_vec();
        config
    }

    /// What drives the executions of flows.
    pub fn driver(&self) -> Driver {
        Driver::new(self.flows.clone())
    }

    /// What keeps custom scripts in service on this server.
    pub fn script_host(&self) -> Host {
        Host::new(self.scripts.clone())
    }

    /// A worker for all background work.
    pub fn worker(&self) -> Worker {
        let mail = MailContext { store: self.store.clone(), mailer: self.mailer.clone() };
        let registry = Registry::default()
            .with::<SendMail>(mail)
            .every(jobs::SWEEP_SECONDS, jobs::Sweep, self.store.clone())
            .with::<PeopleMail>(self.identity.clone())
            .every(jobs::SWEEP_SECONDS, PeopleSweep, self.identity.clone())
            .every(jobs::SIGN_HEADS_SECONDS, jobs::SignHeads, self.store.clone())
            .merge(gatehouse_sso::jobs(&self.sso))
            .merge(gatehouse_scim::jobs(&self.scim))
            .merge(gatehouse_apikeys::jobs(&self.api_keys))
            .merge(gatehouse_events::jobs(&self.events))
            .merge(gatehouse_connect::jobs(&self.connect))
            .merge(gatehouse_flows::jobs(&self.flows))
            .merge(gatehouse_scripts::jobs(&self.scripts));
        Worker::new(self.store.clone(), registry)
    }
}

impl axum::extract::FromRef<App> for Identity {
    fn from_ref(app: &App) -> Self {
        app.identity.clone()
    }
}
