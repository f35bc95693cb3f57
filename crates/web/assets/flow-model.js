// Gatehouse: a flow's definition as a value. Every change gives a new definition, so that undoing is keeping the old one.
// Places are JSON pointers: "/nodes/2" is a step, "/nodes/2/body" the graph in a loop, "" the flow itself.

import { blank } from "./flow-kinds.js";

export const EMPTY = {
  nodes: [{ id: "start", kind: "start" }, { id: "done", kind: "end" }],
  edges: [{ from: "start", to: "done" }],
};

const split = (pointer) => pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
export const below = (pointer, name) => `${pointer}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;

export function get(value, pointer) {
  return split(pointer).reduce((at, part) => (at !== null && typeof at === "object" ? at[part] : undefined), value);
}

// The same with another value at this place; `undefined` takes the key away.
export function set(value, pointer, to) {
  if (pointer === "") return to;
  const [first] = split(pointer);
  const rest = pointer.slice(1).includes("/") ? pointer.slice(pointer.indexOf("/", 1)) : "";
  const copy = Array.isArray(value) ? [...value] : { ...value };
  const inner = set(copy[first] ?? {}, rest, to);
  if (inner !== undefined) copy[first] = inner;
  else if (Array.isArray(copy)) copy.splice(Number(first), 1);
  else delete copy[first];
  return copy;
}

// Whether it can be drawn; everything else is for who judges it.
export function drawable(value) {
  const objects = (list) => Array.isArray(list) && list.every((one) => one !== null && typeof one === "object");
  const graph = (one) => objects(one?.nodes) && objects(one?.edges);
  return graph(value) && value.nodes.every((node) => node.kind !== "loop" || (graph(node.body) && drawable(node.body)));
}

export const graphOf = (path) => path.slice(0, path.lastIndexOf("/nodes/"));
export const placeOf = (path) => Number(path.slice(path.lastIndexOf("/") + 1));
export const loopOf = (path) => graphOf(path).replace(/\/body$/, "");

// All steps with their places, those in loops behind their loop.
export function steps(graph, at = "") {
  return graph.nodes.flatMap((node, place) => {
    const path = `${at}/nodes/${place}`;
    return [{ path, node }, ...(node.kind === "loop" ? steps(node.body, `${path}/body`) : [])];
  });
}

export const find = (definition, id) => steps(definition).find((step) => step.node.id === id)?.path;

// Of a problem's place: the step it stands in, or the one whose edge it is.
export function stepAt(definition, pointer) {
  const step = pointer.match(/^(?:\/nodes\/\d+\/body)*\/nodes\/\d+/)?.[0];
  const edge = pointer.slice(step?.length ?? 0).match(/^(?:\/body)?\/edges\/\d+/)?.[0];
  if (edge === undefined) return step && get(definition, step) ? step : undefined;
  const graph = `${step ?? ""}${edge}`.replace(/\/edges\/\d+$/, "");
  const from = get(definition, `${step ?? ""}${edge}`)?.from;
  const place = get(definition, graph)?.nodes.findIndex((node) => node.id === from) ?? -1;
  return place < 0 ? step : `${graph}/nodes/${place}`;
}

function freshId(definition, wanted) {
  const taken = new Set(steps(definition).map(({ node }) => node.id));
  for (let number = 1; ; number += 1) {
    const id = number === 1 ? wanted : `${wanted}_${number}`;
    if (!taken.has(id)) return id;
  }
}

// The edges that leave a step, with their numbers in the graph.
export function leaving(definition, path) {
  const graph = get(definition, graphOf(path));
  const id = get(definition, path)?.id;
  return graph.edges.map((edge, place) => ({ edge, place })).filter(({ edge }) => edge.from === id);
}

// The steps that can be reached from this id.
export function reached(graph, id) {
  const found = new Set();
  const open = [id];
  while (open.length) {
    const from = open.pop();
    for (const edge of graph.edges) {
      if (edge.from === from && !found.has(edge.to)) {
        found.add(edge.to);
        open.push(edge.to);
      }
    }
  }
  return found;
}

// The steps to which an edge of this one may lead without going in a circle.
export function targets(definition, path) {
  const graph = get(definition, graphOf(path));
  const { id } = get(definition, path);
  return graph.nodes.filter((node) => node.id !== id && node.kind !== "start" && !reached(graph, node.id).has(id));
}

export function connect(definition, path, to, when = {}) {
  const at = `${graphOf(path)}/edges`;
  const edge = { from: get(definition, path).id, to, ...when };
  return set(definition, at, [...get(definition, at), edge]);
}

export function disconnect(definition, graph, place) {
  return set(definition, `${graph}/edges/${place}`, undefined);
}

// A new step behind one: in the middle of an edge (`{edge}`), or as a way of its own (`{when}`). Answers the new step's place.
export function addAfter(definition, path, kind, where) {
  const at = graphOf(path);
  const graph = get(definition, at);
  const node = blank(kind, freshId(definition, kind === "end" ? "done" : kind));
  const after = get(definition, path);
  let edges = [...graph.edges];
  if (where.edge !== undefined) {
    const old = edges[where.edge];
    edges[where.edge] = { ...old, to: node.id };
    if (kind !== "end") edges.push({ from: node.id, to: old.to, ...way(node) });
  } else {
    edges.push({ from: after.id, to: node.id, ...where.when });
    const ends = graph.nodes.filter((one) => one.kind === "end");
    if (kind !== "end" && ends.length === 1) edges.push({ from: node.id, to: ends[0].id, ...way(node) });
  }
  if (node.kind === "condition") edges = withElse(edges, node.id);
  return placed(definition, at, { ...graph, edges }, node);
}

// The first step of a graph that has none.
export function addFirst(definition, at, kind) {
  return placed(definition, at, get(definition, at), blank(kind, freshId(definition, kind)));
}

function placed(definition, at, graph, node) {
  const next = { ...graph, nodes: [...graph.nodes, node] };
  return [at === "" ? next : set(definition, at, next), `${at}/nodes/${graph.nodes.length}`];
}

const way = (node) => (node.kind === "condition" ? { case: node.cases[0].name } : {});

// What a condition is put before is where both its ways lead at first.
function withElse(edges, id) {
  const first = edges.find((edge) => edge.from === id);
  return first ? [...edges, { ...first, case: "else" }] : edges;
}

// Without a step; what led to it leads to what came after it. Answers the place to look at next.
export function remove(definition, path) {
  const at = graphOf(path);
  const graph = get(definition, at);
  const { id } = get(definition, path);
  const next = graph.edges.find((edge) => edge.from === id && edge.on !== "error")?.to;
  const before = graph.edges.find((edge) => edge.to === id)?.from;
  const edges = [];
  for (const edge of graph.edges.filter((one) => one.from !== id)) {
    if (edge.to !== id) edges.push(edge);
    else if (next !== undefined && !edges.concat(graph.edges).some((one) => same(one, { ...edge, to: next }))) edges.push({ ...edge, to: next });
  }
  const nodes = graph.nodes.filter((_, place) => place !== placeOf(path));
  const then = nodes.findIndex((node) => node.id === (before ?? next));
  return [set(definition, at, { ...graph, nodes, edges }), then < 0 ? (at && loopOf(path)) || "/nodes/0" : `${at}/nodes/${then}`];
}

const same = (one, other) => one.from === other.from && one.to === other.to && one.case === other.case && one.on === other.on;

// Another id for a step: its edges and all expressions follow.
export function rename(definition, path, id) {
  const old = get(definition, path).id;
  const quoted = String(old).replace(/[^\w]/g, "\\$&");
  const spoken = new RegExp(`(\\bsteps)(?:\\.${quoted}(?!\\w)|\\[\\s*(["'])${quoted}\\2\\s*\\])`, "g");
  const now = /^[A-Za-z]\w*$/.test(id) ? `$1.${id}` : `$1["${id}"]`;
  const inText = (text) => text.replace(/\{\{.*?\}\}/gs, (expression) => expression.replace(spoken, now));
  const everywhere = (value) => {
    if (typeof value === "string") return inText(value);
    if (Array.isArray(value)) return value.map(everywhere);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, everywhere(one)]));
  };
  const next = set(everywhere(definition), `${path}/id`, id);
  const at = `${graphOf(path)}/edges`;
  const follow = (end) => (end === old ? id : end);
  return set(next, at, get(next, at).map((edge) => ({ ...edge, from: follow(edge.from), to: follow(edge.to) })));
}

// Another name for a case of a condition: its edges follow.
export function renameCase(definition, path, place, name) {
  const { id, cases } = get(definition, path);
  const at = `${graphOf(path)}/edges`;
  const edges = get(definition, at).map((edge) => (edge.from === id && edge.case === cases[place].name ? { ...edge, case: name } : edge));
  return set(set(definition, at, edges), `${path}/cases/${place}/name`, name);
}
