//! What expressions speak of: only nodes that come before, and only what those have.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::{Definition, Field, Graph, Kind, Node};
use crate::problem::Problems;
use crate::template::{Reference, Root};

/// Judges every expression of a flow without circles.
pub(super) fn check(definition: &Definition, problems: &mut Problems) {
    let mut known = BTreeMap::new();
    collect(&definition.graph, &mut known);
    let inputs = definition.graph.nodes.iter().find_map(|node| match &node.kind {
        Kind::Start(start) => start.inputs.as_deref(),
        _ => None,
    });
    let mut check = Check { known, inputs, problems };
    check.graph(&definition.graph, &BTreeSet::new(), &[]);
}

fn collect<'d>(graph: &'d Graph, known: &mut BTreeMap<&'d str, &'d Node>) {
    for node in &graph.nodes {
        known.insert(&node.id, node);
        if let Kind::Loop(a_loop) = &node.kind {
            collect(&a_loop.body, known);
        }
    }
}

struct Check<'d, 'p> {
    known: BTreeMap<&'d str, &'d Node>,
    inputs: Option<&'d [Field]>,
    problems: &'p mut Problems,
}

impl<'d> Check<'d, '_> {
    /// `outer` are the nodes before the loop this graph is the body of, `loops` the loops it is in.
    fn graph(&mut self, graph: &'d Graph, outer: &BTreeSet<&'d str>, loops: &[&'d str]) {
        let mut before: BTreeMap<&str, BTreeSet<&'d str>> = BTreeMap::new();
        for index in super::order(graph) {
            let node = &graph.nodes[index];
            let mut seen = outer.clone();
            for edge in graph.edges.iter().filter(|edge| edge.to == node.id) {
                seen.extend(before.get(edge.from.as_str()).into_iter().flatten());
                seen.insert(&edge.from);
            }
            for (path, reference) in node.kind.references() {
                self.reference(&format!("{}{path}", node.path), reference, &seen, loops);
            }
            if let Kind::Loop(a_loop) = &node.kind {
                let mut inside = loops.to_vec();
                inside.push(&node.id);
                self.graph(&a_loop.body, &seen, &inside);
                let mut all = seen.clone();
                all.extend(a_loop.body.nodes.iter().map(|node| node.id.as_str()));
                for (path, reference) in node.kind.result_references() {
                    self.reference(&format!("{}{path}", node.path), reference, &all, &inside);
                }
            }
            before.insert(&node.id, seen);
        }
    }

    fn reference(&mut self, path: &str, reference: &Reference, seen: &BTreeSet<&str>, loops: &[&str]) {
        let names: Vec<&str> = reference.path.iter().map(String::as_str).collect();
        let wrong = match (reference.root, names.as_slice()) {
            (Root::Execution, ["id"]) | (Root::Input, []) => None,
            (Root::Execution, _) => Some(("unknown_member", "execution has id".to_owned())),
            (Root::Input, [name, ..]) => self.input(name),
            (Root::Loop, _) if loops.is_empty() => {
                Some(("no_loop", format!("{reference} is known in the body of a loop alone")))
            }
            (Root::Loop, ["item" | "index", ..]) => None,
            (Root::Loop, _) => Some(("unknown_member", "loop has item and index".to_owned())),
            (Root::Steps, [id, rest @ ..]) => self.step(id, rest, seen, loops),
            (Root::Steps, []) => Some(("dynamic_reference", "say which step".to_owned())),
        };
        if let Some((code, message)) = wrong {
            self.problems.add(path, code, message);
        }
    }

    fn input(&self, name: &str) -> Option<(&'static str, String)> {
        let fields = self.inputs?;
        if fields.iter().any(|field| field.name == name) {
            return None;
        }
        Some(("unknown_input", format!("the flow has no input {name}; it has {}", listed(fields))))
    }

    fn step(
        &self,
        id: &str,
        rest: &[&str],
        seen: &BTreeSet<&str>,
        loops: &[&str],
    ) -> Option<(&'static str, String)> {
        let Some(node) = self.known.get(id) else {
            return Some(("unknown_step", format!("there is no node {id}")));
        };
        if loops.contains(&id) {
            return match rest {
                ["item" | "index", ..] => None,
                _ => Some(("unknown_member", format!("within its body {id} has item and index"))),
            };
        }
        if !seen.contains(id) {
            return Some((
                "later_step",
                format!("{id} does not come before this node; only values of nodes that do are known"),
            ));
        }
        match (rest, &node.kind) {
            ([], _) | (["output" | "error" | "status"], _) | (["failed", ..], Kind::Loop(_)) => None,
            (["output", name, ..], Kind::Input(input))
                if !input.fields.iter().any(|field| field.name == *name) =>
            {
                Some((
                    "unknown_field",
                    format!("the form {id} has no field {name}; it has {}", listed(&input.fields)),
                ))
            }
            (["output", ..], _) => None,
            ([other, ..], _) => {
                Some(("unknown_member", format!("{id} has output, error and status, and no {other}")))
            }
        }
    }
}

fn listed(fields: &[Field]) -> String {
    if fields.is_empty() {
        return "none".to_owned();
    }
    fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ")
}
