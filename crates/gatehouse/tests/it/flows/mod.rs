//! Flows: built, deployed, moved between workspaces, run.

mod answers;
mod bounds;
mod console;
mod definitions;
mod deployments;
mod driver;
mod echo;
mod executions;
mod exempt;
mod killed;
mod packages;
mod panel;
mod people;
mod profiles;
mod rows;
mod said;
mod secrets;
mod standing;
mod trigger_pages;
mod triggers;

use serde_json::{Value, json};

use crate::support::{Client, TestApp};

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

/// Makes a flow and puts it into service: its id.
async fn deployed(by: &Client, name: &str, definition: Value) -> String {
    let id = made(by, name, definition).await;
    by.post_to(&format!("{FLOWS}/{id}/deploy")).await.ok();
    id
}

/// Starts a flow that asks nobody: the id of the execution.
async fn started(by: &Client, flow: &str, input: Value) -> String {
    text(&by.post(&format!("{FLOWS}/executions/start?flowId={flow}"), input).await.ok()["id"])
}

/// An execution after everything was driven that is due.
async fn ended(t: &TestApp, by: &Client, id: &str) -> Value {
    t.work().await;
    by.get(&format!("{FLOWS}/executions/{id}")).await.ok()
}
