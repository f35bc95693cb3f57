use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use gatehouse_store::backup;

use super::admin::{println, require_database};
use crate::Settings;
use crate::app::{Parts, after_restore, open_store, store_options};

#[derive(Args)]
pub(crate) struct Backup {
    /// The file to make; one that exists is never replaced.
    file: PathBuf,
}

#[derive(Args)]
pub(crate) struct Restore {
    /// The backup.
    file: PathBuf,
}

impl Backup {
    pub(crate) fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        super::runtime()?.block_on(async {
            require_database(settings)?;
            let store = open_store(settings, &Parts::default()).await?;
            let made = backup::write(&store, &self.file).await?;
            store.close().await;
            println(&format!(
                "{}: {} tables, {} rows of schema {}, {} bytes, SHA-256 {}",
                self.file.display(),
                made.tables,
                made.rows,
                made.schema,
                made.bytes,
                made.sha256
            ));
            let key = settings.master_key_file.clone().unwrap_or_else(|| settings.data_dir.join("master.key"));
            eprintln!(
                "gatehouse: the master key is NOT in the backup, and without it no secret in it can be opened and it \
                 cannot be restored. Keep a copy of {} in another place.",
                key.display()
            );
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl Restore {
    pub(crate) fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        super::runtime()?.block_on(async {
            let restored = backup::restore(store_options(settings, &Parts::default()), &self.file, after_restore).await?;
            let backup = &restored.backup;
            println(&format!(
                "restored the backup of {} from {}: {} tables, {} rows; schema {}, now {}",
                restored.created_at, restored.from, backup.tables, backup.rows, backup.schema, restored.schema
            ));
            println(&format!(
                "verified: file and row digests, foreign keys, the master key, {} audit chains with {} entries, {} sealed values",
                restored.chains, restored.entries, restored.sealed
            ));
            println(&format!(
                "everybody signs in again (sessions ended: {}); mailed links, shared traces and sign-ins under way are void, \
                 open invitations can be sent again",
                restored.ended.sessions
            ));
            if restored.ended.grants > 0 {
                println(&format!(
                    "authorizations of outside services that must be given again: {}; who answers for them is told by e-mail",
                    restored.ended.grants
                ));
            }
            if restored.refused > 0 {
                eprintln!(
                    "gatehouse: {} sealed values do not open, as they did not in the database that was backed up: {}",
                    restored.refused,
                    restored.refused_places.join("; ")
                );
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
