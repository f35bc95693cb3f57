//! Custom scripts as this application runs them: their settings, and their way out.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Context;
use gatehouse_outbound::{Dns, Tcp, egress};
use gatehouse_sandbox::{Dial, Dialing, Refusal, Stream};
use gatehouse_scripts::dependencies::{Indexes, NPM_REGISTRY, PYTHON_INDEX};
use gatehouse_scripts::{Dialer, Options, Programs, Source};

use crate::{SettingError, Settings};

/// What the settings say about custom scripts.
pub(crate) fn options(settings: &Settings, policy: egress::Policy, dns: Dns) -> anyhow::Result<Options> {
    let program = match &settings.sandbox_program {
        Some(program) => program.clone(),
        None => std::env::current_exe().context("where this program lies")?,
    };
    Ok(Options {
        data_dir: settings.data_dir.clone(),
        program,
        python: settings.script_python.clone(),
        node: settings.script_node.clone(),
        packages: Source {
            indexes: settings.script_indexes.clone(),
            programs: Programs { uv: settings.script_uv.clone(), npm: settings.script_npm.clone() },
            authorities: settings.egress_ca_file.as_ref().and_then(|file| std::fs::read_to_string(file).ok()),
        },
        allocation: settings.script_credits,
        dial: Some(Dialer(Arc::new(Door(Tcp::new(policy, dns))))),
    })
}

/// The package indexes of the settings.
pub(crate) fn indexes<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Indexes, SettingError> {
    let index = |index: &str, files: &str, usual: &'static str| {
        let hosts =
            get(files).map(|all| all.split(',').map(|host| host.trim().to_owned()).collect::<Vec<_>>());
        match (get(index), hosts) {
            (None, None) => None,
            (index, hosts) => Some((index.map_or(usual, str::trim), hosts.unwrap_or_default())),
        }
    };
    let python = index("script_python_index", "script_python_files", PYTHON_INDEX);
    let npm = index("script_npm_registry", "script_npm_files", NPM_REGISTRY);
    Indexes::new(python, npm).map_err(|e| {
        let name = match e.field() {
            Some("pythonIndex") => "script_python_index",
            Some("pythonFiles") => "script_python_files",
            Some("npmRegistry") => "script_npm_registry",
            _ => "script_npm_files",
        };
        SettingError::named(name, e.message())
    })
}

/// The one door, for sandboxes.
struct Door(Tcp);

impl Dial for Door {
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> Dialing<'a> {
        Box::pin(async move {
            let opened = self.0.connect(host, port).await.map_err(|e| Refusal(e.to_string()))?;
            Ok(Box::new(opened) as Box<dyn Stream>)
        })
    }

    fn knows<'a>(&'a self, host: &'a str) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(self.0.knows(host))
    }
}
