use std::str::FromStr;

use gatehouse_types::{Error, Result, ScimActivityId, ScimTokenId, Timestamp};
use serde::Serialize;
use serde_json::Value;

/// What was done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ScimOperation)]
pub(crate) enum Operation {
    /// It was made.
    Create,
    /// It was changed.
    Update,
    /// It was deleted.
    Delete,
}

impl Operation {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl FromStr for Operation {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let all = [Self::Create, Self::Update, Self::Delete];
        let message = "The operation must be one of create, update, delete.";
        all.into_iter().find(|o| o.as_str() == text).ok_or_else(|| Error::validation("operation", message))
    }
}

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ScimResourceType)]
pub(crate) enum Resource {
    /// A person.
    User,
    /// A group.
    Group,
}

impl Resource {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }
}

impl FromStr for Resource {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "user" => Ok(Self::User),
            "group" => Ok(Self::Group),
            _ => Err(Error::validation("resourceType", "The resourceType must be user or group.")),
        }
    }
}

/// One thing that a provider did, or tried to.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    pub(crate) id: ScimActivityId,
    pub(crate) token_id: ScimTokenId,
    pub(crate) at: Timestamp,
    pub(crate) operation: Operation,
    pub(crate) resource: Resource,
    /// `None` when nothing was made.
    pub(crate) resource_id: Option<String>,
    /// Why it was refused; `None`: it was done.
    pub(crate) error: Option<String>,
    /// What changed.
    pub(crate) details: Value,
}

/// Which activities to list.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WantedActivities {
    pub(crate) operation: Option<Operation>,
    pub(crate) resource: Option<Resource>,
    /// Whether it was done.
    pub(crate) is_success: Option<bool>,
    pub(crate) from: Option<Timestamp>,
    /// Not this moment any more.
    pub(crate) until: Option<Timestamp>,
}
