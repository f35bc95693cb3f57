pub(crate) mod connectors;
pub(crate) mod exemptions;
pub(crate) mod links;
pub(crate) mod types;
pub(crate) mod values;
pub(crate) mod warnings;
