use std::io::{Read, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use gatehouse_identity::{MAX_PASSWORD_LENGTH, NewOwner, TOKEN_SECONDS};
use gatehouse_store::DatabaseUrl;
use gatehouse_types::{Email, Error, Kind, Role, Secret};
use serde_json::json;

use super::sp_key::SharedKey;
use super::{WRONG_USE, rotate};
use crate::app::Parts;
use crate::{App, Settings};

#[derive(Subcommand)]
pub(crate) enum Admin {
    /// Make a workspace (if it is new) and its owner; prints {"workspaceId","userId"}.
    #[command(
        after_help = "Example:\n  echo 'a good password' | gatehouse admin create-owner --workspace Acme --email owner@example.com --password-stdin"
    )]
    CreateOwner(Person),
    /// Add a member with a role and a password; prints {"workspaceId","userId"}.
    #[command(
        after_help = "Example:\n  echo 'a good password' | gatehouse admin add-member --workspace Acme --email v@example.com --role viewer --password-stdin"
    )]
    AddMember {
        #[command(flatten)]
        person: Person,
        /// owner, admin, member or viewer.
        #[arg(long)]
        role: String,
    },
    /// Print a bearer token for a member, and nothing else.
    #[command(
        after_help = "Example:\n  TOKEN=$(gatehouse admin token --workspace Acme --email owner@example.com)"
    )]
    Token {
        /// The workspace's name.
        #[arg(long)]
        workspace: String,
        /// The member's address.
        #[arg(long)]
        email: String,
        /// Seconds it lasts, at most 86400; its session is listed and ended like any other.
        #[arg(long, default_value_t = TOKEN_SECONDS)]
        ttl: i64,
    },
    /// Take all second steps and recovery codes of a member away, for somebody who lost them; told by e-mail.
    #[command(
        after_help = "Example:\n  gatehouse admin reset-factors --workspace Acme --email member@example.com"
    )]
    ResetFactors {
        /// The workspace's name.
        #[arg(long)]
        workspace: String,
        /// The member's address.
        #[arg(long)]
        email: String,
    },
    /// Turn the mandatory single sign-on of a workspace off; every owner is told by e-mail, unless it was off already.
    #[command(after_help = "Example:\n  gatehouse admin break-glass --workspace Acme")]
    BreakGlass {
        /// The workspace's name.
        #[arg(long)]
        workspace: String,
    },
    /// Roll the SAML key that all workspaces share, while servers serve. Prints what it did as JSON.
    #[command(
        subcommand,
        after_help = "Examples:\n  gatehouse admin sp-key status\n  gatehouse admin sp-key next      in the metadata beside the current one; give providers time to read it\n  \
        gatehouse admin sp-key promote   it signs, the one before still decrypts\n  gatehouse admin sp-key retire    when status says that the previous one is not used any more"
    )]
    SpKey(SharedKey),
    /// Re-encrypt every stored secret under a new master key, while servers serve; run again, it goes on where it was
    /// broken off. Prints what it did as JSON.
    #[command(
        after_help = "Examples:\n  gatehouse admin rotate-master-key --dry-run   says what would be re-encrypted\n  gatehouse admin rotate-master-key\n\n\
        The old key stays beside the new one as <file>.old-<fingerprint>, for backups of its time. Servers on other machines need\n\
        the new key before: run with --prepare, copy <file>.next to the same place there, then run without it."
    )]
    RotateMasterKey {
        /// Say what would be re-encrypted; change nothing.
        #[arg(long)]
        dry_run: bool,
        /// Only write the next key beside the old one, for copying it to other machines.
        #[arg(long, conflicts_with = "dry_run")]
        prepare: bool,
    },
}

#[derive(Args)]
pub(crate) struct Person {
    /// The workspace's name.
    #[arg(long)]
    workspace: String,
    /// The person's address.
    #[arg(long)]
    email: String,
    /// Read the password from standard input (its first line).
    #[arg(long, required = true)]
    password_stdin: bool,
}

