//! Typed inputs of a flow and fields of its forms.

use serde::Serialize;
use serde_json::{Map, Value};

use super::reader::{Reader, kind_of};
use crate::limits;
use crate::problem::{Problem, Problems, below};
use crate::template::number_in;

/// A typed value that somebody gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name in expressions.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// Its label for people.
    pub label: Option<String>,
    /// What to enter, in a sentence.
    pub help: Option<String>,
    /// Must it be given?
    pub required: bool,
    /// What it is when it is not given.
    pub default: Option<Value>,
    /// The texts it may be; any when empty.
    pub choices: Vec<String>,
    /// Is it hidden wherever values are shown?
    pub secret: bool,
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// A text.
    String,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// Any JSON.
    Json,
}

impl FieldType {
    /// All types with their words.
    pub const ALL: [(&'static str, Self); 5] = [
        ("string", Self::String),
        ("number", Self::Number),
        ("integer", Self::Integer),
        ("boolean", Self::Boolean),
        ("json", Self::Json),
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("json", |(word, _)| word)
    }
}

impl Field {
    /// The value as this field holds it: numbers and truth come from forms as texts.
    pub fn check(&self, given: &Value) -> Result<Value, String> {
        let value = match (self.kind, given) {
            (FieldType::String, Value::String(_))
            | (FieldType::Json, _)
            | (FieldType::Boolean, Value::Bool(_)) => given.clone(),
            (FieldType::Boolean, Value::String(text)) if matches!(text.as_str(), "true" | "on") => {
                true.into()
            }
            (FieldType::Boolean, Value::String(text)) if matches!(text.as_str(), "false" | "off") => {
                false.into()
            }
            (FieldType::Number | FieldType::Integer, _) => match number_in(given) {
                Some(number) if self.kind == FieldType::Number => Value::Number(number),
                Some(number) if number.is_i64() || number.is_u64() => Value::Number(number),
                Some(number) if number.as_f64().is_some_and(|real| real.fract() == 0.0) => {
                    Value::Number(number)
                }
                _ => return Err(self.needed(given)),
            },
            _ => return Err(self.needed(given)),
        };
        match value.as_str() {
            Some(text) if !self.choices.is_empty() && !self.choices.iter().any(|choice| choice == text) => {
                Err(format!("one of {} is needed", self.choices.join(", ")))
            }
            _ => Ok(value),
        }
    }

    fn needed(&self, given: &Value) -> String {
        let needed = match self.kind {
            FieldType::String => "a text",
            FieldType::Number => "a number",
            FieldType::Integer => "a whole number",
            FieldType::Boolean => "true or false",
            FieldType::Json => "a value",
        };
        format!("is {}, {needed} is needed", kind_of(given))
    }

    /// What it is when nobody is there to give it.
    pub fn fallback(&self) -> Value {
        self.default.clone().unwrap_or_default()
    }
}

/// Values given for fields, checked, with defaults where nothing is given. An empty text of a field that is no
/// text, as forms send it, is nothing.
pub fn check_fields(fields: &[Field], given: &Value) -> Result<Value, Vec<Problem>> {
    let mut problems = Problems::default();
    let empty = Map::new();
    let given = match given {
        Value::Null => &empty,
        Value::Object(members) => members,
        other => {
            problems.add("", "wrong_type", format!("is {}, an object is needed", kind_of(other)));
            return Err(problems.into_vec());
        }
    };
    for name in given.keys().filter(|name| !fields.iter().any(|field| field.name == **name)) {
        problems.add(below("", name), "unknown_key", "is no field of this form");
    }
    let mut checked = Map::new();
    for field in fields {
        let nothing = |value: &Value| {
            value.is_null() || (field.kind != FieldType::String && value.as_str() == Some(""))
        };
        let value = match given.get(&field.name).filter(|value| !nothing(value)) {
            Some(value) => field.check(value),
            None if field.required && field.default.is_none() => Err("is missing".to_owned()),
            None => Ok(field.fallback()),
        };
        match value {
            Ok(value) => drop(checked.insert(field.name.clone(), value)),
            Err(message) => problems.add(below("", &field.name), "bad_value", message),
        }
    }
    if crate::size::json(&Value::Object(checked.clone())) > limits::INPUT_BYTES {
        problems.add("", "too_long", format!("is larger than {} bytes", limits::INPUT_BYTES));
    }
    if problems.is_empty() { Ok(Value::Object(checked)) } else { Err(problems.into_vec()) }
}

/// Reads a list of fields.
pub(super) fn read(reader: &mut Reader<'_, '_>, key: &'static str) -> Option<Vec<Field>> {
    let items = reader.list(key, limits::FIELDS)?;
    let mut fields: Vec<Field> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let Some(mut one) = reader.item(key, index, item) else { continue };
        let field = field(&mut one);
        if let Some(field) = &field
            && fields.iter().any(|other| other.name == field.name)
        {
            one.problem("name", "duplicate_id", format!("{} is there twice", field.name));
        }
        one.done();
        fields.extend(field);
    }
    Some(fields)
}

fn field(reader: &mut Reader<'_, '_>) -> Option<Field> {
    let name = reader.name("name", "bad_id").filter(|name| {
        let hyphen = name.contains('-');
        if hyphen {
            reader.problem("name", "bad_id", "has a hyphen; expressions would read it as minus");
        }
        !hyphen
    });
    let kind = reader.choice("type", &FieldType::ALL);
    if reader.get("type").is_none() {
        reader.problem("type", "missing", "is missing");
    }
    let label = reader.text("label", limits::LABEL_CHARS);
    let help = reader.text("help", limits::TEXT_CHARS);
    let required = reader.flag("required").unwrap_or(false);
    let secret = reader.flag("secret").unwrap_or(false);
    let default = reader.get("default").cloned();
    let choices = choices(reader);
    let (name, kind) = (name?, kind?);
    if !choices.is_empty() && kind != FieldType::String {
        reader.problem("choices", "not_a_choice", "belong to the type string");
    }
    let field = Field { name, kind, label, help, required, default, choices, secret };
    if let Some(default) = &field.default
        && let Err(message) = field.check(default)
    {
        reader.problem("default", "bad_value", format!("does not fit the field: {message}"));
    }
    Some(field)
}

fn choices(reader: &mut Reader<'_, '_>) -> Vec<String> {
    let Some(items) = reader.list("choices", limits::CHOICES) else { return Vec::new() };
    let mut choices = Vec::new();
    for item in items {
        match item.as_str() {
            Some(text) if !text.is_empty() && text.chars().count() <= limits::CHOICE_CHARS => {
                choices.push(text.to_owned());
            }
            _ => reader.problem("choices", "not_a_choice", "has something that is no text or too long a one"),
        }
    }
    choices
}
