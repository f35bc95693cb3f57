//! Use cases of flows.

pub(crate) mod build;
pub(crate) mod definitions;
pub(crate) mod deploy;
pub(crate) mod missing;
pub(crate) mod package;

use gatehouse_types::{Actor, Error, FlowId, Id, Principal};

pub(crate) fn not_found() -> Error {
    Error::not_found("Flow")
}

pub(crate) fn object(id: &FlowId) -> Option<String> {
    Some(format!("flow:{id}"))
}

/// Who acts, as `kind:id`.
pub(crate) fn by(actor: &Actor) -> String {
    match &actor.principal {
        Principal::User { user_id, .. } => format!("user:{user_id}"),
        Principal::ApiKey { key_id, .. } => format!("api-key:{}", key_id.as_str()),
        _ => "system".to_owned(),
    }
}
