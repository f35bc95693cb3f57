//! Made-up definitions that are valid.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// What a node is, by numbers from outside.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    kind: u8,
    from: Vec<usize>,
    flags: u8,
    body: Vec<Shape>,
}

pub(crate) fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let leaf = (0..9_u8, prop::collection::vec(any::<usize>(), 1..3), any::<u8>())
        .prop_map(|(kind, from, flags)| Shape { kind, from, flags, body: Vec::new() });
    let shape = leaf.prop_recursive(2, 12, 3, |inner| {
        (prop::collection::vec(any::<usize>(), 1..3), any::<u8>(), prop::collection::vec(inner, 1..4))
            .prop_map(|(from, flags, body)| Shape { kind: 9, from, flags, body })
    });
    prop::collection::vec(shape, 0..8)
}

/// A valid definition of these shapes.
pub(crate) fn definition(shapes: &[Shape]) -> Value {
    let mut made = Made { number: 0 };
    let start = json!({"id": "start", "kind": "start"});
    let (mut nodes, mut edges) = made.graph(Some(start), shapes, &[]);
    // Every way must lead on: what has no edge for an outcome goes to the end.
    nodes.push(json!({"id": "end", "kind": "end", "output": {"input": "{{ input }}"}}));
    for node in &nodes[..nodes.len() - 1] {
        let id = &node["id"];
        if node["kind"] == "condition" {
            for case in ["yes", "else"] {
                edges.push(json!({"from": id, "to": "end", "case": case}));
            }
        } else if !edges.iter().any(|edge| edge["from"] == *id && edge.get("on").is_none()) {
            edges.push(json!({"from": id, "to": "end"}));
        }
    }
    json!({"nodes": nodes, "edges": edges})
}

struct Made {
    number: usize,
}

impl Made {
    fn graph(
        &mut self,
        first: Option<Value>,
        shapes: &[Shape],
        outer: &[String],
    ) -> (Vec<Value>, Vec<Value>) {
        let mut nodes: Vec<Value> = first.into_iter().collect();
        let mut edges: Vec<Value> = Vec::new();
        for shape in shapes {
            self.number += 1;
            let id = format!("n{}", self.number);
            let mut spoken = outer.to_vec();
            for from in shape.from.iter().take(nodes.len()) {
                let from = &nodes[from % nodes.len()];
                let leaving = edges.iter().filter(|edge| edge["from"] == from["id"]).count();
                let edge = edge(from, &id, shape.flags);
                if leaving < 9 && !edges.contains(&edge) {
                    spoken.push(from["id"].as_str().unwrap().to_owned());
                    edges.push(edge);
                }
            }
            if !nodes.is_empty() && !edges.iter().any(|edge| edge["to"] == id.as_str()) {
                continue;
            }
            nodes.push(self.node(&id, shape, &spoken, outer));
        }
        (nodes, edges)
    }

    fn node(&mut self, id: &str, shape: &Shape, spoken: &[String], outer: &[String]) -> Value {
        let last = spoken.last().filter(|_| shape.flags & 1 == 1);
        let value =
            last.map_or(json!("{{ input.list }}"), |id| json!(format!("{{{{ steps.{id}.output }}}}")));
        let mut node: Map<String, Value> = match shape.kind {
            0 | 1 => json!({"kind": "api", "request": {"method": if shape.flags & 2 == 2 { "POST" } else { "GET" },
                "url": "https://a.example/?v={{ execution.id }}", "headers": {"X": value}}, "retry": {"times": shape.flags % 3}}),
            2 => json!({"kind": "function", "scriptId": "s", "function": "f", "arguments": {"v": value}}),
            3 | 4 => json!({"kind": "connector", "connectorId": format!("con_{}", shape.flags % 2), "action": "a",
                "parameters": {"v": value}, "retry": {"times": shape.flags % 2}}),
            5 => json!({"kind": "condition", "cases": [{"name": "yes", "when":
                {"left": value, "operator": "contains", "right": "a"}}]}),
            6 => json!({"kind": "input", "fields": [{"name": "x", "type": "string", "required": shape.flags & 2 == 2}]}),
            7 => json!({"kind": "delay", "seconds": 30}),
            8 => json!({"kind": "input", "fields": [], "timeoutSeconds": 60,
                "onTimeout": if shape.flags & 2 == 2 { "skip" } else { "terminate" }}),
            _ => {
                let (nodes, edges) = self.graph(None, &shape.body, outer);
                let modes = ["continue", "terminate", "remove_failed"];
                json!({"kind": "loop", "items": value, "maxItems": 3, "body": {"nodes": nodes, "edges": edges},
                    "onItemError": modes[usize::from(shape.flags) % 3]})
            }
        }
        .as_object()
        .unwrap()
        .clone();
        node.insert("id".to_owned(), json!(id));
        Value::Object(node)
    }
}

fn edge(from: &Value, to: &str, flags: u8) -> Value {
    let id = &from["id"];
    match from["kind"].as_str().unwrap() {
        "condition" => json!({"from": id, "to": to, "case": if flags & 4 == 4 { "yes" } else { "else" }}),
        "start" => json!({"from": id, "to": to}),
        _ if flags & 24 == 24 => json!({"from": id, "to": to, "on": "error"}),
        _ => json!({"from": id, "to": to}),
    }
}
