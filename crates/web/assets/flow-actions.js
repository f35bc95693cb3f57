// Gatehouse: adding and connecting steps: which, and where. Each is a dialog, for keyboard and pointer alike.

import { button, dialog, el, icon } from "./flow-dom.js";
import { KINDS, mayFail } from "./flow-kinds.js";
import { get, graphOf, leaving, targets } from "./flow-model.js";

const NAME = (node) => node.name || node.id;

// Where a new step can stand behind another: `[{words, where}]`, the likeliest first.
export function places(definition, path) {
  const graph = get(definition, graphOf(path));
  const node = get(definition, path);
  const named = (id) => NAME(graph.nodes.find((one) => one.id === id) ?? { id });
  const edges = leaving(definition, path);
  const found = edges.map(({ edge, place }) => ({ words: `${suffix(edge)}before ${named(edge.to)}`, where: { edge: place } }));
  if (node.kind === "condition") {
    for (const name of (node.cases ?? []).map((one) => one.name).concat("else")) {
      const used = edges.some(({ edge }) => edge.case === name);
      found.push({ words: `${name}: ${used ? "a branch beside" : "a way of its own"}`, where: { when: { case: name } }, first: !used });
    }
    return found.sort((one, other) => Number(other.first ?? false) - Number(one.first ?? false));
  }
  found.push({ words: edges.some(({ edge }) => edge.on !== "error") ? "as a branch beside" : `after ${NAME(node)}`, where: { when: {} } });
  if (mayFail(node)) found.push({ words: "if it fails", where: { when: { on: "error" } } });
  return found;
}

const suffix = (edge) => (edge.case ? `${edge.case}: ` : edge.on === "error" ? "if it fails: " : "");

// Asks for the kind and the place of a new step; `then` gets both.
export function addDialog(definition, path, { inBody, where }, then) {
  const options = path ? places(definition, path) : [];
  const heading = path ? `Add a step after ${NAME(get(definition, path))}` : "First step of the loop";
  let select = null;
  dialog(heading, (body, close) => {
    const kinds = Object.entries(KINDS).filter(([kind]) => kind !== "start" && !(inBody && kind === "end"));
    const list = el("ul", { class: "flow-kinds" }, ...kinds.map(([kind, about], place) => el("li", {}, el("button", {
      type: "button", autofocus: place === 0, onclick: () => close({ kind, where: options[Number(select?.value ?? 0)]?.where }),
    }, el("span", { class: `flow-mark ${about.tone}` }, icon(about.drawing)),
    el("span", { class: "flow-words" }, el("strong", { text: about.label }), el("span", { class: "hint", text: about.hint }))))));
    if (options.length > 1) {
      select = el("select", { id: "flow-place" }, ...options.map((option, place) => el("option", { value: place, text: option.words })));
      const wanted = options.findIndex((option) => option.where.edge !== undefined && option.where.edge === where?.edge);
      select.value = String(Math.max(0, wanted));
      body.append(el("div", { class: "field" }, el("label", { for: select.id, text: "Where" }), select));
    }
    body.append(list, el("div", { class: "actions" }, button("Cancel", () => close(), { tone: "quiet" })));
  }, { onclose: (chosen) => { if (chosen) then(chosen); } });
}

// The words for when an edge is followed: pairs of value and words, and the edge's parts for each.
export function ways(node) {
  if (node.kind === "condition") {
    return (node.cases ?? []).map((one) => one.name).concat("else").map((name) => [`case ${name}`, name, { case: name }]);
  }
  const found = [["success", "when it is done", {}]];
  if (mayFail(node)) found.push(["error", "if it fails", { on: "error" }]);
  return found;
}

// When an arrow that was drawn is followed: of a condition, in the first case that leads nowhere yet. Nothing when it cannot be.
export function wayTo(definition, from, to) {
  if (graphOf(from) !== graphOf(to) || !targets(definition, from).includes(get(definition, to))) return undefined;
  const used = leaving(definition, from).map(({ edge }) => edge.case);
  return ways(get(definition, from)).map(([, , parts]) => parts).find((parts) => parts.case === undefined || !used.includes(parts.case));
}

// Asks where an edge from a step shall lead; `then` gets the target's id and the edge's parts.
export function connectDialog(definition, path, then) {
  const node = get(definition, path);
  const possible = targets(definition, path);
  dialog(`Connect ${NAME(node)}`, (body, close) => {
    if (!possible.length) {
      body.append(el("p", { text: "There is no step it could lead to: nothing leads back." }), el("div", { class: "actions" }, button("Close", () => close(), { autofocus: true })));
      return;
    }
    const to = el("select", { id: "flow-connect-to", autofocus: true }, ...possible.map((one) => el("option", { value: one.id, text: `${NAME(one)} (${one.id})` })));
    const options = ways(node);
    const when = el("select", { id: "flow-connect-when" }, ...options.map(([value, words]) => el("option", { value, text: words })));
    body.append(
      el("div", { class: "field" }, el("label", { for: to.id, text: "To" }), to),
      ...(options.length > 1 ? [el("div", { class: "field" }, el("label", { for: when.id, text: "When" }), when)] : []),
      el("div", { class: "actions" },
        button("Connect", () => close({ to: to.value, when: options.find(([value]) => value === when.value)[2] }), { tone: "primary" }),
        button("Cancel", () => close(), { tone: "quiet" })));
  }, { onclose: (chosen) => { if (chosen) then(chosen); } });
}

// How to use it without a mouse.
export function helpDialog() {
  const keys = [
    ["↓ ↑", "along the arrows, into a loop and out of it"], ["← →", "along the row"], ["Home, End", "first and last step"],
    ["Enter", "edit the step"], ["A", "add a step after it"], ["C", "connect it"], ["Delete", "take it away"],
    ["Ctrl+Z, Ctrl+Y", "undo, redo"], ["Esc", "from a step's fields back to the step"],
  ];
  dialog("Keys", (body, close) => {
    body.append(
      el("dl", { class: "facts" }, ...keys.map(([key, does]) => el("div", {}, el("dt", {}, el("kbd", { text: key })), el("dd", { text: does })))),
      el("div", { class: "actions" }, button("Close", () => close(), { autofocus: true })));
  });
}
