//! PATCH (RFC 7644 §3.5.2), and whole documents in the same way: a POST is an addition to nothing.
//!
//! Beyond the RFC, what providers really send counts: operations in any case, one value without its list, `"False"`, paths
//! as names in a value without path, values for elements that are not there yet. Of members never more are removed than
//! were named.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::error::{ScimError, ScimType};
use super::evaluate::element_passes;
use super::filter::Op;
use super::path::{self, Location, Path};
use super::schema::{Attribute, Kind, ResourceType, Schema};
use super::test::{Operand, Test};
use super::value::{self, Object, canonical, elements};

/// Operations of one PATCH at most.
const MAX_OPERATIONS: usize = 2_000;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `add`.
    Add,
    /// `replace`.
    Replace,
    /// `remove`.
    Remove,
}

/// One operation of a PATCH.
#[derive(Clone, Debug)]
pub struct Operation {
    /// What it does.
    pub verb: Verb,
    /// Where; without it the names in the value say so.
    pub path: Option<Path>,
    /// With what; `null` counts as nothing.
    pub value: Option<Value>,
}

/// A change of a group's members, which are kept apart from the group: its cost does not depend on how many there are.
#[derive(Clone, Debug)]
pub enum MemberChange {
    /// These join.
    Add(Vec<String>),
    /// These leave.
    Remove(Vec<String>),
    /// Those leave who pass.
    RemoveWhere(Test),
    /// All leave.
    Clear,
    /// These are the members.
    Set(Vec<String>),
}

/// The member of an object by its name in any case.
pub fn member<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v))
}

/// Reads a PATCH message.
///
/// # Errors
/// `invalidSyntax`, `invalidPath`.
pub fn parse(body: &Value) -> Result<Vec<Operation>, ScimError> {
    let sent = body.as_object().and_then(|b| member(b, "Operations")).and_then(Value::as_array);
    let Some(sent) = sent.filter(|s| !s.is_empty()) else {
        return Err(ScimError::invalid_syntax("A PATCH needs Operations, a list of at least one."));
    };
    if sent.len() > MAX_OPERATIONS {
        return Err(ScimError::invalid_value(format!("A PATCH has at most {MAX_OPERATIONS} operations.")));
    }
    sent.iter().map(operation).collect()
}

fn operation(sent: &Value) -> Result<Operation, ScimError> {
    let wrong = || ScimError::invalid_syntax("Each operation needs op: add, replace or remove.");
    let sent = sent.as_object().ok_or_else(wrong)?;
    let verb = match member(sent, "op").and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
        Some("add") => Verb::Add,
        Some("replace") => Verb::Replace,
        Some("remove") => Verb::Remove,
        _ => return Err(wrong()),
    };
    let path = match member(sent, "path") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.trim().is_empty() => None,
        Some(Value::String(text)) => Some(path::parse(text)?),
        Some(_) => return Err(ScimError::bad(ScimType::InvalidPath, "The path must be a text.")),
    };
    Ok(Operation { verb, path, value: member(sent, "value").filter(|v| !v.is_null()).cloned() })
}

/// The canonical form of a whole document, with its members apart. What only we set is passed over (RFC 7644 §3.3).
///
/// # Errors
/// `invalidSyntax` for what is no object; `invalidValue`.
pub fn document(of: &'static ResourceType, body: &Value) -> Result<(Object, Vec<MemberChange>), ScimError> {
    let Some(sent) = body.as_object() else {
        return Err(ScimError::invalid_syntax("The body must be a JSON object."));
    };
    let mut work = Work { of, resource: Object::new(), members: Vec::new() };
    work.named(Verb::Add, sent)?;
    Ok((work.resource, work.members))
}

/// Carries operations out on a resource in its canonical form, one after the other.
///
/// # Errors
/// The first refusal; the resource is of no use then.
pub fn apply(
    of: &'static ResourceType,
    resource: Object,
    operations: &[Operation],
) -> Result<(Object, Vec<MemberChange>), ScimError> {
    let mut work = Work { of, resource, members: Vec::new() };
    for operation in operations {
        work.operation(operation)?;
    }
    Ok((work.resource, work.members))
}

struct Work {
    of: &'static ResourceType,
    resource: Object,
    members: Vec<MemberChange>,
}

fn no_target(detail: &'static str) -> ScimError {
    ScimError::bad(ScimType::NoTarget, detail)
}

