//! Hiding secrets in what is shown of inputs and outputs.
//!
//! Three rules: members whose names say that they are secret, places that the definition marks, and texts that
//! are secret somewhere else in what is shown or known.

mod names;
mod text;

pub use names::is_secret_name;

use serde_json::{Map, Value};

use crate::definition::{Field, Kind, Node};

/// What stands where something is hidden.
pub const HIDDEN: &str = "[hidden]";

/// Shorter secrets are not looked for in other texts: they would hide half of everything.
const SHORTEST: usize = 6;

/// Secret texts that are looked for elsewhere, at most: each is looked for in each text. Where there are more, everything is
/// hidden.
const MOST: usize = 256;

/// What is hidden beside what names say.
#[derive(Debug, Clone, Default)]
pub struct Redaction {
    pointers: Vec<Vec<String>>,
    texts: Vec<String>,
    /// There are more secrets than are looked for.
    too_many: bool,
}

impl Redaction {
    /// Only what names say.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a node says of its output: the paths it marks, and the secret fields of a start or form.
    pub fn of(node: &Node) -> Self {
        let marked = Self::new().pointers(&node.secret_paths);
        match &node.kind {
            Kind::Start(start) => marked.fields(start.inputs.as_deref().unwrap_or_default()),
            Kind::Input(input) => marked.fields(&input.fields),
            _ => marked,
        }
    }

    /// Hides what JSON pointers lead to; `*` stands for every item or member.
    #[must_use]
    pub fn pointers(mut self, pointers: &[String]) -> Self {
        self.pointers.extend(pointers.iter().map(|pointer| {
            let parts = pointer.split('/').skip(1);
            parts.map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
        }));
        self
    }

    /// Hides the fields of a form that are secret.
    #[must_use]
    pub fn fields(mut self, fields: &[Field]) -> Self {
        let secret = fields.iter().filter(|field| field.secret);
        self.pointers.extend(secret.map(|field| vec![field.name.clone()]));
        self
    }

    /// Hides these texts wherever they stand; short ones are left out.
    #[must_use]
    pub fn texts(mut self, texts: impl IntoIterator<Item = String>) -> Self {
        self.texts.extend(texts.into_iter().filter(|text| text.len() >= SHORTEST));
        self.texts.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.texts.dedup();
        self.too_many |= self.texts.len() > MOST;
        self.texts.truncate(MOST);
        self
    }

    /// The secret texts in a value: for [`Redaction::texts`] of what came from it.
    pub fn secrets_in(&self, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.walk(value, &self.open(), false, &mut found);
        found
    }

    /// The value as it may be shown.
    pub fn show(&self, value: &Value) -> Value {
        let own = self.secrets_in(value);
        let both = Self { too_many: self.too_many, ..Self::default() };
        let both = both.texts(own.into_iter().chain(self.texts.clone()));
        if both.too_many {
            return HIDDEN.into();
        }
        both.hide(&self.mask(value, &self.open()))
    }

    /// A text as it may be shown: a message, a URL, a body.
    pub fn show_text(&self, text: &str) -> String {
        if self.too_many {
            return HIDDEN.to_owned();
        }
        let mut hidden = text.to_owned();
        for secret in &self.texts {
            if hidden.contains(secret.as_str()) {
                hidden = hidden.replace(secret, HIDDEN);
            }
        }
        text::credentials(&hidden)
    }

    /// Whether a secret stands in a text.
    fn is_in(&self, text: &str) -> bool {
        self.texts.iter().any(|secret| text.contains(secret.as_str()))
    }

    fn open(&self) -> Vec<&[String]> {
        self.pointers.iter().map(Vec::as_slice).collect()
    }

    /// Masks what names and pointers say.
    fn mask(&self, value: &Value, open: &[&[String]]) -> Value {
        if open.iter().any(|rest| rest.is_empty()) {
            return if value.is_null() { Value::Null } else { HIDDEN.into() };
        }
        match value {
            Value::Object(members) => {
                let pair = header_pair(members);
                let shown = members.iter().map(|(name, member)| {
                    let secret = is_secret_name(name) || (pair && name == "value");
                    let shown = if secret && !empty(member) {
                        HIDDEN.into()
                    } else {
                        self.mask(member, &further(open, name))
                    };
                    (name.clone(), shown)
                });
                Value::Object(shown.collect())
            }
            Value::Array(items) if named_pair(items) => Value::Array(vec![items[0].clone(), HIDDEN.into()]),
            Value::Array(items) => {
                let shown = items.iter().enumerate();
                shown.map(|(index, item)| self.mask(item, &further(open, &index.to_string()))).collect()
            }
            other => other.clone(),
        }
    }

    fn walk(&self, value: &Value, open: &[&[String]], secret: bool, found: &mut Vec<String>) {
        let secret = secret || open.iter().any(|rest| rest.is_empty());
        match value {
            Value::String(text) if secret => found.push(text.clone()),
            Value::Number(number) if secret => found.push(number.to_string()),
            Value::Object(members) => {
                let pair = header_pair(members);
                for (name, member) in members {
                    let secret = secret || is_secret_name(name) || (pair && name == "value");
                    self.walk(member, &further(open, name), secret, found);
                }
            }
            Value::Array(items) => {
                let pair = named_pair(items);
                for (index, item) in items.iter().enumerate() {
                    self.walk(
                        item,
                        &further(open, &index.to_string()),
                        secret || (pair && index == 1),
                        found,
                    );
                }
            }
            _ => {}
        }
    }

