//! Fields and other parts, made with the defaults that a file has.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::LeftOut;
use super::document::Node;
use super::names::{escaped, line};
use crate::Template;
use crate::limits::LINE_CHARS;
use crate::model::{Field, FieldType};

/// Keys that kinds of authentication give a meaning to. No field of a server has them.
pub(super) const OURS: [&str; 7] =
    ["client_id", "client_secret", "scope", "username", "password", "token", "api_key"];

/// A part as its file would be read.
pub(super) fn made<T: DeserializeOwned>(node: &Node<'_>, parts: Value) -> Result<T, LeftOut> {
    serde_json::from_value(parts).map_err(|error| node.refused(error.to_string()))
}

/// A field on one line that must be filled in.
pub(super) fn field(node: &Node<'_>, key: &str, label: &str, secret: bool) -> Result<Field, LeftOut> {
    made(node, json!({ "key": key, "label": label, "secret": secret }))
}

/// The same with a kind and a help, and with a default where that fits.
pub(super) fn of_kind(mut field: Field, kind: FieldType, default: Option<&str>, help: Option<&str>) -> Field {
    field.kind = kind;
    field.help = help.and_then(|help| line(help, LINE_CHARS)).and_then(|help| plain_template(&help));
    field.default = default.filter(|default| field.check(default).is_ok()).map(str::to_owned);
    field
}

/// A text of the document as a template without gaps, no longer than it was.
fn plain_template(text: &str) -> Option<Template> {
    let text = text.replace('{', "(").replace('}', ")");
    Template::parse(&escaped(&text)).ok()
}