impl Work {
    fn operation(&mut self, operation: &Operation) -> Result<(), ScimError> {
        let (verb, value) = (operation.verb, operation.value.as_ref());
        if let Some(path) = &operation.path {
            let location = path.locate(self.of)?;
            changeable(&location)?;
            return self.at(verb, &location, value);
        }
        match (verb, value) {
            (_, Some(Value::Object(named))) => self.named(verb, named),
            (Verb::Remove, _) => Err(no_target("A removal needs a path.")),
            _ => Err(ScimError::invalid_value("Without a path the value must be an object of attributes.")),
        }
    }

    /// The attributes that an object names, by their names or by paths. Unknown ones, and those that only we set, are
    /// passed over.
    fn named(&mut self, verb: Verb, named: &Object) -> Result<(), ScimError> {
        for (name, value) in named {
            let Ok(location) = path::parse(name).and_then(|p| p.locate(self.of)) else { continue };
            if changeable(&location).is_ok() {
                self.at(verb, &location, Some(value).filter(|v| !v.is_null()))?;
            }
        }
        Ok(())
    }

    fn at(&mut self, verb: Verb, location: &Location, value: Option<&Value>) -> Result<(), ScimError> {
        match location {
            Location::Extension(schema) => self.extension(verb, schema, value),
            Location::Attribute { extension: None, attribute, test, sub } if attribute.name == "members" => {
                self.members.extend(member_change(verb, test.as_ref(), *sub, value)?);
                Ok(())
            }
            Location::Attribute { extension, attribute, test, sub } => {
                let change = Change { verb, attribute, test: test.as_ref(), sub: *sub, value };
                let Some(schema) = extension else { return change.on(&mut self.resource) };
                let root = self.resource.entry(schema.urn).or_insert_with(|| Value::Object(Object::new()));
                let done = root.as_object_mut().map_or(Ok(()), |root| change.on(root));
                if root.as_object().is_some_and(Object::is_empty) {
                    self.resource.remove(schema.urn);
                }
                done
            }
        }
    }

    fn extension(&mut self, verb: Verb, schema: &Schema, value: Option<&Value>) -> Result<(), ScimError> {
        match value {
            None if verb == Verb::Add => Ok(()),
            None => {
                self.resource.remove(schema.urn);
                Ok(())
            }
            Some(Value::Object(members)) => {
                let inside =
                    members.iter().map(|(name, value)| (format!("{}:{name}", schema.urn), value.clone()));
                self.named(verb, &inside.collect())
            }
            Some(_) => Err(ScimError::invalid_value(format!("{} must be an object.", schema.urn))),
        }
    }
}

/// Whether clients may change what is there.
fn changeable(location: &Location) -> Result<(), ScimError> {
    let Location::Attribute { attribute, sub, .. } = location else { return Ok(()) };
    let fixed = [Some(*attribute), *sub].into_iter().flatten().find(|a| a.is_read_only());
    fixed.map_or(Ok(()), |a| {
        Err(ScimError::bad(ScimType::Mutability, format!("{} is set by this server alone.", a.name)))
    })
}

/// One change of one attribute.
struct Change<'a> {
    verb: Verb,
    attribute: &'static Attribute,
    test: Option<&'a Test>,
    sub: Option<&'static Attribute>,
    value: Option<&'a Value>,
}

