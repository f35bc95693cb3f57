use gatehouse_types::{Error, Kind};
use gatehouse_web::status_of;
use serde_json::{Value, json};

use crate::protocol::error::{ERROR, ScimError, ScimType};

/// `Result` of what the protocol does.
pub(crate) type ScimResult<T> = Result<T, Refused>;

/// A refusal on its way out.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Of the protocol.
    Protocol(ScimError),
    /// Of ours: rights, conflicts, failures.
    Ours(Error),
}

impl From<ScimError> for Refused {
    fn from(error: ScimError) -> Self {
        Self::Protocol(error)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<gatehouse_store::Error> for Refused {
    fn from(error: gatehouse_store::Error) -> Self {
        Self::Ours(error.into())
    }
}

impl Refused {
    /// The status, and the body of the answer.
    pub(crate) fn shown(&self) -> (u16, Value) {
        match self {
            Self::Protocol(e) => body(e.status, e.scim_type, &e.detail),
            Self::Ours(e) => shown(e),
        }
    }
}

/// The status and the body for a failure of ours.
pub(crate) fn shown(e: &Error) -> (u16, Value) {
    let scim_type = match e.kind() {
        Kind::Validation => Some(ScimType::InvalidValue),
        Kind::InvalidRequest => Some(ScimType::InvalidSyntax),
        Kind::Conflict => Some(ScimType::Uniqueness),
        _ => None,
    };
    let detail = match e.decision() {
        Some(decision) => format!("{} (decision {decision})", e.message()),
        None => e.message().to_owned(),
    };
    body(status_of(e.kind()).as_u16(), scim_type, &detail)
}

fn body(status: u16, scim_type: Option<ScimType>, detail: &str) -> (u16, Value) {
    let mut body = json!({"schemas": [ERROR], "status": status.to_string(), "detail": detail});
    if let Some(scim_type) = scim_type {
        body["scimType"] = json!(scim_type.as_str());
    }
    (status, body)
}
