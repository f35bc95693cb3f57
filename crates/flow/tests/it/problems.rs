//! Definitions with one thing wrong: each is refused with its path and code, and all at once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{api, chain, problems};

/// The problems as `path code`.
fn said(definition: &Value) -> Vec<String> {
    problems(definition).iter().map(|problem| format!("{} {}", problem.path, problem.code)).collect()
}

fn good() -> Value {
    json!({
        "nodes": [
            {"id": "start", "kind": "start", "inputs": [{"name": "x", "type": "string"}]},
            {"id": "call", "kind": "api", "request": {"method": "POST", "url": "https://a.example/{{ input.x }}",
                "headers": {"X-A": "{{ input.x }}"}, "body": {"type": "json", "value": {"a": "{{ input.x }}"}}}},
            {"id": "choose", "kind": "condition", "cases": [
                {"name": "one", "when": {"left": "{{ steps.call.output }}", "operator": "==", "right": 1}}]},
            {"id": "form", "kind": "input", "fields": [{"name": "y", "type": "number"}]},
            {"id": "each", "kind": "loop", "items": "{{ steps.call.output.list }}", "body": {"nodes": [
                {"id": "inner", "kind": "function", "scriptId": "s", "function": "f",
                    "arguments": {"a": "{{ loop.item }}"}}], "edges": []}},
            {"id": "end", "kind": "end", "output": "{{ steps.each.output }}"}
        ],
        "edges": [
            {"from": "start", "to": "call"}, {"from": "call", "to": "choose"},
            {"from": "choose", "to": "form", "case": "one"}, {"from": "choose", "to": "each", "case": "else"},
            {"from": "form", "to": "each"}, {"from": "each", "to": "end"}
        ]
    })
}

/// The good definition with the value at a pointer replaced, or removed when there is none.
fn with(pointer: &str, value: Option<Value>) -> Value {
    let mut definition = good();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = definition.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(members), Some(value)) => drop(members.insert(name.to_owned(), value)),
        (Value::Object(members), None) => drop(members.remove(name).unwrap()),
        (Value::Array(items), Some(value)) if name == "-" => items.push(value),
        (Value::Array(items), Some(value)) => items[name.parse::<usize>().unwrap()] = value,
        (Value::Array(items), None) => drop(items.remove(name.parse().unwrap())),
        _ => panic!("{pointer}"),
    }
    definition
}