impl Change<'_> {
    fn on(&self, root: &mut Object) -> Result<(), ScimError> {
        match (self.attribute.is_multi, self.sub) {
            (false, None) => self.on_single(root),
            (false, Some(sub)) => {
                let part = match self.verb {
                    Verb::Remove => None,
                    _ => self.value.map_or(Ok(None), |v| canonical(sub, v))?,
                };
                let parts = root.entry(self.attribute.name).or_insert_with(|| Value::Object(Object::new()));
                if let Some(parts) = parts.as_object_mut() {
                    put(parts, sub.name, part);
                }
                tidy(root, self.attribute.name);
                Ok(())
            }
            (true, _) => self.on_many(root),
        }
    }

    fn on_single(&self, root: &mut Object) -> Result<(), ScimError> {
        let name = self.attribute.name;
        let (Some(value), false) = (self.value, self.verb == Verb::Remove) else {
            root.remove(name);
            return Ok(());
        };
        let new = canonical(self.attribute, value)?;
        if self.attribute.kind != Kind::Complex {
            put(root, name, new);
            return Ok(());
        }
        // of a complex attribute the parts that are given change (RFC 7644 §3.5.2.3)
        let cleared: Vec<_> = value
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(k, _)| self.attribute.sub(k).filter(|s| !s.is_read_only()))
            .map(|s| s.name)
            .collect();
        let is_empty = value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty);
        let parts = root.entry(name).or_insert_with(|| Value::Object(Object::new()));
        if let Some(parts) = parts.as_object_mut() {
            if is_empty {
                parts.clear();
            }
            for part in cleared {
                parts.remove(part);
            }
            if let Some(Value::Object(new)) = new {
                parts.extend(new);
            }
        }
        tidy(root, name);
        Ok(())
    }

    fn on_many(&self, root: &mut Object) -> Result<(), ScimError> {
        let name = self.attribute.name;
        let mut all = match root.remove(name) {
            Some(Value::Array(all)) => all,
            _ => Vec::new(),
        };
        match (self.test, self.sub) {
            (None, None) => self.whole(&mut all)?,
            _ => self.some(&mut all)?,
        }
        all.retain(|e| e.as_object().is_none_or(|e| !value::is_hollow(self.attribute, e)));
        // an element that became the same as an earlier one takes its place
        if has_twins(self.attribute, &all) {
            let changed = std::mem::take(&mut all);
            changed.into_iter().for_each(|e| join(self.attribute, &mut all, e));
        }
        elements(self.attribute, &Value::Array(all.clone()))?;
        if !all.is_empty() {
            root.insert(name.to_owned(), Value::Array(all));
        }
        Ok(())
    }

    /// The list itself changes.
    fn whole(&self, all: &mut Vec<Value>) -> Result<(), ScimError> {
        let given = self.value.map_or(Ok(Vec::new()), |v| elements(self.attribute, v))?;
        match self.verb {
            Verb::Replace => {
                all.clear();
                given.into_iter().for_each(|e| join(self.attribute, all, e));
            }
            Verb::Add => given.into_iter().for_each(|e| join(self.attribute, all, e)),
            Verb::Remove if self.value.is_some() => all.retain(|e| !given.iter().any(|g| names(g, e))),
            Verb::Remove => all.clear(),
        }
        Ok(())
    }

    /// Elements that pass, or a part of them, change.
    fn some(&self, all: &mut Vec<Value>) -> Result<(), ScimError> {
        let passing: Vec<usize> = (0..all.len())
            .filter(|n| self.test.is_none_or(|t| all.get(*n).is_some_and(|e| element_passes(t, e))))
            .collect();
        let new = match (self.verb, self.value) {
            (Verb::Remove, _) | (_, None) => None,
            (_, Some(value)) => match self.sub {
                None => value::single(self.attribute, value)?,
                Some(sub) => canonical(sub, value)?
                    .map(|part| Value::Object(Object::from_iter([(sub.name.to_owned(), part)]))),
            },
        };
        let Some(Value::Object(new)) = new else {
            for at in passing.into_iter().rev() {
                match (self.sub, all.get_mut(at).and_then(Value::as_object_mut)) {
                    (Some(sub), Some(element)) => drop(element.remove(sub.name)),
                    _ => drop(all.remove(at)),
                }
            }
            return Ok(());
        };
        if passing.is_empty() {
            let Some(mut element) = self.test.map_or(Some(Object::new()), described) else {
                return Err(no_target("No value passes the filter of the path."));
            };
            element.extend(new);
            join(self.attribute, all, Value::Object(element));
            return Ok(());
        }
        for at in passing {
            let Some(element) = all.get_mut(at).and_then(Value::as_object_mut) else { continue };
            if self.verb == Verb::Replace && self.sub.is_none() {
                *element = self.test.and_then(described).unwrap_or_default();
            }
            element.extend(new.clone());
            if element.get("primary") == Some(&Value::Bool(true)) {
                only_primary(all, at);
            }
        }
        Ok(())
    }
}

/// Sets or takes away.
fn put(root: &mut Object, name: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(root.insert(name.to_owned(), value)),
        None => drop(root.remove(name)),
    }
}

/// Takes an attribute away that has no parts left.
fn tidy(root: &mut Object, name: &str) {
    if root.get(name).and_then(Value::as_object).is_some_and(Object::is_empty) {
        root.remove(name);
    }
}

/// Adds an element, in the place of one with the same value for the same purpose. At most one is primary.
fn join(attribute: &Attribute, all: &mut Vec<Value>, element: Value) {
    let same = |other: &Value| {
        let part = |e: &Value, name: &str| e.get(name).cloned();
        attribute.sub("value").is_some()
            && part(other, "value") == part(&element, "value")
            && part(other, "type") == part(&element, "type")
    };
    let is_primary = element.get("primary") == Some(&Value::Bool(true));
    let at = match all.iter().position(|e| *e == element || same(e)) {
        Some(at) => {
            all[at] = element;
            at
        }
        None => {
            all.push(element);
            all.len() - 1
        }
    };
    if is_primary {
        only_primary(all, at);
    }
}

