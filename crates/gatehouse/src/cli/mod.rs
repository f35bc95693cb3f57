//! The command line: one file a command. Exit codes: 0 done, 1 refused or failed, 2 wrong use or setting.

mod admin;
mod audit;
mod backup;
mod demo;
mod doctor;
mod openapi;
mod options;
mod rotate;
mod saml;
mod serve;
mod sp_key;
mod story;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use options::Common;
#[cfg(feature = "otel")]
pub(crate) use serve::BoxedLayer;

/// Wrong use: an option, a setting, a file that is not there.
pub(crate) const WRONG_USE: u8 = 2;

#[derive(Parser)]
#[command(
    name = "gatehouse",
    version,
    about = "The security and integration control plane of a workflow product, self-hosted.",
    after_help = "Examples:\n  gatehouse demo\n  gatehouse serve --listen 127.0.0.1:8080 --data-dir /var/lib/gatehouse\n  \
    echo 'a good password' | gatehouse admin create-owner --workspace Acme --email owner@example.com --password-stdin\n  \
    gatehouse admin token --workspace Acme --email owner@example.com"
)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server. Migrates its database, makes its keys at the first start, stops cleanly on SIGTERM.
    #[command(
        after_help = "Examples:\n  gatehouse serve\n  GATEHOUSE_DATABASE_URL=postgres://gatehouse@db/gatehouse gatehouse serve \
        --public-url https://gatehouse.example.com --listen 0.0.0.0:8080"
    )]
    Serve,
    /// Try the main job with nothing prepared: a throw-away lab with its own identity provider.
    #[command(
        after_help = "Examples:\n  gatehouse demo            serves until Ctrl-C\n  gatehouse demo --check    plays the whole story itself and says how it went"
    )]
    Demo(demo::Demo),
    /// Do what needs the machine's console: owners, tokens, the way in when nothing else is left.
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Write everything into one file while the server runs. The master key is not in it.
    #[command(after_help = "Example:\n  gatehouse backup /backup/gatehouse-$(date +%F)")]
    Backup(backup::Backup),
    /// Restore a backup into an empty database, of either kind, and prove that it is whole.
    #[command(
        after_help = "Example:\n  GATEHOUSE_DATABASE_URL=postgres://gatehouse@db/gatehouse gatehouse restore /backup/gatehouse-2026-01-31 \
        --master-key-file /etc/gatehouse/master.key"
    )]
    Restore(backup::Restore),
    /// Prove exported audit files; rotate the key that signs them.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Look at SAML messages.
    #[command(subcommand)]
    Saml(saml::Saml),
    /// Print the OpenAPI 3.1 document of the API.
    #[command(after_help = "Example:\n  gatehouse openapi > openapi.json")]
    Openapi,
    /// Say, line by line, what this machine offers and what will not work and why.
    #[command(after_help = "Example:\n  gatehouse doctor --data-dir /var/lib/gatehouse")]
    Doctor,
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("gatehouse: {e:#}");
            let wrong_use = e.chain().any(|c| c.downcast_ref::<crate::SettingError>().is_some());
            ExitCode::from(if wrong_use { WRONG_USE } else { 1 })
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { common, command } = cli;
    match command {
        Command::Serve => serve::run(common.settings()?),
        Command::Demo(demo) => demo.run(&common),
        Command::Admin(admin) => admin.run(common.settings()?),
        Command::Backup(backup) => backup.run(&common.settings()?),
        Command::Restore(restore) => restore.run(&common.settings()?),
        Command::Audit(audit) => audit.run(&common),
        Command::Saml(saml) => saml.run(),
        Command::Openapi => openapi::run(),
        Command::Doctor => doctor::run(common.settings()?),
    }
}

/// The runtime of a command.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
