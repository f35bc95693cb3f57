//! Filters on documents in memory: which elements a PATCH means, and the plain model that stored searches must agree with.

use serde_json::Value;

use super::filter::Op;
use super::folded;
use super::schema::{Attribute, Kind, Place};
use super::test::{Operand, Test};
use super::value::Object;
use gatehouse_types::Timestamp;

/// Whether a resource in its canonical form passes.
pub fn passes(test: &Test, resource: &Object) -> bool {
    walk(test, &|place: &Place| {
        let root = match place.extension {
            None => Some(resource),
            Some(schema) => resource.get(schema.urn).and_then(Value::as_object),
        };
        root.and_then(|root| root.get(place.attribute.name)).map(list).unwrap_or_default()
    })
}

/// Whether one element of an attribute passes.
pub fn element_passes(test: &Test, element: &Value) -> bool {
    walk(test, &|_: &Place| vec![element])
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(all) => all.iter().collect(),
        one => vec![one],
    }
}

fn walk<'a>(test: &Test, values: &dyn Fn(&Place) -> Vec<&'a Value>) -> bool {
    match test {
        Test::Never => false,
        Test::All(parts) => parts.iter().all(|p| walk(p, values)),
        Test::Any(parts) => parts.iter().any(|p| walk(p, values)),
        Test::Not(inner) => !walk(inner, values),
        Test::Elements(place, inner) => values(place).into_iter().any(|e| element_passes(inner, e)),
        Test::Present(place) => values(place).into_iter().any(|v| leaf(place, v).is_some_and(is_something)),
        Test::Compare(place, op, operand) => {
            let leaves = values(place).into_iter().filter_map(|v| leaf(place, v));
            leaves.into_iter().any(|v| compares(place.leaf(), *op, v, operand))
        }
    }
}

fn leaf<'a>(place: &Place, value: &'a Value) -> Option<&'a Value> {
    match place.sub {
        None => Some(value),
        Some(sub) => value.get(sub.name),
    }
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(all) => !all.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn compares(attribute: &Attribute, op: Op, value: &Value, operand: &Operand) -> bool {
    match operand {
        Operand::Bool(wanted) => value.as_bool() == Some(*wanted),
        Operand::Time(wanted) => {
            let Some(moment) = value.as_str().and_then(Timestamp::parse) else { return false };
            ordered(op, &moment, wanted)
        }
        Operand::Text(wanted) => {
            let Some(text) = value.as_str() else { return false };
            let text = compared(attribute, text);
            match op {
                Op::Co => text.contains(wanted.as_str()),
                Op::Sw => text.starts_with(wanted.as_str()),
                Op::Ew => text.ends_with(wanted.as_str()),
                op => ordered(op, &text, wanted),
            }
        }
    }
}

/// A text of an attribute in its compared form.
pub(super) fn compared(attribute: &Attribute, text: &str) -> String {
    if attribute.is_exact || attribute.kind == Kind::Binary { text.to_owned() } else { folded(text) }
}

fn ordered<T: Ord>(op: Op, value: &T, wanted: &T) -> bool {
    match op {
        Op::Eq => value == wanted,
        Op::Ne => value != wanted,
        Op::Gt => value > wanted,
        Op::Ge => value >= wanted,
        Op::Lt => value < wanted,
        Op::Le => value <= wanted,
        Op::Co | Op::Sw | Op::Ew => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{USER, filter, test};
    use super::*;

    #[test]
    fn a_filter_chooses_as_the_rfc_says() {
        let user = json!({
            "userName": "Ada", "active": true, "title": "Dr", "externalId": "X1",
            "emails": [{"value": "ada@Work.test", "type": "work", "primary": true}, {"value": "a@home.test", "type": "home"}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "R&D", "manager": {"value": "m1"}},
            "meta": {"created": "2026-01-02T03:04:05Z"},
        });
        let user = user.as_object().unwrap();
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        for (text, expected) in [
            (r#"userName eq "ADA""#.to_owned(), true),
            (r#"externalId eq "x1""#.to_owned(), false),
            (r#"emails.value eq "ADA@work.test""#.to_owned(), true),
            (r#"emails co "home""#.to_owned(), true),
            (r#"emails[type eq "home" and primary eq true]"#.to_owned(), false),
            (r#"emails.type eq "home" and emails.primary eq true"#.to_owned(), true),
            (r#"not (title pr)"#.to_owned(), false),
            (r#"nickName pr or nickName ne "x""#.to_owned(), true),
            (r#"nickName eq null and title ne null"#.to_owned(), true),
            (format!(r#"{enterprise}:department sw "r""#), true),
            (format!(r#"{enterprise}:manager eq "m1""#), true),
            (format!(r#"{enterprise}:manager.value eq "M1""#), false),
            (r#"meta.created gt "2026-01-02T03:04:04Z""#.to_owned(), true),
            (r#"meta.created lt "2026-01-02T03:04:05Z""#.to_owned(), false),
            (r#"userName ge "ad" and userName le "adb" and userName ew "a""#.to_owned(), true),
        ] {
            let test = test::typed(&filter::parse(&text).unwrap(), &USER).unwrap();
            assert_eq!(passes(&test, user), expected, "{text}");
        }
    }
}
