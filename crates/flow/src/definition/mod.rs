//! What a flow is made of: nodes and edges, as they are written in JSON.

mod fields;
mod graph;
mod kinds;
mod model;
mod reader;
mod request;
mod spoken;

pub use fields::{Field, FieldType, check_fields};
pub use model::{
    Api, Body, Condition, Connector, CustomText, Definition, Delay, Edge, End, Function, Graph, Input, Kind,
    Loop, Method, Node, On, OnItemError, OnTimeout, Request, Retry, Seconds, Start,
};

use serde_json::Value;

use crate::limits;
use crate::problem::{Problem, Problems};
use reader::Reader;

/// Reads a definition strictly: each key it does not know is a problem. Finds everything at once.
///
/// What the parts say of each other is judged by [`Flow::new`](crate::Flow::new).
pub fn read(value: &Value) -> Result<Definition, Vec<Problem>> {
    let mut problems = Problems::default();
    if crate::size::json(value) > limits::DEFINITION_BYTES {
        problems.add("", "too_long", format!("is larger than {} bytes", limits::DEFINITION_BYTES));
        return Err(problems.into_vec());
    }
    let expressions = crate::size::openings(value);
    if expressions > limits::DEFINITION_EXPRESSIONS {
        let most = limits::DEFINITION_EXPRESSIONS;
        problems.add("", "too_many", format!("has {expressions} expressions, at most {most} are allowed"));
        return Err(problems.into_vec());
    }
    let definition = whole(value, &mut problems);
    match definition {
        Some(definition) if problems.is_empty() => Ok(definition),
        _ => Err(problems.into_vec()),
    }
}

fn whole(value: &Value, problems: &mut Problems) -> Option<Definition> {
    let mut reader = Reader::of(value, String::new(), problems)?;
    reader.text("$schema", limits::URL_CHARS);
    let timeout_seconds = reader.number("timeoutSeconds", limits::FLOW_SECONDS.0, limits::FLOW_SECONDS.1);
    let mut count = 0;
    let graph = graph::read(&mut reader, 0, &mut count);
    if count > limits::NODES {
        let message = format!("has {count} nodes, at most {} are allowed", limits::NODES);
        reader.problem("nodes", "too_many", message);
    }
    reader.done();
    Some(Definition { timeout_seconds, graph: graph? })
}
