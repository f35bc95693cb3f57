//! The published schema and the reader say the same, as far as a schema can.

use std::collections::BTreeMap;

use gatehouse_flow::{Flow, SCHEMA};
use jsonschema::Validator;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::examples::all;

/// What the reader refuses and a schema cannot say.
const BEYOND: [&str; 33] = [
    "bad_body",
    "bad_expression",
    "bad_header",
    "bad_items",
    "bad_url",
    "bad_value",
    "body_start",
    "cycle",
    "dead_end",
    "duplicate_edge",
    "duplicate_id",
    "dynamic_reference",
    "edge_into_start",
    "edge_out_of_end",
    "end_unreachable",
    "later_step",
    "missing_case",
    "no_end",
    "no_error_path",
    "no_loop",
    "no_start",
    "not_in_body",
    "too_deep",
    "too_many_branches",
    "two_starts",
    "unknown_case",
    "unknown_field",
    "unknown_input",
    "unknown_member",
    "unknown_name",
    "unknown_node",
    "unknown_step",
    "unreachable",
];

fn schema() -> Validator {
    jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
}

/// Says what the one sees and the other does not.
fn disagreement(schema: &Validator, definition: &Value) -> Option<String> {
    let valid = schema.is_valid(definition);
    match Flow::read(definition) {
        Ok(_) if !valid => Some(format!("the schema refuses what the reader takes: {definition:#}")),
        Err(problems) if valid => {
            let seen: Vec<_> = problems.iter().filter(|p| !BEYOND.contains(&p.code)).collect();
            (!seen.is_empty())
                .then(|| format!("the schema takes what the reader refuses: {seen:?} in {definition:#}"))
        }
        _ => None,
    }
}

#[test]
fn the_schema_is_one_of_2020_12() {
    let document: Value = serde_json::from_str(SCHEMA).unwrap();
    assert_eq!(document["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(jsonschema::meta::is_valid(&document));
}

#[test]
fn schema_and_reader_take_every_example() {
    let schema = schema();
    for (name, definition) in all() {
        assert!(schema.is_valid(&definition), "{name}");
        assert_eq!(disagreement(&schema, &definition), None);
    }
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

/// Words and values that mean something somewhere.
fn value() -> impl Strategy<Value = Value> {
    let words = [
        "start",
        "api",
        "function",
        "connector",
        "condition",
        "input",
        "delay",
        "loop",
        "end",
        "GET",
        "POST",
        "none",
        "form",
        "json",
        "xml",
        "custom",
        "https://a.example/",
        "{{ input.x }}",
        "else",
        "error",
        "success",
        "==",
        "a b",
        "",
        "string",
        "number",
        "pause",
        "skip",
        "terminate",
        "continue",
        "x\ny",
        "/a",
        "é",
        "text/csv",
    ];
    prop_oneof![
        8 => select(words.to_vec()).prop_map(Value::from),
        2 => select(vec![json!(null), json!(true), json!([]), json!({}), json!(["a"]), json!({"a": 1}), json!([{}]),
            json!({"type": "none"}), json!({"all": []}), json!({"times": 2}), json!(-1), json!(1.5), json!(5.0), json!(1e30)]),
        2 => (0..100_000_u32).prop_map(Value::from),
        1 => select(vec![64, 65, 120, 121, 256, 257, 2000, 2001]).prop_map(|length: usize| json!("a".repeat(length))),
    ]
}

fn key() -> impl Strategy<Value = String> {
    let words = [
        "id",
        "kind",
        "name",
        "description",
        "position",
        "secretPaths",
        "inputs",
        "request",
        "method",
        "url",
        "headers",
        "body",
        "type",
        "value",
        "contentType",
        "authProfileId",
        "timeoutSeconds",
        "retry",
        "times",
        "delaySeconds",
        "scriptId",
        "function",
        "arguments",
        "connectorId",
        "action",
        "parameters",
        "userAuthentication",
        "required",
        "nonInteractiveMode",
        "cases",
        "when",
        "all",
        "any",
        "left",
        "operator",
        "right",
        "title",
        "fields",
        "onTimeout",
        "seconds",
        "items",
        "maxItems",
        "onItemError",
        "result",
        "output",
        "outcome",
        "message",
        "from",
        "to",
        "case",
        "on",
        "nodes",
        "edges",
        "label",
        "help",
        "default",
        "choices",
        "secret",
        "x",
        "$schema",
    ];
    select(words.to_vec()).prop_map(str::to_owned)
}

#[derive(Debug, Clone)]
enum Mutation {
    Replace(usize, Value),
    Remove(usize),
    Add(usize, String, Value),
    Copy(usize, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        (any::<usize>(), value()).prop_map(|(at, value)| Mutation::Replace(at, value)),
        any::<usize>().prop_map(Mutation::Remove),
        (any::<usize>(), key(), value()).prop_map(|(at, key, value)| Mutation::Add(at, key, value)),
        (any::<usize>(), any::<usize>()).prop_map(|(from, to)| Mutation::Copy(from, to)),
    ]
}

fn apply(definition: &mut Value, mutation: &Mutation) {
    let mut places = Vec::new();
    pointers(definition, String::new(), &mut places);
    let at = |place: usize| places[place % places.len()].as_str();
    match mutation {
        Mutation::Replace(place, value) => *definition.pointer_mut(at(*place)).unwrap() = value.clone(),
        Mutation::Remove(place) => {
            let Some((parent, name)) = at(*place).rsplit_once('/') else { return };
            match definition.pointer_mut(parent).unwrap() {
                Value::Object(members) => drop(members.remove(&name.replace("~1", "/").replace("~0", "~"))),
                Value::Array(items) => drop(items.remove(name.parse().unwrap())),
                _ => {}
            }
        }
        Mutation::Add(place, key, value) => match definition.pointer_mut(at(*place)).unwrap() {
            Value::Object(members) => drop(members.insert(key.clone(), value.clone())),
            Value::Array(items) => items.push(value.clone()),
            _ => {}
        },
        Mutation::Copy(from, to) => {
            let copied = definition.pointer(at(*from)).unwrap().clone();
            *definition.pointer_mut(at(*to)).unwrap() = copied;
        }
    }
}

#[test]
fn changed_examples_are_good_and_bad() {
    let (schema, examples) = (schema(), all());
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeMap::new();
    for which in 0..300 {
        let mut definition = examples[which % examples.len()].1.clone();
        apply(&mut definition, &mutation().new_tree(&mut runner).unwrap().current());
        let pair = (schema.is_valid(&definition), Flow::read(&definition).is_ok());
        *seen.entry(pair).or_insert(0) += 1;
    }
    assert!(seen[&(true, true)] > 15 && seen[&(true, false)] > 15 && seen[&(false, false)] > 15, "{seen:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn schema_and_reader_agree_on_changed_examples(
        which in any::<usize>(),
        mutations in prop::collection::vec(mutation(), 1..4),
    ) {
        thread_local! {
            static KNOWN: (Validator, Vec<(String, Value)>) = (schema(), all());
        }
        KNOWN.with(|(schema, examples)| {
            let mut definition = examples[which % examples.len()].1.clone();
            mutations.iter().for_each(|mutation| apply(&mut definition, mutation));
            prop_assert_eq!(disagreement(schema, &definition), None);
            Ok(())
        })?;
    }
}
