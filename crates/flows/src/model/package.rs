//! A flow on its way between workspaces.

use std::collections::BTreeMap;

use gatehouse_types::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What packages are called; the number changes when an older program could not read them.
pub(crate) const FORMAT: &str = "gatehouse-flow/1";
/// What a package requires at most.
const MAX_REQUIRED: usize = 400;

/// A flow without its secrets, with what it needs by name.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = FlowPackage)]
pub(crate) struct Package {
    /// `gatehouse-flow/1`.
    #[serde(default = "format")]
    pub(crate) format: String,
    /// The flow.
    #[serde(deserialize_with = "gatehouse_web::object")]
    pub(crate) flow: Packed,
    /// What it needs where it is imported.
    #[serde(default)]
    pub(crate) requires: Vec<Required>,
    /// JSON pointers into the definition to secrets that were left out.
    #[serde(default, rename = "secretsLeftOut")]
    pub(crate) left_out: Vec<String>,
    /// Instead of the flow's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// Ids of this workspace in the place of ids there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) mapping: BTreeMap<String, String>,
}

fn format() -> String {
    FORMAT.to_owned()
}

/// A flow in a package.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = PackedFlow)]
pub(crate) struct Packed {
    /// Its name.
    pub(crate) name: String,
    /// What it is for.
    #[serde(default)]
    pub(crate) description: String,
    /// What it does; see `GET /api/v1/flows/schema`.
    #[schema(value_type = Object)]
    pub(crate) definition: Value,
}

/// Something that a packed flow needs.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = FlowRequirement)]
pub(crate) struct Required {
    /// `connector`, `authProfile` or `script`.
    pub(crate) kind: String,
    /// The id where the flow comes from.
    pub(crate) id: String,
    /// What it is called there; one with the same name (and type) is taken where the flow is imported.
    #[serde(default)]
    pub(crate) name: String,
    /// The type of a connector.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) type_id: Option<String>,
    /// The ids of the nodes that need it.
    #[serde(default)]
    pub(crate) nodes: Vec<String>,
}

impl Package {
    /// Whether it is one that this program reads.
    ///
    /// # Errors
    /// `Validation` when it is none.
    pub(crate) fn check(&self) -> Result<()> {
        if self.format != FORMAT {
            let message = format!("This is no package that this version reads: format must be {FORMAT}.");
            return Err(Error::validation("format", message));
        }
        if self.requires.len() > MAX_REQUIRED
            || self.left_out.len() > MAX_REQUIRED
            || self.mapping.len() > MAX_REQUIRED
        {
            return Err(Error::validation("requires", "A package names at most 400 things it needs."));
        }
        Ok(())
    }
}