impl Admin {
    pub(crate) fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        match super::runtime()?.block_on(self.carry_out(&settings)) {
            Ok((line, code)) => {
                println(&line);
                Ok(code)
            }
            Err(e) => match e.downcast_ref::<Error>() {
                Some(own) if own.kind() == Kind::Validation => {
                    eprintln!("gatehouse: {}", own.message());
                    Ok(ExitCode::from(WRONG_USE))
                }
                _ => Err(e),
            },
        }
    }

    async fn carry_out(self, settings: &Settings) -> anyhow::Result<(String, ExitCode)> {
        if !matches!(self, Self::CreateOwner(_)) {
            require_database(settings)?;
        }
        let app = App::beside_the_server(settings, Parts::default()).await?;
        let done = match self {
            Self::RotateMasterKey { dry_run: true, .. } => rotate::plan(&app).await,
            Self::RotateMasterKey { prepare: true, .. } => rotate::prepare(&app),
            Self::RotateMasterKey { .. } => rotate::rotate(&app).await,
            Self::SpKey(step) => step.run(&app).await,
            other => other.on(&app).await.map(|line| (line, ExitCode::SUCCESS)),
        };
        app.store().close().await;
        done
    }

    async fn on(self, app: &App) -> anyhow::Result<String> {
        let machine = app.machine();
        match self {
            Self::CreateOwner(person) => {
                let Person { workspace, email, .. } = person;
                let new =
                    NewOwner { workspace, email: address(&email)?, password: password()?, is_lab: false };
                let (workspace, user) = app.identity().create_owner(&machine, new).await?;
                Ok(json!({"workspaceId": workspace, "userId": user}).to_string())
            }
            Self::AddMember { person, role } => {
                let role: Role = role.parse()?;
                let found = app.identity().workspace_by_name(&person.workspace).await?;
                let workspace =
                    found.with_context(|| format!("there is no workspace {}", person.workspace))?.id;
                let email = address(&person.email)?;
                let user =
                    app.identity().create_member(&machine, &workspace, &email, password()?, role).await?;
                Ok(json!({"workspaceId": workspace, "userId": user}).to_string())
            }
            Self::Token { workspace, email, ttl } => {
                let token =
                    app.identity().console_token(&machine, &workspace, &address(&email)?, ttl).await?;
                Ok(token.expose().to_owned())
            }
            Self::ResetFactors { workspace, email } => {
                let count = app.identity().reset_factors(&machine, &workspace, &address(&email)?).await?;
                Ok(json!({"factorsRemoved": count}).to_string())
            }
            Self::BreakGlass { workspace } => {
                let owners = app.sso().break_glass(&machine, &workspace).await?;
                Ok(json!({"ssoEnabled": false, "ownersTold": owners}).to_string())
            }
            Self::SpKey(_) | Self::RotateMasterKey { .. } => bail!("the command answers for itself"),
        }
    }
}

/// A mistyped directory must not become a new, empty installation.
pub(crate) fn require_database(settings: &Settings) -> anyhow::Result<()> {
    if let DatabaseUrl::Sqlite(path) = &settings.database {
        let path = path.clone().unwrap_or_else(|| settings.data_dir.join("gatehouse.db"));
        anyhow::ensure!(
            path.exists(),
            "there is no database {}; see data_dir (GATEHOUSE_DATA_DIR)",
            path.display()
        );
    }
    Ok(())
}

fn address(text: &str) -> anyhow::Result<Email> {
    Ok(text.parse::<Email>()?)
}

/// The first line of standard input.
fn password() -> anyhow::Result<Secret> {
    let mut text = String::new();
    let limit = u64::try_from(MAX_PASSWORD_LENGTH + 2).unwrap_or(u64::MAX);
    std::io::stdin().take(limit).read_to_string(&mut text).context("the password could not be read")?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        bail!(Error::validation("password", "No password came on standard input."));
    }
    Ok(Secret::new(line))
}

/// What a command answers with.
pub(crate) fn println(line: &str) {
    // a reader who has seen enough (`| head`) is no failure
    let _ = writeln!(std::io::stdout(), "{line}");
}
