//! Typed fields of a flow as inputs of a form, and what was entered into them.

use std::collections::BTreeMap;

use gatehouse_flow::Problem;
use gatehouse_flow::definition::{Field, FieldType, check_fields};
use gatehouse_web::{Choice, FieldErrors};
use serde_json::{Map, Value};

/// What was entered, by the name of the input.
pub(super) type Entered = BTreeMap<String, String>;

/// What the names of inputs begin with.
const PREFIX: &str = "value-";

/// An input.
pub(super) struct Input {
    pub(super) name: String,
    pub(super) label: String,
    /// `text`, `number`, `password`, `json`, `choice` or `tick`.
    pub(super) kind: &'static str,
    pub(super) value: String,
    pub(super) hint: String,
    pub(super) error: String,
    pub(super) required: bool,
    pub(super) choices: Vec<Choice>,
}

/// The fields of a form that an execution waits for, as they are told.
pub(super) fn read(told: &Value) -> Vec<Field> {
    told.as_array().into_iter().flatten().filter_map(field).collect()
}

fn field(of: &Value) -> Option<Field> {
    let text = |key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
    let flag = |key: &str| of.get(key) == Some(&Value::Bool(true));
    let kind = text("type")?;
    let choices = of.get("choices").and_then(Value::as_array).into_iter().flatten();
    Some(Field {
        name: text("name")?,
        kind: FieldType::ALL.iter().find(|(word, _)| *word == kind)?.1,
        label: text("label"),
        help: text("help"),
        required: flag("required"),
        default: of.get("default").filter(|v| !v.is_null()).cloned(),
        choices: choices.filter_map(Value::as_str).map(str::to_owned).collect(),
        secret: flag("secret"),
    })
}

/// What was entered, if it fits; what is wrong is said at its input.
pub(super) fn checked(fields: &[Field], entered: &Entered) -> Result<Value, FieldErrors> {
    let given = values(fields, entered)?;
    check_fields(fields, &given).map_err(|problems| errors_at(fields, &problems))?;
    Ok(given)
}

/// The inputs of fields, with what was entered, else with their defaults. A secret is never shown.
pub(super) fn inputs(fields: &[Field], entered: Option<&Entered>, errors: &FieldErrors) -> Vec<Input> {
    fields.iter().map(|field| input(field, entered, errors)).collect()
}

fn input(field: &Field, entered: Option<&Entered>, errors: &FieldErrors) -> Input {
    let name = format!("{PREFIX}{}", field.name);
    let kind = match field.kind {
        FieldType::String if !field.choices.is_empty() => "choice",
        FieldType::String if field.secret => "password",
        FieldType::String => "text",
        FieldType::Number | FieldType::Integer => "number",
        FieldType::Boolean => "tick",
        FieldType::Json => "json",
    };
    let usual = field.default.as_ref().map(shown).unwrap_or_default();
    let value = match entered {
        _ if field.secret => String::new(),
        Some(entered) => entered.get(&name).cloned().unwrap_or_default(),
        None => usual,
    };
    let blank = (!field.required).then(|| Choice::new("", "—"));
    let choices = blank.into_iter().chain(field.choices.iter().map(|c| Choice::new(c, c)));
    Input {
        error: errors.of(&name).to_owned(),
        label: field.label.clone().unwrap_or_else(|| field.name.clone()),
        hint: field.help.clone().unwrap_or_default(),
        required: field.required && field.default.is_none(),
        choices: if kind == "choice" { choices.collect() } else { Vec::new() },
        name,
        kind,
        value,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What was entered, as the values that a flow is given; what is wrong is said at its input.
fn values(fields: &[Field], entered: &Entered) -> Result<Value, FieldErrors> {
    let mut given = Map::new();
    let mut errors = FieldErrors::none();
    for field in fields {
        let name = format!("{PREFIX}{}", field.name);
        let text = entered.get(&name).map(String::as_str).unwrap_or_default();
        let value = match field.kind {
            FieldType::Boolean => Value::Bool(!text.is_empty()),
            FieldType::Json if text.trim().is_empty() => Value::Null,
            FieldType::Json => match serde_json::from_str(text) {
                Ok(value) => value,
                Err(_) => {
                    errors.add(name, format!("{} must be JSON.", label(field)));
                    continue;
                }
            },
            // an empty input stands for nothing: the default is taken, or it is missing
            _ if text.is_empty() => Value::Null,
            _ => Value::String(text.to_owned()),
        };
        given.insert(field.name.clone(), value);
    }
    if errors.is_empty() { Ok(Value::Object(given)) } else { Err(errors) }
}

/// What is wrong with values, at their inputs.
fn errors_at(fields: &[Field], problems: &[Problem]) -> FieldErrors {
    let mut errors = FieldErrors::none();
    for problem in problems {
        let name = problem.path.trim_start_matches('/');
        match fields.iter().find(|field| field.name == name) {
            Some(field) => {
                errors.add(format!("{PREFIX}{name}"), format!("{}: {}.", label(field), problem.message))
            }
            None => errors.add("", format!("{problem}.")),
        }
    }
    errors
}

fn label(field: &Field) -> &str {
    field.label.as_deref().unwrap_or(&field.name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_entered_becomes_typed_values() {
        let fields = read(&json!([
            {"name": "n", "type": "integer", "required": true},
            {"name": "yes", "type": "boolean"},
            {"name": "more", "type": "json"},
            {"name": "text", "type": "string"},
        ]));
        let entered: Entered = [("value-n", "7"), ("value-yes", "on"), ("value-more", "[1]"), ("csrf", "x")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into();
        let given = values(&fields, &entered).unwrap();
        assert_eq!(
            check_fields(&fields, &given).unwrap(),
            json!({"n": 7, "yes": true, "more": [1], "text": null})
        );
        assert!(checked(&fields, &entered).is_ok());
        let broken: Entered = [("value-more".to_owned(), "[".to_owned())].into();
        assert_eq!(values(&fields, &broken).unwrap_err().of("value-more"), "more must be JSON.");
        assert_eq!(checked(&fields, &Entered::new()).unwrap_err().of("value-n"), "n: is missing.");
    }
}
