use serde_json::json;

use super::super::{GROUP, USER};
use super::*;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn user() -> Object {
    json!({
        "userName": "ada", "active": true, "title": "Dr", "name": {"givenName": "Ada", "familyName": "L"},
        "emails": [{"value": "w@x", "type": "work", "primary": true}, {"value": "h@x", "type": "home"}],
        ENTERPRISE: {"department": "R&D", "manager": {"value": "m1"}},
    })
    .as_object()
    .unwrap()
    .clone()
}

fn patched(operations: Value) -> Result<Value, ScimError> {
    let operations = parse(&json!({"Operations": operations}))?;
    apply(&USER, user(), &operations).map(|(o, _)| Value::Object(o))
}

#[track_caller]
fn one(operation: Value) -> Value {
    patched(json!([operation])).unwrap()
}

#[test]
fn what_entra_sends_is_understood() {
    let path = format!("{ENTERPRISE}:manager");
    for (operation, at, expected) in [
        (json!({"op": "Replace", "path": "active", "value": "False"}), "/active", json!(false)),
        (json!({"op": "Add", "path": "title", "value": ""}), "/title", json!(null)),
        (
            json!({"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "n@x"}),
            "/emails/0/value",
            json!("n@x"),
        ),
        (
            json!({"op": "Add", "path": "emails[type eq \"other\"].value", "value": "o@x"}),
            "/emails/2",
            json!({"type": "other", "value": "o@x"}),
        ),
        (
            json!({"op": "Add", "path": path, "value": "m2"}),
            &format!("/{ENTERPRISE}/manager/value"),
            json!("m2"),
        ),
        (
            json!({"op": "Replace", "path": path, "value": {"$ref": null, "value": "m3"}}),
            &format!("/{ENTERPRISE}/manager"),
            json!({"value": "m3"}),
        ),
        (json!({"op": "Remove", "path": path}), &format!("/{ENTERPRISE}"), json!({"department": "R&D"})),
        (
            json!({"op": "Add", "path": "roles[primary eq \"True\"].value", "value": "r"}),
            "/roles",
            json!([{"primary": true, "value": "r"}]),
        ),
        (
            json!({"op": "replace", "value": {"name.givenName": "A", format!("{ENTERPRISE}:department"): "Ops"}}),
            "/name/givenName",
            json!("A"),
        ),
        (
            json!({"op": "replace", "value": {"emails[type eq \"home\"].value": "z@x"}}),
            "/emails/1/value",
            json!("z@x"),
        ),
    ] {
        let after = one(operation.clone());
        assert_eq!(after.pointer(at).cloned().unwrap_or_default(), expected, "{operation}: {after}");
    }
}

#[test]
fn what_okta_sends_is_understood() {
    assert_eq!(
        one(json!({"op": "replace", "value": {"active": false, "id": "x", "schemas": []}}))["active"],
        json!(false)
    );
    let after = one(json!({"op": "add", "value": {ENTERPRISE: {"division": "D", "department": null}}}));
    assert_eq!(after[ENTERPRISE], json!({"division": "D", "manager": {"value": "m1"}}));
}

#[test]
fn lists_change_as_the_rfc_says() {
    let added = one(
        json!({"op": "add", "path": "emails", "value": [{"value": "n@x", "type": "other", "primary": true}]}),
    );
    assert_eq!(added["emails"][0]["primary"], json!(false));
    assert_eq!(added["emails"][2], json!({"value": "n@x", "type": "other", "primary": true}));
    // the same again changes nothing
    let twice = one(json!({"op": "add", "path": "emails", "value": {"value": "h@x", "type": "home"}}));
    assert_eq!(twice["emails"].as_array().unwrap().len(), 2);
    let left = one(json!({"op": "remove", "path": "emails[type eq \"work\"]"}));
    assert_eq!(left["emails"], json!([{"value": "h@x", "type": "home"}]));
    let left = one(json!({"op": "remove", "path": "emails", "value": [{"value": "h@x"}]}));
    assert_eq!(left["emails"].as_array().unwrap().len(), 1);
    assert_eq!(one(json!({"op": "remove", "path": "emails"})).get("emails"), None);
    let hollow = one(json!({"op": "remove", "path": "emails[type eq \"home\"].value"}));
    assert_eq!(hollow["emails"].as_array().unwrap().len(), 1);
    let replaced =
        one(json!({"op": "replace", "path": "emails[type eq \"work\"]", "value": {"value": "q@x"}}));
    assert_eq!(replaced["emails"][0], json!({"type": "work", "value": "q@x"}));
}

#[test]
fn complex_attributes_change_by_their_parts() {
    let after = one(json!({"op": "replace", "path": "name", "value": {"givenName": "B"}}));
    assert_eq!(after["name"], json!({"givenName": "B", "familyName": "L"}));
    let after = one(json!({"op": "replace", "path": "name", "value": {"givenName": null, "familyName": ""}}));
    assert_eq!(after.get("name"), None);
    assert_eq!(one(json!({"op": "remove", "path": "name.givenName"}))["name"], json!({"familyName": "L"}));
    assert_eq!(one(json!({"op": "replace", "path": "title", "value": null})).get("title"), None);
    assert_eq!(one(json!({"op": "remove", "path": ENTERPRISE})).get(ENTERPRISE), None);
}

#[test]
fn what_cannot_be_done_is_refused() {
    for (operation, kind) in [
        (json!({"op": "replace", "path": "id", "value": "x"}), ScimType::Mutability),
        (json!({"op": "add", "path": "groups", "value": []}), ScimType::Mutability),
        (json!({"op": "add", "path": "nothing", "value": 1}), ScimType::InvalidPath),
        (
            json!({"op": "replace", "path": "emails[type eq \"x\" or type eq \"y\"].value", "value": "a"}),
            ScimType::NoTarget,
        ),
        (json!({"op": "remove"}), ScimType::NoTarget),
        (json!({"op": "add", "value": "x"}), ScimType::InvalidValue),
        (json!({"op": "replace", "path": "active", "value": "maybe"}), ScimType::InvalidValue),
        (json!({"op": "move", "path": "title"}), ScimType::InvalidSyntax),
        (json!({"op": "add", "path": 5, "value": "x"}), ScimType::InvalidPath),
    ] {
        let refused = patched(json!([operation.clone()])).unwrap_err();
        assert_eq!(refused.scim_type, Some(kind), "{operation}");
    }
    assert_eq!(parse(&json!({})).unwrap_err().scim_type, Some(ScimType::InvalidSyntax));
}

fn members(operation: Value) -> String {
    let operations = parse(&json!({"operations": [operation]})).unwrap();
    let (_, members) = apply(&GROUP, Object::new(), &operations).unwrap();
    members
        .iter()
        .map(|m| match m {
            MemberChange::RemoveWhere(_) => "where".to_owned(),
            other => format!("{other:?}"),
        })
        .collect::<Vec<_>>()
        .join(";")
}

#[test]
fn members_leave_by_filter_or_by_value_and_never_more_than_named() {
    for (operation, change) in [
        (
            json!({"op": "Add", "path": "members", "value": [{"value": "a"}, {"$ref": "https://x/Users/b"}]}),
            r#"Add(["a", "b"])"#,
        ),
        (json!({"op": "Remove", "path": "members", "value": [{"value": "a"}]}), r#"Remove(["a"])"#),
        (json!({"op": "Remove", "path": "members", "value": []}), "Remove([])"),
        (json!({"op": "remove", "path": "members[value eq \"a\"]"}), r#"Remove(["a"])"#),
        (
            json!({"op": "remove", "path": "members[value eq \"a\" or value eq \"b\"]"}),
            r#"Remove(["a", "b"])"#,
        ),
        (json!({"op": "remove", "path": "members[type eq \"Group\"]"}), "where"),
        (json!({"op": "remove", "path": "members"}), "Clear"),
        (json!({"op": "replace", "path": "members", "value": [{"value": "a"}]}), r#"Set(["a"])"#),
        (json!({"op": "replace", "value": {"members": []}}), "Set([])"),
        (json!({"op": "remove", "value": {"members": [{"value": "a"}]}}), r#"Remove(["a"])"#),
        (json!({"op": "add", "path": "members", "value": null}), ""),
    ] {
        assert_eq!(members(operation.clone()), change, "{operation}");
    }
}

#[test]
fn a_document_is_an_addition_to_nothing() {
    let (sent, members) = document(&GROUP, &json!({
        "schemas": ["x"], "ID": "mine", "DisplayName": "G", "externalid": "e", "members": [{"value": "a"}], "unknown": {"a": 1},
    }))
    .unwrap();
    assert_eq!(Value::Object(sent), json!({"displayName": "G", "externalId": "e"}));
    assert_eq!(format!("{members:?}"), r#"[Add(["a"])]"#);
    assert!(document(&USER, &json!([])).is_err());
}
