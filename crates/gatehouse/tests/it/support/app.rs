use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gatehouse::{App, Overrides, Parts, Server, Settings};
use gatehouse_identity::{NewOwner, SignUp};
use gatehouse_outbound::lab_dns::DnsStub;
use gatehouse_scripts::dependencies::Indexes;
use gatehouse_testkit::{Database, Kind};
use gatehouse_types::{Clock, OsRandom, Role, Secret, SystemClock, TestClock, WorkspaceId};
use serde_json::json;
use tokio::sync::oneshot;

use super::{Client, Outside};

/// The password of everybody in these tests.
pub(crate) const PASSWORD: &str = "open-the-gate";
/// The workspace that each application begins with, a lab.
const WORKSPACE: &str = "Main";

/// A whole server on a fresh database, with a clock and a DNS that the test turns.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) dns: DnsStub,
    /// The lab workspace that is there from the beginning; its owner is `owner@main.test`.
    pub(crate) workspace: WorkspaceId,
    pub(crate) database: Database,
    outside: Option<Outside>,
    /// The server stops when this is dropped.
    _stop: oneshot::Sender<()>,
}

/// Passwords are hashed with little memory here: what they cost is tested beside their code.
fn parts(clock: &Arc<TestClock>) -> Parts {
    Parts { clock: clock.clone(), random: Arc::new(OsRandom), password_memory_kib: 64 }
}

impl TestApp {
    pub(crate) async fn start(kind: Kind) -> Self {
        Self::start_with(kind, None, |_| {}).await
    }

    /// The same under the name `localhost`, which browsers take for passkeys; an address they do not.
    pub(crate) async fn start_at_localhost(kind: Kind) -> Self {
        Self::start_with(kind, Some("localhost"), |_| {}).await
    }

    /// The same where strangers may sign up.
    pub(crate) async fn start_open(kind: Kind) -> Self {
        Self::start_with(kind, None, |settings| settings.sign_up = SignUp::Open).await
    }

    /// The same where each SCIM token has as few requests as an operator may give it.
    pub(crate) async fn start_with_few_scim_requests(kind: Kind) -> Self {
        let fewest = gatehouse_scim::LEAST_REQUESTS_A_MINUTE;
        Self::start_with(kind, None, |settings| settings.scim_requests_per_minute = fewest).await
    }

    /// The same where each person has as few requests through profiles as an operator may give.
    pub(crate) async fn start_with_few_requests(kind: Kind) -> Self {
        let fewest = gatehouse_connect::LEAST_REQUESTS_A_MINUTE;
        Self::start_with(kind, None, |settings| settings.outbound_requests_per_minute = fewest).await
    }

    /// The same where calls go through a proxy.
    pub(crate) async fn start_behind_proxy(kind: Kind, proxy: &str) -> Self {
        Self::start_with(kind, None, |settings| settings.egress_proxy = Some(proxy.parse().unwrap())).await
    }

    /// The same where the operator has a client at Google, which is another provider here.
    pub(crate) async fn start_with_google(kind: Kind, issuer: &str) -> Self {
        let google = operator_client("operators-client", issuer);
        Self::start_with(kind, None, |settings| settings.google = Some(google)).await
    }

    /// The same with clients at Google and Microsoft; and whether strangers may sign up.
    pub(crate) async fn start_with_social(
        kind: Kind,
        google: &str,
        microsoft: &str,
        sign_up: SignUp,
    ) -> Self {
        let google = operator_client("client-at-google", google);
        let microsoft = operator_client("client-at-microsoft", &format!("{microsoft}/common/v2.0"));
        let change = |settings: &mut Settings| {
            (settings.google, settings.microsoft) = (Some(google), Some(microsoft));
            settings.sign_up = sign_up;
        };
        Self::start_with(kind, None, change).await
    }

    /// The same with a world outside, to which all web calls go.
    pub(crate) async fn start_with_outside(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let outside = Outside::start(folder.path()).await;
        let (proxy, ca) = (outside.proxy.parse().unwrap(), outside.ca.clone());
        let change = |settings: &mut Settings| {
            (settings.egress_proxy, settings.egress_ca_file) = (Some(proxy), Some(ca));
        };
        let mut app = Self::start_with(kind, None, change).await;
        app.outside = Some(outside);
        app
    }

    /// The same where packages of scripts come from indexes of the test.
    pub(crate) async fn start_with_packages(kind: Kind, python: &str, npm: &str) -> Self {
        let indexes = Indexes::new(Some((python, Vec::new())), Some((npm, Vec::new()))).unwrap();
        Self::start_with(kind, None, |settings| {
            settings.script_indexes = indexes;
            settings.script_uv = uv_of_setup();
        })
        .await
    }

    /// The world outside.
    pub(crate) fn outside(&self) -> &Outside {
        self.outside.as_ref().unwrap()
    }

    /// Another server of the same installation, at an address of its own behind the same public one.
    pub(crate) async fn second_server(&self) -> String {
        let mut settings = Settings::load(None, std::iter::empty(), Overrides::new()).unwrap();
        settings.data_dir = self.database.data_dir().to_owned();
        settings.database = self.database.url();
        settings.egress_allow = vec!["127.0.0.1/32".parse().unwrap()];
        let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let base = format!("http://{}", server.address());
        let parts = parts(&self.clock);
        let app = App::open(&settings, self.app.public_url().clone(), parts).await.unwrap();
        tokio::spawn(gatehouse::serve(server, app.routes(None), std::future::pending()));
        base
    }

