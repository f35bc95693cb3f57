//! Custom scripts as this application runs them: their settings, and their way out.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Context;
use gatehouse_outbound::{Dns, Tcp, egress};
use gatehouse_sandbox::{Dial, Dialing, Refusal, Stream};
use gatehouse_scripts::{Dialer, Options};

use crate::Settings;

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
        allocation: settings.script_credits,
        dial: Some(Dialer(Arc::new(Door(Tcp::new(policy, dns))))),
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
