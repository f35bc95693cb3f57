//! As much of a schema as a parameter needs: its type, its choices, its default, its members.

use std::collections::BTreeSet;

use serde_json::Value;

use super::LeftOut;
use super::document::{Document, Node};
use crate::limits::{CHOICES, MEMBERS, REFERENCE_DEPTH};
use crate::model::ParameterType;

/// Longest default, example or choice that is kept, in bytes of JSON.
const VALUE_BYTES: usize = 1024;

/// Longest texts of an enumeration together, in bytes.
const CHOICES_BYTES: usize = 8 * 1024;

/// What a schema says of a value.
pub(super) struct Shape<'a> {
    pub kind: ParameterType,
    pub choices: Vec<Value>,
    pub default: Option<Value>,
    pub example: Option<Value>,
    pub help: Option<&'a str>,
    /// Never sent.
    pub read_only: bool,
    /// Bytes rather than text.
    pub binary: bool,
}

impl Shape<'_> {
    /// That of a value of which nothing is said.
    pub(super) fn any() -> Self {
        Self {
            kind: ParameterType::Any,
            choices: Vec::new(),
            default: None,
            example: None,
            help: None,
            read_only: false,
            binary: false,
        }
    }
}

/// Reads a schema. A description beside a reference counts more than the one behind it.
pub(super) fn shape<'a>(document: &Document<'a>, schema: Node<'a>) -> Result<Shape<'a>, LeftOut> {
    shape_within(document, schema, REFERENCE_DEPTH)
}

fn shape_within<'a>(document: &Document<'a>, schema: Node<'a>, left: usize) -> Result<Shape<'a>, LeftOut> {
    let beside = schema.text("description");
    let node = document.resolve(schema)?;
    document.step(&node)?;
    let mut shape = Shape {
        kind: kind(document, &node, left)?,
        choices: choices(&node),
        default: kept(node.value.get("default")),
        example: kept(node.value.get("example"))
            .filter(|example| !example.is_object() && !example.is_array()),
        help: beside.or_else(|| node.text("description")),
        read_only: node.is("readOnly"),
        binary: node.text("format") == Some("binary") || node.get("contentMediaType").is_some(),
    };
    if shape.kind == ParameterType::Array
        && let Some(items) = node.get("items")
    {
        let items = document.resolve(items)?;
        shape.choices = choices(&items);
    }
    if shape.kind == ParameterType::Any && left > 0 {
        // A reference with something beside it is written as `allOf` of one.
        if let [only] = node.list("allOf").as_slice() {
            let inner = shape_within(document, only.clone(), left - 1)?;
            shape.kind = inner.kind;
            shape.choices = inner.choices;
            shape.default = shape.default.or(inner.default);
            shape.help = shape.help.or(inner.help);
            shape.read_only |= inner.read_only;
            shape.binary |= inner.binary;
        }
    }
    Ok(shape)
}

fn kind<'a>(document: &Document<'a>, node: &Node<'a>, left: usize) -> Result<ParameterType, LeftOut> {
    let types: Vec<&str> = match node.value.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => {
            several.iter().take(8).filter_map(Value::as_str).filter(|one| *one != "null").collect()
        }
        _ => Vec::new(),
    };
    Ok(match types.as_slice() {
        ["string"] => match node.text("format") {
            Some("date") => ParameterType::Date,
            Some("date-time") => ParameterType::DateTime,
            _ => ParameterType::String,
        },
        ["integer"] => ParameterType::Integer,
        ["number"] => ParameterType::Number,
        ["boolean"] => ParameterType::Boolean,
        ["array"] => ParameterType::Array,
        ["object"] => ParameterType::Object,
        [] if node.get("properties").is_some() => ParameterType::Object,
        [] if node.get("items").is_some() => ParameterType::Array,
        [] => untyped(document, node, left)?,
        _ => ParameterType::Any,
    })
}

