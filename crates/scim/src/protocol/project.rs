//! Which attributes an answer has: `attributes` and `excludedAttributes` (RFC 7644 §3.9).

use serde_json::Value;

use super::schema::{Place, ResourceType, Target};
use super::value::Object;

/// What a caller wants to see.
#[derive(Clone, Debug, Default)]
pub struct Projection {
    only: Option<Vec<String>>,
    without: Vec<String>,
}

/// The most names that are looked at.
const MAX_NAMES: usize = 100;

fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|n| !n.is_empty()).take(MAX_NAMES).map(str::to_owned).collect()
}

impl Projection {
    /// Of the two parameters, names joined by commas; `attributes` wins when both are given.
    pub fn of(attributes: Option<&str>, excluded: Option<&str>) -> Self {
        let only = attributes.map(names).filter(|n| !n.is_empty());
        let without = if only.is_some() { Vec::new() } else { excluded.map(names).unwrap_or_default() };
        Self { only, without }
    }

    /// Whether the answer has this attribute of the resource's own schema, or a part of it.
    pub fn shows(&self, of: &'static ResourceType, attribute: &str) -> bool {
        let names = |name: &String, whole: bool| match of.resolve(name) {
            Some(Target::Attribute(p)) => {
                p.extension.is_none() && p.attribute.name == attribute && (!whole || p.sub.is_none())
            }
            _ => false,
        };
        match &self.only {
            Some(only) => only.iter().any(|n| names(n, false)),
            None => !self.without.iter().any(|n| names(n, true)),
        }
    }

    /// Whether the caller names exactly this part of an attribute; for parts that are returned on request alone.
    pub fn asks_for(&self, of: &'static ResourceType, attribute: &str, sub: &str) -> bool {
        let names = |name: &String| matches!(of.resolve(name), Some(Target::Attribute(p)) if p.is(attribute, Some(sub)));
        self.only.iter().flatten().any(names)
    }

    /// The resource as the caller wants to see it. What is always returned stays.
    pub fn apply(&self, of: &'static ResourceType, resource: Object) -> Object {
        match &self.only {
            Some(only) => shown(of, only, &resource),
            None if self.without.is_empty() => resource,
            None => hidden(of, &self.without, resource),
        }
    }
}

fn is_always(name: &str) -> bool {
    matches!(name, "id" | "schemas")
}

fn shown(of: &'static ResourceType, only: &[String], resource: &Object) -> Object {
    let mut out: Object =
        resource.iter().filter(|(name, _)| is_always(name)).map(|(k, v)| (k.clone(), v.clone())).collect();
    for name in only {
        match of.resolve(name) {
            None => {}
            Some(Target::Extension(schema)) => copy(resource, &mut out, schema.urn, None),
            Some(Target::Attribute(Place { extension: None, attribute, sub })) => {
                copy(resource, &mut out, attribute.name, sub.map(|s| s.name));
            }
            Some(Target::Attribute(Place { extension: Some(schema), attribute, sub })) => {
                let Some(members) = resource.get(schema.urn).and_then(Value::as_object) else { continue };
                let kept = out.entry(schema.urn).or_insert_with(|| Value::Object(Object::new()));
                if let Some(kept) = kept.as_object_mut() {
                    copy(members, kept, attribute.name, sub.map(|s| s.name));
                }
            }
        }
    }
    out
}

/// Copies an attribute, or one part of it or of each of its elements.
fn copy(from: &Object, to: &mut Object, name: &str, sub: Option<&str>) {
    let Some(value) = from.get(name) else { return };
    let Some(sub) = sub else {
        to.insert(name.to_owned(), value.clone());
        return;
    };
    match value {
        Value::Array(all) => {
            let blank = || Value::Array(vec![Value::Object(Object::new()); all.len()]);
            let Some(kept) = to.entry(name).or_insert_with(blank).as_array_mut() else { return };
            for (element, kept) in all.iter().zip(kept) {
                if let (Some(part), Some(kept)) = (element.get(sub), kept.as_object_mut()) {
                    kept.insert(sub.to_owned(), part.clone());
                }
            }
        }
        Value::Object(parts) => {
            let kept = to.entry(name).or_insert_with(|| Value::Object(Object::new()));
            if let (Some(part), Some(kept)) = (parts.get(sub), kept.as_object_mut()) {
                kept.insert(sub.to_owned(), part.clone());
            }
        }
        _ => {}
    }
}

fn hidden(of: &'static ResourceType, without: &[String], mut resource: Object) -> Object {
    for name in without {
        match of.resolve(name) {
            Some(Target::Extension(schema)) => drop(resource.remove(schema.urn)),
            Some(Target::Attribute(Place { extension: None, attribute, sub }))
                if !is_always(attribute.name) =>
            {
                drop_part(&mut resource, attribute.name, sub.map(|s| s.name));
            }
            Some(Target::Attribute(Place { extension: Some(schema), attribute, sub })) => {
                if let Some(members) = resource.get_mut(schema.urn).and_then(Value::as_object_mut) {
                    drop_part(members, attribute.name, sub.map(|s| s.name));
                }
            }
            _ => {}
        }
    }
    resource
}

fn drop_part(from: &mut Object, name: &str, sub: Option<&str>) {
    let Some(sub) = sub else {
        from.remove(name);
        return;
    };
    match from.get_mut(name) {
        Some(Value::Object(parts)) => drop(parts.remove(sub)),
        Some(Value::Array(all)) => {
            for element in all.iter_mut().filter_map(Value::as_object_mut) {
                element.remove(sub);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{GROUP, USER};
    use super::*;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    fn project(attributes: Option<&str>, excluded: Option<&str>) -> Value {
        let user = json!({
            "schemas": ["x"], "id": "1", "userName": "a", "name": {"givenName": "A", "familyName": "B"},
            "emails": [{"value": "a@b", "type": "work"}], ENTERPRISE: {"department": "d", "division": "e"},
            "meta": {"version": "1"},
        });
        Value::Object(Projection::of(attributes, excluded).apply(&USER, user.as_object().unwrap().clone()))
    }

    #[test]
    fn wanted_attributes_come_with_what_is_always_there() {
        assert_eq!(project(Some("USERNAME"), None), json!({"schemas": ["x"], "id": "1", "userName": "a"}));
        assert_eq!(
            project(Some("name.givenName, emails.value, nothing"), Some("userName")),
            json!({"schemas": ["x"], "id": "1", "name": {"givenName": "A"}, "emails": [{"value": "a@b"}]})
        );
        let department = format!("{ENTERPRISE}:department");
        assert_eq!(project(Some(&department), None)[ENTERPRISE], json!({"department": "d"}));
        assert_eq!(project(Some(ENTERPRISE), None)[ENTERPRISE], json!({"department": "d", "division": "e"}));
    }

    #[test]
    fn excluded_attributes_go_but_not_what_is_always_there() {
        let left = project(None, Some(&format!("id,schemas,emails.type,meta,name,{ENTERPRISE}")));
        assert_eq!(left, json!({"schemas": ["x"], "id": "1", "userName": "a", "emails": [{"value": "a@b"}]}));
    }

    #[test]
    fn what_is_not_shown_need_not_be_read() {
        assert!(!Projection::of(None, Some("Members")).shows(&GROUP, "members"));
        assert!(Projection::of(None, Some("members.display")).shows(&GROUP, "members"));
        assert!(Projection::of(Some("members.value"), None).shows(&GROUP, "members"));
        assert!(!Projection::of(Some("displayName"), None).shows(&GROUP, "members"));
        assert!(Projection::default().shows(&GROUP, "members"));
    }
}
