//! What holds for whatever is sent.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::evaluate::passes;
use super::patch::{self, document};
use super::value::Object;
use super::{GROUP, ScimError, USER, filter, path, test};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Pieces of filters and paths, in an order that nobody meant.
fn pieces() -> impl Strategy<Value = String> {
    let words = [
        "userName",
        "emails",
        "name.givenName",
        "members",
        "active",
        "roles",
        "eq",
        "ne",
        "co",
        "pr",
        "and",
        "or",
        "not",
        "(",
        ")",
        "[",
        "]",
        ".value",
        "\"a\"",
        "\"True\"",
        "true",
        "null",
        "5",
        " ",
        "\\",
        "\"",
        "é",
        ENTERPRISE,
        ":manager",
        "type",
        "$ref",
    ];
    prop::collection::vec(select(words.to_vec()), 0..20).prop_map(|w| w.join(" ").replace(" . ", "."))
}

fn anything() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        select(vec!["", "a", "b@x", "True", "work", "2026-01-01T00:00:00Z", "bulkId:x"])
            .prop_map(Value::from),
    ];
    let names = select(vec![
        "value",
        "type",
        "primary",
        "givenName",
        "familyName",
        "department",
        "manager",
        "emails",
        "$ref",
        "userName",
        "title",
        "active",
        ENTERPRISE,
        "name.familyName",
        "emails[type eq \"work\"].value",
        "id",
        "unknown",
    ]);
    plain.prop_recursive(3, 24, 4, move |inner| {
        let members = prop::collection::vec((names.clone(), inner.clone()), 0..4);
        let object =
            members.prop_map(|m| Value::Object(m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()));
        prop_oneof![prop::collection::vec(inner, 0..3).prop_map(Value::from), object]
    })
}

fn operation() -> impl Strategy<Value = Value> {
    let paths = select(vec![
        "userName",
        "active",
        "emails",
        "emails[type eq \"work\"]",
        "emails[type eq \"work\"].value",
        "emails.value",
        "emails[primary eq true]",
        "name",
        "name.givenName",
        "roles[primary eq \"True\"].value",
        "title",
        ENTERPRISE,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "addresses[type eq \"home\" and primary eq true]",
    ]);
    let op = select(vec!["add", "Replace", "REMOVE"]);
    (op, prop::option::of(paths), anything())
        .prop_map(|(op, path, value)| json!({"op": op, "path": path, "value": value}))
}

/// A refusal is one of the protocol.
fn is_told(refused: &ScimError) -> bool {
    refused.status == 400 && refused.scim_type.is_some() && !refused.detail.is_empty()
}

fn start() -> Object {
    let user = json!({"userName": "a", "active": true, "emails": [{"value": "w@x", "type": "work", "primary": true},
        {"value": "h@x", "type": "home"}], "name": {"givenName": "A"}, ENTERPRISE: {"manager": {"value": "m"}}});
    document(&USER, &user).unwrap().0
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn any_text_is_a_filter_and_a_path_or_is_refused(text in prop_oneof![pieces(), any::<String>()]) {
        match filter::parse(&text).and_then(|f| test::typed(&f, &USER)) {
            Ok(meaning) => { passes(&meaning, &start()); }
            Err(refused) => prop_assert!(is_told(&refused), "{refused:?}"),
        }
        for of in [&USER, &GROUP] {
            if let Err(refused) = path::parse(&text).and_then(|p| p.locate(of)) {
                prop_assert!(is_told(&refused), "{refused:?}");
            }
        }
    }

    #[test]
    fn what_operations_leave_is_in_the_canonical_form(operations in prop::collection::vec(operation(), 1..5)) {
        let operations = patch::parse(&json!({"Operations": operations})).unwrap();
        match patch::apply(&USER, start(), &operations) {
            Err(refused) => prop_assert!(is_told(&refused), "{refused:?}"),
            Ok((after, _)) => {
                let again = document(&USER, &Value::Object(after.clone())).unwrap().0;
                prop_assert_eq!(&again, &after);
                let primaries = after.get("emails").and_then(Value::as_array).into_iter().flatten();
                prop_assert!(primaries.filter(|e| e["primary"] == true).count() <= 1, "{:?}", after);
            }
        }
    }

    #[test]
    fn a_document_is_its_own_canonical_form(sent in anything()) {
        if let Ok((first, _)) = document(&USER, &sent) {
            prop_assert_eq!(&document(&USER, &Value::Object(first.clone())).unwrap().0, &first);
        }
    }
}