/// What is put where, and what is said then.
fn faults() -> Vec<(&'static str, Option<Value>, &'static str)> {
    let edge = |from: &str, to: &str| Some(json!({"from": from, "to": to}));
    vec![
        ("/colour", Some(json!(1)), "/colour unknown_key"),
        ("/nodes", None, "/nodes missing"),
        ("/edges", None, "/edges missing"),
        ("/nodes", Some(json!([])), "/nodes empty"),
        ("/nodes", Some(json!({})), "/nodes wrong_type"),
        ("/timeoutSeconds", Some(json!(59)), "/timeoutSeconds out_of_range"),
        ("/timeoutSeconds", Some(json!("60")), "/timeoutSeconds wrong_type"),
        ("/nodes/1/id", None, "/nodes/1/id missing"),
        ("/nodes/1/id", Some(json!("a b")), "/nodes/1/id bad_id"),
        ("/nodes/1/id", Some(json!("")), "/nodes/1/id empty"),
        ("/nodes/1/id", Some(json!("a".repeat(65))), "/nodes/1/id too_long"),
        ("/nodes/3/id", Some(json!("call")), "/nodes/3/id duplicate_id"),
        ("/nodes/4/body/nodes/0/id", Some(json!("call")), "/nodes/4/body/nodes/0/id duplicate_id"),
        ("/nodes/1/kind", None, "/nodes/1/kind missing"),
        ("/nodes/1/kind", Some(json!("http")), "/nodes/1/kind not_a_choice"),
        ("/nodes/1/retries", Some(json!(1)), "/nodes/1/retries unknown_key"),
        ("/nodes/1/retry", Some(json!({"times": 6})), "/nodes/1/retry/times out_of_range"),
        ("/nodes/1/timeoutSeconds", Some(json!(181)), "/nodes/1/timeoutSeconds out_of_range"),
        ("/nodes/1/position", Some(json!({"x": 1})), "/nodes/1/position/y missing"),
        ("/nodes/1/secretPaths", Some(json!(["a"])), "/nodes/1/secretPaths bad_pointer"),
        ("/nodes/1/request/method", Some(json!("HEAD")), "/nodes/1/request/method not_a_choice"),
        ("/nodes/1/request/method", Some(json!("GET")), "/nodes/1/request/body bad_body"),
        ("/nodes/1/request/url", Some(json!("ftp://a")), "/nodes/1/request/url bad_url"),
        (
            "/nodes/1/request/url",
            Some(json!("https://{{ input.x }}.example/")),
            "/nodes/1/request/url bad_url",
        ),
        ("/nodes/1/request/url", Some(json!("https://u:p@a.example/")), "/nodes/1/request/url bad_url"),
        ("/nodes/1/request/url", Some(json!("https://a/#{{ input.x }}")), "/nodes/1/request/url bad_url"),
        ("/nodes/1/request/url", Some(json!("{{ input.x }}{{ input.x }}")), "/nodes/1/request/url bad_url"),
        ("/nodes/1/request/headers", Some(json!({"a b": ""})), "/nodes/1/request/headers/a b bad_header"),
        ("/nodes/1/request/headers", Some(json!({"Host": "a"})), "/nodes/1/request/headers/Host bad_header"),
        (
            "/nodes/1/request/headers",
            Some(json!({"a": "", "A": ""})),
            "/nodes/1/request/headers/a bad_header",
        ),
        ("/nodes/1/request/headers", Some(json!({"a": "x\r\ny"})), "/nodes/1/request/headers/a bad_header"),
        ("/nodes/1/request/headers", Some(json!({"a": 1})), "/nodes/1/request/headers/a wrong_type"),
        ("/nodes/1/request/body/type", Some(json!("yaml")), "/nodes/1/request/body/type not_a_choice"),
        (
            "/nodes/1/request/body",
            Some(json!({"type": "none", "value": 1})),
            "/nodes/1/request/body/value misplaced",
        ),
        (
            "/nodes/1/request/body",
            Some(json!({"type": "json", "value": "{\"a\": {{ input.x }}"})),
            "/nodes/1/request/body/value bad_body",
        ),
        (
            "/nodes/1/request/body",
            Some(json!({"type": "xml", "value": "<{{ input.x }}/>"})),
            "/nodes/1/request/body/value bad_body",
        ),
        (
            "/nodes/1/request/body/value/a",
            Some(json!("{{ input.x")),
            "/nodes/1/request/body/value/a bad_expression",
        ),
        (
            "/nodes/1/request/body/value/a",
            Some(json!("{{ x }}")),
            "/nodes/1/request/body/value/a unknown_name",
        ),
        (
            "/nodes/1/request/headers/X-A",
            Some(json!("{{ input.z }}")),
            "/nodes/1/request/headers/X-A unknown_input",
        ),
        (
            "/nodes/1/request/body/value/a",
            Some(json!("{{ steps.nobody.output }}")),
            "/nodes/1/request/body/value unknown_step",
        ),
        (
            "/nodes/1/request/body/value/a",
            Some(json!("{{ steps.form.output }}")),
            "/nodes/1/request/body/value later_step",
        ),
        (
            "/nodes/1/request/body/value/a",
            Some(json!("{{ steps.call.output }}")),
            "/nodes/1/request/body/value later_step",
        ),
        (
            "/nodes/1/request/body/value/a",
            Some(json!("{{ steps[input.x].output }}")),
            "/nodes/1/request/body/value/a dynamic_reference",
        ),
        (
            "/nodes/1/request/body/value/a",
            Some(json!("{{ loop.item }}")),
            "/nodes/1/request/body/value no_loop",
        ),
        (
            "/nodes/1/request/body/value/a",
            Some(json!("{{ execution.name }}")),
            "/nodes/1/request/body/value unknown_member",
        ),
        ("/nodes/5/output", Some(json!("{{ steps.each.result }}")), "/nodes/5/output unknown_member"),
        ("/nodes/5/output", Some(json!("{{ steps.inner.output }}")), "/nodes/5/output later_step"),
        ("/nodes/5/output", Some(json!("{{ steps.form.output.z }}")), "/nodes/5/output unknown_field"),
        ("/nodes/5/message", Some(json!("a")), "/nodes/5/message misplaced"),
        ("/nodes/2/cases", Some(json!([])), "/nodes/2/cases empty"),
        ("/nodes/2/cases/0/name", Some(json!("else")), "/nodes/2/cases/0/name bad_id"),
        ("/nodes/2/cases/0/when/operator", Some(json!("=")), "/nodes/2/cases/0/when/operator not_a_choice"),
        ("/nodes/2/cases/0/when/all", Some(json!([])), "/nodes/2/cases/0/when/all empty"),
        (
            "/nodes/2/cases/0/when",
            Some(json!({"all": [{"any": [{"all": [{"any": [1]}]}]}]})),
            "/nodes/2/cases/0/when/all/0/any/0/all/0/any too_deep",
        ),
        ("/nodes/3/fields/0/type", Some(json!("date")), "/nodes/3/fields/0/type not_a_choice"),
        ("/nodes/3/fields/0/default", Some(json!("x")), "/nodes/3/fields/0/default bad_value"),
        ("/nodes/3/fields/0/name", Some(json!("a-b")), "/nodes/3/fields/0/name bad_id"),
        (
            "/nodes/3/fields/-",
            Some(json!({"name": "y", "type": "json"})),
            "/nodes/3/fields/1/name duplicate_id",
        ),
        ("/nodes/3/fields/0/choices", Some(json!(["a"])), "/nodes/3/fields/0/choices not_a_choice"),
        ("/nodes/4/items", Some(json!("list")), "/nodes/4/items bad_items"),
        ("/nodes/4/items", Some(json!(5)), "/nodes/4/items wrong_type"),
        ("/nodes/4/maxItems", Some(json!(1001)), "/nodes/4/maxItems out_of_range"),
        (
            "/nodes/4/body/nodes/-",
            Some(json!({"id": "e2", "kind": "end"})),
            "/nodes/4/body/nodes/1 not_in_body",
        ),
        ("/nodes/4/body/nodes/-", Some(api("second")), "/nodes/4/body body_start"),
        ("/nodes/0", Some(api("begin")), "/nodes no_start"),
        ("/nodes/-", Some(json!({"id": "s2", "kind": "start"})), "/nodes/6 two_starts"),
        ("/nodes/5", Some(api("last")), "/nodes no_end"),
        ("/nodes/-", Some(api("lonely")), "/nodes/6 unreachable"),
        ("/edges/5", None, "/nodes/4 dead_end"),
        ("/edges/5", None, "/nodes end_unreachable"),
        ("/edges/3", None, "/nodes/2 dead_end"),
        ("/edges/5/to", Some(json!("nobody")), "/edges/5/to unknown_node"),
        ("/edges/5/to", Some(json!("inner")), "/edges/5/to unknown_node"),
        ("/edges/-", edge("each", "end"), "/edges/6 duplicate_edge"),
        ("/edges/-", edge("each", "start"), "/edges/6/to edge_into_start"),
        ("/edges/-", edge("end", "call"), "/edges/6/from edge_out_of_end"),
        ("/edges/-", edge("each", "call"), "/nodes/1 cycle"),
        ("/edges/-", edge("call", "call"), "/nodes/1 cycle"),
        ("/edges/-", edge("choose", "end"), "/edges/6 missing_case"),
        ("/edges/2/case", Some(json!("two")), "/edges/2/case unknown_case"),
        ("/edges/5/case", Some(json!("one")), "/edges/5/case unknown_case"),
        ("/edges/2/on", Some(json!("error")), "/edges/2/on misplaced"),
        ("/edges/0/on", Some(json!("error")), "/edges/0/on no_error_path"),
        ("/edges/0/on", Some(json!("fail")), "/edges/0/on not_a_choice"),
    ]
}