    fn hide(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.show_text(text).into(),
            // a card's number is one, whether it is written as a text or not
            Value::Number(number) if self.is_in(&number.to_string()) => HIDDEN.into(),
            Value::Array(items) => items.iter().map(|item| self.hide(item)).collect(),
            Value::Object(members) => Value::Object(
                members.iter().map(|(name, member)| (name.clone(), self.hide(member))).collect(),
            ),
            other => other.clone(),
        }
    }
}

fn further<'p>(open: &[&'p [String]], name: &str) -> Vec<&'p [String]> {
    let leads = |rest: &&'p [String]| match rest {
        [first, rest @ ..] if first == name || first == "*" => Some(rest),
        _ => None,
    };
    open.iter().filter_map(leads).collect()
}

fn empty(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(_)) || value.as_str() == Some("")
}

/// `{"name": "Authorization", "value": …}`, as lists of headers have it.
fn header_pair(members: &Map<String, Value>) -> bool {
    let name = members.get("name").or_else(|| members.get("key")).and_then(Value::as_str);
    members.contains_key("value") && name.is_some_and(is_secret_name)
}

/// `["Authorization", …]`, as lists of headers have it too.
fn named_pair(items: &[Value]) -> bool {
    matches!(items, [Value::String(name), Value::String(_) | Value::Number(_)] if is_secret_name(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_tell_secrets() {
        for name in [
            "authorization",
            "Authorization",
            "X-API-Key",
            "api_key",
            "apiKey",
            "clientSecret",
            "refresh_token",
            "access-token",
            "Set-Cookie",
            "cookie",
            "newPassword",
            "PASSWORD",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "author",
            "key",
            "tokenType",
            "token_type",
            "monkey",
            "cook",
            "maxTokens",
            "nextPageToken",
            "input_tokens",
            "pass",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn what_names_and_marks_say_is_hidden_everywhere() {
        let redaction = Redaction::new().pointers(&["/card/number".to_owned(), "/list/*/pin".to_owned()]);
        let shown = redaction.show(&json!({
            "password": "hunter22", "note": "my hunter22 is", "card": {"number": 4111_1111_1111_u64, "owner": "A"},
            "list": [{"pin": 1234}, {"pin": null}], "headers": [["Authorization", "Bearer abc"], ["Accept", "x"]],
            "more": [{"name": "cookie", "value": "a=b"}, {"name": "x", "value": "y"}], "said": "paid with 411111111111",
            "token": "", "secret": {"deep": "deepdeep"}, "again": "deepdeep", "copy": 411111111111_u64, "year": 4111,
        }));
        assert_eq!(
            shown,
            json!({
                "password": HIDDEN, "note": format!("my {HIDDEN} is"), "card": {"number": HIDDEN, "owner": "A"},
                "list": [{"pin": HIDDEN}, {"pin": null}], "headers": [["Authorization", HIDDEN], ["Accept", "x"]],
                "more": [{"name": "cookie", "value": HIDDEN}, {"name": "x", "value": "y"}],
                "said": format!("paid with {HIDDEN}"), "token": "", "secret": HIDDEN, "again": HIDDEN,
                "copy": HIDDEN, "year": 4111,
            })
        );
    }

    #[test]
    fn credentials_in_texts_are_hidden() {
        let redaction = Redaction::new();
        for (text, shown) in [
            ("sent Bearer abc.def, refused", "sent Bearer [hidden], refused"),
            ("Authorization: Basic dTpw", "Authorization: Basic [hidden]"),
            (
                "GET https://u:p@h.example/x?token=abc&a=b",
                "GET https://[hidden]@h.example/x?token=[hidden]&a=b",
            ),
            ("client_secret=s3&grant_type=x", "client_secret=[hidden]&grant_type=x"),
            ("the token = none", "the token = none"),
            ("é:// Bearer", "é:// Bearer"),
        ] {
            assert_eq!(redaction.show_text(text), shown);
            assert_eq!(redaction.show_text(shown), shown);
        }
    }

    #[test]
    fn a_node_says_what_of_its_output_is_secret() {
        let definition = json!({
            "nodes": [
                {"id": "start", "kind": "start", "inputs": [{"name": "pin", "type": "string", "secret": true}]},
                {"id": "call", "kind": "function", "scriptId": "s", "function": "f", "secretPaths": ["/cards/*/number"]},
                {"id": "end", "kind": "end"}],
            "edges": [{"from": "start", "to": "call"}, {"from": "call", "to": "end"}]
        });
        let flow = crate::Flow::read(&definition).unwrap();
        let shown = |id: &str, output| Redaction::of(flow.node(id).unwrap()).show(&output);
        assert_eq!(shown("start", json!({"pin": "1", "x": "1"})), json!({"pin": HIDDEN, "x": "1"}));
        let output = json!({"cards": [{"number": 1, "owner": 2}]});
        assert_eq!(shown("call", output.clone()), json!({"cards": [{"number": HIDDEN, "owner": 2}]}));
        assert_eq!(shown("end", output.clone()), output);
    }

    #[test]
    fn secrets_of_one_value_are_hidden_in_another() {
        let secrets = Redaction::new().secrets_in(&json!({"token": "abcdefgh", "password": "short"}));
        let other = Redaction::new().texts(secrets);
        assert_eq!(other.show_text("x abcdefgh y short"), format!("x {HIDDEN} y short"));
    }
}
