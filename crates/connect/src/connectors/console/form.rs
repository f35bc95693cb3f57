//! The fields of a connector as inputs, and what was entered into them.

use std::collections::BTreeMap;

use gatehouse_catalogue::{AuthType, ConnectorType, Field, FieldType};
use gatehouse_types::Secret;
use gatehouse_web::{Choice, FieldErrors};

use super::parts::label;
use crate::connectors::model::connector::Connector;
use crate::connectors::model::fields::{Given, spoken};
use crate::connectors::model::guide::{placeholder, text};
use crate::connectors::model::known::fields;

/// What was entered, by the name of the input.
pub(super) type Entered = BTreeMap<String, String>;

/// An input.
pub(super) struct Input {
    pub(super) name: String,
    pub(super) label: String,
    /// `text`, `password`, `url`, `lines` or `choice`.
    pub(super) kind: &'static str,
    pub(super) value: String,
    pub(super) hint: String,
    pub(super) error: String,
    pub(super) required: bool,
    pub(super) placeholder: String,
    pub(super) choices: Vec<Choice>,
    /// The input of its end date, for fields that may have one: name, value, what is wrong.
    pub(super) ends: Option<Ends>,
}

/// The input of an end date.
pub(super) struct Ends {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) value: String,
    pub(super) error: String,
}

/// The inputs of a way to authenticate, with what was entered, else with what is kept. A secret is never shown again.
pub(super) fn inputs(
    (of, auth): (&ConnectorType, &AuthType),
    kept: Option<&Connector>,
    entered: Option<&Entered>,
    redirect_uri: &str,
    errors: &FieldErrors,
) -> Vec<Input> {
    let value = |name: &str| match name {
        "redirect_uri" => Some(redirect_uri.to_owned()),
        name => kept.and_then(|c| c.plain.get(name).cloned()),
    };
    let known = |name: &str| value(name).or_else(|| label(of, auth, name).map(|l| placeholder(&l)));
    fields(of, auth).map(|field| input(field, kept, entered, &known, errors)).collect()
}

fn input(
    field: &Field,
    kept: Option<&Connector>,
    entered: Option<&Entered>,
    known: &impl Fn(&str) -> Option<String>,
    errors: &FieldErrors,
) -> Input {
    let key = field.key.as_str();
    let name = format!("field-{}", spoken(key));
    let is_set = kept.is_some_and(|c| c.secret_names.contains(key));
    let stored = kept.and_then(|c| c.plain.get(key).cloned());
    let usual = if kept.is_none() { field.default.clone() } else { None };
    let value = match (field.secret, entered) {
        (true, _) => String::new(),
        (false, Some(entered)) => entered.get(&name).cloned().unwrap_or_default(),
        (false, None) => stored.or(usual).unwrap_or_default(),
    };
    let mut hints: Vec<String> = Vec::new();
    if is_set {
        hints.push("It is set. Leave this blank to keep it.".to_owned());
    }
    hints.extend(field.help.as_ref().map(|help| text(help, known)));
    hints.extend(field.suggestion.as_ref().map(|s| format!("Usually {}", text(s, known))));
    Input {
        error: errors.of(&name).to_owned(),
        label: field.label.clone(),
        kind: kind(field),
        value,
        hint: hints.join(" "),
        required: field.required && !is_set,
        placeholder: field.example.clone().unwrap_or_default(),
        choices: choices(field),
        ends: field.expires.then(|| ends(field, kept, entered, errors)),
        name,
    }
}

fn kind(field: &Field) -> &'static str {
    match (field.kind, field.secret) {
        (FieldType::Multiline, _) => "lines",
        (FieldType::Choice, _) => "choice",
        (_, true) => "password",
        (FieldType::Url, _) => "url",
        _ => "text",
    }
}

fn choices(field: &Field) -> Vec<Choice> {
    let blank = (!field.required).then(|| Choice::new("", "not chosen"));
    blank.into_iter().chain(field.choices.iter().map(|(value, label)| Choice::new(value, label))).collect()
}

fn ends(field: &Field, kept: Option<&Connector>, entered: Option<&Entered>, errors: &FieldErrors) -> Ends {
    let name = format!("ends-{}", spoken(field.key.as_str()));
    let stored = kept.and_then(|c| c.expiry.get(field.key.as_str()));
    let stored = stored.map(|at| at.to_string().chars().take(10).collect::<String>());
    let value = match entered {
        Some(entered) => entered.get(&name).cloned(),
        None => stored,
    };
    Ends {
        error: errors.of(&name).to_owned(),
        label: format!("{}: last day", field.label),
        value: value.unwrap_or_default(),
        name,
    }
}

/// What the entered values change. A secret that was left blank stays; any other blank value is taken away.
pub(super) fn given(of: &ConnectorType, auth: &AuthType, entered: &Entered) -> Given {
    let mut given = Given::default();
    for field in fields(of, auth) {
        let name = spoken(field.key.as_str());
        if let Some(text) = entered.get(&format!("field-{name}"))
            && !(field.secret && text.trim().is_empty())
        {
            given.values.push((name.clone(), Some(Secret::new(text.as_str()))));
        }
        if let Some(date) = entered.get(&format!("ends-{name}")) {
            given.expiry.push((name, Some(date.clone())));
        }
    }
    given
}
