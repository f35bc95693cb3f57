//! Who uses profiles and connectors: a part of the product above this one knows its definitions, and says so.

use std::sync::Arc;

use gatehouse_identity::rules::Boxed;
use gatehouse_types::{Result, WorkspaceId};
use serde_json::{Value, json};

use crate::{Connect, Holder};

/// Flows that a sentence names; it counts all.
const MAX_NAMED: usize = 20;

/// A flow whose draft or deployed version uses something.
#[derive(Clone, Debug)]
pub struct FlowUse {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether the version in service uses it; else the draft alone.
    pub deployed: bool,
    /// The names of its triggers.
    pub triggers: Vec<String>,
}

/// The part of the product that knows who uses a connector or profile by its definitions.
pub trait Uses: Send + Sync + std::fmt::Debug {
    /// The flows that use the connector or profile with this id, by name.
    fn of<'a>(&'a self, workspace: &'a WorkspaceId, id: &'a str) -> Boxed<'a, Result<Vec<FlowUse>>>;
}

impl Connect {
    /// Whom to ask who uses profiles and connectors; counts once.
    pub fn asks(&self, uses: Arc<dyn Uses>) {
        drop(self.0.uses.set(uses));
    }

    /// The flows that use a holder.
    pub(crate) async fn uses_of(&self, workspace: &WorkspaceId, holder: &Holder) -> Result<Vec<FlowUse>> {
        match self.0.uses.get() {
            Some(uses) => uses.of(workspace, holder.id()).await,
            None => Ok(Vec::new()),
        }
    }
}

/// The same for an entry of the audit log, and so for a trial run.
pub(crate) fn details(uses: &[FlowUse]) -> Value {
    uses.iter()
        .map(|u| json!({"id": u.id, "name": u.name, "deployed": u.deployed, "triggers": u.triggers}))
        .collect()
}

/// In a sentence or two; empty when nothing uses it.
pub(crate) fn sentence(uses: &[FlowUse]) -> String {
    if uses.is_empty() {
        return "No flow uses it.".to_owned();
    }
    let one = |used: &FlowUse| {
        let draft = if used.deployed { "" } else { ", in its draft" };
        let triggers = match used.triggers.as_slice() {
            [] => String::new(),
            [one] => format!(", started by the trigger {one}"),
            all => format!(", started by the triggers {}", all.join(", ")),
        };
        format!("{}{draft}{triggers}", used.name)
    };
    let named: Vec<_> = uses.iter().take(MAX_NAMED).map(one).collect();
    let more = match uses.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("Flows that use it: {}{more}.", named.join("; "))
}
