//! JSON whose texts may hold expressions.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Fault, Reference, Text, Values, Wrong};
use crate::limits::{DEPTH, MEMBERS, VALUE_BYTES};
use crate::problem::below;

/// JSON whose texts may hold expressions; names of members may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// As it stands.
    Plain(Value),
    /// A text with expressions.
    Text(Text),
    /// A list.
    List(Vec<Tree>),
    /// An object.
    Object(BTreeMap<String, Tree>),
}

impl Tree {
    /// Reads it; what is wrong comes with its path.
    pub fn read(value: &Value, path: &str) -> Result<Self, (String, Wrong)> {
        Self::at(value, path, 0)
    }

    fn at(value: &Value, path: &str, depth: usize) -> Result<Self, (String, Wrong)> {
        let wrong = |code, message: String| Err((path.to_owned(), Wrong::new(code, message)));
        if depth > DEPTH {
            return wrong("too_deep", format!("is nested more than {DEPTH} deep"));
        }
        match value {
            Value::String(text) => match Text::read(text) {
                Ok(text) if text.literal().is_some() => Ok(Self::Plain(value.clone())),
                Ok(text) => Ok(Self::Text(text)),
                Err(wrong) => Err((path.to_owned(), wrong)),
            },
            Value::Array(items) if items.len() > MEMBERS => {
                wrong("too_many", format!("has {} items, at most {MEMBERS} are allowed", items.len()))
            }
            Value::Array(items) => {
                let items = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| Self::at(item, &below(path, index), depth + 1));
                items.collect::<Result<_, _>>().map(Self::List)
            }
            Value::Object(members) if members.len() > MEMBERS => {
                wrong("too_many", format!("has {} members, at most {MEMBERS} are allowed", members.len()))
            }
            Value::Object(members) => {
                let members = members.iter().map(|(name, member)| {
                    Ok((name.clone(), Self::at(member, &below(path, name), depth + 1)?))
                });
                members.collect::<Result<_, _>>().map(Self::Object)
            }
            plain => Ok(Self::Plain(plain.clone())),
        }
    }

    /// What its expressions speak of.
    pub fn references(&self) -> Vec<&Reference> {
        match self {
            Self::Plain(_) => Vec::new(),
            Self::Text(text) => text.references().collect(),
            Self::List(items) => items.iter().flat_map(Self::references).collect(),
            Self::Object(members) => members.values().flat_map(Self::references).collect(),
        }
    }

    /// The JSON with values filled in.
    pub fn fill(&self, values: &dyn Values) -> Result<Value, Fault> {
        let mut left = VALUE_BYTES;
        self.within(values, &mut left)
    }

    fn within(&self, values: &dyn Values, left: &mut usize) -> Result<Value, Fault> {
        Ok(match self {
            Self::Plain(value) => value.clone(),
            Self::Text(text) => {
                let value = text.value(values)?;
                *left = left
                    .checked_sub(crate::size::json(&value))
                    .ok_or_else(|| Fault(format!("the values are larger than {VALUE_BYTES} bytes")))?;
                value
            }
            Self::List(items) => {
                Value::Array(items.iter().map(|item| item.within(values, left)).collect::<Result<_, _>>()?)
            }
            Self::Object(members) => {
                let members =
                    members.iter().map(|(name, member)| Ok((name.clone(), member.within(values, left)?)));
                Value::Object(members.collect::<Result<_, Fault>>()?)
            }
        })
    }
}
