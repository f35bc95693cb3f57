//! What a step does outside, with all values filled in.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::authentication::Wish;
use crate::definition::{Body, CustomText, Kind, Request};
use crate::limits::VALUE_BYTES;
use crate::template::{Fault, Tree, Values, form_component, header_value, text_of};

/// What a step does outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Work {
    /// Sends a request.
    Api(ReadyRequest),
    /// Calls a function of a script.
    Function {
        /// The script.
        script_id: String,
        /// The function.
        function: String,
        /// Its arguments by name.
        arguments: Map<String, Value>,
    },
    /// Carries out an action of a connector.
    Connector {
        /// The connector.
        connector_id: String,
        /// The action.
        action: String,
        /// Its parameters by name.
        parameters: Map<String, Value>,
        /// Whose credentials it runs with.
        run_as: RunAs,
    },
}

/// Whose credentials a connector step runs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "camelCase")]
pub enum RunAs {
    /// As the connector's setting says, made stricter by the node's wish.
    Setting {
        /// What the node asks beyond the setting.
        wish: Option<Wish>,
    },
    /// The identity of the connector: the person has not authenticated, and the setting allows it.
    Connector,
}

/// A request with all values filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadyRequest {
    /// The method.
    pub method: String,
    /// Where it goes.
    pub url: String,
    /// Headers; the content type is among them when there is a body.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<String>,
    /// The authorization profile it is sent with.
    pub auth_profile_id: Option<String>,
}

/// The work of a node; nothing for nodes that do nothing outside.
pub(crate) fn work(kind: &Kind, values: &dyn Values) -> Result<Option<Work>, Fault> {
    Ok(match kind {
        Kind::Api(api) => Some(Work::Api(fill_request(&api.request, values)?)),
        Kind::Function(function) => Some(Work::Function {
            script_id: function.script_id.clone(),
            function: function.function.clone(),
            arguments: members(&function.arguments, values)?,
        }),
        Kind::Connector(connector) => Some(Work::Connector {
            connector_id: connector.connector_id.clone(),
            action: connector.action.clone(),
            parameters: members(&connector.parameters, values)?,
            run_as: RunAs::Setting { wish: connector.wish },
        }),
        _ => None,
    })
}

fn members(tree: &Tree, values: &dyn Values) -> Result<Map<String, Value>, Fault> {
    match tree.fill(values)? {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

/// Fills in a request. For the machine, and for trying a request out while it is built.
pub fn fill_request(request: &Request, values: &dyn Values) -> Result<ReadyRequest, Fault> {
    let mut headers = Vec::with_capacity(request.headers.len() + 1);
    for (name, text) in &request.headers {
        let value =
            header_value(text, values).map_err(|fault| Fault(format!("header {name}: {}", fault.0)))?;
        headers.push((name.clone(), value));
    }
    let (content_type, body) =
        body(&request.body, values).map_err(|fault| Fault(format!("body: {}", fault.0)))?;
    if let Some(content_type) = content_type
        && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        headers.push(("content-type".to_owned(), content_type));
    }
    let url = request.url.fill(values).map_err(|fault| Fault(format!("URL: {}", fault.0)))?;
    Ok(ReadyRequest {
        method: request.method.word().to_owned(),
        url: url.into(),
        headers,
        body,
        auth_profile_id: request.auth_profile_id.clone(),
    })
}

fn body(body: &Body, values: &dyn Values) -> Result<(Option<String>, Option<String>), Fault> {
    let (content_type, text) = match body {
        Body::None => return Ok((None, None)),
        Body::Form(fields) => ("application/x-www-form-urlencoded", form(fields, values)?),
        Body::FormText(text) => ("application/x-www-form-urlencoded", text.form(values)?),
        Body::Json(tree) => ("application/json", tree.fill(values)?.to_string()),
        Body::JsonText(text) => ("application/json", text.fill(values)?),
        Body::Xml(text) => ("application/xml", text.fill(values)?),
        Body::Custom { content_type, text } => {
            let text = match text {
                CustomText::Json(text) => text.fill(values)?,
                CustomText::Xml(text) => text.fill(values)?,
                CustomText::Form(text) => text.form(values)?,
                CustomText::Plain(text) => text_of(&text.value(values)?),
            };
            (content_type.as_str(), text)
        }
    };
    if text.len() > VALUE_BYTES {
        return Err(Fault(format!("is larger than {VALUE_BYTES} bytes")));
    }
    Ok((Some(content_type.to_owned()), Some(text)))
}

/// Names and values of a form; a list gives its name once an item, null nothing.
fn form(fields: &[(String, Tree)], values: &dyn Values) -> Result<String, Fault> {
    let mut pairs = Vec::new();
    for (name, tree) in fields {
        let pair = |value: &Value| format!("{}={}", form_component(name), form_component(&text_of(value)));
        match tree.fill(values)? {
            Value::Null => {}
            Value::Array(items) => pairs.extend(items.iter().map(pair)),
            value => pairs.push(pair(&value)),
        }
    }
    Ok(pairs.join("&"))
}
