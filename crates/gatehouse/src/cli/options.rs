use std::path::PathBuf;

use clap::Args;

use crate::{Overrides, SettingError, Settings};

/// Options of every command; each wins over its `GATEHOUSE_*` variable, that over the file.
#[derive(Args, Debug, Default)]
pub(crate) struct Common {
    /// The settings file (TOML).
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the server listens [default: 127.0.0.1:8080].
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// The address people use.
    #[arg(long, global = true, value_name = "URL")]
    public_url: Option<String>,
    /// The directory of the database and the master key.
    #[arg(long, visible_alias = "data", global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// sqlite: or postgres://…
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// The master key's file.
    #[arg(long, global = true, value_name = "FILE")]
    master_key_file: Option<String>,
    /// host:port of the DNS server for TXT look-ups.
    #[arg(long, global = true, value_name = "ADDRESS")]
    dns_server: Option<String>,
    /// The log filter, like info or debug.
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
}

impl Common {
    /// The options that were given and mean nothing to a command that takes `listen` alone.
    pub(crate) fn beside_listen(&self) -> Vec<&'static str> {
        let all = [
            ("--config", self.config.is_some()),
            ("--public-url", self.public_url.is_some()),
            ("--data-dir", self.data_dir.is_some()),
            ("--database-url", self.database_url.is_some()),
            ("--master-key-file", self.master_key_file.is_some()),
            ("--dns-server", self.dns_server.is_some()),
            ("--log", self.log.is_some()),
        ];
        all.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    /// The settings from file, variables and flags.
    pub(crate) fn settings(&self) -> Result<Settings, SettingError> {
        let flags = [
            ("listen", &self.listen),
            ("public_url", &self.public_url),
            ("data_dir", &self.data_dir),
            ("database_url", &self.database_url),
            ("master_key_file", &self.master_key_file),
            ("dns_server", &self.dns_server),
            ("log", &self.log),
        ];
        let given = flags.into_iter().filter_map(|(n, v)| v.clone().map(|v| (n.to_owned(), v)));
        Settings::load(self.config.as_deref(), std::env::vars(), given.collect::<Overrides>())
    }
}
