//! The headers of a request.

use std::collections::BTreeMap;

use super::RequestError;
use super::query::joined;
use super::values::Given;
use crate::limits::REQUEST_HEADER_BYTES;
use crate::model::{Action, ConnectorType, ParameterPlace};

/// Those of the connector, replaced by those of the action, replaced by its parameters. A header that names a
/// value which the connection has not (an optional field) is left out.
pub(super) fn of(
    connector: &ConnectorType,
    action: &Action,
    given: &Given<'_>,
    connection: &impl Fn(&str) -> Option<String>,
) -> Result<Vec<(String, String)>, RequestError> {
    let mut headers = BTreeMap::new();
    for (name, template) in connector.headers.iter().chain(&action.headers) {
        match template.fill(connection) {
            Ok(value) if is_value(&value) => {
                headers.insert(name.to_lowercase(), (name.clone(), value));
            }
            Ok(_) => return Err(RequestError::Header(name.clone())),
            Err(_) => {}
        }
    }
    for (parameter, value) in given.at(ParameterPlace::Header) {
        let name = parameter.name.as_deref().unwrap_or(parameter.key.as_str());
        let text = joined(value, ",").map_err(|what| RequestError::value(&parameter.key, what))?;
        if !is_value(&text) {
            let what = format!("must be at most {REQUEST_HEADER_BYTES} plain characters on one line");
            return Err(RequestError::value(&parameter.key, what));
        }
        headers.insert(name.to_lowercase(), (name.to_owned(), text));
    }
    Ok(headers.into_values().collect())
}

/// Visible characters of ASCII, spaces and tabs (RFC 9110 §5.5).
fn is_value(text: &str) -> bool {
    text.len() <= REQUEST_HEADER_BYTES && text.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b))
}
