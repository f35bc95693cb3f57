// Gatehouse: the fields of a step's form. Each belongs to a place in the definition; what is typed is there at once.

import { button, el, icon, ICONS } from "./flow-dom.js";
import { choose, insert, parsed, typed } from "./flow-values.js";

let numbers = 0;

// The form of one step. `editor` has value(pointer), change(pointer, value), definition and rebuild(focus).
export class Form {
  constructor(editor, path) {
    this.editor = editor;
    this.path = path;
    this.fields = [];
  }

  value(at) {
    return this.editor.value(this.path + at);
  }

  // Of settings with several parts nothing is left when the last part is taken away.
  set(at, value) {
    const around = at.match(/^\/(retry|userAuthentication)\//) && at.slice(0, at.lastIndexOf("/"));
    const rest = around && value === undefined && Object.keys(this.value(around) ?? {}).filter((key) => !at.endsWith(`/${key}`));
    if (rest && !rest.length) this.editor.change(this.path + around, undefined);
    else this.editor.change(this.path + at, value);
  }

  // For changes that make other fields: the form is built anew, and the field at `focus` has the focus.
  shape(at, value, focus) {
    this.set(at, value);
    this.editor.rebuild(focus && this.path + focus);
  }

  // Problems stand beside the deepest field that they are of; the others are answered.
  show(problems) {
    const fields = this.fields.filter((field) => field.control.isConnected).sort((one, other) => other.pointer.length - one.pointer.length);
    const messages = new Map(fields.map((field) => [field, []]));
    const rest = [];
    for (const problem of problems) {
      const field = fields.find(({ pointer }) => problem.path === pointer || problem.path.startsWith(`${pointer}/`));
      if (field) messages.get(field).push(problem.message);
      else rest.push(problem);
    }
    for (const [field, found] of messages) field.say(found.join(" "));
    return rest;
  }
}

// A label, a control, its hint and its error. `insertable` puts a button there that inserts expressions.
export function field(form, { label, at, hint = "", required = false, insertable = false, bare = false }, control) {
  numbers += 1;
  const id = `flow-field-${numbers}`;
  control.id = id;
  control.dataset.at = form.path + at;
  const note = hint && el("p", { class: "hint", id: `${id}-hint`, text: hint });
  const error = el("p", { class: "error", id: `${id}-error`, hidden: true });
  const describe = (wrong) => {
    const by = [note && note.id, wrong && error.id].filter(Boolean).join(" ");
    if (by) control.setAttribute("aria-describedby", by);
    else control.removeAttribute("aria-describedby");
  };
  const say = (message) => {
    const wrong = Boolean(message) || Boolean(control.own);
    error.hidden = !wrong;
    error.replaceChildren(icon(ICONS.warn), el("span", { text: control.own || message }));
    if (wrong) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
    describe(wrong);
  };
  describe(false);
  form.fields.push({ pointer: form.path + at, control, say });
  const words = el("label", { for: id, class: bare ? "sr-only" : null, text: label });
  if (required) words.append(" ", el("span", { class: "required", text: "required" }));
  const head = insertable && !control.disabled ? el("div", { class: "flow-label" }, words, inserter(form, label, control)) : words;
  return el("div", { class: "field" }, head, control, note || null, error);
}

function inserter(form, label, control) {
  return el("button", {
    type: "button", class: "flow-insert", "aria-label": `Insert a value into ${label}`, title: "Insert a value of an earlier step",
    onclick: () => choose(form.editor.definition, form.path, label, (expression) => insert(control, expression)),
  }, icon(ICONS.braces));
}

export function text(form, options) {
  const { at, lines = 0, mono = false, placeholder = null } = options;
  const control = el(lines ? "textarea" : "input", {
    type: lines ? null : "text", rows: lines || null, class: mono ? "mono" : null, spellcheck: mono ? "false" : null,
    autocomplete: "off", placeholder, value: String(form.value(at) ?? ""),
    oninput: () => form.set(at, control.value === "" && !options.keep ? undefined : control.value),
  });
  return field(form, options, control);
}

// Any JSON value, or a text with expressions.
export function value(form, options) {
  const { at, lines = 1 } = options;
  const shown = typed(form.value(at));
  const control = el("textarea", {
    rows: Math.min(14, Math.max(lines, shown.split("\n").length)), class: "mono", spellcheck: "false", autocomplete: "off", value: shown,
    oninput: () => form.set(at, control.value === "" && !options.keep ? undefined : parsed(control.value)),
  });
  return field(form, { insertable: true, ...options }, control);
}

export function whole(form, options) {
  const { at, min = null, max = null, placeholder = null } = options;
  const control = el("input", {
    type: "number", min, max, step: "1", placeholder, value: form.value(at) ?? "",
    oninput: () => form.set(at, control.value === "" ? undefined : Number(control.value)),
  });
  return field(form, options, control);
}

// `choices` are pairs of value and words. With `other` a value that is not among them is shown too.
export function select(form, options) {
  const { at, choices, reshape = false, usual = undefined } = options;
  const now = form.value(at) ?? usual ?? "";
  const known = choices.some(([one]) => one === now);
  const control = el("select", {
    onchange: () => {
      const to = control.value === usual || control.value === "" ? options.empty ?? undefined : control.value;
      if (reshape) form.shape(at, to, at);
      else form.set(at, to);
    },
  }, ...(known ? [] : [el("option", { value: now, text: options.unknown?.(now) ?? now })]), ...choices.map(([one, words]) => el("option", { value: one, text: words })));
  control.value = now;
  return field(form, options, control);
}

export function tick(form, options) {
  const control = el("input", { type: "checkbox", onchange: () => form.set(options.at, control.checked || undefined) });
  control.checked = form.value(options.at) === true;
  const built = field(form, options, control);
  built.classList.add("choice");
  const rest = [...built.children].filter((child) => child !== control);
  built.replaceChildren(control, el("div", {}, ...rest));
  return built;
}

// An object as rows of name and value, for headers, form bodies, arguments and parameters.
export function pairs(form, { label, at, names = "Name", values = "Value", texts = false, suggestions = [], hint = "" }) {
  const legend = el("legend", { text: label, tabindex: "-1", "data-at": form.path + at });
  const box = el("fieldset", { class: "field flow-pairs" }, legend, hint && el("p", { class: "hint", text: hint }));
  const now = form.value(at);
  const rows = Object.entries(now !== null && typeof now === "object" ? now : {});
  const store = (next) => form.set(at, next.length || rows.length ? Object.fromEntries(next) : undefined);
  rows.forEach(([name, held], place) => {
    const renamed = el("input", {
      type: "text", class: "mono", spellcheck: "false", autocomplete: "off", value: name, "aria-label": `${names} ${place + 1}`, list: suggestions.length ? listOf(box, suggestions) : null,
      onchange: () => {
        if (renamed.value !== name && rows.some(([other]) => other === renamed.value)) renamed.value = name;
        rows[place] = [renamed.value, rows[place][1]];
        form.shape(at, Object.fromEntries(rows), `${at}/${pointerPart(renamed.value)}`);
      },
    });
    const control = el("textarea", {
      rows: Math.min(6, (texts ? String(held) : typed(held)).split("\n").length), class: "mono", spellcheck: "false", value: texts ? String(held) : typed(held),
      oninput: () => { rows[place] = [rows[place][0], texts ? control.value : parsed(control.value)]; store(rows); },
    });
    const valued = field(form, { label: `${values} of ${name || place + 1}`, at: `${at}/${pointerPart(name)}`, insertable: true, bare: true }, control);
    box.append(el("div", { class: "flow-pair" }, renamed, valued, remover(`${name || place + 1}`, () => {
      form.shape(at, rows.length > 1 ? Object.fromEntries(rows.filter((_, other) => other !== place)) : undefined, at);
    })));
  });
  box.append(button(`Add ${names.toLowerCase()}`, () => {
    let name = "";
    for (let number = 1; name === "" || rows.some(([other]) => other === name); number += 1) name = suggestions.find((one) => !rows.some(([other]) => other === one)) ?? `name${number}`;
    form.shape(at, Object.fromEntries([...rows, [name, ""]]), `${at}/${pointerPart(name)}`);
  }, { drawing: ICONS.plus, tone: "small" }));
  return box;
}

const pointerPart = (name) => name.replaceAll("~", "~0").replaceAll("/", "~1");

function listOf(box, suggestions) {
  let list = box.querySelector("datalist");
  if (!list) {
    numbers += 1;
    list = el("datalist", { id: `flow-list-${numbers}` }, ...suggestions.map((one) => el("option", { value: one })));
    box.append(list);
  }
  return list.id;
}

export function remover(what, onclick) {
  return el("button", { type: "button", class: "flow-remove", "aria-label": `Remove ${what}`, title: "Remove", onclick }, icon(ICONS.cross));
}

export function section(heading, ...children) {
  return el("section", { class: "flow-section" }, el("h3", { text: heading }), ...children);
}

// What is opened stays open when the form is built anew.
export function folded(form, key, heading, open, ...children) {
  const { opened } = form.editor;
  const at = form.path + key;
  const details = el("details", { class: "flow-folded", ontoggle: () => (details.open ? opened.add(at) : opened.delete(at)) },
    el("summary", { text: heading }), el("div", { class: "flow-folded-body" }, ...children));
  details.open = open || opened.has(at);
  return details;
}
