// Gatehouse: a flow as boxes and arrows. Boxes are buttons, so that they can be reached, read and pressed; arrows are drawn.

import { el, icon, ICONS, svg } from "./flow-dom.js";
import { kindOf, summary } from "./flow-kinds.js";
import { BOX, layout } from "./flow-layout.js";

const LOOP = { side: 20, head: BOX.height + 26, foot: 22 };
const MARGIN = 28;
const ZOOM = { least: 0.35, most: 1.5 };

// All boxes and lines of a graph with those in its loops, in one system of coordinates.
function arrange(graph, at = "", left = 0, top = 0) {
  const inner = graph.nodes.map((node, place) => (node.kind === "loop" ? arrange(node.body, `${at}/nodes/${place}/body`) : null));
  const sizes = inner.map((one) => (one
    ? { width: Math.max(BOX.width, one.width) + 2 * LOOP.side, height: one.height + LOOP.head + LOOP.foot }
    : { width: BOX.width, height: BOX.height }));
  const placeOf = new Map(graph.nodes.map((node, place) => [node.id, place]).reverse());
  const ends = graph.edges.map((edge, place) => ({ from: placeOf.get(edge.from) ?? -1, to: placeOf.get(edge.to) ?? -1, place }));
  const found = layout(sizes, ends);
  const boxes = [];
  const lines = found.lines.map((line) => ({ ...line, edge: graph.edges[line.place], graph: at, left, top }));
  graph.nodes.forEach((node, place) => {
    const box = found.boxes[place];
    const path = `${at}/nodes/${place}`;
    boxes.push({ path, node, row: box.row, x: left + box.x, y: top + box.y, width: box.width, height: box.height, loop: inner[place] !== null });
    if (inner[place]) {
      const aside = (box.width - inner[place].width) / 2;
      const body = arrange(node.body, `${path}/body`, left + box.x + aside, top + box.y + LOOP.head);
      boxes.push(...body.boxes);
      lines.push(...body.lines);
    }
  });
  return { boxes, lines, width: found.width, height: found.height };
}

// How a graph is read aloud: row by row, the steps of a loop behind it.
export function reading(boxes) {
  return [...boxes].sort((one, other) => one.y - other.y || one.x - other.x);
}

export class Sheet {
  // `on` has select(path), open(path), between(line), first(graph).
  constructor(on) {
    this.on = on;
    this.lines = svg("svg", { class: "flow-lines", "aria-hidden": "true", focusable: "false" });
    this.layer = el("div", { class: "flow-layer" }, this.lines);
    this.zoom = 1;
  }

  draw(definition, { selected, catalogues, problemsOf }) {
    this.picture = arrange(definition, "", MARGIN, MARGIN);
    const { boxes, lines } = this.picture;
    const held = this.layer.contains(document.activeElement) ? document.activeElement.dataset.path : null;
    this.lines.replaceChildren(arrowheads(), ...lines.map(drawnLine));
    const parts = [];
    for (const box of reading(boxes)) {
      if (box.loop) parts.push(...this.frame(box));
      parts.push(this.box(box, definition, { selected, catalogues, problems: problemsOf(box.path) }));
    }
    for (const line of lines) parts.push(this.chip(line));
    this.layer.replaceChildren(this.lines, ...parts);
    this.resize();
    if (held) this.focus(boxes.some((box) => box.path === held) && !selected ? held : selected);
  }

  box(box, definition, { selected, catalogues, problems }) {
    const { node, path } = box;
    const kind = kindOf(node);
    const head = el("span", { class: `flow-mark ${kind.tone}` }, icon(kind.drawing));
    const words = el("span", { class: "flow-words" },
      el("span", { class: "flow-name", text: node.name || node.id || "no id" }),
      el("span", { class: "flow-summary", text: summary(node, catalogues) }));
    const flag = problems ? el("span", { class: "flow-flag" }, icon(ICONS.warn), el("span", { class: "sr-only", text: told(problems) })) : null;
    const current = path === selected;
    const button = el("button", {
      type: "button", class: `flow-box${problems ? " wrong" : ""}`, tabindex: current ? "0" : "-1", "data-path": path,
      "aria-current": current ? "true" : null, "aria-label": spoken(node, kind, definition, box, problems, catalogues),
      onclick: () => this.on.select(path), ondblclick: () => this.on.open(path),
    }, head, words, flag, node.kind === "end" ? null : el("span", { class: "flow-port", "aria-hidden": "true" }));
    return at(button, box.x + (box.loop ? 8 : 0), box.y + (box.loop ? 8 : 0), box.width - (box.loop ? 16 : 0), BOX.height);
  }