/// What enumerations and alternatives have in common.
fn untyped<'a>(document: &Document<'a>, node: &Node<'a>, left: usize) -> Result<ParameterType, LeftOut> {
    let choices = choices(node);
    if !choices.is_empty() {
        let texts = choices.iter().all(Value::is_string);
        return Ok(if texts { ParameterType::String } else { ParameterType::Any });
    }
    let mut common = None;
    for alternative in node.list("oneOf").into_iter().chain(node.list("anyOf")) {
        if left == 0 {
            return Ok(ParameterType::Any);
        }
        let alternative = document.resolve(alternative)?;
        document.step(&alternative)?;
        if alternative.text("type") == Some("null") {
            continue;
        }
        let kind = kind(document, &alternative, left - 1)?;
        if common.is_some_and(|before| before != kind) {
            return Ok(ParameterType::Any);
        }
        common = Some(kind);
    }
    // All the members of `allOf` describe the same value: that one of them is an object is enough.
    for part in node.list("allOf") {
        if left == 0 || common.is_some() {
            break;
        }
        let part = document.resolve(part)?;
        document.step(&part)?;
        common = Some(kind(document, &part, left - 1)?).filter(|kind| *kind != ParameterType::Any);
    }
    Ok(common.unwrap_or(ParameterType::Any))
}

/// The values of `enum` or `const`, if they are few and simple; without `null`.
fn choices(node: &Node<'_>) -> Vec<Value> {
    if let Some(only) = node.value.get("const") {
        return kept(Some(only)).filter(simple).into_iter().collect();
    }
    let Some(listed) = node.value.get("enum").and_then(Value::as_array) else { return Vec::new() };
    if listed.len() > CHOICES || !listed.iter().all(|value| simple(value) || value.is_null()) {
        return Vec::new();
    }
    let texts = listed.iter().filter_map(Value::as_str).map(str::len);
    if texts.sum::<usize>() > CHOICES_BYTES {
        return Vec::new();
    }
    listed.iter().filter(|value| !value.is_null()).cloned().collect()
}

fn simple(value: &Value) -> bool {
    value.is_string() || value.is_number() || value.is_boolean()
}

/// A value that is not too large to be kept.
pub(super) fn kept(value: Option<&Value>) -> Option<Value> {
    let value = value.filter(|value| !value.is_null())?;
    // The size is known before anything is written out.
    fn size(value: &Value, left: usize) -> Option<usize> {
        match value {
            Value::String(text) => left.checked_sub(text.len() + 2),
            Value::Array(items) => items.iter().try_fold(left, |left, item| size(item, left.checked_sub(1)?)),
            Value::Object(members) => members
                .iter()
                .try_fold(left, |left, (name, item)| size(item, left.checked_sub(name.len() + 3)?)),
            _ => left.checked_sub(8),
        }
    }
    size(value, VALUE_BYTES).map(|_| value.clone())
}

/// The members of an object.
pub(super) struct Properties<'a> {
    /// Names and schemas, in the order of the document.
    pub list: Vec<(&'a str, Node<'a>)>,
    pub required: BTreeSet<&'a str>,
}

/// The members of a schema, those of all parts of `allOf` together. `None` if it may be something else as well, or
/// has members that are not named.
pub(super) fn properties<'a>(
    document: &Document<'a>,
    schema: Node<'a>,
) -> Result<Option<Properties<'a>>, LeftOut> {
    let mut found = Properties { list: Vec::new(), required: BTreeSet::new() };
    let named = gather(document, schema, REFERENCE_DEPTH, &mut found)?;
    Ok((named && !found.list.is_empty() && found.list.len() <= MEMBERS).then_some(found))
}

fn gather<'a>(
    document: &Document<'a>,
    schema: Node<'a>,
    left: usize,
    found: &mut Properties<'a>,
) -> Result<bool, LeftOut> {
    let node = document.resolve(schema)?;
    document.step(&node)?;
    let other = ["oneOf", "anyOf", "not"].iter().any(|word| node.get(word).is_some());
    let of_type = node.value.get("type");
    let object = match of_type {
        None => true,
        Some(Value::Array(types)) => types.iter().any(|one| one == "object"),
        Some(one) => one == "object",
    };
    let open = node.value.get("additionalProperties").is_some_and(|more| more.is_object() || *more == true);
    if other || !object || open {
        return Ok(false);
    }
    if let Some(properties) = node.get("properties") {
        for (name, schema) in properties.members().take(MEMBERS + 1) {
            document.step(&schema)?;
            match found.list.iter_mut().find(|(known, _)| *known == name) {
                Some(before) => before.1 = schema,
                None => found.list.push((name, schema)),
            }
        }
    }
    found.required.extend(node.list("required").iter().filter_map(|name| name.value.as_str()));
    if found.list.len() > MEMBERS {
        return Ok(false);
    }
    for part in node.list("allOf") {
        if left == 0 {
            return Err(part.refused(format!("is nested deeper than {REFERENCE_DEPTH}")));
        }
        if !gather(document, part, left - 1, found)? {
            return Ok(false);
        }
    }
    Ok(true)
}
