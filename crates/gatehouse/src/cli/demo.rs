use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use gatehouse_outbound::lab_dns::DnsStub;
use gatehouse_server as server;
use gatehouse_store::DatabaseUrl;
use tokio::sync::watch;

use super::admin::println;
use super::options::Common;
use super::serve::{Signals, init_log, until};
use super::story::Story;
use crate::app::Parts;
use crate::{App, Overrides, Server, Settings};

/// Where the demo listens unless told otherwise; when it is taken, on a free port.
const LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 8080);

#[derive(Args)]
pub(crate) struct Demo {
    /// Play the whole story over HTTP, print one line a step with its time, and exit 0 or 1.
    #[arg(long)]
    check: bool,
}

impl Demo {
    pub(crate) fn run(self, common: &Common) -> anyhow::Result<ExitCode> {
        init_log("warn", None, None)?;
        let listen =
            common.listen.as_deref().map(str::parse::<SocketAddr>).transpose().context("--listen")?;
        // its provider is at http, which connections take on loopback alone, and its passwords are known to everybody
        anyhow::ensure!(
            listen.is_none_or(|address| address.ip().is_loopback()),
            "--listen: the demo is for this machine alone; give a loopback address like 127.0.0.1:8080"
        );
        let passed_over = common.beside_listen();
        if !passed_over.is_empty() {
            eprintln!(
                "gatehouse: the demo makes everything it needs and throws it away; passed over: {}",
                passed_over.join(", ")
            );
        }
        super::runtime()?.block_on(self.play(listen))
    }

    async fn play(self, listen: Option<SocketAddr>) -> anyhow::Result<ExitCode> {
        let mut signals = Signals::listen()?;
        // everything lives in a directory that goes with the process
        let dir = tempfile::Builder::new().prefix("gatehouse-demo-").tempdir()?;
        let dns = DnsStub::start().await.context("the lab's DNS server")?;
        let server = bind(listen, self.check).await?;
        let mut settings = Settings::load(None, std::iter::empty(), Overrides::new())?;
        settings.data_dir = dir.path().join("data");
        settings.database = DatabaseUrl::Sqlite(None);
        settings.dns_server = Some(dns.address().to_string());
        // the lab's identity provider is this very server, and its metadata and tokens are fetched from it, at this one
        // address and no other
        let here = server.address().ip();
        if here.is_loopback() {
            settings.egress_allow.push(here.into());
        }
        let public_url = settings.public_url_at(server.address())?;
        let app = App::open(&settings, public_url, Parts::default()).await?;
        let (stop, stopped) = watch::channel(false);
        let worker = tokio::spawn(app.worker().run(until(stopped.clone())));
        let driver = tokio::spawn(app.driver().run(until(stopped.clone())));
        let host = tokio::spawn(app.script_host().run(until(stopped.clone())));
        let serving = tokio::spawn(server::serve(server, app.routes(None), until(stopped)));
        let story = Story::new(&app, &dns)?;
        let outcome = if self.check { story.play_all(&settings).await } else { story.prepare().await };
        let code = match outcome {
            Ok(()) if self.check => ExitCode::SUCCESS,
            Ok(()) => {
                greet(&app);
                signals.next().await;
                ExitCode::SUCCESS
            }
            Err(e) => {
                eprintln!("gatehouse: the story broke off: {e:#}");
                ExitCode::FAILURE
            }
        };
        let _ = stop.send(true);
        serving.await?;
        worker.await?;
        driver.await?;
        host.await?;
        app.finish().await;
        app.store().close().await;
        Ok(code)
    }
}

/// The check takes a free port, so that it never meets a server of yours.
async fn bind(listen: Option<SocketAddr>, check: bool) -> std::io::Result<Server> {
    let free = SocketAddr::from((LISTEN.0, 0));
    match listen {
        Some(address) => Server::bind(address).await,
        None if check => Server::bind(free).await,
        None => match Server::bind(SocketAddr::from(LISTEN)).await {
            Ok(server) => Ok(server),
            Err(_) => Server::bind(free).await,
        },
    }
}

fn greet(app: &App) {
    let url = app.public_url().as_str();
    println(&format!(
        "\nGatehouse is ready: {url}\n\n  as its owner       {owner}  (choose \"Having trouble logging in with SSO?\"; password: {password})\n  through the lab's  \
         ada@lab.test  (no password: choose who you are)\n  identity provider\n\nEverything is made up and goes when \
         you press Ctrl-C.",
        owner = super::story::OWNER,
        password = super::story::PASSWORD,
    ));
}