  frame(box) {
    const frame = at(el("div", { class: "flow-loop" }), box.x, box.y, box.width, box.height);
    if (box.node.body.nodes.length) return [frame];
    const add = el("button", { type: "button", class: "button", tabindex: "-1", onclick: () => this.on.first(`${box.path}/body`) },
      icon(ICONS.plus), el("span", { text: "First step of the loop" }));
    return [frame, at(add, box.x + LOOP.side, box.y + LOOP.head, box.width - 2 * LOOP.side, BOX.height)];
  }

  // The small button in the middle of an arrow; it bears the arrow's case.
  chip(line) {
    const { edge } = line;
    const words = edge.case ?? (edge.on === "error" ? "if it fails" : "");
    const button = el("button", {
      type: "button", tabindex: "-1", class: `flow-chip${words ? " named" : ""}${edge.on === "error" ? " error" : ""}`,
      "aria-label": `Add a step between ${edge.from} and ${edge.to}${words ? `, ${words}` : ""}`, onclick: () => this.on.between(line),
    }, icon(ICONS.plus), words ? el("span", { text: words }) : null);
    return at(button, line.label[0] + line.left, line.label[1] + line.top);
  }

  focus(path) {
    const box = path && this.layer.querySelector(`[data-path="${path}"]`);
    box?.focus({ preventScroll: true });
    box?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  get size() {
    const { boxes } = this.picture;
    return [MARGIN + Math.max(0, ...boxes.map((box) => box.x + box.width)), MARGIN + Math.max(0, ...boxes.map((box) => box.y + box.height))];
  }

  // So small that the whole can be seen, but not smaller than `least`.
  fit(canvas, least = ZOOM.least) {
    const [width, height] = this.size;
    this.resize(Math.max(least, Math.min(1, canvas.clientWidth / width, canvas.clientHeight / height)));
    canvas.scrollLeft = (canvas.scrollWidth - canvas.clientWidth) / 2;
  }

  resize(zoom = this.zoom) {
    this.zoom = Math.min(ZOOM.most, Math.max(ZOOM.least, zoom));
    const [width, height] = this.size;
    this.lines.setAttribute("width", width);
    this.lines.setAttribute("height", height);
    this.layer.style.inlineSize = `${width}px`;
    this.layer.style.blockSize = `${height}px`;
    this.layer.style.zoom = this.zoom;
  }
}

function at(element, x, y, width, height) {
  element.style.left = `${x}px`;
  element.style.top = `${y}px`;
  if (width) element.style.inlineSize = `${width}px`;
  if (height) element.style.blockSize = `${height}px`;
  return element;
}

function arrowheads() {
  const head = (id) => svg("marker", { id, viewBox: "0 0 10 10", refX: "8.5", refY: "5", markerWidth: "7", markerHeight: "7", orient: "auto-start-reverse" },
    svg("path", { d: "M1 1 9 5 1 9Z", class: id }));
  return svg("defs", {}, head("flow-arrow"), head("flow-arrow-error"));
}

function drawnLine(line) {
  const error = line.edge.on === "error";
  return svg("path", {
    class: `flow-line${error ? " error" : ""}`, d: line.path, transform: `translate(${line.left} ${line.top})`,
    "marker-end": `url(#flow-arrow${error ? "-error" : ""})`,
  });
}

const told = (problems) => `${problems} ${problems === 1 ? "problem" : "problems"}`;

function spoken(node, kind, definition, box, problems, catalogues) {
  const graph = box.path.slice(0, box.path.lastIndexOf("/nodes/"));
  const edges = graph.split("/").slice(1).reduce((value, part) => value?.[part], definition).edges;
  const next = edges.filter((edge) => edge.from === node.id).map((edge) => `${edge.to}${edge.case ? ` (${edge.case})` : edge.on === "error" ? " (if it fails)" : ""}`);
  const parts = [`${node.name || node.id || "no id"}, ${kind.label}`, summary(node, catalogues)];
  if (next.length) parts.push(`leads to ${next.join(", ")}`);
  if (graph) parts.push("in a loop");
  if (problems) parts.push(told(problems));
  return parts.filter(Boolean).join(". ");
}
