//! The shape of a graph: where it begins and ends, that it has no circles, and that every way leads on.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::{Edge, Graph, Kind, Node, On};
use crate::limits::BRANCHES;
use crate::problem::{Problems, below};

/// Judges a graph and the bodies in it.
pub(super) fn check(graph: &Graph, root: bool, problems: &mut Problems) {
    let mut check = Check { graph, root, problems };
    check.edges();
    check.begin_and_end();
    check.circles();
    check.reached();
    check.ways_on();
    check.branches();
    for node in &graph.nodes {
        if let Kind::Loop(a_loop) = &node.kind {
            self::check(&a_loop.body, false, problems);
        }
    }
}

/// The places of the nodes, each after those that lead to it; those in a circle are left out.
pub(crate) fn order(graph: &Graph) -> Vec<usize> {
    let place: BTreeMap<&str, usize> =
        graph.nodes.iter().enumerate().map(|(index, node)| (node.id.as_str(), index)).collect();
    let ends = |edge: &Edge| Some((*place.get(edge.from.as_str())?, *place.get(edge.to.as_str())?));
    let edges: Vec<(usize, usize)> = graph.edges.iter().filter_map(ends).collect();
    let mut open = vec![0_usize; graph.nodes.len()];
    for (_, to) in &edges {
        open[*to] += 1;
    }
    let mut ready: BTreeSet<usize> = (0..open.len()).filter(|index| open[*index] == 0).collect();
    let mut order = Vec::with_capacity(open.len());
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for (_, to) in edges.iter().filter(|(from, _)| *from == next) {
            open[*to] -= 1;
            if open[*to] == 0 {
                ready.insert(*to);
            }
        }
    }
    order
}

struct Check<'d, 'p> {
    graph: &'d Graph,
    root: bool,
    problems: &'p mut Problems,
}

