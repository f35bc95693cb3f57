//! What the parts of a definition must say of each other. Finds everything at once, so that whoever builds a
//! flow mends it in one go.

mod graph;
mod references;

use std::collections::BTreeMap;

use crate::definition::{Definition, Graph, Kind};
use crate::problem::{Problem, Problems, below};

pub(crate) use graph::order;

/// Everything that is wrong; empty when nothing is.
pub(crate) fn validate(definition: &Definition) -> Vec<Problem> {
    let mut problems = Problems::default();
    ids(&definition.graph, &mut BTreeMap::new(), &mut problems);
    graph::check(&definition.graph, true, &mut problems);
    if problems.is_empty() {
        references::check(definition, &mut problems);
    }
    problems.into_vec()
}

/// Ids are unique in the whole flow, so that an expression never means two nodes.
fn ids<'d>(graph: &'d Graph, known: &mut BTreeMap<&'d str, &'d str>, problems: &mut Problems) {
    for node in &graph.nodes {
        if let Some(first) = known.insert(&node.id, &node.path) {
            let message = format!("{} is the id of another node too ({first})", node.id);
            problems.add(below(&node.path, "id"), "duplicate_id", message);
        }
        if let Kind::Loop(a_loop) = &node.kind {
            ids(&a_loop.body, known, problems);
        }
    }
}
