// Gatehouse: what can be said of a flow's shape while it is written. The server judges the whole, in the same codes
// (docs/flows-definition.md); this is for the moment before its answer, and without it.

import { mayFail } from "./flow-kinds.js";
import { reached } from "./flow-model.js";

const ID = /^[A-Za-z]\w*(-\w+)*$/;
const BRANCHES = 10;

export function check(definition) {
  const problems = [];
  const add = (path, code, message) => problems.push({ path, code, message });
  ids(definition, "", new Set(), add);
  graph(definition, "", add);
  return problems;
}

function ids(graphOf, at, taken, add) {
  graphOf.nodes.forEach((node, place) => {
    const path = `${at}/nodes/${place}`;
    if (typeof node.id !== "string" || !ID.test(node.id)) add(`${path}/id`, "bad_id", "begins with a letter; letters, digits, underscores and single hyphens follow");
    else if (taken.has(node.id)) add(`${path}/id`, "duplicate_id", `there is another node ${node.id}`);
    taken.add(node.id);
    if (node.kind === "loop") ids(node.body, `${path}/body`, taken, add);
  });
}

function graph(of, at, add) {
  edges(of, at, add);
  beginning(of, at, add);
  circles(of, at, add);
  if (at === "") waysOn(of, add);
  of.nodes.forEach((node, place) => {
    if (node.kind === "loop") graph(node.body, `${at}/nodes/${place}/body`, add);
  });
}

function edges(of, at, add) {
  const count = new Map();
  of.edges.forEach((edge, place) => {
    const path = `${at}/edges/${place}`;
    for (const end of ["from", "to"]) {
      if (!of.nodes.some((node) => node.id === edge[end])) add(`${path}/${end}`, "unknown_node", `there is no node ${edge[end]} here; an edge joins nodes of one list`);
    }
    const way = JSON.stringify([edge.from, edge.case ?? "", edge.on ?? "success"]);
    const same = (other) => other.from === edge.from && other.to === edge.to && other.case === edge.case && (other.on ?? "success") === (edge.on ?? "success");
    if (of.edges.findIndex(same) < place) add(path, "duplicate_edge", "is there twice");
    count.set(way, (count.get(way) ?? 0) + 1);
    if (count.get(way) === BRANCHES + 1) add(path, "too_many_branches", `more than ${BRANCHES} branches begin at ${edge.from} at the same time`);
    const to = of.nodes.find((node) => node.id === edge.to);
    if (to?.kind === "start") add(`${path}/to`, "edge_into_start", "leads to the start, where nothing leads");
    leaves(edge, of.nodes.find((node) => node.id === edge.from), path, add);
  });
}

function leaves(edge, from, path, add) {
  if (!from) return;
  if (from.kind === "end") add(`${path}/from`, "edge_out_of_end", "leaves an end, which nothing leaves");
  else if (from.kind === "condition") {
    const names = (from.cases ?? []).map((one) => one.name).concat("else");
    if (edge.case === undefined) add(path, "missing_case", `${from.id} is a condition: say with \`case\` for which case the edge is`);
    else if (!names.includes(edge.case)) add(`${path}/case`, "unknown_case", `${from.id} has no case ${edge.case}; it has ${names.join(", ")}`);
  } else if (edge.case !== undefined) add(`${path}/case`, "unknown_case", `${from.id} is no condition and has no cases`);
  else if (edge.on === "error" && !mayFail(from)) add(`${path}/on`, "no_error_path", `${from.id} cannot fail`);
}

function beginning(of, at, add) {
  const kinds = (kind) => of.nodes.map((node, place) => ({ node, place })).filter(({ node }) => node.kind === kind);
  if (at !== "") {
    for (const { node, place } of [...kinds("start"), ...kinds("end")]) add(`${at}/nodes/${place}`, "not_in_body", `a ${node.kind} stands in the body of a loop; it belongs to the flow`);
    const first = of.nodes.filter((node) => !of.edges.some((edge) => edge.to === node.id));
    if (first.length !== 1) add(at, "body_start", `${first.length} nodes of the body have no edge to them; it begins at exactly one`);
    return;
  }
  const starts = kinds("start");
  if (!starts.length) add("/nodes", "no_start", "has no node of the kind start");
  for (const { place } of starts.slice(1)) add(`/nodes/${place}`, "two_starts", "is a second start; a flow has one");
  if (!kinds("end").length) add("/nodes", "no_end", "has no node of the kind end");
  if (!starts.length) return;
  const led = reached(of, starts[0].node.id);
  of.nodes.forEach((node, place) => {
    if (node !== starts[0].node && !led.has(node.id)) add(`/nodes/${place}`, "unreachable", `no way leads to ${node.id}`);
  });
}

function circles(of, at, add) {
  of.nodes.forEach((node, place) => {
    if (reached(of, node.id).has(node.id)) add(`${at}/nodes/${place}`, "cycle", `${node.id} leads back to itself; what is repeated goes into a loop`);
  });
}

// In a flow every way leads on until an end; in a loop it may stop anywhere.
function waysOn(of, add) {
  of.nodes.forEach((node, place) => {
    const leads = (fits) => of.edges.some((edge) => edge.from === node.id && fits(edge));
    if (node.kind === "end") return;
    if (node.kind !== "condition") {
      if (!leads((edge) => edge.on !== "error")) add(`/nodes/${place}`, "dead_end", `no edge says where it goes on after ${node.id}`);
      return;
    }
    for (const name of (node.cases ?? []).map((one) => one.name).concat("else")) {
      if (!leads((edge) => edge.case === name)) add(`/nodes/${place}`, "dead_end", `no edge says where ${node.id} goes on in the case ${name}`);
    }
  });
}