    async fn start_with(kind: Kind, host: Option<&str>, change: impl FnOnce(&mut Settings)) -> Self {
        let database = Database::with_schema(kind).await;
        let dns = DnsStub::start().await.unwrap();
        let mut settings = Settings::load(None, std::iter::empty(), Overrides::new()).unwrap();
        settings.data_dir = database.data_dir().to_owned();
        settings.database = database.url();
        // providers of the tests are on this machine
        settings.egress_allow = vec!["127.0.0.1/32".parse().unwrap()];
        settings.dns_server = Some(dns.address().to_string());
        settings.sandbox_program = Some(env!("CARGO_BIN_EXE_gatehouse").into());
        change(&mut settings);
        let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let public_url = match host {
            Some(host) => format!("http://{host}:{}", server.address().port()).parse().unwrap(),
            None => settings.public_url_at(server.address()).unwrap(),
        };
        let clock = Arc::new(TestClock::new(SystemClock.now()));
        let parts = parts(&clock);
        let app = App::open(&settings, public_url, parts).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(gatehouse::serve(server, app.routes(None), async move {
            let _ = stopped.await;
        }));
        let workspace = make_workspace(&app, WORKSPACE, true).await;
        Self { app, clock, dns, workspace, database, outside: None, _stop: stop }
    }

    /// Does the background work that is due at this moment of the clock.
    pub(crate) async fn work(&self) {
        let (worker, driver) = (self.app.worker(), self.app.driver());
        worker.schedule_all().await.unwrap();
        loop {
            while worker.step().await.unwrap() {}
            // executions that went on may have left work
            if driver.work().await.unwrap() == 0 {
                return;
            }
        }
    }

    /// Keeps custom scripts in service from now on, until the test ends.
    pub(crate) fn keep_scripts(&self) {
        tokio::spawn(self.app.script_host().run(std::future::pending()));
    }

    /// Somebody nobody knows.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.app.public_url().as_str())
    }

    /// A further workspace with its owner `owner@<name>.test`.
    pub(crate) async fn workspace(&self, name: &str) -> WorkspaceId {
        make_workspace(&self.app, name, false).await
    }

    /// A program that is signed in with the password.
    pub(crate) async fn sign_in(&self, email: &str) -> Client {
        let mut client = self.client();
        let answer = client.post("/api/v1/auth/login", json!({"email": email, "password": PASSWORD})).await;
        client.token = Some(answer.ok()["accessToken"].as_str().unwrap().to_owned());
        client.forget_cookies();
        client
    }

    /// A browser that is signed in with the password.
    pub(crate) async fn browser(&self, email: &str) -> Client {
        let client = self.client();
        client.post("/api/v1/auth/login", json!({"email": email, "password": PASSWORD})).await.ok();
        client
    }

    /// The subjects and texts of the mails to an address that wait, newest first.
    pub(crate) async fn mails_to(&self, email: &str) -> Vec<(String, String)> {
        self.work().await;
        let mails =
            gatehouse_store::mails::waiting_for(self.app.store(), &email.parse().unwrap()).await.unwrap();
        mails.into_iter().map(|m| (m.subject, m.body)).collect()
    }

    /// The token at the end of the newest mailed link to `/<page>/…`.
    pub(crate) async fn mailed_token(&self, email: &str, page: &str) -> String {
        let mails = self.mails_to(email).await;
        let mark = format!("{}/{page}/", self.app.public_url().as_str().trim_end_matches('/'));
        let text = mails
            .iter()
            .find(|m| m.1.contains(&mark))
            .unwrap_or_else(|| panic!("{mark} in {mails:?}"))
            .1
            .clone();
        text.split(&mark).nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
    }

    /// The owner of the first workspace.
    pub(crate) async fn owner(&self) -> Client {
        self.sign_in("owner@main.test").await
    }

    /// The owner of another workspace.
    pub(crate) async fn stranger(&self) -> Client {
        self.workspace("Other").await;
        self.sign_in("owner@other.test").await
    }

    /// A person of the first workspace, made now.
    pub(crate) async fn person(&self, email: &str, role: Role) {
        self.person_in(&self.workspace, email, role).await;
    }

    /// A person of any workspace, made now or taken in.
    pub(crate) async fn person_in(&self, workspace: &WorkspaceId, email: &str, role: Role) {
        let (email, password) = (email.parse().unwrap(), Secret::new(PASSWORD));
        let machine = self.app.machine();
        self.app.identity().create_member(&machine, workspace, &email, password, role).await.unwrap();
    }

    /// A new member of the first workspace with a role, signed in.
    pub(crate) async fn member_of(&self, role: Role) -> Client {
        let email = format!("{role}@main.test");
        self.person(&email, role).await;
        self.sign_in(&email).await
    }
}

/// The installer that `scripts/setup` keeps in the repository; `None`: the one of the search path.
fn uv_of_setup() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.dev/uv/bin/uv");
    path.is_file().then_some(path)
}

fn operator_client(id: &str, issuer: &str) -> gatehouse_sso::OperatorClient {
    gatehouse_sso::OperatorClient {
        client_id: id.to_owned(),
        client_secret: Secret::new("operators-secret"),
        issuer: issuer.to_owned(),
    }
}

async fn make_workspace(app: &App, name: &str, is_lab: bool) -> WorkspaceId {
    let new = NewOwner {
        workspace: name.to_owned(),
        email: format!("owner@{}.test", name.to_lowercase()).parse().unwrap(),
        password: Secret::new(PASSWORD),
        is_lab,
    };
    app.identity().create_owner(&app.machine(), new).await.unwrap().0
}