#[test]
fn the_good_definition_is_good() {
    assert_eq!(problems(&good()), []);
}

#[test]
fn each_fault_is_told_with_its_path_and_code() {
    for (pointer, value, expected) in faults() {
        let said = said(&with(pointer, value.clone()));
        assert!(
            said.iter().any(|said| said == expected),
            "{pointer} = {value:?} gave {said:?}, not {expected}"
        );
    }
}

#[test]
fn every_message_has_words() {
    for (pointer, value, _) in faults() {
        for problem in problems(&with(pointer, value)) {
            assert!(problem.message.len() > 4 && !problem.message.contains("  "), "{problem}");
        }
    }
}

#[test]
fn the_documentation_explains_every_code() {
    let page = include_str!("../../../../docs/flows-definition.md");
    let codes: BTreeSet<&str> =
        faults().iter().map(|(_, _, said)| said.rsplit(' ').next().unwrap()).collect();
    for code in codes.into_iter().chain(["too_many", "too_many_branches"]) {
        assert!(page.contains(&format!("| `{code}`")), "docs/flows-definition.md does not tell of {code}");
    }
}

#[test]
fn everything_is_told_at_once_and_not_without_end() {
    let mut definition = with("/nodes/1/kind", Some(json!("http")));
    definition["edges"][0]["on"] = json!("fail");
    assert_eq!(said(&definition), ["/nodes/1/kind not_a_choice", "/edges/0/on not_a_choice"]);
    let many: Vec<Value> = (0..200).map(|_| json!({"kind": 1, "a": 1})).collect();
    assert_eq!(problems(&json!({"nodes": many, "edges": []})).len(), 100);
}

