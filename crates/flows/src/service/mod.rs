//! Use cases of flows.

pub(crate) mod belongings;
pub(crate) mod build;
pub(crate) mod decide;
pub(crate) mod definitions;
pub(crate) mod deploy;
pub(crate) mod executions;
pub(crate) mod missing;
pub(crate) mod names;
pub(crate) mod package;
pub(crate) mod room;
pub(crate) mod statistics;
pub(crate) mod triggers;
pub(crate) mod try_request;
pub(crate) mod used;
pub(crate) mod waiting;

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
