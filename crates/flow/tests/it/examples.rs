//! The examples of the repository and of the documentation.

use std::path::Path;

use gatehouse_flow::Flow;
use gatehouse_flow::machine::{Effect, Status};
use gatehouse_flow::{RunAs, Work};
use serde_json::{Value, json};

use crate::support::{Driven, api, chain};

pub(crate) fn all() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut found: Vec<(String, Value)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".flow.json"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path.file_name().unwrap().to_string_lossy().into_owned(), serde_json::from_str(&text).unwrap())
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn named(name: &str) -> Value {
    all().into_iter().find(|(file, _)| file == &format!("{name}.flow.json")).unwrap().1
}

#[test]
fn every_example_is_valid() {
    assert!(all().len() >= 6);
    for (name, definition) in all() {
        assert!(Flow::read(&definition).is_ok(), "{name}: {:?}", Flow::read(&definition).err());
    }
}

#[test]
fn every_definition_in_the_documentation_is_valid() {
    let page = include_str!("../../../../docs/flows-definition.md");
    let blocks: Vec<&str> =
        page.split("```json").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 5);
    for block in blocks {
        let value: Value = serde_json::from_str(block).unwrap_or_else(|error| panic!("{error} in {block}"));
        let definition = whole(value);
        assert!(Flow::read(&definition).is_ok(), "{block}: {:?}", Flow::read(&definition).err());
    }
}

/// A definition around a part of one.
fn whole(part: Value) -> Value {
    let has = |key: &str| part.get(key).is_some();
    if has("nodes") {
        part
    } else if has("method") {
        chain(&[json!({"id": "call", "kind": "api", "request": part})], json!(null))
    } else if has("cases") {
        let mut definition =
            chain(&[json!({"id": "if", "kind": "condition", "cases": part["cases"]})], json!(null));
        let cases: Vec<&Value> = part["cases"].as_array().unwrap().iter().map(|case| &case["name"]).collect();
        let edges = definition["edges"].as_array_mut().unwrap();
        edges.truncate(1);
        let other = json!("else");
        edges.extend(
            cases.into_iter().chain([&other]).map(|case| json!({"from": "if", "to": "end", "case": case})),
        );
        definition
    } else if has("body") {
        chain(&[api("find"), part], json!(null))
    } else {
        chain(&[json!({"id": "form", "kind": "input", "fields": [part]})], json!(null))
    }
}

#[test]
fn the_echo_example_sends_its_input() {
    let mut driven = Driven::started(&named("echo"), false, json!({"text": "a \"b\""}));
    let Work::Api(request) = &driven.runs["call"][0].work else { panic!() };
    assert_eq!(request.body.as_deref(), Some(r#"{"execution":"exec_1","text":"a \"b\""}"#));
    assert_eq!(driven.runs["call"][0].timeout_seconds, 30);
    driven.succeed("call", json!({"status": 200, "body": {"json": 1}}));
    assert_eq!(driven.status(), Status::Success);
    assert_eq!(driven.state.output(), &json!({"status": 200, "answer": {"json": 1}}));
}

#[test]
fn the_branches_example_goes_one_way() {
    let definition = named("two-branches");
    for (input, step) in [
        (json!({"customer": "A", "amount": 10000}), "review"),
        (json!({"customer": "A", "amount": 5001, "country": "FR"}), "review"),
        (json!({"customer": "A & B", "amount": 5001}), "book"),
    ] {
        let driven = Driven::started(&definition, false, input.clone());
        assert_eq!(driven.ran(), [step], "{input}");
    }
    let mut driven = Driven::started(&definition, false, json!({"customer": "A", "amount": 1}));
    driven.fail("book", false);
    assert_eq!(driven.status(), Status::Error);
    assert_eq!(driven.state.message(), Some("Booking failed: it broke"));
}

#[test]
fn the_connector_example_quotes_its_value_and_demands_the_person() {
    let driven =
        Driven::started(&named("connector-as-person"), false, json!({"account": r"O'Neill\' OR 1=1"}));
    let Work::Connector { parameters, run_as, .. } = &driven.runs["retrieve"][0].work else { panic!() };
    assert_eq!(parameters["q"], r"SELECT Id, Name FROM Account WHERE Name = 'O\'Neill\\\' OR 1=1'");
    assert!(matches!(run_as, RunAs::Setting { wish: Some(wish) } if wish.required));
}

#[test]
fn the_loop_example_leaves_failed_items_out() {
    let mut driven = Driven::started(&named("loop"), false, json!({"since": "2026-01-01"}));
    let orders = json!([{"id": 1, "state": "open"}, {"id": 2, "state": "done"}, {"id": 3, "state": "open"}]);
    driven.succeed("orders", json!({"body": {"orders": orders}}));
    assert_eq!(driven.ran(), ["each[0]/score"]);
    driven.succeed("each[0]/score", json!({"result": 7}));
    assert_eq!(driven.ran(), ["each[2]/score"]);
    driven.fail("each[2]/score", false);
    let Work::Api(request) = &driven.runs["report"][0].work else { panic!() };
    let body: Value = serde_json::from_str(request.body.as_ref().unwrap()).unwrap();
    assert_eq!(
        body,
        json!({"count": 2, "note": "Orders since 2026-01-01",
        "scores": [{"id": 1, "score": 7}, {"id": 2, "score": null}]})
    );
    driven.succeed("report", json!({}));
    assert_eq!(driven.state.output()["failed"], json!([{"index": 2, "error": "it broke"}]));
}

#[test]
fn the_form_example_asks_or_is_skipped() {
    let driven = Driven::started(&named("input-form"), true, json!({}));
    assert_eq!(driven.status(), Status::UserInput);
    assert!(
        driven.effects.iter().any(|effect| matches!(effect, Effect::Ask { fields, .. } if fields.len() == 4))
    );
    let skipped = Driven::started(&named("input-form"), false, json!({}));
    assert_eq!((skipped.status(), skipped.warnings()), (Status::Waiting, 1));
}

#[test]
fn the_parallel_example_joins_both_ways() {
    let mut driven = Driven::started(&named("parallel"), false, json!({"domain": "a.example/../x"}));
    assert_eq!(driven.ran(), ["whois", "rating"]);
    let Work::Api(request) = &driven.runs["whois"][0].work else { panic!() };
    assert_eq!(request.url, "https://whois.example/a.example%2F..%2Fx");
    driven.succeed("rating", json!({"body": {"score": 5}}));
    assert!(driven.ran().is_empty());
    driven.succeed("whois", json!({"body": {"owner": "A"}}));
    let Work::Function { arguments, .. } = &driven.runs["joined"][0].work else { panic!() };
    assert_eq!(json!(arguments), json!({"owner": "A", "rating": 5}));
}
