// Gatehouse: the cases of a condition: comparisons, joined by AND and OR up to three deep.

import { button, el, ICONS } from "./flow-dom.js";
import { field, remover, section, select, value } from "./flow-fields.js";
import { renameCase } from "./flow-model.js";

const OPERATORS = [
  ["==", "equals"], ["!=", "is not"], [">", "is greater than"], ["<", "is less than"], [">=", "is at least"], ["<=", "is at most"],
  ["contains", "contains"], ["startsWith", "starts with"], ["endsWith", "ends with"],
];
const CASES = 10;
const DEPTH = 3;
const BLANK = { left: "", operator: "==", right: "" };

export function cases(form) {
  const all = form.value("/cases") ?? [];
  const box = section("Cases", el("p", { class: "hint", text: "The first that holds is taken, else the way “else”." }));
  all.forEach((one, place) => {
    const at = `/cases/${place}`;
    const named = el("input", {
      type: "text", class: "mono", spellcheck: "false", autocomplete: "off", value: one.name ?? "",
      onchange: () => form.editor.replace(renameCase(form.editor.definition, form.path, place, named.value), `Case ${named.value}.`),
    });
    box.append(el("fieldset", { class: "flow-case" }, el("legend", { class: "sr-only", text: `Case ${place + 1}` }),
      el("div", { class: "flow-case-head" }, field(form, { label: "Case", at: `${at}/name`, required: true }, named),
        all.length > 1 ? remover(`case ${one.name ?? place + 1}`, () => form.shape("/cases", all.filter((_, other) => other !== place), "/cases/0/name")) : null),
      when(form, `${at}/when`, one.when ?? BLANK, 1)));
  });
  if (all.length < CASES) {
    box.append(button("Add case", () => {
      const names = new Set(all.map((one) => one.name));
      let name = "case2";
      for (let number = 2; names.has(name); number += 1) name = `case${number + 1}`;
      form.shape("/cases", [...all, { name, when: BLANK }], `/cases/${all.length}/name`);
    }, { drawing: ICONS.plus, tone: "small" }));
  }
  return box;
}

// A comparison, or a group of them. A comparison that gets a second one beside it becomes a group.
function when(form, at, now, depth, removed = null) {
  const join = now.all ? "all" : now.any ? "any" : null;
  if (!join) return el("div", { class: "flow-when" }, comparison(form, at, removed), depth <= DEPTH && !removed ? widen(form, at, now) : null);
  const list = now[join];
  const group = el("fieldset", { class: "flow-group" }, el("legend", { class: "sr-only", text: join === "all" ? "All of these" : "Any of these" }));
  const joined = el("select", {
    onchange: () => form.shape(at, { [joined.value]: list }, at),
  }, el("option", { value: "all", text: "All of these hold" }), el("option", { value: "any", text: "Any of these holds" }));
  joined.value = join;
  group.append(el("div", { class: "flow-case-head" }, field(form, { label: "Together", at, bare: true }, joined), removed ? remover("the group", removed) : null));
  list.forEach((one, place) => {
    const drop = () => {
      const rest = list.filter((_, other) => other !== place);
      form.shape(at, rest.length > 1 || depth > 1 ? { [join]: rest } : rest[0], at);
    };
    group.append(when(form, `${at}/${join}/${place}`, one, depth + 1, list.length > 1 ? drop : null));
  });
  const add = (one) => () => form.shape(`${at}/${join}`, [...list, one], `${at}/${join}/${list.length}${one.left === undefined ? "" : "/left"}`);
  group.append(el("div", { class: "actions" }, button("Add comparison", add(BLANK), { drawing: ICONS.plus, tone: "small" }),
    depth < DEPTH ? button("Add group", add({ [join === "all" ? "any" : "all"]: [BLANK, BLANK] }), { drawing: ICONS.plus, tone: "small" }) : null));
  return group;
}

function comparison(form, at, removed) {
  return el("div", { class: "flow-comparison" },
    value(form, { label: "Value", at: `${at}/left`, keep: true }),
    select(form, { label: "Comparison", at: `${at}/operator`, choices: OPERATORS }),
    value(form, { label: "With", at: `${at}/right`, keep: true }),
    removed ? remover("the comparison", removed) : null);
}

function widen(form, at, now) {
  const to = (join) => () => form.shape(at, { [join]: [now, BLANK] }, `${at}/${join}/1/left`);
  return el("div", { class: "actions" }, button("And…", to("all"), { tone: "small" }), button("Or…", to("any"), { tone: "small" }));
}
