// Gatehouse: values in a flow: as text to type, and the expressions that speak of earlier steps.

import { button, dialog, el } from "./flow-dom.js";
import { get, graphOf, loopOf, reached } from "./flow-model.js";

// A value as it is typed: texts stand for themselves unless they would be read as something else.
export function typed(value) {
  if (value === undefined) return "";
  if (typeof value === "string" && parsed(value) === value) return value;
  return JSON.stringify(value, null, 2);
}

// What was typed: JSON where it is JSON, else the text.
export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// Everything that may be used at a step: `[{expression, about}]`.
export function expressions(definition, path) {
  const found = [];
  const add = (expression, about) => found.push({ expression: `{{ ${expression} }}`, about });
  const start = definition.nodes.find((node) => node.kind === "start");
  for (const field of start?.inputs ?? []) add(`input.${field.name}`, field.label ?? "what the flow was started with");
  if (!start?.inputs) add("input", "what the flow was started with");
  for (let at = path; at; at = loopOf(at)) {
    const { id } = get(definition, at);
    const graph = get(definition, graphOf(at));
    for (const node of graph.nodes.filter((one) => one.id !== id && reached(graph, one.id).has(id))) gives(node, add);
    if (!graphOf(at)) break;
    const around = get(definition, loopOf(at));
    add(at === path ? "loop.item" : `${step(around.id)}.item`, `the item of ${around.name ?? around.id}`);
    if (at === path) add("loop.index", "its number, from 0");
  }
  add("execution.id", "the id of the execution");
  return found;
}

const step = (id) => (/^\w+$/.test(id) ? `steps.${id}` : `steps["${id}"]`);

function gives(node, add) {
  const name = node.name ?? node.id;
  const at = step(node.id);
  switch (node.kind) {
    case "api":
      add(`${at}.output.body`, `what ${name} was answered`);
      add(`${at}.output.status`, `the status of ${name}`);
      break;
    case "function": add(`${at}.output.result`, `what ${name} gave`); break;
    case "connector": add(`${at}.output`, `what ${name} gave`); break;
    case "input":
      for (const field of node.fields ?? []) add(`${at}.output.${field.name}`, field.label ?? `what was entered in ${name}`);
      break;
    case "loop":
      add(`${at}.output`, `the results of ${name}`);
      add(`${at}.failed`, `the items of ${name} that failed`);
      break;
    default: return;
  }
  if (node.kind !== "input" && node.kind !== "loop") add(`${at}.error`, `why ${name} failed`);
}

// Lets a person choose one of them; `then` gets the expression.
export function choose(definition, path, about, then) {
  dialog(`Insert a value into ${about}`, (body, close) => {
    const all = expressions(definition, path);
    const search = el("input", { type: "search", id: "flow-value-search", autofocus: true, autocomplete: "off" });
    const list = el("ul", { class: "flow-values" });
    const show = () => {
      const words = search.value.toLowerCase();
      const fitting = all.filter(({ expression, about: what }) => `${expression} ${what}`.toLowerCase().includes(words));
      list.replaceChildren(...fitting.map(({ expression, about: what }) => el("li", {}, el("button", { type: "button", onclick: () => close(expression) },
        el("code", { text: expression }), el("span", { text: what })))));
      if (!fitting.length) list.append(el("li", { class: "hint", text: "Nothing by these words." }));
    };
    search.addEventListener("input", show);
    show();
    body.append(
      el("div", { class: "field" }, el("label", { for: search.id, text: "Search" }), search), list,
      el("div", { class: "actions" }, button("Cancel", () => close(), { tone: "quiet" })));
  }, { onclose: (expression) => { if (expression) then(expression); } });
}

// Puts a text where the caret is, as if it were typed.
export function insert(control, text) {
  const [from, to] = [control.selectionStart ?? control.value.length, control.selectionEnd ?? control.value.length];
  control.focus();
  control.setRangeText(text, from, to, "end");
  control.dispatchEvent(new Event("input", { bubbles: true }));
}

// What the expressions in a value speak of: `input.a`, `steps.b.output.c`.
export function spokenOf(value) {
  const found = new Set();
  const text = JSON.stringify(value ?? "").replaceAll('\\"', '"');
  for (const [, inside] of text.matchAll(/\{\{(.*?)\}\}/g)) {
    for (const [reference] of inside.matchAll(/\b(?:input|steps|loop|execution|context)(?:\.[A-Za-z_]\w*|\[\d+\]|\["[^"]*"\])+/g)) found.add(reference);
  }
  return [...found];
}