#[test]
fn a_node_may_use_all_that_comes_before_it() {
    for output in [
        "{{ steps.call.output.a.b[0] }}",
        "{{ steps.call.error ~ steps.call.status }}",
        "{{ steps.choose.output }}",
        "{{ steps.form.output.y }}",
        "{{ steps.each.failed }}",
        "{{ steps.start.output.x }}",
        "{{ steps.call }}",
        "{{ context.steps.call.output }}",
        "{{ execution.id }}",
    ] {
        assert_eq!(said(&with("/nodes/5/output", Some(json!(output)))), [] as [String; 0], "{output}");
    }
    for argument in
        ["{{ steps.each.item }}", "{{ steps.each.index }}", "{{ loop.index }}", "{{ steps.form.output.y }}"]
    {
        let definition = with("/nodes/4/body/nodes/0/arguments/a", Some(json!(argument)));
        assert_eq!(said(&definition), [] as [String; 0], "{argument}");
    }
    let result = with("/nodes/4/result", Some(json!("{{ steps.inner.output ~ loop.item }}")));
    assert_eq!(said(&result), [] as [String; 0]);
}

#[test]
fn branches_nodes_and_loops_are_bounded() {
    let mut definition = chain(&[], json!(1));
    for number in 0..11 {
        let id = format!("n{number}");
        definition["nodes"].as_array_mut().unwrap().push(api(&id));
        let edges = definition["edges"].as_array_mut().unwrap();
        edges.push(json!({"from": "start", "to": id}));
        edges.push(json!({"from": id, "to": "end"}));
    }
    assert!(said(&definition)[0].ends_with("too_many_branches"), "{:?}", said(&definition));
    let body = |prefix: &str| {
        let many: Vec<Value> = (0..150).map(|number| api(&format!("{prefix}{number}"))).collect();
        json!({"nodes": many, "edges": []})
    };
    let a_loop = |id: &str| json!({"id": id, "kind": "loop", "items": [], "body": body(id)});
    let definition = chain(&[a_loop("a"), a_loop("b")], json!(1));
    assert!(said(&definition).contains(&"/nodes too_many".to_owned()));
    let mut inner = api("call");
    for number in 0..4 {
        inner = json!({"id": format!("l{number}"), "kind": "loop", "items": [],
            "body": {"nodes": [inner], "edges": []}});
    }
    let said = said(&chain(&[inner], json!(1)));
    assert_eq!(said, ["/nodes/1/body/nodes/0/body/nodes/0/body/nodes/0 too_deep"]);
}

#[test]
fn a_huge_definition_is_not_even_read() {
    let definition = json!({"nodes": "x".repeat(600_000)});
    assert_eq!(said(&definition), [" too_long"]);
    let definition = json!({"nodes": vec!["{{ 1 }}"; 4001]});
    assert_eq!(said(&definition), [" too_many"]);
}
