//! Whose a connector is, and where its secrets may go.

use std::collections::BTreeSet;

use gatehouse_catalogue::{AuthType, ConnectorType};
use gatehouse_types::{Actor, Error, Result};

use crate::connectors::model::connector::Connector;
use crate::connectors::model::fields::{Given, Values, place_of, spoken};
use crate::connectors::model::known::fields;

/// A person's own connector works for that person alone: whoever manages connectors sees and deletes it, and no more.
///
/// # Errors
/// `Conflict` for everybody else.
pub(crate) fn only_theirs(actor: &Actor, connector: &Connector) -> Result<()> {
    if !connector.is_of_another(actor.user().ok()) {
        return Ok(());
    }
    Err(Error::conflict(
        "This connector is a person's own: only that person uses, tests and changes it. Others who manage connectors may \
         delete it. For everybody, make a connector of the company's.",
    ))
}

/// Where a connector's credential goes: scheme, host and port of each address that its values make.
pub(crate) fn origins(of: &ConnectorType, auth: &AuthType, values: &Values) -> BTreeSet<String> {
    // an address that only the product can complete is bounded by its type's file
    let filled = of.addresses(auth).into_iter().filter_map(|address| {
        let value = |name: &str| match name {
            // where the callback stands in an address it is in the query
            "redirect_uri" => Some("none".to_owned()),
            name => values.get(name).map(str::to_owned),
        };
        address.fill(value).ok()
    });
    filled.map(|url| url.origin().ascii_serialization()).collect()
}

/// Sealed values go nowhere that they were not entered for: whoever may change addresses does not thereby learn secrets.
///
/// # Errors
/// `Validation` names each secret that must be entered again.
pub(crate) fn kept_at_home(
    (old, before): (&BTreeSet<String>, &Values),
    (new, values): (&BTreeSet<String>, &Values),
    (of, auth): (&ConnectorType, &AuthType),
    given: &Given,
) -> Result<()> {
    let Some(elsewhere) = new.difference(old).next() else { return Ok(()) };
    let is_new = |key: &str| {
        let mut entered =
            given.values.iter().filter(|(_, value)| value.as_ref().is_some_and(|v| !v.is_empty()));
        entered.any(|(name, _)| name == key || *name == spoken(key))
    };
    let taken = fields(of, auth).filter(|field| {
        let key = field.key.as_str();
        values.secret.contains_key(key) && before.secret.contains_key(key) && !is_new(key)
    });
    let problems = taken.map(|field| {
        let message = format!(
            "Enter it again as well: {} would go to {elsewhere}, because the address changed.",
            field.label
        );
        (place_of(field), message)
    });
    Error::validations(problems.collect()).map_or(Ok(()), Err)
}
