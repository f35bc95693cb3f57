// Gatehouse: the body of a request, in its five kinds.

import { el } from "./flow-dom.js";
import { field, pairs, text } from "./flow-fields.js";
import { parsed } from "./flow-values.js";

const KINDS = [
  ["none", "None"],
  ["form", "application/x-www-form-urlencoded"],
  ["json", "application/json"],
  ["xml", "application/xml"],
  ["custom", "Custom"],
];

export function bodyTab(form) {
  const at = "/request/body";
  const now = form.value(at) ?? { type: "none" };
  const kind = el("select", { onchange: () => form.shape(at, turned(now, kind.value), at) }, ...KINDS.map(([value, words]) => el("option", { value, text: words })));
  kind.value = now.type;
  return [field(form, { label: "Body type", at }, kind), ...content(form, at, now)];
}

function content(form, at, now) {
  const here = `${at}/value`;
  switch (now.type) {
    case "form":
      return typeof now.value === "string"
        ? [text(form, { label: "Form as text", at: here, lines: 4, mono: true, keep: true, insertable: true, hint: "name={{ input.value }}&other=1" })]
        : [pairs(form, { label: "Form fields", at: here, names: "Field", hint: "Names and values are encoded." })];
    case "json": return [json(form, here, now)];
    case "xml":
      return [text(form, { label: "XML", at: here, lines: 10, mono: true, keep: true, insertable: true, hint: "Or a SOAP envelope. Values are escaped; they stand in text and in the quotes of attributes." })];
    case "custom":
      return [
        text(form, { label: "Content type", at: `${at}/contentType`, mono: true, placeholder: "text/plain" }),
        text(form, { label: "Text", at: here, lines: 10, mono: true, keep: true, insertable: true }),
      ];
    default: return [el("p", { class: "hint", text: "The request has no body." })];
  }
}

// JSON whose texts hold expressions, or a text that becomes JSON when they are filled in.
function json(form, at, now) {
  const control = el("textarea", {
    rows: 12, class: "mono", spellcheck: "false", value: typeof now.value === "string" ? now.value : JSON.stringify(now.value, null, 2),
    oninput: () => form.set(at, parsed(control.value)),
  });
  return field(form, { label: "JSON", at, insertable: true, hint: "Expressions in quotes keep their type; values are escaped." }, control);
}

// The body as another kind, with as much of it as that kind can hold.
function turned({ type, value }, to) {
  const asText = typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value, null, 2);
  const asObject = value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
  switch (to) {
    case "form": return { type: to, value: type === "json" || type === "form" ? asObject : {} };
    case "json": return { type: to, value: type === "form" || type === "json" ? asObject : parsed(asText) || {} };
    case "xml": return { type: to, value: asText };
    case "custom": return { type: to, contentType: type === "xml" ? "application/xml" : "text/plain", value: asText };
    default: return undefined;
  }
}
