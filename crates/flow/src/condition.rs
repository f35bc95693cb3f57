//! Conditions: IF, ELSE IF and ELSE with comparisons under AND and OR.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::template::{Fault, Reference, Tree, Values, number_in, text_of};

/// What one case asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// AND: all hold.
    All(Vec<When>),
    /// OR: at least one holds.
    Any(Vec<When>),
    /// One comparison.
    Compare {
        /// The left side.
        left: Tree,
        /// How the sides are compared.
        operator: Operator,
        /// The right side.
        right: Tree,
    },
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `<`
    Less,
    /// `>=`
    GreaterOrEqual,
    /// `<=`
    LessOrEqual,
    /// `contains`: a part of a text, an item of a list, a name of an object.
    Contains,
    /// `startsWith`
    StartsWith,
    /// `endsWith`
    EndsWith,
}

impl Operator {
    /// All operators with their words.
    pub const ALL: [(&'static str, Self); 9] = [
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        (">", Self::Greater),
        ("<", Self::Less),
        (">=", Self::GreaterOrEqual),
        ("<=", Self::LessOrEqual),
        ("contains", Self::Contains),
        ("startsWith", Self::StartsWith),
        ("endsWith", Self::EndsWith),
    ];

    /// Does it hold? Values that cannot be compared are neither greater nor less.
    pub fn holds(self, left: &Value, right: &Value) -> bool {
        match self {
            Self::Equal => equal(left, right),
            Self::NotEqual => !equal(left, right),
            Self::Greater => order(left, right) == Some(Ordering::Greater),
            Self::Less => order(left, right) == Some(Ordering::Less),
            Self::GreaterOrEqual => matches!(order(left, right), Some(Ordering::Greater | Ordering::Equal)),
            Self::LessOrEqual => matches!(order(left, right), Some(Ordering::Less | Ordering::Equal)),
            Self::Contains => match left {
                Value::Array(items) => items.iter().any(|item| equal(item, right)),
                Value::Object(members) => members.contains_key(&text_of(right)),
                other => !other.is_null() && text_of(other).contains(&text_of(right)),
            },
            Self::StartsWith => !left.is_null() && text_of(left).starts_with(&text_of(right)),
            Self::EndsWith => !left.is_null() && text_of(left).ends_with(&text_of(right)),
        }
    }
}

impl When {
    /// Does it hold with these values?
    pub fn holds(&self, values: &dyn Values) -> Result<bool, Fault> {
        match self {
            Self::All(parts) => {
                for part in parts {
                    if !part.holds(values)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(parts) => {
                for part in parts {
                    if part.holds(values)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Compare { left, operator, right } => {
                Ok(operator.holds(&left.fill(values)?, &right.fill(values)?))
            }
        }
    }

    /// How many comparisons there are.
    pub fn comparisons(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::comparisons).sum(),
            Self::Compare { .. } => 1,
        }
    }

    /// What its expressions speak of.
    pub fn references(&self) -> Vec<&Reference> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::references).collect(),
            Self::Compare { left, right, .. } => [left.references(), right.references()].concat(),
        }
    }
}

/// The same value. A number and a text that is one are the same, so are nothing and an empty text: forms and
/// addresses know only texts.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), _) | (_, Value::Number(_)) => match (number_in(left), number_in(right)) {
            (Some(left), Some(right)) => numbers(&left, &right) == Some(Ordering::Equal),
            _ => false,
        },
        (Value::Null, Value::String(text)) | (Value::String(text), Value::Null) => text.is_empty(),
        (Value::Bool(_), Value::String(_)) | (Value::String(_), Value::Bool(_)) => {
            text_of(left) == text_of(right)
        }
        _ => left == right,
    }
}

/// Numbers by size, as texts that are numbers; other texts by their letters, so that ISO dates fall in order.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (number_in(left), number_in(right)) {
        return numbers(&left, &right);
    }
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn numbers(left: &Number, right: &Number) -> Option<Ordering> {
    let whole = |number: &Number| number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_operator_compares_as_people_expect() {
        for (left, operator, right, expected) in [
            (json!(5), "==", json!("5"), true),
            (json!("5.0"), "==", json!(5), true),
            (json!("05"), "==", json!("5"), false),
            (json!(null), "==", json!(""), true),
            (json!(null), "==", json!(0), false),
            (json!(true), "==", json!("true"), true),
            (json!([1]), "==", json!([1]), true),
            (json!("a"), "!=", json!("b"), true),
            (json!("10"), ">", json!("9"), true),
            (json!(u64::MAX), ">", json!(u64::MAX - 1), true),
            (json!("2026-02-01"), ">", json!("2026-01-31"), true),
            (json!(null), "<", json!(1), false),
            (json!(null), ">=", json!(null), false),
            (json!(2), ">=", json!(2), true),
            (json!(2), "<=", json!(1.5), false),
            (json!("abc"), "contains", json!("b"), true),
            (json!([1, "2"]), "contains", json!(2), true),
            (json!({"a": 1}), "contains", json!("a"), true),
            (json!(null), "contains", json!(""), false),
            (json!("abc"), "startsWith", json!("ab"), true),
            (json!("abc"), "endsWith", json!("bc"), true),
            (json!(105), "endsWith", json!(5), true),
        ] {
            let known = Operator::ALL.iter().find(|(word, _)| *word == operator).unwrap().1;
            assert_eq!(known.holds(&left, &right), expected, "{left} {operator} {right}");
        }
    }
}