/// Whether two elements have the same value for the same purpose, or are the same altogether.
fn has_twins(attribute: &Attribute, all: &[Value]) -> bool {
    let has_value = attribute.sub("value").is_some();
    let mut seen = BTreeSet::new();
    !all.iter().all(|e| {
        seen.insert(match has_value {
            true => json!([e.get("value"), e.get("type")]).to_string(),
            false => e.to_string(),
        })
    })
}

/// The newest primary value is the only one (RFC 7644 §3.5.2).
fn only_primary(all: &mut [Value], at: usize) {
    for (n, element) in all.iter_mut().enumerate() {
        if let Some(primary) = element.get_mut("primary").filter(|_| n != at) {
            *primary = Value::Bool(false);
        }
    }
}

/// Whether `named` says of an element that it is meant: everything it says is so.
fn names(named: &Value, element: &Value) -> bool {
    match (named.get("value"), named.as_object()) {
        (Some(value), _) => {
            element.get("value") == Some(value)
                && named.get("type").is_none_or(|kind| element.get("type") == Some(kind))
        }
        (None, Some(parts)) => parts.iter().all(|(k, v)| element.get(k) == Some(v)),
        _ => false,
    }
}

/// The element that a filter describes, when it does by equality alone.
fn described(test: &Test) -> Option<Object> {
    match test {
        Test::Compare(place, Op::Eq, operand) => {
            let value = match operand {
                Operand::Text(text) => Value::String(text.clone()),
                Operand::Bool(value) => Value::Bool(*value),
                Operand::Time(at) => Value::String(at.to_string()),
            };
            Some(Object::from_iter([(place.leaf().name.to_owned(), value)]))
        }
        Test::All(parts) => {
            let all: Option<Vec<_>> = parts.iter().map(described).collect();
            all.map(|all| all.into_iter().flatten().collect())
        }
        _ => None,
    }
}

/// The ids that a value for members names.
fn ids(value: &Value) -> Result<Vec<String>, ScimError> {
    let sent = match value {
        Value::Array(sent) => sent.as_slice(),
        other => std::slice::from_ref(other),
    };
    let mut all = Vec::with_capacity(sent.len());
    for one in sent {
        let id = match one {
            Value::Null => None,
            Value::String(id) => Some(id.as_str()),
            Value::Object(o) => {
                let last = |uri: &str| uri.rsplit('/').next().map(str::len).unwrap_or_default();
                let by_ref =
                    member(o, "$ref").and_then(Value::as_str).map(|uri| &uri[uri.len() - last(uri)..]);
                member(o, "value").and_then(Value::as_str).or(by_ref)
            }
            _ => return Err(ScimError::invalid_value("Members are named by value, the member's id.")),
        };
        all.extend(id.filter(|id| !id.is_empty()).map(str::to_owned));
    }
    Ok(all)
}

fn member_change(
    verb: Verb,
    test: Option<&Test>,
    sub: Option<&'static Attribute>,
    value: Option<&Value>,
) -> Result<Option<MemberChange>, ScimError> {
    let of_value = sub.is_none_or(|s| s.name == "value");
    Ok(match (verb, test) {
        (Verb::Remove, Some(test)) if of_value => {
            Some(by_ids(test).map_or_else(|| MemberChange::RemoveWhere(test.clone()), MemberChange::Remove))
        }
        (Verb::Remove, None) if of_value => Some(match value {
            Some(value) => MemberChange::Remove(ids(value)?),
            None => MemberChange::Clear,
        }),
        (Verb::Add, None) if of_value => value.map(ids).transpose()?.map(MemberChange::Add),
        (Verb::Replace, None) if of_value => Some(MemberChange::Set(value.map_or(Ok(Vec::new()), ids)?)),
        _ => {
            let detail = "Members join by the path members, and leave by it or by a filter on value.";
            return Err(ScimError::bad(ScimType::InvalidPath, detail));
        }
    })
}

/// The ids that a filter names, when it names ids alone.
fn by_ids(test: &Test) -> Option<Vec<String>> {
    match test {
        Test::Compare(place, Op::Eq, Operand::Text(id)) if place.leaf().name == "value" => {
            Some(vec![id.clone()])
        }
        Test::Any(parts) => parts.iter().map(by_ids).collect::<Option<Vec<_>>>().map(|all| all.concat()),
        _ => None,
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
