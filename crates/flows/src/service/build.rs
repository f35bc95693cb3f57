//! Help while a flow is built: judging what was typed, requests of pasted commands.

use gatehouse_flow::curl::{self, Command};
use gatehouse_flow::{Flow, Problem};
use gatehouse_identity::require;
use gatehouse_types::{Actor, Error, Permission, Result};
use serde_json::Value;

use crate::Flows;
use crate::model::flow::Missing;

/// What was found of a definition.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) problems: Vec<Problem>,
    pub(crate) missing: Vec<Missing>,
}

impl Flows {
    /// Everything that is wrong with a definition, and what it would lack here.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn judge(&self, actor: &Actor, definition: &Value) -> Result<Judged> {
        let workspace = require(&self.0.store, actor, Permission::EditFlows, None).await?;
        match Flow::read(definition) {
            Ok(_) => {
                let missing = self.missing(workspace, definition, &[]).await?;
                Ok(Judged { problems: Vec::new(), missing })
            }
            Err(problems) => Ok(Judged { problems, missing: Vec::new() }),
        }
    }

    /// The request of a pasted command line of curl.
    ///
    /// # Errors
    /// `Validation` says what of it is not understood; `Authorization` without the right.
    pub(crate) async fn pasted(&self, actor: &Actor, command: &str) -> Result<Command> {
        require(&self.0.store, actor, Permission::EditFlows, None).await?;
        curl::parse(command).map_err(|e| {
            let text = e.to_string();
            let mut letters = text.chars();
            let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
            Error::validation("command", format!("{first}{}.", letters.as_str()))
        })
    }
}
