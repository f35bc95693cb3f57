//! The form in which stored resources are searched: one flat object, texts in their compared form, booleans as text.

use serde_json::{Map, Value, json};

use super::evaluate::compared;
use super::schema::{Attribute, Place, ResourceType, Schema};
use super::value::Object;

/// The key of an attribute in the search form: `title`, `name.familyname`, behind its URN in an extension. Attributes with
/// many values have a list of elements there, whose keys are those of [`element_key`].
pub fn key(place: &Place) -> String {
    let name = match (place.attribute.is_multi, place.sub) {
        (false, Some(sub)) => format!("{}.{}", place.attribute.name, sub.name),
        _ => place.attribute.name.to_owned(),
    };
    let name = name.to_ascii_lowercase();
    match place.extension {
        None => name,
        Some(schema) => format!("{}:{name}", schema.urn),
    }
}

/// The key of the value that a list with many values is sorted by: its primary element's, or its first one's.
pub fn sort_key(place: &Place) -> String {
    if place.attribute.is_multi { format!("{}^", key(place)) } else { key(place) }
}

/// The key of a sub-attribute in an element.
pub fn element_key(sub: &Attribute) -> String {
    sub.name.to_ascii_lowercase()
}

/// The search form of a resource in its canonical form.
pub fn form(of: &'static ResourceType, resource: &Object) -> Object {
    let mut out = Object::new();
    add(&mut out, None, of.core.attributes, resource);
    let mut schemas = vec![json!({"value": of.core.urn})];
    for schema in of.extensions {
        if let Some(members) = resource.get(schema.urn).and_then(Value::as_object) {
            schemas.push(json!({"value": schema.urn}));
            add(&mut out, Some(schema), schema.attributes, members);
        }
    }
    out.insert("schemas".to_owned(), Value::Array(schemas));
    out
}

fn add(
    out: &mut Object,
    extension: Option<&'static Schema>,
    attributes: &'static [Attribute],
    members: &Object,
) {
    for attribute in attributes.iter().filter(|a| !a.is_read_only()) {
        let Some(value) = members.get(attribute.name) else { continue };
        let place = Place { extension, attribute, sub: None };
        match value {
            Value::Array(all) => {
                let elements: Vec<_> =
                    all.iter().filter_map(Value::as_object).map(|e| element(attribute, e)).collect();
                if let Some(first) = first_of(all).and_then(|e| e.get("value")).and_then(Value::as_str) {
                    let by =
                        attribute.sub("value").map_or_else(|| first.to_owned(), |sub| compared(sub, first));
                    out.insert(sort_key(&place), Value::String(by));
                }
                out.insert(key(&place), Value::Array(elements.into_iter().map(Value::Object).collect()));
            }
            Value::Object(parts) => {
                for sub in attribute.sub {
                    if let Some(value) = parts.get(sub.name) {
                        out.insert(key(&Place { sub: Some(sub), ..place }), plain(sub, value));
                    }
                }
            }
            value => drop(out.insert(key(&place), plain(attribute, value))),
        }
    }
}

/// The primary element, or the first.
pub fn first_of(elements: &[Value]) -> Option<&Value> {
    elements.iter().find(|e| e["primary"] == Value::Bool(true)).or_else(|| elements.first())
}

fn element(attribute: &Attribute, members: &Object) -> Map<String, Value> {
    let known = attribute.sub.iter().filter_map(|sub| Some((sub, members.get(sub.name)?)));
    known.map(|(sub, value)| (element_key(sub), plain(sub, value))).collect()
}

fn plain(attribute: &Attribute, value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(compared(attribute, text)),
        other => Value::String(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::USER;
    use super::*;

    #[test]
    fn a_resource_is_searched_flat_and_folded() {
        let user = json!({
            "userName": "Ada", "externalId": "X1", "active": true, "name": {"familyName": "Lovelace"},
            "emails": [{"value": "A@x"}, {"value": "B@x", "primary": true}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "M1"}},
        });
        let form = form(&USER, user.as_object().unwrap());
        assert_eq!(
            Value::Object(form),
            json!({
                "schemas": [{"value": USER.core.urn}, {"value": USER.extensions[0].urn}], "username": "ada", "active": "true", "name.familyname": "lovelace",
                "emails": [{"value": "a@x"}, {"value": "b@x", "primary": "true"}], "emails^": "b@x",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value": "M1",
            })
        );
    }
}
