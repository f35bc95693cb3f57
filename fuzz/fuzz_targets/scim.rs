//! What identity providers send over SCIM: filters, paths, PATCH, documents, bulk requests.
#![no_main]

use std::collections::BTreeMap;

use gatehouse_scim::protocol::project::Projection;
use gatehouse_scim::protocol::value::Object;
use gatehouse_scim::protocol::{GROUP, ScimError, USER, bulk, evaluate, filter, patch, path, search, test};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn start() -> Object {
    let user = json!({"userName": "a", "active": true, "emails": [{"value": "w@x", "type": "work", "primary": true},
        {"value": "h@x", "type": "home"}], "name": {"givenName": "A"}, ENTERPRISE: {"manager": {"value": "m"}}});
    patch::document(&USER, &user).expect("a person").0
}

fn told(refused: &ScimError) {
    assert!(matches!(refused.status, 400 | 413) && !refused.detail.is_empty(), "{refused:?}");
}

fn text(data: &str) {
    match filter::parse(data) {
        Err(refused) => told(&refused),
        Ok(read) => {
            for of in [&USER, &GROUP] {
                match test::typed(&read, of) {
                    Err(refused) => told(&refused),
                    Ok(meaning) => drop(evaluate::passes(&meaning, &start())),
                }
            }
        }
    }
    for of in [&USER, &GROUP] {
        if let Err(refused) = path::parse(data).and_then(|p| p.locate(of)) {
            told(&refused);
        }
    }
    let shown = Projection::of(Some(data), Some(data)).apply(&USER, start());
    assert!(shown.len() <= start().len());
}

fn body(sent: &Value) {
    for of in [&USER, &GROUP] {
        match patch::parse(sent).and_then(|operations| patch::apply(of, start(), &operations)) {
            Err(refused) => told(&refused),
            Ok((after, _)) => {
                let again =
                    patch::document(&USER, &Value::Object(after.clone())).expect("the canonical form").0;
                assert!(std::ptr::eq(of, &GROUP) || again == after, "{after:?}");
                drop(search::form(&USER, &after));
            }
        }
        match patch::document(of, sent) {
            Err(refused) => told(&refused),
            Ok((first, _)) => {
                let again = patch::document(of, &Value::Object(first.clone())).expect("the canonical form").0;
                assert_eq!(again, first);
            }
        }
    }
    match bulk::parse(sent) {
        Err(refused) => told(&refused),
        Ok(request) => {
            let order = bulk::order(&request.operations);
            assert_eq!(order.len(), request.operations.len());
            for operation in &request.operations {
                let _ = bulk::resolved(&operation.data, &BTreeMap::new());
            }
        }
    }
}

fuzz_target!(|data: &str| {
    text(data);
    if let Ok(sent) = serde_json::from_str(data) {
        body(&sent);
    }
});
