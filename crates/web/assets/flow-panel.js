// Gatehouse: the panel beside the drawing: the chosen step's form, and where it leads.

import { button, el, icon, ICONS } from "./flow-dom.js";
import { connectDialog, ways } from "./flow-actions.js";
import { field, Form, remover, section, text, whole } from "./flow-fields.js";
import { common, own } from "./flow-forms.js";
import { kindOf } from "./flow-kinds.js";
import { connect, disconnect, get, graphOf, leaving, rename, set, steps, targets } from "./flow-model.js";

// Builds the form of a step; answers it for showing problems.
export function stepForm(editor, path, box) {
  const node = get(editor.definition, path);
  const kind = kindOf(node);
  const form = new Form(editor, path);
  box.replaceChildren(
    el("div", { class: "flow-panel-head" }, el("span", { class: `flow-mark ${kind.tone}` }, icon(kind.drawing)),
      el("div", {}, el("h2", { text: node.name || node.id || kind.label }), el("p", { class: "hint", text: `${kind.label}. ${kind.hint}` }))),
    text(form, { label: "Name", at: "/name" }),
    identity(form, node),
    ...own(form, node.kind).filter(Boolean),
    ...(node.kind === "end" ? [] : [ways_(form, node)]),
    common(form, node.kind));
  return form;
}

// The id is changed when it is finished, since expressions and edges follow it.
function identity(form, node) {
  const control = el("input", {
    type: "text", class: "mono", spellcheck: "false", autocomplete: "off", maxlength: 64, value: String(node.id ?? ""),
    onchange: () => {
      const { editor } = form;
      const taken = steps(editor.definition).some(({ path, node: other }) => path !== form.path && other.id === control.value);
      control.own = taken ? `Another step is called ${control.value}.` : "";
      if (taken || control.value === node.id) form.show(editor.problems);
      else editor.replace(rename(editor.definition, form.path, control.value), `The step is called ${control.value} now.`);
    },
  });
  return field(form, { label: "Id", at: "/id", required: true, hint: "What expressions call it; they follow when it changes." }, control);
}

function ways_(form, node) {
  const { editor, path } = form;
  const graph = graphOf(path);
  const box = section("Leads to");
  const options = ways(node);
  const names = new Map(get(editor.definition, graph).nodes.map((one) => [one.id, one.name || one.id]));
  const possible = targets(editor.definition, path);
  for (const { edge, place } of leaving(editor.definition, path)) {
    const at = `${graph}/edges/${place}`;
    const known = possible.some((one) => one.id === edge.to);
    const to = el("select", {
      "aria-label": "Step", "data-at": at, onchange: () => editor.replace(set(editor.definition, `${at}/to`, to.value), `${node.id} leads to ${to.value}.`, at),
    }, ...(known ? [] : [el("option", { value: edge.to, text: `${names.get(edge.to) ?? edge.to} (${names.has(edge.to) ? "leads back" : "not found"})` })]),
    ...possible.map((one) => el("option", { value: one.id, text: names.get(one.id) })));
    to.value = edge.to;
    const now = edge.case !== undefined ? `case ${edge.case}` : edge.on ?? "success";
    const when = el("select", {
      "aria-label": "When", "data-at": `${at}/when`,
      onchange: () => {
        const parts = options.find(([value]) => value === when.value)?.[2] ?? {};
        editor.replace(set(editor.definition, at, { from: edge.from, to: edge.to, ...parts }), "Changed.", `${at}/when`);
      },
    }, ...(options.some(([value]) => value === now) ? [] : [el("option", { value: now, text: edge.case ?? now })]),
    ...options.map(([value, words]) => el("option", { value, text: words })));
    when.value = now;
    box.append(el("div", { class: "flow-way" }, options.length > 1 || now !== "success" ? when : null, el("span", { class: "flow-way-arrow", "aria-hidden": "true", text: "→" }), to,
      remover(`the way to ${names.get(edge.to) ?? edge.to}`, () => editor.replace(disconnect(editor.definition, graph, place), `${node.id} no longer leads to ${edge.to}.`, `${path}/connect`))));
  }
  const add = button("Connect to…", () => connectDialog(editor.definition, path, ({ to, when }) => {
    editor.replace(connect(editor.definition, path, to, when), `${node.id} leads to ${to}.`, `${path}/connect`);
  }), { drawing: ICONS.link, tone: "small" });
  add.dataset.at = `${path}/connect`;
  box.append(add);
  return box;
}

// What is set for the flow as a whole.
export function flowForm(editor, box) {
  const form = new Form(editor, "");
  box.replaceChildren(whole(form, { label: "Time limit of the whole flow", at: "/timeoutSeconds", min: 60, max: 600, placeholder: "as long as its steps", hint: "Seconds, 60 to 600." }));
  return form;
}
