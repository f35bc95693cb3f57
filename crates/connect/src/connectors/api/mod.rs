pub(crate) mod calls;
pub(crate) mod connectors;
pub(crate) mod exemptions;
pub(crate) mod links;
pub(crate) mod mine;
pub(crate) mod people;
pub(crate) mod type_views;
pub(crate) mod types;

use gatehouse_types::{ConnectorId, Error, Result};

/// The id in a path; what is none of ours does not exist.
pub(crate) fn connector_id(text: &str) -> Result<ConnectorId> {
    text.parse().map_err(|_| Error::not_found("Connector"))
}
