//! A definition that was judged, in the form the machine runs.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::definition::{self, Definition, Field, Graph, Kind, Node, On};
use crate::problem::Problem;
use crate::template::Root;
use crate::validate;

/// Nodes of a flow that is handled in little time.
const QUICK_NODES: usize = 30;

/// A flow that can run: nothing is wrong with its definition.
#[derive(Debug, Clone)]
pub struct Flow {
    timeout_seconds: Option<u32>,
    plan: Plan,
    kept: BTreeSet<String>,
    quick: bool,
}

/// The nodes of a graph in an order in which each comes after those that lead to it.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) nodes: Vec<Planned>,
}

/// A node with the edges that lead to it.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) node: Node,
    /// The places of the nodes that lead to it, and when they do.
    pub(crate) incoming: Vec<(usize, On)>,
    /// Does an edge take its failure on?
    pub(crate) catches: bool,
    /// Does no edge leave it?
    pub(crate) last: bool,
    /// The plan of its body.
    pub(crate) body: Option<Plan>,
}

impl Flow {
    /// Reads and judges a definition; everything that is wrong is told at once.
    pub fn read(value: &Value) -> Result<Self, Vec<Problem>> {
        Self::new(&definition::read(value)?)
    }

    /// Judges a definition.
    pub fn new(definition: &Definition) -> Result<Self, Vec<Problem>> {
        let problems = validate::validate(definition);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut kept = BTreeSet::new();
        let plan = plan(&definition.graph, &mut kept);
        let quick =
            plan.nodes.len() <= QUICK_NODES && plan.nodes.iter().all(|planned| planned.body.is_none());
        Ok(Self { timeout_seconds: definition.timeout_seconds, plan, kept, quick })
    }

    /// How long the whole may take.
    pub fn timeout_seconds(&self) -> Option<u32> {
        self.timeout_seconds
    }

    /// What the flow is started with; anything when nothing is said.
    pub fn inputs(&self) -> Option<&[Field]> {
        self.plan.nodes.iter().find_map(|planned| match &planned.node.kind {
            Kind::Start(start) => start.inputs.as_deref(),
            _ => None,
        })
    }

    /// A node by its id, in bodies too.
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.plan.find(id).map(|planned| &planned.node)
    }

    /// All nodes, each before those it leads to.
    pub fn nodes(&self) -> Vec<&Node> {
        let mut found = Vec::new();
        self.plan.collect(&mut found);
        found
    }

    /// Whether an event is handled in little time, as long as the values are small: it has few nodes and no loop.
    pub fn is_quick(&self) -> bool {
        self.quick
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Does any expression speak of this node?
    pub(crate) fn keeps(&self, id: &str) -> bool {
        self.kept.contains(id)
    }
}

impl Plan {
    pub(crate) fn planned(&self, id: &str) -> Option<&Planned> {
        self.nodes.iter().find(|planned| planned.node.id == id)
    }

    fn find(&self, id: &str) -> Option<&Planned> {
        self.planned(id).or_else(|| self.nodes.iter().find_map(|planned| planned.body.as_ref()?.find(id)))
    }

    fn collect<'p>(&'p self, found: &mut Vec<&'p Node>) {
        for planned in &self.nodes {
            found.push(&planned.node);
            if let Some(body) = &planned.body {
                body.collect(found);
            }
        }
    }
}

fn plan(graph: &Graph, kept: &mut BTreeSet<String>) -> Plan {
    let order = validate::order(graph);
    let mut place = vec![0; graph.nodes.len()];
    for (at, index) in order.iter().enumerate() {
        place[*index] = at;
    }
    let position = |id: &str| graph.nodes.iter().position(|node| node.id == id).map(|index| place[index]);
    let nodes = order.iter().map(|index| {
        let node = &graph.nodes[*index];
        let spoken = node.kind.references().into_iter().chain(node.kind.result_references());
        let steps = spoken.filter(|(_, reference)| reference.root == Root::Steps);
        kept.extend(steps.filter_map(|(_, reference)| reference.path.first().cloned()));
        let incoming = graph.edges.iter().filter(|edge| edge.to == node.id);
        let mut leaving = graph.edges.iter().filter(|edge| edge.from == node.id).peekable();
        Planned {
            incoming: incoming.filter_map(|edge| Some((position(&edge.from)?, edge.on.clone()))).collect(),
            last: leaving.peek().is_none(),
            catches: leaving.any(|edge| edge.on == On::Error),
            body: match &node.kind {
                Kind::Loop(a_loop) => Some(plan(&a_loop.body, kept)),
                _ => None,
            },
            node: node.clone(),
        }
    });
    Plan { nodes: nodes.collect() }
}
