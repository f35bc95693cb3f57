//! The engine that evaluates: minijinja with our filters alone, bounded, without files or other templates.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value as Inner};
use serde_json::{Map, Number, Value};

use super::{Expression, Fault, Values, Wrong, filters};
use crate::limits::{BRACKETS, FUEL, OUTPUT_DEPTH, VALUE_BYTES};

/// Never changed once made; a copy of it shares all that is in it.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(made);

fn environment() -> Environment<'static> {
    ENVIRONMENT.clone()
}

fn made() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_fuel(Some(FUEL));
    for (name, filter) in filters::FILTERS {
        environment.add_filter(name, move |value: Inner, rest: Rest<Inner>| -> Result<Inner, Error> {
            let value = outer(&value)?;
            let rest = rest.iter().map(outer).collect::<Result<Vec<_>, _>>()?;
            let made = filter(&value, &rest).map_err(|said| failed(format!("{name}: {said}")))?;
            bounded(&made).map_err(|fault| failed(fault.0))?;
            Ok(inner(&made))
        });
    }
    environment.add_test("defined", |value: Inner| !value.is_undefined());
    environment.add_test("none", |value: Inner| value.is_none() || value.is_undefined());
    environment.add_test("string", |value: Inner| value.as_str().is_some());
    environment.add_test("number", |value: Inner| value.is_number());
    environment
}

fn failed(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// JSON as a value of the engine.
fn inner(value: &Value) -> Inner {
    match value {
        Value::Null => Inner::from(()),
        Value::Bool(truth) => Inner::from(*truth),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Inner::from(whole),
            (None, Some(whole)) => Inner::from(whole),
            (None, None) => Inner::from(number.as_f64()),
        },
        Value::String(text) => Inner::from(text.as_str()),
        Value::Array(items) => Inner::from(items.iter().map(inner).collect::<Vec<_>>()),
        Value::Object(members) => {
            let members = members.iter().map(|(name, member)| (name.clone(), inner(member)));
            Inner::from(members.collect::<BTreeMap<_, _>>())
        }
    }
}

/// A value of the engine as JSON; what is missing is null. Lists of the engine may be made while they are
/// read, so their size is bounded here.
fn outer(value: &Inner) -> Result<Value, Error> {
    Outer { left: VALUE_BYTES }.value(value, 0)
}

struct Outer {
    left: usize,
}

impl Outer {
    fn take(&mut self, bytes: usize) -> Result<(), Error> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or_else(|| failed(format!("a value is larger than {VALUE_BYTES} bytes")))?;
        Ok(())
    }

    fn value(&mut self, value: &Inner, depth: usize) -> Result<Value, Error> {
        if depth > OUTPUT_DEPTH + BRACKETS {
            return Err(failed("a value is nested too deep".to_owned()));
        }
        self.take(2)?;
        Ok(match value.kind() {
            ValueKind::Undefined | ValueKind::None => Value::Null,
            ValueKind::Bool => Value::Bool(value.is_true()),
            ValueKind::Number => number(value)?,
            ValueKind::String => {
                let text = value.as_str().unwrap_or_default();
                self.take(text.len())?;
                Value::String(text.to_owned())
            }
            ValueKind::Seq | ValueKind::Iterable => {
                let mut items = Vec::new();
                for item in value.try_iter()? {
                    items.push(self.value(&item, depth + 1)?);
                }
                Value::Array(items)
            }
            ValueKind::Map => {
                let mut members = Map::new();
                for name in value.try_iter()? {
                    let text = name.as_str().ok_or_else(|| failed("a name is no text".to_owned()))?;
                    self.take(text.len())?;
                    members.insert(text.to_owned(), self.value(&value.get_item(&name)?, depth + 1)?);
                }
                Value::Object(members)
            }
            _ => return Err(failed("a value is no JSON".to_owned())),
        })
    }
}

fn number(value: &Inner) -> Result<Value, Error> {
    if !value.is_integer() {
        let real = f64::try_from(value.clone())?;
        return Ok(Number::from_f64(real).map_or(Value::Null, Value::Number));
    }
    if let Some(whole) = value.as_i64() {
        return Ok(whole.into());
    }
    u64::try_from(value.clone()).map(Value::from).map_err(|_| failed("a number is too large".to_owned()))
}

/// Can the engine read it?
pub(super) fn check(source: &str) -> Result<(), Wrong> {
    match environment().compile_expression(source) {
        Ok(_) => Ok(()),
        Err(error) => Err(Wrong::expression(match error.kind() {
            ErrorKind::SyntaxError => {
                "is no expression: an operator, a value or a bracket is missing".to_owned()
            }
            other => other.to_string(),
        })),
    }
}

/// The value of an expression.
pub(super) fn evaluate(expression: &Expression, values: &dyn Values) -> Result<Value, Fault> {
    if let Some(reference) = expression.alone() {
        let value = values.get(reference).unwrap_or_default();
        bounded(&value)?;
        return Ok(value);
    }
    let context: BTreeMap<String, Inner> = expression
        .references()
        .iter()
        .enumerate()
        .filter_map(|(place, reference)| Some((format!("v{place}"), inner(&values.get(reference)?))))
        .collect();
    let environment = environment();
    let made = environment
        .compile_expression(expression.source())
        .and_then(|compiled| compiled.eval(Inner::from(context)))
        .and_then(|value| outer(&value))
        .map_err(|error| said(expression, &error))?;
    bounded(&made)?;
    Ok(made)
}

/// The engine's details may repeat values: only those of our own filters are told.
fn said(expression: &Expression, error: &Error) -> Fault {
    let ours = error
        .detail()
        .filter(|detail| filters::FILTERS.iter().any(|(name, _)| detail.starts_with(&format!("{name}: "))));
    let kind = match error.kind() {
        ErrorKind::OutOfFuel => "takes too long".to_owned(),
        _ => ours.map_or_else(|| "these values do not go together".to_owned(), str::to_owned),
    };
    Fault(format!("{{{{ {} }}}}: {kind}", expression.written()))
}

fn bounded(value: &Value) -> Result<(), Fault> {
    if crate::size::json(value) > VALUE_BYTES {
        return Err(Fault(format!("a value is larger than {VALUE_BYTES} bytes")));
    }
    Ok(())
}
