//! What holds for whatever is uploaded, entered or answered.

use gatehouse_catalogue::openapi::{OpenApiError, Options, import};
use gatehouse_catalogue::request::{Answer, Request, build, next_page};
use gatehouse_catalogue::{ConnectorType, HttpsUrl, validate};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::openapi::{LIBRARY, PARCELS, PRINTING};

/// Words that mean something somewhere in a document.
fn word() -> impl Strategy<Value = String> {
    let words = [
        "openapi",
        "3.0.0",
        "servers",
        "url",
        "https://a.example/{v}",
        "/x/{id}",
        "{a}{b}",
        "variables",
        "default",
        "enum",
        "paths",
        "get",
        "post",
        "parameters",
        "name",
        "in",
        "path",
        "query",
        "header",
        "cookie",
        "required",
        "schema",
        "type",
        "string",
        "array",
        "object",
        "items",
        "properties",
        "allOf",
        "oneOf",
        "$ref",
        "#/components/schemas/A",
        "#/paths/~1x",
        "components",
        "schemas",
        "securitySchemes",
        "security",
        "oauth2",
        "flows",
        "authorizationCode",
        "tokenUrl",
        "apiKey",
        "requestBody",
        "content",
        "application/json",
        "multipart/form-data",
        "style",
        "explode",
        "deepObject",
        "..",
        ".",
        "//evil.example",
        "\r\n",
        "é",
        "",
        "id",
        "token",
        "0",
    ];
    prop_oneof![4 => select(words.to_vec()).prop_map(str::to_owned), 1 => ".{0,12}"]
}

/// JSON of such words.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A real document with values replaced at places that are chosen by numbers.
fn changed(document: &str, changes: &[(usize, Value)]) -> String {
    let mut whole: Value = serde_json::from_str(document).unwrap();
    for (place, value) in changes {
        let mut places = Vec::new();
        pointers(&whole, String::new(), &mut places);
        let at = &places[place % places.len()];
        if let Some(found) = whole.pointer_mut(at) {
            *found = value.clone();
        }
    }
    whole.to_string()
}

fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            pointers(member, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| pointers(item, format!("{at}/{index}"), found));
        }
        _ => {}
    }
    found.push(at);
}

fn options() -> Options {
    let homepage = HttpsUrl::try_from("https://home.example".to_owned()).ok();
    Options { homepage, ..Options::default() }
}

/// What comes out is valid, or the document is refused for a fault of its own.
fn judged(document: &str) -> Option<ConnectorType> {
    match import(document.as_bytes(), &options()) {
        Ok(imported) => {
            assert_eq!(validate(&imported.connector), []);
            Some(imported.connector)
        }
        Err(OpenApiError::Invalid(problem)) => panic!("{problem} in {document}"),
        Err(refused) => {
            assert!(!refused.to_string().is_empty());
            None
        }
    }
}

/// Every action called with these values: what is made stays on the origin of its base.
fn called(connector: &ConnectorType, given: &[Value], entered: &str, answer: &Value) {
    let connection = |_: &str| Some(entered.to_owned());
    for auth in &connector.auth {
        for action in &connector.actions {
            let keys = action.parameters.iter().map(|parameter| parameter.key.to_string());
            let values: Map<String, Value> = keys.zip(given.iter().cycle().cloned()).collect();
            let Ok(request) = build(connector, auth, action, &values, connection) else { continue };
            stays(&request);
            let link = answer.as_str().unwrap_or_default();
            let headers = [("Link".to_owned(), format!("<{link}>; rel=next"))];
            let answer = Answer { status: 200, headers: &headers, body: answer };
            if let Ok(Some(next)) = next_page(action, &request, &answer, 1) {
                stays(&next);
            }
        }
    }
}

fn stays(request: &Request) {
    assert_eq!(request.url.origin(), request.base.origin(), "{}", request.url);
    assert!(request.url.username().is_empty() && request.url.password().is_none());
    assert!(request.headers.iter().all(|(name, value)| !format!("{name}{value}").contains(['\r', '\n'])));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_importer_panic(text in ".{0,200}") {
        judged(&text);
    }

    #[test]
    fn no_tree_makes_the_importer_panic(paths in value(), components in value(), servers in value(), security in value()) {
        let document = json!({ "openapi": "3.0.0", "info": {}, "paths": paths, "components": components,
            "servers": servers, "security": security });
        judged(&document.to_string());
        let below = json!({ "openapi": "3.1.0", "info": { "title": "x" }, "paths": { "/x/{id}": { "post": paths } },
            "components": { "schemas": { "A": components } } });
        judged(&below.to_string());
    }

    #[test]
    fn changed_documents_make_requests_that_stay(
        which in 0..3_usize,
        changes in prop::collection::vec((any::<usize>(), value()), 1..6),
        given in prop::collection::vec(value(), 1..4),
        entered in prop_oneof![Just("eu".to_owned()), Just("https://a.example".to_owned()), word()],
        answer in value(),
    ) {
        let document = changed([PARCELS, LIBRARY, PRINTING][which], &changes);
        if let Some(connector) = judged(&document) {
            called(&connector, &given, &entered, &answer);
        }
    }

    #[test]
    fn a_value_in_the_path_stays_in_its_segment(value in "\\PC{1,20}|[./\\\\%?#]{1,8}") {
        let connector = crate::request::with_action(
            "path = \"/a/{v}/b\"\nparameters = [{ key = \"v\", in = \"path\" }]");
        let values = crate::request::values(json!({ "v": value }));
        let made = build(&connector, &connector.auth[0], &connector.actions[0], &values, crate::request::connection);
        match made {
            Ok(request) => {
                stays(&request);
                let segments: Vec<&str> = request.url.path().split('/').collect();
                prop_assert_eq!(segments.len(), 5);
                prop_assert_eq!((segments[1], segments[2], segments[4]), ("api", "a", "b"));
            }
            Err(_) => prop_assert!(matches!(value.as_str(), "." | "..")),
        }
    }
}
