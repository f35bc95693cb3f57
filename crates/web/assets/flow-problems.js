// Gatehouse: what is wrong with a flow, as a list that leads to each place.

import { el, icon, ICONS } from "./flow-dom.js";
import { find, get, stepAt } from "./flow-model.js";

const SHOWN = 50;

export class Problems {
  // `go` gets the problem that was pressed.
  constructor(go) {
    this.go = go;
    this.heading = el("h2", { id: "flow-problems-heading" });
    this.list = el("ul", {});
    this.box = el("section", { class: "flow-problems", "aria-labelledby": this.heading.id }, this.heading, this.list);
  }

  show(problems, definition, judged) {
    const count = problems.length;
    this.box.classList.toggle("good", count === 0);
    this.box.classList.toggle("later", count > 0 && problems.every((problem) => problem.later));
    this.heading.replaceChildren(icon(count ? ICONS.warn : ICONS.check), headline(problems, judged));
    this.list.replaceChildren(...problems.slice(0, SHOWN).map((problem) => el("li", {}, el("button", { type: "button", onclick: () => this.go(problem) },
      el("strong", { text: placeOf(definition, problem.path) }), " ", el("span", { text: problem.message })))));
  }
}

export function headline(problems, judged) {
  const now = problems.filter((problem) => !problem.later).length;
  if (now) return now === 1 ? "1 problem" : `${now} problems`;
  if (problems.length) return `It can be saved, and not deployed: ${problems.length} missing`;
  return judged ? "No problems" : "The shape is right";
}

// What a flow refers to and is not there: it keeps it from being deployed, not from being saved.
export function lacking(missing, definition) {
  const key = { connector: "connectorId", authProfile: "request/authProfileId", script: "scriptId", action: "action" };
  return missing.flatMap(({ kind, id, nodes, message }) => {
    if (!nodes.length) return [{ path: kind === "value" ? id : "", message, later: true }];
    return nodes.map((node) => ({ path: `${find(definition, node) ?? ""}/${key[kind] ?? ""}`, message, later: true }));
  });
}

// Where a problem is, in words.
function placeOf(definition, pointer) {
  const step = stepAt(definition, pointer);
  if (step === undefined) return "Flow";
  const node = get(definition, step);
  const rest = pointer.startsWith(step) ? pointer.slice(step.length).split("/").filter(Boolean) : [];
  return [node?.name || node?.id || step, ...rest].join(" › ");
}

// How many problems each step has, those in a loop not counted for it.
export function counted(problems, definition) {
  const counts = new Map();
  for (const { path } of problems) {
    const step = stepAt(definition, path);
    if (step !== undefined) counts.set(step, (counts.get(step) ?? 0) + 1);
  }
  return (path) => counts.get(path) ?? 0;
}
