//! `gatehouse admin sp-key`: the SAML key that all workspaces share.

use std::process::ExitCode;

use clap::Subcommand;
use gatehouse_sso::SharedKeyStep;
use gatehouse_sso::model::{KeyState, SpKey};
use gatehouse_types::{Actor, DryRun};
use serde_json::{Value, json};

use crate::App;

#[derive(Clone, Copy, Subcommand)]
pub(crate) enum SharedKey {
    /// Print the shared keys with fingerprint, validity and last use, and how many workspaces count on them.
    Status,
    /// Make the next key: it is in the metadata and decrypts at once, and does not sign yet. Owners get a mail.
    Next {
        /// Say what would happen; change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Let the next key sign. The current one becomes the previous one and still decrypts.
    Promote {
        /// Say what would happen; change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Destroy the previous key: what is still encrypted for it can no longer be opened.
    Retire {
        /// Withdraw the next key instead.
        #[arg(long)]
        next: bool,
        /// Say what would happen; change nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

fn shown(key: &SpKey) -> Value {
    json!({
        "id": key.id, "state": key.state, "version": key.version, "fingerprint": key.fingerprint,
        "notBefore": key.not_before, "notAfter": key.not_after,
    })
}

/// The machine, on trial when nothing shall be changed.
fn actor(app: &App, dry_run: bool) -> Actor {
    let mut actor = app.machine();
    actor.origin.dry_run = dry_run.then(DryRun::default);
    actor
}

fn told(step: &SharedKeyStep, dry_run: bool) -> Value {
    json!({"dryRun": dry_run, "key": shown(&step.key), "workspaces": step.workspaces})
}

impl SharedKey {
    pub(super) async fn run(self, app: &App) -> anyhow::Result<(String, ExitCode)> {
        let sso = app.sso();
        let report = match self {
            Self::Status => {
                let found = sso.shared_sp_keys(&app.machine()).await?;
                let key = |k: &SpKey| {
                    let mut key = shown(k);
                    key["lastUsedAt"] = json!(k.last_used_at);
                    key
                };
                let keys: Vec<Value> = found.keys.iter().map(key).collect();
                json!({"keys": keys, "workspaces": found.workspaces})
            }
            Self::Next { dry_run } => told(&sso.make_shared_sp_key(&actor(app, dry_run)).await?, dry_run),
            Self::Promote { dry_run } => {
                told(&sso.promote_shared_sp_key(&actor(app, dry_run)).await?, dry_run)
            }
            Self::Retire { next, dry_run } => {
                let state = if next { KeyState::Next } else { KeyState::Previous };
                told(&sso.retire_shared_sp_key(&actor(app, dry_run), state).await?, dry_run)
            }
        };
        Ok((report.to_string(), ExitCode::SUCCESS))
    }
}
