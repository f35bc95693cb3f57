//! Flows: built, deployed, moved between workspaces, run.

mod definitions;
mod deployments;
mod packages;

use serde_json::{Value, json};

use crate::support::Client;

const FLOWS: &str = "/api/v1/flows";

fn text(of: &Value) -> String {
    of.as_str().unwrap_or_else(|| panic!("no text: {of}")).to_owned()
}

/// Nodes in a row, from a start to an end whose output is given.
fn row(nodes: &[Value], output: Value) -> Value {
    let mut all = vec![json!({"id": "start", "kind": "start"})];
    all.extend(nodes.iter().cloned());
    all.push(json!({"id": "end", "kind": "end", "output": output}));
    let edges: Vec<_> =
        all.windows(2).map(|pair| json!({"from": pair[0]["id"], "to": pair[1]["id"]})).collect();
    json!({"nodes": all, "edges": edges})
}

/// A flow that begins and ends, with its input as output.
fn mirror() -> Value {
    row(&[], json!("{{ input }}"))
}

/// Makes a flow: its id.
async fn made(by: &Client, name: &str, definition: Value) -> String {
    let made = by.post(FLOWS, json!({"name": name, "definition": definition})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    text(&made.json()["id"])
}
