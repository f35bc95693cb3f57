//! Reading nodes and edges.

use super::model::{Edge, Graph, Kind, Node, On};
use super::reader::{Reader, is_name};
use super::{fields, kinds, request};
use crate::limits;

const KINDS: [(&str, &str); 9] = [
    ("start", "start"),
    ("api", "api"),
    ("function", "function"),
    ("connector", "connector"),
    ("condition", "condition"),
    ("input", "input"),
    ("delay", "delay"),
    ("loop", "loop"),
    ("end", "end"),
];

/// Reads `nodes` and `edges`; counts the nodes, those of bodies too.
pub(super) fn read(reader: &mut Reader<'_, '_>, depth: usize, count: &mut usize) -> Option<Graph> {
    let path = reader.path().to_owned();
    for key in ["nodes", "edges"] {
        reader.required(key);
    }
    let node_items = reader.list("nodes", limits::NODES).unwrap_or_default();
    *count += node_items.len();
    let mut nodes = Vec::new();
    for (index, item) in node_items.iter().enumerate() {
        let Some(mut one) = reader.item("nodes", index, item) else { continue };
        let effort = crate::size::json(item) + crate::size::openings(item) * limits::EFFORT_EXPRESSION;
        nodes.extend(node(&mut one, depth, count).map(|node| Node { effort, ..node }));
        one.done();
    }
    let edge_items = reader.list("edges", limits::EDGES).unwrap_or_default();
    let mut edges = Vec::new();
    for (index, item) in edge_items.iter().enumerate() {
        let Some(mut one) = reader.item("edges", index, item) else { continue };
        edges.extend(edge(&mut one));
        one.done();
    }
    if node_items.is_empty()
        && reader.get("nodes").is_some_and(|nodes| nodes.as_array().is_some_and(Vec::is_empty))
    {
        reader.problem("nodes", "empty", "is empty");
        return None;
    }
    (nodes.len() == node_items.len() && edges.len() == edge_items.len()).then_some(Graph {
        nodes,
        edges,
        path,
    })
}

fn edge(reader: &mut Reader<'_, '_>) -> Option<Edge> {
    let path = reader.path().to_owned();
    let from = reader.required_text("from", limits::NAME_BYTES);
    let to = reader.required_text("to", limits::NAME_BYTES);
    let case = reader.text("case", limits::NAME_BYTES);
    let on = reader.choice("on", &[("success", On::Success), ("error", On::Error)]);
    if case.is_some() && on.is_some() {
        reader.problem("on", "misplaced", "stands beside `case`; an edge has one of them");
    }
    let on = case.map_or(on.unwrap_or(On::Success), On::Case);
    Some(Edge { from: from?, to: to?, on, path })
}

fn node(reader: &mut Reader<'_, '_>, depth: usize, count: &mut usize) -> Option<Node> {
    let path = reader.path().to_owned();
    let id = reader.name("id", "bad_id");
    let name = reader.text("name", limits::LABEL_CHARS);
    reader.text("description", limits::TEXT_CHARS);
    if let Some(mut position) = reader.child("position") {
        for axis in ["x", "y"] {
            if position.required(axis).is_some_and(|value| !value.is_number()) {
                position.problem(axis, "wrong_type", "a number is needed");
            }
        }
        position.done();
    }
    let secret_paths = secret_paths(reader);
    reader.required("kind");
    let Some(word) = reader.choice("kind", &KINDS) else {
        reader.any();
        return None;
    };
    let kind = match word {
        "start" => Kind::Start(kinds::start(reader)),
        "api" => Kind::Api(Box::new(request::api(reader)?)),
        "function" => Kind::Function(kinds::function(reader)?),
        "connector" => Kind::Connector(kinds::connector(reader)?),
        "condition" => Kind::Condition(kinds::condition(reader)?),
        "input" => Kind::Input(kinds::input(reader)?),
        "delay" => Kind::Delay(kinds::delay(reader)?),
        "loop" => Kind::Loop(kinds::a_loop(reader, depth, count)?),
        _ => Kind::End(kinds::end(reader)),
    };
    Some(Node { id: id?, name, kind, secret_paths, effort: 0, path })
}

fn secret_paths(reader: &mut Reader<'_, '_>) -> Vec<String> {
    let Some(items) = reader.list("secretPaths", limits::SECRET_PATHS) else { return Vec::new() };
    let mut paths = Vec::new();
    for item in items {
        match item.as_str() {
            Some(text) if text.starts_with('/') && text.chars().count() <= limits::POINTER_CHARS => {
                paths.push(text.to_owned());
            }
            _ => reader.problem(
                "secretPaths",
                "bad_pointer",
                "holds JSON pointers such as /card/number or /items/*/token",
            ),
        }
    }
    paths
}

/// A name of a case: that of a node, and not `else`.
pub(super) fn case_name(reader: &mut Reader<'_, '_>) -> Option<String> {
    let name = reader.required_text("name", limits::NAME_BYTES)?;
    if !is_name(&name) || name == "else" {
        reader.problem(
            "name",
            "bad_id",
            "is a word of letters, digits, underscores and hyphens, and not else",
        );
        return None;
    }
    Some(name)
}

/// Fields under a key, for nodes that must have some.
pub(super) fn form(reader: &mut Reader<'_, '_>) -> Option<Vec<super::Field>> {
    reader.required("fields");
    fields::read(reader, "fields")
}
