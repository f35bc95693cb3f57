//! Values in the types of their attributes: what clients send in their own way becomes the canonical form.

use gatehouse_types::Timestamp;
use serde_json::{Map, Value};

use super::error::ScimError;
use super::schema::{Attribute, Kind};

/// The longest text, in bytes; pictures and certificates come as text too.
const MAX_TEXT: usize = 32 * 1024;
/// Elements of one attribute at most; members of groups are kept elsewhere.
const MAX_ELEMENTS: usize = 200;

/// Attributes by their names.
pub type Object = Map<String, Value>;

/// The canonical form of a value of an attribute; `None` when nothing is left of it: `null`, an empty text and an empty
/// list all clear (RFC 7643 §2.5).
///
/// # Errors
/// `invalidValue` for what cannot be a value of the attribute.
pub fn canonical(attribute: &Attribute, value: &Value) -> Result<Option<Value>, ScimError> {
    if !attribute.is_multi {
        return single(attribute, value);
    }
    let elements = elements(attribute, value)?;
    Ok((!elements.is_empty()).then_some(Value::Array(elements)))
}

/// The canonical elements of an attribute with many values; one alone may come without its list.
///
/// # Errors
/// As [`canonical`], and for too many of them.
pub fn elements(attribute: &Attribute, value: &Value) -> Result<Vec<Value>, ScimError> {
    let sent = match value {
        Value::Array(sent) => sent.as_slice(),
        other => std::slice::from_ref(other),
    };
    if sent.len() > MAX_ELEMENTS {
        return Err(too_many(attribute));
    }
    let mut all = Vec::with_capacity(sent.len());
    for one in sent {
        if let Some(element) = single(attribute, one)?
            && !all.contains(&element)
        {
            all.push(element);
        }
    }
    Ok(all)
}

pub(super) fn too_many(attribute: &Attribute) -> ScimError {
    ScimError::invalid_value(format!("{} has at most {MAX_ELEMENTS} values.", attribute.name))
}

/// One value, of an attribute or one of its elements.
pub(super) fn single(attribute: &Attribute, value: &Value) -> Result<Option<Value>, ScimError> {
    match value {
        Value::Null => return Ok(None),
        Value::String(text) if text.is_empty() => return Ok(None),
        // one value in a list of its own, as Entra sends managers
        Value::Array(list) if !attribute.is_multi => {
            return match list.as_slice() {
                [] => Ok(None),
                [one] => single(attribute, one),
                _ => Err(odd(attribute, "one value")),
            };
        }
        // a plain value as an element
        Value::Object(members) if attribute.kind != Kind::Complex => {
            return members.get("value").map_or(Ok(None), |inner| match inner {
                Value::Object(_) => Err(odd(attribute, "a plain value")),
                inner => single(attribute, inner),
            });
        }
        _ => {}
    }
    match attribute.kind {
        Kind::Complex => complex(attribute, value),
        Kind::Boolean => boolean(attribute, value).map(Some),
        Kind::DateTime => {
            let moment =
                value.as_str().and_then(Timestamp::parse).ok_or_else(|| odd(attribute, "a date and time"))?;
            Ok(Some(Value::String(moment.to_string())))
        }
        Kind::String | Kind::Reference | Kind::Binary => text(attribute, value).map(Some),
    }
}

fn odd(attribute: &Attribute, wanted: &str) -> ScimError {
    ScimError::invalid_value(format!("{} must be {wanted}.", attribute.name))
}

fn boolean(attribute: &Attribute, value: &Value) -> Result<Value, ScimError> {
    match value {
        Value::Bool(_) => Ok(value.clone()),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
        _ => Err(odd(attribute, "true or false")),
    }
}

fn text(attribute: &Attribute, value: &Value) -> Result<Value, ScimError> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        _ => return Err(odd(attribute, "a text")),
    };
    if text.len() > MAX_TEXT {
        return Err(odd(attribute, "at most 32 KiB long"));
    }
    if text.contains('\0') {
        return Err(odd(attribute, "a text without the character NUL"));
    }
    Ok(Value::String(text))
}

fn complex(attribute: &Attribute, value: &Value) -> Result<Option<Value>, ScimError> {
    let sent = match value {
        Value::Object(sent) => sent,
        // `manager: "id"`, `emails: ["a@b.c"]`
        Value::Array(_) => return Err(odd(attribute, "an object")),
        plain => {
            let Some(sub) = attribute.sub("value") else { return Err(odd(attribute, "an object")) };
            return Ok(single(sub, plain)?
                .map(|value| Value::Object(Map::from_iter([(sub.name.to_owned(), value)]))));
        }
    };
    let mut out = Object::new();
    for (name, value) in sent {
        let Some(sub) = attribute.sub(name).filter(|s| !s.is_read_only()) else { continue };
        if let Some(value) = single(sub, value)? {
            out.insert(sub.name.to_owned(), value);
        }
    }
    Ok((!is_hollow(attribute, &out)).then_some(Value::Object(out)))
}

/// Whether nothing is left of an element but what it is for.
pub(super) fn is_hollow(attribute: &Attribute, element: &Object) -> bool {
    let about = |name: &str| attribute.is_multi && matches!(name, "type" | "primary" | "display");
    element.keys().all(|name| about(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::USER;
    use super::super::schema::{Place, Target};
    use super::*;

    fn of(name: &str, value: Value) -> Result<Option<Value>, ScimError> {
        let Some(Target::Attribute(Place { attribute, .. })) = USER.resolve(name) else { panic!("{name}") };
        canonical(attribute, &value)
    }

    #[test]
    fn values_take_the_type_of_their_attribute() {
        let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
        for (name, sent, kept) in [
            ("active", json!("False"), json!(false)),
            ("active", json!(["TRUE"]), json!(true)),
            ("active", json!([{"value": "False"}]), json!(false)),
            ("title", json!(7), json!("7")),
            ("emails", json!("a@b.c"), json!([{"value": "a@b.c"}])),
            (
                "emails",
                json!([{"VALUE": "a", "Type": "work", "x": 1}, null, ""]),
                json!([{"value": "a", "type": "work"}]),
            ),
            ("roles", json!([{"value": "a", "primary": "True"}]), json!([{"value": "a", "primary": true}])),
            (manager, json!("usr"), json!({"value": "usr"})),
            (manager, json!({"value": "usr", "$ref": null, "displayName": "Boss"}), json!({"value": "usr"})),
            (manager, json!([{"value": "usr"}]), json!({"value": "usr"})),
        ] {
            assert_eq!(of(name, sent.clone()).unwrap(), Some(kept), "{name} {sent}");
        }
    }

    #[test]
    fn what_is_empty_clears() {
        for (name, sent) in [
            ("title", json!(null)),
            ("title", json!("")),
            ("emails", json!([])),
            ("emails", json!([{"type": "work", "primary": true}])),
            ("name", json!({"familyName": ""})),
            ("active", json!(null)),
        ] {
            assert_eq!(of(name, sent.clone()).unwrap(), None, "{name} {sent}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (name, sent) in [
            ("active", json!("yes")),
            ("title", json!({"value": {"a": 1}})),
            ("title", json!(["a", "b"])),
            ("name", json!("Ada")),
            ("emails", json!([[1]])),
            ("title", json!("a\0")),
            ("emails", json!(vec!["a"; 201])),
        ] {
            assert!(of(name, sent.clone()).is_err(), "{name} {sent}");
        }
    }
}
