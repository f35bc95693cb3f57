//! A flow as it is kept.

use gatehouse_types::{Error, FlowId, FlowVersionId, Result, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest name, in characters.
const MAX_NAME: usize = 100;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 2000;

/// A flow with the definition that is edited.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) id: FlowId,
    pub(crate) workspace_id: WorkspaceId,
    /// Grows with each change.
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) description: String,
    /// The draft.
    pub(crate) definition: Value,
    /// SHA-256 of the draft in canonical JSON.
    pub(crate) digest: String,
    /// What an import could not find here.
    pub(crate) stubs: Vec<Stub>,
    pub(crate) deployed: Option<Deployed>,
    pub(crate) created_by: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_by: Option<String>,
    pub(crate) updated_at: Timestamp,
}

/// What of a flow is in service.
#[derive(Clone, Debug)]
pub(crate) struct Deployed {
    pub(crate) id: FlowVersionId,
    pub(crate) number: i64,
    pub(crate) digest: String,
    pub(crate) at: Timestamp,
    pub(crate) by: Option<String>,
}

/// A flow without its definition, for lists.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) id: FlowId,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) version: i64,
    pub(crate) deployed: Option<Deployed>,
    /// Whether the draft is another than what is deployed.
    pub(crate) changed: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// A definition as it was deployed or tried out.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) id: FlowVersionId,
    pub(crate) flow_id: FlowId,
    /// From 1; `None`: a draft that was tried out.
    pub(crate) number: Option<i64>,
    pub(crate) definition: Value,
    pub(crate) digest: String,
    pub(crate) created_by: Option<String>,
    pub(crate) created_at: Timestamp,
}

/// A version that was deployed, in a list.
#[derive(Clone, Debug)]
pub(crate) struct ListedVersion {
    pub(crate) number: i64,
    /// `None`: left out, because the list would be too large.
    pub(crate) definition: Option<Value>,
    pub(crate) digest: String,
    pub(crate) created_by: Option<String>,
    pub(crate) created_at: Timestamp,
}

/// What an import could not find in this workspace, by what it was called where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stub {
    /// `connector`, `authProfile`, `script` or `value`.
    pub(crate) kind: String,
    /// The id there; of a value, the JSON pointer to it.
    pub(crate) id: String,
    pub(crate) name: String,
    /// The type of a connector.
    #[serde(rename = "type")]
    pub(crate) type_id: Option<String>,
}

/// Something that a flow needs and that is not there: it blocks a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FlowMissing)]
pub(crate) struct Missing {
    /// `connector`, `authProfile`, `action`, or `value` for a secret that an export left out.
    pub(crate) kind: String,
    /// Its id; of a value, the JSON pointer into the definition.
    pub(crate) id: String,
    /// What it was called where the flow comes from.
    pub(crate) name: Option<String>,
    /// The type of a connector.
    #[serde(rename = "type")]
    pub(crate) type_id: Option<String>,
    /// The ids of the nodes that need it.
    pub(crate) nodes: Vec<String>,
    /// What is missing, and what to do.
    pub(crate) message: String,
}

/// A name, by which people find it.
pub(crate) fn checked_name(text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_NAME || text.chars().any(char::is_control) {
        return Err(Error::validation("name", "The name must be one line of 1 to 100 characters."));
    }
    Ok(text.to_owned())
}

/// What the flow is for.
pub(crate) fn checked_description(text: &str) -> Result<String> {
    if text.chars().count() > MAX_DESCRIPTION || text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Error::validation("description", "The description has at most 2000 characters."));
    }
    Ok(text.trim().to_owned())
}