impl<'d> Check<'d, '_> {
    fn node(&self, id: &str) -> Option<&'d Node> {
        self.graph.nodes.iter().find(|node| node.id == id)
    }

    fn edges(&mut self) {
        let graph = self.graph;
        for (index, edge) in graph.edges.iter().enumerate() {
            for (key, id) in [("from", &edge.from), ("to", &edge.to)] {
                if self.node(id).is_none() {
                    let message = format!("there is no node {id} here; an edge joins nodes of one list");
                    self.problems.add(below(&edge.path, key), "unknown_node", message);
                }
            }
            let same = |other: &Edge| (&other.from, &other.to, &other.on) == (&edge.from, &edge.to, &edge.on);
            if graph.edges.iter().take(index).any(same) {
                self.problems.add(&edge.path, "duplicate_edge", "is there twice");
            }
            if self.node(&edge.to).is_some_and(|node| matches!(node.kind, Kind::Start(_))) {
                self.problems.add(
                    below(&edge.path, "to"),
                    "edge_into_start",
                    "leads to the start, where nothing leads",
                );
            }
            if let Some(from) = self.node(&edge.from) {
                self.edge(edge, from);
            }
        }
    }

    fn edge(&mut self, edge: &Edge, from: &Node) {
        match (&from.kind, &edge.on) {
            (Kind::End(_), _) => {
                self.problems.add(
                    below(&edge.path, "from"),
                    "edge_out_of_end",
                    "leaves an end, which nothing leaves",
                );
            }
            (Kind::Condition(condition), On::Case(case)) => {
                let known = |name: &str| condition.cases.iter().any(|(other, _)| other == name);
                if case != "else" && !known(case) {
                    let names: Vec<&str> = condition.cases.iter().map(|(name, _)| name.as_str()).collect();
                    let message =
                        format!("{} has no case {case}; it has {} and else", from.id, names.join(", "));
                    self.problems.add(below(&edge.path, "case"), "unknown_case", message);
                }
            }
            (Kind::Condition(_), _) => {
                let message =
                    format!("{} is a condition: say with `case` for which case the edge is", from.id);
                self.problems.add(&edge.path, "missing_case", message);
            }
            (_, On::Case(_)) => {
                let message = format!("{} is no condition and has no cases", from.id);
                self.problems.add(below(&edge.path, "case"), "unknown_case", message);
            }
            (kind, On::Error) if !kind.may_fail() => {
                let message = format!("{} cannot fail", from.id);
                self.problems.add(below(&edge.path, "on"), "no_error_path", message);
            }
            _ => {}
        }
    }

    fn begin_and_end(&mut self) {
        let graph = self.graph;
        let starts: Vec<&Node> =
            graph.nodes.iter().filter(|node| matches!(node.kind, Kind::Start(_))).collect();
        let ends: Vec<&Node> = graph.nodes.iter().filter(|node| matches!(node.kind, Kind::End(_))).collect();
        if !self.root {
            for node in starts.iter().chain(&ends) {
                let message =
                    format!("a {} stands in the body of a loop; it belongs to the flow", node.kind.word());
                self.problems.add(&node.path, "not_in_body", message);
            }
            let begin = self.entries();
            if begin.len() != 1 {
                let message = format!(
                    "{} nodes of the body have no edge to them; it begins at exactly one",
                    begin.len()
                );
                self.problems.add(&graph.path, "body_start", message);
            }
            return;
        }
        match starts.as_slice() {
            [] => self.problems.add(below(&graph.path, "nodes"), "no_start", "has no node of the kind start"),
            [_] => {}
            [_, others @ ..] => {
                for other in others {
                    self.problems.add(&other.path, "two_starts", "is a second start; a flow has one");
                }
            }
        }
        if ends.is_empty() {
            self.problems.add(below(&graph.path, "nodes"), "no_end", "has no node of the kind end");
        }
    }

    /// The nodes to which nothing leads.
    fn entries(&self) -> Vec<&'d Node> {
        let led = |node: &&Node| !self.graph.edges.iter().any(|edge| edge.to == node.id);
        self.graph.nodes.iter().filter(led).collect()
    }

    fn circles(&mut self) {
        let inside: BTreeSet<usize> = order(self.graph).into_iter().collect();
        let graph = self.graph;
        for (index, node) in graph.nodes.iter().enumerate().filter(|(index, _)| !inside.contains(index)) {
            // Only who can come back to itself is told, not all that follows a circle.
            if self.leads(index, &node.id) {
                let message = format!("{} leads back to itself; what is repeated goes into a loop", node.id);
                self.problems.add(&node.path, "cycle", message);
            }
        }
    }

    fn leads(&self, from: usize, to: &str) -> bool {
        self.from(&self.graph.nodes[from].id).contains(to)
    }

    /// All ids that can be reached over at least one edge.
    fn from(&self, id: &str) -> BTreeSet<&'d str> {
        let mut found = BTreeSet::new();
        let mut open = vec![id];
        while let Some(next) = open.pop() {
            for edge in self.graph.edges.iter().filter(|edge| edge.from == next) {
                if found.insert(edge.to.as_str()) {
                    open.push(&edge.to);
                }
            }
        }
        found
    }

    fn reached(&mut self) {
        let graph = self.graph;
        let begin = if self.root {
            graph.nodes.iter().find(|node| matches!(node.kind, Kind::Start(_)))
        } else {
            self.entries().first().copied()
        };
        let Some(begin) = begin else { return };
        let reached = self.from(&begin.id);
        let mut end = false;
        for node in graph.nodes.iter().filter(|node| node.id != begin.id) {
            let found = reached.contains(node.id.as_str());
            end |= found && matches!(node.kind, Kind::End(_));
            if !found && (self.root || self.entries().len() == 1) {
                let message = format!("no way leads to {}", node.id);
                self.problems.add(&node.path, "unreachable", message);
            }
        }
        let has_end = graph.nodes.iter().any(|node| matches!(node.kind, Kind::End(_)));
        if self.root && has_end && !end {
            self.problems.add(below(&graph.path, "nodes"), "end_unreachable", "no way leads to an end");
        }
    }

    /// In a flow every way leads on until an end; in a body it may stop anywhere.
    fn ways_on(&mut self) {
        if !self.root {
            return;
        }
        let graph = self.graph;
        for node in &graph.nodes {
            let leaving = |on: &On| graph.edges.iter().any(|edge| edge.from == node.id && edge.on == *on);
            match &node.kind {
                Kind::End(_) => {}
                Kind::Condition(condition) => {
                    let cases = condition.cases.iter().map(|(name, _)| name.as_str()).chain(["else"]);
                    for case in cases.filter(|case| !leaving(&On::Case((*case).to_owned()))) {
                        let message = format!("no edge says where {} goes on in the case {case}", node.id);
                        self.problems.add(&node.path, "dead_end", message);
                    }
                }
                _ if !leaving(&On::Success) => {
                    let message = format!("no edge says where it goes on after {}", node.id);
                    self.problems.add(&node.path, "dead_end", message);
                }
                _ => {}
            }
        }
    }

    fn branches(&mut self) {
        let mut number: BTreeMap<(&str, &On), usize> = BTreeMap::new();
        for edge in &self.graph.edges {
            let count = number.entry((&edge.from, &edge.on)).or_default();
            *count += 1;
            if *count == BRANCHES + 1 {
                let message =
                    format!("more than {BRANCHES} branches begin at {} at the same time", edge.from);
                self.problems.add(&edge.path, "too_many_branches", message);
            }
        }
    }
}
